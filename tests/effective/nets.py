"""Networks and photographs that the tests of effective fields share."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn


def line(*kernels: list[float], stride: int = 1) -> nn.Sequential:
    """A chain of convolutions of one channel over one axis, with these weights."""
    convolutions = []
    for kernel in kernels:
        conv = nn.Conv1d(1, 1, len(kernel), stride=stride, bias=False)
        conv.weight = nn.Parameter(torch.tensor(kernel).reshape(1, 1, -1))
        convolutions.append(conv)
    return nn.Sequential(*convolutions)


def even_chain(count: int, *, seed: int, channels: int = 16, axes: int = 2) -> nn.Sequential:
    """Convolutions of 3 without activations, whose random weights keep the variance."""
    kind = {1: nn.Conv1d, 2: nn.Conv2d}[axes]
    generator = torch.Generator().manual_seed(seed)
    chain = nn.Sequential(
        *(kind(1 if k == 0 else channels, channels, 3, bias=False) for k in range(count))
    )
    for conv in chain:
        assert isinstance(conv, (nn.Conv1d, nn.Conv2d))
        weights = torch.randn(conv.weight.shape, generator=generator)
        fan = math.prod(conv.weight.shape[1:])
        conv.weight = nn.Parameter(weights / math.sqrt(fan))
    return chain


def photographs(folder: Path, *sizes: tuple[int, int], seed: int = 0) -> Path:
    """A folder of pictures of random pixels, each of (rows, columns)."""
    random = np.random.default_rng(seed)
    folder.mkdir(exist_ok=True)
    for number, (rows, columns) in enumerate(sizes):
        pixels = random.integers(0, 256, (rows, columns, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return folder
