"""Photos whose classes need a field of known size, and networks of known weights to see them."""

from __future__ import annotations

import torch
from torch import nn

Batches = list[tuple[torch.Tensor, torch.Tensor]]


def dots(count: int, *, distances: tuple[int, int], width: int, seed: int) -> Batches:
    """Two dots on a line [n 1 width], one of two distances apart; that is their class."""
    generator = torch.Generator().manual_seed(seed)
    photos = torch.zeros(count, 1, width)
    labels = torch.arange(count) % 2
    longest = max(distances)
    for photo, label in zip(photos, labels, strict=True):
        first = int(torch.randint(longest, width - longest, (), generator=generator))
        photo[0, first] = photo[0, first - distances[int(label)]] = 1
    return batched(photos, labels)


def stripes(count: int, *, seed: int) -> Batches:
    """Stripes across or along, [n 1 8 8], as dark as light; that is their class."""
    generator = torch.Generator().manual_seed(seed)
    wave = torch.tensor([0.0, 1.0]).repeat(4)
    photos = torch.zeros(count, 1, 8, 8)
    labels = torch.arange(count) % 2
    for photo, label in zip(photos, labels, strict=True):
        shifted = wave.roll(int(torch.randint(2, (), generator=generator)))
        photo[0] = shifted.expand(8, 8) if label else shifted[:, None].expand(8, 8)
    return batched(photos, labels)


def batched(photos: torch.Tensor, labels: torch.Tensor, size: int = 16) -> Batches:
    """Cut photos into batches, the last of which may be smaller."""
    return list(zip(photos.split(size), labels.split(size), strict=True))


def searching(depth: int) -> nn.Sequential:
    """A chain of 3-wide windows whose layer k tells dots up to k apart from those further.

    Channel 0 moves the dots by one element in each layer, channel 1 keeps them where they are,
    and channel 2 stays on once both were at the same place: relu(moved + kept - 1 + 2 seen).
    """
    layers: list[nn.Module] = []
    for number in range(depth):
        conv = nn.Conv1d(1 if number == 0 else 3, 3, 3, padding=1)
        with torch.no_grad():
            conv.weight.zero_()
            assert conv.bias is not None
            conv.bias.copy_(torch.tensor([0.0, 0.0, -1.0]))
            moved, kept = (0, 0) if number == 0 else (0, 1)
            conv.weight[0, moved, 0] = conv.weight[1, kept, 1] = 1
            conv.weight[2, moved, 0] += 1
            conv.weight[2, kept, 1] += 1
            if number:
                conv.weight[2, 2, 1] = 2
        layers += [conv, nn.ReLU()]
    return nn.Sequential(*layers)


def edges() -> nn.Sequential:
    """A window that knows steps along x by their sign, its activation, and two more windows."""
    first = nn.Conv2d(1, 2, (1, 2), padding=(0, 1), bias=False)
    with torch.no_grad():
        first.weight.copy_(torch.tensor([[[[1.0, -1.0]]], [[[-1.0, 1.0]]]]))
    return nn.Sequential(first, nn.ReLU(), nn.AvgPool2d(2), nn.AvgPool2d(2))
