"""Malformed graphs are told, node by node; graphs of real networks are well formed."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from fieldscope.errors import GraphError
from fieldscope.frontends.torch import zoo
from fieldscope.frontends.torch.trace import trace
from fieldscope.graph.text import parse_graph
from fieldscope.graph.verify import verify


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("%1 = Pointwise() %0 : 2x3x9", "don't broadcast"),
        ("%1 = Pointwise() : 2x3x8", "it needs an operand"),
        ("%1 = Input(index=1) %0 : 2x3x8", "it takes no operands"),
        ("%1 = Reshape() %0 : 2x3x9", "differ in number of elements"),
        ("%1 = Permute(order=(0, 2, 2)) %0 : 2x8x8", "doesn't turn"),
        ("%1 = Slice(axis=2, start=6) %0 : 2x3x3", "reads outside of axis 2"),
        ("%1 = Reduce(axes=(2,)) %0 : 2x3x1", r"it makes \(2, 3\)"),
        ("%1 = Concat(axis=2) %0 %0 : 2x3x15", "don't join"),
        ("%1 = Gather(axis=2, index=Indices([8])) %0 : 2x3x1", "reads outside"),
        ("%1 = Table(axis=2, lo=Indices([0]), hi=Indices([9])) %0 : 2x3x1", "reads outside"),
        ("%1 = Table(axis=2, lo=Indices([0]), hi=Indices([8])) %0 : 2x3x2", "1 runs"),
        ("%1 = Window(axes=(3,), windows=(Sliding(kernel=3),)) %0 : 2x3x6", "axes"),
        ("%1 = Window(axes=(2,), windows=(Sliding(kernel=3),)) %0 : 2x4x6", "turns"),
        ("%1 = Overwrite(axis=2, start=7) %0 %0 : 2x3x8", "it writes to"),
        ("%1 = Contract(operands=((0, 1),), result=(0,)) %0 : 2", "labels"),
        ("%1 = Mix(axes=(2,)) %0 %0 : 2x3x8", "takes one operand"),
    ],
)
def test_a_node_that_does_not_fit_is_named(line: str, message: str) -> None:
    with pytest.raises(GraphError, match=f"node %1.*{message}"):
        verify(parse_graph(f"%0 = Input(index=0) : 2x3x8\n{line}"))


class Everything(nn.Module):
    """Writes through slices, attends, resizes, gathers, scatters."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.attend = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv(x)
        y[:, :4, ::2] *= 2
        y = nn.functional.interpolate(y, scale_factor=1.5, mode="bilinear")
        tokens = self.attend(y.flatten(2).transpose(1, 2))
        tokens[:, [0, 2]] = tokens[:, [1, 3]]
        return torch.cat([tokens.cumsum(1), tokens.flip(1)], dim=-1)


def test_the_graph_of_a_traced_network_is_well_formed() -> None:
    verify(trace(Everything(), (1, 3, 8, 6)).graph)


@pytest.mark.parametrize("name", ["resnet18", "swin_t", "googlenet", "shufflenet_v2_x1_0"])
def test_the_graph_of_a_network_of_torchvision_is_well_formed(name: str) -> None:
    verify(trace(*zoo.build("torchvision", name, {})).graph)
