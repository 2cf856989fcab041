"""Verdicts on layers, by hand and by laws."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import fieldscope
from fieldscope.analyses.steps import steps_of
from fieldscope.analyses.verdicts import VERDICTS, verdict_on


def chain(*kernels: Any, padding: Any = "same") -> nn.Sequential:
    return nn.Sequential(*(nn.Conv2d(1, 1, kernel, padding=padding) for kernel in kernels))


def verdicts(model: nn.Module, shape: tuple[int, ...], **options: Any) -> list[str]:
    return [layer.verdict for layer in fieldscope.productivity(model, shape, **options).layers]


@pytest.mark.parametrize(
    ("received", "own", "widens", "extents", "verdict"),
    [
        ((5, 5), (7, 7), (True, True), (7, 7), "productive"),
        ((5, 5), (7, 7), (True, True), (6, 6), "critical"),
        ((5, 5), (7, 7), (True, True), (6, 7), "partly critical"),
        ((5, 5), (7, 7), (True, True), (5, 5), "unproductive"),
        ((5, 5), (7, 7), (True, True), (5, 6), "critical"),
        ((5, 5), (7, 7), (True, True), (5, 7), "partly critical"),
        ((5, 9), (5, 15), (False, True), (64, 9), "unproductive"),
        ((5, 9), (5, 15), (False, True), (64, 14), "partly critical"),
        ((5, 9), (5, 15), (False, True), (4, 14), "critical"),
        ((9, 9), (9, 9), (False, False), (3, 3), "not widening"),
        ((9,), (math.inf,), (True,), (32,), "critical"),
        ((32,), (math.inf,), (True,), (32,), "unproductive"),
    ],
)
def test_a_verdict_follows_from_what_a_layer_receives_and_hands_on(
    received: tuple[int, ...],
    own: tuple[float, ...],
    widens: tuple[bool, ...],
    extents: tuple[int, ...],
    verdict: str,
) -> None:
    assert verdict_on(received, own, widens, extents) == verdict


def test_a_chain_turns_from_productive_over_critical_to_unproductive() -> None:
    assert verdicts(chain(3, 3, 3, 3, 3), (1, 1, 6, 6)) == [
        "productive",
        "productive",
        "critical",
        "unproductive",
        "unproductive",
    ]


def test_each_axis_of_a_rectangular_input_has_its_own_extent() -> None:
    assert verdicts(chain(3, 3, 3, 3), (1, 1, 4, 32)) == [
        "productive",
        "partly critical",
        "partly critical",
        "partly critical",
    ]


def test_a_layer_is_judged_on_the_axes_that_it_widens() -> None:
    assert verdicts(chain((1, 9), (9, 1), (1, 9)), (1, 1, 64, 9)) == [
        "productive",
        "productive",
        "unproductive",
    ]


class Residual(nn.Module):
    def __init__(self, kernel: int) -> None:
        super().__init__()
        self.inner = chain(kernel, kernel)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = x + self.inner(x)
        return found


def test_what_a_skip_connection_hands_on_can_still_be_widened() -> None:
    found = fieldscope.productivity(nn.Sequential(Residual(7), Residual(7)), (1, 1, 7, 7)).by_name
    assert [found[f"{k}.inner.0"].verdict for k in (0, 1)] == ["productive", "productive"]
    assert [found[f"{k}.inner.1"].verdict for k in (0, 1)] == ["unproductive", "unproductive"]
    assert found["1.inner.0"].received == (1, 1)
    assert found["1.inner.0"].size == (19, 19)


def test_layers_of_one_element_and_layers_without_positions_are_not_widening() -> None:
    net = nn.Sequential(
        nn.Conv2d(1, 4, 1),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Conv2d(4, 4, 3),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4, 2),
    )
    assert verdicts(net, (1, 1, 2 + 1, 3)) == [
        *["not widening"] * 3,
        "productive",
        *["not widening"] * 3,
    ]


def test_pooling_to_a_fixed_number_of_positions_is_never_dead_weight() -> None:
    net = nn.Sequential(nn.Conv2d(1, 1, 5, padding=2), nn.AdaptiveAvgPool2d(7))
    for extent in (3, 7, 10, 14, 30):
        found = fieldscope.productivity(net, (1, 1, extent, extent))
        assert not [one for one in found.unproductive if one.layer == "1"]


def test_a_pool_that_receives_the_whole_input_is_unproductive() -> None:
    net = nn.Sequential(nn.Conv2d(1, 1, 5, padding=2), nn.MaxPool2d(2))
    assert verdicts(net, (1, 1, 5, 5)) == ["productive", "unproductive"]


def test_one_report_answers_for_all_extents() -> None:
    report = fieldscope.analyze(chain(3, 3, 3), (1, 1, 64, 48))
    for extents in (4, (4, 4), [4, 4], np.array([4, 4]).tolist(), (1, 1, 4, 4), {"input": 4}):
        found = fieldscope.productivity(report, input=extents)
        fresh = fieldscope.productivity(chain(3, 3, 3), (1, 1, 4, 4))
        assert found.extents == (4, 4)
        assert [one.verdict for one in found.layers] == [one.verdict for one in fresh.layers]
        assert [one.macs for one in found.layers] == [one.macs for one in fresh.layers]
        assert found.costed == (4, 4)


@pytest.mark.parametrize("pool", [nn.MaxPool2d(3, 2, ceil_mode=True), nn.AvgPool2d(2, 2, 0, True)])
@pytest.mark.parametrize("analysed", [15, 16, 17])
def test_costs_at_other_extents_know_pooling_that_rounds_up(pool: nn.Module, analysed: int) -> None:
    # At some extents windows fit exactly, so that the shapes alone don't tell.
    net = nn.Sequential(nn.Conv2d(1, 2, 3), pool, nn.Conv2d(2, 3, 3, padding=1))
    report = fieldscope.analyze(net, (1, 1, analysed, analysed))
    for extents in ((8, 9), (10, 11), (40, 41)):
        found = fieldscope.productivity(report, input=extents)
        fresh = fieldscope.productivity(net, (1, 1, *extents))
        assert found.costed == extents
        assert [one.macs for one in found.layers] == [one.macs for one in fresh.layers]


def test_costs_stay_those_of_the_analysis_where_a_layer_fixes_the_extents() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(72, 5))
    report = fieldscope.analyze(net, (1, 1, 8, 8))
    found = fieldscope.productivity(report, input=2)
    assert found.costed == (8, 8)
    assert found.by_name["0"].macs == 36 * 18
    assert found.by_name["0"].verdict == "critical"
    assert "MACs are those at 8×8" in repr(found)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (0, r"extents of input 'input' must be 1 or more, got 0\ngive one extent per"),
        ((32, 0), "must be 1 or more"),
        ((1, 2, 3), r"are no extents of input 'input'\ngive one extent per spatial axis \(y, x\)"),
        (1.5, "1.5 are no extents"),
        ("other", "there is no input 'other'; the inputs with spatial axes are 'input'"),
        ({"input": 3, "x": 3}, "one input is asked about at a time, got 2"),
    ],
)
def test_extents_that_do_not_fit_are_told(wanted: Any, message: str) -> None:
    report = fieldscope.analyze(chain(3), (1, 1, 8, 8))
    with pytest.raises(fieldscope.InputError, match=message):
        fieldscope.productivity(report, input=wanted)


def test_costs_stay_those_of_the_analysis_where_padding_follows_the_extents() -> None:
    b = fieldscope.Builder("same")
    x = b.conv(b.input((1, 1, 64, 64)), 3, stride=2, padding="same", channels=4)
    b.conv(x, 3, channels=4)
    assert fieldscope.productivity(fieldscope.analyze(b), input=33).costed == (64, 64)

    class Same(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(1, 4, 3, stride=2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            more = 1 - x.shape[-1] % 2
            found: torch.Tensor = self.conv(nn.functional.pad(x, (0, more, 0, more)))
            return found

    report = fieldscope.analyze(Same(), (1, 1, 64, 64))
    assert fieldscope.productivity(report, input=33).costed == (64, 64)


def test_a_network_without_spatial_layers_has_nothing_unproductive() -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.Linear(8, 2))
    found = fieldscope.productivity(net, (1, 1, 8, 8))
    assert found.widening == found.unproductive == ()
    assert "No layer of Sequential widens the field" in repr(found)


def test_behind_an_unknown_operator_nothing_is_called_unproductive() -> None:
    class Unknown(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.before, self.behind = nn.Conv2d(1, 1, 3), nn.Conv2d(1, 1, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            found: torch.Tensor = self.behind(torch.linalg.inv(self.before(x)))
            return found

    found = fieldscope.productivity(Unknown(), (1, 1, 8, 8)).by_name
    assert not found["behind"].exact
    assert found["behind"].verdict in ("productive", "not widening")
    assert not fieldscope.productivity(Unknown(), (1, 1, 8, 8)).unproductive


def test_shares_are_of_compute_parameters_and_widening_layers() -> None:
    net = nn.Sequential(
        nn.Conv2d(1, 2, 5, padding=2, bias=False),
        nn.Conv2d(2, 3, 3, padding=1, bias=False),
        nn.Conv2d(3, 1, 1, bias=False),
    )
    found = fieldscope.productivity(net, (1, 1, 5, 5))
    assert [one.layer for one in found.unproductive] == ["1"]
    assert found.share_of("unproductive") == 54 / (50 + 54 + 3)
    assert found.share_of("unproductive", "parameters") == 54 / 107
    assert found.share_of("unproductive", "layers") == 1 / 2
    assert sum(found.share_of(verdict) for verdict in VERDICTS) == pytest.approx(1)
    assert (found.macs, found.parameters) == (107 * 25, 107)


def test_json_holds_a_verdict_for_every_layer() -> None:
    found = fieldscope.productivity(chain(3, 3, 1), (1, 1, 3, 3))
    data = json.loads(found.to_json())
    assert data["schema"] == "fieldscope.productivity/1"
    assert [layer["name"] for layer in data["layers"]] == ["0", "1", "2"]
    assert [layer["verdict"] for layer in data["layers"]] == [
        "productive",
        "unproductive",
        "not widening",
    ]
    assert data["layers"][1]["received"] == [3, 3]
    assert data["summary"]["unproductive"]["layers"] == 1
    assert data["input"] == {
        "name": "input",
        "shape": [1, 1, 3, 3],
        "axes": ["y", "x"],
        "extents": [3, 3],
    }


def test_several_inputs_are_asked_about_by_name() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Conv1d(1, 1, 3), nn.Conv1d(1, 1, 9)

        def forward(self, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
            found: torch.Tensor = self.a(left).sum(-1) + self.b(right).sum(-1)
            return found

    report = fieldscope.analyze(Two(), ((1, 1, 20), (1, 1, 30)))
    with pytest.raises(fieldscope.InputError, match="say which with input="):
        fieldscope.productivity(report)
    right = fieldscope.productivity(report, input="right")
    assert "a" not in right.by_name
    assert right.by_name["b"].narrowest == (9,)
    assert fieldscope.productivity(report, input={"right": 8}).by_name["b"].verdict == "critical"


def test_a_step_widens_what_it_receives_and_joins_never_do() -> None:
    report = fieldscope.analyze(Residual(3), (1, 1, 16, 16))
    steps = {step.layer.name: step for step in steps_of(report)}
    assert steps["inner.1"].received == (3, 3)
    assert steps["inner.1"].widens == (True, True)
    assert steps["add_1"].widens == (False, False)
    assert (steps["add_1"].received, steps["add_1"].received_size) == ((1, 1), (5, 5))
