"""Verdicts and their reasons, with a model that answers what a test tells it to."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import fieldscope
from fieldscope.analyses.layers import Layer
from fieldscope.analyses.verification import Finding, LayerCheck, Test, Verdict, Verification
from fieldscope.analyses.verification.verifying import positions_of, verify_of
from fieldscope.errors import InputError, LayerNotFoundError
from fieldscope.geometry.regions import BoolArray
from fieldscope.measure.rehearsal import Case, Index, Measurement

Change = Callable[[BoolArray], Measurement]


def chain() -> nn.Module:
    return nn.Sequential(nn.Conv1d(1, 2, 3, dilation=2), nn.ReLU(), nn.Conv1d(2, 1, 3))


class Obedient:
    """A rehearsal that finds what theory says, but for what it is told otherwise.

    Attributes:
        asked: the questions in order, each with its layer and position.
    """

    def __init__(
        self,
        report: fieldscope.Report,
        *,
        leak: float = 0.0,
        limits: str = "",
        changes: bool | None = None,
        **changed: Change,
    ) -> None:
        self._changes = changes
        self._report = report
        self._leak = leak
        self._limits = limits
        self._changed = changed
        self.asked: list[tuple[str, str, tuple[int, ...]]] = []

    def structure(self, layer: str, index: Index) -> Measurement:
        if self._channel(layer, index) is not None:
            return self._answer("channel", layer, index, fold_context=False)
        return self._answer("structure", layer, index, fold_context=False)

    def gradient(self, layer: str, index: Index) -> Measurement:
        return self._answer("gradient", layer, index, fold_context=True)

    def probed(self, layer: str, index: Index) -> Measurement:
        return self._answer("probe", layer, index, fold_context=True)

    def leaked(self, cases: Sequence[Case]) -> list[float]:
        for case in cases:
            self._ask("forward", case.layer, case.index)
            told = fieldscope.support(
                self._report,
                layer=case.layer,
                position=self._position(case.layer, case.index),
                input=self._input,
            )
            assert np.array_equal(case.read, told.elements)
        return [self._leak for _ in cases]

    def limits(self) -> str:
        return self._limits

    def changes(self, layer: str, index: Index, elements: BoolArray) -> bool | None:
        self._ask("changes", layer, index)
        return self._changes

    @property
    def _input(self) -> str:
        return self._report.inputs[0].name

    def _layer(self, name: str) -> Layer:
        return self._report.outputs.get(name) or self._report[name]

    def _position(self, layer: str, index: Index) -> tuple[int, ...]:
        return tuple(index[axis] or 0 for axis in self._layer(layer).spatial)

    def _channel(self, layer: str, index: Index) -> int | None:
        others = set(range(len(index))) - set(self._layer(layer).spatial)
        return next((one for axis in others if (one := index[axis]) is not None), None)

    def _ask(self, test: str, layer: str, index: Index) -> None:
        self.asked.append((test, layer, self._position(layer, index)))

    def _answer(self, test: str, layer: str, index: Index, *, fold_context: bool) -> Measurement:
        self._ask(test, layer, index)
        told = fieldscope.support(
            self._report,
            layer=layer,
            position=self._position(layer, index),
            channel=self._channel(layer, index),
            input=self._input,
            fold_context=fold_context,
        )
        return self._changed.get(test, Measurement)(told.elements.copy())


def without(*places: int, why: str = "") -> Change:
    """All that theory says, but for some elements."""

    def change(elements: BoolArray) -> Measurement:
        elements[..., list(places)] = False
        return Measurement(elements, why)

    return change


def besides(*places: int) -> Change:
    """All that theory says, and some elements more."""

    def change(elements: BoolArray) -> Measurement:
        elements[..., list(places)] = True
        return Measurement(elements)

    return change


def silent(why: str) -> Change:
    return lambda _: Measurement(None, why)


def checked(
    *,
    layer: str = "2",
    positions: int = 1,
    named: bool = True,
    leak: float = 0.0,
    limits: str = "",
    changes: bool | None = None,
    **changed: Change,
) -> LayerCheck:
    """What is found of the chain's last layer, whose centre (4,) reads 4, 5, … 10 of 14."""
    report = fieldscope.analyze(chain(), (1, 1, 14))
    rehearsal = Obedient(report, leak=leak, limits=limits, changes=changes, **changed)
    found = verify_of(report, rehearsal, positions=positions, layers=[layer] if named else None)
    return next(check for check in found.checks if check.layer == layer)


