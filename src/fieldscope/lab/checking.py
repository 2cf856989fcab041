"""What can be said of a run before anything is loaded: its settings, and its folder."""

from __future__ import annotations

from pathlib import Path

from fieldscope.errors import InputError
from fieldscope.lab.locking import alone
from fieldscope.lab.processes import is_first
from fieldscope.lab.runs import Run, make_folder
from fieldscope.lab.settings import OPTIMIZERS, Settings
from fieldscope.wording import counted, listed


def ready(settings: Settings, folder: Path, *, resume: bool) -> Run | None:
    """Say what makes no sense in what is asked for, and what the folder isn't fit for.

    Args:
        settings: what is asked for.
        folder: where its files are to go.
        resume: whether the run that is there is gone on with.

    Returns:
        The run that is gone on with.

    Raises:
        InputError: something makes no sense.

    Example:
        >>> settings = Settings("train", "small-vgg", "photos", resolution=32, epochs=5)
        >>> ready(settings, Path("/nowhere"), resume=False)
    """
    check(settings)
    if resume:
        return _resumable(settings, folder)
    # The others find the folder that the first process has made.
    if is_first():
        _check_free(folder)
    return None


def check(settings: Settings) -> None:
    """Say what makes no sense in what is asked for.

    Raises:
        InputError: something doesn't.

    >>> check(Settings("train", "small-vgg", "photos", resolution=32, epochs=5, batch_size=0))
    Traceback (most recent call last):
    fieldscope.errors.InputError: the batch size is 0, and must be from 1 on
    """
    least = {"epochs": "number of epochs", "batch_size": "batch size"}
    for name, what in least.items():
        if (value := getattr(settings, name)) < 1:
            raise InputError(f"the {what} is {value}, and must be from 1 on")
    if not settings.learning_rate > 0:
        raise InputError(f"the learning rate is {settings.learning_rate}, and must be above 0")
    if not 0 <= settings.seed < 2**32:
        raise InputError(f"the seed is {settings.seed}, and must be from 0 to 2**32 - 1")
    if settings.optimizer not in OPTIMIZERS:
        raise InputError(
            f"there is no optimiser {settings.optimizer!r}\n"
            f"known are {listed([repr(one) for one in OPTIMIZERS])}"
        )
    at = settings.unfreeze_at
    if at is not None and not settings.freeze:
        raise InputError("the body isn't frozen, so it can't be unfrozen\nleave --no-freeze out")
    if at is not None and not 2 <= at <= settings.epochs:
        raise InputError(
            f"the body is to be unfrozen at epoch {at}, and must be from 2 to {settings.epochs}, "
            "the last\ngive --no-freeze to train it from the first epoch on"
        )


def check_there(settings: Settings, folder: Path) -> None:
    """Say that a run's photos aren't where they were, before anything is loaded.

    Args:
        settings: of the run, as far as they still hold.
        folder: of the run.

    Raises:
        InputError: the folder of the photos, or the file of their labels, isn't there.

    >>> check_there(Settings("train", "small-vgg", "/gone", resolution=32, epochs=5), Path("a"))
    Traceback (most recent call last):
    fieldscope.errors.InputError: there is no folder /gone, which has the photos of the run in a
    name where it is by --data
    """
    if not Path(settings.data).exists():
        raise InputError(
            f"there is no folder {settings.data}, which has the photos of the run in {folder}\n"
            "name where it is by --data"
        )
    if settings.labels is not None and not Path(settings.labels).exists():
        raise InputError(
            f"there is no file {settings.labels}, which has the labels of the run in {folder}\n"
            "name where it is by --labels"
        )


def _resumable(settings: Settings, folder: Path) -> Run:
    """Read the run that is gone on with, if it is the same one."""
    run = Run.read(folder)
    if is_first():
        with alone(folder):
            pass
    check_there(settings, folder)
    differing = run.settings.differing(settings)
    if differing:
        raise InputError(
            f"cannot go on with the run in {folder} otherwise than it began: its "
            f"{listed(differing)}\nleave these options out, or begin another run with --out"
        )
    if run.status == "finished" and settings.epochs <= run.settings.epochs:
        raise InputError(
            f"the run in {folder} has all of its {counted(run.settings.epochs, 'epoch')}\n"
            "give more --epochs to go on with it"
        )
    if settings.epochs < (done := len(run.curves)):
        raise InputError(
            f"the run in {folder} has done {counted(done, 'epoch')} already, more than "
            f"{settings.epochs}\ngive {done} --epochs or more to go on with it"
        )
    return run


def _check_free(folder: Path) -> None:
    """Say before the photos are looked at that a folder can't take a new run."""
    there = next(one for one in (folder, *folder.absolute().parents) if one.exists())
    if not there.is_dir() or (folder.exists() and any(folder.iterdir())):
        make_folder(folder)
