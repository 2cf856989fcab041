"""A verification as a document: a row per layer, and why one doesn't agree below it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fieldscope.render.document import Column, Document, Note, Row, Tone
from fieldscope.render.numerals import ABSENT, product
from fieldscope.wording import listed

if TYPE_CHECKING:
    from fieldscope.analyses.verification import LayerCheck, Verification

_COLUMNS = (
    Column("layer", worth=4, least=14, path=True),
    Column("shape", worth=0),
    Column("theory", numeric=True, worth=2),
    Column("measured", numeric=True, worth=1),
    Column("verdict", worth=3, toned=True),
)
_TONES: dict[str, Tone] = {"disagrees": "alarm"}


def described(found: Verification, *, all: bool = True) -> Document:
    """Put a verification into texts.

    Args:
        found: what to show.
        all: show the layers that agree, too.
    """
    shown = [check for check in found.checks if all or check.verdict != "agrees"]
    notes = []
    if found.not_run:
        notes.append(
            Note(
                f"not run: {listed(list(found.not_run))}, which need gradients; the model was run "
                "on changed inputs instead"
            )
        )
    return Document(
        title=found.model,
        subtitle=f"verified on {found.input}",
        columns=_COLUMNS if shown else (),
        rows=tuple(_row(check) for check in shown),
        notes=tuple(notes),
        closing=(found.summary,),
    )


def _row(check: LayerCheck) -> Row:
    measured = ABSENT if check.measured is None else product(check.measured)
    return Row(
        (check.layer, product(check.shape), product(check.size), measured, check.verdict),
        news=check.verdict != "not measurable",
        tone=_TONES.get(check.verdict, ""),
        remarks=tuple(check.why),
    )
