"""A check as a document: a row per condition, and what is in the way below it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fieldscope.render.document import Column, Document, Row
from fieldscope.render.numerals import extents
from fieldscope.wording import counted

if TYPE_CHECKING:
    from fieldscope.analyses.check import Check, Condition

_COLUMNS = (
    Column("condition", worth=4, least=14),
    Column("wanted", numeric=True, worth=2),
    Column("found", numeric=True, worth=1),
    Column("verdict", worth=3, toned=True),
)


def told(found: Check) -> list[str]:
    """Say of each condition what was found, and whether it holds.

    >>> import fieldscope, torch
    >>> told(fieldscope.check(torch.nn.Conv1d(1, 1, 3), (1, 1, 32), min_field=5, max_stride=2))
    ['field at least 5: 3, fails', 'stride at most 2: 1, holds']
    """
    return [
        f"{' '.join(filter(None, (one.name, one.wanted)))}: "
        f"{', '.join(filter(None, (one.found, _verdict(one))))}"
        for one in found.conditions
    ]


def described(found: Check) -> Document:
    """Put a check into texts."""
    failing = len(found.failing)
    closing = (
        f"All {counted(len(found.conditions), 'condition')} hold."
        if len(found.conditions) > 1 and not failing
        else f"{failing} of {counted(len(found.conditions), 'condition')} "
        f"{'fails' if failing == 1 else 'fail'}."
        if failing
        else "The condition holds."
    )
    return Document(
        title=found.model,
        subtitle=f"{found.input} {extents(found.shape)}",
        columns=_COLUMNS,
        rows=tuple(
            Row(
                (one.name, one.wanted, one.found, _verdict(one)),
                tone="" if one.holds else "alarm",
                remarks=(one.why,) if one.why else (),
            )
            for one in found.conditions
        ),
        notes=(),
        closing=(closing,),
    )


def _verdict(one: Condition) -> str:
    return "holds" if one.holds else "fails"
