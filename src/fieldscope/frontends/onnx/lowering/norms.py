"""Norms, as what they are: the element and the statistics of some axes; softmax."""

from __future__ import annotations

from typing import Any

import numpy as np

from fieldscope.errors import ModelError
from fieldscope.frontends.lowering.call import Call
from fieldscope.frontends.lowering.norms import grouped, normalised
from fieldscope.frontends.lowering.program import Tensor
from fieldscope.frontends.onnx.lowering.pointwise import along_axis
from fieldscope.frontends.onnx.lowering.registry import like_first, lowers
from fieldscope.frontends.onnx.node import Node
from fieldscope.graph.operators import Indices, Table


@lowers("BatchNormalization")
def batch_norm(
    call: Call, node: Node, x: Tensor, *parameters: Tensor | None
) -> tuple[int | None, ...]:
    """Position for position; in training, with the statistics of the batch as well."""
    parts = [along_axis(call, one, 1, x.ndim) for one in parameters]
    value = call.value(x)
    found: list[int | None] = [None for _ in call.results[1:]]
    if node.integer("training_mode", 0):
        statistics = call.reduce(value, (0, *range(2, x.ndim)), keep=True)
        parts.append(statistics)
        flat = call.reshape(statistics, (x.shape[1],))
        found = [call.pointwise(flat, *parameters[2:], shape=(x.shape[1],)) for _ in found]
    return (call.pointwise(value, *parts), *found)


@lowers("InstanceNormalization")
def instance_norm(call: Call, _: Node, x: Tensor, *parameters: Tensor | None) -> int:
    """The element and the statistics of its channel."""
    scaled = (along_axis(call, one, 1, x.ndim) for one in parameters)
    return normalised(call, call.value(x), range(2, x.ndim), *scaled)


@lowers("GroupNormalization")
def group_norm(call: Call, node: Node, x: Tensor, *parameters: Tensor | None) -> int:
    """The element and the statistics of its group of channels, over all positions."""
    groups = node.integer("num_groups", 0)
    if groups < 1 or x.shape[1] % groups:
        raise ModelError(f"{node.what} divides {x.shape[1]} channels into {groups} groups")
    value = grouped(call, call.value(x), groups)
    parts = []
    for one in parameters:
        if one is not None and call.depends(one):
            own = call.value(one)
            if one.shape[0] != x.shape[1]:  # one for each group, before opset 21
                own = call.gather(own, 0, np.arange(x.shape[1]) // (x.shape[1] // one.shape[0]))
            parts.append(call.reshape(own, (x.shape[1], *(1,) * (x.ndim - 2))))
    return call.pointwise(value, *parts) if parts else value


def _layer_norm_shapes(node: Node, x: Tensor, *_: Any) -> list[Any]:
    axis = node.integer("axis", -1) % max(x.ndim, 1)
    less = tuple(1 if k >= axis else n for k, n in enumerate(x.shape))
    return [(x.shape, x.dtype), (less, "float32"), (less, "float32")]


@lowers("LayerNormalization", "RMSNormalization")
@lowers(
    "com.microsoft.LayerNormalization",
    "com.microsoft.SimplifiedLayerNormalization",
    "SimplifiedLayerNormalization",
    shapes=_layer_norm_shapes,
)
def layer_norm(
    call: Call, node: Node, x: Tensor, *parameters: Tensor | None
) -> tuple[int | None, ...]:
    """The element and the statistics of the axes from one on."""
    axes = range(node.integer("axis", -1) % x.ndim, x.ndim)
    value = call.value(x)
    statistics = call.reduce(value, axes, keep=True)
    result = call.pointwise(value, statistics, *parameters)
    return (result, *(statistics for _ in call.results[1:]))


def _skip_shapes(node: Node, x: Tensor, *_: Any) -> list[Any]:
    less = (*x.shape[:-1], 1)
    return [(x.shape, x.dtype), (less, "float32"), (less, "float32"), (x.shape, x.dtype)]


@lowers(
    "com.microsoft.SkipLayerNormalization",
    "com.microsoft.SkipSimplifiedLayerNormalization",
    shapes=_skip_shapes,
)
def skip_layer_norm(
    call: Call, node: Node, x: Tensor, skip: Tensor, *parameters: Tensor | None
) -> tuple[int | None, ...]:
    """The sum of two operands (and a bias), normed over the last axis."""
    count = 1 if "Simplified" in node.op else 2
    total = call.pointwise(x, skip, *parameters[count:], shape=x.shape)
    statistics = call.reduce(total, (x.ndim - 1,), keep=True)
    result = call.pointwise(total, statistics, *parameters[:count], shape=x.shape)
    return (result, statistics, statistics, total)[: len(call.results)]


@lowers("MeanVarianceNormalization")
def mean_variance_norm(call: Call, node: Node, x: Tensor) -> int:
    """The element and the statistics of the axes."""
    return normalised(call, call.value(x), node.integers("axes", [0, 2, 3]))


@lowers("LpNormalization")
def lp_norm(call: Call, node: Node, x: Tensor) -> int:
    """The element and the norm of its axis."""
    return normalised(call, call.value(x), (node.integer("axis", -1),))


@lowers("LRN")
def local_response_norm(call: Call, node: Node, x: Tensor) -> int:
    """The element and the channels around it."""
    size, channels = node.integer("size", 1), np.arange(x.shape[1])
    lo = np.maximum(channels - (size - 1) // 2, 0)
    hi = np.minimum(channels + size // 2 + 1, x.shape[1])
    value = call.value(x)
    around = call.add(Table(1, Indices(lo), Indices(hi)), [value], x.shape)
    return call.pointwise(value, around)


@lowers("Softmax")
def softmax(call: Call, node: Node, x: Tensor) -> int:
    """The whole of an axis, at every position of it; minus infinity turns to zero."""
    return call.mix(call.value(x), _flattened(node, x), softmax=True)


@lowers("LogSoftmax", "Hardmax")
def log_softmax(call: Call, node: Node, x: Tensor) -> int:
    """The whole of an axis, at every position of it."""
    return call.mix(call.value(x), _flattened(node, x))


@lowers("com.microsoft.QLinearSoftmax", shapes=like_first)
def quantised_softmax(call: Call, node: Node, x: Tensor, *_: Tensor | None) -> int:
    """The whole of an axis, at every position of it."""
    return call.mix(call.value(x), _flattened(node, x))


def _flattened(node: Node, x: Tensor) -> range:
    """The axes of a softmax: before opset 13 it is all of them from one on."""
    if node.integer("opset", node.opset) >= 13:
        axis = node.integer("axis", -1) % max(x.ndim, 1)
        return range(axis, axis + 1)
    return range(node.integer("axis", 1) % max(x.ndim, 1), x.ndim)
