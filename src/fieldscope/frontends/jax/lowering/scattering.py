"""Slices put at constant places of another value, and where values say."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from fieldscope.frontends.jax.lowering.indexing import overwritten, starts_of
from fieldscope.frontends.jax.lowering.registry import lowers
from fieldscope.frontends.lowering.indexing import MOST_SCATTERED, WRITES, arrivals
from fieldscope.frontends.lowering.program import Call, Tensor
from fieldscope.graph.operators import Collect, Indices, Overwrite

Integers = npt.NDArray[Any]

CLIPS = "CLIP"


@dataclass(frozen=True)
class _Scatter:
    """Which axes a scatter is about.

    Attributes:
        mapped: axes of the operand that the indices tell.
        paired: axes of the operand and of the indices that go together.
        stays: axes of the operand that an update has.
        batches: axes of the updates that list slices.
        window: axes of the updates that are the slice's, as `stays`.
        sizes: extents of a slice.
        adds: whether it is added to what is there.
    """

    mapped: list[int]
    paired: list[tuple[int, int]]
    stays: list[int]
    batches: list[int]
    window: list[int]
    sizes: list[int]
    adds: bool

    @classmethod
    def of(cls, x: Tensor, updates: Tensor, numbers: Any, *, adds: bool) -> _Scatter:
        window = [int(axis) for axis in numbers.update_window_dims]
        batching = [int(axis) for axis in numbers.operand_batching_dims]
        own = [int(axis) for axis in numbers.scatter_indices_batching_dims]
        gone = {*map(int, numbers.inserted_window_dims), *batching}
        stays = [axis for axis in range(x.ndim) if axis not in gone]
        sizes = [1] * x.ndim
        for axis, place in zip(stays, window, strict=True):
            sizes[axis] = updates.shape[place]
        return cls(
            [int(axis) for axis in numbers.scatter_dims_to_operand_dims],
            list(zip(batching, own, strict=True)),
            stays,
            [axis for axis in range(updates.ndim) if axis not in window],
            window,
            sizes,
            adds,
        )

    def one_axis(self, x: Tensor) -> int | None:
        """The axis that whole slices are put along, one element wide; None for other scatters."""
        if len(self.mapped) != 1 or self.paired or self.sizes[self.mapped[0]] != 1:
            return None
        (axis,) = self.mapped
        return axis if all(n == x.shape[k] for k, n in enumerate(self.sizes) if k != axis) else None


@lowers("scatter", "scatter-add", "scatter-mul", "scatter-min", "scatter-max", "scatter-sub")
def scatter(
    call: Call,
    x: Tensor,
    indices: Tensor,
    updates: Tensor,
    *,
    dimension_numbers: Any,
    mode: Any,
    update_jaxpr: Any = None,
    **_: Any,
) -> int | tuple[int, ...]:
    """Slices put at listed places (or added there); where values list them, anywhere."""
    clips = mode.name == CLIPS
    how = _Scatter.of(x, updates, dimension_numbers, adds=update_jaxpr is not None)
    known = call.concrete(indices)
    if known is None:
        return _anywhere(call, x, indices, updates, how)
    if prod(known.shape[:-1]) == 1 and not how.paired:
        return _box(call, x, updates, known.reshape(-1), how, clips=clips)
    if max(prod(updates.shape), prod(x.shape)) > MOST_SCATTERED:
        return call.opaque([x, updates], "it scatters more elements than are written out")
    moving = [axis for axis in how.stays if axis in how.mapped]
    arrays, valid = starts_of(known, x.shape, how.mapped, how.sizes, how.paired, moving)
    valid = None if clips else valid
    axis = how.one_axis(x)
    if axis is not None and valid is None:
        target = arrays[axis].reshape(-1)
        sent = _moved(call, updates, axis, x, how) if call.depends(updates) else None
        return _along(call, call.value(x), axis, target, sent, adds=how.adds)
    return _elements(call, x, updates, arrays, valid, how)


def _box(
    call: Call, x: Tensor, updates: Tensor, start: Integers, how: _Scatter, *, clips: bool
) -> int | tuple[int, ...]:
    """One slice, put at a known place; outside of the operand it is dropped or moved inside."""
    first = [0] * x.ndim
    for axis, place in zip(how.mapped, start, strict=True):
        room = x.shape[axis] - how.sizes[axis]
        if not 0 <= place <= room and not clips:
            return call.pointwise(x)
        first[axis] = min(max(int(place), 0), room)
    update = call.reshape(call.value(updates), how.sizes)
    if not how.adds:
        return overwritten(call, call.value(x), update, first)
    if not call.depends(updates):
        return call.pointwise(x)
    for axis, size in enumerate(how.sizes):
        update = call.pad(update, axis, first[axis], x.shape[axis] - first[axis] - size)
    return call.pointwise(x, update)


def _moved(call: Call, updates: Tensor, axis: int, x: Tensor, how: _Scatter) -> int:
    """The updates with all that lists slices as one axis, in the operand's place of it."""
    value = call.permute(call.value(updates), [*how.batches, *how.window])
    count = prod(updates.shape[k] for k in how.batches)
    inner = [n for k, n in enumerate(x.shape) if k != axis]
    value = call.reshape(value, (count, *inner))
    return call.permute(value, [*range(1, axis + 1), 0, *range(axis + 1, x.ndim)])


