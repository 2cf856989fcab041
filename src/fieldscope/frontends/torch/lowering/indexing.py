"""Indexing, gathering and scattering.

By constants they move elements; where the index depends on the input, any element of
the indexed axes may be read, and the index is read as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from fieldscope.frontends.torch.lowering.call import Call, tensors_in
from fieldscope.frontends.torch.lowering.registry import lowers
from fieldscope.frontends.torch.shaped import Shaped, has_values
from fieldscope.graph.operators import Collect, Indices

MOST_SCATTERED = 1 << 20
"""Scatters by constants over more elements than this are bounds."""

WRITES = "it writes where the input's values say"


def _known(
    call: Call, indices: Sequence[torch.Tensor | None]
) -> list[npt.NDArray[Any] | None] | None:
    """Constant index arrays per axis, masks written out; None if one isn't known."""
    found: list[npt.NDArray[Any] | None] = []
    for index in indices:
        if index is None:
            found.append(None)
            continue
        known = call.concrete(index)
        if known is None:
            return None
        found.extend(known.nonzero() if known.dtype == bool else [known])
    return found


def _separate(arrays: Sequence[npt.NDArray[Any]]) -> list[npt.NDArray[Any]] | None:
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


def _merged(
    call: Call, value: int, found: Sequence[npt.NDArray[Any] | None]
) -> tuple[int, int, npt.NDArray[Any], tuple[int, ...]]:
    """Bring the indexed axes together as one, with one index into it.

    Returns the value, the axis, the index and the order that the axes were put in.
    """
    shape = call.shape_of(value)
    axes = [axis for axis, array in enumerate(found) if array is not None]
    arrays = [array for array in found if array is not None]
    adjacent = axes == list(range(axes[0], axes[0] + len(axes)))
    first = axes[0] if adjacent else 0
    rest = [axis for axis in range(len(shape)) if axis not in axes]
    order = (*rest[:first], *axes, *rest[first:])
    extents = tuple(shape[axis] for axis in axes)
    wrapped = [
        np.where(array < 0, array + extent, array)
        for array, extent in zip(arrays, extents, strict=True)
    ]
    place = np.ravel_multi_index(tuple(np.broadcast_arrays(*wrapped)), extents)
    moved = call.permute(value, order)
    new = call.shape_of(moved)
    flat = (*new[:first], int(np.prod(extents)), *new[first + len(axes) :])
    return call.reshape(moved, flat), first, np.asarray(place), order


def _index_shape(x: torch.Tensor, indices: Sequence[torch.Tensor | None]) -> torch.Tensor | None:
    """Result of indexing by constants of which some are masks: their extent is known."""
    masks = [one for one in indices if one is not None and one.dtype == torch.bool]
    if not masks or not isinstance(x, Shaped):
        return None
    places: list[torch.Tensor | None] = []
    for one in indices:
        if one is None:
            places.append(None)
        elif not has_values(one):
            return None
        else:
            found = one.nonzero(as_tuple=True) if one.dtype == torch.bool else (one,)
            places.extend(torch.empty_like(place, device="meta") for place in found)
    result: torch.Tensor = torch.ops.aten.index.Tensor(x.twin, places)
    return result


@lowers("index", "_unsafe_index", shapes=_index_shape)
def index(
    call: Call, x: torch.Tensor, indices: Sequence[torch.Tensor | None]
) -> int | tuple[int, ...]:
    """Advanced indexing."""
    return _indexed(call, x, indices)


def _indexed(
    call: Call, x: torch.Tensor, indices: Sequence[torch.Tensor | None]
) -> int | tuple[int, ...]:
    found = _known(call, indices)
    if found is None:
        return _index_by_values(call, x, indices)
    value = call.value(x)
    axes = [axis for axis, array in enumerate(found) if array is not None]
    arrays = [array for array in found if array is not None]
    if not axes:
        return value
    vectors = _separate(arrays)
    if vectors is not None and axes == list(range(axes[0], axes[0] + len(axes))):
        for axis, vector in zip(axes, vectors, strict=True):
            extent = x.shape[axis]
            value = call.gather(value, axis, np.where(vector < 0, vector + extent, vector))
        return call.reshape(value, call.shape)
    value, axis, place, _ = _merged(call, value, found)
    return call.reshape(call.gather(value, axis, place), call.shape)