def verdicts(check: LayerCheck) -> dict[str, Verdict]:
    return {finding.test: finding.verdict for finding in check.findings}


ALL = ("hull", "plane", "structure", "gradient", "probe", "forward")


def test_what_agrees_has_nothing_to_explain() -> None:
    check = checked()
    assert check.verdict == "agrees"
    assert check.why == ()
    assert verdicts(check) == dict.fromkeys(ALL, "agrees")
    assert (check.layer, check.shape, check.size, check.measured) == ("2", (1, 1, 8), (7,), (7,))


MORE = "an operator reads more than its lowering says"


@pytest.mark.parametrize(
    ("changed", "test", "why", "cause"),
    [
        (
            {"structure": besides(0, 13)},
            "structure",
            "at (4,) the neutralised model reads 2 elements outside of the field",
            f": {MORE}",
        ),
        (
            {"structure": without(5)},
            "structure",
            "at (4,) the neutralised model doesn't read 1 of 7 elements of the field",
            ": a lowering reads too much",
        ),
        (
            {"gradient": besides(0)},
            "gradient",
            "at (4,) the model depends on 1 element outside of the field",
            f": {MORE}",
        ),
        (
            {"probe": besides(3, 11, 12)},
            "probe",
            "at (4,) the model depends on 3 elements outside of the field",
            f": {MORE}",
        ),
        (
            {"leak": 0.25},
            "forward",
            "at (4,) the neutralised output is 0.25, not 0, where the field is 0",
            "",
        ),
    ],
)
def test_each_disagreement_is_told_in_words(
    changed: dict[str, Any], test: str, why: str, cause: str
) -> None:
    check = checked(**changed)
    assert check.verdict == "disagrees"
    assert check.why == (f"{test}: {why}{cause}",)
    wrong = [finding.test for finding in check.findings if finding.verdict == "disagrees"]
    assert wrong == [test]


def test_a_lost_element_and_one_too_many_is_one_too_many() -> None:
    def both(elements: BoolArray) -> Measurement:
        elements[..., 4], elements[..., 0] = False, True
        return Measurement(elements)

    assert "reads 1 element outside of the field" in checked(structure=both).why[0]


def test_what_could_not_be_neutralised_explains_what_is_not_reached() -> None:
    check = checked(structure=without(5, 6, why="not neutralised: fft"), named=False)
    assert "doesn't read 2 of 7 elements of the field; not neutralised: fft" in check.why[0]
    assert verdicts(check)["structure"] == "not measurable"
    assert "forward" not in verdicts(check)
    assert check.verdict == "agrees"  # since the probe, which then is asked, agrees
    mute = checked(structure=without(5, why="fft"), probe=silent("it returns NaN"), named=False)
    assert mute.verdict == "not measurable"
    assert mute.why[1] == "probe: it returns NaN"


def test_what_cannot_be_measured_is_no_yes() -> None:
    hidden = "layer '2' can't be taken out of a real run"
    check = checked(structure=silent(hidden), gradient=silent(hidden), probe=silent(hidden))
    assert check.verdict == "not measurable"
    assert check.measured is None
    assert check.why == (f"structure, gradient and probe: {hidden}",)


def test_a_gradient_that_says_nothing_leaves_the_rest_to_decide() -> None:
    check = checked(gradient=silent("there is no gradient"))
    assert check.verdict == "agrees"
    assert check.why == ("gradient: there is no gradient",)


def test_a_gradient_or_probe_may_find_less() -> None:
    nothing: Change = lambda elements: Measurement(np.zeros_like(elements))  # noqa: E731
    assert checked(gradient=nothing, probe=nothing).verdict == "agrees"


def test_the_probe_sees_boxes_and_so_no_gaps() -> None:
    check = checked(layer="0", probe=besides(5, 7))  # (5,) reads 5, 7 and 9
    assert verdicts(check)["probe"] == "agrees"
    assert verdicts(checked(layer="0", gradient=besides(6)))["gradient"] == "disagrees"


def test_the_probe_is_asked_where_layers_are_named_or_the_structure_says_nothing() -> None:
    assert "probe" in verdicts(checked())
    assert "probe" not in verdicts(checked(named=False))
    assert "probe" in verdicts(checked(named=False, structure=silent("no values")))
    assert "probe" in verdicts(checked(named=False, structure=besides(0)))


def test_what_the_structure_denies_isnt_run_forward() -> None:
    assert "forward" not in verdicts(checked(structure=besides(0)))
    assert "forward" not in verdicts(checked(structure=silent("no values")))


