"""What several runs came to: their figures, and those that differ only by their seed together."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from fieldscope.lab.curves import Epoch, best_of
from fieldscope.lab.probing.classifier import score
from fieldscope.lab.runs import Counts, Status
from fieldscope.lab.settings import Settings, plain
from fieldscope.media import Result
from fieldscope.version import __version__


@dataclass(frozen=True, slots=True)
class ProbeFigures:
    """What the probes of a run said; see `fieldscope.lab.probe`."""

    border: str | None
    saturation: str
    agreement: float


@dataclass(frozen=True, slots=True)
class RunFigures:
    """One run of a comparison.

    Attributes:
        name: its folder.
        settings: what was asked for.
        status: how it stands.
        classes: number of classes.
        digest: of the photos and labels.
        split: of which photo is in which part; "" where that isn't known.
        photos: number of photos trained on, and of those kept for validation.
        counts: what the analysis counts; None where the model can't be analysed.
        curves: the epochs that are done.
        probes: what the probes said; None where there are none yet.
    """

    name: str
    settings: Settings
    status: Status
    classes: int
    digest: str
    split: str
    photos: tuple[int, int]
    counts: Counts | None
    curves: tuple[Epoch, ...]
    probes: ProbeFigures | None = None

    @property
    def best(self) -> Epoch | None:
        """The epoch of the best validation accuracy, the first of several."""
        return best_of(self.curves)

    @property
    def last(self) -> Epoch | None:
        """The last epoch that is done."""
        return self.curves[-1] if self.curves else None

    @property
    def seconds(self) -> float | None:
        """Seconds that an epoch took, the median; None before any is done."""
        return statistics.median(one.seconds for one in self.curves) if self.curves else None

    @property
    def wasted(self) -> float | None:
        """The share of the multiply-accumulates in unproductive layers."""
        if self.counts is None or not self.counts.macs:
            return None
        return self.counts.unproductive_macs / self.counts.macs

    @property
    def error(self) -> float | None:
        """The standard error of the best accuracy, for the number of validation photos."""
        if self.best is None:
            return None
        return score(round(self.best.val_accuracy * self.photos[1]), self.photos[1]).error


@dataclass(frozen=True, slots=True)
class Group:
    """Runs on the same photos that differ only by their seed.

    Attributes:
        runs: in the order given.
    """

    runs: tuple[RunFigures, ...]

    @property
    def accuracies(self) -> tuple[float, ...]:
        """The best validation accuracy of each run that has done an epoch."""
        return tuple(one.best.val_accuracy for one in self.runs if one.best is not None)

    @property
    def accuracy(self) -> float | None:
        """The mean of these."""
        return statistics.fmean(self.accuracies) if self.accuracies else None

    @property
    def spread(self) -> float | None:
        """Their standard deviation from run to run; None for fewer than two."""
        return statistics.stdev(self.accuracies) if len(self.accuracies) > 1 else None

    @property
    def mean_curve(self) -> tuple[Epoch, ...]:
        """The mean of the runs' curves, as far as all of them go."""
        return tuple(
            Epoch(lines[0].epoch, *(statistics.fmean(values) for values in _columns(lines)))
            for lines in zip(*(one.curves for one in self.runs), strict=False)
        )


@dataclass(frozen=True, repr=False)
class RunComparison(Result):
    """Several runs side by side.

    Attributes:
        runs: in the order given.
        grouped: whether runs that differ only by their seed are shown together.
    """

    runs: tuple[RunFigures, ...]
    grouped: bool = False

    @property
    def groups(self) -> tuple[Group, ...]:
        """Runs that differ only by their seed together, in the order of the first of each."""
        found: dict[str, list[RunFigures]] = {}
        for one in self.runs:
            same = replace(one.settings, seed=0, data="", labels=None)
            found.setdefault(repr((one.digest, plain(same))), []).append(one)
        return tuple(Group(tuple(runs)) for runs in found.values())

    @property
    def same_photos(self) -> bool:
        """Whether all runs are on the same photos with the same labels."""
        return len({one.digest for one in self.runs}) == 1

    @property
    def same_split(self) -> bool:
        """Whether all runs are known to train and to validate on the same photos each."""
        splits = {one.split for one in self.runs}
        return self.same_photos and len(splits) == 1 and "" not in splits

    def to_dict(self) -> dict[str, Any]:
        """The figures as plain data, schema `fieldscope.run-comparison/1`."""
        return {
            "schema": "fieldscope.run-comparison/1",
            "version": __version__,
            "same_photos": self.same_photos,
            "same_split": self.same_split,
            "runs": [_plain(one) for one in self.runs],
            "groups": [
                {
                    "runs": [one.name for one in group.runs],
                    "accuracy": group.accuracy,
                    "spread": group.spread,
                }
                for group in self.groups
            ],
        }


def _columns(lines: Sequence[Epoch]) -> list[list[float]]:
    return [
        [getattr(line, name) for line in lines]
        for name in Epoch.__dataclass_fields__
        if name != "epoch"
    ]


def _plain(one: RunFigures) -> dict[str, Any]:
    best, last = one.best, one.last
    return {
        "run": one.name,
        "kind": one.settings.kind,
        "model": one.settings.model,
        "resolution": one.settings.resolution,
        "seed": one.settings.seed,
        "status": one.status,
        "classes": one.classes,
        "photos": {"train": one.photos[0], "validation": one.photos[1]},
        "epochs_done": len(one.curves),
        "epochs": one.settings.epochs,
        "best": None
        if best is None
        else {"epoch": best.epoch, "accuracy": best.val_accuracy, "error": one.error},
        "final": None
        if last is None
        else {"train_loss": _finite(last.train_loss), "val_loss": _finite(last.val_loss)},
        "seconds_per_epoch": one.seconds,
        "counts": None if one.counts is None else plain(one.counts),
        "unproductive_share_of_macs": one.wasted,
        "probes": None if one.probes is None else plain(one.probes),
    }


def _finite(loss: float) -> float | None:
    return loss if math.isfinite(loss) else None
