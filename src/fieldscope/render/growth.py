"""A field's growth as a document: a row per layer with its share, and what changes would do."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from fieldscope.render.document import Column, Document, Note, Row
from fieldscope.render.numerals import ABSENT, WHOLE, number, percent, product, sizes
from fieldscope.wording import counted, listed

if TYPE_CHECKING:
    from fieldscope.analyses.growth import Growth, LayerGrowth
    from fieldscope.analyses.growth.supposing import Kind

CHANGES: dict[Kind, str] = {
    "smaller kernel": "kernel−2",
    "larger kernel": "kernel+2",
    "other stride": "stride to",
    "wider dilation": "dilation×2",
}
_MOST_NAMED = 6


def described(found: Growth) -> Document:
    """Put shares into texts."""
    dilated = any(
        one.window is not None and any(d not in (None, 1) for d in one.window.dilation)
        for one in found.layers
    )
    kinds = [
        kind
        for kind in CHANGES
        if any(change.kind == kind for one in found.layers for change in one.changes)
    ]
    columns = (
        Column("layer", worth=12, least=20, path=True),
        Column("kernel", numeric=True, worth=9),
        Column("stride", numeric=True, worth=8),
        *([Column("dilation", numeric=True, worth=7)] if dilated else []),
        Column("spacing", numeric=True, worth=6),
        Column("share", numeric=True, worth=11),
        Column("%", numeric=True, worth=10),
        Column("size", numeric=True, worth=5),
        *(Column(CHANGES[kind], numeric=True, worth=4 - k) for k, kind in enumerate(kinds)),
    )
    return Document(
        title=found.model,
        subtitle=f"the field of {found.layer}, {product(found.size)} of {found.input} "
        f"({', '.join(found.axes)})",
        columns=columns,
        rows=tuple(_row(found, one, kinds, dilated=dilated) for one in found.layers),
        notes=tuple(_notes(found, kinds)),
        closing=tuple(closing(found)),
    )


def _row(found: Growth, one: LayerGrowth, kinds: Sequence[Kind], *, dilated: bool) -> Row:
    window = one.window
    parts = found.part_of(one)
    beside = not any(one.share)
    changes = {change.kind: change for change in one.changes}
    given = [change for change in one.changes if change.kind == "given"]
    cells = [
        one.layer or "(between layers)",
        ABSENT if window is None else sizes(window.kernel),
        ABSENT if window is None else sizes(window.stride),
        *([ABSENT if window is None else sizes(window.dilation)] if dilated else []),
        ABSENT if window is None else sizes(window.spacing),
        "0" if beside else _shares(one.share),
        ABSENT if beside else _parts(parts, found.divided),
        sizes(one.size),
    ]
    for kind in kinds:
        change = changes.get(kind)
        if change is None or change.delta is None:
            cells.append("" if change is None else ABSENT)
        else:
            to = f"{change.what.rpartition(' ')[2]}: " if kind == "other stride" else ""
            cells.append(to + deltas(change.delta))
    remarks = tuple(f"with {change.what}: {outcome(change.size)}" for change in given)
    return Row(tuple(cells), news=not beside, remarks=remarks)


def _shares(share: Sequence[int | Fraction | None]) -> str:
    texts = [number(one) for one in share]
    return texts[0] if len(set(texts)) == 1 else "×".join(texts)


def _parts(parts: Sequence[float], divided: Sequence[bool]) -> str:
    texts = [
        percent(part).removesuffix(" %") if known else ABSENT
        for part, known in zip(parts, divided, strict=True)
    ]
    return texts[0] if len(set(texts)) == 1 else "×".join(texts)


def deltas(delta: Sequence[int | float]) -> str:
    """Write differences per axis with their signs, once where all axes agree.

    >>> deltas((-16, -16)), deltas((0, 4)), deltas((math.inf,))
    ('-16', '0, +4', 'all')
    """
    texts = [WHOLE if one == math.inf else f"{int(one):+d}" if one else "0" for one in delta]
    return texts[0] if len(set(texts)) == 1 else ", ".join(texts)


def outcome(size: Sequence[int | float] | None) -> str:
    """Say what a change would make of the size."""
    return ABSENT if size is None else product(size)


def _notes(found: Growth, kinds: Sequence[Kind]) -> Iterator[Note]:
    yield Note(
        "share: elements that the layer adds to the size, (kernel − 1)·dilation·spacing along the "
        "longest path; together the size less one"
    )
    yield Note("spacing: input elements from one position of what enters to the next")
    if any(not any(one.share) for one in found.layers):
        yield Note("0: beside the longest path, or on another as long, or it only strides")
    if kinds:
        yield Note(
            "kernel−2, kernel+2, stride to, dilation×2: what the size would gain, were the layer's "
            "window so, padded alike"
        )
        if any(change.size is None for one in found.layers for change in one.changes):
            yield Note(f"{ABSENT}: not of this layer alone: maps would not fit together any more")
    for axis, divided in zip(found.axes, found.divided, strict=True):
        if not divided:
            yield Note(f"along {axis} the field is not divided: it is global or not periodic")


def closing(found: Growth) -> Iterator[str]:
    """Say in sentences which layers make most of the field."""
    axis = found.divided.index(True)
    size = found.size[axis]
    having = sorted(
        (one for one in found.layers if one.share[axis]),
        key=lambda one: -float(one.share[axis] or 0),
    )
    along = f" along {found.axes[axis]}" if len(set(found.size)) > 1 else ""
    if not having:
        yield f"No layer widens the field of {found.layer}{along}."
        return
    total, most = 0.0, []
    for one in having:
        most.append(one)
        total += float(one.share[axis] or 0)
        if 2 * total >= size - 1:
            break
    layers = counted(len(having), "layer")
    if len(having) == 1:
        yield f"One layer makes the field of {found.layer}{along}: {having[0].layer}."
        return
    verb = "makes" if len(most) == 1 else "make"
    names = listed([one.layer for one in most], most=_MOST_NAMED)
    yield (
        f"{layers} make the {number(size)} elements of {found.layer}{along}; "
        f"{len(most):,} of them {verb} half of it: {names}."
    )
