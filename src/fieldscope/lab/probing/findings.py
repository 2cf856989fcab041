"""What probes found, beside what the analysis predicted.

Prediction and probes are compared where each says that layers stop to help. The *border layer*
is the first from which on none is productive (Richter et al., "Should You Go Deeper?", arXiv
2106.12307): behind it the analysis sees nothing left to integrate. The *saturation layer* is
the first whose probe (Alain, Bengio, "Understanding intermediate layers using linear classifier
probes", arXiv 1610.01644) is as good as the best one, but for the noise of that: no later layer
makes the classes any easier to tell apart.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fieldscope.analyses.verdicts import Verdict
from fieldscope.lab.probing.classifier import Score
from fieldscope.media import Result
from fieldscope.version import __version__

_COLUMNS = ("layer", "place", "verdict", "features", "accuracy", "error", "gain")


@dataclass(frozen=True, slots=True)
class LayerProbe:
    """What a straight cut through one layer's features tells apart.

    Attributes:
        layer: the layer that is probed.
        place: the layer at whose output it was read: what the next ones receive of it.
        verdict: what the analysis says of it.
        features: number of features, averaged over positions.
        score: share of the validation photos that the probe tells right.
    """

    layer: str
    place: str
    verdict: Verdict
    features: int
    score: Score


@dataclass(frozen=True, repr=False)
class Probing(Result):
    """A probe of every layer that widens the field, and what they say of the prediction.

    Attributes:
        model: name of the model.
        run: folder of the run that trained it; "" where there is none.
        extents: extents of the photos, per axis.
        photos: number of photos the probes were fitted to, and tried on.
        classes: number of classes.
        widening: names of all layers that widen the field, in order.
        border: the first of these from which on none is productive; None where the last one is.
        layers: those that were probed, in order.
        baseline: a probe of the photos' own averages, which no layer has seen.
        last: the last features with positions, widening or not; None where they weren't asked
            for.
        own: what the model itself tells right; None where it doesn't return a number per class.

    Example:
        >>> probes = [
        ...     LayerProbe("a", "a", "productive", 8, Score(0.5, 0.1)),
        ...     LayerProbe("b", "b", "critical", 8, Score(0.8, 0.1)),
        ...     LayerProbe("c", "c", "unproductive", 8, Score(0.8, 0.1)),
        ... ]
        >>> found = Probing(
        ...     "net", "", (8, 8), (40, 10), 2, ("a", "b", "c"), "b", tuple(probes), Score(0.4, 0.1)
        ... )
        >>> found.border, found.saturation, found.agreement
        ('b', 'b', 1.0)
    """

    model: str
    run: str
    extents: tuple[int, ...]
    photos: tuple[int, int]
    classes: int
    widening: tuple[str, ...]
    border: str | None
    layers: tuple[LayerProbe, ...]
    baseline: Score
    last: LayerProbe | None = None
    own: Score | None = None

    @property
    def best(self) -> LayerProbe:
        """The best probe, the first of several."""
        return max(self.layers, key=lambda one: one.score.accuracy)

    @property
    def saturation(self) -> str:
        """The first layer as good as the best one but for one standard error of that."""
        enough = self.best.score.accuracy - self.best.score.error
        return next(one.layer for one in self.layers if one.score.accuracy >= enough)

    @property
    def border_at(self) -> int:
        """Place of the border among the widening layers; behind all of them where there is none."""
        return len(self.widening) if self.border is None else self.widening.index(self.border)

    @property
    def saturation_at(self) -> int:
        """Place of the saturation layer among the widening layers."""
        return self.widening.index(self.saturation)

    @property
    def agreement(self) -> float:
        """How near border and saturation are, from 0 to 1, where they are the same layer.

        It is 1 - |border_at - saturation_at| / (number of widening layers).
        """
        return 1 - abs(self.border_at - self.saturation_at) / len(self.widening)

    @property
    def gains(self) -> tuple[float, ...]:
        """By how much each layer is better than the best before it, photos' averages included."""
        best, found = self.baseline.accuracy, []
        for one in self.layers:
            found.append(one.score.accuracy - best)
            best = max(best, one.score.accuracy)
        return tuple(found)

    def mean_gain(self, *, productive: bool) -> float | None:
        """The mean gain of the layers that are productive, or of the others; None without any."""
        found = [
            gain
            for one, gain in zip(self.layers, self.gains, strict=True)
            if (one.verdict == "productive") is productive
        ]
        return sum(found) / len(found) if found else None

    def to_dict(self) -> dict[str, Any]:
        """The probes as plain data, schema `fieldscope.probing/1`."""
        return {
            "schema": "fieldscope.probing/1",
            "version": __version__,
            "model": self.model,
            "run": self.run or None,
            "extents": list(self.extents),
            "photos": {"train": self.photos[0], "validation": self.photos[1]},
            "classes": self.classes,
            "border": self.border,
            "saturation": self.saturation,
            "agreement": self.agreement,
            "mean_gain": {
                "productive": self.mean_gain(productive=True),
                "not_productive": self.mean_gain(productive=False),
            },
            "baseline": _plain(self.baseline),
            "last": None if self.last is None else _row(self.last),
            "own": None if self.own is None else _plain(self.own),
            "widening": list(self.widening),
            "layers": [
                {**_row(one), "gain": gain}
                for one, gain in zip(self.layers, self.gains, strict=True)
            ],
        }

    def to_csv(self) -> str:
        """The probes as CSV text, a line per layer."""
        text = io.StringIO()
        writer = csv.DictWriter(text, _COLUMNS, lineterminator="\n")
        writer.writeheader()
        for one, gain in zip(self.layers, self.gains, strict=True):
            writer.writerow({**_row(one), "gain": gain})
        return text.getvalue()


def border_of(verdicts: Sequence[tuple[str, Verdict]]) -> str | None:
    """The first layer from which on none is productive; None where the last one is.

    Args:
        verdicts: layers that widen the field, in order, and what is said of them.

    >>> border_of([("a", "productive"), ("b", "critical"), ("c", "unproductive")])
    'b'
    >>> border_of([("a", "critical"), ("b", "productive")]) is None
    True
    """
    first = 0
    for place, (_, verdict) in enumerate(verdicts, start=1):
        if verdict == "productive":
            first = place
    return verdicts[first][0] if first < len(verdicts) else None


def _plain(score: Score) -> dict[str, float]:
    return {"accuracy": score.accuracy, "error": score.error}


def _row(one: LayerProbe) -> dict[str, Any]:
    return {
        "layer": one.layer,
        "place": one.place,
        "verdict": one.verdict,
        "features": one.features,
        **_plain(one.score),
    }
