"""The networks whose analysis is timed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from fieldscope.frontends.torch.torchvision_ops import import_torchvision


@dataclass(frozen=True, slots=True)
class Network:
    """A network to time.

    Attributes:
        name: how tables call it.
        build: makes it, with weights.
        shape: of its input, with batch.
        feature: path of the module whose output is its last feature map.
        channel: which axis of that map is the channel.
    """

    name: str
    build: Callable[[], nn.Module]
    shape: tuple[int, ...]
    feature: str
    channel: int = 1


class UNet3d(nn.Module):
    """A U-Net on volumes as in Çiçek et al., 2016 (arXiv 1606.06650).

    Two convolutions with batch norm at each of four levels, max pooling down,
    transposed convolutions up, concatenation across; padded here, so that the
    map leaves as large as it came.
    """

    def __init__(self, channels: int = 16, levels: int = 4) -> None:
        super().__init__()
        widths = [channels * 2**level for level in range(levels)]
        self.down = nn.ModuleList()
        before = 1
        for width in widths:
            self.down.append(_two_convolutions(before, width))
            before = width
        self.widen = nn.ModuleList()
        self.up = nn.ModuleList()
        for width in reversed(widths[:-1]):
            self.widen.append(nn.ConvTranspose3d(before, width, kernel_size=2, stride=2))
            self.up.append(_two_convolutions(2 * width, width))
            before = width
        self.head = nn.Conv3d(before, 3, kernel_size=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        across: list[torch.Tensor] = []
        for level, convolutions in enumerate(self.down):
            x = convolutions(nn.functional.max_pool3d(x, 2) if level else x)
            across.append(x)
        across.pop()
        for widen, convolutions in zip(self.widen, self.up, strict=True):
            x = convolutions(torch.cat([across.pop(), widen(x)], dim=1))
        result: torch.Tensor = self.head(x)
        return result


def _two_convolutions(before: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv3d(before, width, kernel_size=3, padding=1, bias=False),
        nn.BatchNorm3d(width),
        nn.ReLU(inplace=True),
        nn.Conv3d(width, width, kernel_size=3, padding=1, bias=False),
        nn.BatchNorm3d(width),
        nn.ReLU(inplace=True),
    )


def chain(length: int) -> nn.Sequential:
    """Make a plain chain of convolutions, to see how cost grows with length."""
    return nn.Sequential(*(nn.Conv2d(4, 4, kernel_size=3, padding=1) for _ in range(length)))


def _of_torchvision(name: str, feature: str, channel: int = 1) -> Network:
    def build() -> nn.Module:
        model: nn.Module = import_torchvision().models.get_model(name, weights=None)
        return model

    return Network(name, build, (1, 3, 224, 224), feature, channel)


VGG16 = _of_torchvision("vgg16", "features")

NETWORKS: tuple[Network, ...] = (
    _of_torchvision("resnet50", "layer4"),
    _of_torchvision("resnet152", "layer4"),
    _of_torchvision("densenet201", "features"),
    _of_torchvision("efficientnet_b0", "features"),
    _of_torchvision("convnext_tiny", "features"),
    _of_torchvision("swin_t", "features", channel=-1),
    _of_torchvision("vit_b_16", "encoder", channel=-1),
    Network("unet_3d", UNet3d, (1, 1, 32, 64, 64), "head"),
)
