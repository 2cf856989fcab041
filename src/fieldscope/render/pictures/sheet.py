"""Where things stand on a picture: a heading, panels of given inches, notes beneath.

All places are worked out before anything is drawn, so that a picture's geometry
depends on what it shows and not on how wide a font came out.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from fieldscope.render.pictures import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Inches. A panel's margins hold its ticks and names (left, below) and sizes (above, right).
LEFT, RIGHT, ABOVE, BELOW = 0.62, 0.50, 0.60, 0.48
EDGE = 0.14
BETWEEN = "  ·  "
HEADING = 0.66
_NARROWEST = 4.6
_LINE = 0.17


@dataclass(frozen=True, slots=True)
class Margins:
    """Inches around every panel."""

    left: float = LEFT
    right: float = RIGHT
    above: float = ABOVE
    below: float = BELOW


@dataclass(frozen=True, slots=True)
class Sheet:
    """A figure with empty panels, row by row.

    Attributes:
        figure: the figure.
        panels: its axes, as asked for.
        right: where the panels and their margins end, in inches from the left.
    """

    figure: style.Picture
    panels: tuple[tuple[Axes, ...], ...]
    right: float


def compose(
    rows: Sequence[Sequence[tuple[float, float]]],
    *,
    title: str,
    subtitle: str,
    notes: Sequence[str],
    margins: Margins | Sequence[Margins] | None = None,
    spare: float = 0.0,
) -> Sheet:
    """Lay out panels of given widths and heights.

    Args:
        rows: widths and heights in inches, row by row.
        title: heading, shortened in its middle if it doesn't fit.
        subtitle: a quieter line below.
        notes: paragraphs beneath the panels, wrapped.
        margins: around every panel, or row by row.
        spare: inches kept free at the right of all panels, for a colour bar.
    """
    around = margins if isinstance(margins, Sequence) else [margins or Margins()] * len(rows)
    wide = [
        sum(panel[0] + edges.left + edges.right for panel in row)
        for row, edges in zip(rows, around, strict=True)
    ]
    width = max(max(wide) + spare + EDGE, _NARROWEST)
    written = [line for note in notes for line in _wrapped(note, width - 2 * EDGE)]
    heights = [
        max(panel[1] for panel in row) + edges.above + edges.below
        for row, edges in zip(rows, around, strict=True)
    ]
    figure = style.blank(
        width, HEADING + sum(heights) + _LINE * len(written) + (EDGE if written else 0)
    )
    room = width - 2 * EDGE
    head = style.write(
        figure,
        EDGE,
        EDGE,
        style.fitted(title, room, style.LARGE * 1.05),
        points=style.LARGE,
        fontweight="bold",
    )
    head.set_gid("title")
    style.write(
        figure, EDGE, EDGE + 0.25, style.fitted(subtitle, room, style.NORMAL), color=style.QUIET
    ).set_gid("subtitle")
    panels, top = [], HEADING
    for row, edges, height in zip(rows, around, heights, strict=True):
        beside = edges.left + edges.right
        lefts = accumulate((panel[0] + beside for panel in row[:-1]), initial=edges.left)
        panels.append(
            tuple(
                style.place(figure, left, top + edges.above, *panel)
                for left, panel in zip(lefts, row, strict=True)
            )
        )
        top += height
    for number, line in enumerate(written):
        style.write(
            figure, EDGE, top + _LINE * number, line, points=style.SMALL, color=style.QUIET
        ).set_gid("note")
    return Sheet(figure, tuple(panels), max(wide))


def _wrapped(note: str, inches: float) -> list[str]:
    """Break a note into lines; one of several items only between these."""
    items = note.split(BETWEEN)
    whole = BETWEEN.join(item.replace(" ", "\N{NO-BREAK SPACE}") for item in items)
    letters = int(inches * 72 / (0.53 * style.SMALL))
    lines = textwrap.wrap(whole if len(items) > 1 else note, letters)
    return [line.strip(" ·").replace("\N{NO-BREAK SPACE}", " ") for line in lines]


def panel_size(
    rows: int, columns: int, *, widest: float, tallest: float, thinnest: float = 0.9
) -> tuple[float, float]:
    """Fit a plane into a box of inches with square elements.

    A plane much longer than wide would be a thread: it is made thicker, and its elements
    are then no squares.

    >>> panel_size(100, 200, widest=4, tallest=4), panel_size(10, 4000, widest=4, tallest=4)
    ((4.0, 2.0), (4.0, 0.9))
    """
    scale = min(widest / columns, tallest / rows)
    return max(columns * scale, thinnest), max(rows * scale, thinnest)
