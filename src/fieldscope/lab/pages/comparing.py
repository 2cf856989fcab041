"""Runs side by side as a document: a row per figure, a column per run or group of runs."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fieldscope.lab.pages.shares import share
from fieldscope.render.document import Column, Document, Note, Row
from fieldscope.render.numerals import ABSENT, large, percent
from fieldscope.wording import counted, listed

if TYPE_CHECKING:
    from fieldscope.lab.comparing.findings import Group, RunComparison, RunFigures


@dataclass(frozen=True, slots=True)
class _Figure:
    """A row: how its values are taken from a run, and how they are written.

    `spread` writes a number without its unit, for a mean with the spread from run to run.
    """

    name: str
    value: Callable[[RunFigures], Any]
    write: Callable[[Any], str] = str
    spread: Callable[[float], str] | None = None
    unit: str = ""


def _seconds(value: float) -> str:
    return f"{value:.2f}" if value < 1 else f"{value:.1f}"


def _model(name: str) -> str:
    """Shorten a model's name to what tells it from others.

    >>> _model("torchvision:resnet18"), _model("nets/thin.py:build"), _model("small-vgg")
    ('resnet18', 'thin.py:build', 'small-vgg')
    """
    scheme, _, known = name.partition(":")
    return known if scheme in ("torchvision", "timm") else name.rpartition("/")[2]


def _loss(value: float) -> str:
    return f"{value:.3f}"


_FIGURES = (
    _Figure("model", lambda one: _model(one.settings.model)),
    _Figure("kind", lambda one: one.settings.kind),
    _Figure("resolution", lambda one: one.settings.resolution),
    _Figure("seed", lambda one: one.settings.seed),
    _Figure("status", lambda one: one.status),
    _Figure("epochs done", lambda one: len(one.curves)),
    _Figure("  of", lambda one: one.settings.epochs),
    _Figure(
        "best validation accuracy",
        lambda one: one.best and one.best.val_accuracy,
        share,
        lambda value: f"{100 * value:.1f}",
        " %",
    ),
    _Figure("  at epoch", lambda one: one.best and one.best.epoch),
    _Figure("final training loss", lambda one: one.last and one.last.train_loss, _loss, _loss),
    _Figure("final validation loss", lambda one: one.last and one.last.val_loss, _loss, _loss),
    _Figure("MACs", lambda one: one.counts and one.counts.macs, large),
    _Figure("  in unproductive layers", lambda one: one.wasted, percent),
    _Figure(
        "unproductive layers",
        lambda one: one.counts and f"{one.counts.unproductive} of {one.counts.widening}",
    ),
    _Figure("parameters", lambda one: one.counts and one.counts.parameters, large),
    _Figure("  trained", lambda one: one.counts and one.counts.trained, large),
    _Figure("seconds per epoch", lambda one: one.seconds, _seconds, _seconds),
    _Figure("border layer", lambda one: one.probes and (one.probes.border or "none")),
    _Figure("probes saturate at", lambda one: one.probes and one.probes.saturation),
    _Figure(
        "  agreement",
        lambda one: one.probes and one.probes.agreement,
        lambda value: f"{value:.2f}",
        lambda value: f"{value:.2f}",
    ),
)


def described(found: RunComparison) -> Document:
    """Put runs side by side into texts."""
    columns = [group.runs for group in shown_groups(found)]
    names = names_of(found)
    rows = []
    for figure in _FIGURES:
        cells = [_cell(figure, runs) for runs in columns]
        if set(cells) != {ABSENT}:
            rows.append(Row((figure.name, *cells), news=len(set(cells)) > 1))
    return Document(
        title=f"{counted(len(found.runs), 'run')} compared",
        subtitle=listed([one.name for one in found.runs], most=4),
        columns=(
            Column("figure", worth=len(names) + 1),
            *(Column(name, numeric=True, worth=len(names) - k) for k, name in enumerate(names)),
        ),
        rows=tuple(rows),
        notes=tuple(_notes(found)),
        closing=tuple(closing(found)),
    )


def shown_groups(found: RunComparison) -> tuple[Group, ...]:
    """What has a column and a colour: the groups, or each run as a group of its own."""
    from fieldscope.lab.comparing.findings import Group

    return found.groups if found.grouped else tuple(Group((one,)) for one in found.runs)


def names_of(found: RunComparison) -> list[str]:
    """What the columns are called: folders of runs; models of groups, with the resolution."""
    groups = shown_groups(found)
    paths = [Path(group.runs[0].name) for group in groups]
    short = [path.name for path in paths]
    folders = short if len(set(short)) == len(short) else [str(path) for path in paths]
    if not found.grouped:
        return folders
    settings = [group.runs[0].settings for group in groups]
    models = [f"{_model(one.model)} {one.resolution}" for one in settings]
    return [
        (model if models.count(model) == 1 else f"{folder} …") + f" ({len(group.runs)})"
        for model, folder, group in zip(models, folders, groups, strict=True)
    ]


def _cell(figure: _Figure, runs: Sequence[RunFigures]) -> str:
    """Write what runs have in common, else a mean with its spread, else all there is."""
    values = [value for one in runs if (value := figure.value(one)) is not None]
    if not values:
        return ABSENT
    if len(set(values)) == 1:
        return figure.write(values[0])
    if figure.spread is not None:
        mean, spread = statistics.fmean(values), statistics.stdev(values)
        return f"{figure.spread(mean)} ± {figure.spread(spread)}{figure.unit}"
    return ", ".join(figure.write(value) for value in dict.fromkeys(values))


def _notes(found: RunComparison) -> Iterator[Note]:
    if any(len(group.runs) > 1 for group in shown_groups(found)):
        yield Note("±: standard deviation from run to run")
    if any(one.status == "running" for one in found.runs):
        yield Note("running: one that was killed is still said to be; --resume goes on with it")
    if not found.same_photos:
        yield Note("the runs are on different photos or labels: their accuracies don't compare")
    elif not found.same_split:
        yield Note(
            "the runs have different splits of the same photos: accuracies differ by which photos "
            "were kept for validation, too"
        )
    if not found.grouped and len(found.groups) < len(found.runs):
        yield Note("some runs differ only by their seed", "--group")


def closing(found: RunComparison) -> Iterator[str]:
    """Say which did best, by how much, and whether that is more than chance."""
    if not found.same_photos:
        yield "No run is said to be the best, since they are on different photos."
        return
    ranked = sorted(
        (
            (group.accuracy, name, group)
            for name, group in zip(names_of(found), shown_groups(found), strict=True)
            if group.accuracy is not None
        ),
        key=lambda one: -one[0],
    )
    if not ranked:
        yield "No run has finished an epoch."
        return
    accuracy, name, best = ranked[0]
    if len(ranked) == 1:
        alone = len(shown_groups(found)) == 1
        yield (
            f"All runs differ by their seed alone: {share(accuracy)} on average."
            if alone
            else f"Only {name} has finished an epoch: {share(accuracy)}."
        )
        return
    other, second, follower = ranked[1]
    noise, told_by = _noise(best, follower)
    apart = accuracy - other
    yield (
        f"{name} has the best validation accuracy, {share(accuracy)}; {second} follows "
        f"{100 * apart:.1f} points behind, {'more' if apart > 2 * noise else 'not more'} than "
        f"chance explains: two standard errors of the difference, {told_by}, are "
        f"{200 * noise:.1f}."
    )
    yield from _cheaper(ranked)


def _noise(one: Group, other: Group) -> tuple[float, str]:
    """The standard error of the difference of two accuracies, and what it is known by.

    Errors of independent means add in squares. They are known by the spread from run to run where
    there are several, else by the number of validation photos.
    """
    spreads = [
        group.spread / len(group.accuracies) ** 0.5
        for group in (one, other)
        if group.spread is not None
    ]
    if len(spreads) == 2:
        return math.hypot(*spreads), "by the spread from seed to seed"
    errors = [
        next(run.error for run in group.runs if run.error is not None) for group in (one, other)
    ]
    photos = min(group.runs[0].photos[1] for group in (one, other))
    return math.hypot(*errors), f"for {counted(photos, 'validation photo')}"


def _cheaper(ranked: Sequence[tuple[float, str, Group]]) -> Iterator[str]:
    """Name the cheapest, and what it loses to the best."""
    costs = [(group.runs[0].counts, name, accuracy) for accuracy, name, group in ranked]
    known = [(one.macs, name, accuracy) for one, name, accuracy in costs if one is not None]
    if len(known) < len(costs) or not all(macs for macs, _, _ in known):
        return
    first = known[0]
    least = min(known)
    if least[0] < first[0]:
        compute = percent(least[0] / first[0])
        yield (
            f"{least[1]} spends least, {compute} of the compute of {first[1]}, and is "
            f"{100 * (first[2] - least[2]):.1f} points behind it."
        )
