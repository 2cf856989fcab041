"""Edits of an architecture, in the words of its layers.

A search proposes them on the outline of a network; a framework's own code carries them out on a
copy of the model. Numbers are per spatial axis of the layer; None leaves one as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

Numbers: TypeAlias = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Reshape:
    """Another window for a convolution or pooling layer.

    A smaller kernel keeps the middle of the weights that it had, a larger one is filled up with
    zeros around them.
    """

    layer: str
    kernel: Numbers | None = None
    stride: Numbers | None = None
    padding: Numbers | None = None
    dilation: Numbers | None = None


@dataclass(frozen=True, slots=True)
class Remove:
    """A layer or block is taken out: what enters it passes on as it is."""

    module: str


@dataclass(frozen=True, slots=True)
class Repeat:
    """Further copies of a block behind it, with weights of their own."""

    module: str
    times: int


@dataclass(frozen=True, slots=True)
class Refit:
    """Another number of input channels or features for a layer, whose weights begin anew."""

    layer: str
    features: int


Edit: TypeAlias = Reshape | Remove | Repeat | Refit
