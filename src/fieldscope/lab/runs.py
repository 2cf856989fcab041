"""A run's folder: what was trained, on what, how far it came, and where its files are.

    run.json        what was asked for and what came of it, schema `fieldscope.run/1`
    curves.csv      a line per epoch: loss and accuracy of both parts
    curves.png      the same as a picture
    split.csv       which photo is in which part
    samples.png     photos of each class, and augmented.png what training sees of them
    analysis.json   the verdicts on the model's layers, schema `fieldscope.productivity/1`
    best.ckpt       weights of the epoch of the best validation accuracy
    last.ckpt       of the last epoch, from which a run goes on

Every file is written whole or not at all, so a folder can be read while its run goes on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from fieldscope import writing
from fieldscope.errors import FieldscopeError, InputError
from fieldscope.lab.curves import CURVES, Epoch, best_of, read_curves
from fieldscope.lab.settings import Kind, Settings, plain, settings_of
from fieldscope.wording import listed

if TYPE_CHECKING:
    from fieldscope.photos import Catalogue

SCHEMA = "fieldscope.run/1"
RECORD = "run.json"
CURVES_PICTURE = "curves.png"
SPLIT = "split.csv"
SAMPLES = "samples.png"
AUGMENTED = "augmented.png"
ANALYSIS = "analysis.json"
BEST = "best.ckpt"
LAST = "last.ckpt"
FILES = (RECORD, CURVES, CURVES_PICTURE, SPLIT, SAMPLES, AUGMENTED, ANALYSIS, BEST, LAST)

Status: TypeAlias = Literal["running", "finished", "interrupted", "failed"]
"""How a run stands; one that was killed is still said to be running."""

_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Counts:
    """What the analysis counts in the trained model, at the run's resolution.

    Attributes:
        macs: multiply-accumulates for one photo.
        parameters: learnable parameters.
        trained: of these, the ones that training may change.
        widening: layers that widen the field.
        unproductive: of these, the ones that can add no context.
        unproductive_macs: multiply-accumulates of those.
    """

    macs: int
    parameters: int
    trained: int
    widening: int
    unproductive: int
    unproductive_macs: int


@dataclass(frozen=True, slots=True)
class Run:
    """A run as its folder tells of it.

    Attributes:
        folder: where its files are.
        settings: what was asked for.
        classes: names of the classes, in the order of the model's outputs.
        digest: of the photos' names and labels, by which changed data are noticed.
        photos: number of photos trained on, and of those kept for validation.
        counts: what the analysis counts; None where the model can't be analysed.
        status: how it stands.
        reason: why it ended early; empty otherwise.
        versions: of what it was run with.
        content: of the photos' files, by which changed ones are noticed; "" where it isn't known.

    Example:
        >>> Run.read("/nowhere")
        Traceback (most recent call last):
        fieldscope.errors.InputError: there is no run in /nowhere: it has no file run.json
        name a folder that fieldscope lab train or finetune has written with --out
    """

    folder: Path
    settings: Settings
    classes: tuple[str, ...]
    digest: str
    photos: tuple[int, int]
    counts: Counts | None
    status: Status = "running"
    reason: str = ""
    versions: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    content: str = ""

    @classmethod
    def read(cls, folder: str | Path) -> Run:
        """Read what a folder tells of its run.

        Raises:
            InputError: it holds no run, or one that can't be read.
        """
        return _read(Path(folder))

    @property
    def curves(self) -> tuple[Epoch, ...]:
        """The epochs that are done, as `curves.csv` has them now.

        Raises:
            InputError: the file can't be read.
        """
        return read_curves(self.folder)

    @property
    def best(self) -> Epoch | None:
        """The epoch of the best validation accuracy, the first of several; None before any."""
        return best_of(self.curves)

    @property
    def best_checkpoint(self) -> Path:
        """Weights of the best epoch."""
        return self.folder / BEST

    @property
    def last_checkpoint(self) -> Path:
        """The state at the end of the last epoch."""
        return self.folder / LAST

    def is_of(self, photos: Catalogue) -> bool:
        """Whether these are the photos that it began with, their labels and files unchanged."""
        return self.digest == photos.digest and self.content in ("", photos.content)

    def to_dict(self) -> dict[str, Any]:
        """What the folder's `run.json` holds, schema `fieldscope.run/1`."""
        curves = self.curves
        best = best_of(curves)
        return {
            "schema": SCHEMA,
            "status": self.status,
            "reason": self.reason,
            "epochs_done": len(curves),
            "best": None if best is None else {"epoch": best.epoch, "accuracy": best.val_accuracy},
            "settings": plain(self.settings),
            "classes": list(self.classes),
            "digest": self.digest,
            "content": self.content,
            "photos": {"train": self.photos[0], "validation": self.photos[1]},
            "counts": None if self.counts is None else plain(self.counts),
            "versions": dict(self.versions),
        }

    def write(self) -> None:
        """Write `run.json`.

        Raises:
            InputError: it can't be written; what was there still is.
        """
        text = json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)
        with writing.replacing(self.folder / RECORD) as temporary:
            temporary.write_text(text + "\n", encoding="utf-8")


