"""Measure a network: which input elements its outputs read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from tests.oracle.shadows import Hull, Shadows
from tests.oracle.standins import play
from tests.oracle.tape import Output, Tape, record

Index = tuple[Any, ...]


class Measured:
    """What the outputs of every module of a network read.

    Attributes:
        inputs: The real inputs by name, "0", "1"... or the keyword.
        shapes: For each module call ("" is the model) the shapes of what it
            returned, by the path inside a nested output ("" for one tensor).
    """

    def __init__(self, played: Mapping[str, Shadows], tape: Tape) -> None:
        self._played = played
        self._supports: dict[tuple[str, str, str, str | None], Tensor] = {}
        self._hulls: dict[tuple[str, str, str, str | None], Hull] = {}
        self.inputs: dict[str, Tensor] = tape.inputs
        self.shapes = {
            event.name: {key: tuple(real.shape) for key, real in event.tensors.items()}
            for event in tape.events
            if isinstance(event, Output)
        }

    def support(
        self, layer: str, index: Index, *, part: str = "", input: str | None = None
    ) -> Tensor:
        """Mask over an input: what `output[index]` of a layer reads."""
        key = (layer, repr(index), part, input)
        if key not in self._supports:
            shadows = self._shadows(input)
            shadow = shadows.outputs[layer][part]
            self._supports[key] = (
                torch.zeros(shadows.leaf.shape, dtype=torch.bool)
                if shadow is None
                else shadows.reads(shadow[index])
            )
        return self._supports[key]

    def hull(self, layer: str, index: Index, *, part: str = "", input: str | None = None) -> Hull:
        """Half-open (lo, hi) of the support along each spatial axis; (0, 0) if empty."""
        key = (layer, repr(index), part, input)
        if key not in self._hulls:
            mask = self.support(layer, index, part=part, input=input)
            self._hulls[key] = self._shadows(input).hull(mask)
        return self._hulls[key]

    def _shadows(self, name: str | None) -> Shadows:
        return self._played[next(iter(self._played)) if name is None else name]


def spatial_axes(rank: int) -> tuple[int, ...]:
    """All axes but batch and channels, for maps."""
    return tuple(range(2, rank)) if 3 <= rank <= 5 else ()


def measure(
    model: Callable[..., Any],
    inputs: Any,
    *,
    context: bool = True,
    axes: Mapping[str, Sequence[int]] | Sequence[int] | None = None,
) -> Measured:
    """Run `model` once and measure what its modules' outputs read.

    Args:
        model: A module or any callable on tensors.
        inputs: A shape, a tensor, or a tuple or list (positional) or dict (by
            keyword) of those.
        context: Count statistics of the whole map (squeeze-and-excitation,
            group norm), broadcast back onto it, as read.
        axes: Spatial axes of the input, or of each input by name.
    """
    args, kwargs = arguments(inputs)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        tape = record(model, args, kwargs)
    played = {}
    for name, real in tape.inputs.items():
        if isinstance(axes, Mapping):
            own: Sequence[int] | None = axes.get(name)
        else:
            own = axes
        spatial = spatial_axes(real.dim()) if own is None else tuple(own)
        played[name] = play(tape, name, spatial, context=context)
    return Measured(played, tape)


def support(
    model: Callable[..., Any], inputs: Any, pick: Callable[[Any], Tensor], *, context: bool = True
) -> Tensor:
    """Mask over the (first) input: what the picked part of the output reads."""

    def picked(*args: Any, **kwargs: Any) -> Tensor:
        return pick(model(*args, **kwargs))

    return measure(picked, inputs, context=context).support("", ())


def boxes(
    model: Callable[..., Any],
    inputs: Any,
    layer: str,
    position: Sequence[int],
    *,
    channel: int | None = None,
    context: bool = True,
) -> Hull:
    """(lo, hi) along each spatial axis for a position of a layer [n c *spatial]."""
    measured = measure(model, inputs, context=context)
    channels = slice(None) if channel is None else channel
    return measured.hull(layer, (slice(None), channels, *position))


def arguments(inputs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Real inputs, by position and by keyword; see `measure`."""
    if isinstance(inputs, dict):
        return (), {name: _real(value) for name, value in inputs.items()}
    if isinstance(inputs, Tensor) or all(isinstance(v, int) for v in inputs):
        return (_real(inputs),), {}
    return tuple(_real(value) for value in inputs), {}


def _real(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.clone()
    if isinstance(value, tuple) and all(isinstance(extent, int) for extent in value):
        generator = torch.Generator().manual_seed(1)
        return torch.randn(value, generator=generator)
    return value
