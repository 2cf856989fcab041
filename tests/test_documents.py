"""What README and docs show is what the commands print."""

from __future__ import annotations

from pathlib import Path

import pytest

from docs.generate import ROOT, TABLES, documents, refreshed, run

PAGE = """\
# Page
<!-- generated: fieldscope analyze a -->
what it printed once
<!-- generated end -->
between
<!-- generated: fieldscope analyze b -->
<!-- generated end -->
"""


def test_each_block_gets_what_its_own_command_prints() -> None:
    assert refreshed(PAGE, lambda command: f"<{command}>\n\n") == (
        "# Page\n"
        "<!-- generated: fieldscope analyze a -->\n"
        "```console\n$ fieldscope analyze a\n<fieldscope analyze a>\n```\n"
        "<!-- generated end -->\n"
        "between\n"
        "<!-- generated: fieldscope analyze b -->\n"
        "```console\n$ fieldscope analyze b\n<fieldscope analyze b>\n```\n"
        "<!-- generated end -->\n"
    )


def test_a_page_that_is_up_to_date_stays_as_it_is() -> None:
    once = refreshed(PAGE, str.upper)
    assert refreshed(once, str.upper) == once
    assert refreshed(once, str.lower) != once


def test_a_table_stands_on_the_page_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TABLES, "table of a", lambda: "| a |\n|---|\n")
    page = "<!-- generated: table of a -->\nold\n<!-- generated end -->\n"
    assert refreshed(page, run) == (
        "<!-- generated: table of a -->\n\n| a |\n|---|\n\n<!-- generated end -->\n"
    )


def test_a_command_that_is_not_fieldscope_is_refused() -> None:
    with pytest.raises(SystemExit, match="only fieldscope's commands can be shown"):
        run("rm -r build")


@pytest.mark.parametrize("page", list(documents()), ids=lambda page: str(page.relative_to(ROOT)))
def test_the_page_shows_what_its_commands_print(page: Path) -> None:
    """Red after a change of the output: run `make docs` and read what it changed."""
    text = page.read_text(encoding="utf-8")
    assert refreshed(text, run) == text
