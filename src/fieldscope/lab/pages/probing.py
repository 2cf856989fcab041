"""Probes as a document, and how well they agree with the analysis, in sentences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from fieldscope.lab.pages.shares import points, share, with_error
from fieldscope.render.document import Column, Document, Note, Row
from fieldscope.render.numerals import product
from fieldscope.render.productivity import TONES
from fieldscope.wording import counted, listed

if TYPE_CHECKING:
    from fieldscope.lab.probing.classifier import Score
    from fieldscope.lab.probing.findings import Probing

COLUMNS = (
    Column("layer", worth=9, least=20, path=True),
    Column("read at", worth=3, least=14, path=True),
    Column("features", numeric=True, worth=1),
    Column("verdict", worth=7, toned=True),
    Column("accuracy", numeric=True, worth=8),
    Column("gain", numeric=True, worth=5),
    Column("mark", worth=6),
)
BORDER, SATURATION = "border", "saturates"


def described(found: Probing) -> Document:
    """Put probes into texts."""
    return Document(
        title=found.model,
        subtitle=subtitle(found),
        columns=COLUMNS,
        rows=tuple(_rows(found)),
        notes=tuple(_notes(found)),
        closing=tuple(closing(found)),
    )


def subtitle(found: Probing) -> str:
    """Name the photos that the probes were fitted to and tried on."""
    train, validation = found.photos
    return (
        f"linear probes at {product(found.extents)}, fitted to {counted(train, 'photo')} of "
        f"{found.classes:,} classes, tried on {validation:,}"
    )


def _rows(found: Probing) -> Iterator[Row]:
    yield _aside("(the photos' averages)", found.baseline)
    for one, gain in zip(found.layers, found.gains, strict=True):
        marks = [BORDER] * (one.layer == found.border)
        marks += [SATURATION] * (one.layer == found.saturation)
        yield Row(
            cells=(
                one.layer or "(model)",
                one.place if one.place != one.layer else "",
                f"{one.features:,}",
                one.verdict,
                with_error(one.score.accuracy, one.score.error),
                points(gain),
                ", ".join(marks),
            ),
            tone=TONES.get(one.verdict, ""),
        )
    if found.last is not None and all(one.place != found.last.place for one in found.layers):
        yield _aside(f"(last features: {found.last.place})", found.last.score)
    if found.own is not None:
        yield _aside("(the model itself)", found.own)


def _aside(name: str, score: Score) -> Row:
    return Row((name, "", "", "", with_error(score.accuracy, score.error), "", ""), news=False)


def _notes(found: Probing) -> Iterator[Note]:
    yield Note(
        "accuracy: of a linear probe of the layer's averages over positions, on validation photos, "
        "with its standard error; gain: points over the best before"
    )
    if any(one.place != one.layer for one in found.layers):
        yield Note("read at: a layer is read at what the next ones receive of it")
    hidden = len(found.widening) - len(found.layers)
    if hidden:
        verb = "widens" if hidden == 1 else "widen"
        yield Note(f"{counted(hidden, 'layer')} that {verb} the field not probed", "--layers")


def closing(found: Probing) -> Iterator[str]:
    """Say what the analysis predicted, what the probes say, and how well they agree."""
    count = len(found.widening)
    at = product(found.extents)
    if found.border is None:
        yield (
            f"Predicted: at {at} layers add context up to the last of {count} that widen the field."
        )
    else:
        place = _place(found.border_at, count)
        yield f"Predicted: at {at}, from {found.border} on ({place}) no layer is productive."
    yield _saturating(found, count)
    yield _agreeing(found)
    gains = [
        f"{whose} gains {points(gain)} points"
        for whose, gain in (
            ("a productive layer", found.mean_gain(productive=True)),
            ("one that isn't productive", found.mean_gain(productive=False)),
        )
        if gain is not None
    ]
    yield f"On average {listed(gains)} over the best before it."


def _saturating(found: Probing, count: int) -> str:
    (layer,) = (one for one in found.layers if one.layer == found.saturation)
    best = found.best
    reached = with_error(layer.score.accuracy, layer.score.error)
    place = _place(found.saturation_at, count)
    text = f"Probed: accuracy stops growing at {layer.layer} ({place}), with {reached}"
    if best.layer == layer.layer:
        return f"{text}, the best of all."
    return f"{text}; the best is {share(best.score.accuracy)}, at {best.layer}."


def _agreeing(found: Probing) -> str:
    """The number, and which way the probes differ from the prediction, if they do."""
    text = f"Agreement {found.agreement:.2f}"
    apart = found.saturation_at - found.border_at
    if found.border is None:
        left = len(found.widening) - 1 - found.saturation_at
        if not left:
            return f"{text}: accuracy grows up to the last layer, as predicted."
        return (
            f"{text}: the probes saturate {counted(left, 'layer')} before the last one: what "
            "those behind can still add tells a linear probe nothing more."
        )
    if apart == 0:
        return f"{text}: the probes saturate at the border layer itself."
    if apart == -1:
        return f"{text}: the probes saturate at the layer right before the border."
    if apart < 0:
        return (
            f"{text}: the probes saturate {-apart} layers before the border: what those "
            "between can still add tells a linear probe nothing more."
        )
    return (
        f"{text}: accuracy grows until {counted(apart, 'layer')} behind the border, where no "
        f"context can be added{_late(found)}."
    )


def _late(found: Probing) -> str:
    """What is gained behind the border, in points."""
    before = [
        one.score.accuracy
        for one in found.layers
        if found.widening.index(one.layer) < found.border_at
    ]
    reached = max([found.baseline.accuracy, *before])
    return f", and gains {100 * (found.best.score.accuracy - reached):.1f} points there"


def _place(at: int, count: int) -> str:
    return f"layer {at + 1} of {count}"
