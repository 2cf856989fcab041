"""Joins and coverage as documents and pictures."""

from __future__ import annotations

import pytest

import fieldscope
from fieldscope.render.alignment import described as joins
from fieldscope.render.coverage import described as covered
from fieldscope.render.layout import text
from fieldscope.render.pictures import alignment_picture, coverage_picture, png


def net(axes: int = 2) -> fieldscope.Builder:
    b = fieldscope.Builder("net")
    x = b.input((1, 1, *(15, 18, 13)[:axes]))
    y = b.conv(x, 2, padding=((0, 1),) * axes, name="even")
    b.conv(b.add(x, y, name="join"), 1, stride=(1, 2, 2)[-axes:], name="sparse")
    b.add(x, x, name="same")
    b.concat(b.value("even"), b.value("even"), b.value("join"), name="three")
    return b


def test_joins_fit_narrow_and_wide_pages() -> None:
    found = fieldscope.alignment(net())
    wide = text(joins(found, all=True), 140)
    assert "join   add     input        1       0       0  shifted" in wide
    assert "               even         1     1/2    +1/2" in wide
    narrow = text(joins(found, all=True), 40)
    assert max(map(len, narrow.splitlines())) <= 40
    assert "no room for" in narrow


def test_that_no_join_is_aligned_is_a_sentence() -> None:
    b = fieldscope.Builder("net")
    x = b.input((1, 1, 16))
    for _ in range(2):
        x = b.add(x, b.conv(x, 3, padding=((0, 2),)))
    page = text(joins(fieldscope.alignment(b)))
    assert "\nNone of the 2 joins is aligned; 2 shifted (add_1 and add_2).\n" in page


def test_a_report_shows_itself_in_text_and_in_a_notebook() -> None:
    for found in (fieldscope.alignment(net()), fieldscope.coverage(net(), layer="sparse")):
        assert repr(found).startswith("net  ")
        html = found._repr_html_()
        assert html is not None
        assert "<table" in html


def test_sentences_tell_the_share_and_where_it_lies() -> None:
    page = text(covered(fieldscope.coverage(net(), layer="sparse")))
    assert "Every one of the 270 elements is read by some position of sparse." in page
    b = fieldscope.Builder("net")
    b.conv(b.crop(b.input((1, 1, 9, 12)), ((1, 0), (0, 2))), (2, 1), stride=(2, 3), name="c")
    page = text(covered(fieldscope.coverage(b)))
    assert (
        "76 of 108 elements (70 %) are read by no position of c: the first 1 along y, the last 2 "
        "along x and 48 that are left out in between." in page
    )


@pytest.mark.parametrize(("axes", "reads"), [(1, "1 to 2"), (2, "1 to 2"), (3, "2 to 3")])
def test_pictures_are_drawn_for_one_to_three_axes(axes: int, reads: str) -> None:
    found = fieldscope.coverage(net(axes), layer="sparse")
    figure = coverage_picture(found, title="how it is read")
    assert len(figure.axes) == 3
    assert figure.axes[0].get_title(loc="left") == f"reads, {reads}"
    assert png(figure)
    assert png(alignment_picture(fieldscope.alignment(net(axes))))


def test_a_picture_of_many_joins_shows_those_out_of_line() -> None:
    b = fieldscope.Builder("net")
    x = b.input((1, 1, 64))
    for _ in range(50):
        x = b.add(x, b.conv(x, 3, padding=1))
    b.add(x, b.conv(x, 3, padding=((0, 2),)), name="last")
    figure = alignment_picture(fieldscope.alignment(b))
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert len(names) == 40
    assert names[-1] == "last"
