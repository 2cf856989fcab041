"""A running mean over images, which a file can hold while work on it is interrupted."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fieldscope import writing
from fieldscope.errors import InputError
from fieldscope.wording import listed

Values = npt.NDArray[np.float64]
_KIND = "fieldscope.effective-state/1"


@dataclass(frozen=True, slots=True)
class RunningMean:
    """Sums of contributions by layer, and of how many images.

    Attributes:
        sums: over the input's spatial axes, by layer.
        images: number of images in them.
        unfinished: number of images that were left out, since a gradient wasn't finite.
        positions: the position of each layer that was looked from.
    """

    sums: Mapping[str, Values] = field(default_factory=dict)
    images: int = 0
    unfinished: int = 0
    positions: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def with_(
        self,
        found: Mapping[str, Values],
        positions: Mapping[str, tuple[int, ...]],
        *,
        images: int,
        unfinished: int = 0,
    ) -> RunningMean:
        """The mean with the sums over some more images.

        It is another one, so that an interrupt finds all of the images in it, or none.
        """
        return RunningMean(
            {
                layer: self.sums[layer] + values if layer in self.sums else values
                for layer, values in found.items()
            },
            self.images + images,
            self.unfinished + unfinished,
            {**self.positions, **positions},
        )

    @property
    def seen(self) -> int:
        """Number of images that were looked at."""
        return self.images + self.unfinished

    def mean(self, layer: str) -> Values:
        """The mean of a layer's contributions."""
        return self.sums[layer] / max(1, self.images)


def save(mean: RunningMean, path: str | os.PathLike[str], question: Mapping[str, str]) -> None:
    """Write a running mean to a `.npz` file, whole or not at all.

    Args:
        mean: what was reached.
        path: the file; what was there is replaced.
        question: what is measured, by which `load` knows it again.

    Raises:
        InputError: the file can't be written.
    """
    arrays: dict[str, Any] = {
        "kind": np.array(_KIND),
        "question": np.array([f"{key}={value}" for key, value in question.items()]),
        "counts": np.array([mean.images, mean.unfinished]),
        "layers": np.array(list(mean.sums)),
    }
    for number, (layer, one) in enumerate(mean.sums.items()):
        arrays[f"sum_{number}"] = one
        arrays[f"position_{number}"] = np.array(mean.positions.get(layer, ()), dtype=np.int64)
    with writing.replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)  # texts and numbers, so nothing is pickled


def load(path: str | os.PathLike[str], question: Mapping[str, str]) -> RunningMean | None:
    """Read a running mean, if there is one; nothing in the file is unpickled.

    Raises:
        InputError: the file holds something else, or the mean of another question.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     mean = RunningMean({"a": np.ones(2)}, images=4)
        ...     save(mean, f"{folder}/a.npz", {"seed": "0"})
        ...     load(f"{folder}/a.npz", {"seed": "0"}).mean("a").tolist()
        [0.25, 0.25]
    """
    file = Path(path)
    if not file.exists():
        return None
    try:
        with file.open("rb") as opened, np.load(opened, allow_pickle=False) as held:
            if str(held["kind"]) != _KIND:
                raise KeyError("kind")
            asked = dict(str(line).split("=", 1) for line in held["question"])
            images, unfinished = (int(count) for count in held["counts"])
            names = [str(layer) for layer in held["layers"]]
            sums = {
                name: held[f"sum_{number}"].astype(np.float64) for number, name in enumerate(names)
            }
            positions = {
                name: tuple(int(at) for at in held[f"position_{number}"])
                for number, name in enumerate(names)
            }
    except Exception as error:  # whatever somebody else's bytes lead NumPy and zipfile to
        raise InputError(
            f"{file} holds no running mean of effective fields\n"
            "name another file: one that isn't there is begun"
        ) from error
    other = [
        f"{key} is {value}, there {asked.get(key)}"
        for key, value in question.items()
        if asked.get(key) != value
    ]
    if other:
        raise InputError(
            f"{file} holds the mean of something else: {listed(other, most=3)}\n"
            "name another file, or delete this one to begin anew"
        )
    return RunningMean(sums, images, unfinished, positions)
