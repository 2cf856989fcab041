"""The productivity of layers as a document, and in sentences."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from fieldscope.render.document import BOUND, Column, Document, Note, Row, Tone
from fieldscope.render.numerals import WHOLE, extents, large, percent, product, sizes
from fieldscope.wording import counted, listed

if TYPE_CHECKING:
    from fieldscope.analyses.productivity import LayerProductivity, Productivity
    from fieldscope.analyses.verdicts import Verdict

COLUMNS = (
    Column("layer", worth=9, least=20, path=True),
    Column("source", worth=1, least=16),
    Column("shape", worth=2),
    Column("receives", numeric=True, worth=7),
    Column("narrowest", numeric=True, worth=6),
    Column("size", numeric=True, worth=3),
    Column("verdict", worth=8, toned=True),
    Column("MACs", numeric=True, worth=5),
    Column("parameters", numeric=True, worth=4),
)
TONES: dict[Verdict, Tone] = {
    "unproductive": "alarm",
    "critical": "warning",
    "partly critical": "warning",
}


def described(found: Productivity, *, all: bool = False) -> Document:
    """Put verdicts into texts.

    Args:
        found: what to show.
        all: show layers that neither widen the field nor cost anything, too.
    """
    shown = [one for one in found.layers if all or one.verdict != "not widening" or one.macs]
    return Document(
        title=found.model,
        subtitle=subtitle(found),
        columns=COLUMNS,
        rows=tuple(map(_row, shown)),
        notes=tuple(_notes(found, shown)),
        closing=tuple(closing(found)),
    )


def subtitle(found: Productivity) -> str:
    """Name the input, its shape, and the extents that are judged if they are others."""
    text = f"{found.input} {extents(found.shape)}"
    same = tuple(found.shape[axis] for axis in found.spatial) == found.extents
    return text if same else f"{text}, judged at {product(found.extents)}"


def _row(one: LayerProductivity) -> Row:
    bound = "" if one.exact else BOUND
    return Row(
        cells=(
            one.layer or "(model)",
            one.source,
            extents(one.shape),
            sizes(one.received),
            bound + sizes(one.narrowest),
            bound + sizes(one.size),
            one.verdict,
            large(one.macs),
            large(one.parameters),
        ),
        news=one.verdict != "not widening",
        tone=TONES.get(one.verdict, ""),
    )


def _notes(found: Productivity, shown: Sequence[LayerProductivity]) -> Iterator[Note]:
    yield Note(
        "receives: the narrowest field that enters the layer; narrowest: that along the shortest "
        "path through it"
    )
    if any(size == math.inf for one in shown for size in (*one.received, *one.size)):
        yield Note(f"{WHOLE}: reads the whole input along that axis")
    if found.costed != found.extents:
        yield Note(
            f"MACs are those at {product(found.costed)}: at other extents shapes aren't known"
        )
    if not found.counted:
        yield Note("parameters: those of kernels and matrices; biases and norms aren't told")
    bounds = [one for one in found.widening if not one.exact]
    if bounds:
        yield Note(
            f"{counted(len(bounds), 'layer')} behind an operator without a lowering: fields are "
            "bounds there, and the layers count as productive"
        )
    hidden = len(found.layers) - len(shown)
    if hidden:
        verbs = "widens the field nor multiplies" if hidden == 1 else "widen the field nor multiply"
        yield Note(f"{counted(hidden, 'layer')} that neither {verbs} not shown", "--all")


def closing(found: Productivity) -> Iterator[str]:
    """Say in sentences what is dead weight at these extents, and what it costs."""
    at = product(found.extents)
    widening = found.widening
    if not widening:
        yield f"No layer of {found.model} widens the field, so none can be unproductive."
        return
    dead = found.unproductive
    if not dead:
        if len(widening) == 1:
            yield f"At {at} the one layer that widens the field can add context."
        else:
            count = f"{len(widening):,} layers"
            yield f"At {at} each of the {count} that widen the field can add context."
    else:
        verb = "adds" if len(dead) == 1 else "add"
        yield (
            f"At {at}, {len(dead):,} of {len(widening):,} layers that widen the field {verb} no "
            f"context: {listed([one.layer for one in dead], most=4)}."
        )
        costs = [f"{percent(found.share_of('unproductive'))} of the compute"] * bool(found.macs)
        if found.parameters:
            costs.append(
                f"{percent(found.share_of('unproductive', 'parameters'))} of the parameters"
            )
        if costs:
            verb = "is" if len(costs) == 1 else "are"
            yield f"{listed(costs)} {verb} spent in layers that can add no context."
    critical = len(found.judged("critical")) + len(found.judged("partly critical"))
    if critical:
        partly = len(found.judged("partly critical"))
        what = "reaches beyond the input, but not what it receives"
        if critical > 1:
            what = "reach beyond the input, but not what they receive"
        some = f" ({partly:,} on some axes only)" if partly else ""
        layers = counted(critical, "layer")
        yield f"{layers} {what}{some}."
