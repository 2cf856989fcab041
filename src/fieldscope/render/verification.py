"""A verification as lines of a page: a row per layer, and why one doesn't agree below it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence

from fieldscope.analyses.verification import LayerCheck, Verification
from fieldscope.render.layout import Line, Span, shortened
from fieldscope.render.numerals import ABSENT, product
from fieldscope.wording import listed

_GAP = "  "
_HEAD = ("layer", "shape", "theory", "measured", "verdict")
_NUMBERS = (2, 3)
# What goes first where the page is narrow; the layer and its verdict stay.
_SPARE = (1, 3, 2)
_PARTS = {"agrees": "text", "disagrees": "loose", "not measurable": "quiet"}
# Of the names of layers, where the page is narrow; a column goes before they get shorter.
_LEAST = 14
# Of sentences, whatever the page.
_NARROWEST = 20
_PROSE = 100


def verified(found: Verification, width: int | None = None, *, all: bool = True) -> Iterator[Line]:
    """Lay a verification out.

    Args:
        found: what to show.
        width: in characters; None for lines as long as they need.
        all: show the layers that agree, too.
    """
    yield from _titled(found, width)
    yield ()
    shown = [check for check in found.checks if all or check.verdict != "agrees"]
    if shown:
        widths = _widths([_HEAD, *(_cells(check) for check in shown)], width)
        yield _row(_HEAD, widths, ["head"] * len(_HEAD))
        yield (Span("─" * _total(widths), "rule"),)
        for check in shown:
            parts = ["name", "text", "number", "number", _PARTS[check.verdict]]
            yield _row(_cells(check), widths, parts)
            for why in check.why:
                yield from _prose(why, width, "note", indent="    ")
        yield ()
    yield from _prose(found.summary, width, "closing")
    if found.not_run:
        tests = listed(list(found.not_run))
        yield from _prose(
            f"not run: {tests}, which need gradients; the model was run on changed inputs instead",
            width,
            "note",
        )


def _titled(found: Verification, width: int | None) -> Iterator[Line]:
    title, subtitle = found.model, f"  verified on {found.input}"
    if width is None or len(title) + len(subtitle) <= width:
        yield (Span(title, "title"), Span(subtitle, "subtitle"))
        return
    yield (Span(shortened(title, width), "title"),)
    yield (Span(shortened(subtitle, width), "subtitle"),)


def _cells(check: LayerCheck) -> tuple[str, str, str, str, str]:
    measured = ABSENT if check.measured is None else product(check.measured)
    return (check.layer, product(check.shape), product(check.size), measured, check.verdict)


def _widths(rows: Sequence[Sequence[str]], width: int | None) -> dict[int, int]:
    """Give the columns that fit, each with its width."""
    widths = {at: max(map(len, column)) for at, column in enumerate(zip(*rows, strict=True))}
    if width is None:
        return widths
    whole = widths[0]
    least = min(whole, _LEAST)
    for spare in _SPARE:
        if _total(widths) - whole + least <= width:
            break
        del widths[spare]
    widths[0] = max(least, min(whole, whole + width - _total(widths)))
    return widths


def _total(widths: Mapping[int, int]) -> int:
    return sum(widths.values()) + len(_GAP) * (len(widths) - 1)


def _row(cells: Sequence[str], widths: Mapping[int, int], parts: Sequence[str]) -> Line:
    spans: list[Span] = []
    for at, wide in widths.items():
        text = shortened(cells[at], wide)
        aligned = text.rjust(wide) if at in _NUMBERS else text.ljust(wide)
        spans.append(Span(f"{_GAP if spans else ''}{aligned}", parts[at]))
    return tuple(spans)


def _prose(text: str, width: int | None, part: str, *, indent: str = "") -> Iterator[Line]:
    for line in textwrap.wrap(
        text,
        max(min(width or _PROSE, _PROSE), _NARROWEST),
        initial_indent=indent,
        subsequent_indent=indent and f"{indent}  ",
        break_on_hyphens=False,
    ):
        yield (Span(line, part),)
