"""Proposals as a document: a row for the network as it is, and one for each proposal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from fieldscope.render.document import Column, Document, Note, Row
from fieldscope.render.numerals import extents, large, percent, sizes
from fieldscope.wording import counted

if TYPE_CHECKING:
    from fieldscope.redesign.figures import Figures
    from fieldscope.redesign.refinement import Proposal, Refinement

COLUMNS = (
    Column("proposal", worth=9),
    Column("unproductive", numeric=True, worth=8, toned=True),
    Column("convolutions", numeric=True, worth=2),
    Column("widening", numeric=True, worth=1),
    Column("field", numeric=True, worth=5),
    Column("stride", numeric=True, worth=4),
    Column("parameters", numeric=True, worth=6),
    Column("MACs", numeric=True, worth=7),
    Column("of now", numeric=True, worth=3),
)
_PURPOSES = {
    "efficiency": "less compute, no unproductive layer",
    "performance": "no unproductive layer",
}

# From this many times today's compute on it is said how to ask for less.
_DEAR = 2


def described(found: Refinement) -> Document:
    """Put proposals into texts."""
    rows = [_row("as it is", found.before, found.before)]
    rows += [
        _row(str(number), one.after, one.before, one)
        for number, one in enumerate(found.proposals, start=1)
    ]
    return Document(
        title=found.model,
        subtitle=subtitle(found),
        columns=COLUMNS,
        rows=tuple(rows),
        notes=tuple(_notes(found)),
        closing=tuple(closing(found)),
    )


def subtitle(found: Refinement) -> str:
    """Name the input, the goal and the budget."""
    limited = found.budget is not None and (found.goal, found.budget) != ("efficiency", 1)
    budget = f", within {found.budget:g} times the compute" if limited else ""
    goal = f"{found.goal} ({_PURPOSES[found.goal]})"
    return f"{found.input} {extents(found.shape)}, refined for {goal}{budget}"


def _row(name: str, now: Figures, before: Figures, proposal: Proposal | None = None) -> Row:
    changes = () if proposal is None else _told(proposal)
    return Row(
        cells=(
            name,
            f"{now.unproductive:,}",
            f"{now.convolutions:,}",
            f"{now.widening:,}",
            sizes(now.size),
            sizes(now.stride),
            large(now.parameters),
            large(now.macs),
            _ratio(now.macs, before.macs),
        ),
        tone="alarm" if now.unproductive else "",
        remarks=changes,
    )


def _told(proposal: Proposal) -> tuple[str, ...]:
    """What it is good for, and below it what is done."""
    said = (*proposal.words, *proposal.remarks)
    return (f"{proposal.title}:", *(f"  {one}" for one in said))


def _ratio(new: int, old: int) -> str:
    """The share of today's compute, or how many times as much it is."""
    if not old:
        return ""
    return percent(new / old) if new <= old else f"{new / old:.3g}×"


def _notes(found: Refinement) -> Iterator[Note]:
    yield Note(
        "unproductive: layers that can add no context, convolutions: those of them that are "
        "no pooling; widening: layers that widen the field"
    )
    yield Note(
        "field: the largest that isn't global, stride: that of its last map; of now: MACs beside "
        "today's"
    )
    for note in found.notes:
        yield Note(note)


def closing(found: Refinement) -> Iterator[str]:
    """Say in sentences what the best proposal comes to."""
    if not found.proposals:
        yield f"There is no proposal: {found.why_none}."
        return
    best = found.proposals[0]
    old, new = best.before, best.after
    if new.unproductive:
        left = f"leaves {counted(new.unproductive, 'unproductive layer')} of {old.unproductive:,}"
    else:
        left = "leaves no layer unproductive"
    compute = f" with {_factor(new.macs, old.macs)} the compute" if old.macs else ""
    yield f"Proposal 1 {left}{compute}."
    if old.macs and new.macs > _DEAR * old.macs:
        yield "A budget, such as --budget 2x, asks for cheaper ones."
    if all(one.verified for one in found.proposals):
        yield (
            "Each proposal was carried out on a copy of the model, run, and analysed again: the "
            "figures are measured."
        )


def _factor(new: int, old: int) -> str:
    ratio = new / old
    if ratio <= 1:
        return f"{percent(ratio)} of"
    return f"{ratio:.3g} times"
