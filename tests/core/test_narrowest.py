"""Narrowest fields against a gradient through networks whose other branches are deleted."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import fieldscope
from benchmarks.networks import TCN
from fieldscope.frontends.torch.torchvision_ops import import_torchvision
from tests.oracle.branches import narrowest
from tests.zoo.networks import build

Shape = tuple[int, ...]


def differences(model: nn.Module, shape: Shape, axis: int) -> Iterator[str]:
    """Modules whose narrowest field along an axis isn't that of the oracle, at the map's centre."""
    report = fieldscope.analyze(model, shape)
    measured = narrowest(model, shape, axis)
    extent = shape[2 + axis]
    compared = 0
    for name, parts in measured.shapes.items():
        if not name or name not in report or list(parts) != [""] or len(parts[""]) != len(shape):
            continue
        index = (0, slice(None), *(extent // 2 for extent in parts[""][2:]))
        low, high = measured.hull(name, index)[axis]
        told = report[name].narrowest[axis]
        if told == math.inf:
            continue
        assert 0 < low < high < extent, f"{name}: the input is too small to tell"
        if high - low != told:
            yield f"{name}: told {told}, true {high - low}"
        compared += 1
    assert compared > 3


class Inception(nn.Module):
    """Branches of which another one is the narrowest along each axis, with a pool inside."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 4, (5, 3), stride=(2, 1), padding=(2, 1))
        self.tall = nn.Conv2d(4, 2, (7, 1), padding=(3, 0))
        self.wide = nn.Conv2d(4, 2, (1, 9), padding=(0, 4))
        self.pool = nn.AvgPool2d((3, 5), stride=1, padding=(1, 2))
        self.after = nn.Conv2d(8, 4, 3, padding=(1, 2), dilation=(1, 2))
        self.excite = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(4, 4, 1), nn.Sigmoid())
        self.last = nn.Conv2d(4, 1, (1, 3), padding=(0, 1))

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        y = self.after(torch.cat([self.tall(x), self.wide(x), self.pool(x)], 1))
        y = y * self.excite(y)
        result: Tensor = self.last(y + self.pool(x))
        return result


@pytest.mark.parametrize("axis", [0, 1])
def test_each_axis_has_a_narrowest_branch_of_its_own(axis: int) -> None:
    assert not list(differences(Inception().eval(), (1, 1, 60, 44), axis))


def test_the_narrowest_path_through_a_dilated_residual_chain() -> None:
    assert not list(differences(TCN(channels=2, blocks=3).eval(), (1, 4, 120), 0))


def _dense(*blocks: int) -> nn.Module:
    models: Any = import_torchvision().models
    model: nn.Module = models.DenseNet(4, blocks, num_init_features=8, num_classes=2)
    return model.eval()


def test_densely_connected_blocks() -> None:
    assert not list(differences(_dense(3, 2, 2), (1, 3, 160, 64), 0))


SLOW = pytest.mark.zoo


@pytest.mark.parametrize(
    ("target", "shape"),
    [
        ("torchvision:resnet18", (1, 3, 288, 64)),
        ("torchvision:googlenet", (1, 3, 320, 64)),
        ("torchvision:squeezenet1_0", (1, 3, 64, 224)),
        ("torchvision:densenet121", (1, 3, 320, 64)),
        pytest.param("torchvision:resnet50", (1, 3, 64, 224), marks=SLOW),
        pytest.param("torchvision:mobilenet_v2", (1, 3, 64, 448), marks=SLOW),
        pytest.param("torchvision:efficientnet_b0", (1, 3, 704, 32), marks=SLOW),
    ],
)
def test_published_networks(target: str, shape: Shape) -> None:
    axis = 0 if shape[2] > shape[3] else 1
    assert not list(differences(build(target), shape, axis))
