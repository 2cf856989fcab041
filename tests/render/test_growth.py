"""Shares as a table and as a picture."""

from __future__ import annotations

import math
import re
from fractions import Fraction

import pytest
from torch import Tensor, nn

import fieldscope
from fieldscope.analyses.growth import Growth, LayerGrowth
from fieldscope.analyses.growth.supposing import Change, Window
from fieldscope.errors import InputError
from fieldscope.render.growth import closing, described
from fieldscope.render.layout import text
from fieldscope.render.pictures import shares_picture


class Branches(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 1, 3, stride=2, padding=1)
        self.long = nn.Conv2d(1, 1, (7, 5), padding=(6, 4), dilation=2)
        self.short = nn.Conv2d(1, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        y: Tensor = self.long(x) + self.short(x)
        return y


@pytest.fixture(scope="module")
def found() -> Growth:
    return fieldscope.growth(Branches(), (1, 1, 64, 64))


def test_the_table(found: Growth) -> None:
    lines = text(described(found), 120).splitlines()
    assert lines[0] == "Branches  the field of add_1, 27×19 of x (y, x)"
    head, stem, long, short = (re.split(" {2,}", lines[k].strip()) for k in (2, 4, 5, 6))
    assert head[:8] == [
        *("layer", "kernel", "stride", "dilation", "spacing", "share", "%", "size"),
    ]
    assert head[8:] == ["kernel−2", "kernel+2", "stride to", "dilation×2"]
    assert stem == [
        *("stem", "3", "2", "1", "1", "2", "8×11", "3", "-2", "+2", "1: -12, -8", "+2"),
    ]
    assert long == [
        *("long", "7×5", "1", "2", "2", "24×16", "92×89", "27×19"),
        *("-8", "+8", "–", "+24, +16"),
    ]
    assert short == ["short", "3", "1", "1", "2", "0", "–", "7", "0", "0", "–", "0"]
    assert "–: not of this layer alone: maps would not fit together any more" in lines
    assert lines[-1].startswith("2 layers make the 27 elements of add_1 along y; 1 of them makes")


@pytest.mark.parametrize("width", [40, 60, 80])
def test_no_line_is_wider_than_the_page(found: Growth, width: int) -> None:
    page = text(described(found), width)
    assert max(map(len, page.splitlines())) <= width
    assert "layer" in page
    assert "share" in page


def made(**options: object) -> LayerGrowth:
    parts: dict[str, object] = {
        "layer": "up",
        "operator": "table",
        "source": "aten.upsample",
        "window": None,
        "share": (Fraction(1, 2),),
        "on_path": (True,),
        "size": (math.inf,),
    }
    return LayerGrowth(**{**parts, **options})  # type: ignore[arg-type]  # parts of any kind


def one(layer: LayerGrowth, *, size: float = 3) -> Growth:
    return Growth("net", "x", ("t",), "up", (size,), (True,), (layer,))


def test_fractions_and_layers_without_window_are_written_as_such() -> None:
    row = described(one(made())).rows[0]
    assert row.cells == ("up", "–", "–", "–", "1/2", "25", "all")


def test_a_change_asked_for_stands_below_its_layer() -> None:
    window = Window((3,), (1,), (1,), False, (1,))
    change = Change("kernel 5", "given", (5,), (2,))
    document = described(one(made(layer="conv", window=window, share=(2,), changes=(change,))))
    assert document.rows[0].remarks == ("with kernel 5: 5",)


def test_what_belongs_to_no_layer_has_a_name_too() -> None:
    assert described(one(made(layer=""))).rows[0].cells[0] == "(between layers)"


def test_a_single_layer_and_none_are_told_in_words() -> None:
    assert list(closing(one(made(layer="conv", share=(2,))))) == [
        "One layer makes the field of up: conv."
    ]
    assert list(closing(one(made(share=(0,)), size=1))) == ["No layer widens the field of up."]


def test_the_picture_stacks_up_to_the_size_on_each_axis(found: Growth) -> None:
    figure = shares_picture(found)
    panels = figure.axes
    assert [axes.get_ylabel() for axes in panels] == ["size along y", "size along x"]
    for axes, size in zip(panels, (27, 19), strict=True):
        bars = {str(patch.get_gid()): patch for patch in axes.patches}
        assert list(bars) == ["share: stem", "share: long"]
        last = bars["share: long"]
        assert last.get_y() + last.get_height() == size  # type: ignore[attr-defined]  # a bar
        assert [line.get_gid() for line in axes.lines if line.get_gid() != "size"] == [
            "beside: short"
        ]
    assert "a level line: beside the longest path" in [t.get_text() for t in figure.texts]


def test_axes_that_are_alike_share_a_panel() -> None:
    figure = shares_picture(fieldscope.growth(nn.Conv2d(1, 1, 3), (1, 1, 8, 8)), title="one")
    assert [axes.get_ylabel() for axes in figure.axes] == ["size"]
    assert figure.texts[0].get_text() == "one"


def test_a_field_that_nothing_widens_has_no_picture() -> None:
    nothing = fieldscope.growth(nn.Conv2d(1, 1, 1), (1, 1, 8, 8))
    assert nothing.layers == ()
    with pytest.raises(InputError, match="no layer widens the field of"):
        nothing.to_image()
    assert "No layer widens the field" in repr(nothing)
