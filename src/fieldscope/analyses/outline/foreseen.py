"""Layers as they would be: what they receive, hand on and cost."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from fieldscope.analyses.outline.network import Network
from fieldscope.analyses.outline.values import Value
from fieldscope.analyses.steps import Sizes, Step
from fieldscope.analyses.verdicts import Verdict, verdict_on

Extents = tuple[int, ...]
Strides = tuple[int | Fraction | None, ...]


@dataclass(frozen=True, slots=True)
class Foreseen:
    """A layer as it would be.

    Attributes:
        name: its name in the network as it is.
        copy: which copy of it: 0 for itself, 1 and more for those that `Repeat` adds.
        operator: canonical operator.
        received: narrowest field that enters it, per axis.
        narrowest: its own narrowest field, per axis.
        size: its field, per axis.
        stride: input elements per position, per axis; None where there is no plane.
        extents: extents of its map along the input's axes; None where it has no positions.
        windowed: whether it has positions that could see more.
        exact: whether the report's field of it is exact.
        macs: multiply-accumulates.
        parameters: learnable parameters.
        verdict: whether it can add context at the input's extents.
    """

    name: str
    copy: int
    operator: str
    received: Sizes
    narrowest: Sizes
    size: Sizes
    stride: Strides
    extents: tuple[int | None, ...]
    windowed: bool
    exact: bool
    macs: int
    parameters: int
    verdict: Verdict

    @property
    def widens(self) -> tuple[bool, ...]:
        """Per axis, whether it widens the narrowest field that it receives."""
        return tuple(
            self.windowed and own > given
            for own, given in zip(self.narrowest, self.received, strict=True)
        )


def foreseen_of(network: Network, extents: Extents) -> tuple[Foreseen, ...]:
    """The layers of a network as it is, by its report."""
    return tuple(
        judged(
            step,
            network.values[step.layer._value],
            extents,
            stride=step.layer.fields[network.input].stride,
        )
        for step in network.steps.values()
    )


def judged(
    step: Step,
    value: Value,
    extents: Extents,
    *,
    stride: Strides,
    copy: int = 0,
    received: Sizes | None = None,
    narrowest: Sizes | None = None,
    size: Sizes | None = None,
    exact: bool = True,
    windowed: bool | None = None,
    costs: tuple[int, int] | None = None,
) -> Foreseen:
    """A layer with its verdict; what isn't given is as in the network as it is."""
    layer = step.layer
    own = step.narrowest if narrowest is None else narrowest
    given = step.received if received is None else received
    positions = step.windowed if windowed is None else windowed
    widens = tuple(positions and a > b for a, b in zip(own, given, strict=True))
    sure = layer.exact and exact
    macs, parameters = (step.cost.macs, step.cost.parameters) if costs is None else costs
    return Foreseen(
        name=layer.name,
        copy=copy,
        operator=layer.operator,
        received=given,
        narrowest=own,
        size=step.size if size is None else size,
        stride=stride,
        extents=tuple(value.shape[where] if where >= 0 else None for where in value.at),
        windowed=positions,
        exact=sure,
        macs=macs,
        parameters=parameters,
        verdict=verdict_on(given, own, widens, extents)
        if layer.exact or not any(widens)
        else "productive",
    )
