"""Elements picked and placed by indices, on values of the graph.

By constants they are moved; where the index depends on the input, any element of the indexed
axes may be read, and the index is read as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fieldscope.frontends.lowering.call import Call
from fieldscope.graph.graph import Shape
from fieldscope.graph.operators import Collect, Indices

Integers = npt.NDArray[Any]

MOST_SCATTERED = 1 << 20
"""Scatters by constants over more elements than this are bounds."""

WRITES = "it writes where the input's values say"


def indexed(call: Call, value: int, arrays: Sequence[Integers | None], shape: Shape) -> int:
    """NumPy's advanced indexing by constants.

    Args:
        call: the call.
        value: what is indexed.
        arrays: an integer array per axis from the first on, None for a whole axis.
        shape: shape of the result.
    """
    axes = [axis for axis, array in enumerate(arrays) if array is not None]
    given = [array for array in arrays if array is not None]
    if not axes:
        return value
    vectors = _separate(given)
    if vectors is not None and axes == list(range(axes[0], axes[0] + len(axes))):
        for axis, vector in zip(axes, vectors, strict=True):
            extent = call.shape_of(value)[axis]
            value = call.gather(value, axis, np.where(vector < 0, vector + extent, vector))
        return call.reshape(value, shape)
    value, axis, place, _ = merged(call, value, arrays)
    return call.reshape(call.gather(value, axis, place), shape)


def _separate(arrays: Sequence[Integers]) -> list[Integers] | None:
    """Index vectors of an outer product, such as x[..., iy[:, None], ix]; None if it isn't one."""
    ndim = max(array.ndim for array in arrays)
    if ndim != len(arrays):
        return None
    vectors = []
    for k, array in enumerate(arrays):
        shape = (1,) * (ndim - array.ndim) + array.shape
        if any(extent != 1 for axis, extent in enumerate(shape) if axis != k):
            return None
        vectors.append(array.reshape(-1))
    return vectors


def merged(
    call: Call, value: int, arrays: Sequence[Integers | None]
) -> tuple[int, int, Integers, tuple[int, ...]]:
    """Bring indexed axes together as one, with one index into it.

    Returns:
        The value, the axis, the index, and the order that the axes were put in.
    """
    shape = call.shape_of(value)
    axes = [axis for axis, array in enumerate(arrays) if array is not None]
    given = [array for array in arrays if array is not None]
    adjacent = axes == list(range(axes[0], axes[0] + len(axes)))
    first = axes[0] if adjacent else 0
    rest = [axis for axis in range(len(shape)) if axis not in axes]
    order = (*rest[:first], *axes, *rest[first:])
    extents = tuple(shape[axis] for axis in axes)
    wrapped = [
        np.where(array < 0, array + extent, array)
        for array, extent in zip(given, extents, strict=True)
    ]
    place = np.ravel_multi_index(tuple(np.broadcast_arrays(*wrapped)), extents)
    moved = call.permute(value, order)
    new = call.shape_of(moved)
    flat = (*new[:first], int(np.prod(extents)), *new[first + len(axes) :])
    return call.reshape(moved, flat), first, np.asarray(place), order


def by_values(
    call: Call,
    value: int | None,
    axes: Sequence[int],
    indices: Sequence[tuple[Shape, int | None]],
    shape: Shape,
) -> int:
    """Advanced indexing by values: any element of the axes, and the indices.

    Args:
        call: the call.
        value: what is indexed; None for a constant.
        axes: the axes that are indexed.
        indices: the shape of each index, and its value (None for a constant).
        shape: shape of the result.
    """
    adjacent = list(axes) == list(range(axes[0], axes[0] + len(axes)))
    first = axes[0] if adjacent else 0
    where = np.broadcast_shapes(*(given for given, _ in indices))
    parts = []
    if value is not None:
        mixed = call.mix(value, axes)
        zeros: list[Integers | None] = [
            np.zeros(where, dtype=np.int64) if axis in axes else None
            for axis in range(len(call.shape_of(value)))
        ]
        together, at, place, _ = merged(call, mixed, zeros)
        parts.append(call.reshape(call.gather(together, at, place), shape))
    tail = (1,) * (len(shape) - first - len(where))
    for given, index in indices:
        if index is not None:
            parts.append(call.reshape(index, (*given, *tail)))
    return call.pointwise(*parts, shape=shape)


def along(call: Call, value: int, axis: int, index: Integers) -> int:
    """One element of an axis per result element, as `numpy.take_along_axis` without broadcasting.

    The other axes of `index` may be shorter than the value's.
    """
    shape = call.shape_of(value)
    alike = index[tuple(slice(None) if k == axis else slice(0, 1) for k in range(len(shape)))]
    if index.size and (index == alike).all():
        for k in range(len(shape)):
            if k != axis:
                value = call.slice(value, k, 0, index.shape[k])
        return call.gather(value, axis, alike.reshape(-1))
    grid: list[Integers] = list(np.indices(index.shape, sparse=True))
    grid[axis] = index
    full: tuple[Any, ...] = np.broadcast_arrays(*grid)
    place = np.ravel_multi_index(full, shape)
    return call.gather(call.reshape(value, (int(np.prod(shape)),)), 0, place)


