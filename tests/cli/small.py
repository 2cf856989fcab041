"""Small networks and images for the commands that look at single positions."""

from __future__ import annotations

NETS = """
import itertools

import torch
from torch import nn

def chain(width=4):
    return nn.Sequential(
        nn.Conv2d(1, width, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(width, 2, (3, 2), dilation=(4, 1)),
    )

def flat():
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(72, 5))

def volume():
    return nn.Sequential(nn.Conv3d(1, 1, 3), nn.Conv3d(1, 1, (1, 2, 3)))

def empty():
    return nn.Sequential(nn.Conv2d(1, 2, 3, device="meta"))

class Stream(nn.Module):
    def __init__(self):
        super().__init__()
        self.slow, self.fast = nn.Conv1d(1, 2, 9, stride=4), nn.Conv1d(2, 2, 2)

    def forward(self, audio):
        return self.fast(self.slow(audio))

class Stereo(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.other = nn.Conv2d(3, 4, 5, 2, 2), nn.Conv2d(3, 4, (3, 5), 2, (1, 2))

    def forward(self, left, right):
        return torch.cat([self.one(left), self.other(right)], 1)

class Branches(nn.Module):
    def __init__(self):
        super().__init__()
        self.narrow, self.wide = nn.Conv1d(1, 2, 3, padding=1), nn.Conv1d(1, 2, 7, padding=3)

    def forward(self, x):
        return torch.cat([self.narrow(x), self.wide(x)], 1)

class Gate(nn.Module):
    def forward(self, x):
        return x * x.mean((2, 3), keepdim=True).sigmoid()

class Attentive(nn.Module):
    def __init__(self):
        super().__init__()
        for name in ("first", "second", "third"):
            block = nn.Sequential(nn.Conv2d(1, 1, 3, padding=1), Gate())
            self.add_module(f"a_block_with_squeeze_and_excitation_{name}", block)

    def forward(self, x):
        for block in self.children():
            x = block(x)
        return x

class Unknown(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3)

    def forward(self, x):
        return torch.linalg.svdvals(self.conv(x))

class Router(nn.Module):
    def __init__(self):
        super().__init__()
        self.near, self.far = nn.Conv2d(1, 2, 3), nn.Conv2d(1, 2, 5)

    def forward(self, x):
        return self.near(x) * 2 if x.sum() > 0 else self.far(x)

class Talking(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3)

    def forward(self, x):
        print("hello from forward")
        return self.conv(x)

class Lying(nn.Module):
    '''Reads another column at each call, and so not what the analysis has seen.'''

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3)
        self.calls = itertools.count(1)

    def forward(self, x):
        return self.conv(x).roll(next(self.calls), -1)
"""
