"""Which label each image of a folder has: that of its folder, or of its line in a table."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from fieldscope.errors import InputError
from fieldscope.photos.labels import Line, labels_in
from fieldscope.wording import counted, listed

_PARTS = {"train", "training", "val", "valid", "validation", "test", "testing"}


@dataclass(frozen=True, slots=True)
class Found:
    """Images with their labels, and what has no image or no label."""

    labelled: tuple[tuple[Path, str], ...]
    labels: frozenset[str]
    missing: tuple[str, ...] = ()
    unlabelled: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()


def by_folder(top: Path, paths: Sequence[Path]) -> Found:
    """Label each image by the folder of `top` that it is in.

    Raises:
        InputError: no image is in a folder, or the folders are parts of a data set.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     top = Path(folder)
    ...     found = by_folder(top, [top / "cat/a.jpg", top / "dog/young/b.jpg"])
    >>> [label for _, label in found.labelled]
    ['cat', 'dog']
    """
    labelled = tuple(
        (path, inner[0]) for path in paths if len(inner := path.relative_to(top).parts) > 1
    )
    labels = frozenset(label for _, label in labelled)
    if not labels:
        raise InputError(
            f"the images in {top} have no labels: {counted(len(paths), 'image')} and "
            "no folder per class\n"
            "give each class a folder of its own, or pass labels=<a CSV> (--labels)"
        )
    if {label.lower() for label in labels} <= _PARTS:
        raise InputError(
            f"the folders of {top} are {listed(sorted(labels))}, which are parts of a data set, "
            "not classes\n"
            f"give one of them, such as {top / min(labels)}: "
            "it is split into photos to train on and to validate on"
        )
    unlabelled = tuple(path.name for path in paths if path.parent == top)
    return Found(labelled, labels, unlabelled=unlabelled, empty=_empty(top, labels))


def by_table(top: Path, paths: Sequence[Path], table: Path) -> Found:
    """Label each image by its line in a table.

    An id is the path of an image below `top` or its name, with its extension or without.

    Raises:
        InputError: the table isn't one, an id may be several images, an image has two
            labels, or no line has an image.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     top, table = Path(folder), Path(folder, "labels.csv")
    ...     _ = table.write_text("a,cat")
    ...     found = by_table(top, [top / "a.jpg", top / "b.jpg"], table)
    >>> [label for _, label in found.labelled], found.unlabelled
    (['cat'], ('b.jpg',))
    """
    lines = labels_in(table)
    known = _known(top, paths)
    given: dict[Path, Line] = {}
    missing: dict[str, None] = {}
    for line in lines:
        id = _plain(line.id)
        fits = known.get(id, ())
        if len(fits) > 1:
            shown = listed([path.relative_to(top).as_posix() for path in fits], most=4, last="or")
            raise InputError(
                f"{table}, line {line.number}: the id {line.id} may be {shown}\n"
                "give the path below the folder, with its extension"
            )
        if not fits:
            missing[line.id] = None
            continue
        before = given.setdefault(fits[0], line)
        if before.label != line.label:
            raise InputError(
                f"{table}, line {line.number}: {line.id} is {_label(line)}, and "
                f"{_label(before)} on line {before.number}\n"
                "give each image one label"
            )
    if not given:
        raise InputError(
            f"no line of {table} names an image in {top}: its first id is {lines[0].id}, and "
            f"the first image is {paths[0].relative_to(top).as_posix()}\n"
            "an id is an image's name or its path below the folder, with extension or without"
        )
    labelled = tuple((path, given[path].label) for path in paths if path in given)
    return Found(
        tuple((path, label) for path, label in labelled if label),
        frozenset(line.label for line in lines if line.label),
        missing=tuple(missing),
        unlabelled=tuple(
            path.relative_to(top).as_posix()
            for path in paths
            if path not in given or not given[path].label
        ),
    )


def _empty(top: Path, labels: frozenset[str]) -> tuple[str, ...]:
    return tuple(
        sorted(
            path.name
            for path in top.iterdir()
            if path.is_dir() and path.name not in labels and not path.name.startswith(".")
        )
    )


def _known(top: Path, paths: Sequence[Path]) -> dict[str, tuple[Path, ...]]:
    """Give the images that an id may mean; the more it says, the sooner it counts."""
    known: dict[str, tuple[Path, ...]] = {}
    inner = [(path, PurePosixPath(_plain(path.relative_to(top).as_posix()))) for path in paths]
    for spelt in (
        lambda path: str(path),
        lambda path: str(path.with_suffix("")),
        lambda path: path.name,
        lambda path: path.stem,
    ):
        level: dict[str, list[Path]] = {}
        for path, below in inner:
            level.setdefault(spelt(below), []).append(path)
        for id, fits in level.items():
            known.setdefault(id, tuple(fits))
    return known


def _plain(id: str) -> str:
    # One name may be stored with its accents apart, and tables of Windows have backslashes.
    return str(PurePosixPath(unicodedata.normalize("NFC", id.replace("\\", "/"))))


def _label(line: Line) -> str:
    return line.label or "without a label"
