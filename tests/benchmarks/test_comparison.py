"""The comparison with other tools: what is true there, and what its page says of fieldscope."""

from __future__ import annotations

import math
import re
from fractions import Fraction

import pytest
import torch

from benchmarks.answers import TOOLS, Answer, ours, truth
from benchmarks.cases import CASES, Case
from benchmarks.comparison import PAGE, REPORTED, marked, reported, written

SMALL = [case for case in CASES if max(case.shape) < 100]


@pytest.mark.parametrize("case", SMALL, ids=lambda case: case.name)
def test_what_fieldscope_says_is_true(case: Case) -> None:
    true = truth(case)
    assert ours(case).agrees(true)
    assert ours(case).size == true.size


def test_the_page_has_every_case_and_what_fieldscope_says_of_it() -> None:
    """Red after a change of either: run `python -m benchmarks.comparison`."""
    table = PAGE.read_text(encoding="utf-8").partition("## Why")[0]
    rows = re.findall(r"^\| (.+?) \| (.+?) \| (.+?) \|", table, re.MULTILINE)
    shown = {name: (true, answer) for name, true, answer in rows}
    with torch.device("meta"):
        expected = {case.name: str(ours(case)) for case in CASES}
    assert {case: shown.get(case) for case in expected} == {
        case: (answer, answer) for case, answer in expected.items()
    }


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (Answer((435, 435), (32, 32)), "435 (32)"),
        (Answer((3, 5), (1, 2)), "3×5 (1×2)"),
        (Answer((3, 3), (Fraction(1, 2),) * 2), "3 (1/2)"),
        (Answer((math.inf, math.inf)), "all"),
        (Answer((0, 0), (math.nan, math.nan)), "0 (nan)"),
        (Answer(failure="fails: IndexError"), "fails: IndexError"),
    ],
)
def test_answers_are_written_short(answer: Answer, text: str) -> None:
    assert str(answer) == text


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        (Answer((7, 9), (2, 2)), True),
        (Answer((7, 9)), True),
        (Answer((9, 7), (2, 2)), False),
        (Answer((7, 9), (2, 1)), False),
        (Answer(failure="fails: IndexError"), False),
    ],
)
def test_wrong_answers_are_bold(answer: Answer, right: bool) -> None:
    assert marked(answer, Answer((7, 9), (2, 2))).startswith("**") is not right


def test_what_was_found_goes_into_its_block_only() -> None:
    one, two = (f"<!-- written by benchmarks.comparison: {name} -->\n" for name in ("one", "two"))
    end = "<!-- written end -->\n"
    assert written(f"a\n{one}old\n{end}b\n{two}{end}", {"one": "1\n", "two": "2\n"}) == (
        f"a\n{one}\n1\n\n{end}b\n{two}\n2\n\n{end}"
    )


def test_published_answers_stand_in_for_tools_that_cannot_be_installed() -> None:
    tool = TOOLS[0].name
    assert tool in {one.tool for one in REPORTED}
    assert tool not in reported({})
    assert tool in reported({tool: "no network"})
