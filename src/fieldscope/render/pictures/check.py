"""A check: the verdicts that it rests on, and its conditions below them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fieldscope.render import check as words
from fieldscope.render.pictures import productivity, sheet, style

if TYPE_CHECKING:
    from fieldscope.analyses.check import Check


def draw(found: Check, *, title: str | None = None) -> style.Picture:
    """Draw a check; `fieldscope.render.pictures.check_picture` says what is shown."""
    notes = [sheet.BETWEEN.join(words.told(found))]
    return productivity.draw(found.productivity, title=title, notes=notes)
