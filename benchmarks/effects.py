"""What activations, skip connections, dilation and training do to effective fields.

    python -m benchmarks.effects

Writes docs/effects.json, from which docs/effective.md has its tables, and that page's pictures.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

import fieldscope
from benchmarks.claims import page
from benchmarks.zoo_table import ROOT, replaced
from fieldscope import EffectiveField
from fieldscope.frontends.torch.weights import load_weights
from fieldscope.frontends.torch.zoo import build
from fieldscope.render.pictures import save
from tests.shipped import VGG16_OF_CRAFT, photographs, text_detector

RESULTS = ROOT / "docs" / "effects.json"
IMAGES = ROOT / "docs" / "images"
DPI = 80

DEPTH, CHANNELS, SEEDS = 12, 16, 8
EXTENT = 63
# Layers of VGG16 that CRAFT trained: the last of each stage, behind its activation.
STAGES = ("features.12", "features.22", "features.32", "features.39")


def main(arguments: Sequence[str] | None = None) -> int:
    argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.effects").parse_args(
        arguments
    )
    console = page()
    with console.status("chains"):
        chains = [structure(name, make) for name, make in STRUCTURES.items()]
    with tempfile.TemporaryDirectory() as folder, console.status("training"):
        trained = training(photographs(Path(folder) / "photos"))
    found = {
        "made_with": {
            "torch": torch.__version__.partition("+")[0],
            "fieldscope": fieldscope.__version__,
        },
        "depth": DEPTH,
        "channels": CHANNELS,
        "seeds": SEEDS,
        "extent": EXTENT,
        "chains": chains,
        "training": trained,
    }
    with replaced(RESULTS) as file:
        file.write(json.dumps(found, indent=1) + "\n")
    console.print(f"wrote {RESULTS.relative_to(ROOT)}")
    return 0


class Skip(nn.Module):
    """A convolution, and around it a connection that hands on what comes in."""

    def __init__(self, conv: nn.Module) -> None:
        super().__init__()
        self.conv = conv

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = x + self.conv(x)
        return found


def convolution(*, before: int = CHANNELS, dilation: int = 1, gain: float = 1.0) -> nn.Conv2d:
    """A convolution of 3 × 3 whose random weights keep the variance, times the gain."""
    conv = nn.Conv2d(before, CHANNELS, 3, padding=dilation, dilation=dilation, bias=False)
    nn.init.normal_(conv.weight, std=math.sqrt(gain / (9 * before)))
    return conv


def plain() -> nn.Module:
    return nn.Sequential(convolution(before=1), *(convolution() for _ in range(DEPTH - 1)))


def rectified() -> nn.Module:
    layers: list[nn.Module] = [convolution(before=1, gain=2)]
    for _ in range(DEPTH - 1):
        layers += [nn.ReLU(), convolution(gain=2)]
    return nn.Sequential(*layers)


def skipping() -> nn.Module:
    return nn.Sequential(convolution(before=1), *(Skip(convolution()) for _ in range(DEPTH - 1)))


def dilated() -> nn.Module:
    """Dilations 1, 2, 3 in turn, which leave no gaps."""
    steps = [1 + k % 3 for k in range(1, DEPTH)]
    return nn.Sequential(convolution(before=1), *(convolution(dilation=step) for step in steps))


def pooled() -> nn.Module:
    """A maximum of 2 in the middle."""
    half = DEPTH // 2
    first = [convolution(before=1), *(convolution() for _ in range(half - 1))]
    return nn.Sequential(*first, nn.MaxPool2d(2), *(convolution() for _ in range(DEPTH - half)))


STRUCTURES: dict[str, Callable[[], nn.Module]] = {
    "plain": plain,
    "ReLU": rectified,
    "skip connections": skipping,
    "dilation 1, 2, 3": dilated,
    "max pooling": pooled,
}


def structure(name: str, make: Callable[[], nn.Module]) -> dict[str, Any]:
    """Measure a kind of chain with several random weights, and tell what is expected."""
    shape = (1, 1, EXTENT, EXTENT)
    measured = []
    for seed in range(SEEDS):
        torch.manual_seed(seed)
        measured.append(
            fieldscope.effective(make(), inputs=shape, contribution="squared", seed=seed, count=16)
        )
    expected = fieldscope.expected_effective(make(), shape, contribution="squared", name=name)
    return {
        "name": name,
        "theory": expected.theoretical_size,
        "expected": figures(expected),
        "measured": spread([figures(one) for one in measured]),
    }


def figures(found: EffectiveField) -> dict[str, float | None]:
    """The figures of a field that tables show."""
    fitted = found.gaussian
    return {
        "deviation": statistics.fmean(found.radius) / 2,
        "half": found.area(0.5),
        "share": found.share_of_field,
        "fit": None if fitted is None else fitted.fit,
    }


def spread(rows: Sequence[dict[str, float | None]]) -> dict[str, list[float]]:
    """Mean and standard deviation of each figure, over seeds."""
    columns = {key: [row[key] for row in rows] for key in rows[0]}
    known = {key: [one for one in column if one is not None] for key, column in columns.items()}
    return {
        key: [statistics.fmean(column), statistics.stdev(column)] for key, column in known.items()
    }


def training(photos: Path) -> list[dict[str, Any]]:
    """VGG16 as a text detector trained it, and with weights at random, over photographs."""
    model, shape = build("torchvision", "vgg16_bn", values=True)
    layers = list(STAGES)

    def measured(name: str) -> fieldscope.EffectiveComparison:
        return fieldscope.effective(model, photos, inputs=shape, layer=layers, name=name)

    before = measured("vgg16_bn untrained")
    load_weights(model, text_detector(), renamed=VGG16_OF_CRAFT)
    after = measured("vgg16_bn trained")
    last = STAGES[-1]
    expected = fieldscope.expected_effective(model, shape, layer=last, name="expected")
    drawn = fieldscope.compare_effective(
        {"trained": after[last], "untrained": before[last], "expected": expected}
    )
    save(
        drawn.to_image(photos / "astronaut.png", resize=True),
        IMAGES / "effective-training.webp",
        dpi=DPI,
    )
    save(
        after[last].to_image(photos / "chelsea.png", resize=True, log=True),
        IMAGES / "effective.webp",
        dpi=DPI,
    )
    save(after.to_image(log=True), IMAGES / "effective-layers.webp", dpi=DPI)
    return [
        {
            "layer": layer,
            "theory": after[layer].theoretical_size,
            "trained": figures(after[layer]),
            "untrained": figures(before[layer]),
            "expected": figures(fieldscope.expected_effective(model, shape, layer=layer)),
        }
        for layer in layers
    ]


if __name__ == "__main__":
    sys.exit(main())
