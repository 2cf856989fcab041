"""Context: what every position reads alike stays out of the field, and is named."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import fieldscope


class Gate(nn.Module):
    """Squeeze-and-excitation, spelt in several ways."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Conv2d(2, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        if self.how == "mean":
            s = x.mean((2, 3), keepdim=True)
        elif self.how == "max":
            s = functional.adaptive_max_pool2d(x, 1)
        elif self.how == "flat":
            s = x.flatten(2).mean(2)[:, :, None, None]
        elif self.how == "attention":
            weights = x[:, :1].flatten(2).softmax(2)
            s = (x.flatten(2) @ weights.transpose(1, 2)).unsqueeze(3)
        else:
            s = self.pool(x)
        s = torch.sigmoid(self.fc(s))
        return x + s if self.how == "add" else x * s.expand_as(x)


@pytest.mark.parametrize("how", ["pool", "mean", "max", "flat", "add", "attention"])
def test_gates_are_context(how: str) -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, (3, 5)), Gate(how))
    layer = fieldscope.analyze(net, (1, 1, 9, 12))["1"]
    assert (layer.size, layer.stride, layer.start) == ((3, 5), (1, 1), (0, 0))
    assert layer.context == ("1",)
    assert layer.exact
    folded = fieldscope.analyze(net, (1, 1, 9, 12), fold_context=True)["1"]
    assert folded.size == (math.inf, math.inf)
    assert folded.box((0, 3)) == (slice(0, 9), slice(0, 12))


NORMS: dict[str, Any] = {
    "group": nn.GroupNorm(2, 4),
    "one group": nn.GroupNorm(1, 4),
    "instance": nn.InstanceNorm2d(4),
    "instance with scale": nn.InstanceNorm2d(4, affine=True),
    "layer over the map": nn.LayerNorm((4, 7, 8)),
    "by hand": lambda x: (x - x.mean((1, 2, 3), True)) / x.std((1, 2, 3), keepdim=True),
}


@pytest.mark.parametrize("name", NORMS)
def test_statistics_of_norms_are_context(name: str) -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(1, 4, 3)
            self.norm = NORMS[name]

        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self.norm(self.conv(x))
            return y

    layer = fieldscope.analyze(Net(), (1, 1, 9, 10)).output
    assert layer.size == (3, 3)
    assert layer.context
    folded = fieldscope.analyze(Net(), (1, 1, 9, 10), fold_context=True).output
    assert folded.is_global == (True, True)
    assert folded.box((2, 2)) == (slice(0, 9), slice(0, 10))


def test_norms_over_channels_or_with_kept_statistics_are_not_context() -> None:
    net = nn.Sequential(nn.BatchNorm2d(3), nn.LocalResponseNorm(2))
    assert fieldscope.analyze(net, (1, 3, 8, 9)).output.context == ()

    def layer_norm(x: Tensor) -> Tensor:
        return functional.layer_norm(x.permute(0, 2, 3, 1), (3,))

    assert fieldscope.analyze(layer_norm, (1, 3, 8, 9)).output.context == ()


class PyramidPooling(nn.Module):
    """A branch of image pooling beside a dilated window (ASPP)."""

    def __init__(self) -> None:
        super().__init__()
        self.near = nn.Conv2d(1, 1, 3, padding=2, dilation=2)
        self.join = nn.Conv2d(2, 1, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        whole = functional.adaptive_avg_pool2d(x, 1)
        whole = functional.interpolate(whole, size=x.shape[2:], mode="bilinear")
        both = torch.cat([self.near(x), whole], 1)
        return both, self.join(both)


def test_image_pooling_is_context_and_a_channel_can_be_context_alone() -> None:
    report = fieldscope.analyze(PyramidPooling(), (1, 1, 12, 16))
    both, joined = report.outputs.values()
    assert both.box((6, 6), channel=0) == (slice(4, 9), slice(4, 9))
    assert all(box.start >= box.stop for box in both.box((6, 6), channel=1))
    assert (joined.size, joined.exact) == ((5, 5), True)
    assert joined.context


def test_attention_and_mixing_of_positions_are_fields() -> None:
    class Mixer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.mix = nn.Linear(12, 12)

        def forward(self, x: Tensor) -> Tensor:  # [n channel position]
            y: Tensor = self.mix(x)
            return x + y

    def attend(x: Tensor) -> Tensor:
        scores = (x.transpose(1, 2) @ x).softmax(2)
        return x + (scores @ x.transpose(1, 2)).transpose(1, 2)

    for net in (Mixer(), attend):
        layer = fieldscope.analyze(net, (1, 5, 12)).output
        assert (layer.size, layer.context) == ((math.inf,), ())
        assert layer.box((3,)) == (slice(0, 12),)


def test_a_map_of_one_position_is_no_context() -> None:
    class Net(nn.Module):
        """A U-Net whose lowest map happens to have one position."""

        def __init__(self) -> None:
            super().__init__()
            self.down = nn.Conv2d(1, 1, 4, 4)

        def forward(self, x: Tensor) -> Tensor:
            low = self.down(x)
            return x + functional.interpolate(low, scale_factor=4)

    small, large = (fieldscope.analyze(Net(), (1, 1, n, n)).output for n in (4, 16))
    assert small.size == large.size == (4, 4)
    assert small.context == large.context == ()


def test_statistics_of_one_axis_are_a_field() -> None:
    layer = fieldscope.analyze(lambda x: x * x.mean(3, keepdim=True), (1, 2, 6, 7)).output
    assert (layer.size, layer.is_global, layer.context) == ((1, math.inf), (False, True), ())
    assert layer.box((2, 3)) == (slice(2, 3), slice(0, 7))


def test_statistics_of_a_part_are_a_field() -> None:
    def net(x: Tensor) -> Tensor:
        return x * x[..., :3].mean((2, 3), keepdim=True)

    layer = fieldscope.analyze(net, (1, 2, 6, 7)).output
    assert layer.context == ()
    assert layer.box((2, 5)) == (slice(0, 6), slice(0, 6))
