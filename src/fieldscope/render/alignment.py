"""The joins of a model as a document: a row per branch of those that aren't aligned."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from fieldscope.render.document import Column, Document, Note, Row, Tone
from fieldscope.render.numerals import ABSENT, places, sizes
from fieldscope.wording import counted, listed

if TYPE_CHECKING:
    from fieldscope.analyses.alignment import Alignment, Join

COLUMNS = (
    Column("join", worth=6, least=16, path=True),
    Column("source", worth=0, least=12),
    Column("branch", worth=5, least=16),
    Column("stride", numeric=True, worth=2),
    Column("centre", numeric=True, worth=1),
    Column("offset", numeric=True, worth=4),
    Column("verdict", worth=3, toned=True),
)
TONES: dict[str, Tone] = {"shifted": "warning", "strides differ": "alarm"}
_MOST_NAMED = 3


def described(found: Alignment, *, all: bool = False) -> Document:
    """Put joins into texts.

    Args:
        found: what to show.
        all: show the joins that are aligned, or can't be compared, too.
    """
    shown = found.joins if all else found.misaligned
    return Document(
        title=found.model,
        subtitle=f"joins, along {listed(list(found.axes))} of {found.input}",
        columns=COLUMNS if shown else (),
        rows=tuple(row for join in shown for row in _rows(join)),
        notes=tuple(_notes(found, shown)),
        closing=tuple(closing(found)),
    )


def _rows(join: Join) -> Iterator[Row]:
    tone = TONES.get(join.verdict, "")
    for number, branch in enumerate(join.branches):
        first = number == 0
        yield Row(
            cells=(
                (join.layer or "(model)") if first else "",
                join.source if first else "",
                branch.layer or "(model)",
                sizes(branch.stride),
                places(branch.centre),
                signed(branch.offset),
                join.verdict if first else "",
            ),
            news=first or any(branch.offset),
            tone=tone if first else "",
        )


def signed(offsets: Sequence[Fraction | None]) -> str:
    """Write offsets per axis with their signs, once where all axes agree.

    >>> signed((Fraction(-3, 2), Fraction(-3, 2))), signed((Fraction(1), Fraction(0)))
    ('-3/2', '+1, 0')
    >>> signed((None, Fraction(0)))
    '–, 0'
    """
    texts = [ABSENT if one is None else f"+{one}" if one > 0 else str(one) for one in offsets]
    return texts[0] if len(set(texts)) == 1 else ", ".join(texts)


def _notes(found: Alignment, shown: Sequence[Join]) -> Iterator[Note]:
    if shown:
        yield Note(
            "centre: of position 0 on the input, where element k is centred at k; offset: from "
            "the first branch, in input elements"
        )
    if any(None in branch.offset for join in shown for branch in join.branches):
        yield Note(f"{ABSENT}: nothing to compare, since a field doesn't repeat or strides differ")
    hidden = len(found.joins) - len(shown)
    if hidden:
        yield Note(f"{counted(hidden, 'join')} not shown", "--all")


def closing(found: Alignment) -> Iterator[str]:
    """Say in sentences what was found."""
    joins = found.joins
    if not joins:
        yield f"{found.model} has no joins of maps, so there is nothing to align."
        return
    aligned = sum(join.aligned for join in joins)
    unknown = sum(join.verdict == "not comparable" for join in joins)
    if aligned == len(joins):
        subject = "The only join is" if len(joins) == 1 else f"All {len(joins):,} joins are"
        yield f"{subject} aligned: the branches see the same places of the input."
        return
    if unknown == len(joins):
        subject = "The only join can't" if unknown == 1 else f"None of the {unknown:,} joins can"
        yield (
            f"{subject} be compared, since fields have no centre there: they are global, or not "
            "the same from position to position."
        )
        return
    verb = "is" if aligned < 2 else "are"
    number = f"{aligned:,} of" if aligned else "None of the"
    parts = [f"{number} {len(joins):,} joins {verb} aligned"]
    if len(joins) == 1:
        parts = ["The only join isn't aligned"]
    for verdict in ("shifted", "strides differ"):
        some = [join for join in joins if join.verdict == verdict]
        if some:
            names = listed([join.layer for join in some], most=_MOST_NAMED)
            told = "shifted" if verdict == "shifted" else "joined at different strides"
            parts.append(f"{len(some):,} {told} ({names})")
    yield ", ".join(parts[:1]) + (f"; {'; '.join(parts[1:])}." if len(parts) > 1 else ".")
    worst = _worst(found)
    if worst is not None:
        join, offset = worst
        elements = "element" if offset == 1 else "elements"
        yield (
            f"The largest offset is {offset} input {elements}, at {join.layer}: position i of its "
            "branches sees places that far apart."
        )
    if unknown:
        verb = "joins fields" if unknown == 1 else "join fields"
        yield (
            f"{unknown:,} {verb} without a centre to compare: global, or not the same from "
            "position to position."
        )


def _worst(found: Alignment) -> tuple[Join, Fraction] | None:
    """The join with the largest offset along any axis."""
    known = [
        (max(abs(one) for one in join.offset if one is not None), -place)
        for place, join in enumerate(found.joins)
        if any(join.offset)
    ]
    if not known:
        return None
    offset, place = max(known)
    return found.joins[-place], offset
