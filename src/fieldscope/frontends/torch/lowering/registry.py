"""The table of lowerings of ATen operators.

A rule gets the operator's own arguments: `rule(call, *args, **kwargs)`. Operators that read
position for position are listed in `pointwise.POINTWISE`.
"""

from __future__ import annotations

from fieldscope.frontends.lowering.registry import Lowerings, Rule

TABLE = Lowerings("aten")
"""By the name of an operator ("convolution", or "mean.dim" for one overload), without namespace
and in-place underscore."""

lowers = TABLE.lowers

SHAPES = TABLE.shapes
"""Functions of the same arguments that make the result tensors, where PyTorch's own shape function
on the meta device is slow; None leaves that to PyTorch."""


def find(name: str, overload: str) -> Rule | None:
    """The rule for an operator's overload, or for all its overloads; None if there is none."""
    return TABLE.find(f"{name}.{overload}") or TABLE.find(name)


def find_shapes(name: str, overload: str) -> Rule | None:
    """The shape function for an operator, by the same names."""
    return SHAPES.get(f"{name}.{overload}") or SHAPES.get(name)
