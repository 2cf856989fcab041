"""What README and docs show is what the commands print."""

from __future__ import annotations

import re
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
    assert refreshed(PAGE, lambda command, _: f"<{command}>\n\n") == (
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
    once = refreshed(PAGE, lambda command, _: command.upper())
    assert refreshed(once, lambda command, _: command.upper()) == once
    assert refreshed(once, lambda command, _: command) != once


def test_a_block_may_ask_for_a_command_that_fails() -> None:
    page = "<!-- generated, exit code 2: fieldscope analyze a -->\n<!-- generated end -->\n"
    assert "\nfieldscope analyze a: 2\n" in refreshed(
        page, lambda command, code: f"{command}: {code}"
    )
    said = run("fieldscope analyze a", 2)
    assert said.startswith("fieldscope: 'a' is not a model\n")
    with pytest.raises(SystemExit, match="exit code 2 from: fieldscope analyze a\nfieldscope: 'a'"):
        run("fieldscope analyze a")


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


PAGES = [*documents(), ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]


def unrun(text: str) -> list[str]:
    """Python on a page that no prompt stands before, so that nobody runs it."""
    found = []
    for block in re.findall(r"^```(?:python|py|pycon)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        lines = block.splitlines()
        expected = False
        for line in lines:
            if line.startswith((">>>", "...")) and not (expected and line.strip() == "..."):
                expected = True
            elif not line.strip():
                expected = False
            elif not expected:
                found.append(line)
    return found


def broken_links(page: Path, text: str) -> list[str]:
    """Links to files or headings that aren't there."""
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    found = []
    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        path, _, heading = target.partition("#")
        if path.startswith(("http://", "https://")):
            continue
        file = page.parent / path if path else page
        if not file.exists() or (heading and heading not in headings(file)):
            found.append(target)
    return found


def headings(page: Path) -> set[str]:
    """Anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", title.lower()) for title in titles)
    return {title.replace(" ", "-") for title in plain}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_all_python_on_a_page_is_run_by_the_tests(page: Path) -> None:
    assert unrun(page.read_text(encoding="utf-8")) == []


def test_python_without_a_prompt_is_found() -> None:
    page = "```python\n>>> 1 + 1\n2\n\nx = 3\n```\n```console\n$ x = 4\n```\n```py\ny = 5\n```\n"
    assert unrun(page) == ["x = 3", "y = 5"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    assert broken_links(page, page.read_text(encoding="utf-8")) == []


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Size, and so: `on`\n")
    text = "[a](page.md) [b](#size-and-so-on) [c](none.md) [d](page.md#none) [e](https://x.y)\n"
    assert broken_links(page, text) == ["none.md", "page.md#none"]
