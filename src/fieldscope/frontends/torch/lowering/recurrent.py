"""Recurrent layers, taken whole instead of step by step."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from fieldscope.frontends.lowering import recurrent as shared
from fieldscope.frontends.torch.lowering.call import Call


def recurrent(
    call: Call,
    x: torch.Tensor,
    states: Sequence[torch.Tensor],
    *,
    layers: int,
    bidirectional: bool,
    batch_first: bool,
    hidden: int,
) -> int:
    """The outputs of a recurrent layer, [time batch directions·hidden] or batch first.

    Forward in time, step t reads the features of steps 0 to t and the first state; the
    backward half reads steps t and later. Behind a bidirectional layer both halves are
    read, so that a stack of them reads every step.
    """
    batched = x.dim() == 3
    time = 1 if batched and batch_first else 0
    value = call.value(x)
    states = [state for state in states if call.depends(state)]
    for _ in range(layers):
        directions = [shared.recurrent(call, value, time, hidden)]
        if bidirectional:
            directions.append(shared.recurrent(call, value, time, hidden, backward=True))
        value = call.concat(directions, len(call.shape_of(value)) - 1)
    for state in states:  # [layers·directions batch hidden]: read whole by every step
        read = call.reduce(call.value(state), (0, state.dim() - 1))
        shape = [1] * x.dim()
        if batched:
            shape[1 - time] = state.shape[1]
        value = call.pointwise(value, call.reshape(read, shape), shape=call.shape_of(value))
    return value


def last_state(call: Call, output: int, state: torch.Tensor, batch_first: bool) -> int:
    """The state after the last step, [layers·directions batch hidden]: it has read every step."""
    shape = call.shape_of(output)
    time = 1 if batch_first and len(shape) == 3 else 0
    read = call.reduce(output, (time, len(shape) - 1))
    batch = shape[1 - time : 2 - time] if len(shape) == 3 else ()
    return call.expand(call.reshape(read, (1, *batch, 1)), state.shape)
