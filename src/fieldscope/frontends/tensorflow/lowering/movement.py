"""Operators that move elements: reshapes, slices, joins, pads, blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fieldscope.frontends.lowering.indexing import chosen
from fieldscope.frontends.lowering.program import Call, Tensor
from fieldscope.frontends.tensorflow.lowering.reductions import axes_of
from fieldscope.frontends.tensorflow.lowering.registry import lowers
from fieldscope.frontends.tensorflow.node import Node
from fieldscope.graph.operators import Flip, Indices, Periodic, Roll, Table

UNKNOWN = "where it reads isn't known"


@lowers("Reshape")
def reshape(call: Call, node: Node, x: Tensor, *_: Tensor) -> int:
    """The same elements in row-major order; the extents are those of the result."""
    return call.reshape(call.value(x), call.shape)


@lowers("Squeeze")
def squeeze(call: Call, node: Node, x: Tensor) -> int:
    """Axes of extent 1 dropped."""
    listed = node["squeeze_dims"] or [k for k in range(x.ndim) if x.shape[k] == 1]
    gone = {axis % x.ndim for axis in listed}
    return call.continued(call.value(x), tuple(k for k in range(x.ndim) if k not in gone))


@lowers("ExpandDims")
def expand_dims(call: Call, node: Node, x: Tensor, axis: Tensor) -> int:
    """A new axis of extent 1."""
    known = call.concrete(axis)
    if known is None:
        return call.reshape(call.value(x), call.shape)
    place = int(known.reshape(-1)[0]) % (x.ndim + 1)
    return call.continued(call.value(x), (*range(place), -1, *range(place, x.ndim)))


@lowers("Transpose", "ConjugateTranspose")
def transpose(call: Call, node: Node, x: Tensor, order: Tensor) -> Any:
    """Axes in another order."""
    known = call.concrete(order)
    if known is None:
        return call.opaque([x, order], "the order of its axes isn't known")
    return call.permute(call.value(x), [int(axis) % x.ndim for axis in known])


@lowers("BroadcastTo")
def broadcast(call: Call, node: Node, x: Tensor, *_: Tensor) -> int:
    """Broadcast to the result's shape."""
    return call.expand(call.value(x), call.shape)


