"""The page that a command prints, and how wide it is."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.console import Console

    from fieldscope.render.document import Document

NARROWEST = 30

width_option = click.option(
    "--width",
    type=click.IntRange(min=NARROWEST),
    metavar="N",
    help="Width of the page in characters; otherwise the terminal's, or no limit in a pipe.",
)


def show(document: Document, width: int | None) -> None:
    """Print a document, as wide as is asked for, else as the terminal is."""
    # Imported here, where there is something to print: it takes a while.
    from fieldscope.render.table import Terminal, print_table

    console = Terminal()
    print_table(document, console, width or width_of(console))


def width_of(console: Console) -> int | None:
    """Give the width of the page; None for a pipe, where nothing need be left out."""
    if console.is_terminal or os.environ.get("COLUMNS", "").isdecimal():
        return max(console.width, NARROWEST)
    return None
