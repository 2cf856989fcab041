"""Primitives that move elements: reshapes, slices, padding, joins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fieldscope.frontends.jax.lowering.registry import lowers
from fieldscope.frontends.lowering.program import Call, Tensor
from fieldscope.geometry.sliding import Sliding
from fieldscope.graph.operators import Flip, Spread


@lowers("reshape")
def reshape(call: Call, x: Tensor, **_: Any) -> int:
    """The same elements in row-major order under another shape."""
    kept = continues(x.shape, call.shape)
    if kept is not None:
        return call.continued(call.value(x), kept)
    return call.reshape(call.value(x), call.shape)


def continues(old: Sequence[int], new: Sequence[int]) -> tuple[int, ...] | None:
    """Which axis each axis of a result continues, where only extents of 1 come and go.

    Example:
        >>> continues((1, 1, 3, 8), (1, 3, 8, 1)), continues((4, 6), (6, 4))
        ((0, 2, 3, -1), None)
    """
    wide = [axis for axis, extent in enumerate(old) if extent != 1]
    if [old[axis] for axis in wide] != [extent for extent in new if extent != 1] or 0 in new:
        return None
    kept: list[int] = []
    place = 0
    for extent in new:
        if extent == 1:
            free = place < len(old) and old[place] == 1
            kept.append(place if free else -1)
            place += free
            continue
        while old[place] == 1:
            place += 1
        kept.append(place)
        place += 1
    return tuple(kept)


@lowers("squeeze")
def squeeze(call: Call, x: Tensor, *, dimensions: Sequence[int], **_: Any) -> int:
    """Axes of extent 1 dropped."""
    gone = {axis % x.ndim for axis in dimensions}
    return call.continued(call.value(x), tuple(k for k in range(x.ndim) if k not in gone))


@lowers("expand_dims")
def expand_dims(call: Call, x: Tensor, *, dimensions: Sequence[int], **_: Any) -> int:
    """New axes of extent 1."""
    new = {axis % len(call.shape) for axis in dimensions}
    old = iter(range(x.ndim))
    kept = tuple(-1 if k in new else next(old) for k in range(len(call.shape)))
    return call.continued(call.value(x), kept)


@lowers("broadcast_in_dim")
def broadcast(
    call: Call, x: Tensor, *_: Any, broadcast_dimensions: Sequence[int], **__: Any
) -> int:
    """Axes put at listed places among new ones, and broadcast."""
    places = [int(place) for place in broadcast_dimensions]
    kept = tuple(places.index(k) if k in places else -1 for k in range(len(call.shape)))
    return call.expand(call.continued(call.value(x), kept), call.shape)


@lowers("transpose")
def transpose(call: Call, x: Tensor, *, permutation: Sequence[int], **_: Any) -> int:
    """Axes in another order."""
    return call.permute(call.value(x), (int(axis) for axis in permutation))


@lowers("rev")
def rev(call: Call, x: Tensor, *, dimensions: Sequence[int], **_: Any) -> int:
    """Axes in reverse order."""
    axes = tuple(sorted(int(axis) for axis in dimensions))
    return call.add(Flip(axes), [call.value(x)], call.shape) if axes else call.value(x)


@lowers("slice")
def slices(
    call: Call,
    x: Tensor,
    *,
    start_indices: Sequence[int],
    strides: Sequence[int] | None = None,
    **_: Any,
) -> int:
    """Every so many elements of each axis from a first one on."""
    value = call.value(x)
    for axis, start in enumerate(start_indices):
        step = 1 if strides is None else int(strides[axis])
        count = call.shape[axis]
        value = call.slice(value, axis, int(start), count, step if count > 1 else 1)
    return value


@lowers("split")
def split(call: Call, x: Tensor, *, axis: int, **_: Any) -> tuple[int, ...]:
    """Runs of an axis, one after another."""
    value, place, parts = call.value(x), 0, []
    for result in call.results:
        parts.append(call.slice(value, axis, place, result.shape[axis]))
        place += result.shape[axis]
    return tuple(parts)


@lowers("concatenate")
def concatenate(call: Call, *operands: Tensor, dimension: int, **_: Any) -> int:
    """One after another on an axis."""
    kept = [one for one in operands if one.shape[dimension]]
    if not kept:
        return call.pointwise(*operands)
    return call.concat([call.value(one) for one in kept], dimension)


@lowers("stack")
def stack(call: Call, *operands: Tensor, axis: int = 0, **_: Any) -> int:
    """One after another along a new axis."""
    kept = (*range(axis), -1, *range(axis, len(call.shape) - 1))
    return call.concat([call.continued(call.value(one), kept) for one in operands], axis)


@lowers("unstack")
def unstack(call: Call, x: Tensor, *, axis: int = 0, **_: Any) -> tuple[int, ...]:
    """Each element of an axis."""
    value = call.value(x)
    return tuple(call.select(value, axis, k) for k in range(len(call.results)))


@lowers("tile")
def tile(call: Call, x: Tensor, *, reps: Sequence[int], **_: Any) -> int:
    """Copies one after another: a new axis in front of each, merged with it."""
    split = tuple(extent for n in x.shape for extent in (1, n))
    tiled = tuple(extent for r, n in zip(reps, x.shape, strict=True) for extent in (r, n))
    return call.reshape(call.expand(call.reshape(call.value(x), split), tiled), call.shape)


@lowers("pad")
def pad(call: Call, x: Tensor, filling: Tensor, *, padding_config: Any, **_: Any) -> int:
    """Constants in front, behind and in between; negative amounts cut off."""
    value = call.value(x)
    for axis, (low, high, inner) in enumerate(padding_config):
        value = padded(call, spaced(call, value, axis, inner + 1), axis, low, high)
    if not call.depends(filling):
        return value
    around = np.ones(x.shape, dtype=np.int8)
    for axis, (low, _, inner) in enumerate(padding_config):
        line = np.full(call.shape[axis], -1)
        places = low + np.arange(x.shape[axis]) * (inner + 1)
        inside = (places >= 0) & (places < line.size)
        line[places[inside]] = 0
        around = np.take(np.pad(around, [(0, int(k == axis)) for k in range(x.ndim)]), line, axis)
    return call.pointwise(
        value, call.mask(call.expand(call.value(filling), call.shape), around == 0)
    )


def spaced(call: Call, value: int, axis: int, step: int) -> int:
    """A value with zeros between the elements of an axis, which come to lie `step` apart."""
    shape = list(call.shape_of(value))
    if step == 1 or shape[axis] < 2:
        return value
    shape[axis] = (shape[axis] - 1) * step + 1
    return call.add(Spread((axis,), (Sliding(1, step),)), [value], shape)


def padded(call: Call, value: int, axis: int, low: int, high: int) -> int:
    """A value with constants put around an axis, or elements cut off it."""
    extent = call.shape_of(value)[axis]
    if low < 0 or high < 0:
        first = max(-low, 0)
        value = call.slice(value, axis, first, max(extent - first - max(-high, 0), 0))
    return call.pad(value, axis, max(low, 0), max(high, 0))


@lowers("bitcast_convert_type")
def bitcast(call: Call, x: Tensor, **_: Any) -> int | tuple[int, ...]:
    """The same elements read as another type: of another width, with an axis more or less."""
    if call.shape == x.shape:
        return call.value(x)
    if len(call.shape) > x.ndim:
        return call.expand(call.continued(call.value(x), (*range(x.ndim), -1)), call.shape)
    return call.reduce(call.value(x), (x.ndim - 1,))
