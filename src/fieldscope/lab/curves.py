"""A run's curve: what each epoch of a training came to, as numbers and as a file."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fieldscope import writing
from fieldscope.errors import InputError

CURVES = "curves.csv"


@dataclass(frozen=True, slots=True)
class Epoch:
    """A line of the curve.

    Attributes:
        epoch: its number, from 1.
        train_loss: mean cross-entropy of the photos trained on, while they were.
        train_accuracy: share of them that was told right.
        val_loss: mean cross-entropy of the validation photos, after the epoch.
        val_accuracy: share of them that was told right.
        learning_rate: of the epoch.
        seconds: that it took, validation included.
    """

    epoch: int
    train_loss: float
    train_accuracy: float
    val_loss: float
    val_accuracy: float
    learning_rate: float
    seconds: float


def best_of(curves: Sequence[Epoch]) -> Epoch | None:
    """The epoch of the best validation accuracy, the first of several.

    >>> line = Epoch(1, 0.9, 0.5, 0.8, 0.75, 0.001, 2.0)
    >>> best_of([line, dataclasses.replace(line, epoch=2)]).epoch
    1
    """
    return max(curves, key=lambda one: one.val_accuracy, default=None)


def read_curves(folder: str | Path) -> tuple[Epoch, ...]:
    """Read the lines of `curves.csv`; none where there is no such file yet.

    Raises:
        InputError: it can't be read.

    Example:
        >>> read_curves("/nowhere")
        ()
    """
    path = Path(folder) / CURVES
    if not path.is_file():
        return ()
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return tuple(map(_epoch, csv.DictReader(file)))
    except (OSError, KeyError, TypeError, ValueError, csv.Error) as error:
        raise InputError(
            f"{path} can't be read as a curve: {type(error).__name__}: {error}\n"
            f"its first line should be {','.join(_COLUMNS)}, with numbers below"
        ) from error


def write_curves(folder: str | Path, curves: Sequence[Epoch]) -> None:
    """Write `curves.csv`, numbers so that they are read back exactly.

    Raises:
        InputError: it can't be written; what was there still is.

    Example:
        >>> write_curves("/nowhere", [])
        Traceback (most recent call last):
        fieldscope.errors.InputError: cannot write /nowhere/curves.csv: No such file or directory
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows(dataclasses.astuple(one) for one in curves)
    with writing.replacing(Path(folder) / CURVES) as temporary:
        temporary.write_text(text.getvalue(), encoding="utf-8", newline="")


def _epoch(row: Mapping[str, str]) -> Epoch:
    found = Epoch(int(row["epoch"]), *(float(row[name]) for name in _COLUMNS[1:]))
    if not 0 <= found.val_accuracy <= 1:
        raise ValueError(f"the accuracy of epoch {found.epoch} is {found.val_accuracy}")
    return found


_COLUMNS = tuple(one.name for one in dataclasses.fields(Epoch))
