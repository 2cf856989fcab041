"""Verification by changes alone: theory against a model of which only outputs can be seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from fieldscope.analyses.layers import InputInfo, Layer, Report
from fieldscope.analyses.support import SupportMask
from fieldscope.analyses.verification.layer_tests import (
    LayerTests,
    boxed,
    positions_of,
    to_check,
    without_elements,
)
from fieldscope.analyses.verification.verification import Finding, LayerCheck, Test, Verification
from fieldscope.geometry import regions
from fieldscope.geometry.regions import BoolArray
from fieldscope.measure.rehearsal import Changes, Index, Measurement

NOT_RUN: tuple[Test, ...] = ("structure", "channel", "forward", "gradient")
"""What needs a neutralised model, or gradients."""


def looked_at(
    report: Report,
    *,
    layers: Sequence[str] | None = None,
    positions: int = 3,
    input: str | None = None,
    seed: int = 0,
) -> dict[str, tuple[Index, ...]]:
    """The positions that `verify_by_changes` looks at, as indices, by the layers' names.

    Args:
        report: the theory.
        layers: names of the layers; by default all.
        positions: how many positions of each layer, at most.
        input: name of the input, where the model has several.
        seed: of the random positions.

    Raises:
        InputError: no positions are wanted, or the input must be named.
        LayerNotFoundError: there is no such layer.
    """
    _, checked = to_check(report, layers, positions=positions, input=input)
    return {
        layer.name: tuple(
            layer._index(place, None) for place in positions_of(layer, positions, seed)
        )
        for layer in checked
        if 0 not in layer.shape
    }


def verify_by_changes(
    report: Report,
    rehearsal: Changes,
    *,
    layers: Sequence[str] | None = None,
    positions: int = 3,
    input: str | None = None,
    seed: int = 0,
    told: Callable[[str, int, int], None] = lambda *_: None,
) -> Verification:
    """Compare a report with a model of which only outputs can be seen.

    Of each position three things are tested: what changes it lies within its box ("probe");
    the box's ends do change it ("reached": where they don't, that may be the model's own
    doing, by a dead activation or a maximum elsewhere, so it is never a disagreement); and
    changing everything that it doesn't read at once leaves it as it is ("unread").

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
    found = []
    for number, layer in enumerate(checked, 1):
        told(layer.name, number, len(checked))
        if 0 in layer.shape:
            found.append(without_elements(layer, info))
            continue
        places = positions_of(layer, positions, seed)
        found.append(_Changed(report, rehearsal, layer, info).check(places))
    return Verification(report.model, info.name, positions, tuple(found), NOT_RUN)


class _Changed(LayerTests):
    """The tests of one layer."""

    def __init__(self, report: Report, rehearsal: Changes, layer: Layer, info: InputInfo) -> None:
        super().__init__(report, layer, info)
        self._rehearsal = rehearsal

    def check(self, places: Sequence[tuple[int, ...]]) -> LayerCheck:
        """Run the tests at some positions."""
        findings: list[Finding] = []
        sizes: list[tuple[int, ...]] = []
        measured: tuple[int, ...] | None = None
        for place in places:
            own = self.support(place)
            sizes.append(own.size)
            findings += self.theory(place, own)
            whole = self.support(place, fold_context=True)
            touched = self._rehearsal.touched(self.layer.name, self.index(place))
            if place == places[0] and touched.elements is not None and not self.layer.context:
                measured = self.extent(touched.elements & boxed(whole))
            findings += self._changed(place, whole, touched)
        return LayerCheck(self.layer.name, self.layer.shape, sizes[0], measured, tuple(findings))

    def _changed(
        self, place: tuple[int, ...], whole: SupportMask, touched: Measurement
    ) -> Iterator[Finding]:
        index = self.index(place)
        found = self._rehearsal.probed(self.layer.name, index)
        probed = self.within("probe", place, found, whole, boxed(whole))
        if touched.elements is not None and not touched.elements.any() and any(whole.size):
            why = f"at {place} no change of the input changes the output"
            probed = Finding("probe", place, "not measurable", why)
        yield probed
        if probed.verdict != "agrees" or touched.elements is None:
            return
        yield self._reached(place, whole, touched.elements & boxed(whole))
        outside = ~whole.elements
        if not outside.any():
            return
        match self._rehearsal.changes(self.layer.name, index, outside):
            case True:
                why = (
                    f"at {place} changing all that the field leaves out changes the output: "
                    "an operator reads more than its lowering says"
                )
                yield Finding("unread", place, "disagrees", why)
            case False:
                yield Finding("unread", place, "agrees")
            case None:
                why = "the model can't be run on such changes"
                yield Finding("unread", place, "not measurable", why)

    def _reached(
        self,
        place: tuple[int, ...],
        whole: SupportMask,
        touched: BoolArray,
    ) -> Finding:
        seen = regions.hull(self._spatial(touched))
        if not self.layer.exact or seen == whole.hull or not any(whole.size):
            return Finding("reached", place, "agrees")
        why = (
            f"at {place} changing the input changes the output from a box of "
            f"{' × '.join(str(run.stop - run.start) for run in seen)} only: the rest of the field "
            "is hidden by this input, or read too little for rounding"
        )
        return Finding("reached", place, "not measurable", why)
