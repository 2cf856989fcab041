"""LSTM, GRU and RNN, taken whole instead of step by step."""

from __future__ import annotations

from typing import Any

import numpy as np

from fieldscope.frontends.lowering.call import Call
from fieldscope.frontends.lowering.program import Tensor
from fieldscope.frontends.lowering.recurrent import recurrent
from fieldscope.frontends.onnx.lowering.registry import lowers
from fieldscope.frontends.onnx.node import Node

DIRECTIONS = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}


@lowers("LSTM", "GRU", "RNN")
def recurrence(
    call: Call,
    node: Node,
    x: Tensor,
    weight: Tensor,
    inner: Tensor,
    bias: Tensor | None = None,
    lengths: Tensor | None = None,
    *states: Tensor | None,
) -> tuple[Any, ...] | int:
    """Step t reads the features of steps 0 to t, or t and later, and the first state.

    The input is [time batch features], the outputs [time direction batch hidden] and the last
    state [direction batch hidden]; with layout 1 the batch comes first.
    """
    directions = DIRECTIONS.get(node.text("direction", "forward"))
    depend = [one for one in (weight, inner, bias, lengths) if call.depends(one)]
    if directions is None or depend:
        return call.opaque([x, weight, inner, bias, lengths, *states], "its weights depend on x")
    layout = node.integer("layout", 0)
    value = call.permute(call.value(x), (1, 0, 2)) if layout else call.value(x)
    steps, batch, _ = call.shape_of(value)
    hidden, keep = inner.shape[-1], None
    known = None if lengths is None else call.concrete(lengths)
    if known is not None:
        # Steps behind a sample's end are neither read nor made.
        keep = (np.arange(steps)[:, None] < known)[:, :, None]
        value = call.mask(value, keep, filling=0)
    parts, last = [], []
    read = [_state(call, one, batch, layout, len(directions)) for one in states[:2]]
    for k, backward in enumerate(directions):
        out = recurrent(call, value, 0, hidden, backward=backward)
        shape = call.shape_of(out)
        for state in read:
            if state is not None:
                own = call.slice(state, 0, k, 1)  # [1 batch 1]
                out = call.pointwise(out, own, shape=shape)
        if keep is None:
            end = call.slice(out, 0, 0 if backward else steps - 1, 1)
        else:
            out = call.mask(out, keep, filling=0)
            end = call.reduce(out, (0,), keep=True)
        last.append(end)
        parts.append(call.continued(out, (0, -1, 1, 2)))
    outputs = call.concat(parts, 1)
    state = call.concat(last, 0)
    if layout:
        outputs = call.permute(outputs, (2, 0, 1, 3))
        state = call.permute(state, (1, 0, 2))
    return (outputs, state, state)[: len(call.results)]


def _state(
    call: Call, state: Tensor | None, batch: int, layout: int, directions: int
) -> int | None:
    """A first state [direction batch hidden], of which each step reads all features."""
    if state is None or not call.depends(state):
        return None
    value = call.permute(call.value(state), (1, 0, 2)) if layout else call.value(state)
    return call.reduce(value, (2,), keep=True)
