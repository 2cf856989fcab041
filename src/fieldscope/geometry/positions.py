"""Positions in a layer's map, as they are given."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index

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


def index_of(
    name: str,
    shape: Sequence[int],
    spatial: Sequence[int],
    position: Sequence[int],
    channel: int | None,
) -> tuple[int | None, ...]:
    """An index per axis of a layer's value, from 0 on; None where it isn't chosen.

    Args:
        name: name of the layer, for messages.
        shape: its shape.
        spatial: the axes that a position is given on.
        position: index on each of those; negative counts from the end.
        channel: index on the axis of the channels.

    Raises:
        PositionError: it lies outside, or isn't of whole numbers.

    Example:
        >>> index_of("conv", (1, 8, 14, 12), (2, 3), (-1, 3), 2)
        (None, 2, 13, 3)
    """
    position = fitting(name, shape, spatial, position)
    found: list[int | None] = [None] * len(shape)
    for axis, place in zip(spatial, position, strict=True):
        found[axis] = _place(name, shape, axis, place, "position")
    if channel is not None:
        # Behind the batch; without a batch, (c, y, x), it is the only one beside the positions.
        axes = (*range(1, len(shape)), 0)
        free = next((axis for axis in axes if axis < len(shape) and axis not in spatial), None)
        if free is None:
            raise PositionError(f"layer {name!r} has no channels: shape {tuple(shape)}")
        found[free] = _place(name, shape, free, channel, "channel")
    return tuple(found)


def _place(name: str, shape: Sequence[int], axis: int, place: int, word: str) -> int:
    extent = shape[axis]
    try:
        place = index(place)
    except TypeError:
        raise PositionError(f"{word} {place!r} of layer {name!r} is not a whole number") from None
    if not -extent <= place < extent:
        raise PositionError(
            f"{word} {place} lies outside layer {name!r}: axis {axis} has extent {extent}"
        )
    return place % extent


def centre_of_box(box: Sequence[slice], name: str, axes: Sequence[str]) -> tuple[float, ...]:
    """The centre of a box of elements: (lo + hi − 1) / 2 per axis.

    Args:
        box: half-open runs; one without bounds is the whole plane.
        name: name of the layer, for messages.
        axes: names of the axes, for messages.

    Raises:
        PositionError: it has none along an axis.

    Example:
        >>> centre_of_box((slice(-3, 4), slice(4, 8)), "conv", ("y", "x"))
        (0.0, 5.5)
    """
    for run, axis in zip(box, axes, strict=True):
        whole = run.start is None
        if whole or run.start >= run.stop:
            reads = "reads the whole plane" if whole else "reads nothing"
            raise PositionError(f"layer {name!r} has no centre along {axis}: it {reads} there")
    return tuple((run.start + run.stop - 1) / 2 for run in box)
