"""Operators that move whole axes: views, joins, splits, padding."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from fieldscope.errors import ModelError
from fieldscope.frontends.lowering.call import Call
from fieldscope.frontends.lowering.indexing import chosen
from fieldscope.frontends.lowering.program import Tensor
from fieldscope.frontends.onnx.lowering.registry import lowers
from fieldscope.frontends.onnx.node import Node
from fieldscope.graph.operators import Flip, PadMode


def integers(call: Call, node: Node, tensor: Tensor | None, name: str = "") -> list[int] | None:
    """A list of integers: a constant operand, or the attribute that it was in older versions."""
    if tensor is not None:
        known = call.concrete(tensor)
        return None if known is None else [int(one) for one in known.reshape(-1)]
    return node.integers(name, None) if name else None


def wrapped(node: Node, axes: Sequence[int], ndim: int) -> list[int]:
    """Axes counted from 0 on."""
    for axis in axes:
        if not -ndim <= axis < ndim:
            raise ModelError(f"{node.what} has no axis {axis}: its operand has {ndim}")
    return [axis % ndim for axis in axes]


@lowers("Reshape", "Flatten")
def reshape(call: Call, _: Node, x: Tensor, *__: Tensor) -> int:
    """The same elements in row-major order; the extents are those of the result."""
    return call.reshape(call.value(x), call.shape)


@lowers("Squeeze")
def squeeze(call: Call, node: Node, x: Tensor, axes: Tensor | None = None) -> int:
    """Axes of extent 1 dropped."""
    given = integers(call, node, axes, "axes")
    gone = (
        [axis for axis, extent in enumerate(x.shape) if extent == 1]
        if given is None
        else wrapped(node, given, x.ndim)
    )
    return call.continued(call.value(x), tuple(k for k in range(x.ndim) if k not in gone))


@lowers("Unsqueeze")
def unsqueeze(call: Call, node: Node, x: Tensor, axes: Tensor | None = None) -> int:
    """New axes of extent 1."""
    ndim = len(call.shape)
    new = wrapped(node, integers(call, node, axes, "axes") or [], ndim)
    old = iter(range(x.ndim))
    return call.continued(call.value(x), tuple(-1 if k in new else next(old) for k in range(ndim)))


@lowers("Transpose")
def transpose(call: Call, node: Node, x: Tensor) -> int:
    """Axes in another order, by default in the reverse one."""
    order = node.integers("perm", None)
    return call.permute(call.value(x), range(x.ndim)[::-1] if order is None else order)


@lowers("Expand")
def expand(call: Call, _: Node, x: Tensor, shape: Tensor) -> int:
    """Broadcast to the result's shape."""
    return call.expand(call.value(x), call.shape)


@lowers("Tile")
def tile(call: Call, node: Node, x: Tensor, repeats: Tensor) -> int:
    """Copies one after another: a new axis in front of each, merged with it."""
    counts = integers(call, node, repeats) or []
    split = tuple(extent for n in x.shape for extent in (1, n))
    tiled = tuple(extent for r, n in zip(counts, x.shape, strict=True) for extent in (r, n))
    return call.reshape(call.expand(call.reshape(call.value(x), split), tiled), call.shape)


@lowers("Concat")
def concat(call: Call, node: Node, *tensors: Tensor) -> int:
    """One after another; empty operands add nothing."""
    axis = node.integer("axis", 1) % len(call.shape)
    kept = [one for one in tensors if one.shape[axis]]
    if not kept:
        return call.builder.constant(call.shape)
    return call.concat([call.value(one) for one in kept], axis)


@lowers("com.microsoft.QLinearConcat", shapes=lambda node, *t: [(_joined(node, t), t[2].dtype)])
def quantised_concat(call: Call, node: Node, scale: Tensor, zero: Tensor, *tensors: Tensor) -> int:
    """One after another; each operand is followed by its scale and zero point."""
    axis = node.integer("axis", 1) % len(call.shape)
    return call.concat([call.value(one) for one in tensors[::3]], axis)


def _joined(node: Node, tensors: Sequence[Any]) -> tuple[int, ...]:
    axis, shapes = node.integer("axis", 1), [one.shape for one in tensors[2::3]]
    found = list(shapes[0])
    found[axis] = sum(shape[axis] for shape in shapes)
    return tuple(found)


@lowers("Split")
def split(call: Call, node: Node, x: Tensor, *_: Tensor) -> tuple[int, ...]:
    """Runs of an axis, as long as the results."""
    axis = wrapped(node, [node.integer("axis", 0)], x.ndim)[0]
    value, place, parts = call.value(x), 0, []
    for result in call.results:
        parts.append(call.slice(value, axis, place, result.shape[axis]))
        place += result.shape[axis]
    if place > x.shape[axis]:
        raise ModelError(f"{node.what} splits {place} elements off an axis of {x.shape[axis]}")
    return tuple(parts)


