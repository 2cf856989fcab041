"""Probes of a model's layers, on photos."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
import torch

from fieldscope.analyses.layers import Report
from fieldscope.analyses.productivity import Productivity, productivity_of
from fieldscope.analyses.verdicts import Verdict
from fieldscope.errors import InputError, LayerNotFoundError
from fieldscope.lab.probing.classifier import Labels, Score, Values, probed_score, score
from fieldscope.lab.probing.features import Batches, Features, Reader, device_of
from fieldscope.lab.probing.findings import LayerProbe, Probing, border_of
from fieldscope.lab.probing.places import readings_of
from fieldscope.measure.torch.passes import prepared
from fieldscope.photos.catalogue import Told
from fieldscope.wording import meant


def probed(
    model: Callable[..., Any],
    report: Report,
    train: Batches,
    validation: Batches,
    *,
    layers: Sequence[str] = (),
    until: str | None = None,
    scorer: Callable[..., Any] | None = None,
    seed: int = 0,
    run: str = "",
    told: Told = lambda *_: None,
) -> Probing:
    """Fit a linear probe to every layer that widens the field.

    A layer is read at what the next ones receive of it: behind its norm, activation and residual
    sum. The model runs once over each part, and averages over positions are all that stays.

    Args:
        model: module or callable on photos; it is run in eval mode and left as it was found.
        report: its analysis, at the photos' shape.
        train: batches of photos and numbers of classes that the probes are fitted to.
        validation: those that they are tried on.
        layers: shell patterns on names; the layers to probe instead of all that widen.
        until: the last layer that counts, where others are only run behind it.
        scorer: what returns a number per class for photos, where the model itself doesn't.
        seed: of the photos held back for the choice of the probes' penalty.
        run: folder of the run that the model comes from.
        told: told of the progress.

    Raises:
        InputError: no layer widens the field, or the photos don't fit the model or are of one
            class.
        LayerNotFoundError: a pattern fits no layer that widens the field.
        ModelError: the model fails, or makes numbers that aren't finite.

    Example:
        >>> import fieldscope, torch
        >>> from torch import nn
        >>> _ = torch.manual_seed(0)
        >>> net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.ReLU())
        >>> dark, light = torch.rand(20, 1, 8, 8), torch.rand(20, 1, 8, 8) + 2
        >>> batches = [(torch.cat([dark, light]), torch.arange(40) // 20)]
        >>> found = probed(net, fieldscope.analyze(net, (1, 1, 8, 8)), batches, batches)
        >>> [(one.layer, one.place, one.score.accuracy) for one in found.layers]
        [('0', '1', 1.0), ('2', '3', 1.0)]
    """
    judged = _with_features(_until(productivity_of(report), report, until))
    names = _chosen(judged, layers)
    last = None if layers else _last_with_positions(report, judged)
    readings = readings_of(report, dict.fromkeys([*names, *([last] if last else [])]))
    (info,) = (one for one in report.inputs if one.name == judged.input)
    scores_classes = scorer is None and len(report.output.shape) == 2
    output = next(iter(report.outputs)) if scores_classes else None
    reader = Reader(model, info, readings, output=output)
    fit = reader.features(train, told=told, what="training photos")
    tried = reader.features(validation, told=told, what="validation photos")

    def probe(name: str) -> LayerProbe:
        told(f"fitting a probe to {name or judged.model}", len(scores), len(readings))
        verdict = judged.by_name[name].verdict if name in judged.by_name else "not widening"
        return _probe(name, verdict, fit, tried, seed)

    scores: dict[str, LayerProbe] = {}
    for reading in readings:
        scores[reading.layer] = probe(reading.layer)
    return Probing(
        model=judged.model,
        run=run,
        extents=judged.extents,
        photos=(len(fit.labels), len(tried.labels)),
        classes=len(np.unique(fit.labels)),
        widening=tuple(one.layer for one in judged.widening),
        border=border_of([(one.layer, one.verdict) for one in judged.widening]),
        layers=tuple(scores[name] for name in names),
        baseline=probed_score((fit.inputs, fit.labels), (tried.inputs, tried.labels), seed=seed),
        last=scores[last] if last else None,
        own=_own(tried.output, tried.labels) if scorer is None else _scored(scorer, validation),
    )


def _until(judged: Productivity, report: Report, last: str | None) -> Productivity:
    """The verdicts on the layers up to one, that one included."""
    if last is None:
        return judged
    order = [layer.name for layer in report.layers]
    ahead = {*order[: order.index(report[last].name) + 1]}
    return replace(judged, layers=tuple(one for one in judged.layers if one.layer in ahead))


def _with_features(judged: Productivity) -> Productivity:
    """The verdicts without those on softmax: its weights add up to 1, so their mean tells nothing.

    What they weigh is the next layer's, which is probed.
    """
    return replace(judged, layers=tuple(one for one in judged.layers if one.operator != "mix"))


def _chosen(judged: Productivity, patterns: Sequence[str]) -> list[str]:
    """Names of the layers to probe.

    Raises:
        InputError: none widens the field.
        LayerNotFoundError: a pattern fits none of those that do.
    """
    names = [one.layer for one in judged.widening]
    if not names:
        raise InputError(
            f"no layer of {judged.model} widens the field, so there is nothing to probe\n"
            "name a model with convolutions or pooling over more than one position"
        )
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise LayerNotFoundError(
                f"no layer of {judged.model} that widens the field is named "
                f"{pattern!r}{meant(pattern, names)}\n"
                "fieldscope productivity lists these layers"
            )
    if not patterns:
        return names
    return [name for name in names if any(fnmatchcase(name, one) for one in patterns)]


def _last_with_positions(report: Report, judged: Productivity) -> str | None:
    """The last layer that is a map still: what the head averages."""
    found = [
        layer.name
        for layer in report.layers
        if layer.spatial and not layer.movement and layer.name in judged.by_name
    ]
    return found[-1] if found else None


def _probe(
    name: str, verdict: Verdict, train: Features, validation: Features, seed: int
) -> LayerProbe:
    fit, tried = train.layers[name], validation.layers[name]
    return LayerProbe(
        layer=name,
        place=train.places[name],
        verdict=verdict,
        features=fit.shape[1],
        score=probed_score((fit, train.labels), (tried, validation.labels), seed=seed),
    )


def _own(output: Values | None, labels: Labels) -> Score | None:
    """What the model itself tells right, where it returns a number for each class."""
    if output is None or output.shape[1] <= int(labels.max()):
        return None
    return score(int((output.argmax(axis=1) == labels).sum()), len(labels))


def _scored(scorer: Callable[..., Any], validation: Batches) -> Score:
    """What something else than the model tells right."""
    right, count = 0, 0
    with prepared(scorer), torch.no_grad():
        for photos, labels, *_ in validation:
            best = scorer(photos.to(device_of(scorer))).argmax(dim=1).cpu().numpy()
            right += int((best == np.asarray(labels)).sum())
            count += len(best)
    return score(right, count)