@lowers("Tile")
def tile(call: Call, node: Node, x: Tensor, repeats: Tensor) -> int:
    """Copies one after another: a new axis in front of each, merged with it."""
    # An axis of extent 0 may be repeated as often as you like.
    counts = [m // n if n else 1 for n, m in zip(x.shape, call.shape, strict=True)]
    split = tuple(extent for n in x.shape for extent in (1, n))
    tiled = tuple(extent for r, n in zip(counts, x.shape, strict=True) for extent in (r, n))
    value = call.expand(call.reshape(call.value(x), split), tiled)
    return call.reshape(value, call.shape)


@lowers("Slice")
def slice_axes(call: Call, node: Node, x: Tensor, begin: Tensor, size: Tensor) -> Any:
    """A run of each axis."""
    known = call.concrete(begin)
    if known is None:
        return _anywhere(call, x, begin)
    value = call.value(x)
    for axis, start in enumerate(known.tolist()):
        value = call.slice(value, axis, start, call.shape[axis])
    return value


def _anywhere(call: Call, x: Tensor, *where: Tensor) -> Any:
    """Slices that begin where the input says: any element of the axes that they cut."""
    if x.ndim != len(call.shape):
        return call.opaque([x, *where], UNKNOWN)
    parts = []
    if x.value is not None:
        cut = [k for k in range(x.ndim) if call.shape[k] != x.shape[k]]
        parts.append(call.mix(x.value, cut, call.shape) if cut else x.value)
    parts += [
        call.expand(call.reduce(one.value, range(one.ndim)), call.shape)
        for one in where
        if one.value is not None
    ]
    return call.pointwise(*parts)


@lowers("StridedSlice")
def strided_slice(
    call: Call, node: Node, x: Tensor, begin: Tensor, end: Tensor, strides: Tensor
) -> Any:
    """Python's slicing: runs, steps, single elements, new axes and an ellipsis."""
    known = [call.concrete(one) for one in (begin, end, strides)]
    if any(one is None for one in known):
        return call.opaque([x, begin, end, strides], UNKNOWN)
    entries = entries_of(node, *(one.tolist() for one in known if one is not None))
    value, axis = call.value(x), 0
    kept: list[int] = []
    covered = sum(entry is not None for entry in entries)
    for entry in entries:
        if entry is None:
            kept.append(-1)
            continue
        if entry is Ellipsis:
            count = x.ndim - (covered - 1)
            kept += range(axis, axis + count)
            axis += count
            continue
        extent = x.shape[axis]
        if isinstance(entry, int):
            value = call.slice(value, axis, entry % extent, 1)
        else:
            start, stop, step = entry.indices(extent)
            count = len(range(start, stop, step))
            if step > 0:
                value = call.slice(value, axis, start if count else 0, count, step)
            else:
                last = start + (count - 1) * step if count else 0
                value = call.slice(value, axis, last, count, -step)
                value = call.add(Flip((axis,)), [value], call.shape_of(value))
            kept.append(axis)
        axis += 1
    kept += range(axis, x.ndim)
    return call.continued(value, tuple(kept))


def entries_of(
    node: Node, begin: Sequence[int], end: Sequence[int], strides: Sequence[int]
) -> list[Any]:
    """The entries of a subscript: integers, slices, None and an ellipsis."""
    entries: list[Any] = []
    for k, (start, stop, step) in enumerate(zip(begin, end, strides, strict=True)):
        bit = 1 << k
        if node["ellipsis_mask"] & bit:
            entries.append(Ellipsis)
        elif node["new_axis_mask"] & bit:
            entries.append(None)
        elif node["shrink_axis_mask"] & bit:
            entries.append(start)
        else:
            first = None if node["begin_mask"] & bit else start
            entries.append(slice(first, None if node["end_mask"] & bit else stop, step))
    return entries


@lowers("Split")
def split(call: Call, node: Node, axis: Tensor, x: Tensor) -> Any:
    """Equal runs of an axis."""
    return _parts(call, x, axis)


@lowers("SplitV")
def split_by_sizes(call: Call, node: Node, x: Tensor, sizes: Tensor, axis: Tensor) -> Any:
    """Runs of an axis, as long as the results."""
    return _parts(call, x, axis)


def _parts(call: Call, x: Tensor, axis: Tensor) -> Any:
    found = axes_of(call, axis, x.ndim)
    if found is None:
        return call.opaque([x, axis], "its axis isn't known")
    [along] = found
    value, place, parts = call.value(x), 0, []
    for result in call.results:
        parts.append(call.slice(value, along, place, result.shape[along]))
        place += result.shape[along]
    return tuple(parts)


@lowers("Concat")
def concat_first(call: Call, node: Node, axis: Tensor, *tensors: Tensor) -> Any:
    """One after another; the axis is the first operand."""
    return concat(call, node, *tensors, axis)


@lowers("ConcatV2")
def concat(call: Call, node: Node, *operands: Tensor) -> Any:
    """One after another; the axis is the last operand."""
    *tensors, axis = operands
    found = axes_of(call, axis, len(call.shape))
    if found is None:
        return call.opaque(operands, "its axis isn't known")
    kept = [one for one in tensors if one.shape[found[0]]]
    if len(kept) < 2:
        return call.pointwise(*kept)
    return call.concat([call.value(one) for one in kept], found[0])


@lowers("Pack", "ParallelConcat")
def pack(call: Call, node: Node, *tensors: Tensor) -> int:
    """One after another along a new axis."""
    if node.operation.type == "ParallelConcat":
        return call.concat([call.value(one) for one in tensors], 0)
    axis = node["axis"] % len(call.shape)
    kept = (*range(axis), -1, *range(axis, len(call.shape) - 1))
    return call.concat([call.continued(call.value(one), kept) for one in tensors], axis)


@lowers("Unpack")
def unpack(call: Call, node: Node, x: Tensor) -> tuple[int, ...]:
    """Each element of an axis."""
    axis, value = node["axis"] % x.ndim, call.value(x)
    return tuple(call.select(value, axis, k) for k in range(x.shape[axis]))


@lowers("ReverseV2", "Reverse")
def reverse(call: Call, node: Node, x: Tensor, axes: Tensor) -> Any:
    """Axes in reverse order."""
    known = call.concrete(axes)
    if known is None:
        return call.opaque([x, axes], "its axes aren't known")
    if known.dtype == bool:
        known = np.flatnonzero(known)
    found = tuple(sorted(int(axis) % x.ndim for axis in known))
    return call.add(Flip(found), [call.value(x)], x.shape) if found else call.value(x)


@lowers("Roll")
def roll(call: Call, node: Node, x: Tensor, shifts: Tensor, axes: Tensor) -> Any:
    """Axes rotated."""
    by, along = call.concrete(shifts), call.concrete(axes)
    if by is None or along is None:
        return call.opaque([x, shifts, axes], "how far it rolls isn't known")
    value = call.value(x)
    for shift, axis in zip(by.reshape(-1).tolist(), along.reshape(-1).tolist(), strict=True):
        axis %= x.ndim
        if x.shape[axis] and shift % x.shape[axis]:
            value = call.add(Roll(axis, shift % x.shape[axis]), [value], x.shape)
    return value


@lowers("Pad", "PadV2")
def pad(call: Call, node: Node, x: Tensor, amounts: Tensor, *filling: Tensor) -> Any:
    """The same elements between others, which read nothing, or the one that fills them."""
    known = call.concrete(amounts)
    if known is None:
        return call.opaque([x, amounts, *filling], "how much it pads isn't known")
    value = call.value(x)
    for axis, (before, after) in enumerate(known.tolist()):
        value = call.pad(value, axis, before, after)
    if filling and filling[0].value is not None:
        return call.pointwise(value, filling[0])
    return value


@lowers("MirrorPad")
def mirror_pad(call: Call, node: Node, x: Tensor, amounts: Tensor) -> Any:
    """The same elements between their mirror images, the border repeated or not."""
    known = call.concrete(amounts)
    if known is None:
        return call.opaque([x, amounts], "how much it pads isn't known")
    value = call.value(x)
    for axis, (before, after) in enumerate(known.tolist()):
        if node.text("mode") == "REFLECT":
            value = call.pad(value, axis, before, after, "reflect")
        elif before or after:
            extent = x.shape[axis]
            place = np.pad(np.arange(extent), (before, after), "symmetric")
            shape = list(call.shape_of(value))
            shape[axis] = place.size
            plane = Periodic(1, (-before,), (1 - before,))
            table = Table(axis, Indices(place), Indices(place + 1), plane)
            value = call.add(table, [value], shape)
    return value


@lowers("DepthToSpace")
def depth_to_space(call: Call, node: Node, x: Tensor) -> int:
    """Channels (r, r, c) to positions; with channels first the same."""
    r = node["block_size"]
    value = call.value(x)
    if node.channels_first():
        n, c, h, w = x.shape
        value = call.reshape(value, (n, r, r, c // r**2, h, w))
        return call.reshape(call.permute(value, (0, 3, 4, 1, 5, 2)), call.shape)
    n, h, w, c = x.shape
    value = call.reshape(value, (n, h, w, r, r, c // r**2))
    return call.reshape(call.permute(value, (0, 1, 3, 2, 4, 5)), call.shape)


@lowers("SpaceToDepth")
def space_to_depth(call: Call, node: Node, x: Tensor) -> int:
    """Positions to channels (r, r, c)."""
    r = node["block_size"]
    value = call.value(x)
    if node.channels_first():
        n, c, h, w = x.shape
        value = call.reshape(value, (n, c, h // r, r, w // r, r))
        return call.reshape(call.permute(value, (0, 3, 5, 1, 2, 4)), call.shape)
    n, h, w, c = x.shape
    value = call.reshape(value, (n, h // r, r, w // r, r, c))
    return call.reshape(call.permute(value, (0, 1, 3, 2, 4, 5)), call.shape)


@lowers(
    "Diag",
    "DiagPart",
    "MatrixDiag",
    "MatrixDiagPart",
    "MatrixDiagPartV2",
    "MatrixDiagPartV3",
    "MatrixDiagV2",
    "MatrixDiagV3",
)
def diagonals(call: Call, node: Node, x: Tensor, *rest: Tensor) -> Any:
    """Elements of diagonals, or elements put on them: where each goes is found by a run."""
    known = [call.concrete(one) for one in rest]
    if any(one is None for one in known):
        return call.opaque([x, *rest], "which diagonals it means isn't known")
    # The last operand of the newer forms is what fills the rest.
    given = [np.asarray(one) for one in known if one is not None]
    if node.operation.type[-2:] in ("V2", "V3"):
        given[-1] = np.asarray(0)
    places = node.run(
        np.arange(1, x_size(x) + 1).reshape(x.shape).astype(x.dtype or "int32"), *given
    )
    if places is None:
        return call.opaque([x], "where its elements go can't be computed")
    return chosen(call, call.value(x), np.rint(places).astype(np.int64) - 1)


def x_size(x: Tensor) -> int:
    """Number of elements of a tensor."""
    return int(np.prod(x.shape))


@lowers("MatrixBandPart")
def band(call: Call, node: Node, x: Tensor, lower: Tensor, upper: Tensor) -> Any:
    """The same elements near the diagonal; the others read nothing."""
    low, high = call.concrete(lower), call.concrete(upper)
    if low is None or high is None:
        return call.opaque([x, lower, upper], "how wide its band is isn't known")
    rows, columns = x.shape[-2:]
    apart = np.arange(rows)[:, None] - np.arange(columns)
    keep = ((low < 0) | (apart <= low)) & ((high < 0) | (-apart <= high))
    return call.mask(call.value(x), keep, filling=0)


@lowers("MatrixSetDiag", "MatrixSetDiagV2", "MatrixSetDiagV3")
def set_diagonal(call: Call, node: Node, x: Tensor, diagonal: Tensor, *rest: Tensor) -> Any:
    """The same elements beside diagonals, others on them."""
    known = [call.concrete(one) for one in rest]
    if any(one is None for one in known):
        return call.opaque([x, diagonal, *rest], "which diagonals it means isn't known")
    given = [one for one in known if one is not None]
    numbers = np.arange(1, x_size(diagonal) + 1).reshape(diagonal.shape).astype(x.dtype or "int32")
    places = node.run(np.zeros(x.shape, numbers.dtype), numbers, *given)
    if places is None:
        return call.opaque([x, diagonal], "where its elements go can't be computed")
    place = np.rint(places).astype(np.int64) - 1
    parts = []
    if x.value is not None:
        parts.append(call.mask(x.value, place < 0))
    if diagonal.value is not None:
        parts.append(chosen(call, diagonal.value, place))
    return call.pointwise(*parts)
