"""Every framework's table of lowerings tells what its operators read."""

from __future__ import annotations

import re

import pytest

from fieldscope.errors import InputError
from fieldscope.frontends.supported import CALLED, matching, supported, table_of


@pytest.mark.parametrize("framework", CALLED)
def test_every_rule_says_in_a_line_what_it_reads(framework: str) -> None:
    rules = [rule for subject in supported(framework) for rule in subject.rules]
    assert [rule.names for rule in rules if not 0 < len(rule.meaning) <= 90] == []


@pytest.mark.parametrize("framework", CALLED)
def test_subjects_hold_every_operator_once(framework: str) -> None:
    subjects = supported(framework)
    names = [name for subject in subjects for rule in subject.rules for name in rule.names]
    assert sorted(names) == sorted(table_of(framework).rules)
    assert all(subject.title for subject in subjects)


@pytest.mark.parametrize(
    ("framework", "pattern", "names"),
    [
        ("onnx", "Conv", {"Conv"}),
        ("onnx", "onnx.Conv", {"Conv"}),
        ("onnx", "globalmax", {"GlobalMaxPool"}),
        ("jax", "reduce_window_*", {"reduce_window_max", "reduce_window_min", "reduce_window_sum"}),
        ("tensorflow", "MaxPool?D", {"MaxPool3D"}),
    ],
)
def test_operators_are_found_by_name_part_and_pattern(
    framework: str, pattern: str, names: set[str]
) -> None:
    found = matching(supported(framework), pattern, framework)
    assert {name for one in found for rule in one.rules for name in rule.names} == names


def test_what_fits_nothing_is_told() -> None:
    with pytest.raises(InputError, match=re.escape("'Convv'; did you mean Conv")):
        matching(supported("onnx"), "Convv", "onnx")
    with pytest.raises(InputError, match="there is no table of operators for 'keras'"):
        table_of("keras")


@pytest.mark.parametrize(("framework", "name"), [("onnx", "Loop"), ("jax", "scan")])
def test_what_is_followed_without_a_rule_is_told(framework: str, name: str) -> None:
    with pytest.raises(InputError, match=f"{framework}.{name} has no rule of its own: it is foll"):
        matching(supported(framework), name, framework)
