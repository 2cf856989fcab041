"""What is said of a layer that widens the field, at an input's extents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias, get_args

from fieldscope.analyses.steps import Sizes

Verdict: TypeAlias = Literal[
    "productive", "critical", "partly critical", "unproductive", "not widening"
]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)


def verdict_on(
    received: Sizes, narrowest: Sizes, widens: Sequence[bool], extents: Sequence[int]
) -> Verdict:
    """Judge one layer by what it receives and hands on.

    Args:
        received: narrowest field that enters it, per axis.
        narrowest: its own narrowest field, per axis.
        widens: per axis, whether it widens the field.
        extents: the input's extents, per axis.

    Example:
        >>> verdict_on((8, 8), (10, 10), (True, True), (8, 8))
        'unproductive'
        >>> verdict_on((7, 7), (9, 9), (True, True), (8, 16))
        'partly critical'
        >>> verdict_on((8, 9), (8, 9), (False, False), (8, 8))
        'not widening'
    """
    if not any(widens):
        return "not widening"
    axes = list(zip(received, widens, extents, strict=True))
    if all(given >= extent for given, wide, extent in axes if wide):
        return "unproductive"
    exceeds = [own > extent for own, extent in zip(narrowest, extents, strict=True)]
    if all(exceeds):
        return "critical"
    return "partly critical" if any(exceeds) else "productive"
