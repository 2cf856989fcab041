"""Photographs with their classes, checked before anything is done with them."""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from fieldscope.errors import InputError
from fieldscope.photos.files import foreign_in, images_in, naturally
from fieldscope.photos.finding import by_folder, by_table
from fieldscope.photos.reading import upright
from fieldscope.wording import listed

Told: TypeAlias = Callable[[str, int, int], None]
"""Called as work goes on: what is being done, how much of it is done, of how much."""

_NAMED = 8
_FEWEST = 2


@dataclass(frozen=True, slots=True)
class Photo:
    """A photograph.

    Attributes:
        path: where it is.
        id: the path below the folder.
        label: of its class.
        bytes: length of the file.
        sum: a checksum of the file, by which a change of the same length is noticed.
    """

    path: Path
    id: str
    label: str
    bytes: int
    sum: int = 0


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The photographs of a folder, and what is wrong with it.

    Attributes:
        folder: where they are.
        photos: those that can be read and have a label, in natural order of their ids.
        classes: labels that the folder or the table knows, in natural order.
        missing: ids that a table names and no file has.
        unreadable: ids of files that can't be decoded, each with the reason.
        unlabelled: ids of files that have no label.
        empty: folders of classes without an image.
        skipped: what was left out, in sentences.
    """

    folder: Path
    photos: tuple[Photo, ...]
    classes: tuple[str, ...]
    missing: tuple[str, ...] = ()
    unreadable: tuple[tuple[str, str], ...] = ()
    unlabelled: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()

    @property
    def targets(self) -> tuple[int, ...]:
        """For each photo the index of its class."""
        index = {label: number for number, label in enumerate(self.classes)}
        return tuple(index[photo.label] for photo in self.photos)

    @property
    def counts(self) -> dict[str, int]:
        """How many photos each class has."""
        found = Counter(photo.label for photo in self.photos)
        return {label: found[label] for label in self.classes}

    @property
    def digest(self) -> str:
        """What tells one list of photos from another: ids, labels and lengths of the files."""
        content = [[photo.id, photo.label, photo.bytes] for photo in self.photos]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]

    @property
    def content(self) -> str:
        """What tells one content of the files from another: ids and checksums."""
        sums = [[photo.id, photo.sum] for photo in self.photos]
        return hashlib.sha256(json.dumps(sums).encode()).hexdigest()[:16]

    def checked(self, *, skip_bad: bool) -> Catalogue:
        """Give the catalogue of what is good, if nothing is bad or that may be skipped.

        Raises:
            InputError: something is bad and not to be skipped, or what is left are fewer
                than 2 classes, or fewer than 2 photos of a class.
        """
        faults = self._faults()
        if faults and not skip_bad:
            raise InputError(
                f"{self.folder} has faults: "
                + "\n".join(faults)
                + "\nmend them, or pass skip_bad=True (--skip-bad) to leave them out"
            )
        counts = self.counts
        left = tuple(label for label in self.classes if counts[label])
        lost = [label for label in self.classes if not counts[label] and label not in self.empty]
        if lost:
            faults.append(
                f"{_counted(len(lost), 'class', 'classes')} of which no photo is left: "
                f"{listed(lost, most=_NAMED)}"
            )
        if len(left) < _FEWEST:
            only = f"one class, {left[0]}" if left else "no class"
            raise InputError(
                f"{self.folder} has photos of {only}, and a classifier needs at least two"
            )
        if few := [label for label in left if counts[label] < _FEWEST]:
            raise InputError(
                f"{self.folder} has only one photo of {listed(few, most=_NAMED)}\n"
                "each class needs at least two, one to train on and one to validate on"
            )
        return replace(
            self,
            classes=left,
            missing=(),
            unreadable=(),
            unlabelled=(),
            empty=(),
            skipped=self.skipped + tuple(f"left out {fault}" for fault in faults),
        )

    def _faults(self) -> list[str]:
        broken = [f"{id} ({reason})" for id, reason in self.unreadable]
        named: list[tuple[Sequence[str], str, str]] = [
            (
                self.missing,
                "image that the table names and that isn't there",
                "images that the table names and that aren't there",
            ),
            (broken, "file that can't be read", "files that can't be read"),
            (self.unlabelled, "image without a label", "images without a label"),
            (self.empty, "folder without images", "folders without images"),
        ]
        return [
            f"{_counted(len(ids), one, many)}: {listed(ids, most=_NAMED)}"
            for ids, one, many in named
            if ids
        ]


def catalogue_of(
    folder: str | os.PathLike[str],
    labels: str | os.PathLike[str] | None = None,
    *,
    told: Told = lambda *_: None,
) -> Catalogue:
    """Find the photos of a folder with their labels, and decode each one to see that it can be.

    Args:
        folder: a folder per class with images in it, at any depth; or images, at any depth.
        labels: the table of the images' labels, a CSV; else the folders are the labels.
        told: called as the files are read.

    Raises:
        InputError: there are no images, or no labels; the table isn't one, or contradicts itself.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from PIL import Image
        >>> with TemporaryDirectory() as folder:
        ...     for name in ("cat", "dog"):
        ...         Path(folder, name).mkdir()
        ...         Image.new("RGB", (4, 3)).save(f"{folder}/{name}/1.png")
        ...     found = catalogue_of(folder)
        >>> [photo.id for photo in found.photos], found.counts
        (['cat/1.png', 'dog/1.png'], {'cat': 1, 'dog': 1})
    """
    top = Path(folder)
    paths = images_in(top)
    found = by_folder(top, paths) if labels is None else by_table(top, paths, Path(labels))
    label_of = dict(found.labelled)
    photos, unreadable = [], []
    for path, read in zip(paths, _read(paths, told), strict=True):
        id = path.relative_to(top).as_posix()
        if isinstance(read, str):
            unreadable.append((id, read))
        elif path in label_of:
            photos.append(Photo(path, id, label_of[path], *read))
    for path in foreign_in(top):
        unread = f"photos of the kind {path.suffix.lower()} aren't read"
        unreadable.append((path.relative_to(top).as_posix(), unread))
    return Catalogue(
        top,
        tuple(photos),
        tuple(sorted(found.labels, key=naturally)),
        found.missing,
        tuple(unreadable),
        found.unlabelled,
        found.empty,
    )


def _read(paths: Sequence[Path], told: Told) -> list[tuple[int, int] | str]:
    """Decode each file: its length in bytes and its sum, or the reason why it can't be read."""

    def read(path: Path) -> tuple[int, int] | str:
        try:
            upright(path)
            content = path.read_bytes()
            return len(content), zlib.crc32(content)
        except InputError as error:
            return _reason(path, str(error))
        except OSError as error:
            return error.strerror or str(error)

    results: list[tuple[int, int] | str] = []
    # Decoders let other threads run.
    with ThreadPoolExecutor(max_workers=min(16, os.cpu_count() or 1)) as pool:
        try:
            for done, result in enumerate(pool.map(read, paths), start=1):
                results.append(result)
                told("reading photos", done, len(paths))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return results


def _reason(path: Path, message: str) -> str:
    """Take the path out of a message that stands behind the file's name."""
    return message.removeprefix(f"{path} ").removeprefix(f"cannot read the image {path}: ")


def _counted(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"
