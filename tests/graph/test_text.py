"""The text form prints every operator and parses back to the same graph."""

from __future__ import annotations

import pytest
from torch import nn

from fieldscope.errors import GraphError
from fieldscope.frontends.torch.trace import trace
from fieldscope.geometry.sliding import Sliding
from fieldscope.graph.graph import Graph, Node
from fieldscope.graph.operators import (
    OPERATORS,
    Channels,
    Collect,
    Concat,
    Constant,
    Contract,
    Expand,
    Flip,
    Gather,
    Indices,
    Input,
    Mask,
    Mix,
    Opaque,
    Operator,
    Overwrite,
    Pad,
    Pairs,
    Periodic,
    Permute,
    Pointwise,
    Reduce,
    Reshape,
    Roll,
    Slice,
    Spread,
    Table,
    Window,
)
from fieldscope.graph.text import parse_graph, print_graph

ONE_OF_EACH: tuple[Operator, ...] = (
    Input(0),
    Constant(),
    Pointwise(),
    Window((2,), (Sliding(3, 2, 4, 1),), Channels(1, 2)),
    Spread((2, 3), (Sliding(2), Sliding(3, before=-1))),
    Table(1, Indices([0, 1]), Indices([2, 3]), Periodic(2, (0,), (2,))),
    Gather(2, Indices([[0, 1], [-1, 2]])),
    Collect(0, Indices([[0, -1]])),
    Mask(Indices([1, 0]), "minus infinity"),
    Mix((1, 2)),
    Reduce((2,), keep=True),
    Contract(((0, 1), (1, 2)), (0, 2), Pairs(0, 1, Indices([[1, 0], [1, 1]])), bound="why"),
    Reshape(),
    Reshape((0, -1, 1)),
    Permute((1, 0)),
    Slice(1, 4, 2),
    Flip((0,)),
    Roll(1, 3),
    Pad(2, 1, "reflect"),
    Concat(1),
    Expand(),
    Overwrite(1, 2, 3),
    Opaque("no 'lowering' = (known)"),
)


def test_the_examples_here_leave_no_operator_out() -> None:
    assert {type(operator) for operator in ONE_OF_EACH} == set(OPERATORS)


@pytest.mark.parametrize("operator", ONE_OF_EACH, ids=lambda operator: type(operator).__name__)
def test_an_operator_reads_back_as_it_was_written(operator: Operator) -> None:
    graph = Graph((Node(Input(0), (), (1, 3, 8)), Node(operator, (0, 0), (2, 5))))
    assert parse_graph(print_graph(graph)) == graph


def test_a_traced_network_reads_back_but_for_its_origins() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.PixelShuffle(2), nn.AvgPool2d(3, 2))
    text = print_graph(trace(net, (1, 3, 6, 8)).graph)
    assert print_graph(parse_graph(text)) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hello", "line 1 of the graph is not a node"),
        ("%1 = Constant() : 3", "wanted '%0 = Operator"),
        ("%0 = Pointwise() %0 : 3", "reads a value that comes later"),
        ("%0 = Missing() : 3", "line 1 of the graph"),
        ("%0 = Input(place=0) : 3", "unexpected keyword argument"),
        ("%0 = Input(index=open('x')) : 3", "line 1 of the graph"),
        ("%0 = Sliding(kernel=3) : 3", "is not an operator"),
    ],
)
def test_a_line_that_is_no_node_is_named(text: str, message: str) -> None:
    with pytest.raises(GraphError, match=message.replace("(", r"\(")):
        parse_graph(text)
