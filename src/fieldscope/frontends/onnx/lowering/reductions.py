"""Reductions, prefixes, sorting and transforms along axes."""

from __future__ import annotations

from typing import Any

import numpy as np

from fieldscope.frontends.lowering.call import Call
from fieldscope.frontends.lowering.program import Tensor
from fieldscope.frontends.lowering.recurrent import prefix
from fieldscope.frontends.onnx.lowering.movement import integers, wrapped
from fieldscope.frontends.onnx.lowering.registry import lowers
from fieldscope.frontends.onnx.node import Node

REDUCTIONS = "L1 L2 LogSum LogSumExp Max Mean Min Prod Sum SumSquare".split()


@lowers(*(f"Reduce{name}" for name in REDUCTIONS))
def reduction(call: Call, node: Node, x: Tensor, axes: Tensor | None = None) -> int:
    """The whole of the axes."""
    given = integers(call, node, axes, "axes")
    if not given:
        if node.integer("noop_with_empty_axes", 0):
            return call.pointwise(x)
        given = list(range(x.ndim))
    value = call.value(x)
    if not given:
        return call.pointwise(x)
    return call.reduce(value, wrapped(node, given, x.ndim), keep=bool(node.integer("keepdims", 1)))


@lowers("ArgMax", "ArgMin")
def arguments(call: Call, node: Node, x: Tensor) -> int:
    """The whole of an axis."""
    axis = wrapped(node, [node.integer("axis", 0)], x.ndim)
    return call.reduce(call.value(x), axis, keep=bool(node.integer("keepdims", 1)))


@lowers("TopK")
def topk(call: Call, node: Node, x: Tensor, count: Tensor | None = None) -> tuple[int, ...]:
    """The whole of an axis, for each of the k results."""
    axis = wrapped(node, [node.integer("axis", -1)], x.ndim)
    value = call.mix(call.value(x), axis, call.shape)
    return (value,) * len(call.results)


@lowers("CumSum", "CumProd")
def cumulative(call: Call, node: Node, x: Tensor, axis: Tensor) -> int | tuple[int, ...]:
    """Element o reads elements 0 to o, or o to the last; itself not if exclusive."""
    known = integers(call, node, axis)
    if known is None:
        return call.opaque([x, axis], "the axis that it sums along isn't known")
    return prefix(
        call,
        call.value(x),
        wrapped(node, known, x.ndim)[0],
        backward=bool(node.integer("reverse", 0)),
        exclusive=bool(node.integer("exclusive", 0)),
    )


@lowers("DFT")
def fourier(
    call: Call,
    node: Node,
    x: Tensor,
    length: Tensor | None = None,
    axis: Tensor | None = None,
) -> int | tuple[int, ...]:
    """The whole of the transformed axis, and both parts of complex numbers."""
    known = integers(call, node, axis)
    if axis is not None and known is None:
        return call.opaque([x, axis], "the axis that it transforms isn't known")
    default = 1 if node.opset < 20 else -2
    place = known[0] if known else node.integer("axis", default)
    axes = [wrapped(node, [place], x.ndim)[0], x.ndim - 1]
    count = integers(call, node, length)
    value = call.value(x)
    if count is not None and count[0] < x.shape[axes[0]] and not node.integer("inverse", 0):
        value = call.slice(value, axes[0], 0, max(count[0], 1))
    return call.mix(value, axes, call.shape)


def _frames(
    node: Node, x: Tensor, step: Tensor, window: Any = None, length: Tensor | None = None
) -> list[Any]:
    """[batch frames bins 2]; ONNX's own shape function swaps frames and bins in some versions."""
    known = None if step.depends else step.elements()
    size: int | None = x.shape[1] if window is None else window.shape[0]
    if length is not None:
        given = None if length.depends else length.elements()
        size = None if given is None else int(given.reshape(-1)[0])
    if known is None or size is None or int(known.reshape(-1)[0]) < 1 or size < 1:
        return [((x.shape[0], None, None, 2), x.dtype)]
    frames = max((x.shape[1] - size) // int(known.reshape(-1)[0]) + 1, 0)
    bins = size // 2 + 1 if node.integer("onesided", 1) else size
    return [((x.shape[0], frames, bins, 2), x.dtype)]


@lowers("STFT", shapes=_frames)
def short_fourier(
    call: Call,
    node: Node,
    x: Tensor,
    step: Tensor,
    window: Tensor | None = None,
    length: Tensor | None = None,
) -> int | tuple[int, ...]:
    """Each frame reads its window of the signal; [batch time 1] to [batch frame bin 2]."""
    stride = integers(call, node, step)
    given = integers(call, node, length)
    size = given[0] if given else x.shape[1] if window is None else window.shape[0]
    if stride is None or call.depends(window):
        return call.opaque([x, step, window, length], "its frames aren't known")
    frames = call.shape[1]
    index = np.arange(frames)[:, None] * stride[0] + np.arange(size)
    value = call.gather(call.value(x), 1, index)
    if x.ndim == 2:
        value = call.reshape(value, (*call.shape_of(value), 1))
    return call.mix(value, (2, 3), call.shape)


@lowers("Det")
def determinant(call: Call, _: Node, x: Tensor) -> int:
    """The whole of a matrix."""
    return call.reduce(call.value(x), (x.ndim - 2, x.ndim - 1))


def _loss_parts(call: Call, *tensors: Tensor | None) -> list[Any]:
    return [one for one in tensors if one is not None and call.depends(one)]


@lowers("NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss")
def loss(
    call: Call, node: Node, x: Tensor, target: Tensor, weight: Tensor | None = None
) -> tuple[int, ...] | int:
    """All classes of a position, or of all of them where the loss is reduced."""
    if node.text("reduction", "mean") != "none" or call.depends(weight):
        return call.opaque(_loss_parts(call, x, target, weight), "it reads everything")
    mixed = call.mix(call.value(x), (1,)) if call.depends(x) else None
    own = None if mixed is None else call.reduce(mixed, (1,))
    value = call.pointwise(own, target)
    return value if len(call.results) == 1 else (value, mixed or call.builder.constant(x.shape))
