"""Norms, as what they are: the element and the statistics of some axes."""

from __future__ import annotations

from fieldscope.frontends.lowering.norms import normalised
from fieldscope.frontends.lowering.program import Call, Tensor
from fieldscope.frontends.tensorflow.lowering.registry import lowers
from fieldscope.frontends.tensorflow.node import Node
from fieldscope.geometry.sliding import Sliding
from fieldscope.graph.operators import Window


@lowers("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3", "_FusedBatchNormEx")
def batch_norm(call: Call, node: Node, x: Tensor, *parameters: Tensor) -> tuple[int | None, ...]:
    """Position for position; in training with the statistics of each channel."""
    channel = 1 if node.channels_first() else x.ndim - 1
    others = [axis for axis in range(x.ndim) if axis != channel]
    shape = [n if axis == channel else 1 for axis, n in enumerate(x.shape)]
    given = [
        call.reshape(call.value(p), shape) for p in parameters if p.value is not None and p.shape
    ]
    statistics: int | None = None
    if node["is_training"]:
        joined = normalised(call, call.value(x), others, *given)
        statistics = call.reduce(call.value(x), others) if x.value is not None else None
    else:
        joined = call.pointwise(x, *given)
    alike = (x.shape[channel],)
    return (joined, *(statistics if one.shape == alike else None for one in call.results[1:]))


@lowers("LRN")
def local_response(call: Call, node: Node, x: Tensor) -> int:
    """The channels beside, at the same position."""
    radius, axis = node["depth_radius"], x.ndim - 1
    window = Sliding(2 * radius + 1, before=radius)
    return call.add(Window((axis,), (window,)), [call.value(x)], call.shape)


@lowers("L2Loss")
def l2_loss(call: Call, node: Node, x: Tensor) -> int:
    """Everything."""
    return call.reduce(call.value(x), range(x.ndim))
