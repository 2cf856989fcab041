"""Small photos and networks for runs of the lab that take a second."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from fieldscope.lab.curves import CURVES, Epoch
from fieldscope.lab.settings import Settings
from fieldscope.lab.training.fitting import fit
from fieldscope.lab.training.machine import Machine
from fieldscope.lab.training.planning import planned

EXTENT = 12
ON_CPU = Machine(accelerator="cpu")

NETWORK = '''
"""A network of two convolutions, with batch norm and dropout."""
from torch import nn


def build(num_classes: int = 2, width: int = 6) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, width, 3, padding=1),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(width, width, 3, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Dropout(0.2),
        nn.Linear(width, num_classes),
    )
'''


def photos_in(folder: Path, *, classes: int = 3, each: int = 8) -> Path:
    """Write noise that is redder, greener or bluer by class, and give the folder."""
    chance = np.random.default_rng(0)
    for label in range(classes):
        place = folder / f"c{label}"
        place.mkdir(parents=True)
        for number in range(each):
            pixels = chance.integers(0, 100, (EXTENT, EXTENT + 2, 3))
            pixels[..., label] += 120
            Image.fromarray(pixels.astype(np.uint8)).save(place / f"{number}.png")
    return folder


def network_in(folder: Path, code: str = NETWORK, *, name: str = "net.py") -> str:
    """Write code that builds a network, and give how it is named."""
    (folder / name).write_text(code)
    return f"{folder / name}:build"


def settings(folder: Path, model: str, **others: Any) -> Settings:
    """Give settings of a tiny run on photos in a folder."""
    usual = {"kind": "train", "resolution": EXTENT, "epochs": 3, "batch_size": 6}
    return Settings(model=model, data=str(folder), **{"learning_rate": 0.01, **usual, **others})


def trained(wanted: Settings, out: Path, *, resume: bool = False) -> Any:
    """Train on the processor, and give the run."""
    return fit(planned(wanted, out, resume=resume), ON_CPU)


def lines(folder: Path) -> list[dict[str, str]]:
    """Give the lines of a run's curve but for the seconds, as they stand in the file."""
    with (folder / CURVES).open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        del row["seconds"]
    return rows


def epoch(number: int, accuracy: float) -> Epoch:
    """Give a line of a curve."""
    return Epoch(number, 1.0, 0.5, 1.0, accuracy, 0.001, 1.0)