def chosen(call: Call, value: int, index: Integers) -> int:
    """Element o of the result is element index[o] of the flattened value; −1 is nothing.

    Any operator that only moves elements can be lowered so, by running it on the elements'
    numbers. Where each axis of the result walks along an axis of the value, it is lowered axis
    by axis.

    Args:
        call: the call.
        value: where elements are taken from.
        index: numbers of elements, in the result's shape.
    """
    shape = call.shape_of(value)
    by_axis = _by_axis(index, shape)
    if by_axis is None:
        flat = call.reshape(value, (int(np.prod(shape)),))
        return call.reshape(call.gather(flat, 0, index.reshape(-1)), index.shape)
    order, vectors = by_axis
    for axis, vector in enumerate(vectors):
        if vector.size != shape[axis] or (vector != np.arange(shape[axis])).any():
            value = call.gather(value, axis, vector)
    used = [axis for axis in order if axis >= 0]
    # What doesn't vary along the result has extent 1 by now.
    kept = call.permute(value, [*used, *(k for k in range(len(shape)) if k not in used)])
    places = iter(range(len(used)))
    kept = call.continued(kept, tuple(next(places) if axis >= 0 else -1 for axis in order))
    return call.expand(kept, index.shape)


def _by_axis(index: Integers, shape: Shape) -> tuple[list[int], list[Integers]] | None:
    """For each axis of the result the axis of the value that it walks along (−1: none), and how."""
    if not index.size or index.min() < 0:
        return None
    order = [-1] * index.ndim
    vectors: list[Integers] = []
    for axis, place in enumerate(np.unravel_index(index, shape)):
        along = [k for k in range(index.ndim) if (place != place.take([0], axis=k)).any()]
        if len(along) > 1 or any(order[k] >= 0 for k in along):
            return None
        if not along:
            vectors.append(place.reshape(-1)[:1])
            continue
        order[along[0]] = axis
        line = tuple(slice(None) if k == along[0] else 0 for k in range(index.ndim))
        vectors.append(place[line])
    return order, vectors


def written(
    call: Call,
    value: int,
    arrays: Sequence[Integers | None],
    update: int | None,
    *,
    adds: bool = False,
) -> int | None:
    """A copy with elements at constant indices replaced, or added to.

    Args:
        call: the call.
        value: what is copied.
        arrays: the indices, as for `indexed`.
        update: what is written, broadcast; None for a constant.
        adds: whether it is added.

    Returns:
        The value; None where several elements are added at one position, which isn't followed.
    """
    before = call.shape_of(value)
    value, axis, place, order = merged(call, value, arrays)
    shape = call.shape_of(value)
    region = (*shape[:axis], *place.shape, *shape[axis + 1 :])
    source = np.full(shape[axis], -1, dtype=np.int64)
    flat = place.reshape(-1)
    if adds and len(np.unique(flat)) != flat.size:
        return None
    source[flat] = np.arange(flat.size)
    keep = np.expand_dims(source < 0, tuple(range(1, len(shape) - axis)))
    result = value if adds else call.mask(value, keep)
    if update is not None:
        sent = call.expand(update, region)
        sent = call.reshape(sent, (*shape[:axis], flat.size, *shape[axis + 1 :]))
        result = call.pointwise(result, call.gather(sent, axis, source), shape=shape)
    moved = call.reshape(result, tuple(before[k] for k in order))
    return call.permute(moved, np.argsort(order).tolist())


def scattered(
    call: Call,
    base: int,
    axis: int,
    index: Integers,
    update: tuple[Shape, int | None],
    *,
    adds: bool,
) -> int:
    """Elements sent to constant positions of an axis; where several arrive, all are read.

    Args:
        call: the call.
        base: what they are sent into.
        axis: the axis that `index` tells positions of.
        index: a position for each element that is sent, of the update's rank.
        update: the shape that elements are taken from (at the places of `index`), and its
            value; None for a constant.
        adds: whether they are added to what is there.
    """
    shape = whole = call.shape_of(base)
    taken, sent = update
    own = np.moveaxis(index, axis, 0)
    others = [k for k in range(len(shape)) if k != axis]
    if (own == own[(slice(None), *[slice(0, 1)] * len(others))]).all() and all(
        index.shape[k] == shape[k] == taken[k] for k in others
    ):
        target: Integers = own.reshape(len(own), -1)[:, 0]
        sent = None if sent is None else call.slice(sent, axis, 0, len(own))
        origin: Integers = np.arange(len(own))
    else:
        place = np.indices(index.shape)
        origin = np.asarray(np.ravel_multi_index(tuple(place), taken))
        place[axis] = index
        target = np.ravel_multi_index(tuple(place), shape).reshape(-1)
        axis, shape = 0, (int(np.prod(shape)),)
        base = call.reshape(base, shape)
        sent = None if sent is None else call.reshape(sent, (int(np.prod(taken)),))
    if not adds:
        kept = np.ones(shape[axis], dtype=bool)
        kept[target] = False
        base = call.mask(base, kept.reshape([-1 if k == axis else 1 for k in range(len(shape))]))
    if sent is not None:
        arriving = Indices(arrivals(target, origin.reshape(-1), shape[axis]))
        base = call.pointwise(base, call.add(Collect(axis, arriving), [sent], shape), shape=shape)
    return call.reshape(base, whole)


def arrivals(target: Integers, origin: Integers, count: int) -> npt.NDArray[np.int64]:
    """For each of `count` positions the elements that are sent to it, filled up with −1.

    Example:
        >>> arrivals(np.array([2, 0, 2]), np.array([5, 6, 7]), 3)
        array([[ 6, -1],
               [-1, -1],
               [ 5,  7]])
    """
    order = np.argsort(target, kind="stable")
    counts = np.bincount(target, minlength=count)
    listed = np.full((count, int(counts.max(initial=0))), -1, dtype=np.int64)
    column = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    listed[target[order], column] = origin[order]
    return listed
