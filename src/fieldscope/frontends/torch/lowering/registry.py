"""The table of lowerings of ATen operators.

A rule gets the operator's own arguments: `rule(call, *args, **kwargs)`. Operators that read
position for position are listed in `pointwise.POINTWISE`.
"""

from __future__ import annotations

from collections.abc import Callable

from fieldscope.frontends.lowering.registry import Lowerings, Rule

TABLE = Lowerings("aten")
"""By the name of an operator ("convolution", or "mean.dim" for one overload)."""

SHAPES: dict[str, Rule] = {}
"""Results of operators whose own shape function on the meta device is slow."""


def lowers(*names: str, shapes: Rule | None = None) -> Callable[[Rule], Rule]:
    """Register a rule for ATen operators.

    Args:
        names: names without namespace and in-place underscore; with the overload
            where overloads differ.
        shapes: function of the same arguments that makes the result tensors, or None
            to leave that to PyTorch.

    Raises:
        RegistrationError: one of the names is taken.
    """

    def register(rule: Rule) -> Rule:
        TABLE.lowers(*names)(rule)
        if shapes is not None:
            SHAPES.update(dict.fromkeys(names, shapes))
        return rule

    return register


def find(name: str, overload: str) -> Rule | None:
    """The rule for an operator's overload, or for all its overloads; None if there is none."""
    return TABLE.find(f"{name}.{overload}") or TABLE.find(name)


def find_shapes(name: str, overload: str) -> Rule | None:
    """The shape function for an operator, by the same names."""
    return SHAPES.get(f"{name}.{overload}") or SHAPES.get(name)
