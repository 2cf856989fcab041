"""What a network reads by trying: change one input element, look at all outputs.

Slow, and it can miss what a dead unit hides, so it tries several inputs and
changes of several sizes. It is what the oracle itself is judged by.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

CHANGES = (0.7, -0.7, 6.0, -6.0)


def changed(
    model: Callable[..., Any], shapes: list[tuple[int, ...]], number: int = 0, *, trials: int = 4
) -> Tensor:
    """Mask [output element, input element]: what changing input `number` changes.

    A module is run in double precision, in which a rounding is no change.
    """
    if isinstance(model, nn.Module):
        model = model.double()
    generator = torch.Generator().manual_seed(5)
    found: Tensor | None = None
    with torch.no_grad():
        for _ in range(trials):
            inputs = [
                torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes
            ]
            before = _first(model(*(x.clone() for x in inputs))).flatten()
            scale = before.abs().max().clamp_min(1e-3) if before.numel() else 1.0
            if found is None:
                found = torch.zeros(before.numel(), inputs[number].numel(), dtype=torch.bool)
            for element in range(inputs[number].numel()):
                for change in CHANGES:
                    tried = [x.clone() for x in inputs]
                    tried[number].view(-1)[element] += change
                    after = _first(model(*tried)).flatten()
                    found[:, element] |= (after - before).abs() > 1e-11 * scale
    assert found is not None
    return found


def _first(output: Any) -> Tensor:
    """The first tensor of an output."""
    if isinstance(output, dict):
        output = output["first"]
    first = output[0] if isinstance(output, tuple | list) else output
    assert isinstance(first, Tensor)
    return first
