"""What users call to train: `fieldscope.lab.train` and `fieldscope.lab.finetune`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from fieldscope.lab.data import IMAGENET_DEVIATION, IMAGENET_MEAN, Augmentation
from fieldscope.lab.runs import Run
from fieldscope.lab.settings import Settings
from fieldscope.lab.training.fitting import Noted, fit
from fieldscope.lab.training.machine import Machine
from fieldscope.lab.training.planning import planned
from fieldscope.photos.catalogue import Told

_Path = str | os.PathLike[str]
_USUAL = Augmentation()


def train(
    data: _Path,
    *,
    out: _Path,
    model: str = "small-vgg",
    arguments: Mapping[str, Any] | None = None,
    labels: _Path | None = None,
    resolution: int = 224,
    epochs: int = 25,
    batch_size: int = 32,
    learning_rate: float = 1e-3,
    optimizer: str = "adam",
    seed: int = 0,
    validation: float = 0.2,
    train_per_class: int | None = None,
    skip_bad: bool = False,
    augmentation: Augmentation | None = _USUAL,
    mean: Sequence[float] = IMAGENET_MEAN,
    deviation: Sequence[float] = IMAGENET_DEVIATION,
    machine: Machine | None = None,
    resume: bool = False,
    told: Told = lambda *_: None,
    noted: Noted = lambda _: None,
) -> Run:
    """Train a network on photographs, from weights at random.

    Args:
        data: folder of the photos, with a folder per class or a file of labels.
        out: folder that is made for the run's files.
        model: "small-vgg", torchvision:NAME, timm:NAME, or code that builds one
            (./file.py:build), which is given `num_classes` if it names that.
        arguments: for what builds it.
        labels: CSV file of ids and labels.
        resolution: extent of both axes of the inputs.
        epochs: how many.
        batch_size: photos in a batch, on each device.
        learning_rate: of the optimiser.
        optimizer: "adam", "adamw" or "sgd", which has a momentum of 0.9.
        seed: of the split, the weights, the order and the augmentation.
        validation: share of each class that is kept for validation.
        train_per_class: photos of each class to train on, instead of that share.
        skip_bad: leave out files that can't be used, instead of saying no.
        augmentation: how photos are varied in training; None leaves them as they are.
        mean: of each channel, taken off.
        deviation: of each channel, divided by.
        machine: what it is trained on; else what Lightning finds.
        resume: go on with the run in `out`, asked for with the same settings.
        told: called with what is being done, and how far it is.
        noted: called with each epoch once it is done.

    Returns:
        The run, of which `curves`, `best` and `folder` tell what came of it.

    Raises:
        InputError: photos, settings or the folder aren't fit for it.
        ModelError: the model can't be built or doesn't score the classes.
        TrainingError: it can't go on; what was reached is kept.

    Example:
        >>> train("photos", out="run", epochs=0)
        Traceback (most recent call last):
        fieldscope.errors.InputError: the number of epochs is 0, and must be from 1 on
    """
    settings = Settings(
        kind="train",
        model=model,
        arguments=dict(arguments or {}),
        data=os.fspath(data),
        labels=None if labels is None else os.fspath(labels),
        resolution=resolution,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        optimizer=optimizer,
        seed=seed,
        validation=validation,
        train_per_class=train_per_class,
        skip_bad=skip_bad,
        augmentation=None if augmentation is None else augmentation.to_dict(),
        mean=tuple(mean),
        deviation=tuple(deviation),
    )
    plan = planned(settings, os.fspath(out), resume=resume, told=told)
    return fit(plan, machine, told=told, noted=noted)


def finetune(
    data: _Path,
    *,
    out: _Path,
    body: str,
    weights: _Path | None = None,
    renamed: Sequence[tuple[str, str]] = (),
    arguments: Mapping[str, Any] | None = None,
    cut: str | None = None,
    freeze: bool = True,
    unfreeze_at: int | None = None,
    labels: _Path | None = None,
    resolution: int = 224,
    epochs: int = 25,
    batch_size: int = 32,
    learning_rate: float = 1e-3,
    optimizer: str = "adam",
    seed: int = 0,
    validation: float = 0.2,
    train_per_class: int | None = None,
    skip_bad: bool = False,
    augmentation: Augmentation | None = None,
    mean: Sequence[float] = IMAGENET_MEAN,
    deviation: Sequence[float] = IMAGENET_DEVIATION,
    machine: Machine | None = None,
    resume: bool = False,
    told: Told = lambda *_: None,
    noted: Noted = lambda _: None,
) -> Run:
    """Train a new head on the body of a network, and the body too if wanted.

    The head averages the body's channels over all positions, and has two layers of 512 units
    with ReLU and the output. Where the body stays as it is and photos aren't varied, what it
    makes of them is worked out once.

    Args:
        data: folder of the photos, with a folder per class or a file of labels.
        out: folder that is made for the run's files.
        body: the network, as `train` takes a model.
        weights: file of its trained weights, read without unpickling; "hub" for those that
            torchvision or timm publish.
        renamed: (pattern, text) pairs for keys that another program named.
        arguments: for what builds it.
        cut: the layer behind which the body ends; else the last one with positions.
        freeze: leave the body as it is.
        unfreeze_at: the first epoch, from 1, that trains it after all, at a tenth of the
            learning rate and with the statistics of its batch norms as they are.
        labels: CSV file of ids and labels.
        resolution: extent of both axes of the inputs.
        epochs: how many.
        batch_size: photos in a batch, on each device.
        learning_rate: of the head's weights.
        optimizer: "adam", "adamw" or "sgd", which has a momentum of 0.9.
        seed: of the split, the head's weights, the order and the augmentation.
        validation: share of each class that is kept for validation.
        train_per_class: photos of each class to train on, instead of that share.
        skip_bad: leave out files that can't be used, instead of saying no.
        augmentation: how photos are varied in training; None leaves them as they are.
        mean: of each channel, taken off.
        deviation: of each channel, divided by.
        machine: what it is trained on; else what Lightning finds.
        resume: go on with the run in `out`, asked for with the same settings.
        told: called with what is being done, and how far it is.
        noted: called with each epoch once it is done.

    Returns:
        The run, of which `curves`, `best` and `folder` tell what came of it.

    Raises:
        InputError: photos, settings or the folder aren't fit for it.
        ModelError: the body can't be built or cut, or the weights can't be read.
        LayerNotFoundError: it has no layer of the name given to `cut`.
        TrainingError: it can't go on; what was reached is kept.

    Example:
        >>> finetune("photos", out="run", body="torchvision:resnet18", epochs=3, unfreeze_at=9)
        Traceback (most recent call last):
        fieldscope.errors.InputError: the body is to be unfrozen at epoch 9, and must be from 2 to \
3, the last
        give --no-freeze to train it from the first epoch on
    """
    settings = Settings(
        kind="finetune",
        model=body,
        arguments=dict(arguments or {}),
        data=os.fspath(data),
        labels=None if labels is None else os.fspath(labels),
        resolution=resolution,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        optimizer=optimizer,
        seed=seed,
        validation=validation,
        train_per_class=train_per_class,
        skip_bad=skip_bad,
        augmentation=None if augmentation is None else augmentation.to_dict(),
        mean=tuple(mean),
        deviation=tuple(deviation),
        weights=None if weights is None else os.fspath(weights),
        renamed=tuple(renamed),
        freeze=freeze,
        unfreeze_at=unfreeze_at,
        cut=cut,
    )
    plan = planned(settings, os.fspath(out), resume=resume, told=told)
    return fit(plan, machine, told=told, noted=noted)
