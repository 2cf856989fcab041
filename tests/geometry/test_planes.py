"""Periodic fields on a plane, against the same fields written out far from any border."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fieldscope.geometry import bounds as arrays
from fieldscope.geometry import planes
from fieldscope.geometry.bounds import EMPTY, GLOBAL, Bounds
from fieldscope.geometry.sliding import Sliding

FAR_AWAY = 240
"""A multiple of every number of phases drawn here."""

slidings = st.builds(
    Sliding,
    kernel=st.integers(1, 4),
    stride=st.integers(1, 4),
    dilation=st.integers(1, 3),
    before=st.integers(-2, 4),
)


@st.composite
def periodic(draw: st.DrawFn) -> tuple[Bounds, int]:
    """Bounds of 1 to 4 phases, and their step."""
    low = draw(st.lists(st.integers(-5, 5), min_size=1, max_size=4))
    size = draw(st.lists(st.integers(1, 4), min_size=len(low), max_size=len(low)))
    high = [-(a + b) for a, b in zip(low, size, strict=True)]
    return np.array([[low, high]]), draw(st.sampled_from([-3, -1, 0, 1, 2, 4]))


def positions(field: Bounds, step: int, places: range) -> list[tuple[int, int]]:
    taken = planes.taken(field, 2, step, np.array(places))
    return [(int(a), -int(b)) for a, b in taken[0].T]


@given(periodic(), slidings)
def test_a_window_on_the_plane_is_a_window_far_from_the_border(
    field: tuple[Bounds, int], window: Sliding
) -> None:
    bounds, step = field
    long = planes.taken(bounds, 2, step, np.arange(2 * FAR_AWAY))
    out = FAR_AWAY // window.stride
    border = arrays.window(long, 2, window, 2 * FAR_AWAY, out)
    found = positions(*planes.window(bounds, 2, step, window), range(20, 40))
    assert found == [(int(a), -int(b)) for a, b in border[0, :, 20:40].T]


@given(periodic(), slidings)
def test_a_transposed_window_on_the_plane_is_one_far_from_the_border(
    field: tuple[Bounds, int], window: Sliding
) -> None:
    bounds, step = field
    long = planes.taken(bounds, 2, step, np.arange(60))
    border = arrays.spread(long, 2, window, 60, 60)
    found, new_step = planes.spread(bounds, 2, step, window)
    taken = planes.taken(found, 2, new_step, np.arange(20, 40))
    empty = border[0, :, 20:40] == EMPTY
    assert (np.where(empty, EMPTY, taken[0]) == border[0, :, 20:40]).all()
    assert ((taken[0] > arrays.FAR) == empty).all()


@given(periodic(), st.integers(1, 4))
def test_simplifying_changes_no_position(field: tuple[Bounds, int], copies: int) -> None:
    bounds, step = field
    phases = bounds.shape[2] * copies
    long = planes.extended(bounds, 2, step, phases)
    short, new_step = planes.simplified(long, 2, step * copies)
    assert short.shape[2] <= bounds.shape[2]
    assert positions(short, new_step, range(12)) == positions(bounds, step, range(12))


def test_phases_that_read_nothing_or_everything_keep_their_kind() -> None:
    bounds = np.array([[[EMPTY, 3, EMPTY + 4, 5], [EMPTY, -4, EMPTY, -6]]])
    short, step = planes.simplified(bounds, 2, 4)
    assert (short.shape, step) == ((1, 2, 2), 2)
    one_global = np.array([[[0, GLOBAL], [-1, GLOBAL]]])
    assert planes.simplified(one_global, 2, 2)[0].shape == (1, 2, 2)


def test_a_table_of_an_upsampled_axis_has_the_phases_of_both() -> None:
    bounds = np.array([[[0], [-1]]])
    found, step = planes.table(bounds, 2, 1, 1, (0, 0), (1, 2))
    assert (found.tolist(), step) == ([[[0, 0], [-1, -2]]], 1)


def test_strides_that_differ_have_no_common_period_unless_one_reads_everything() -> None:
    one, other = np.array([[[0], [-1]]]), np.array([[[0], [-3]]])
    assert planes.common_step(one, 1, other, 2, 2) is None
    whole = np.full((1, 2, 1), GLOBAL)
    assert planes.common_step(one, 1, whole, 0, 2) is not None
