"""Image files below a folder, in an order that people expect."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from fieldscope.errors import InputError
from fieldscope.wording import counted, listed

EXTENSIONS = frozenset(
    {".png", ".jpg", ".jpeg", ".jfif", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".ppm", ".pgm"}
)
"""The ends of names, in lower case, by which a file is taken for an image."""

# Photographs all the same, which must not be passed over as if they were notes.
_FOREIGN = frozenset(
    {".heic", ".heif", ".avif", ".jxl", ".jp2", ".dng", ".raw", ".cr2", ".cr3", ".nef", ".arw"}
)


def naturally(text: str) -> tuple[tuple[int, int, str], ...]:
    """Give a key that sorts numbers inside of names by their value.

    >>> sorted(["10", "2", "cat 12", "cat 3"], key=naturally)
    ['2', '10', 'cat 3', 'cat 12']
    """
    key = []
    for part in filter(None, re.split(r"([0-9]+)", text)):
        # Of two numbers without leading zeros the longer one is larger.
        digits = part.lstrip("0")
        key.append((0, len(digits), digits) if part[0] in "0123456789" else (1, 0, part))
    # "01" and "1" are one number and two names; what ends comes before what goes on.
    return (*key, (-1, 0, text))


def images_in(folder: str | os.PathLike[str]) -> tuple[Path, ...]:
    """Find all image files below a folder, hidden ones left out, in natural order.

    Links to folders are followed, each folder once.

    Raises:
        InputError: there is no such folder, it can't be read, or it holds no image.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     for name in ("2.jpg", "10.PNG", ".hidden.png", "notes.txt"):
        ...         _ = Path(folder, name).write_bytes(b"")
        ...     [path.name for path in images_in(folder)]
        ['2.jpg', '10.PNG']
    """
    top = Path(folder)
    found: list[Path] = []
    others: list[Path] = []
    for path in _files(existing(top)):
        (found if path.suffix.lower() in EXTENSIONS else others).append(path)
    if not found:
        raise InputError(
            f"there are no images in {top}, {_inventory(others)}\n"
            f"images are {listed(sorted(EXTENSIONS), last='or')} files"
        )
    return _sorted(found, top)


def foreign_in(folder: str | os.PathLike[str]) -> tuple[Path, ...]:
    """Find the photographs below a folder that are of a kind that isn't read.

    Raises:
        InputError: there is no such folder, or it can't be read.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     for name in ("1.jpg", "2.HEIC"):
    ...         _ = Path(folder, name).write_bytes(b"")
    ...     [path.name for path in foreign_in(folder)]
    ['2.HEIC']
    """
    top = existing(Path(folder))
    return _sorted([path for path in _files(top) if path.suffix.lower() in _FOREIGN], top)


def existing(folder: Path) -> Path:
    """Give the folder back, or say that it isn't one.

    Raises:
        InputError: there is no such folder.

    >>> existing(Path("/nowhere"))
    Traceback (most recent call last):
    fieldscope.errors.InputError: there is no folder /nowhere
    """
    if folder.is_dir():
        return folder
    if folder.exists():
        raise InputError(f"{folder} is a file, and a folder of images is wanted")
    raise InputError(f"there is no folder {folder}")


def _sorted(paths: list[Path], top: Path) -> tuple[Path, ...]:
    return tuple(sorted(paths, key=lambda path: naturally(path.relative_to(top).as_posix())))


def _files(top: Path) -> Iterator[Path]:
    """Give the files below a folder, by paths that begin with it."""

    def fail(error: OSError) -> None:
        raise InputError(f"cannot read the folder {error.filename}: {error.strerror}") from error

    met = {os.path.realpath(top)}
    for folder, below, names in os.walk(top, onerror=fail, followlinks=True):
        shown = sorted(name for name in below if not name.startswith("."))
        below.clear()
        for name in shown:
            # A link may lead back to where the walk has been.
            real = os.path.realpath(os.path.join(folder, name))
            if real not in met:
                met.add(real)
                below.append(name)
        yield from (Path(folder, name) for name in names if not name.startswith("."))


def _inventory(others: list[Path]) -> str:
    if not others:
        return "which has no files"
    kinds = sorted({path.suffix.lower() or "no extension" for path in others})
    return f"which has {counted(len(others), 'other file')} ({listed(kinds, most=5)})"
