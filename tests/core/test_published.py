"""Published receptive fields: every row of `published_rf.csv` holds.

The file's `start` is of position 0; the first source gives it as a left
padding in its notes ("left padding 64": start -64).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import pytest
from torch import nn

import fieldscope
from fieldscope.analyses.layers import Report
from fieldscope.frontends.torch import zoo
from tests.networks import published

TABLE = Path(__file__).with_name("published_rf.csv").read_text(encoding="utf-8")
ROWS = list(csv.DictReader(TABLE.splitlines()))
IMAGE = (1, 1, 224, 224)


def _zoo(source: Literal["torchvision", "timm"], name: str) -> tuple[nn.Module, Any]:
    built = zoo.build(source, name)
    return built[0], built[1]


def _torchvision(name: str) -> tuple[nn.Module, Any]:
    return _zoo("torchvision", name)


def _timm(name: str) -> tuple[nn.Module, Any]:
    return _zoo("timm", name)


# By the row's model: what builds it, with the shape of an input.
BUILDERS: dict[str, Callable[[], tuple[nn.Module, Any]]] = {
    "alexnet_v2": lambda: (published.alexnet_v2(), IMAGE),
    "vgg_16": lambda: (published.vgg_16(), IMAGE),
    "mobilenet_v1": lambda: (published.mobilenet_v1(), IMAGE),
    "resnet_v1_50": lambda: (published.resnet_v1(3, 4, 6, 3), IMAGE),
    "resnet_v1_101": lambda: (published.resnet_v1(3, 4, 23, 3), IMAGE),
    "resnet_v1_152": lambda: (published.resnet_v1(3, 8, 36, 3), IMAGE),
    "inception_v2": lambda: (published.inception_v2(), IMAGE),
    # The same architectures as TF-Slim's, which they were brought over from.
    "inception_v3": lambda: _torchvision("inception_v3"),
    "inception_v4": lambda: _timm("inception_v4"),
    "inception_resnet_v2": lambda: _timm("inception_resnet_v2"),
    "VGG16": lambda: _torchvision("vgg16"),
    "ResNet50": lambda: (published.resnet50_keras(), IMAGE),
    "DenseNet121": lambda: _torchvision("densenet121"),
    "PatchGAN discriminator, 3 layers": lambda: (published.patchgan(3), (1, 1, 256, 256)),
    "PatchGAN discriminator, n=4": lambda: (published.patchgan(4), (1, 1, 256, 256)),
    "PatchGAN discriminator, n=5": lambda: (published.patchgan(5), (1, 1, 256, 256)),
    "WaveNet": lambda: (published.wavenet(), (1, 1, 2000)),
    "TCN stack": lambda: (
        nn.Sequential(*(published.Causal(2, d) for d in (1, 2, 4, 8))),
        (1, 1, 100),
    ),
    "chain": lambda: (published.chain(*((k, 1) for k in (9, 3, 3, 3, 9, 3, 3, 7, 3))), IMAGE),
    "four convolutions on 60x90": lambda: (
        nn.Sequential(
            nn.Conv2d(1, 1, (5, 3), (3, 2)),
            nn.Conv2d(1, 1, (5, 3), 2),
            nn.Conv2d(1, 1, 3, padding=1),
            nn.Conv2d(1, 1, 3),
        ),
        (1, 1, 60, 90),
    ),
    "conv3 stride 2, relu, conv3": lambda: (
        nn.Sequential(published.window(3, 2), nn.ReLU(), published.window(3)),
        IMAGE,
    ),
    "conv 7/2 pad 3, bn, relu, maxpool 3/2 pad 1, avgpool 3/2 pad 1": lambda: (
        published.stem(),
        IMAGE,
    ),
    "SimpleVGG, valid convolutions": lambda: (published.simple_vgg(), IMAGE),
}
# Where the row names its layer in words: the layer's path, "" for the output.
LAYERS = {
    "inception_v3": "Mixed_7c",
    "inception_v4": "features",
    "inception_resnet_v2": "conv2d_7b",
    "VGG16": "features.30",
    "DenseNet121": "features",
    "resnet18": "layer4",
    "resnet50": "layer4",
    "resnext50_32x4d": "layer4",
}


@lru_cache(maxsize=1)  # rows of one model follow each other
def _report(model: str) -> Report:
    build = BUILDERS.get(model, lambda: _torchvision(model))
    return fieldscope.analyze(*build())


def _layer(row: dict[str, str]) -> Any:
    report = _report(row["model"])
    if row["layer"] in report:
        return report[row["layer"]]
    if row["model"] in BUILDERS and row["model"] not in LAYERS:
        return report.output
    return report[LAYERS.get(row["model"], "features")]


@pytest.mark.parametrize(
    "row", ROWS, ids=[f"{row['model']}-{row['layer']}-{i}" for i, row in enumerate(ROWS)]
)
def test_the_published_field(row: dict[str, str]) -> None:
    layer = _layer(row)
    size = tuple(int(word) for word in row["size"].split())
    axes = len(layer.size)
    assert layer.size == size * (axes if len(size) == 1 else 1)
    assert layer.exact
    if row["stride"]:
        stride = tuple(int(word) for word in row["stride"].split())
        assert layer.stride == stride * (axes if len(stride) == 1 else 1)
    padding = re.search(r"left padding (\d+)", row["notes"])
    start = row["start"] or (f"-{padding[1]}" if padding else "")
    if start:
        assert layer.start == (int(start),) * axes


def test_every_row_is_tested() -> None:
    assert len(ROWS) == 61


def test_a_temporal_block_with_two_convolutions_reads_31() -> None:
    layer = fieldscope.analyze(published.tcn(2, (1, 2, 4, 8)), (1, 1, 100)).output
    assert (layer.size, layer.start, layer.narrowest) == ((31,), (-30,), (1,))
