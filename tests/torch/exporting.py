"""Small networks, and their programs as torch.export writes them."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import torch
from torch import nn

import fieldscope
from fieldscope.analyses.layers import Layer
from fieldscope.frontends.torch.exported import trace


def exported(model: nn.Module, *inputs: Any, **options: Any) -> Any:
    """A program of a model in eval mode."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch's own, of its own functions
        return torch.export.export(model.eval(), inputs, **options)


def core(program: Any) -> Any:
    """The program in PyTorch's core operators."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return program.run_decompositions()


def saved(program: Any, path: Path) -> Path:
    """The file of a program."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.export.save(program, path)
    return path


def differences(model: nn.Module, inputs: Any, program: Any) -> list[str]:
    """What the report of a program says otherwise than that of its model."""
    own = fieldscope.analyze(model, inputs)
    other = fieldscope.analyze(trace(program))
    found = []
    for kind in ("layers", "containers"):
        here = {layer.name: _told(layer) for layer in getattr(own, kind)}
        there = {layer.name: _told(layer) for layer in getattr(other, kind)}
        if list(here) != list(there):
            found.append(f"{kind}: {sorted(here.keys() ^ there.keys())}")
        found += [
            f"{name}: {here[name]} {there[name]}"
            for name in here
            if name in there and here[name] != there[name]
        ]
    if list(own.outputs) != list(other.outputs):
        found.append(f"outputs: {list(own.outputs)} {list(other.outputs)}")
    return found


def _told(layer: Layer) -> tuple[Any, ...]:
    middle = tuple(layer.shape[axis] // 2 for axis in layer.spatial)
    box = layer.box(middle) if middle else None
    return (layer.shape, layer.size, layer.stride, layer.start, layer.exact, layer.context, box)


class Down(nn.Module):
    """Two convolutions and a norm."""

    def __init__(self, axes: int, channels: int, out: int) -> None:
        super().__init__()
        convolution: Any = {2: nn.Conv2d, 3: nn.Conv3d}[axes]
        norm: Any = {2: nn.BatchNorm2d, 3: nn.InstanceNorm3d}[axes]
        self.first = convolution(channels, out, 3, padding=1)
        self.norm = norm(out)
        self.second = convolution(out, out, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """A block."""
        return torch.relu_(self.second(torch.relu(self.norm(self.first(x)))))


class UNet(nn.Module):
    """A U-Net of two levels with transposed convolutions."""

    def __init__(self, axes: int) -> None:
        super().__init__()
        pool: Any = {2: nn.MaxPool2d, 3: nn.AvgPool3d}[axes]
        up: Any = {2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}[axes]
        self.down = nn.ModuleList([Down(axes, 1, 4), Down(axes, 4, 6)])
        self.bottom = Down(axes, 6, 8)
        self.pool = pool(2)
        self.rise = nn.ModuleList([up(8, 6, 2, stride=2), up(6, 4, 2, stride=2)])
        self.up = nn.ModuleList([Down(axes, 12, 6), Down(axes, 8, 4)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Down, and up again."""
        kept = []
        for block in self.down:
            x = block(x)
            kept.append(x)
            x = self.pool(x)
        x = self.bottom(x)
        for rise, block in zip(self.rise, self.up, strict=True):
            x = block(torch.cat([rise(x), kept.pop()], dim=1))
        return x


class TCN(nn.Module):
    """A causal network of dilated convolutions on [batch channels time]."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Conv1d(3, 3, 3, dilation=2**k, padding=2 * 2**k) for k in range(4)
        )
        self.drop = nn.Dropout(0.1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Each layer looks back further."""
        for layer in self.layers:
            y = self.drop(torch.relu(layer(x)[..., : x.shape[-1]]))
            x = x + y
        return x