def held(folder: str | Path) -> bool:
    """Whether a folder holds a run.

    >>> held("/nowhere")
    False
    """
    return (Path(folder) / RECORD).is_file()


def make_folder(folder: str | Path) -> Path:
    """Make the folder of a new run.

    Raises:
        InputError: there is a run in it, or something else, or it can't be made.

    Example:
        >>> make_folder("/dev/null/runs")
        Traceback (most recent call last):
        fieldscope.errors.InputError: cannot make the folder /dev/null/runs: Not a directory
    """
    path = Path(folder)
    if held(path):
        raise InputError(
            f"there is a run in {path} already\n"
            "go on with it by --resume, or name another folder with --out"
        )
    try:
        path.mkdir(parents=True, exist_ok=True)
        # Hidden files are none of ours: those that a file manager leaves count for nothing.
        others = sorted(one.name for one in path.iterdir() if not one.name.startswith("."))
    except OSError as error:
        reason = "it is a file" if path.is_file() else error.strerror or str(error)
        raise InputError(f"cannot make the folder {path}: {reason}") from error
    if others:
        raise InputError(
            f"the folder {path} isn't empty: it has {listed(others, most=4)}\n"
            "name a new folder with --out"
        )
    return path


def _counts(data: Mapping[str, Any]) -> Counts:
    return Counts(**{name: int(value) for name, value in data.items()})


def _read(folder: Path) -> Run:
    path = folder / RECORD
    if not path.is_file():
        raise InputError(
            f"there is no run in {folder}: it has no file {RECORD}\n"
            "name a folder that fieldscope lab train or finetune has written with --out"
        )
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["schema"] != SCHEMA:
            raise InputError(
                f"{path} is of the schema {data['schema']!r}, and {SCHEMA!r} can be read\n"
                "read it with the version of fieldscope that wrote it"
            )
        if data["status"] not in get_args(Status) or data["settings"]["kind"] not in get_args(Kind):
            raise ValueError(f"status {data['status']!r}, kind {data['settings']['kind']!r}")
        return Run(
            folder=folder,
            settings=settings_of(data["settings"]),
            classes=tuple(map(str, data["classes"])),
            digest=str(data["digest"]),
            photos=(int(data["photos"]["train"]), int(data["photos"]["validation"])),
            counts=None if data["counts"] is None else _counts(data["counts"]),
            status=data["status"],
            reason=str(data["reason"]),
            versions=dict(data["versions"]),
            # Records of before there was one have none.
            content=str(data.get("content", "")),
        )
    except FieldscopeError:
        raise
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path} can't be read as a run: {type(error).__name__}: {error}\n"
            "name a folder that fieldscope lab train or finetune has written with --out"
        ) from error
