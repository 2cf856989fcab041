"""What is published of receptive-field analysis holds.

Sources: the README of rfa-toolbox 1.7.0 (feasible range of ResNet-50; ResNet-18 at 16 pixels and
its two redesigns; AlexNet and VGG at 32 pixels, of which it shows pictures), and Richter et al.,
"Should You Go Deeper?", arXiv 2106.12307 (what an unproductive layer is). Layers of AlexNet and
VGG follow from the published fields: the first that receives 32 or more, and all behind it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import pytest
from torch import nn

import fieldscope
from fieldscope.analyses.layers import Report
from fieldscope.frontends.torch import zoo
from fieldscope.frontends.torch.torchvision_ops import import_torchvision


@lru_cache(maxsize=2)
def _report(name: str) -> Report:
    model, shape = zoo.build("torchvision", name)[:2]
    return fieldscope.analyze(model, shape)


def _unproductive(report: Report, extent: int) -> list[str]:
    found = fieldscope.productivity(report, input=extent)
    return [layer.layer for layer in found.unproductive]


@pytest.mark.parametrize(
    ("name", "extent", "first", "layers"),
    [
        # (kernel, stride): 11/4 gives 11, pool 19, 5 gives 51; all windows behind receive that.
        ("alexnet", 32, "features.5", 5),
        # Two blocks of two convolutions and a pool: 16; 24, 32, which features.14 receives.
        ("vgg16", 32, "features.14", 10),
        ("vgg19", 32, "features.14", 13),
    ],
)
def test_all_windows_behind_the_first_unproductive_one_of_a_chain_are_unproductive(
    name: str, extent: int, first: str, layers: int
) -> None:
    report = _report(name)
    unproductive = _unproductive(report, extent)
    windows = [layer.name for layer in report if layer.operator == "window"]
    assert unproductive[0] == first
    assert unproductive == windows[windows.index(first) :]
    assert len(unproductive) == layers


def test_at_16_pixels_the_second_convolution_of_every_block_of_resnet18_is_unproductive() -> None:
    assert _unproductive(_report("resnet18"), 16) == [
        f"layer{stage}.{block}.conv2" for stage in (1, 2, 3, 4) for block in (0, 1)
    ]


def test_at_32_pixels_three_convolutions_of_resnet18_are_unproductive() -> None:
    found = fieldscope.productivity(_report("resnet18"), input=32)
    assert [layer.layer for layer in found.unproductive] == [
        "layer3.1.conv2",
        "layer4.0.conv2",
        "layer4.1.conv2",
    ]
    assert [layer.layer for layer in found.judged("critical")] == [
        "layer2.0.conv2",
        "layer2.1.conv2",
        "layer3.0.conv2",
        "layer3.1.conv1",
        "layer4.0.conv1",
        "layer4.1.conv1",
    ]


def test_at_16_pixels_a_smaller_stem_lets_three_blocks_of_resnet18_contribute() -> None:
    """The published redesign for efficiency: these three are kept, the others removed."""
    model: Any = import_torchvision().models.resnet18()
    model.conv1 = nn.Conv2d(3, 64, 3, stride=2, padding=1)
    unproductive = _unproductive(fieldscope.analyze(model, (1, 3, 64, 64)), 16)
    assert [name.rpartition(".")[0] for name in unproductive] == [
        "layer2.1",
        "layer3.0",
        "layer3.1",
        "layer4.0",
        "layer4.1",
    ]


def test_at_16_pixels_the_published_redesign_for_performance_has_two_critical_layers() -> None:
    """Stem 3 without stride, no pooling, the last stride removed, blocks spread evenly."""
    resnet: Any = import_torchvision().models.resnet
    model = resnet.ResNet(resnet.BasicBlock, [2, 3, 3, 1])
    model.conv1 = nn.Conv2d(3, 64, 3, padding=1)
    model.maxpool = model.layer4 = nn.Identity()
    model.fc = nn.Linear(256, 10)
    found = fieldscope.productivity(model, (1, 3, 16, 16))
    assert found.unproductive == ()
    assert [layer.layer for layer in found.judged("critical")] == [
        "layer3.1.conv2",
        "layer3.2.conv2",
    ]


# Narrowest: the largest that enters a widening layer, and that one leaves; the largest field.
RANGES = {
    "alexnet": (163, 195, 195),
    "vgg16": (196, 212, 212),
    "vgg19": (252, 268, 268),
    "resnet18": (75, 139, 435),
    "resnet50": (11, 75, 427),  # "(75, 75), (427, 427)"
    "resnet152": (11, 75, 1451),
    "googlenet": (59, 123, 379),
    "squeezenet1_0": (35, 67, 155),
    "mobilenet_v2": (99, 163, 491),
    "densenet121": (39, 103, 2071),
    "efficientnet_b0": (171, 299, 851),
}


@pytest.mark.parametrize("name", RANGES)
def test_the_feasible_range(name: str) -> None:
    found = fieldscope.resolution(_report(name))
    smallest, uncritical, largest = RANGES[name]
    assert found.smallest == (smallest, smallest)
    assert found.productive_from == (smallest + 1, smallest + 1)
    assert found.uncritical == (uncritical, uncritical)
    assert found.largest == (largest, largest)


@pytest.mark.parametrize("name", ["alexnet", "resnet18", "densenet121", "efficientnet_b0"])
def test_the_limits_are_where_verdicts_change(name: str) -> None:
    report = _report(name)
    smallest, uncritical, _ = RANGES[name]
    assert _unproductive(report, smallest)
    assert not _unproductive(report, smallest + 1)
    for extent, expected in ((uncritical, False), (uncritical - 1, True)):
        found = fieldscope.productivity(report, input=extent)
        assert bool(found.judged("critical")) is expected
