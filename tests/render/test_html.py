from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from fieldscope.render.document import describe
from fieldscope.render.html import page
from tests.render import handmade
from tests.render.handmade import Made


class Balance(HTMLParser):
    """Collects what is opened and not closed, and all that would be loaded."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def read(fragment: str) -> Balance:
    reader = Balance()
    reader.feed(fragment)
    return reader


@pytest.mark.parametrize(
    "report", [handmade.residual, handmade.stereo, handmade.loose, handmade.unet]
)
def test_the_fragment_is_whole_and_stands_by_itself(report: Callable[[], Made]) -> None:
    reader = read(page(describe(report())))
    assert reader.open == []
    assert reader.seen[0] == ("div", {"class": "fieldscope"})
    assert {tag for tag, _ in reader.seen} & {"script", "link", "img", "iframe"} == set()
    assert not any("src" in attributes for _, attributes in reader.seen)


def test_every_text_is_escaped() -> None:
    report = handmade.residual()
    sly = replace(report.layers[0], name="<script>alert(1)</script>", operator='"&')
    fragment = page(describe(replace(report, model="<b>", layers=(sly,), outputs={"output": sly})))
    assert "<script" not in fragment
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in fragment
    assert "<strong>&lt;b&gt;</strong>" in fragment
    assert "&quot;&amp;" in fragment


def test_every_row_has_as_many_cells_as_there_are_columns() -> None:
    for report in (handmade.residual(), handmade.stereo()):
        made = describe(report)
        fragment = page(made)
        rows = re.findall("<tr.*?</tr>", fragment.partition("<tbody>")[2])
        assert [row.count("<td") for row in rows] == [len(made.columns)] * len(made.rows)


def test_inputs_span_their_columns() -> None:
    fragment = page(describe(handmade.stereo()))
    assert '<th class="fs-group" colspan="4">left</th>' in fragment


def test_no_colour_is_fixed_that_a_dark_page_would_hide() -> None:
    style = page(describe(handmade.loose())).partition("</style>")[0]
    assert not re.search(r"color:(#000|#fff|black|white)", style)
    assert "color:inherit" in style


def test_bounds_are_a_list() -> None:
    assert page(describe(handmade.loose())).count("<li>") == 2
