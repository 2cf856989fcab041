"""The worked example of a front end in docs gives right fields, and is as short as promised."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

import fieldscope
from docs.examples import darknet

ROOT = Path(__file__).parents[2]

CFG = """
[net]
width=64
height=48
channels=3

[convolutional]
filters=8
size=3
stride=1
pad=1
activation=leaky

[maxpool]
size=2
stride=2

[convolutional]
batch_normalize=1
filters=4
size=1
stride=1
pad=1

[convolutional]
filters=8
size=3
stride=2
pad=1

[convolutional]
filters=8
size=3
stride=1
pad=1

[shortcut]
from=-2
"""


class InTorch(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.MaxPool2d(2))
        self.narrow = nn.Conv2d(8, 4, 1)
        self.down = nn.Conv2d(4, 8, 3, stride=2, padding=1)
        self.more = nn.Conv2d(8, 8, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.down(self.narrow(self.stem(x)))
        joined: torch.Tensor = x + self.more(x)
        return joined


def test_the_example_reads_a_network(tmp_path: Path) -> None:
    (tmp_path / "net.cfg").write_text(CFG)
    report = fieldscope.analyze(darknet.trace(tmp_path / "net.cfg"))
    expected = fieldscope.analyze(InTorch(), (1, 3, 48, 64))
    names = {
        "0.convolutional": "stem.0",
        "1.maxpool": "stem.1",
        "2.convolutional": "narrow",
        "3.convolutional": "down",
        "4.convolutional": "more",
        "5.shortcut": "add_1",
    }
    assert [layer.name for layer in report.layers] == list(names)
    for mine, theirs in names.items():
        one, other = report[mine], expected[theirs]
        assert (one.shape, one.size, one.stride) == (other.shape, other.size, other.stride)
        assert one.start == other.start


def test_an_operator_without_a_rule_is_a_bound(tmp_path: Path) -> None:
    (tmp_path / "net.cfg").write_text(CFG + "[softmax]\n")
    report = fieldscope.analyze(darknet.trace(tmp_path / "net.cfg"))
    assert [bound.operator for bound in report.bounds] == ["darknet.softmax"]


def test_the_example_is_short() -> None:
    lines = (ROOT / "docs" / "examples" / "darknet.py").read_text(encoding="utf-8").splitlines()
    assert len(lines) < 60
