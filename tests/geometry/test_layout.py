"""Factors of axes through reshapes: what can be told apart afterwards, and what can't."""

from __future__ import annotations

from fieldscope.geometry.layout import (
    Factor,
    Kind,
    Layout,
    Rank,
    merged,
    position_axes,
    rank,
    reshape,
)

BATCH, PLAIN, INSIDE, SPATIAL, PLANE = Kind


def layout(*axes: list[tuple[int, Kind]]) -> Layout:
    return Layout(tuple(tuple(Factor(*factor) for factor in axis) for axis in axes))


MAP = layout([(2, BATCH)], [(8, PLAIN)], [(6, PLANE)], [(4, PLANE)])


def test_tokens_are_one_axis_of_two_planes_and_split_into_them_again() -> None:
    tokens = reshape(MAP, (2, 8, 24)).layout
    assert tokens.axes[2] == (Factor(6, PLANE), Factor(4, PLANE))
    assert reshape(tokens, (2, 8, 6, 4)).layout == MAP


def test_windows_split_a_plane_into_a_plane_of_windows_and_their_inside() -> None:
    windows = reshape(MAP, (2, 8, 3, 2, 2, 2)).layout
    assert [axis[0].kind for axis in windows.axes[2:]] == [PLANE, INSIDE, PLANE, INSIDE]


def test_a_split_that_crosses_the_factors_loses_the_plane() -> None:
    plan = reshape(layout([(6, PLANE), (4, PLANE)]), (8, 3))
    assert [group.broken for group in plan.groups] == [True]
    assert {axis[0].kind for axis in plan.layout.axes} == {SPATIAL}


def test_extents_of_1_come_and_go_without_taking_others_with_them() -> None:
    one = layout([(1, BATCH)], [(5, PLAIN)], [(1, PLANE)])
    assert reshape(one, (1, 5, 1, 1), (0, 1, -1, 2)).layout.axes[3] == (Factor(1, PLANE),)
    assert reshape(one, (1, 5), (0, 1)).layout.axes[1] == (Factor(5, PLAIN),)


def test_a_shape_with_an_extent_of_0_has_a_layout() -> None:
    assert reshape(layout([(0, PLANE)], [(3, PLAIN)]), (3, 0)).layout.shape == (3, 0)


def test_a_plane_and_what_it_was_split_into_merge_to_a_plane_two_planes_do_not() -> None:
    assert merged((Factor(8, PLANE), Factor(2, PLAIN))) == Factor(16, PLANE)
    assert merged((Factor(8, PLANE), Factor(2, PLANE))) == Factor(16, SPATIAL)
    assert merged((Factor(8, PLAIN), Factor(2, PLAIN))) == Factor(16, PLAIN)


def test_rank_tells_maps_from_maps_of_one_position_from_values_without_any() -> None:
    assert rank(MAP) is Rank.MAP
    assert rank(layout([(2, BATCH)], [(8, PLAIN)], [(1, PLANE)])) is Rank.NARROW
    assert rank(layout([(2, BATCH)], [(8, PLAIN)], [(1, SPATIAL)])) is Rank.POSITION
    assert rank(layout([(2, BATCH)], [(8, PLAIN)])) is Rank.NONE


def test_what_was_put_into_channels_is_no_axis_of_positions() -> None:
    unshuffled = layout([(1, BATCH)], [(3, PLAIN), (2, INSIDE)], [(3, PLANE)])
    assert position_axes(unshuffled) == (2,)
    single = layout([(1, BATCH)], [(2, INSIDE)], [(3, SPATIAL)])
    assert position_axes(single) == (2,)
    windows = layout([(1, BATCH), (3, PLANE)], [(4, INSIDE)], [(8, PLAIN)])
    assert position_axes(windows) == (0, 1)
