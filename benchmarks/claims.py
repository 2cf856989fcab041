"""Numbers beside their targets, and the tables that they stand in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

# Of the tables where they are piped.
_WIDTH = 110


@dataclass(frozen=True, slots=True)
class Claim:
    """A number with its target.

    Attributes:
        what: what was measured.
        got: as measured.
        at_most: the target.
        shown: both as text.
    """

    what: str
    got: float
    at_most: float
    shown: str

    @property
    def holds(self) -> bool:
        return self.got <= self.at_most

    @property
    def verdict(self) -> str:
        return "[green]OK[/]" if self.holds else "[red]MISSED[/]"


def page() -> Console:
    """The terminal, or a page of a fixed width in a pipe."""
    console = Console()
    return console if console.is_terminal else Console(width=_WIDTH)


def judged(claims: Sequence[Claim], console: Console, *, strict: bool) -> int:
    """Say which targets were missed; the exit code, 1 for that where it is strict."""
    missed = [claim for claim in claims if not claim.holds]
    for claim in missed:
        console.print(f"[red]MISSED[/] {claim.what}: {claim.shown}", highlight=False)
    console.print(f"{len(claims) - len(missed)} of {len(claims)} targets met")
    return 1 if missed and strict else 0


def at_most(what: str, got: float, at_most: float) -> Claim:
    return Claim(what, got, at_most, f"{got:.2f}, target ≤ {at_most:g}")


def table(title: str, *columns: str) -> Table:
    made = Table(title=title, title_justify="left")
    for index, column in enumerate(columns):
        made.add_column(column, justify="right" if index else "left", no_wrap=True)
    return made


def milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:.1f} ms" if seconds < 10 else f"{seconds:.1f} s"
