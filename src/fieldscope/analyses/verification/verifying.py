"""The tests of a verification: theory against itself, and against a model run for real."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from fieldscope.analyses.layers import InputInfo, Layer, Report
from fieldscope.analyses.support import SupportMask
from fieldscope.analyses.verification.layer_tests import (
    LayerTests,
    boxed,
    layers_to_check,
    positions_of,
    to_check,
    without_elements,
)
from fieldscope.analyses.verification.verification import Finding, LayerCheck, Verification
from fieldscope.errors import PositionError
from fieldscope.geometry.regions import BoolArray
from fieldscope.measure.rehearsal import Case, Measurement, Rehearsal
from fieldscope.wording import counted

__all__ = ["layers_to_check", "positions_of", "verify_of"]


def verify_of(
    report: Report,
    rehearsal: Rehearsal,
    *,
    layers: Sequence[str] | None = None,
    positions: int = 3,
    input: str | None = None,
    seed: int = 0,
    told: Callable[[str, int, int], None] = lambda *_: None,
) -> Verification:
    """Compare a report with a model that is run for real; see `fieldscope.verify`.

    Args:
        report: the theory.
        rehearsal: the model.
        layers: names of the layers; by default all.
        positions: how many positions of each layer, at most.
        input: name of the input, where the model has several.
        seed: of the random positions.
        told: called with each layer's name, its number from 1 on and how many there are.
    """
    info, checked = to_check(report, layers, positions=positions, input=input)
    found, cases = [], {}
    for number, layer in enumerate(checked, 1):
        told(layer.name, number, len(checked))
        if 0 in layer.shape:
            found.append(without_elements(layer, info))
            continue
        places = positions_of(layer, positions, seed)
        one = _Layer(report, rehearsal, layer, info)
        found.append(one.check(places, probe=layers is not None))
        if any(f.test == "structure" and f.verdict == "agrees" for f in found[-1].findings):
            cases[number - 1] = Case(
                layer.name, one.index(places[0]), one.support(places[0]).elements
            )
    told("what is left without the fields", len(checked), len(checked))
    leaks = rehearsal.leaked(list(cases.values()))
    for number, leak in zip(cases, leaks, strict=True):
        place = positions_of(checked[number], 1, seed)[0]
        finding = _forward(place, leak, rehearsal.limits() if leak else "")
        found[number] = replace(found[number], findings=(*found[number].findings, finding))
    return Verification(report.model, info.name, positions, tuple(found))


def _forward(place: tuple[int, ...], leak: float, limits: str) -> Finding:
    """The neutralised output without the field: nothing else may reach it."""
    if leak == 0:
        return Finding("forward", place, "agrees")
    if math.isnan(leak):
        why = "with 0 and 1 as its input, the model takes a branch that doesn't come to the layer"
        return Finding("forward", place, "not measurable", why)
    why = f"at {place} the neutralised output is {leak:g}, not 0, where the field is 0"
    if limits:
        return Finding("forward", place, "not measurable", f"{why}; {limits}")
    return Finding("forward", place, "disagrees", why)


class _Layer(LayerTests):
    """The tests of one layer."""

    def __init__(self, report: Report, rehearsal: Rehearsal, layer: Layer, info: InputInfo) -> None:
        super().__init__(report, layer, info)
        self._rehearsal = rehearsal

    def check(self, places: Sequence[tuple[int, ...]], *, probe: bool) -> LayerCheck:
        """Run the tests at some positions; the probe, which is slow, at the first."""
        findings: list[Finding] = []
        sizes: list[tuple[int, ...]] = []
        measured: tuple[int, ...] | None = None
        for place in places:
            own = self.support(place)
            sizes.append(own.size)
            findings += self.theory(place, own)
            structure = self._rehearsal.structure(self.layer.name, self.index(place))
            if place == places[0] and structure.elements is not None:
                measured = self.extent(structure.elements)
            compared = self._compared(place, own, structure)
            findings.append(self._confirmed(compared, own, structure))
            if place != places[0]:
                continue
            whole = self.support(place, fold_context=True)
            findings += self._of_one_channel(place)
            findings.append(self._gradient(place, whole))
            if probe or compared.verdict != "agrees":
                findings.append(self._probe(place, whole))
        return LayerCheck(self.layer.name, self.layer.shape, sizes[0], measured, tuple(findings))

    def _compared(
        self, place: tuple[int, ...], own: SupportMask, structure: Measurement
    ) -> Finding:
        """The support against the gradient of the neutralised model."""
        if structure.elements is None:
            return Finding("structure", place, "not measurable", structure.why)
        missing = int(np.count_nonzero(own.elements & ~structure.elements))
        more = int(np.count_nonzero(structure.elements & ~own.elements))
        if more:
            return Finding(
                "structure",
                place,
                "disagrees",
                f"at {place} the neutralised model reads {counted(more, 'element')} outside of "
                "the field: an operator reads more than its lowering says",
            )
        if not missing:
            return Finding("structure", place, "agrees")
        if not own.exact:
            return Finding("structure", place, "agrees")  # a bound, and it holds
        why = (
            f"at {place} the neutralised model doesn't read {missing:,} of "
            f"{counted(int(own.elements.sum()), 'element')} of the field"
        )
        if structure.why:
            return Finding("structure", place, "not measurable", f"{why}; {structure.why}")
        return Finding("structure", place, "disagrees", f"{why}: a lowering reads too much")

    def _gradient(self, place: tuple[int, ...], whole: SupportMask) -> Finding:
        """The model's own gradient, which may be 0 anywhere but outside."""
        found = self._rehearsal.gradient(self.layer.name, self.index(place))
        finding = self.within("gradient", place, found, whole)
        if finding.verdict != "disagrees" or found.elements is None:
            return finding
        return self._unless_unchanged(finding, found.elements & ~whole.elements)

    def _of_one_channel(self, place: tuple[int, ...]) -> Iterator[Finding]:
        """The same of the last channel alone, where there are several."""
        try:
            index = self.index(place, -1)
        except PositionError:
            return  # it has no channels
        spatial = self.layer.spatial
        number = next(c for axis, c in enumerate(index) if c is not None and axis not in spatial)
        if number == 0:
            return
        own = self.support(place, channel=number)
        structure = self._rehearsal.structure(self.layer.name, index)
        found = self._compared(place, own, structure)
        why = found.why and f"of channel {number} {found.why}"
        found = replace(found, test="channel", why=why)
        if found.verdict != "disagrees" or self.layer.context:
            yield found  # of context it isn't clear what a channel has for itself
            return
        yield self._confirmed(found, own, structure)

    def _confirmed(
        self,
        finding: Finding,
        own: SupportMask,
        structure: Measurement,
    ) -> Finding:
        """A disagreement of the neutralised model, unless the real one sides with theory."""
        if finding.verdict != "disagrees" or structure.elements is None:
            return finding
        whole = self.support(own.position, fold_context=True, channel=own.channel)
        more = structure.elements & ~whole.elements
        if more.any():
            return self._unless_unchanged(finding, more, own.channel)
        missing = own.elements & ~structure.elements
        if self._rehearsal.changes(self.layer.name, self.index(own.position, own.channel), missing):
            why = f"{finding.why}; but changing them changes the model's output"
            return replace(finding, verdict="not measurable", why=why)
        return finding

    def _unless_unchanged(
        self, finding: Finding, outside: BoolArray, channel: int | None = None
    ) -> Finding:
        """A disagreement, unless changing the elements outside of the field does nothing."""
        index = self.index(finding.position, channel)
        if self._rehearsal.changes(self.layer.name, index, outside) is not False:
            return finding
        why = f"{finding.why}; but changing them doesn't change the model's output"
        return replace(finding, verdict="not measurable", why=why)

    def _probe(self, place: tuple[int, ...], whole: SupportMask) -> Finding:
        """What changing the input changes, inside of the box only."""
        found = self._rehearsal.probed(self.layer.name, self.index(place))
        return self.within("probe", place, found, whole, boxed(whole))
