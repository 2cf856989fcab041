from __future__ import annotations

import pytest

from fieldscope.errors import InputError
from fieldscope.render.document import COLUMNS, WORTH, describe
from tests.render import handmade
from tests.render.handmade import Made


def test_every_column_has_its_worth() -> None:
    assert sorted(COLUMNS) == sorted(WORTH)


def test_the_default_is_every_column_but_source_and_an_idle_period() -> None:
    keys = [column.key for column in describe(handmade.residual()).columns]
    assert keys == [key for key in COLUMNS if key not in ("source", "period")]


def test_an_unknown_column_is_an_error_that_lists_them() -> None:
    with pytest.raises(InputError) as caught:
        describe(handmade.residual(), columns=["layer", "sizes"])
    assert str(caught.value) == (
        "there is no column 'sizes'; did you mean size?\n"
        "columns are layer, operator, source, shape, size, stride, period, start, narrowest, "
        "context, exact"
    )


def test_no_columns_at_all_is_an_error() -> None:
    with pytest.raises(InputError, match="no columns are chosen\ncolumns are layer"):
        describe(handmade.residual(), columns=[])


def test_cells_are_written_for_people() -> None:
    made = describe(handmade.attentive())
    assert made.rows[0].cells == (
        "conv_stem", "window", "1×32×112×112", "3", "2", "0", "3", "", "yes",
    )  # fmt: skip
    assert made.rows[3].cells[-2:] == ("blocks.0.0.se +2", "yes")


def test_a_bound_is_marked_at_its_size() -> None:
    rows = describe(handmade.loose(), columns=["layer", "size", "exact"]).rows
    assert [row.cells for row in rows] == [
        ("stem", "3", "yes"),
        ("moe.router", "≤all", "no"),
        ("head", "≤all×31", "no"),
    ]


def test_measures_are_repeated_for_each_input_that_has_axes() -> None:
    made = describe(handmade.stereo(), columns=["layer", "size", "stride", "exact"])
    assert [(column.group, column.key) for column in made.columns] == [
        ("", "layer"),
        ("left", "size"),
        ("left", "stride"),
        ("right", "size"),
        ("right", "stride"),
        ("", "exact"),
    ]
    assert made.rows[0].cells == ("left_encoder.conv", "7", "2", "none", "–", "yes")


def test_the_inputs_are_named_with_their_axes() -> None:
    assert describe(handmade.stereo()).subtitle == (
        "left 1×3×60×90 (y, x); right 1×3×60×90 (y, x); style 1×512"
    )


def test_signs_are_explained_where_they_occur() -> None:
    def notes(report: Made) -> list[str]:
        return [note.text for note in describe(report).notes]

    assert notes(handmade.anisotropic()) == ["every field is exact"]
    assert notes(handmade.residual()) == [
        "all: reads the whole input along that axis",
        "every field is exact",
        "1 layer that only moves elements not shown",
    ]
    assert notes(handmade.loose()) == [
        "all: reads the whole input along that axis",
        "≤: a bound; the true field lies inside it",
    ]
