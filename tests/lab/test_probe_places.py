"""Where layers are read: behind norm, activation and sum, and never past a branch."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import fieldscope
from fieldscope.lab.probing.places import readings_of

SHAPE = (1, 4, 8, 8)


class Block(nn.Module):
    """A residual block with a shortcut of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.conv2, self.norm2 = nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.shortcut = nn.Conv2d(4, 4, 1)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self.relu(self.norm1(self.conv1(x)))
        summed: torch.Tensor = self.relu(self.norm2(self.conv2(out)) + self.shortcut(x))
        return summed


class Swish(nn.Module):
    """An activation that is made of two operators."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * torch.sigmoid(x)


class Gated(nn.Module):
    """A gate that looks at the whole map."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * x.mean((2, 3), keepdim=True)


class Branches(nn.Module):
    """An activation that only one of two branches sees."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.after = nn.Conv2d(4, 4, 3), nn.Conv2d(4, 4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv(x)
        joined: torch.Tensor = self.after(torch.relu(x)) + self.after(x)
        return joined


def place(net: nn.Module, layer: str) -> str:
    report = fieldscope.analyze(net, SHAPE)
    (reading,) = readings_of(report, [layer])
    return reading.places[0]


def test_a_residual_blocks_convolutions_are_read_where_the_next_layers_read_them() -> None:
    net = nn.Sequential(Block(), Block())
    assert place(net, "0.conv1") == "0.relu"
    assert place(net, "0.conv2") == "0.relu#2"
    assert place(net, "0.shortcut") == "0.relu#2"


@pytest.mark.parametrize(
    ("behind", "expected"),
    [
        ([nn.ReLU(), nn.MaxPool2d(2)], "1"),
        ([nn.BatchNorm2d(4), nn.Dropout(), nn.Hardswish(), nn.Conv2d(4, 4, 1)], "3"),
        ([nn.GroupNorm(2, 4), nn.GELU(), nn.Conv2d(4, 4, 1)], "2"),
        ([Swish(), nn.Conv2d(4, 4, 3)], "1.mul_1"),
        ([Gated(), nn.Conv2d(4, 4, 3)], "0"),
        ([nn.MaxPool2d(2), nn.ReLU()], "0"),
        ([nn.Conv2d(4, 4, 1), nn.ReLU()], "0"),
        ([nn.AdaptiveAvgPool2d(1), nn.ReLU()], "0"),
        ([], "0"),
    ],
    ids=lambda one: "-".join(type(part).__name__ for part in one) if isinstance(one, list) else one,
)
def test_a_layer_is_read_behind_what_changes_elements_where_they_are(
    behind: list[nn.Module], expected: str
) -> None:
    assert place(nn.Sequential(nn.Conv2d(4, 4, 3), *behind), "0") == expected


def test_a_layer_that_two_others_read_is_read_itself() -> None:
    assert place(Branches(), "conv") == "conv"


def test_what_the_model_returns_is_read_there_even_if_another_layer_reads_it() -> None:
    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(4, 4, 3)

        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            x = self.conv(x)
            return x, torch.relu(x)

    assert place(Both(), "conv") == "conv"


def test_axes_are_those_that_positions_stand_on() -> None:
    class Last(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.norm = nn.Conv2d(4, 6, 3), nn.LayerNorm(6)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            averaged: torch.Tensor = self.norm(self.conv(x).permute(0, 2, 3, 1)).mean((1, 2))
            return averaged

    report = fieldscope.analyze(Last(), SHAPE)
    (reading,) = readings_of(report, ["conv"])
    assert reading.places == ("norm", "permute_1", "conv")
    assert reading.axes == ((1, 2), (1, 2), (2, 3))
