"""What a front end offers to be verified by: a model run for real, looked at layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeAlias

from fieldscope.geometry.regions import BoolArray

Index: TypeAlias = tuple[int | None, ...]
"""One index per axis of a layer's output; None for all along the axis."""


class Measurement(NamedTuple):
    """What was measured: elements of an input over its whole shape, or None.

    `why` says what was in the way, or what limits the measurement.
    """

    elements: BoolArray | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """A position of a layer, and the elements of the input that it reads by theory."""

    layer: str
    index: Index
    read: BoolArray


class Changes(Protocol):
    """A model run for real, of which nothing is known but what changing its input changes."""

    def touched(self, layer: str, index: Index) -> Measurement:
        """The box of all whose changes change the output there in any way, rounding included."""
        ...

    def probed(self, layer: str, index: Index) -> Measurement:
        """The box of all whose changes change it by more than rounding."""
        ...

    def changes(self, layer: str, index: Index, elements: BoolArray) -> bool | None:
        """Whether changing those elements changes the model's own output there.

        None where it can't be tried.
        """
        ...


class Rehearsal(Protocol):
    """A model run for real, of which single positions can be looked at."""

    def limits(self) -> str:
        """What the neutralised model could not neutralise, in words; "" if all is."""
        ...

    def structure(self, layer: str, index: Index) -> Measurement:
        """What the neutralised model reads, without what all positions share."""
        ...

    def gradient(self, layer: str, index: Index) -> Measurement:
        """Where the model's own gradient isn't zero."""
        ...

    def leaked(self, cases: Sequence[Case]) -> list[float]:
        """The largest neutralised output of each, with 0 at what is read and 1 elsewhere.

        NaN where the model doesn't come to the layer then.
        """
        ...

    def changes(self, layer: str, index: Index, elements: BoolArray) -> bool | None:
        """Whether changing those elements changes the model's own output there.

        None where it can't be tried.
        """
        ...

    def probed(self, layer: str, index: Index) -> Measurement:
        """The box that changing the input shows."""
        ...
