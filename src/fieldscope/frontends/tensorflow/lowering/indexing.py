"""Gathers and scatters.

By constants they move elements; where the index depends on the input, any element of the
indexed axes may be read, and the index is read as well.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fieldscope.frontends.lowering.indexing import MOST_SCATTERED, WRITES, indexed, scattered
from fieldscope.frontends.lowering.program import Call, Tensor
from fieldscope.frontends.tensorflow.lowering.registry import lowers
from fieldscope.frontends.tensorflow.node import Node

LONG = "it scatters over more elements than are written out"


@lowers("Gather", "GatherV2")
def gather(call: Call, node: Node, x: Tensor, chosen: Tensor, *axis: Tensor) -> Any:
    """Elements of one axis, the same for all others or for each index of the first ones."""
    place = 0
    if axis:
        known = call.concrete(axis[0])
        if known is None:
            return call.opaque([x, chosen, *axis], "its axis isn't known")
        place = int(known.reshape(-1)[0]) % max(x.ndim, 1)
    batch = node.get("batch_dims", 0)
    return _gathered(call, x, chosen, place, batch % (chosen.ndim + 1) if batch else 0)


@lowers("ResourceGather")
def gather_rows(call: Call, node: Node, table: Tensor, chosen: Tensor) -> Any:
    """A row of a table per index."""
    if table.value is not None:
        return _gathered(call, table, chosen, 0, node.get("batch_dims", 0))
    tail = (1,) * (len(call.shape) - chosen.ndim)
    return call.expand(call.reshape(call.value(chosen), (*chosen.shape, *tail)), call.shape)


@lowers("ResourceGatherNd")
def gather_points_of_variable(call: Call, node: Node, table: Tensor, chosen: Tensor) -> Any:
    """A part of a table per index."""
    if table.value is not None:
        return gather_points(call, node, table, chosen)
    tail = (1,) * (len(call.shape) - chosen.ndim + 1)
    read = call.reduce(call.value(chosen), (chosen.ndim - 1,))
    return call.expand(call.reshape(read, (*chosen.shape[:-1], *tail)), call.shape)


def _gathered(call: Call, x: Tensor, chosen: Tensor, axis: int, batch: int) -> Any:
    known = call.concrete(chosen)
    if batch:
        if known is None:
            return _gathered_by_batch(call, x, chosen, axis, batch)
        arrays: list[Any] = [None] * x.ndim
        # Axes of the result: batch.. (those in between).. index.. (those behind).
        between = axis - batch
        own = known.ndim - batch
        grid = np.indices(known.shape[:batch], sparse=True)
        ndim = batch + between + own
        for k in range(batch):
            arrays[k] = grid[k].reshape([known.shape[k] if j == k else 1 for j in range(ndim)])
        for k in range(batch, axis):
            arrays[k] = np.arange(x.shape[k]).reshape(
                [x.shape[k] if j == k else 1 for j in range(ndim)]
            )
        arrays[axis] = known.reshape((*known.shape[:batch], *(1,) * between, *known.shape[batch:]))
        return indexed(call, call.value(x), arrays, call.shape)
    if known is not None:
        return indexed(call, call.value(x), [*[None] * axis, known], call.shape)
    value = x.value
    parts = []
    if value is not None:
        parts.append(_any_of(call, value, (axis,), axis, chosen.shape))
    if chosen.value is not None:
        tail = (1,) * (x.ndim - axis - 1)
        parts.append(call.reshape(chosen.value, (*chosen.shape, *tail)))
    return call.pointwise(*parts)


def _any_of(call: Call, value: int, axes: tuple[int, ...], place: int, new: tuple[int, ...]) -> int:
    """Any element of adjacent axes, in new axes that stand in their place."""
    merged = call.reduce(value, axes)
    rest = call.shape_of(merged)
    opened = (*rest[:place], *(1,) * len(new), *rest[place:])
    kept = (*range(place), *(-1,) * len(new), *range(place, len(rest)))
    value = call.continued(merged, kept)
    return call.expand(value, (*opened[:place], *new, *opened[place + len(new) :]))


def _gathered_by_batch(call: Call, x: Tensor, chosen: Tensor, axis: int, batch: int) -> Any:
    parts = []
    own = chosen.shape[batch:]
    if x.value is not None:
        parts.append(_any_of(call, x.value, (axis,), axis, own))
    if chosen.value is not None:
        between, behind = axis - batch, x.ndim - axis - 1
        shape = (*chosen.shape[:batch], *(1,) * between, *own, *(1,) * behind)
        parts.append(call.reshape(chosen.value, shape))
    return call.pointwise(*parts)


@lowers("GatherNd")
def gather_points(call: Call, node: Node, x: Tensor, chosen: Tensor) -> Any:
    """An element, or a part, for each row of indices."""
    count = chosen.shape[-1]
    known = call.concrete(chosen)
    if known is not None:
        arrays = [known[..., k] for k in range(count)]
        return indexed(call, call.value(x), arrays, call.shape)
    parts = []
    where = chosen.shape[:-1]
    if x.value is not None:
        parts.append(_any_of(call, x.value, tuple(range(count)), 0, where) if count else x.value)
    if chosen.value is not None:
        tail = (1,) * (x.ndim - count)
        read = call.reduce(chosen.value, (chosen.ndim - 1,))
        parts.append(call.reshape(read, (*where, *tail)))
    return call.pointwise(*parts)


def _points(call: Call, base: Tensor | None, known: Any, updates: Tensor, *, adds: bool) -> Any:
    """Parts of a tensor written, or added to, at rows of constant indices."""
    shape, count = call.shape, known.shape[-1]
    if int(np.prod(shape)) > MOST_SCATTERED:
        return call.opaque([one for one in (base, updates) if one is not None], LONG)
    leading = shape[:count]
    flat = np.zeros(known.shape[:-1], np.int64)
    for k, extent in enumerate(leading):
        flat = flat * extent + np.clip(known[..., k], 0, extent - 1)
    rest = shape[count:]
    rows = int(np.prod(leading))
    flat = flat.reshape(-1)
    inner = int(np.prod(rest))
    held = call.builder.constant(shape) if base is None else call.value(base)
    held = call.reshape(held, (rows, inner))
    sent = None if updates.value is None else call.reshape(updates.value, (flat.size, inner))
    index = np.broadcast_to(flat[:, None], (flat.size, inner))
    value = scattered(call, held, 0, index, ((flat.size, inner), sent), adds=adds)
    return call.reshape(value, shape)


def _anywhere(call: Call, base: Tensor | None, chosen: Tensor, updates: Tensor) -> Any:
    """Parts written where the input says: any of them may arrive at any place."""
    places = range(chosen.ndim - 1)
    parts = []
    if base is not None and base.value is not None:
        parts.append(base.value)
    if updates.value is not None:
        parts.append(call.reduce(updates.value, places) if places else updates.value)
    if chosen.value is not None:
        parts.append(call.reduce(chosen.value, range(chosen.ndim)))
    return call.pointwise(*(call.expand(part, call.shape) for part in parts))


@lowers("ScatterNd")
def scatter(call: Call, node: Node, chosen: Tensor, updates: Tensor, size: Tensor) -> Any:
    """Parts added up at rows of indices, in a tensor of zeros."""
    known = call.concrete(chosen)
    if known is None:
        return _anywhere(call, None, chosen, updates)
    return _points(call, None, known, updates, adds=True)


@lowers("TensorScatterUpdate")
def scatter_update(call: Call, node: Node, x: Tensor, chosen: Tensor, updates: Tensor) -> Any:
    """A copy with parts replaced."""
    known = call.concrete(chosen)
    if known is None:
        return _anywhere(call, x, chosen, updates)
    return _points(call, x, known, updates, adds=False)


@lowers("TensorScatterAdd", "TensorScatterSub", "TensorScatterMax", "TensorScatterMin")
def scatter_add(call: Call, node: Node, x: Tensor, chosen: Tensor, updates: Tensor) -> Any:
    """A copy with parts joined to what is there."""
    known = call.concrete(chosen)
    if known is None:
        return _anywhere(call, x, chosen, updates)
    return _points(call, x, known, updates, adds=True)


@lowers(
    "UnsortedSegmentSum",
    "UnsortedSegmentMax",
    "UnsortedSegmentMin",
    "UnsortedSegmentProd",
    "SegmentSum",
    "SegmentMean",
    "SegmentMax",
    "SegmentMin",
    "SegmentProd",
)
def segments(call: Call, node: Node, x: Tensor, chosen: Tensor, *rest: Tensor) -> Any:
    """Elements of the first axes joined by the number of their segment."""
    known = call.concrete(chosen)
    if known is None or not call.depends(x):
        tensors = [x, chosen, *rest]
        return call.opaque(tensors, WRITES)
    tail = x.shape[chosen.ndim :]
    rows, inner = call.shape[0], int(np.prod(tail))
    flat = known.reshape(-1)
    kept = (flat >= 0) & (flat < rows)
    value = call.reshape(call.value(x), (flat.size, inner))
    if not kept.all():
        value = call.gather(value, 0, np.flatnonzero(kept))
        flat = flat[kept]
    index = np.broadcast_to(flat[:, None], (flat.size, inner))
    base = call.builder.constant((rows, inner))
    result = scattered(call, base, 0, index, ((flat.size, inner), value), adds=True)
    return call.reshape(result, call.shape)


@lowers("DynamicStitch", "ParallelDynamicStitch")
def stitch(call: Call, node: Node, *operands: Tensor) -> Any:
    """Rows of several tensors put where constants say; the last one at a place counts."""
    count = len(operands) // 2
    known = [call.concrete(one) for one in operands[:count]]
    if any(one is None for one in known):
        return call.opaque(operands, WRITES)
    tail = call.shape[1:]
    flat = np.concatenate([np.asarray(one).reshape(-1) for one in known])
    rows = [call.reshape(call.value(one), (one_size(one, tail), *tail)) for one in operands[count:]]
    joined = call.concat(rows, 0)
    source = np.full(call.shape[0], -1)
    source[flat] = np.arange(flat.size)
    return call.gather(joined, 0, source)


def one_size(x: Tensor, tail: tuple[int, ...]) -> int:
    """Number of parts of a shape that a tensor holds."""
    return int(np.prod(x.shape[: x.ndim - len(tail)]))


@lowers("InvertPermutation")
def invert(call: Call, node: Node, x: Tensor) -> int:
    """Any element may say what comes where."""
    return call.mix(call.value(x), (0,))
