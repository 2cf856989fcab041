"""The table of lowerings: the only list of ATen operators that are supported.

A lowering is a function `rule(call, *args, **kwargs)` that gets the operator's own
arguments, adds canonical nodes through `call`, and returns the value of the result (a
tuple of values where there are several results). Operators that read position for
position stand in `POINTWISE`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from fieldscope.errors import RegistrationError

Rule: TypeAlias = Callable[..., Any]

LOWERINGS: dict[str, Rule] = {}
"""From the name of an operator ("convolution", or "mean.dim" for one overload)."""

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
        for name in names:
            if name in LOWERINGS:
                raise RegistrationError(
                    f"two lowerings for aten.{name}: {_place(LOWERINGS[name])} and {_place(rule)}"
                    "\nremove one, or register an overload by its full name"
                )
            LOWERINGS[name] = rule
            if shapes is not None:
                SHAPES[name] = shapes
        return rule

    return register


def _place(rule: Rule) -> str:
    code = rule.__code__
    return f"{rule.__module__}.{rule.__qualname__} (line {code.co_firstlineno})"


def find(name: str, overload: str) -> Rule | None:
    """The rule for an operator's overload, or for all its overloads; None if there is none."""
    return LOWERINGS.get(f"{name}.{overload}") or LOWERINGS.get(name)


def find_shapes(name: str, overload: str) -> Rule | None:
    """The shape function for an operator, by the same names."""
    return SHAPES.get(f"{name}.{overload}") or SHAPES.get(name)
