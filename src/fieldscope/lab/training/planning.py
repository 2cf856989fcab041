"""What is worked out before anything is trained: photos, split, model, and what it is worth."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fieldscope.errors import InputError
from fieldscope.lab.checking import ready
from fieldscope.lab.data import Augmentation, Preparation, Split, read_split, split_of
from fieldscope.lab.models.assembling import Assembled, assembled
from fieldscope.lab.runs import SPLIT, Run
from fieldscope.lab.settings import Settings
from fieldscope.photos import Catalogue, catalogue_of
from fieldscope.photos.catalogue import Told


@dataclass(frozen=True, slots=True)
class Plan:
    """A run that can begin, or go on.

    Attributes:
        folder: where its files go.
        settings: what is asked for.
        catalogue: the photos.
        split: which of them are trained on.
        preparation: what is done to them.
        assembled: the model and its analysis.
        resumed: the run that is gone on with.
    """

    folder: Path
    settings: Settings
    catalogue: Catalogue
    split: Split
    preparation: Preparation
    assembled: Assembled
    resumed: Run | None


def planned(
    settings: Settings, folder: str | Path, *, resume: bool = False, told: Told = lambda *_: None
) -> Plan:
    """Work a run out, and say what is wrong with it before anything is trained or written.

    Args:
        settings: what is asked for.
        folder: where its files are to go.
        resume: go on with the run that is there.
        told: called as work goes on.

    Raises:
        InputError: the settings make no sense, the photos have faults, the folder holds a run
            that isn't to be gone on with, or one that was asked for differently.
        ModelError: the model can't be built or doesn't score classes.

    Example:
        >>> planned(Settings("train", "small-vgg", "photos", resolution=32, epochs=0), "run")
        Traceback (most recent call last):
        fieldscope.errors.InputError: the number of epochs is 0, and must be from 1 on
    """
    path = Path(folder)
    before = ready(settings, path, resume=resume)
    preparation = preparation_of(settings)
    told(f"checking the photos of {settings.data}", 0, 0)
    found = catalogue_of(settings.data, settings.labels, told=told)
    catalogue = found.checked(skip_bad=settings.skip_bad)
    if before is not None and not before.is_of(catalogue):
        raise InputError(
            f"cannot go on with the run in {path}: the photos or labels of {settings.data} aren't "
            "those that it began with\ngive back those, or begin a run in another folder with --out"
        )
    if before is not None and (path / SPLIT).is_file():
        split = read_split(path / SPLIT, catalogue)
    else:
        split = split_of(
            catalogue,
            seed=settings.seed,
            share=settings.validation,
            train_per_class=settings.train_per_class,
        )
    told(f"building {settings.model}", 0, 0)
    made = assembled(
        settings,
        classes=len(catalogue.classes),
        filled_in=before is None or not before.last_checkpoint.is_file(),
    )
    return Plan(path, settings, catalogue, split, preparation, made, before)


def preparation_of(settings: Settings) -> Preparation:
    """Give what is done to photos before the model sees them.

    >>> preparation_of(Settings("train", "small-vgg", "photos", resolution=32, epochs=5)).resolution
    32
    """
    mean, deviation = settings.mean, settings.deviation
    if not len(mean) == len(deviation) == 3:
        raise InputError(
            f"normalisation takes three means and deviations, got {len(mean)} and {len(deviation)}"
        )
    augmentation = settings.augmentation
    return Preparation(
        settings.resolution,
        (mean[0], mean[1], mean[2]),
        (deviation[0], deviation[1], deviation[2]),
        None if augmentation is None else Augmentation.from_dict(augmentation),
    )
