from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from rich.console import Console

from fieldscope.render.document import describe
from fieldscope.render.layout import text
from fieldscope.render.table import print_table
from tests.render import handmade
from tests.render.handmade import Made


def printed(report: Made, *, terminal: bool, encoding: str = "utf-8") -> str:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, newline="")
    console = Console(
        file=stream,
        force_terminal=terminal,
        width=80,
        color_system="standard" if terminal else None,
        legacy_windows=False,
    )
    print_table(describe(report), console, 80)
    stream.flush()
    return raw.getvalue().decode(encoding)


@pytest.mark.parametrize(
    "report", [handmade.residual, handmade.stereo, handmade.loose, handmade.deep]
)
def test_a_file_gets_the_plain_page(report: Callable[[], Made]) -> None:
    assert printed(report(), terminal=False) == text(describe(report()), 80) + "\n"


def test_a_terminal_gets_looks() -> None:
    shown = printed(handmade.loose(), terminal=True)
    assert "\x1b[1mMoe\x1b[0m" in shown
    assert "\x1b[33m" in shown


def test_no_color_takes_the_colours_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[33m" not in printed(handmade.loose(), terminal=True)


def test_an_old_code_page_gets_signs_that_it_has() -> None:
    shown = printed(handmade.loose(), terminal=False, encoding="ascii")
    assert "head        window    1x2x64x64  <allx31     -x1  -, -15     allx31" in shown


def test_no_line_is_wrapped_where_the_console_is_narrower() -> None:
    stream = io.StringIO()
    print_table(describe(handmade.residual()), Console(file=stream, width=30), None)
    assert stream.getvalue() == text(describe(handmade.residual()), None) + "\n"