def _index_by_values(
    call: Call, x: torch.Tensor, indices: Sequence[torch.Tensor | None]
) -> int | tuple[int, ...]:
    given = [(axis, t) for axis, t in enumerate(indices) if t is not None]
    if any(t.dtype in (torch.bool, torch.uint8) for _, t in given):
        return call.opaque([x, *(t for _, t in given)], "its extent depends on the input's values")
    axes = [axis for axis, _ in given]
    adjacent = axes == list(range(axes[0], axes[0] + len(axes)))
    first = axes[0] if adjacent else 0
    where = torch.broadcast_shapes(*(t.shape for _, t in given))
    parts = []
    if call.depends(x):
        mixed = call.mix(call.value(x), axes)
        zeros: list[npt.NDArray[Any] | None] = [
            np.zeros(where, dtype=np.int64) if axis in axes else None for axis in range(x.dim())
        ]
        merged, at, place, _ = _merged(call, mixed, zeros)
        parts.append(call.reshape(call.gather(merged, at, place), call.shape))
    tail = (1,) * (len(call.shape) - first - len(where))
    for _, t in given:
        if call.depends(t):
            parts.append(call.reshape(call.value(t), (*t.shape, *tail)))
    return call.pointwise(*parts)


@lowers("index_select")
def index_select(
    call: Call, x: torch.Tensor, axis: int, chosen: torch.Tensor
) -> int | tuple[int, ...]:
    """Elements of one axis."""
    axis %= max(x.dim(), 1)
    return _indexed(call, x, [None] * axis + [chosen])


@lowers("take")
def take(call: Call, x: torch.Tensor, chosen: torch.Tensor) -> int:
    """Elements of the flattened tensor."""
    flat = call.reshape(call.value(x), (x.numel(),))
    known = call.concrete(chosen)
    if known is not None:
        return call.gather(flat, 0, np.where(known < 0, known + x.numel(), known))
    picked = call.gather(call.mix(flat, (0,)), 0, np.zeros(chosen.shape, dtype=np.int64))
    return call.pointwise(picked, chosen)


@lowers("gather")
def gather(call: Call, x: torch.Tensor, axis: int, chosen: torch.Tensor, **_: Any) -> int:
    """One element of an axis per result element."""
    axis %= max(x.dim(), 1)
    known = call.concrete(chosen)
    if known is None:
        value = call.value(x)
        for k in range(x.dim()):
            if k != axis:
                value = call.slice(value, k, 0, call.shape[k])
        return call.pointwise(call.mix(value, (axis,), call.shape), chosen)
    alike = known[tuple(slice(None) if k == axis else slice(0, 1) for k in range(x.dim()))]
    if known.size and (known == alike).all():
        value = call.value(x)
        for k in range(x.dim()):
            if k != axis:
                value = call.slice(value, k, 0, call.shape[k])
        return call.gather(value, axis, alike.reshape(-1))
    grid: list[npt.NDArray[Any]] = list(np.indices(known.shape, sparse=True))
    grid[axis] = known
    full: tuple[Any, ...] = np.broadcast_arrays(*grid)
    place = np.ravel_multi_index(full, tuple(x.shape))
    return call.gather(call.reshape(call.value(x), (x.numel(),)), 0, place)


@lowers("embedding")
def embedding(
    call: Call, weight: torch.Tensor, chosen: torch.Tensor, *_: Any, **__: Any
) -> int | tuple[int, ...]:
    """A row of the table per index."""
    if not call.depends(weight):
        value = call.reshape(call.value(chosen), (*chosen.shape, 1))
        return call.expand(value, call.shape)
    return _indexed(call, weight, [chosen])


