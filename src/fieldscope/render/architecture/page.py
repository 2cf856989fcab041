"""A drawing's boxes as a table, and in sentences, for where nothing can be drawn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from fieldscope.analyses.architecture import ArchitectureGraph, Box
from fieldscope.analyses.verdicts import Verdict
from fieldscope.render.architecture.look import (
    clean,
    heading,
    mark_of,
    measure_of,
    name_of,
    numbers_of,
    work_of,
)
from fieldscope.render.document import Column, Document, Note, Row, Tone
from fieldscope.render.numerals import extents
from fieldscope.wording import counted

_BEFORE = (
    Column("box", worth=9, least=20, path=True),
    Column("holds", worth=4, least=24),
    Column("layers", numeric=True, worth=1),
)
_MEASURES = (("size", 7), ("narrowest", 5), ("stride", 6))
_BEHIND = (Column("shape", worth=3), Column("verdict", worth=8, toned=True))
_TONES: Mapping[Verdict, Tone] = {
    "unproductive": "alarm",
    "critical": "warning",
    "partly critical": "warning",
}


def described(found: ArchitectureGraph) -> Document:
    """Put a drawing into texts, a row per box that holds layers."""
    boxes = [box for box in found.boxes if box.layers]
    subtitle = heading(found)[1]
    inputs = [info.name for info in found.inputs if info.axes]
    seen = [
        Column(measure, clean(name) if len(inputs) > 1 else "", numeric=True, worth=worth)
        for name in inputs
        for measure, worth in _MEASURES
    ]
    return Document(
        title=clean(found.model),
        subtitle=subtitle,
        columns=(*_BEFORE, *seen, *_BEHIND),
        rows=tuple(_row(box, inputs) for box in boxes),
        notes=tuple(_notes(found)),
        closing=tuple(_closing(found)),
    )


def _row(box: Box, inputs: Sequence[str]) -> Row:
    return Row(
        cells=(
            clean(name_of(box)) or "(model)",
            clean(work_of(box)),
            str(len(box.layers)),
            *(cell for name in inputs for cell in numbers_of(box, name)),
            extents(box.shape),
            mark_of(box) or box.verdict or "",
        ),
        news=box.verdict not in (None, "not widening"),
        tone=_TONES.get(box.verdict, "") if box.verdict is not None else "",
    )


def _notes(found: ArchitectureGraph) -> Iterator[Note]:
    if found.depth is not None:
        yield Note(f"containers are folded at depth {found.depth}", "--depth")
    if any(box.merged for box in found.boxes):
        yield Note("+: with layers that hand on what they receive", "--all")


def _closing(found: ArchitectureGraph) -> Iterator[str]:
    measure = measure_of(found)
    at = f" at {measure}" if measure else ""
    dead, critical = found.judged("unproductive"), found.judged("critical")
    critical += found.judged("partly critical")
    verdicts = [
        f"{counted(number, 'layer')} {word}"
        for number, word in ((dead, "unproductive"), (critical, "critical or partly so"))
        if number
    ]
    told = f", {' and '.join(verdicts)}{at}" if verdicts else ""
    arrows = counted(len(found.edges), "arrow")
    yield f"The drawing has {len(found.boxes):,} boxes and {arrows}{told}."
