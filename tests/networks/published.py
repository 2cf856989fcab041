"""Published networks that no package here holds, as far as fields are concerned.

TF-Slim's are written down from github.com/tensorflow/models research/slim/nets
and hold what reads beyond its position: narrow, without 1x1 convolutions where
nothing depends on them.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class Same(nn.Module):
    """A window with TensorFlow's SAME padding, which puts the odd one behind."""

    def __init__(self, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 1, kernel, stride)
        self.kernel, self.stride = kernel, stride

    def forward(self, x: Tensor) -> Tensor:
        widths: list[int] = []
        for extent in reversed(x.shape[2:]):
            reach = (-(-extent // self.stride) - 1) * self.stride + self.kernel
            total = max(0, reach - extent)
            widths += [total // 2, total - total // 2]
        y: Tensor = self.conv(functional.pad(x, widths))
        return y


def window(kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> nn.Conv2d:
    """A convolution of one channel."""
    return nn.Conv2d(1, 1, kernel, stride, padding, dilation)


def chain(*windows: tuple[int, ...]) -> nn.Sequential:
    """Convolutions of (kernel, stride, padding, dilation), those at the end left out."""
    return nn.Sequential(*(window(*one) for one in windows))


def alexnet_v2() -> nn.Module:
    return nn.Sequential(
        window(11, 4),
        nn.MaxPool2d(3, 2),
        Same(5),
        nn.MaxPool2d(3, 2),
        *(Same(3) for _ in range(3)),
        nn.MaxPool2d(3, 2),
    )


def vgg_16() -> nn.Module:
    layers: list[nn.Module] = []
    for count in (2, 2, 3, 3, 3):
        layers += [*(nn.Sequential(Same(3), nn.ReLU()) for _ in range(count)), nn.MaxPool2d(2)]
    return nn.Sequential(*layers)


def mobilenet_v1() -> nn.Module:
    strides = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1)
    blocks = (nn.Sequential(Same(3, stride), window(1)) for stride in strides)
    return nn.Sequential(Same(3, 2), *blocks)


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 beside a shortcut; the stride in the 3x3 or in the first 1x1."""

    def __init__(self, stride: int = 1, *, first: bool = False) -> None:
        super().__init__()
        inner, outer = (1, stride) if first else (stride, 1)
        # conv2d_same of TF-Slim pads a strided window alike on both sides.
        self.body = nn.Sequential(window(1, outer), window(3, inner, 1), window(1))
        self.shortcut = window(1, stride)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.body(x) + self.shortcut(x))


def resnet_v1(*counts: int) -> nn.Module:
    """TF-Slim's: the stride in the last unit of a block; SAME max pooling."""
    layers: list[nn.Module] = [window(7, 2, 3), Same(3, 2)]
    for block, count in enumerate(counts):
        last = 2 if block < 3 else 1
        layers.append(nn.Sequential(*(Bottleneck() for _ in range(count - 1)), Bottleneck(last)))
    return nn.Sequential(*layers)


def resnet50_keras() -> nn.Module:
    """Keras's: the stride in the first 1x1 of a block's first unit."""
    layers: list[nn.Module] = [window(7, 2, 3), nn.MaxPool2d(3, 2, 1)]
    for block, count in enumerate((3, 4, 6, 3)):
        first = Bottleneck(2 if block else 1, first=True)
        layers.append(nn.Sequential(first, *(Bottleneck() for _ in range(count - 1))))
    return nn.Sequential(*layers)


class Branches(nn.Module):
    """Branches of one input, concatenated, and brought back to one channel."""

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)
        self.join = nn.Conv2d(len(branches), 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.join(torch.cat([branch(x) for branch in self.branches], 1))
        return y


def inception_v2() -> nn.Module:
    def mixed() -> nn.Module:
        double = nn.Sequential(Same(3), Same(3))
        return Branches(window(1), Same(3), double, nn.Sequential(Same(3), window(1)))

    def reduction() -> nn.Module:
        return Branches(Same(3, 2), nn.Sequential(Same(3), Same(3, 2)), Same(3, 2))

    return nn.Sequential(
        *(Same(7, 2), Same(3, 2), window(1), Same(3), Same(3, 2)),
        *(mixed(), mixed()),
        *(reduction(), mixed(), mixed(), mixed(), mixed()),
        *(reduction(), mixed(), mixed()),
    )


class Causal(nn.Module):
    """A 1-D convolution of what came before."""

    def __init__(self, kernel: int, dilation: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv1d(1, 1, kernel, dilation=dilation)
        self.reach = (kernel - 1) * dilation

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(functional.pad(x, (self.reach, 0)))
        return y


class TemporalBlock(nn.Module):
    """Two causal convolutions of the same dilation beside a shortcut (keras-tcn)."""

    def __init__(self, kernel: int, dilation: int) -> None:
        super().__init__()
        self.body = nn.Sequential(Causal(kernel, dilation), nn.ReLU(), Causal(kernel, dilation))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.body(x)
        return x + y


def wavenet() -> nn.Module:
    return nn.Sequential(Causal(2), *(Causal(2, 2**i) for i in range(10)))


def tcn(kernel: int, dilations: tuple[int, ...], stacks: int = 1) -> nn.Module:
    return nn.Sequential(*(TemporalBlock(kernel, d) for _ in range(stacks) for d in dilations))


def simple_vgg() -> nn.Module:
    layers: list[nn.Module] = []
    for _ in range(3):
        layers += [window(3), nn.ReLU(), window(3), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers)


def stem() -> nn.Module:
    return nn.Sequential(
        window(7, 2, 3), nn.BatchNorm2d(1), nn.ReLU(), nn.MaxPool2d(3, 2, 1), nn.AvgPool2d(3, 2, 1)
    )


def patchgan(layers: int) -> nn.Module:
    strides = [2] * layers + [1, 1]
    return nn.Sequential(
        *(nn.Sequential(window(4, s, 1), nn.LeakyReLU(0.2)) for s in strides[:-1]),
        window(4, strides[-1], 1),
    )