@lowers("index_put", "_index_put_impl", "_unsafe_index_put")
def index_put(
    call: Call,
    x: torch.Tensor,
    indices: Sequence[torch.Tensor | None],
    values: torch.Tensor,
    accumulate: bool = False,
    *_: Any,
) -> int | tuple[int, ...]:
    """A copy with listed elements replaced (or added to)."""
    found = _known(call, indices)
    if found is None or all(array is None for array in found):
        masks = [t for t in indices if t is not None and t.dtype == torch.bool]
        if found is None and len(masks) == 1 and values.numel() == 1 and indices[0] is masks[0]:
            tail = (1,) * (x.dim() - masks[0].dim())
            mask = call.reshape(call.value(masks[0]), (*masks[0].shape, *tail))
            return call.pointwise(x, mask, values)
        return call.opaque(tensors_in([x, indices, values]), WRITES)
    value, axis, place, order = _merged(call, call.value(x), found)
    shape = call.shape_of(value)
    region = (*shape[:axis], *place.shape, *shape[axis + 1 :])
    source = np.full(shape[axis], -1, dtype=np.int64)
    flat = place.reshape(-1)
    if accumulate and len(np.unique(flat)) != flat.size:
        return call.opaque(tensors_in([x, values]), "it adds several elements at one position")
    source[flat] = np.arange(flat.size)
    keep = np.expand_dims(source < 0, tuple(range(1, len(shape) - axis)))
    written = value if accumulate else call.mask(value, keep)
    if call.depends(values):
        update = call.expand(call.value(values), region)
        update = call.reshape(update, (*shape[:axis], flat.size, *shape[axis + 1 :]))
        written = call.pointwise(written, call.gather(update, axis, source), shape=shape)
    moved = call.reshape(written, tuple(x.shape[k] for k in order))
    return call.permute(moved, np.argsort(order).tolist())


@lowers("index_copy", "index_fill")
def index_copy(
    call: Call, x: torch.Tensor, axis: int, chosen: torch.Tensor, source: Any, **_: Any
) -> int | tuple[int, ...]:
    """A copy with elements of one axis replaced."""
    return _index_write(call, x, axis, chosen, source, replaced=True)


@lowers("index_add")
def index_add(
    call: Call, x: torch.Tensor, axis: int, chosen: torch.Tensor, source: Any, **_: Any
) -> int | tuple[int, ...]:
    """A copy with elements added to some of one axis."""
    return _index_write(call, x, axis, chosen, source, replaced=False)


def _index_write(
    call: Call, x: torch.Tensor, axis: int, chosen: torch.Tensor, source: Any, *, replaced: bool
) -> int | tuple[int, ...]:
    axis %= max(x.dim(), 1)
    known = call.concrete(chosen)
    if known is None:
        return call.opaque(tensors_in([x, chosen, source]), WRITES)
    if not replaced and len(np.unique(known)) != known.size:
        return call.opaque(tensors_in([x, source]), "it adds several elements at one position")
    place = np.full(x.shape[axis], -1, dtype=np.int64)
    place[known] = np.arange(known.size)
    base = call.value(x)
    if replaced:
        keep = (place < 0).reshape([-1 if k == axis else 1 for k in range(x.dim())])
        base = call.mask(base, keep)
    if not call.depends(source) or not source.dim():
        return call.pointwise(base, source)
    return call.pointwise(base, call.gather(call.value(source), axis, place))


@lowers("scatter_add", "scatter_reduce", "scatter.reduce", "scatter.value_reduce")
def scatter_add(
    call: Call, x: torch.Tensor, axis: int, chosen: torch.Tensor, source: Any, *_: Any, **__: Any
) -> int | tuple[int, ...]:
    """Elements added to positions of one axis; if the input says where, any may arrive at each."""
    return _scatter(call, x, axis, chosen, source, adds=True)


