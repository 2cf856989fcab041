"""The document on a terminal: the layout's lines, each part with its look."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from fieldscope.render.layout import lines

if TYPE_CHECKING:
    from fieldscope.render.document import Document
    from fieldscope.render.layout import Line

# Of the parts of `layout.Span`. Only colours of the terminal's own palette, so
# that they fit light and dark ones; a part that isn't here looks like plain text.
_LOOKS = {
    "title": "bold",
    "subtitle": "dim",
    "group": "bold cyan",
    "head": "bold",
    "rule": "dim",
    "path": "dim",
    "quiet": "dim",
    "number": "bold",
    "loose": "yellow",
    "warning": "yellow",
    "alarm": "bold red",
    "remark": "dim",
    "note": "dim",
}
# What stands in for the signs that an old code page doesn't have.
_PLAIN = str.maketrans({"×": "x", "–": "-", "…": "~", "≤": "<", "─": "-"})


class Terminal(Console):
    """A console that leaves a closed pipe to its caller; rich would exit with 1."""

    def on_broken_pipe(self) -> None:
        """Raise the error that rich asks about."""
        raise BrokenPipeError


def print_table(document: Document, console: Console, width: int | None = None) -> None:
    """Print a document, in colours where the console has them.

    Args:
        document: What to show.
        console: Where; its encoding decides which signs are used.
        width: In characters; None for lines as long as they need.
    """
    print_lines(lines(document, width), console)


def print_lines(page: Iterable[Line], console: Console) -> None:
    """Print lines that are laid out, with the signs and colours that the console has."""
    plain = not _can_say(console.encoding, "×–…≤─")
    for line in page:
        console.print(_styled(line, plain=plain), soft_wrap=True, highlight=False)


def _styled(line: Line, *, plain: bool) -> Text:
    styled = Text()
    for span in line:
        text = span.text.translate(_PLAIN) if plain else span.text
        styled.append(text, _LOOKS.get(span.part))
    styled.rstrip()
    return styled


def _can_say(encoding: str, signs: str) -> bool:
    try:
        signs.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True
