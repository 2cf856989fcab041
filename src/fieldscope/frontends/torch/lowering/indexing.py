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

from fieldscope.frontends.lowering import indexing as shared
from fieldscope.frontends.lowering.indexing import MOST_SCATTERED, WRITES
from fieldscope.frontends.torch.lowering.call import Call, tensors_in
from fieldscope.frontends.torch.lowering.registry import lowers
from fieldscope.frontends.torch.shaped import Shaped, has_values


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
    return shared.indexed(call, call.value(x), found, call.shape)


def _index_by_values(
    call: Call, x: torch.Tensor, indices: Sequence[torch.Tensor | None]
) -> int | tuple[int, ...]:
    given = [(axis, t) for axis, t in enumerate(indices) if t is not None]
    if any(t.dtype in (torch.bool, torch.uint8) for _, t in given):
        return call.opaque([x, *(t for _, t in given)], "its extent depends on the input's values")
    axes = [axis for axis, _ in given]
    value = call.value(x) if call.depends(x) else None
    known = [(tuple(t.shape), call.value(t) if call.depends(t) else None) for _, t in given]
    return shared.by_values(call, value, axes, known, call.shape)


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
    return shared.along(call, call.value(x), axis, known)


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
    update = call.value(values) if call.depends(values) else None
    result = shared.written(call, call.value(x), found, update, adds=accumulate)
    if result is None:
        return call.opaque(tensors_in([x, values]), "it adds several elements at one position")
    return result


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
        depends = call.depends(source) and source.dim() > 0
        update = (tuple((source if depends else x).shape), call.value(source) if depends else None)
        return shared.scattered(call, call.value(x), axis, known, update, adds=adds)
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


@lowers("masked_scatter")
def masked_scatter(
    call: Call, x: torch.Tensor, mask: torch.Tensor, source: torch.Tensor
) -> tuple[int, ...]:
    """Elements in order wherever a mask is set."""
    return call.opaque([x, mask, source], WRITES)
