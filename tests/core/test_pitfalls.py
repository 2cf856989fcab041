"""Cases that other tools get wrong, with the right answers.

What they answer stands in the project's comparison; here is what is true: the
gradient support of the linearised network.
"""

from __future__ import annotations

import math
import tracemalloc
from fractions import Fraction
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import fieldscope
from fieldscope.frontends.torch import zoo
from tests.networks import published

HALF = Fraction(1, 2)

# torchvision's name, layer (its last map), extent of the input, size, stride.
NETWORKS = [
    ("resnet18", "layer4", 224, 435, 32),
    ("resnet50", "layer4", 224, 427, 32),
    ("vgg16", "features", 224, 212, 32),
    ("alexnet", "features", 224, 195, 32),
    ("squeezenet1_0", "features", 224, 155, 16),
    ("googlenet", "inception5b", 224, 379, 32),
    ("mobilenet_v2", "features", 512, 491, 32),
]


@pytest.mark.parametrize(("name", "path", "extent", "size", "stride"), NETWORKS)
def test_networks_with_branches_and_dead_gradients(
    name: str, path: str, extent: int, size: int, stride: int
) -> None:
    model = zoo.build("torchvision", name)[0]
    layer = fieldscope.analyze(model, (1, 3, extent, extent))[path]
    assert (layer.size, layer.stride) == ((size, size), (stride, stride))


@pytest.mark.parametrize("extent", [56, 64, 225])
def test_the_input_does_not_cut_the_field(extent: int) -> None:
    model = zoo.build("torchvision", "vgg16")[0]
    layer = fieldscope.analyze(model, (1, 3, extent, extent + 32))["features"]
    assert (layer.size, layer.stride, layer.start) == ((212,) * 2, (32,) * 2, (-90,) * 2)


def test_dilation_counts() -> None:
    layer = fieldscope.analyze(nn.Conv2d(1, 1, 3, dilation=4), (1, 1, 20, 24)).output
    assert layer.size == (9, 9)


def test_the_centre_of_a_dilated_window_lies_between_its_ends() -> None:
    layer = fieldscope.analyze(nn.Conv1d(1, 1, 3, dilation=2), (1, 1, 20)).output
    (box,) = layer.box((0,), clip=False)
    assert (box.start + box.stop) / 2 == 2.5  # in half-pixel coordinates


def test_a_transposed_window_and_a_window() -> None:
    net = nn.Sequential(nn.ConvTranspose2d(1, 1, 4, 2, 1), nn.Conv2d(1, 1, 3, padding=1))
    layer = fieldscope.analyze(net, (1, 1, 10, 12)).output
    assert (layer.size, layer.stride) == ((3, 3), (HALF, HALF))


