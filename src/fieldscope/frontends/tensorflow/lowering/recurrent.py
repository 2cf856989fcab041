"""Recurrent layers that TensorFlow runs as one operator."""

from __future__ import annotations

from fieldscope.frontends.lowering.program import Call, Tensor
from fieldscope.frontends.lowering.recurrent import recurrent
from fieldscope.frontends.tensorflow.lowering.registry import lowers
from fieldscope.frontends.tensorflow.node import Node


@lowers("CudnnRNN", "CudnnRNNV2", "CudnnRNNV3")
def cudnn(call: Call, node: Node, x: Tensor, *states: Tensor) -> tuple[int | None, ...]:
    """Step t reads the features of steps 0 to t; the backward half those of t and later."""
    time = 0 if node.get("time_major", True) else 1
    both = node.text("direction") == "bidirectional"
    value, features = call.value(x), call.shape[-1]
    hidden = features // 2 if both else features
    outputs = [recurrent(call, value, time, hidden)]
    if both:
        outputs.append(recurrent(call, value, time, hidden, backward=True))
    joined = call.concat(outputs, 2)
    batch = x.shape[1 - time]
    for state in states[:2]:
        if state.value is not None:
            read = call.reduce(state.value, (0, state.ndim - 1))
            shape = [1, batch, 1] if time == 0 else [batch, 1, 1]
            joined = call.pointwise(joined, call.reshape(read, shape))
    last = call.reduce(joined, (time, 2))
    results: list[int | None] = [joined]
    for result in call.results[1:]:
        if len(result.shape) == 3 and result.shape[-1]:
            results.append(call.expand(call.reshape(last, (1, batch, 1)), result.shape))
        else:
            results.append(None)
    return tuple(results)
