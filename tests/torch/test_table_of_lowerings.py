"""The table of lowerings: its names are PyTorch's, and each rule says what it reads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from fieldscope.errors import InputError, RegistrationError
from fieldscope.frontends.supported import matching, supported
from fieldscope.frontends.torch.lowering import LOWERINGS
from fieldscope.frontends.torch.lowering.registry import SHAPES, lowers
from fieldscope.frontends.torch.operators import info_of
from fieldscope.frontends.torch.standing import standing

# Names in the table that the tested PyTorch has no operator for, each with its reason
# (an older or newer release has it, or a build for other hardware).
ELSEWHERE: dict[str, str] = {}


def overloads(name: str) -> list[torch._ops.OpOverload]:
    """The overloads that a name of the table stands for, in-place forms included."""
    base, _, chosen = name.partition(".")
    packets = [getattr(torch.ops.aten, form, None) for form in (base, f"{base}_")]
    return [
        getattr(packet, overload)
        for packet in packets
        if packet is not None
        for overload in packet.overloads()
        if not chosen or overload == chosen
    ]


def strays(names: list[str]) -> list[str]:
    return [name for name in names if not overloads(name)]


def test_every_name_is_an_operator_of_pytorch() -> None:
    assert [name for name in strays(list(LOWERINGS)) if name not in ELSEWHERE] == []
    assert [name for name in ELSEWHERE if overloads(name)] == [], "no longer elsewhere"


def test_a_name_that_is_no_operator_is_found() -> None:
    assert strays(["relu", "relu.default", "relou", "max.neither"]) == ["relou", "max.neither"]


@pytest.mark.parametrize("name", sorted(LOWERINGS))
def test_every_name_leads_to_its_own_rule(name: str) -> None:
    rules = [info_of(overload).rule for overload in overloads(name)]
    assert LOWERINGS[name] in rules


def test_every_shape_function_belongs_to_a_rule() -> None:
    assert [name for name in SHAPES if name not in LOWERINGS] == []


def test_every_rule_says_what_it_reads() -> None:
    silent = [name for name, rule in LOWERINGS.items() if not (rule.__doc__ or "").strip()]
    assert silent == []


def test_what_rules_say_fits_a_line() -> None:
    rules = [rule for subject in supported() for rule in subject.rules]
    long = [rule.meaning for rule in rules if len(rule.meaning) > 90 or not rule.meaning]
    assert long == []
    assert all(subject.title for subject in supported())


@pytest.fixture
def table() -> Iterator[dict[str, Any]]:
    """The table, put back afterwards."""
    before = dict(LOWERINGS)
    yield LOWERINGS
    LOWERINGS.clear()
    LOWERINGS.update(before)


def test_registering_twice_names_both_places(table: dict[str, Any]) -> None:
    def relu(call: Any, x: Any) -> int:
        return 0

    with pytest.raises(RegistrationError) as caught:
        lowers("relu")(relu)
    place = r"fieldscope\.frontends\.torch\.lowering\.pointwise\.\S+ \(line \d+\)"
    here = rf"\S*test_table_of_lowerings\.\S*relu \(line {relu.__code__.co_firstlineno}\)"
    assert re.fullmatch(
        rf"two lowerings for aten\.relu: {place} and {here}\n"
        r"remove one, or register an overload by its full name",
        str(caught.value),
    )
    assert table["relu"] is not relu


def test_an_overload_may_have_a_rule_beside_its_operators(table: dict[str, Any]) -> None:
    def other(call: Any, x: Any) -> int:
        return 0

    lowers("relu.out")(other)
    assert table["relu.out"] is other
    assert table["relu"] is not other


def test_subjects_hold_every_operator_once() -> None:
    names = [name for subject in supported() for rule in subject.rules for name in rule.names]
    assert sorted(names) == sorted(LOWERINGS)


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("relu", ["relu"]),
        ("aten.relu", ["relu"]),
        ("max", ["max", "max.other"]),
        ("max.other", ["max.other"]),
        ("pixel", ["pixel_shuffle", "pixel_unshuffle"]),
        ("avg_pool?d", ["avg_pool1d", "avg_pool2d", "avg_pool3d"]),
    ],
)
def test_operators_are_found_by_name_part_and_pattern(pattern: str, names: list[str]) -> None:
    found = matching(supported(), pattern)
    assert sorted(n for one in found for rule in one.rules for n in rule.names) == names


def test_operators_are_found_by_subject() -> None:
    (found,) = matching(supported(), "windows")
    assert found == next(subject for subject in supported() if subject.name == "windows")


@pytest.mark.parametrize(
    ("name", "expected", "said"),
    [
        ("einsum", "composite", "aten.einsum has no rule of its own: PyTorch takes it apart"),
        ("_linalg_svd", "opaque", "aten._linalg_svd has no rule: what it returns is a bound"),
        ("convolutoin", "unknown", "matches 'convolutoin'; did you mean convolution"),
        ("", "unknown", "no operator is named or matches ''\nsubjects are indexing, "),
    ],
)
def test_what_becomes_of_an_operator_without_a_rule_is_told(
    name: str, expected: str, said: str
) -> None:
    assert standing(name) == expected
    with pytest.raises(InputError, match=re.escape(said)):
        matching(supported(), name)