class Up(nn.Module):
    """A window, twice the extents, another window."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how
        self.first = nn.Conv2d(1, 4, 3, padding=1)
        self.up: nn.Module = nn.Upsample(scale_factor=2)
        if how == "shuffle":
            self.up = nn.PixelShuffle(2)
        self.last = nn.Conv2d(1 if how == "shuffle" else 4, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        x = functional.interpolate(x, scale_factor=2) if self.how == "call" else self.up(x)
        y: Tensor = self.last(x)
        return y


@pytest.mark.parametrize("how", ["module", "call", "shuffle"])
def test_upsampling_between_windows(how: str) -> None:
    layer = fieldscope.analyze(Up(how), (1, 1, 10, 12)).output
    # Position 0 reads -1, 0, 1 of the upsampled map: those lie at -1, 0, 0.
    assert layer.size == (4, 4)
    assert layer.stride == (HALF, HALF)
    assert layer.phases == (((-2, 2), (-1, 3)),) * 2


class SmallUNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.down, self.middle = nn.Conv2d(1, 2, 3, padding=1), nn.Conv2d(2, 2, 3, padding=1)
        self.up, self.last = nn.ConvTranspose2d(2, 2, 2, 2), nn.Conv2d(4, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        skip = self.down(x)
        up = self.up(self.middle(functional.max_pool2d(skip, 2)))
        y: Tensor = self.last(torch.cat([up, skip], 1))
        return y


def test_a_small_u_net_has_a_period_of_two() -> None:
    layer = fieldscope.analyze(SmallUNet(), (1, 1, 32, 48)).output
    assert layer.size == (10, 10)
    assert layer.stride == (1, 1)
    assert layer.period == (2, 2)
    # Around the position [-5, +4] at even ones, [-4, +5] at odd ones.
    assert layer.phases == (((-5, 5), (-4 + 1, 6 + 1)),) * 2
    assert layer.narrowest == (5, 5)


def test_shifted_branches_reach_from_the_first_to_the_last() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Conv1d(1, 1, 3), nn.Conv1d(1, 1, 3)

        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self.a(x[..., 4:]) + self.b(x[..., :-4])
            return y

    layer = fieldscope.analyze(Net(), (1, 1, 30)).output
    assert (layer.size, layer.start, layer.narrowest) == ((7,), (0,), (3,))


def test_behind_a_mean_the_field_is_global() -> None:
    model = zoo.build("torchvision", "mnasnet1_0")[0]
    layer = fieldscope.analyze(model, (1, 3, 224, 224)).output
    assert (layer.size, layer.is_global) == ((math.inf,) * 2, (True, True))


def test_axes_keep_their_order() -> None:
    layer = fieldscope.analyze(nn.Conv2d(1, 1, (3, 5)), (1, 1, 20, 30)).output
    assert layer.size == (3, 5)
    assert fieldscope.analyze(nn.Conv2d(1, 1, (3, 5)), (1, 1, 20, 30)).inputs[0].axes == ("y", "x")


def test_three_flat_windows() -> None:
    net = nn.Sequential(*(nn.Conv2d(1, 1, (3, 9)) for _ in range(3)))
    report = fieldscope.analyze(net, (1, 1, 30, 40))
    assert [layer.size for layer in report.layers] == [(3, 9), (5, 17), (7, 25)]


def test_a_size_counts_elements_not_steps() -> None:
    net = nn.Sequential(
        nn.Conv2d(1, 1, (5, 3), (3, 2)),
        nn.Conv2d(1, 1, (5, 3), 2),
        nn.Conv2d(1, 1, 3, padding=1),
        nn.Conv2d(1, 1, 3),
    )
    layer = fieldscope.analyze(net, (1, 1, 60, 90)).output
    assert layer.size == (41, 23)
    sizes = [box.stop - box.start for box in layer.box((2, 4), clip=False)]
    assert sizes == [41, 23]


@pytest.mark.parametrize(("kernel", "stacks", "dilations"), [(2, 1, 4), (3, 2, 3), (5, 1, 2)])
def test_temporal_convolutional_networks(kernel: int, stacks: int, dilations: int) -> None:
    rates = tuple(2**i for i in range(dilations))
    layer = fieldscope.analyze(published.tcn(kernel, rates, stacks), (1, 1, 300)).output
    size = 1 + 2 * (kernel - 1) * stacks * sum(rates)
    assert (layer.size, layer.start) == ((size,), (1 - size,))


# What made other tools stop.


def test_functional_windows_in_the_forward() -> None:
    def net(x: Tensor) -> Tensor:
        x = functional.conv2d(x, torch.ones(2, 1, 3, 3))
        return functional.max_pool2d(functional.hardswish(x), 3, 2)

    layer = fieldscope.analyze(net, (1, 1, 12, 14)).output
    assert (layer.size, layer.stride) == ((5, 5), (2, 2))


def test_chunks_of_the_channels() -> None:
    model = zoo.build("torchvision", "shufflenet_v2_x1_0")[0]
    layer = fieldscope.analyze(model, (1, 3, 224, 224))["conv5"]
    assert layer.exact
    assert layer.stride == (32, 32)


def test_a_name_inside_another_name() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.conv1 = nn.Conv1d(1, 1, 3), nn.Conv1d(1, 1, 5)
            self.preconv = nn.Conv1d(1, 1, 2)

        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self.conv1(self.conv(self.preconv(x)))
            return y

    report = fieldscope.analyze(Net(), (1, 1, 20))
    assert [report[name].size for name in ("preconv", "conv", "conv1")] == [(2,), (4,), (8,)]


def test_networks_of_a_fixed_size_and_attention() -> None:
    model, shape = zoo.build("torchvision", "vit_b_16")[:2]
    report = fieldscope.analyze(model, shape)
    assert report["conv_proj"].size == (16, 16)
    assert report["encoder.layers.encoder_layer_0"].is_global == (True, True)


def test_several_inputs() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Conv2d(1, 1, 3, padding=1), nn.Conv2d(1, 1, (1, 5), padding=(0, 2))

        def forward(self, image: Tensor, depth: Tensor) -> Tensor:
            y: Tensor = self.a(image) * self.b(depth)
            return y

    layer = fieldscope.analyze(Net(), ((1, 1, 8, 9), (1, 1, 8, 9))).output
    assert {name: field.size for name, field in layer.fields.items()} == {
        "image": (3, 3),
        "depth": (1, 5),
    }


def test_deep_graphs_do_not_recurse() -> None:
    def deep(x: Tensor) -> Tensor:
        for _ in range(3000):
            x = x + 1
        return x

    assert fieldscope.analyze(deep, (1, 1, 9)).output.size == (1,)


@pytest.mark.parametrize("by_hand", [False, True])
def test_attention_scores_are_never_written_out(by_hand: bool) -> None:
    def attend(x: Tensor) -> Tensor:
        if not by_hand:
            return functional.scaled_dot_product_attention(x, x, x)
        return (x @ x.transpose(1, 2)).softmax(2) @ x

    count = 16384  # 2 GiB for as many scores, at 8 bytes each
    tracemalloc.start()
    try:
        layer = fieldscope.analyze(attend, (1, count, 2), axes=(1,)).output
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert layer.is_global == (True,)
    assert peak < 64e6


OPERATORS: dict[str, Any] = {
    "sigmoid": nn.Sigmoid(),
    "swish": nn.SiLU(),
    "mish": nn.Mish(),
    "prelu": nn.PReLU(),
    "dropout": nn.Dropout2d(),
    "batch norm": nn.BatchNorm2d(2),
    "depthwise": nn.Conv2d(2, 2, 1, groups=2),
    "channels last": lambda x: x.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2),
}


@pytest.mark.parametrize("name", OPERATORS)
def test_operators_that_read_their_own_position_only(name: str) -> None:
    layer = fieldscope.analyze(OPERATORS[name], (1, 2, 8, 9)).output
    assert (layer.size, layer.stride, layer.start) == ((1, 1), (1, 1), (0, 0))
    assert layer.exact
