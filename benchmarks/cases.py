"""Networks on which tools disagree, each cut off at the map that is asked about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from fieldscope.frontends.torch.torchvision_ops import import_torchvision

Shape = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Case:
    """A network whose output's field is asked for.

    Attributes:
        name: how the page calls it.
        build: makes it, in eval mode, with random weights.
        shape: of the input that tools are given.
        roomy: of an input in which no field of the map's middle is cut off,
            where the one above is smaller than that.
    """

    name: str
    build: Callable[[], nn.Module]
    shape: Shape
    roomy: Shape | None = None


class SmallUNet(nn.Module):
    """One level down, one up, and across."""

    def __init__(self) -> None:
        super().__init__()
        self.before = nn.Conv2d(1, 2, 3, padding=1)
        self.down = nn.MaxPool2d(2)
        self.middle = nn.Conv2d(2, 2, 3, padding=1)
        self.up = nn.ConvTranspose2d(2, 2, kernel_size=2, stride=2)
        self.after = nn.Conv2d(4, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.before(x)
        y: Tensor = self.after(torch.cat([self.up(self.middle(self.down(x))), x], dim=1))
        return y


class Shifted(nn.Module):
    """Two windows side by side, four elements apart."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.other = nn.Conv2d(1, 1, 3), nn.Conv2d(1, 1, 3)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.one(x[..., 4:]) + self.other(x[..., :-4])
        return y


class Classifier(nn.Module):
    """A window, the mean over the map, and a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.features, self.head = nn.Conv2d(3, 8, 3, padding=1), nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.head(self.features(x).mean((2, 3)))
        return y


def _around(up: nn.Module, channels: int) -> nn.Sequential:
    """Put a window before and one behind."""
    return nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), up, nn.Conv2d(channels, 1, 3, padding=1))


def _nearest() -> nn.Module:
    return nn.Upsample(scale_factor=2)


def _whole(name: str, **options: Any) -> nn.Module:
    model: nn.Module = import_torchvision().models.get_model(name, weights=None, **options)
    return model


def _until(name: str, last: str, **options: Any) -> nn.Sequential:
    """The children of a network of torchvision up to one of them, in a row."""
    kept: list[nn.Module] = []
    for child, module in _whole(name, **options).named_children():
        kept.append(module)
        if child == last:
            break
    return nn.Sequential(*kept)


def _features(name: str) -> nn.Module:
    return _whole(name).get_submodule("features")


def _convolution(y: int, x: int, *, dilation: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(1, 1, (y, x), dilation=dilation))


def _transposed() -> nn.Sequential:
    return nn.Sequential(
        nn.ConvTranspose2d(1, 1, kernel_size=4, stride=2, padding=1),
        nn.Conv2d(1, 1, 3, padding=1),
    )


def _googlenet() -> nn.Sequential:
    return _until("googlenet", "inception5b", aux_logits=False, init_weights=False)


_SMALL: Shape = (1, 1, 32, 32)
_MIDDLE: Shape = (1, 3, 448, 448)
_LARGE: Shape = (1, 3, 704, 704)

# Of torchvision's networks the last map is asked for.
CASES: tuple[Case, ...] = (
    Case("ResNet-18", lambda: _until("resnet18", "layer4"), _LARGE),
    Case("ResNet-50", lambda: _until("resnet50", "layer4"), _LARGE),
    Case("VGG16", lambda: _features("vgg16"), _MIDDLE),
    Case("AlexNet", lambda: _features("alexnet"), _MIDDLE),
    Case("SqueezeNet 1.0", lambda: _features("squeezenet1_0"), _MIDDLE),
    Case("GoogLeNet", _googlenet, _LARGE),
    Case("MobileNetV2 on 512 pixels", lambda: _features("mobilenet_v2"), (1, 3, 512, 512), _LARGE),
    Case("convolution 3, dilation 4", lambda: _convolution(3, 3, dilation=4), _SMALL),
    Case("convolution 3×5", lambda: _convolution(3, 5), _SMALL),
    Case("transposed convolution 4/2, convolution 3", _transposed, _SMALL),
    Case("convolution 3, upsampling by 2, convolution 3", lambda: _around(_nearest(), 4), _SMALL),
    Case("the same with a pixel shuffle", lambda: _around(nn.PixelShuffle(2), 1), _SMALL),
    Case("small U-Net of one level", SmallUNet, _SMALL),
    Case("two convolutions 3, 4 apart along x, added", Shifted, _SMALL),
    Case("convolution 3, mean over the map, classifier", Classifier, (1, 3, 32, 32)),
)