def test_each_position_is_held_against_the_structure_and_the_first_to_all() -> None:
    report = fieldscope.analyze(chain(), (1, 1, 14))
    rehearsal = Obedient(report)
    found = verify_of(report, rehearsal, positions=3, layers=["2"])
    assert rehearsal.asked == [
        ("structure", "2", (4,)),
        ("gradient", "2", (4,)),
        ("probe", "2", (4,)),
        ("structure", "2", (0,)),
        ("structure", "2", (7,)),
        ("forward", "2", (4,)),
    ]
    assert found.positions == 3
    assert [f.position for f in found.checks[0].findings if f.test == "plane"] == [(4,), (0,), (7,)]


@pytest.mark.parametrize(
    ("shift", "clip", "why"),
    [
        (1, True, "hull: the report's box is 5:12, the support's 4:11"),
        (1, False, "plane: the field on the plane is 5:12, the support 4:11"),
        (None, True, "hull: the report's box is 0:14, the support's 4:11"),
        (None, False, None),
    ],
)
def test_the_parts_of_the_theory_are_held_against_one_another(
    monkeypatch: pytest.MonkeyPatch, shift: int | None, clip: bool, why: str | None
) -> None:
    box = Layer.box

    def moved(layer: Layer, *args: Any, **options: Any) -> tuple[slice, ...]:
        (run,) = box(layer, *args, **options)
        if options.get("clip", True) is not clip:
            return (run,)
        if shift is None:
            return (slice(0, 14) if clip else slice(None),)
        return (slice(run.start + shift, run.stop + shift),)

    monkeypatch.setattr(Layer, "box", moved)
    check = checked()
    assert check.verdict == ("agrees" if why is None else "disagrees")
    assert check.why == (() if why is None else (why,))


class Decomposed(nn.Module):
    """Ends in an operator without a lowering, whose field is a bound."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3)

    def forward(self, x: Tensor) -> Tensor:
        values: Tensor = torch.linalg.svdvals(self.conv(x))
        return values


def test_a_bound_agrees_where_it_holds_what_is_read() -> None:
    report = fieldscope.analyze(Decomposed(), (1, 1, 6, 7))
    assert not report.output.exact
    rehearsal = Obedient(report, structure=without(0, 1))
    check = verify_of(report, rehearsal, layers=["output"]).checks[0]
    assert verdicts(check)["structure"] == "agrees"
    assert check.verdict == "agrees"


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        ([], "not measurable"),
        ([("hull", "agrees"), ("plane", "agrees"), ("gradient", "agrees")], "not measurable"),
        ([("structure", "agrees")], "agrees"),
        ([("probe", "agrees"), ("structure", "not measurable")], "agrees"),
        ([("structure", "agrees"), ("structure", "disagrees")], "disagrees"),
        ([("structure", "agrees"), ("forward", "disagrees")], "disagrees"),
        ([("structure", "not measurable"), ("hull", "disagrees")], "disagrees"),
        ([("structure", "not measurable"), ("probe", "not measurable")], "not measurable"),
    ],
)
def test_findings_come_to_a_verdict(found: list[tuple[Test, Verdict]], verdict: str) -> None:
    findings = tuple(Finding(test, (0,), told) for test, told in found)
    assert LayerCheck("a", (1,), (1,), None, findings).verdict == verdict


def test_positions_are_the_centre_the_ends_and_some_at_random() -> None:
    layer = fieldscope.analyze(nn.Conv2d(1, 1, 3), (1, 1, 8, 11)).output
    assert positions_of(layer, 1, 0) == ((3, 4),)
    assert positions_of(layer, 2, 0) == ((3, 4), (0, 0))
    assert positions_of(layer, 3, 0) == ((3, 4), (0, 0), (5, 8))
    many = positions_of(layer, 20, 0)
    assert many[:3] == positions_of(layer, 3, 0)
    assert len(set(many)) == 20
    assert all(0 <= y < 6 and 0 <= x < 9 for y, x in many)
    assert many == positions_of(layer, 20, 0) != positions_of(layer, 20, 1)


@pytest.mark.parametrize(
    ("extents", "positions"),
    [((1, 1), {(0, 0)}), ((1, 2), {(0, 0), (0, 1)}), ((2, 1), {(0, 0), (1, 0)})],
)
def test_a_small_map_has_no_more_than_there_are(
    extents: tuple[int, int], positions: set[tuple[int, ...]]
) -> None:
    layer = fieldscope.analyze(nn.AvgPool2d(1), (1, 1, *extents)).output
    found = positions_of(layer, 50, 0)
    assert set(found) == positions
    assert len(found) == len(positions)


def test_a_layer_without_positions_is_looked_at_once() -> None:
    model = nn.Sequential(nn.Conv1d(1, 1, 3), nn.Flatten(), nn.Linear(6, 2))
    layer = fieldscope.analyze(model, (1, 1, 8)).output
    assert positions_of(layer, 5, 0) == ((),)


class Outputs(nn.Module):
    """Two results by name."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.head = nn.Conv1d(1, 2, 3), nn.Conv1d(2, 1, 3)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        y = self.body(x)
        return {"main": self.head(y), "aux": y}


