"""What a redesign is judged by: the figures of a network before and after."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from fieldscope.analyses.export import plain
from fieldscope.analyses.layers import Report
from fieldscope.analyses.outline import Foreseen, Outlook
from fieldscope.analyses.productivity import LayerProductivity, productivity_of

Sizes = tuple[int | float, ...]
Strides = tuple[int | Fraction | None, ...]

# Operators with a kernel that slides; with weights of its own it is a convolution.
_SLIDING = ("window", "spread")


@dataclass(frozen=True, slots=True)
class Figures:
    """A network in a few numbers, at one input.

    Attributes:
        unproductive: number of layers that can add no context.
        convolutions: number of convolutions among them.
        widening: number of layers that widen the field, productive or not.
        size: largest field of the maps that convolutions and pooling make, global ones aside,
            per axis; empty where there is none.
        stride: stride of the last map that has it.
        parameters: learnable parameters.
        macs: multiply-accumulates.
    """

    unproductive: int
    convolutions: int
    widening: int
    size: Sizes
    stride: Strides
    parameters: int
    macs: int

    def to_dict(self) -> dict[str, Any]:
        """The figures as plain data."""
        return {
            "unproductive": self.unproductive,
            "unproductive_convolutions": self.convolutions,
            "widening": self.widening,
            "size": plain(self.size),
            "stride": [None if one is None else _number(one) for one in self.stride],
            "parameters": self.parameters,
            "macs": self.macs,
        }


def figures_of(report: Report, input: str | None = None) -> Figures:
    """The figures of an analysed network.

    Args:
        report: what was analysed.
        input: name of the input, where the model has several.

    Raises:
        InputError: the input doesn't exist or must be named, or the report was not made by an
            analysis.

    Example:
        >>> import fieldscope
        >>> from torch import nn
        >>> net = nn.Sequential(*(nn.Conv2d(1, 1, 3, padding=1) for _ in range(6)))
        >>> found = figures_of(fieldscope.analyze(net, (1, 1, 8, 8)))
        >>> found.unproductive, found.widening, found.size, found.stride, found.parameters
        (2, 6, (13, 13), (1, 1), 60)
    """
    found = productivity_of(report, input)
    maps = [
        (one.size, layer.fields[found.input].stride)
        for one in found.layers
        if one.operator in _SLIDING and (layer := report[one.layer]).spatial
    ]
    return _figures(found.layers, maps, found.macs, found.parameters)


def figures_of_outlook(outlook: Outlook) -> Figures:
    """The figures that an edited network would have.

    Example:
        >>> import fieldscope
        >>> from torch import nn
        >>> from fieldscope.analyses.edits import Reshape
        >>> from fieldscope.analyses.outline import outline_of
        >>> net = nn.Sequential(*(nn.Conv2d(1, 1, 3, padding=1) for _ in range(6)))
        >>> outline = outline_of(fieldscope.analyze(net, (1, 1, 8, 8)))
        >>> narrowed = outline.with_edits([Reshape("5", kernel=(1, 1), padding=(0, 0))])
        >>> found = figures_of_outlook(narrowed)
        >>> found.unproductive, found.widening, found.size, found.parameters
        (1, 5, (11, 11), 52)
    """
    maps = [
        (one.size, one.stride)
        for one in outlook.layers
        if one.windowed and one.operator in _SLIDING
    ]
    return _figures(outlook.layers, maps, outlook.macs, outlook.parameters)


def is_convolution(layer: LayerProductivity | Foreseen) -> bool:
    """Whether a layer is a convolution, transposed ones included, and no pooling."""
    return layer.operator in _SLIDING and layer.macs > 0


def _figures(
    layers: Sequence[LayerProductivity] | Sequence[Foreseen],
    maps: Sequence[tuple[Sizes, Strides]],
    macs: int,
    parameters: int,
) -> Figures:
    dead = [layer for layer in layers if layer.verdict == "unproductive"]
    periodic = [one for one in maps if math.inf not in one[0] and None not in one[1]]
    size, stride = _widest(periodic)
    return Figures(
        unproductive=len(dead),
        convolutions=sum(map(is_convolution, dead)),
        widening=sum(layer.verdict != "not widening" for layer in layers),
        size=size,
        stride=stride,
        parameters=parameters,
        macs=macs,
    )


def _widest(maps: Sequence[tuple[Sizes, Strides]]) -> tuple[Sizes, Strides]:
    """The largest field of some maps, and the stride of the last that has it."""
    if not maps:
        return (), ()
    most = tuple(map(max, zip(*(size for size, _ in maps), strict=True)))
    return next((one for one in reversed(maps) if one[0] == most), (most, maps[-1][1]))


def _number(stride: int | Fraction) -> int | str:
    return int(stride) if stride.denominator == 1 else str(stride)
