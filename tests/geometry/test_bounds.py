"""Windows, tables and joins of intervals, against loops over sets."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldscope.geometry import bounds as arrays
from fieldscope.geometry import masks
from fieldscope.geometry.bounds import EMPTY, Bounds
from fieldscope.geometry.padding import padded_index
from fieldscope.geometry.sliding import Sliding

Interval = tuple[int, int] | None

intervals = st.one_of(
    st.none(), st.tuples(st.integers(-9, 9), st.integers(1, 6)).map(lambda t: (t[0], t[0] + t[1]))
)
rows = st.lists(intervals, min_size=1, max_size=9)
slidings = st.builds(
    Sliding,
    kernel=st.integers(1, 5),
    stride=st.integers(1, 4),
    dilation=st.integers(1, 3),
    before=st.integers(-2, 4),
)
limits = st.sampled_from([0, 2, arrays.WIDE])


@contextlib.contextmanager
def wide_from(limit: int) -> Iterator[None]:
    """Compute windows of more elements by doubling."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrays, "WIDE", limit)
        yield


def written(row: list[Interval]) -> Bounds:
    low = [EMPTY if one is None else one[0] for one in row]
    high = [EMPTY if one is None else -one[1] for one in row]
    return np.array([[low, high]])


def read(bounds: Bounds) -> list[Interval]:
    return [None if a == EMPTY else (int(a), -int(b)) for a, b in bounds[0].T]


def united(found: list[Interval]) -> Interval:
    present = [one for one in found if one is not None]
    return (min(a for a, _ in present), max(b for _, b in present)) if present else None


@given(rows, slidings, st.integers(0, 7), limits)
def test_a_window_unites_what_its_taps_read_and_padding_reads_nothing(
    row: list[Interval], window: Sliding, out: int, limit: int
) -> None:
    expected = []
    for o in range(out):
        taps = [
            o * window.stride - window.before + t * window.dilation for t in range(window.kernel)
        ]
        expected.append(united([row[i] for i in taps if 0 <= i < len(row)]))
    with wide_from(limit):
        found = arrays.window(written(row), 2, window, len(row), out)
    assert read(np.broadcast_to(found, (1, 2, out))) == expected


@given(rows, slidings, st.integers(0, 12), limits)
def test_a_transposed_window_unites_the_positions_that_reach_an_output(
    row: list[Interval], window: Sliding, out: int, limit: int
) -> None:
    expected = []
    for o in range(out):
        sources = [
            i
            for i in range(len(row))
            for t in range(window.kernel)
            if i * window.stride - window.before + t * window.dilation == o
        ]
        expected.append(united([row[i] for i in sources]))
    with wide_from(limit):
        found = arrays.spread(written(row), 2, window, len(row), out)
    assert read(np.broadcast_to(found, (1, 2, out))) == expected


@given(st.data(), st.integers(1, 300), st.integers(0, 6))
def test_runs_of_any_length_unite_their_elements(data: st.DataObject, n: int, out: int) -> None:
    cuts = data.draw(st.lists(st.tuples(*[st.integers(0, n)] * 2), min_size=out, max_size=out))
    lo = np.array([min(pair) for pair in cuts], dtype=np.int64)
    hi = np.array([max(pair) for pair in cuts], dtype=np.int64)
    row = [(7 * i % 31, 7 * i % 31 + 1 + i % 3) for i in range(n)]
    found = arrays.runs(written([*row]), 2, lo, hi)
    expected = [united(list(row[a:b])) for a, b in zip(lo, hi, strict=True)]
    assert read(np.broadcast_to(found, (1, 2, out))) == expected


def test_a_window_wider_than_the_limit_equals_its_taps() -> None:
    row: list[Interval] = [(i * i % 17, i * i % 17 + 2) for i in range(200)]
    window = Sliding(arrays.WIDE + 9, stride=3, before=20)
    wide = arrays.window(written(row), 2, window, 200, 70)
    taps = arrays.collect(written(row), 2, arrays.window_taps(window, 200, 70))
    assert np.array_equal(wide, taps)


@pytest.mark.parametrize("dilation", [1, 2, 3])
def test_windows_far_wider_than_the_axis_cost_no_more_than_it(dilation: int) -> None:
    row: list[Interval] = [(i, i + 1) for i in range(100)]
    giant = Sliding(3 << 40, stride=2, dilation=dilation, before=3 << 39)
    enough = Sliding(600, stride=2, dilation=dilation, before=300)
    wanted = np.arange(50) % 3 == 0
    for pulled, slide in ((masks.window, arrays.window), (masks.spread, arrays.spread)):
        one, other = (slide(written(row), 2, window, 100, 50) for window in (giant, enough))
        assert np.array_equal(one, other)
        few, many = (pulled(wanted, 0, window, 100, 50) for window in (giant, enough))
        assert np.array_equal(few, many)


def test_an_axis_kept_at_extent_1_is_written_out_where_an_output_reads_padding_only() -> None:
    one = written([(0, 5)])
    assert arrays.window(one, 2, Sliding(3, before=1), 8, 8).shape == (1, 2, 1)
    assert read(arrays.window(one, 2, Sliding(1, before=1), 2, 4)) == [None, (0, 5), (0, 5), None]


def test_the_narrowest_path_takes_the_smaller_operand_and_the_smallest_channel() -> None:
    one = np.repeat(written([(0, 9), None]), 2, axis=0)
    other = np.repeat(written([(4, 6), (1, 2)]), 2, axis=0)
    joined = arrays.join(one, other)
    assert read(joined[:1]) == [(0, 9), (1, 2)]
    assert read(joined[1:]) == [(4, 6), (1, 2)]
    assert read(arrays.over(other, (2,), paths=True)[1:]) == [(1, 2)]
    assert read(arrays.over(other, (2,), paths=False)[1:]) == [(1, 6)]


def test_grouped_channels_read_their_own_group() -> None:
    row: list[Interval] = [(0, 1), (5, 6), (2, 3), (7, 8)]
    assert read(arrays.channels(written(row), 2, 2, 4, 6)) == [(0, 6)] * 3 + [(2, 8)] * 3
    assert read(arrays.channels(written(row), 2, 4, 4, 8)) == [one for one in row for _ in range(2)]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("constant", [-1, -1, 0, 1, 2, -1]),
        ("reflect", [2, 1, 0, 1, 2, 1]),
        ("replicate", [0, 0, 0, 1, 2, 2]),
        ("circular", [1, 2, 0, 1, 2, 0]),
    ],
)
def test_padding_takes_elements_from_where_its_mode_says(mode: str, expected: list[int]) -> None:
    assert padded_index(3, 2, 6, mode).tolist() == expected
