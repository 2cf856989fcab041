"""What the boxes and the table of a network's drawing say."""

from __future__ import annotations

from torch import Tensor, nn

import fieldscope
from fieldscope.render.architecture.look import lines_of, work_of
from fieldscope.render.architecture.page import described
from fieldscope.render.layout import text
from tests.render.networks import resnet18, small


def test_a_box_says_what_it_is_and_sees() -> None:
    found = small()
    told = {box.name: [line.text for line in lines_of(box)] for box in found.boxes}
    assert told == {
        "input": ["input", "1×1×12×9"],
        "0.0": ["0.0", "convolution 3×3, stride 2×1 + relu", "field 3, stride 2×1", "1×4×5×7"],
        "1": [
            "1",
            "convolution 3×5, dilation 1×2",
            "field 7×11, stride 2×1",
            "1×4×5×3",
            "partly critical",
        ],
        "output": ["output", "field 7×11, stride 2×1", "1×4×5×3"],
    }


def test_a_folded_box_counts_the_verdicts_inside() -> None:
    told = {box.name: lines_of(box)[-1].text for box in resnet18(depth=1).boxes}
    assert told["layer1"] == "1×64×8×8"
    assert told["layer2"] == "2 critical of 4 widening layers"
    assert told["layer4"] == "2 unproductive and 2 critical of 4 widening layers"


def test_a_transposed_convolution_is_called_so() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ConvTranspose2d(2, 1, (2, 3), stride=2))
    told = [work_of(box) for box in fieldscope.architecture(net, (1, 1, 9, 12)).boxes]
    assert told == ["", "convolution 3×3", "transposed convolution 2×3, stride 2", ""]


def test_the_boxes_are_a_table() -> None:
    page = text(described(resnet18(depth=1)), 100)
    assert "layer4" in page
    assert "2 unproductive and 2 critical of 4 widening layers" in page
    assert "containers are folded at depth 1 (--depth)" in page
    assert "3 layers unproductive and 6 layers critical or partly so at n" in page
    assert repr(small()).startswith("Sequential  input 1×1×12×9\n")


def test_the_table_gives_alike_blocks_from_the_first_to_the_last() -> None:
    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(2, 2, 3, padding=1)

        def forward(self, x: Tensor) -> Tensor:
            seen: Tensor = self.conv(x)
            return x + seen

    net = nn.Sequential(nn.Conv2d(1, 2, (5, 3)), nn.Sequential(*(Block() for _ in range(4))))
    page = text(described(fieldscope.architecture(net, (1, 1, 40, 48), depth=2)), 80)
    assert page.splitlines()[2:6] == [
        "box         holds                   size  narrowest  stride  verdict",
        "─" * 71,
        "0           convolution 5×3          5×3        5×3       1  productive",
        "1.0 … 3 ×4  Block            7×5 … 13×11        5×3       1  productive",
    ]


def test_the_table_has_columns_for_every_input() -> None:
    b = fieldscope.Builder("two")
    left, right = b.input((1, 1, 9, 12), name="left"), b.input((1, 1, 9, 12), name="right")
    b.add(b.conv(left, 3, padding=1, name="wide"), right, name="join")
    page = text(described(fieldscope.architecture(b)), 70)
    assert page.splitlines()[2:7] == [
        "      ───────── left ────────  ──────── right ────────",
        "box   size  narrowest  stride  size  narrowest  stride  verdict",
        "─" * 68,
        "wide     3          3       1  none          –       –  productive",
        "join     3          3       1     1          1       1  not widening",
    ]
