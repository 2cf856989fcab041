"""Norms, as what they are: the element and the statistics of some axes."""

from __future__ import annotations

from collections.abc import Iterable

from fieldscope.frontends.lowering.call import Call


def normalised(call: Call, value: int, axes: Iterable[int], *parameters: object) -> int:
    """The element, the statistics of the axes, and parameters that broadcast to it.

    Args:
        call: the call.
        value: what is normalised.
        axes: the axes that the statistics are taken over.
        parameters: tensors or values; those that don't depend on the input are left out.
    """
    statistics = call.reduce(value, axes, keep=True)
    return call.pointwise(value, statistics, *parameters, shape=call.shape_of(value))


def grouped(call: Call, value: int, groups: int) -> int:
    """The element and the statistics of its group of channels, over all positions: axis 1."""
    batch, channels, *extents = shape = call.shape_of(value)
    split = call.reshape(value, (batch, groups, channels // groups, *extents))
    joined = normalised(call, split, range(2, len(shape) + 1))
    return call.reshape(joined, shape)
