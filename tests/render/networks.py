"""Networks whose drawings are looked at."""

from __future__ import annotations

from typing import Any

from torch import nn

import fieldscope
from fieldscope.frontends.torch.zoo import build


def resnet18(**options: Any) -> fieldscope.ArchitectureGraph:
    model, _ = build("torchvision", "resnet18")
    return fieldscope.architecture(model, (1, 3, 32, 32), **options)


def small(**options: Any) -> fieldscope.ArchitectureGraph:
    last = nn.Conv2d(4, 4, (3, 5), padding=(1, 2), dilation=(1, 2))
    net = nn.Sequential(nn.Sequential(nn.Conv2d(1, 4, 3, stride=(2, 1)), nn.ReLU()), last)
    return fieldscope.architecture(net, (1, 1, 12, 9), **options)
