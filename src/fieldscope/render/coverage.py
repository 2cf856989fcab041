"""The coverage of an input as a document, and in sentences."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from fieldscope.render.document import Column, Document, Note, Row, Tone
from fieldscope.render.numerals import extents, percent, product, sizes
from fieldscope.wording import listed

if TYPE_CHECKING:
    from fieldscope.analyses.coverage import Coverage, Evenness

COLUMNS = (
    Column("far from the borders", worth=6),
    Column("period", numeric=True, worth=4),
    Column("least", numeric=True, worth=2),
    Column("most", numeric=True, worth=1),
    Column("most to least", numeric=True, worth=5, toned=True),
    Column("variation", numeric=True, worth=3),
)


def described(found: Coverage) -> Document:
    """Put a coverage into texts."""
    rows = [
        _row("reads per input element", found.pattern),
        _row("ways to each position", found.arrivals),
    ]
    shown = tuple(row for row in rows if row is not None)
    notes = [
        Note("least and most: of the mean; variation: standard deviation, in parts of the mean")
    ]
    if found.scaled:
        notes.append(Note("counts were scaled to stay numbers; their ratios hold"))
    return Document(
        title=found.model,
        subtitle=f"how {found.layer or 'the output'} covers {found.input} "
        f"{extents(found.mask.shape)} ({', '.join(found.axes)})",
        columns=COLUMNS if shown else (),
        rows=shown,
        notes=tuple(notes) if shown else (),
        closing=tuple(closing(found)),
    )


def _row(what: str, found: Evenness | None) -> Row | None:
    if found is None or not found.period:
        return None
    tone: Tone = "alarm" if found.nothing else "warning" if not found.even else ""
    return Row(
        cells=(
            what,
            sizes(found.period),
            f"{found.counts.min():.3g}",
            f"{found.counts.max():.3g}",
            ratio(found),
            f"{found.variation:.3f}",
        ),
        news=not found.even,
        tone=tone,
    )


def ratio(found: Evenness) -> str:
    """Write how much oftener the most-read element is read than the least."""
    return "∞" if found.ratio == math.inf else f"{found.ratio:.3g}"


def closing(found: Coverage) -> Iterator[str]:
    """Say in sentences what was found."""
    yield _unread(found)
    layer = found.layer or "the output"
    if found.pattern is None:
        yield (
            "Far from the borders nothing repeats from position to position, so there is no "
            "period to tell."
        )
    elif found.pattern.even:
        yield "Far from the borders, every element is read equally often."
    elif found.pattern.nothing == 0:
        yield (
            f"Far from the borders, reads repeat every {_elements(found.pattern)}: some elements "
            f"are read {ratio(found.pattern)} times as often as others."
        )
    else:
        yield (
            f"Far from the borders, reads repeat every {_elements(found.pattern)}, of which "
            f"{percent(found.pattern.nothing)} are never read."
        )
    if found.arrivals is not None and not found.arrivals.even:
        most = (
            "some have none at all"
            if found.arrivals.nothing
            else f"some have {ratio(found.arrivals)} times as many as others"
        )
        yield (
            f"Positions of {layer} differ in how many ways lead to them, every "
            f"{product(found.arrivals.period)} positions: {most}, which shows as a checkerboard."
        )
    if found.density < 1:
        yield (
            f"The position in the middle reads {percent(found.density)} of the elements between "
            "the first and the last that it reads: the others lie in gaps (gridding)."
        )
    if found.context:
        yield f"Context, which all positions share, isn't counted: {listed(list(found.context))}."
    if found.bounds:
        yield f"This is a bound, through {listed(list(found.bounds), most=3)}: less may be read."


def _elements(found: Evenness) -> str:
    return f"{product(found.period)} elements"


def _unread(found: Coverage) -> str:
    layer, size = found.layer or "the output", found.mask.size
    if not found.unread:
        return f"Every one of the {size:,} elements is read by some position of {layer}."
    if not found.mask.any():
        return f"No position of {layer} reads any element of {found.input}."
    share = percent(found.unread_share)
    verb = "is" if found.unread == 1 else "are"
    text = f"{found.unread:,} of {size:,} elements ({share}) {verb} read by no position of {layer}"
    parts = []
    for axis, (before, after) in zip(found.axes, found.edges, strict=True):
        ends = [f"the {word} {n:,}" for word, n in (("first", before), ("last", after)) if n]
        if ends:
            parts.append(f"{listed(ends)} along {axis}")
    if found.inside:
        parts.append(f"{found.inside:,} that are left out in between")
    return f"{text}: {listed(parts)}."
