"""Which photographs are trained on, and which are kept to validate on."""

from __future__ import annotations

import csv
import os
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.model_selection import train_test_split

from fieldscope.errors import InputError
from fieldscope.photos import Catalogue, Photo
from fieldscope.wording import counted, listed
from fieldscope.writing import replacing

_TRAIN, _VALIDATION = "train", "validation"
_HEADER = ["id", "label", "part"]


@dataclass(frozen=True, slots=True)
class Split:
    """Photos to train on and photos to validate on; each class is in both."""

    train: tuple[Photo, ...]
    validation: tuple[Photo, ...]
    classes: tuple[str, ...]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the split as a CSV of id, label and part.

        Raises:
            InputError: it can't be written; what was there still is.
        """
        rows = [(photo.id, photo.label, _TRAIN) for photo in self.train]
        rows += [(photo.id, photo.label, _VALIDATION) for photo in self.validation]
        with replacing(path) as file, file.open("w", encoding="utf-8", newline="") as opened:
            csv.writer(opened, lineterminator="\n").writerows([_HEADER, *rows])


def split_of(
    catalogue: Catalogue, *, seed: int, share: float = 0.2, train_per_class: int | None = None
) -> Split:
    """Split a catalogue's photos by chance, in each class alike.

    The same photos and the same seed give the same split, in whatever order they come.

    Args:
        catalogue: the photos, at least two of each class.
        seed: of the chance.
        share: of each class, to validate on; at least one photo, and never all.
        train_per_class: how many photos of each class to train on instead; the others
            are validated on.

    Raises:
        InputError: a class has too few photos, or a setting makes no sense.

    Example:
        >>> from pathlib import Path
        >>> photos = [Photo(Path(f"{n}.png"), f"{n}.png", "ab"[n % 2], 1) for n in range(10)]
        >>> split = split_of(Catalogue(Path(), tuple(photos), ("a", "b")), seed=0)
        >>> len(split.train), sorted(photo.label for photo in split.validation)
        (8, ['a', 'b'])
    """
    if not 0 < share < 1:
        raise InputError(f"the share to validate on is {share}, and must be between 0 and 1")
    if train_per_class is not None and train_per_class < 1:
        raise InputError(f"train_per_class is {train_per_class}, and must be from 1 on")
    if seed < 0:
        raise InputError(f"the seed is {seed}, and must be from 0 on")
    ids: set[str] = set()
    for label in catalogue.classes:
        mine = sorted(photo.id for photo in catalogue.photos if photo.label == label)
        count = _validated(len(mine), label, share=share, train_per_class=train_per_class)
        # A class is split as it would be without the others.
        state = np.random.SeedSequence([seed, zlib.crc32(label.encode())]).generate_state(1)
        ids.update(train_test_split(mine, test_size=count, random_state=int(state[0]))[1])
    return _split(catalogue, ids)


def read_split(path: str | os.PathLike[str], catalogue: Catalogue) -> Split:
    """Read a split that was saved, and find its photos in the catalogue.

    Raises:
        InputError: it can't be read, or it isn't a split of these photos.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> photos = tuple(Photo(Path(id), id, id[0], 1) for id in ("a1", "a2", "b1", "b2"))
        >>> catalogue = Catalogue(Path(), photos, ("a", "b"))
        >>> split = split_of(catalogue, seed=3)
        >>> with TemporaryDirectory() as folder:
        ...     split.save(f"{folder}/split.csv")
        ...     read_split(f"{folder}/split.csv", catalogue) == split
        True
    """
    known = {photo.id: photo for photo in catalogue.photos}
    parts: dict[str, str] = {}
    for number, row in _rows(path):
        if len(row) != 3 or row[2] not in (_TRAIN, _VALIDATION):
            raise InputError(
                f"{path}, line {number}: {listed(row) or 'nothing'}, and an id, a label and "
                f"{_TRAIN} or {_VALIDATION} are wanted"
            )
        id, label, part = row
        if id not in known or known[id].label != label:
            of = f", but as {known[id].label}" if id in known else ""
            raise InputError(
                f"{path}, line {number}: {id} ({label}) is not among the photos of "
                f"{catalogue.folder}{of}\nthe photos have changed since they were split"
            )
        if id in parts:
            raise InputError(f"{path}, line {number}: {id} comes a second time")
        parts[id] = part
    if new := [id for id in known if id not in parts]:
        raise InputError(
            f"{path} lacks {counted(len(new), 'photo')} of {catalogue.folder}: "
            f"{listed(new, most=4)}\nthe photos have changed since they were split"
        )
    return _split(catalogue, {id for id, part in parts.items() if part == _VALIDATION})


def _validated(count: int, label: str, *, share: float, train_per_class: int | None) -> int:
    """Give how many of a class's photos are validated on."""
    wanted = 2 if train_per_class is None else train_per_class + 1
    if count < wanted:
        raise InputError(
            f"class {label} has {counted(count, 'photo')}, and {wanted} are needed, "
            f"{wanted - 1} to train on and one to validate on\n"
            + ("give more photos" if train_per_class is None else "give a smaller number of them")
        )
    if train_per_class is not None:
        return count - train_per_class
    return min(max(round(share * count), 1), count - 1)


def _split(catalogue: Catalogue, validation: set[str]) -> Split:
    photos = sorted(catalogue.photos, key=lambda photo: photo.id)
    return Split(
        tuple(photo for photo in photos if photo.id not in validation),
        tuple(photo for photo in photos if photo.id in validation),
        catalogue.classes,
    )


def _rows(path: str | os.PathLike[str]) -> Iterable[tuple[int, Sequence[str]]]:
    try:
        with open(path, encoding="utf-8", newline="") as file:
            reader = csv.reader(file)
            if next(reader, None) != _HEADER:
                raise InputError(f"{path} is no split: its first line isn't {','.join(_HEADER)}")
            return [(reader.line_num, row) for row in reader]
    except (OSError, csv.Error, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"cannot read {path}: {reason}") from error
