"""The networks whose analysis is timed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

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


_KINDS: dict[int, tuple[Any, Any, Any, Any]] = {
    2: (nn.Conv2d, nn.ConvTranspose2d, nn.BatchNorm2d, nn.MaxPool2d),
    3: (nn.Conv3d, nn.ConvTranspose3d, nn.BatchNorm3d, nn.MaxPool3d),
}


class UNet(nn.Module):
    """A U-Net (arXiv 1505.04597), on volumes as in Çiçek et al., 2016 (arXiv 1606.06650).

    Two convolutions with batch norm at each of four levels, max pooling down,
    transposed convolutions up, concatenation across; padded here, so that the
    map leaves as large as it came.
    """

    def __init__(self, axes: int, channels: int = 16, levels: int = 4) -> None:
        super().__init__()
        conv, transposed, _, pool = _KINDS[axes]
        widths = [channels * 2**level for level in range(levels)]
        self.pool = pool(2)
        self.down = nn.ModuleList()
        before = 1
        for width in widths:
            self.down.append(_two_convolutions(axes, before, width))
            before = width
        self.widen = nn.ModuleList()
        self.up = nn.ModuleList()
        for width in reversed(widths[:-1]):
            self.widen.append(transposed(before, width, kernel_size=2, stride=2))
            self.up.append(_two_convolutions(axes, 2 * width, width))
            before = width
        self.head = conv(before, 3, kernel_size=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        across: list[torch.Tensor] = []
        for level, convolutions in enumerate(self.down):
            x = convolutions(self.pool(x) if level else x)
            across.append(x)
        across.pop()
        for widen, convolutions in zip(self.widen, self.up, strict=True):
            x = convolutions(torch.cat([across.pop(), widen(x)], dim=1))
        result: torch.Tensor = self.head(x)
        return result


def _two_convolutions(axes: int, before: int, width: int) -> nn.Sequential:
    conv, _, norm, _ = _KINDS[axes]
    return nn.Sequential(
        conv(before, width, kernel_size=3, padding=1, bias=False),
        norm(width),
        nn.ReLU(inplace=True),
        conv(width, width, kernel_size=3, padding=1, bias=False),
        norm(width),
        nn.ReLU(inplace=True),
    )


class TCN(nn.Module):
    """A temporal convolutional network (Bai et al., 2018, arXiv 1803.01271): causal, dilated.

    Each block has two convolutions that read nothing of the future, and a residual branch; the
    dilation doubles from block to block.
    """

    def __init__(self, inputs: int = 4, channels: int = 8, blocks: int = 5) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            _Causal(channels if block else inputs, channels, 2**block) for block in range(blocks)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for block in self.blocks:
            x = block(x)
        return x


class _Causal(nn.Module):
    def __init__(self, before: int, width: int, dilation: int) -> None:
        super().__init__()
        self.behind = 2 * dilation
        self.conv1 = nn.Conv1d(before, width, 3, padding=self.behind, dilation=dilation)
        self.conv2 = nn.Conv1d(width, width, 3, padding=self.behind, dilation=dilation)
        self.relu = nn.ReLU()
        self.match = nn.Conv1d(before, width, 1) if before != width else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.relu(self.conv1(x)[..., : -self.behind])
        y = self.relu(self.conv2(y)[..., : -self.behind])
        result: torch.Tensor = self.relu(y + self.match(x))
        return result


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
    Network("unet_3d", lambda: UNet(3), (1, 1, 32, 64, 64), "head"),
)
