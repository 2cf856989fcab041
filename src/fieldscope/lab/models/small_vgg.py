"""A small network in the manner of VGG, which trains from scratch within minutes."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn

from fieldscope.lab.models.head import head

BLOCKS = (64, 128, 256, 512)


class SmallVGG(nn.Module):
    """Four blocks of two 3×3 convolutions and a pooling, averaged, and a classifier.

    Every convolution is followed by batch norm, as in the batch-norm variants of VGG (Ioffe and
    Szegedy, "Batch Normalization", ICML 2015, arXiv 1502.03167): without it eight convolutions
    in a row learn from scratch only with a learning rate and weights chosen for the purpose, and
    the lab compares networks, not choices of these. It costs 3,840 of the 5.2 million weights.

    Attributes:
        features: the convolutions, `[n c y x]` to `[n 512 y/16 x/16]`.
        pool: the average over all positions.
        head: the classifier.

    Example:
        >>> SmallVGG(10)(torch.zeros(2, 3, 32, 32)).shape
        torch.Size([2, 10])
    """

    def __init__(self, classes: int, channels: int = 3) -> None:
        super().__init__()
        self.features = nn.Sequential(*_blocks(channels))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = head(BLOCKS[-1], classes)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Score the classes of images `[n c y x]`, as `[n class]`."""
        scores: torch.Tensor = self.head(self.pool(self.features(image)).flatten(1))
        return scores


def _blocks(channels: int) -> Iterator[nn.Module]:
    for width in BLOCKS:
        for entering in (channels, width):
            # Batch norm has a bias of its own.
            convolution = nn.Conv2d(entering, width, 3, padding=1, bias=False)
            nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
            yield from (convolution, nn.BatchNorm2d(width), nn.ReLU())
        yield nn.MaxPool2d(2)
        channels = width


def small_vgg(num_classes: int, channels: int = 3) -> SmallVGG:
    """Make a small VGG of about 5 million weights; `SmallVGG` tells of what.

    Args:
        num_classes: number of outputs.
        channels: of the images.

    >>> sum(weights.numel() for weights in small_vgg(10).parameters())
    5217738
    """
    return SmallVGG(num_classes, channels)
