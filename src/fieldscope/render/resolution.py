"""Feasible resolutions as a document: a row per limit, with the layers that set it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from fieldscope.render.document import Column, Document, Note, Row
from fieldscope.render.numerals import product
from fieldscope.wording import listed

if TYPE_CHECKING:
    from fieldscope.analyses.resolution import Limit, Resolution
    from fieldscope.analyses.steps import Sizes

UNLIMITED = "no limit"
_MOST_NAMED = 2
_LONGEST = 44


def described(found: Resolution) -> Document:
    """Put limits into texts."""
    columns = (
        Column("limit", worth=9),
        *(Column(axis, numeric=True, worth=8) for axis in found.axes),
        Column("set by", worth=7, least=16),
        Column("meaning", worth=1),
    )
    context = found.upper_with_context != found.upper
    rows = [
        _row("smallest", found.lower, "what the last widening layer receives"),
        _row(
            "productive from",
            found.productive_from,
            "no layer is unproductive",
        ),
        _row("uncritical from", found.free, "no layer reaches beyond the input"),
        _row("largest", found.upper, "still seen whole"),
    ]
    if context:
        rows.append(_row("largest with context", found.upper_with_context, "context counted"))
    return Document(
        title=found.model,
        subtitle=f"feasible extents of {found.input} ({', '.join(found.axes)})",
        columns=columns,
        rows=tuple(rows),
        notes=tuple(_notes(found)),
        closing=tuple(closing(found)),
    )


def _row(name: str, limit: Limit | Sizes, meaning: str) -> Row:
    if isinstance(limit, tuple):
        extents, layers = limit, ""
    else:
        extents, layers = limit.extents, _setters(limit)
    numbers = [UNLIMITED if extent == math.inf else str(extent) for extent in extents]
    return Row((name, *numbers, layers, meaning))


def _setters(limit: Limit) -> str:
    """The layers that set a limit, once where all axes have the same."""
    each = dict.fromkeys(limit.layers)
    return "; ".join(_named(layers) for layers in each if layers)


def _named(layers: Sequence[str]) -> str:
    """Name a few; of long names one, since a list can't be shortened as a path can."""
    names = [name or "(model)" for name in layers]
    told = listed(names, most=_MOST_NAMED)
    return told if len(told) <= _LONGEST else listed(names, most=1)


def _notes(found: Resolution) -> Iterator[Note]:
    if found.snapped:
        yield Note(f"rounded inwards to multiples of the total stride, {product(found.stride)}")
    elif any(step > 1 for step in found.stride):
        yield Note(f"total stride {product(found.stride)}", "--snap rounds to multiples of it")
    if found.dependent:
        yield Note(
            f"fields of {listed(found.dependent, most=_MOST_NAMED)} depend on the input's extent: "
            "as to them the limits hold for the analysed one"
        )
    if found.bounds:
        yield Note(
            f"fields of {listed(found.bounds, most=_MOST_NAMED)} are only bounds, and limits may "
            "be too large through them"
        )


def closing(found: Resolution) -> Iterator[str]:
    """Say in sentences what suits the network."""
    low, high = found.productive_from, found.largest
    crossed = [axis for axis, a, b in zip(found.axes, low, high, strict=True) if a > b]
    if crossed:
        yield (
            f"No extent is feasible along {listed(crossed)}: where a position still sees the whole "
            "input, some layers are unproductive already."
        )
        return
    if all(extent == math.inf for extent in high):
        yield f"Inputs from {product(low)} on suit the network: some layer sees the whole of any."
        return
    limits = ["any" if extent == math.inf else str(extent) for extent in high]
    yield (
        f"Inputs from {product(low)} to {'×'.join(limits)} suit the network: no layer is dead "
        "weight, and positions see the whole input."
    )
    sizes = list(zip(found.analysed, low, high, strict=True))
    at = product(found.analysed)
    if any(n < a for n, a, _ in sizes):
        yield f"The analysed {at} is too small: fieldscope productivity shows what is wasted."
    elif any(n > b for n, _, b in sizes):
        yield f"The analysed {at} is larger than any position sees."
