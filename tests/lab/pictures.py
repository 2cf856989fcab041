"""Small photos, made up: each class has a colour of its own, each photo a pattern."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from fieldscope.photos import Catalogue, catalogue_of


def folder(top: Path, **counts: int) -> Path:
    """Write so many photos of each class, 12 pixels by 10, into a folder per class."""
    rng = np.random.default_rng(0)
    for label, count in counts.items():
        (top / label).mkdir(parents=True)
        colour = rng.integers(60, 200, 3)
        for number in range(count):
            pixels = np.clip(colour + rng.integers(-50, 50, (10, 12, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(top / label / f"{number}.png")
    return top


def catalogue(top: Path, **counts: int) -> Catalogue:
    return catalogue_of(folder(top, **counts)).checked(skip_bad=False)
