from __future__ import annotations

import math
from fractions import Fraction

import pytest

from fieldscope.render.numerals import places, sizes, times


@pytest.mark.parametrize(
    ("values", "written"),
    [
        ((427, 427), "427"),
        ((41, 23), "41×23"),
        ((3, 3, 3), "3"),
        ((3, 7, 7), "3×7×7"),
        ((23,), "23"),
        ((math.inf, math.inf), "all"),
        ((math.inf, 31), "all×31"),
        ((0, 0), "none"),
        ((Fraction(1, 2), Fraction(1, 2)), "1/2"),
        ((Fraction(1, 2), 1), "1/2×1"),
        ((Fraction(4, 2), 2), "2"),
        ((None, None), "–"),
        ((None, 4), "–×4"),
        ((), "–"),
    ],
)
def test_sizes_are_written_once_where_axes_agree(
    values: tuple[int | float | Fraction | None, ...], written: str
) -> None:
    assert sizes(values) == written


@pytest.mark.parametrize(
    ("values", "written"),
    [((-213, -213), "-213"), ((-6, 0), "-6, 0"), ((0, 0), "0"), ((None, -15), "–, -15")],
)
def test_a_start_of_zero_is_a_number(values: tuple[int | None, ...], written: str) -> None:
    assert places(values) == written


@pytest.mark.parametrize(
    ("ratio", "written"),
    [
        (Fraction(1, 100_000), "0.001% of"),
        (Fraction(26, 10_000), "0.26% of"),
        (Fraction(1, 4), "25% of"),
        (Fraction(9999, 10_000), "99.9% of"),
        (Fraction(1), "all of"),
        (Fraction(10_001, 10_000), "1.0001 times"),
        (Fraction(2), "2 times"),
        (Fraction(427, 224), "1.9 times"),
        (Fraction(1234), "1234 times"),
    ],
)
def test_a_share_is_never_rounded_across_the_whole(ratio: Fraction, written: str) -> None:
    assert times(ratio) == written
