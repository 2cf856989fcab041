"""Conditions on a design: what holds, what fails and why, and what can't be asked."""

from __future__ import annotations

import json
from typing import Any

import pytest
from torch import nn

import fieldscope
from fieldscope.errors import InputError
from fieldscope.testing import assert_productive

NET = nn.Sequential(*(nn.Conv2d(1, 1, (3, 5), padding=(1, 2)) for _ in range(4)))
SHAPE = (1, 1, 7, 64)


@pytest.mark.parametrize(
    ("conditions", "failing"),
    [
        ({"no_unproductive": True}, []),
        ({"no_critical": True}, ["no critical layers"]),
        ({"no_critical": True, "allow": "3"}, []),
        ({"no_critical": True, "allow": ["[23]"]}, []),
        ({"no_critical": True, "allow": ["2"]}, ["no critical layers"]),
        ({"min_field": (9, 17)}, []),
        ({"min_field": 10}, ["field at least"]),
        ({"max_field": 17}, []),
        ({"max_field": (9, 16)}, ["field at most"]),
        ({"max_stride": 1}, []),
        ({"max_macs": 4 * 15 * 7 * 64}, []),
        ({"max_macs": 4 * 15 * 7 * 64 - 1}, ["MACs at most"]),
        ({"max_macs": 0}, ["MACs at most"]),
        ({"max_parameters": 64}, []),
        ({"max_parameters": 63, "min_field": 100}, ["field at least", "parameters at most"]),
        ({"exact": True}, []),
    ],
)
def test_conditions_hold_or_fail(conditions: dict[str, Any], failing: list[str]) -> None:
    found = fieldscope.check(NET, SHAPE, **conditions)
    assert [one.name for one in found.failing] == failing
    assert found.passes == (not failing)
    assert all(one.why for one in found.failing)
    assert not any(one.why for one in found.conditions if one.holds)


@pytest.mark.parametrize(
    ("conditions", "message"),
    [
        ({}, r"there is no condition to check\nask for some"),
        ({"min_field": 9, "max_field": 8}, "at least 9 and at most 8 at once\nmake min_field"),
        ({"min_field": (3, 9), "max_field": 8}, "at least 3×9 and at most 8×8 at once"),
        ({"min_field": 0}, "min_field is 0\ngive a whole number of 1 or more"),
        ({"max_stride": 1.5}, "max_stride is 1.5"),
        ({"max_macs": -1}, "max_macs is -1\ngive a whole number of 0 or more"),
        ({"min_field": (1, 2, 3)}, r"min_field is 1×2×3, which doesn't fit the input's axes"),
        ({"max_stride": 3, "allow": ["a"]}, "allow lets verdicts pass, and no verdict is asked"),
    ],
)
def test_what_cannot_be_asked_is_told(conditions: dict[str, Any], message: str) -> None:
    with pytest.raises(fieldscope.InputError, match=message):
        fieldscope.check(NET, SHAPE, **conditions)


def test_what_is_required_and_fails_names_the_layers() -> None:
    found = fieldscope.check(NET, (1, 1, 5, 5), no_unproductive=True, min_field=10)
    with pytest.raises(fieldscope.CheckError) as raised:
        found.required()
    assert str(raised.value) == (
        "Sequential fails 2 of 2 conditions\n"
        "no unproductive layers: 2 and 3 at 5×5\n"
        "field at least 10×10: the largest field is 9×17, of 3"
    )


def test_a_check_as_data() -> None:
    data = json.loads(fieldscope.check(NET, SHAPE, max_field=(9, 16)).to_json())
    assert data["schema"] == "fieldscope.check/1"
    assert data["passes"] is False
    assert data["conditions"] == [
        {
            "name": "field at most",
            "wanted": "9×16",
            "found": "9×17",
            "holds": False,
            "why": "the largest field is 9×17, of 3",
        }
    ]


def test_an_assertion_passes_or_names_what_is_dead_weight() -> None:
    assert assert_productive(NET, SHAPE).passes
    assert assert_productive(fieldscope.analyze(NET, SHAPE), min_field=9).passes
    assert assert_productive(NET, (1, 1, 5, 5), allow=["2", "3"]).passes
    with pytest.raises(AssertionError, match="no unproductive layers: 2 and 3 at 5×5"):
        assert_productive(NET, (1, 1, 5, 5))


def test_a_comparison_puts_figures_side_by_side() -> None:
    nets = {"wide": nn.Conv2d(1, 2, 9, padding=4), "deep": NET}
    found = fieldscope.compare(nets, (1, 1, 5, 5))
    data = json.loads(found.to_json())
    assert [one["name"] for one in data["models"]] == ["wide", "deep"]
    assert [one["largest"] for one in data["models"]] == [[9, 9], [9, 17]]
    assert [len(one["unproductive"]) for one in data["models"]] == [0, 2]
    page = repr(found)
    assert "wide wastes least: 0 % of the compute lies in layers that can add no" in page
    with pytest.raises(fieldscope.InputError, match="takes two models or more, got 1"):
        fieldscope.compare([NET], SHAPE)


def test_its_picture_tells_the_conditions() -> None:
    net = nn.Conv2d(1, 1, (5, 3))
    found = fieldscope.check(net, (1, 1, 9, 12), no_unproductive=True, min_field=(3, 4))
    notes = [one.get_text() for one in found.to_image().texts if one.get_gid() == "note"]
    assert notes[0] == "no unproductive layers: 0, holds  ·  field at least 3×4: 5×3, fails"


def test_a_model_without_positions_is_checked_for_all_but_its_field() -> None:
    found = fieldscope.check(nn.Identity(), (1, 3, 8, 8), no_unproductive=True, max_parameters=0)
    assert found.passes
    with pytest.raises(InputError, match="no layer of Identity has positions"):
        fieldscope.check(nn.Identity(), (1, 3, 8, 8), min_field=3)
