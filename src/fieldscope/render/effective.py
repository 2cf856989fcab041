"""Effective fields in words: what holds which share of the contribution, and how far it reaches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from fieldscope.measure.effective import SHARES, EffectiveField
from fieldscope.render import maps
from fieldscope.render.document import Column, Document, Note, Row
from fieldscope.render.numerals import ABSENT, percent, product
from fieldscope.wording import counted, listed

if TYPE_CHECKING:
    from fieldscope.analyses.effective import EffectiveComparison

_GRADIENTS = {"absolute": "sizes of gradients", "squared": "squares of gradients"}


def described(found: EffectiveField) -> Document:
    """Put one effective field into texts: a row per share of the contribution."""
    rows = []
    for share in SHARES:
        box = found.box_of(share)
        sides = product([run.stop - run.start for run in box])
        rows.append(Row((percent(share), area(found, share), sides)))
    return Document(
        title=f"{found.model}  {maps.subject(found)}",
        subtitle=f"over {maps.over(found)}, {source(found)}",
        columns=(
            Column("contribution", numeric=True, worth=3),
            Column("area", numeric=True, worth=2),
            Column("square", numeric=True, worth=1),
        ),
        rows=tuple(rows),
        notes=(
            Note(
                "area: share of the input in the smallest square around the centre that holds this "
                "share of the contribution"
            ),
        ),
        closing=(*sentences(found), *found.remarks),
    )


def source(found: EffectiveField) -> str:
    """What was averaged: "32 images of noise, sizes of gradients"."""
    if found.expected:
        return f"{_GRADIENTS[found.contribution]} {found.source}"
    text = (
        found.source
        if found.source.startswith(f"{found.images:,} ")
        else (f"{counted(found.images, 'image')}: {found.source}")
    )
    return f"{text}, {_GRADIENTS[found.contribution]}"


def sentences(found: EffectiveField) -> Iterator[str]:
    """What the figures come to."""
    if not found.count:
        yield "Nothing contributes: the position has no gradient on these images."
        return
    yield (
        f"Half of what reaches the position comes from {area(found, 0.5)} of the input; "
        f"two standard deviations are {lengths(found.radius)} elements."
    )
    size = f"{found.effective_size:.0f}"
    if found.theoretical_size is not None and found.share_of_field is not None:
        yield (
            f"The effective field is {size} elements wide, {percent(found.share_of_field)} of the "
            f"theoretical one inside the input ({found.theoretical_size:.0f})."
        )
    else:
        yield f"The effective field is {size} elements wide."
    fitted = found.gaussian
    if fitted is None:
        yield "No Gaussian fits."
    else:
        verdict = "fits" if fitted.fit > 0.95 else "fits badly"
        yield (
            f"A Gaussian of deviation {lengths(fitted.deviation)} {verdict}: "
            f"it explains {percent(max(0.0, fitted.fit))} of the profiles' variance."
        )


def area(found: EffectiveField, share: float) -> str:
    """Write the area that holds a share of the contribution, in percent of the input."""
    percents = 100 * found.area(share)
    return f"{percents:.1f} %" if 0.1 <= percents < 10 else percent(found.area(share))


def lengths(values: Sequence[float]) -> str:
    """Write lengths per axis, once where all agree.

    >>> lengths((37.16, 37.24)), lengths((69.2, 41.0)), lengths((130.2,))
    ('37', '69×41', '130')
    >>> lengths((3.74, 3.71)), lengths((float("nan"),))
    ('3.7', '–')
    """
    texts = [
        ABSENT if one != one else f"{one:.0f}" if one >= 10 else f"{one:.1f}" for one in values
    ]
    return texts[0] if len(set(texts)) == 1 else "×".join(texts)


def compared(found: EffectiveComparison) -> Document:
    """Put several effective fields into texts: a row each."""
    columns = (
        Column("field", worth=9, path=found.is_curve, least=20 if found.is_curve else None),
        Column(
            "images", numeric=True, worth=1, idle=len({one.images for one in found.fields}) == 1
        ),
        *(
            Column(f"area of {percent(share)}", numeric=True, worth=worth)
            for share, worth in zip(SHARES, (3, 2, 7, 4), strict=True)
        ),
        Column("radius", numeric=True, worth=6),
        Column("Gaussian", numeric=True, worth=5),
        Column("effective", numeric=True, worth=8),
        Column("theory", numeric=True, worth=7),
        Column("share", numeric=True, worth=6),
    )
    rows = []
    for name, one in zip(found.names, found.fields, strict=True):
        fitted = one.gaussian
        rows.append(
            Row(
                (
                    name,
                    ABSENT if one.expected else f"{one.images:,}",
                    *(area(one, share) for share in SHARES),
                    lengths(one.radius),
                    ABSENT if fitted is None else f"{fitted.fit:.2f}",
                    f"{one.effective_size:.0f}",
                    ABSENT if one.theoretical_size is None else f"{one.theoretical_size:.0f}",
                    ABSENT if one.share_of_field is None else percent(one.share_of_field),
                )
            )
        )
    return Document(
        title=_title(found),
        subtitle=listed(list(dict.fromkeys(source(one) for one in found.fields)), most=3),
        columns=columns,
        rows=tuple(rows),
        notes=(
            Note(
                "area of 50 %: share of the input in the smallest square that holds half of it all"
            ),
            Note("radius: two standard deviations; Gaussian: how well one fits (1: perfectly)"),
            Note("effective, theory: width of a square as large as either field, in elements"),
        ),
        closing=tuple(_closing(found)),
    )


def _title(found: EffectiveComparison) -> str:
    if found.is_curve:
        return f"effective fields of {found.fields[0].model}"
    layers = list(dict.fromkeys(one.layer for one in found.fields))
    where = f"effective fields of {layers[0]}" if len(layers) == 1 else "effective fields"
    return f"{where}: {listed(found.names, most=4)}"


def _closing(found: EffectiveComparison) -> Iterator[str]:
    known = [
        (name, share)
        for name, one in zip(found.names, found.fields, strict=True)
        if (share := one.share_of_field) is not None
    ]
    if len(known) > 1:
        known.sort(key=lambda pair: pair[1])
        (least, low), (most, high) = known[0], known[-1]
        yield (
            f"Of its theoretical field {most} uses most, {percent(high)}, "
            f"and {least} least, {percent(low)}."
        )
    yield from dict.fromkeys(
        f"{name}: {text}"
        for name, one in zip(found.names, found.fields, strict=True)
        for text in one.remarks
    )
