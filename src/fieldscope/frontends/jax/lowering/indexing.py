"""Slices and elements picked at constant places, and where values say."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from fieldscope.frontends.jax.lowering.registry import lowers
from fieldscope.frontends.lowering.indexing import by_values, chosen, indexed
from fieldscope.frontends.lowering.program import Call, Tensor
from fieldscope.graph.operators import Overwrite

Integers = npt.NDArray[Any]

FILLS = "FILL_OR_DROP"


@lowers("dynamic_slice")
def dynamic_slice(call: Call, x: Tensor, *starts: Tensor, slice_sizes: Any, **_: Any) -> int:
    """A run of each axis; where a value says from where, any of the axis."""
    value, moving = call.value(x), []
    for axis, (start, size) in enumerate(zip(starts, slice_sizes, strict=True)):
        extent = x.shape[axis]
        if size == extent:
            continue
        known = call.concrete(start)
        if known is None:
            moving.append(axis)
        else:
            value = call.slice(value, axis, min(max(int(known), 0), extent - size), size)
    if not moving:
        return value
    mixed = call.mix(value, moving, call.shape) if call.depends(x) else value
    return call.pointwise(mixed, *(starts[axis] for axis in moving))


@lowers("dynamic_update_slice")
def dynamic_update_slice(call: Call, x: Tensor, update: Tensor, *starts: Tensor, **_: Any) -> int:
    """A copy with a run of each axis replaced; where a value says which, any of the axis."""
    known: list[int] = []
    for axis, start in enumerate(starts):
        room = x.shape[axis] - update.shape[axis]
        place = np.zeros(()) if room == 0 else call.concrete(start)
        if place is None:
            return _written_anywhere(call, x, update, starts)
        known.append(min(max(int(place), 0), room))
    return overwritten(call, call.value(x), call.value(update), known)


def overwritten(call: Call, base: int, update: int, starts: Sequence[int]) -> int:
    """A value with a box replaced, axis by axis."""
    shape, size = call.shape_of(base), call.shape_of(update)
    axis = next((k for k in range(len(shape)) if shape[k] != size[k]), None)
    if axis is None:
        return update
    part = call.slice(base, axis, starts[axis], size[axis])
    inner = overwritten(call, part, update, starts)
    return call.add(Overwrite(axis, starts[axis]), [base, inner], shape)


def _written_anywhere(call: Call, x: Tensor, update: Tensor, starts: Sequence[Tensor]) -> int:
    parts: list[Any] = [x]
    axes = [k for k in range(x.ndim) if x.shape[k] != update.shape[k]]
    if call.depends(update):
        parts.append(call.mix(call.value(update), axes, x.shape))
    return call.pointwise(*parts, *(starts[axis] for axis in axes))


@lowers("gather")
def gather(
    call: Call,
    x: Tensor,
    indices: Tensor,
    *,
    dimension_numbers: Any,
    slice_sizes: Sequence[int],
    mode: Any,
    **_: Any,
) -> int:
    """Slices at listed places; where the input's values list them, any of the axes."""
    numbers = dimension_numbers
    offsets = [int(axis) for axis in numbers.offset_dims]
    batches = [axis for axis in range(len(call.shape)) if axis not in offsets]
    mapped = [int(axis) for axis in numbers.start_index_map]
    paired = [int(axis) for axis in numbers.operand_batching_dims]
    own = [int(axis) for axis in numbers.start_indices_batching_dims]
    gone = {*map(int, numbers.collapsed_slice_dims), *paired}
    taken = sorted({*mapped, *paired})
    value = call.value(x)
    for axis, size in enumerate(slice_sizes):
        if axis not in taken:
            value = call.slice(value, axis, 0, int(size))
    # Axes of the index: those of `indices`, then one for each indexed axis that stays.
    stays = [axis for axis in taken if axis not in gone]
    where = (*indices.shape[:-1], *(int(slice_sizes[axis]) for axis in stays))
    block = [*batches, *(_place(axis, gone, offsets) for axis in stays)]
    rest = [axis for axis in range(x.ndim) if axis not in taken]
    adjacent = taken == list(range(taken[0], taken[0] + len(taken))) if taken else True
    first = taken[0] if adjacent and taken else 0
    labels = [_place(axis, gone, offsets) for axis in rest]
    labels[first:first] = block
    shape = tuple(call.shape[place] for place in labels)
    known = call.concrete(indices)
    if not taken:
        value = call.expand(call.reshape(value, (*(1,) * len(where), *call.shape_of(value))), shape)
    elif known is None:
        tail = (1,) * len(stays)
        index = call.reduce(call.value(indices), (-1,)) if call.depends(indices) else None
        given = [((*indices.shape[:-1], *tail), index)]
        if tuple(where) != given[0][0]:
            given.append((where, None))
        value = by_values(call, value if call.depends(x) else None, taken, given, shape)
    else:
        arrays, valid = starts_of(
            known, x.shape, mapped, slice_sizes, list(zip(paired, own, strict=True)), stays
        )
        by_axis = [arrays.get(axis) for axis in range(max(taken) + 1)]
        if valid is not None and mode.name == FILLS:
            value = _filled(call, value, by_axis, valid, shape, first)
        else:
            value = indexed(call, value, by_axis, shape)
    order = [labels.index(place) for place in range(len(labels))]
    return call.permute(value, order)


def _place(axis: int, gone: set[int], offsets: Sequence[int]) -> int:
    """Axis of the result that an axis of the operand becomes."""
    return offsets[axis - sum(other < axis for other in gone)]


def starts_of(
    known: Integers,
    shape: Sequence[int],
    mapped: Sequence[int],
    sizes: Sequence[int],
    paired: Sequence[tuple[int, int]],
    stays: Sequence[int],
) -> tuple[dict[int, Integers], Integers | None]:
    """The index along each axis, and which starts lie inside (None: all).

    Args:
        known: where slices start, [batch.. mapped axes].
        shape: shape of what is indexed.
        mapped: the axes that the starts are for.
        sizes: extents of a slice.
        paired: axes that go along with a batch axis, and that.
        stays: indexed axes that the slice keeps: those of the index behind the batch.
    """
    lead = known.ndim - 1
    arrays: dict[int, Integers] = {}
    valid = np.ones(known.shape[:-1], dtype=bool)
    for k, axis in enumerate(mapped):
        start = known[..., k].astype(np.int64)
        room = shape[axis] - int(sizes[axis])
        valid &= (start >= 0) & (start <= room)
        arrays[axis] = start.clip(0, room).reshape((*known.shape[:-1], *(1,) * len(stays)))
    for axis, place in paired:
        extents = [1] * (lead + len(stays))
        extents[place] = shape[axis]
        arrays[axis] = np.arange(shape[axis]).reshape(extents)
    for k, axis in enumerate(stays):
        extents = [1] * (lead + len(stays))
        extents[lead + k] = int(sizes[axis])
        arrays[axis] = arrays[axis] + np.arange(int(sizes[axis])).reshape(extents)
    return arrays, None if valid.all() else valid


def _filled(
    call: Call,
    value: int,
    arrays: Sequence[Integers | None],
    valid: Integers,
    shape: Sequence[int],
    first: int,
) -> int:
    """Indexing where some indices lie outside: those read nothing."""
    extents = call.shape_of(value)
    numbers = np.arange(prod(extents)).reshape(extents)
    index = numbers[tuple(slice(None) if one is None else one for one in arrays)]
    index = np.broadcast_to(index, shape)
    inside = valid.reshape((*(1,) * first, *valid.shape, *(1,) * (len(shape) - first - valid.ndim)))
    return chosen(call, value, np.where(inside, index, -1))