@lowers("scatter")
def scatter(
    call: Call, x: torch.Tensor, axis: int, chosen: torch.Tensor, source: Any, *_: Any, **__: Any
) -> int | tuple[int, ...]:
    """Elements sent to positions of one axis; if the input says where, any may arrive at each."""
    return _scatter(call, x, axis, chosen, source, adds=False)


def _scatter(
    call: Call, x: torch.Tensor, axis: int, chosen: torch.Tensor, source: Any, *, adds: bool
) -> int | tuple[int, ...]:
    """A scatter; where several elements arrive at one position, all of them are read."""
    axis %= max(x.dim(), 1)
    known = call.concrete(chosen)
    if known is not None:
        kept = tensors_in([x, source])
        if x.numel() > MOST_SCATTERED:
            return call.opaque(kept, "it scatters over more elements than are written out")
        return _scattered(call, x, axis, known, source, adds=adds)
    parts = [call.value(x)] if call.depends(x) else []
    for tensor in (chosen, source):
        if not call.depends(tensor):
            continue
        value = call.value(tensor)
        for k in range(x.dim()):
            if k != axis:
                value = call.slice(value, k, 0, chosen.shape[k])
        value = call.mix(
            value, (axis,), [*chosen.shape[:axis], x.shape[axis], *chosen.shape[axis + 1 :]]
        )
        for k in range(x.dim()):
            value = call.pad(value, k, 0, x.shape[k] - call.shape_of(value)[k])
        parts.append(value)
    return call.pointwise(*parts)


def _scattered(
    call: Call,
    x: torch.Tensor,
    axis: int,
    known: npt.NDArray[Any],
    source: Any,
    *,
    adds: bool,
) -> int:
    """A scatter by constants: along the axis if all of it is alike, else element by element."""
    own = np.moveaxis(known, axis, 0)
    others = [k for k in range(x.dim()) if k != axis]
    depends = call.depends(source) and source.dim() > 0
    if (own == own[(slice(None), *[slice(0, 1)] * len(others))]).all() and all(
        known.shape[k] == x.shape[k] == (source.shape[k] if depends else x.shape[k]) for k in others
    ):
        target: npt.NDArray[Any] = own.reshape(len(own), -1)[:, 0]
        shape, base = tuple(x.shape), call.value(x)
        sent = call.slice(call.value(source), axis, 0, len(own)) if depends else None
        origin: npt.NDArray[Any] = np.arange(len(own))
    else:
        place = np.indices(known.shape)
        taken = tuple((source if depends else x).shape)
        origin = np.asarray(np.ravel_multi_index(tuple(place), taken))
        place[axis] = known
        target = np.ravel_multi_index(tuple(place), tuple(x.shape)).reshape(-1)
        shape, base, axis = (x.numel(),), call.reshape(call.value(x), (x.numel(),)), 0
        sent = call.reshape(call.value(source), (source.numel(),)) if depends else None
    if not adds:
        kept = np.ones(shape[axis], dtype=bool)
        kept[target] = False
        base = call.mask(base, kept.reshape([-1 if k == axis else 1 for k in range(len(shape))]))
    if sent is not None:
        arrivals = Indices(_arrivals(target, origin.reshape(-1), shape[axis]))
        base = call.pointwise(base, call.add(Collect(axis, arrivals), [sent], shape), shape=shape)
    return call.reshape(base, call.shape)


def _arrivals(
    target: npt.NDArray[Any], origin: npt.NDArray[Any], count: int
) -> npt.NDArray[np.int64]:
    """For each of `count` positions the elements that are sent to it, filled up with −1."""
    order = np.argsort(target, kind="stable")
    counts = np.bincount(target, minlength=count)
    listed = np.full((count, int(counts.max(initial=0))), -1, dtype=np.int64)
    column = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    listed[target[order], column] = origin[order]
    return listed


@lowers("masked_scatter")
def masked_scatter(
    call: Call, x: torch.Tensor, mask: torch.Tensor, source: torch.Tensor
) -> tuple[int, ...]:
    """Elements in order wherever a mask is set."""
    return call.opaque([x, mask, source], WRITES)