def names(found: Verification) -> list[str]:
    return [check.layer for check in found.checks]


def test_outputs_are_named_as_in_the_report() -> None:
    report = fieldscope.analyze(Outputs(), (1, 1, 12))
    rehearsal = Obedient(report)
    found = verify_of(report, rehearsal, layers=["output['aux']", "output['main']"])
    assert [check.size for check in found.checks] == [(3,), (5,)]
    single = fieldscope.analyze(chain(), (1, 1, 14))
    assert verify_of(single, Obedient(single), layers=["output"]).checks[0].size == (7,)


def test_a_layer_named_twice_is_answered_twice() -> None:
    report = fieldscope.analyze(chain(), (1, 1, 14))
    found = verify_of(report, Obedient(report), layers=["0", "2", "0"])
    assert names(found) == ["0", "2", "0"]
    assert found.checks[0] == found.checks[2]


def test_without_names_each_value_is_looked_at_once() -> None:
    model = nn.Sequential(nn.Identity(), chain(), nn.Identity())
    report = fieldscope.analyze(model, (1, 1, 14))
    found = verify_of(report, Obedient(report))
    values = [layer._value for layer in report.layers]
    assert len(found.checks) == len(set(values))
    assert found.agrees


def test_progress_is_told_by_layer_and_number() -> None:
    told: list[tuple[str, int, int]] = []
    report = fieldscope.analyze(chain(), (1, 1, 14))
    verify_of(report, Obedient(report), told=lambda *step: told.append(step))
    assert told[:3] == [("0", 1, 3), ("1", 2, 3), ("2", 3, 3)]


def test_the_findings_as_data() -> None:
    report = fieldscope.analyze(chain(), (1, 1, 14), name="net")
    found = verify_of(report, Obedient(report, gradient=besides(0)), layers=["2"], positions=1)
    data = json.loads(found.to_json())
    assert data["schema"] == "fieldscope.verification/1"
    assert (data["model"], data["input"], data["agrees"]) == ("net", "input", False)
    (layer,) = data["layers"]
    assert (layer["name"], layer["shape"], layer["verdict"]) == ("2", [1, 1, 8], "disagrees")
    assert (layer["size"], layer["measured"]) == ([7], [7])
    assert [one["test"] for one in layer["findings"]] == [
        "hull", "plane", "structure", "gradient", "probe", "forward",
    ]  # fmt: skip
    assert layer["findings"][3]["position"] == [4]
    assert layer["findings"][3]["why"].startswith("at (4,) the model depends on 1 element outside")


class Both(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv1d(1, 1, 3), nn.Conv1d(1, 1, 3)

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        y: Tensor = self.a(left) + self.b(right)
        return y


def test_what_is_asked_for_wrongly() -> None:
    report = fieldscope.analyze(chain(), (1, 1, 14))
    with pytest.raises(InputError, match="positions is 0; at least one is needed"):
        verify_of(report, Obedient(report), positions=0)
    with pytest.raises(LayerNotFoundError, match="Sequential has no layer 'conv'"):
        verify_of(report, Obedient(report), layers=["conv"])
    with pytest.raises(InputError, match=r"there is no input 'image'; .* are 'input'"):
        verify_of(report, Obedient(report), input="image")
    both = fieldscope.analyze(Both(), ((1, 1, 8), (1, 1, 8)))
    with pytest.raises(InputError, match=r"say which with input=; .* are 'left', 'right'"):
        verify_of(both, Obedient(both))
    assert verify_of(both, Obedient(both), input="left").input == "left"


def test_what_could_not_be_neutralised_limits_the_forward_check() -> None:
    found = checked(leak=1.0, limits="not neutralised: torch.frobnicate")
    assert found.verdict == "agrees"
    (why,) = found.why
    assert why.startswith("forward: at (4,) the neutralised output is 1, not 0, where the field")
    assert why.endswith("is 0; not neutralised: torch.frobnicate")