def _along(
    call: Call, base: int, axis: int, target: Integers, sent: int | None, *, adds: bool
) -> int:
    """Slices sent to places of one axis."""
    shape = call.shape_of(base)
    steps = np.diff(target)
    if not adds and target.size > 1 and steps[0] > 0 and (steps == steps[0]).all():
        own = (*shape[:axis], target.size, *shape[axis + 1 :])
        update = call.builder.constant(own) if sent is None else sent
        return call.add(Overwrite(axis, int(target[0]), int(steps[0])), [base, update], shape)
    if not adds:
        kept = np.ones(shape[axis], dtype=bool)
        kept[target] = False
        base = call.mask(base, kept.reshape([-1 if k == axis else 1 for k in range(len(shape))]))
    if sent is None:
        return base
    arriving = Indices(arrivals(target, np.arange(target.size), shape[axis]))
    return call.pointwise(base, call.add(Collect(axis, arriving), [sent], shape), shape=shape)


def _elements(
    call: Call,
    x: Tensor,
    updates: Tensor,
    arrays: dict[int, Integers],
    valid: Integers | None,
    how: _Scatter,
) -> int:
    """Slices sent element by element; those that start outside are dropped."""
    lead = len(how.batches)
    moving = [axis for axis in how.stays if axis in how.mapped]
    shape = tuple(updates.shape[k] for k in [*how.batches, *how.window])
    places = []
    for axis in range(x.ndim):
        extents = [1] * len(shape)
        if axis in arrays:
            array = arrays[axis]
            extents[:lead] = array.shape[:lead]
            for k, other in enumerate(moving):
                extents[lead + how.stays.index(other)] = array.shape[lead + k]
        else:
            array = np.arange(how.sizes[axis])
            if axis in how.stays:
                extents[lead + how.stays.index(axis)] = how.sizes[axis]
        places.append(np.broadcast_to(array.reshape(extents), shape))
    target = np.ravel_multi_index(tuple(places), x.shape).reshape(-1)
    origin = np.arange(target.size)
    if valid is not None:
        inside = valid.reshape((*valid.shape, *(1,) * len(how.window)))
        inside = np.broadcast_to(inside, shape).reshape(-1)
        target, origin = target[inside], origin[inside]
    count = prod(x.shape)
    flat = call.reshape(call.value(x), (count,))
    sent = None
    if call.depends(updates):
        moved = call.permute(call.value(updates), [*how.batches, *how.window])
        sent = call.reshape(moved, (prod(shape),))
    if not how.adds:
        kept = np.ones(count, dtype=bool)
        kept[target] = False
        flat = call.mask(flat, kept)
    if sent is not None:
        arriving = Indices(arrivals(target, origin, count))
        collected = call.add(Collect(0, arriving), [sent], (count,))
        flat = call.pointwise(flat, collected, shape=(count,))
    return call.reshape(flat, x.shape)


def _anywhere(
    call: Call, x: Tensor, indices: Tensor, updates: Tensor, how: _Scatter
) -> int | tuple[int, ...]:
    """Where values say, any slice may arrive at any place of the axis that they tell."""
    axis = how.one_axis(x)
    if axis is None:
        return call.opaque([x, indices, updates], WRITES)
    parts: list[Any] = [x]
    if call.depends(updates):
        parts.append(call.mix(_moved(call, updates, axis, x, how), (axis,), x.shape))
    if call.depends(indices):
        count = prod(indices.shape[:-1])
        flat = call.mix(call.reshape(call.value(indices), (count,)), (0,), (x.shape[axis],))
        parts.append(call.continued(flat, tuple(0 if k == axis else -1 for k in range(x.ndim))))
    return call.pointwise(*parts)
