"""Positions in a layer's map, as they are given."""

from __future__ import annotations

from collections.abc import Sequence

from fieldscope.errors import PositionError


def fitting(
    layer: str, shape: Sequence[int], axes: Sequence[int], position: int | Sequence[int]
) -> tuple[int, ...]:
    """A position as one index per axis; a number alone stands for one.

    Args:
        layer: name of the layer, for messages.
        shape: shape of its output.
        axes: the axes that positions are given on.
        position: as it is given.

    Raises:
        PositionError: the layer has no positions, or others.

    Example:
        >>> fitting("conv", (1, 8, 5), (2,), 3)
        (3,)
    """
    given = (position,) if isinstance(position, int) else tuple(position)
    if given and not axes:
        raise PositionError(
            f"layer {layer!r} has no spatial axes, and so no positions: its shape is "
            f"{tuple(shape)}\nleave the position out"
        )
    if len(given) != len(axes):
        extents = tuple(shape[axis] for axis in axes)
        raise PositionError(
            f"layer {layer!r} takes an index on each of its spatial axes, of extents "
            f"{extents}; position {given} doesn't fit"
        )
    return given
