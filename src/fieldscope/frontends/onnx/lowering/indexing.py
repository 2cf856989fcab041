"""Gathering and scattering.

By constants they move elements; where the index depends on the input, any element of the indexed
axes may be read, and the index is read as well.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from fieldscope.errors import ModelError
from fieldscope.frontends.lowering.call import Call
from fieldscope.frontends.lowering.indexing import (
    MOST_SCATTERED,
    WRITES,
    Integers,
    along,
    by_values,
    indexed,
    scattered,
    written,
)
from fieldscope.frontends.lowering.program import Tensor
from fieldscope.frontends.onnx.lowering.movement import integers, wrapped
from fieldscope.frontends.onnx.lowering.registry import lowers
from fieldscope.frontends.onnx.node import Node

TOO_MANY = "it scatters over more elements than are written out"


def _inside(node: Node, index: Integers, extent: int) -> Integers:
    """Indices counted from 0 on.

    Raises:
        ModelError: one lies outside of the axis.
    """
    if index.size and not (-extent <= index.min() and index.max() < extent):
        raise ModelError(
            f"{node.what} asks for index {int(index.min())} to {int(index.max())} of an axis of "
            f"{extent} elements"
        )
    return np.where(index < 0, index + extent, index)


@lowers("Gather")
def gather(call: Call, node: Node, x: Tensor, index: Tensor) -> int:
    """Elements of one axis."""
    axis = wrapped(node, [node.integer("axis", 0)], x.ndim)[0]
    known = call.concrete(index)
    if known is not None:
        found = _inside(node, known, x.shape[axis])
        if not found.ndim:
            return call.select(call.value(x), axis, int(found))
        return call.gather(call.value(x), axis, found)
    where = index.shape or (1,)
    shape = (*x.shape[:axis], *where, *x.shape[axis + 1 :])
    read = call.reshape(call.value(index), where) if call.depends(index) else None
    value = call.value(x) if call.depends(x) else None
    return call.reshape(by_values(call, value, [axis], [(where, read)], shape), call.shape)


@lowers("GatherElements")
def gather_elements(call: Call, node: Node, x: Tensor, index: Tensor) -> int:
    """One element of an axis per result element."""
    axis = wrapped(node, [node.integer("axis", 0)], x.ndim)[0]
    known = call.concrete(index)
    if known is not None:
        return along(call, call.value(x), axis, _inside(node, known, x.shape[axis]))
    if not call.depends(x):
        return call.pointwise(index)
    value = call.value(x)
    for k in range(x.ndim):
        if k != axis:
            value = call.slice(value, k, 0, call.shape[k])
    return call.pointwise(call.mix(value, (axis,), call.shape), index)


def _arrays(node: Node, x: Tensor, index: Integers, batch: int) -> list[Integers | None]:
    """An index array for each axis that is indexed, and for batch axes their own numbers."""
    lead = index.shape[:-1]
    arrays: list[Integers | None] = []
    for axis in range(batch):
        shape = [1] * len(lead)
        shape[axis] = lead[axis]
        arrays.append(np.broadcast_to(np.arange(lead[axis]).reshape(shape), lead))
    own = [_inside(node, index[..., k], x.shape[batch + k]) for k in range(index.shape[-1])]
    return [*arrays, *own]


@lowers("GatherND")
def gather_nd(call: Call, node: Node, x: Tensor, index: Tensor) -> int:
    """Elements of several axes."""
    batch, count = node.integer("batch_dims", 0), index.shape[-1]
    known = call.concrete(index)
    if known is not None:
        found = indexed(call, call.value(x), _arrays(node, x, known, batch), call.shape)
        return call.reshape(found, call.shape)
    lead, ndim = index.shape[:-1], len(call.shape)
    rest = x.shape[batch + count :]
    parts = []
    if call.depends(x):
        whole = call.reduce(call.value(x), range(batch, batch + count)) if count else call.value(x)
        shape = (*lead[:batch], *(1,) * (len(lead) - batch), *rest)
        parts.append(call.expand(call.reshape(whole, shape), call.shape))
    if call.depends(index):
        read = call.reduce(call.value(index), (index.ndim - 1,))
        parts.append(call.reshape(read, (*lead, *(1,) * (ndim - len(lead)))))
    return call.pointwise(*parts)


@lowers("ScatterElements", "Scatter")
def scatter(
    call: Call, node: Node, x: Tensor, index: Tensor, update: Tensor
) -> int | tuple[int, ...]:
    """Elements sent to positions of one axis; if the input says where, any may arrive at each."""
    axis = wrapped(node, [node.integer("axis", 0)], x.ndim)[0]
    known = call.concrete(index)
    adds = node.text("reduction", "none") != "none"
    if known is None:
        return _anywhere(call, x, axis, index, update)
    if prod(x.shape) > MOST_SCATTERED:
        return call.opaque([x, update], TOO_MANY)
    found = _inside(node, known, x.shape[axis])
    sent = call.value(update) if call.depends(update) else None
    return scattered(call, call.value(x), axis, found, (update.shape, sent), adds=adds)


def _anywhere(call: Call, x: Tensor, axis: int, index: Tensor, update: Tensor) -> int:
    parts = [call.value(x)] if call.depends(x) else []
    for tensor in (index, update):
        if not call.depends(tensor):
            continue
        value = call.value(tensor)
        for k in range(x.ndim):
            if k != axis:
                value = call.slice(value, k, 0, index.shape[k])
        shape = [*index.shape[:axis], x.shape[axis], *index.shape[axis + 1 :]]
        value = call.mix(value, (axis,), shape)
        for k in range(x.ndim):
            value = call.pad(value, k, 0, x.shape[k] - call.shape_of(value)[k])
        parts.append(value)
    return call.pointwise(*parts)


@lowers("ScatterND")
def scatter_nd(
    call: Call, node: Node, x: Tensor, index: Tensor, update: Tensor
) -> int | tuple[int, ...]:
    """A copy with elements or slices at listed places replaced, or added to."""
    known = call.concrete(index)
    if known is None:
        return call.opaque([x, index, update], WRITES)
    if prod(x.shape) > MOST_SCATTERED:
        return call.opaque([x, update], TOO_MANY)
    adds = node.text("reduction", "none") != "none"
    sent = call.value(update) if call.depends(update) else None
    arrays = _arrays(node, x, known, 0)
    found = written(call, call.value(x), arrays, sent, adds=adds)
    if found is None:
        return call.opaque([x, update], "it adds several elements at one position")
    return call.reshape(found, call.shape)


@lowers("OneHot")
def one_hot(
    call: Call, node: Node, index: Tensor, depth: Tensor, values: Tensor
) -> int | tuple[int, ...]:
    """The index, at each place of a new axis."""
    if call.depends(values) or call.depends(depth):
        return call.opaque([index, depth, values], "its values depend on the input")
    axis = wrapped(node, [node.integer("axis", -1)], index.ndim + 1)[0]
    kept = (*range(axis), -1, *range(axis, index.ndim))
    return call.expand(call.continued(call.value(index), kept), call.shape)


def _compressed(node: Node, x: Tensor, condition: Tensor) -> list[Any]:
    known = None if condition.depends else condition.elements()
    count = None if known is None else int(np.count_nonzero(known))
    if "axis" not in node:
        return [((count,), x.dtype)]
    axis = wrapped(node, [node.integer("axis", 0)], x.ndim)[0]
    return [((*x.shape[:axis], count, *x.shape[axis + 1 :]), x.dtype)]


@lowers("Compress", shapes=_compressed)
def compress(call: Call, node: Node, x: Tensor, condition: Tensor) -> int:
    """The elements of an axis where a constant condition holds."""
    known = call.concrete(condition)
    assert known is not None, "its shape is known"
    places = np.flatnonzero(known)
    value, axis = call.value(x), node.integer("axis", 0)
    if "axis" not in node:
        value = call.reshape(value, (prod(x.shape),))
    axis = wrapped(node, [axis], len(call.shape_of(value)))[0]
    return call.gather(value, axis, _inside(node, places, call.shape_of(value)[axis]))


@lowers("TensorScatter")
def tensor_scatter(
    call: Call, node: Node, cache: Tensor, update: Tensor, places: Tensor | None = None
) -> int | tuple[int, ...]:
    """A cache with new elements written from an index on, which may be another per sample."""
    known = [0] * cache.shape[0] if places is None else integers(call, node, places)
    if known is None:
        return call.opaque([cache, update, places], WRITES)
    if prod(cache.shape) > MOST_SCATTERED:
        return call.opaque([cache, update], TOO_MANY)
    axis = wrapped(node, [node.integer("axis", -2)], cache.ndim)[0]
    shape = [1] * cache.ndim
    shape[axis] = update.shape[axis]
    steps = np.arange(update.shape[axis]).reshape(shape)
    first = np.array(known).reshape(-1, *(1,) * (cache.ndim - 1))
    index = np.broadcast_to(first + steps, update.shape)
    if node.text("mode", "linear") == "circular":
        index = index % cache.shape[axis]
    base = call.value(cache)
    sent = call.value(update) if call.depends(update) else None
    found = _inside(node, index, cache.shape[axis])
    return scattered(call, base, axis, found, (update.shape, sent), adds=False)
