"""A verification as lines of a page: a row per layer, and why one doesn't agree below it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from fieldscope.analyses.verification import LayerCheck, Verification
from fieldscope.render.layout import Line, Span
from fieldscope.render.numerals import product

_GAP = "  "
_HEAD = ("layer", "shape", "theory", "measured", "verdict")
_NUMBERS = (2, 3)
_PARTS = {"agrees": "text", "disagrees": "loose", "not measurable": "quiet"}
# Of the names of layers, where the page is narrow.
_LEAST = 16


def verified(found: Verification, width: int | None = None, *, all: bool = True) -> Iterator[Line]:
    """Lay a verification out.

    Args:
        found: what to show.
        width: in characters; None for lines as long as they need.
        all: show the layers that agree, too.
    """
    yield (Span(found.model, "title"), Span(f"  verified on {found.input}", "subtitle"))
    yield ()
    shown = [check for check in found.checks if all or check.verdict != "agrees"]
    if shown:
        rows = [_HEAD, *(_cells(check) for check in shown)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        if width is not None:
            spare = width - sum(widths) - len(_GAP) * (len(widths) - 1)
            widths[0] = max(_LEAST, widths[0] + min(0, spare))
        # On a page that is narrower still, the shape goes.
        wide = sum(widths) + len(_GAP) * (len(widths) - 1)
        places = [0, 2, 3, 4] if width is not None and wide > width else [0, 1, 2, 3, 4]
        yield tuple(_row(_HEAD, widths, ["head"] * len(_HEAD), places))
        yield (Span("─" * (sum(widths[k] + len(_GAP) for k in places) - len(_GAP)), "rule"),)
        for check in shown:
            parts = ["name", "text", "number", "number", _PARTS[check.verdict]]
            yield tuple(_row(_cells(check), widths, parts, places))
            yield from _reasons(check, width)
        yield ()
    yield (Span(found.summary, "closing"),)


def _cells(check: LayerCheck) -> tuple[str, str, str, str, str]:
    measured = "-" if check.measured is None else product(check.measured)
    return (check.layer, product(check.shape), product(check.size), measured, check.verdict)


def _row(
    cells: Sequence[str], widths: Sequence[int], parts: Sequence[str], places: Sequence[int]
) -> Iterator[Span]:
    for place in places:
        cell, wide = cells[place], widths[place]
        text = cell if len(cell) <= wide else f"…{cell[1 - wide :]}"
        aligned = text.rjust(wide) if place in _NUMBERS else text.ljust(wide)
        yield Span(("" if place == 0 else _GAP) + aligned, parts[place])


def _reasons(check: LayerCheck, width: int | None) -> Iterator[Line]:
    for why in check.why:
        for line in textwrap.wrap(why, (width or 100) - 4):
            yield (Span(f"    {line}", "note"),)