@lowers("Slice")
def slice_axes(call: Call, node: Node, x: Tensor, *operands: Tensor | None) -> int:
    """Every step-th element of some axes; backwards where the step is negative."""
    starts, ends, axes, steps = (
        integers(call, node, operands[k] if k < len(operands) else None, name)
        for k, name in enumerate(("starts", "ends", "axes", ""))
    )
    starts, ends = starts or [], ends or []
    places = wrapped(node, range(len(starts)) if axes is None else axes, x.ndim)
    value = call.value(x)
    for axis, start, step in zip(places, starts, steps or [1] * len(starts), strict=True):
        n, count = x.shape[axis], call.shape[axis]
        first = start + n if start < 0 else start
        if step > 0:
            first = min(max(first, 0), n)
        else:
            value = call.add(Flip((axis,)), [value], call.shape_of(value))
            first = n - 1 - min(max(first, 0), n - 1)
        value = call.slice(value, axis, first if count else 0, count, abs(step) if count > 1 else 1)
    return value


MODES: dict[str, PadMode] = {
    "constant": "constant",
    "reflect": "reflect",
    "edge": "replicate",
    "wrap": "circular",
}


@lowers("Pad")
def pad(
    call: Call,
    node: Node,
    x: Tensor,
    amounts: Tensor | None = None,
    filling: Tensor | None = None,
    axes: Tensor | None = None,
) -> int | tuple[int, ...]:
    """The same elements between others, which repeat them or read nothing; negative cuts off."""
    if call.depends(filling):
        return call.opaque([x, filling], "its padding is filled with what the input says")
    given = integers(call, node, amounts, "pads") or []
    mode = node.text("mode", "constant")
    if mode not in MODES:
        raise ModelError(f"{node.what} pads by {mode!r}, which isn't known")
    named = integers(call, node, axes)
    places = wrapped(node, range(x.ndim) if named is None else named, x.ndim)
    half, value = len(places), call.value(x)
    if len(given) != 2 * half:
        raise ModelError(f"{node.what} has {len(given)} amounts of padding for {half} axes")
    for axis, before, after in zip(places, given[:half], given[half:], strict=True):
        cut = min(before, 0), min(after, 0)
        value = call.slice(value, axis, -cut[0], call.shape_of(value)[axis] + sum(cut))
        value = call.pad(value, axis, before - cut[0], after - cut[1], MODES[mode])
    return value


@lowers("CenterCropPad")
def center_crop_pad(call: Call, node: Node, x: Tensor, shape: Tensor) -> int:
    """The middle of some axes, or zeros around them; the odd element goes behind."""
    axes = wrapped(node, node.integers("axes", list[int]()) or range(x.ndim), x.ndim)
    value = call.value(x)
    for axis in axes:
        n, m = x.shape[axis], call.shape[axis]
        if n > m:
            value = call.slice(value, axis, (n - m) // 2, m)
        else:
            value = call.pad(value, axis, (m - n) // 2, m - n - (m - n) // 2)
    return value


@lowers("DepthToSpace")
def depth_to_space(call: Call, node: Node, x: Tensor) -> int:
    """Channels to positions: [r r c] of them in mode DCR, [c r r] in mode CRD."""
    n, channels, height, width = x.shape
    r = node.integer("blocksize", 1)
    rest = channels // r**2
    if node.text("mode", "DCR") == "DCR":
        split, order = (n, r, r, rest, height, width), (0, 3, 4, 1, 5, 2)
    else:
        split, order = (n, rest, r, r, height, width), (0, 1, 4, 2, 5, 3)
    return call.reshape(call.permute(call.reshape(call.value(x), split), order), call.shape)


@lowers("SpaceToDepth")
def space_to_depth(call: Call, node: Node, x: Tensor) -> int:
    """Positions to channels: [r r c] of them in mode DCR, [c r r] in mode CRD."""
    n, channels, height, width = x.shape
    r = node.integer("blocksize", 1)
    value = call.reshape(call.value(x), (n, channels, height // r, r, width // r, r))
    order = (0, 3, 5, 1, 2, 4) if node.text("mode", "DCR") == "DCR" else (0, 1, 3, 5, 2, 4)
    return call.reshape(call.permute(value, order), call.shape)


@lowers("Trilu")
def triangle(call: Call, node: Node, x: Tensor, diagonal: Tensor | None = None) -> int:
    """The same elements on one side of a diagonal; the others read nothing."""
    place = [0] if diagonal is None else integers(call, node, diagonal)
    if place is None:
        scalar = None
        if call.depends(diagonal):
            assert diagonal is not None
            scalar = call.reshape(call.value(diagonal), (1,) * x.ndim)
        return call.pointwise(x, scalar)
    rows, columns = x.shape[-2:]
    keep = np.arange(columns) - np.arange(rows)[:, None]
    upper = node.integer("upper", 1)
    return call.mask(call.value(x), keep >= place[0] if upper else keep <= place[0], filling=0)


@lowers("ReverseSequence")
def reverse_sequence(call: Call, node: Node, x: Tensor, lengths: Tensor) -> int:
    """The first steps of each sample in reverse order."""
    time, batch = node.integer("time_axis", 0), node.integer("batch_axis", 1)
    known = integers(call, node, lengths)
    if known is None:
        read = None
        if call.depends(lengths):
            shape = [1] * x.ndim
            shape[batch] = lengths.shape[0]
            read = call.reshape(call.value(lengths), shape)
        return call.pointwise(call.mix(call.value(x), (time,)), read)
    index = np.arange(prod(x.shape)).reshape(x.shape)
    moved = np.moveaxis(index, (batch, time), (0, 1))
    for sample, count in enumerate(known):
        moved[sample, :count] = moved[sample, :count][::-1].copy()
    return chosen(call, call.value(x), index)
