"""Values, nodes and graphs: immutable, in execution order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fieldscope.graph.operators import Constant, Input, Operator

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Node:
    """One canonical operator applied to values; value i is the result of node i.

    `origin` indexes the front end's list of foreign operations; several nodes
    may come of one.
    """

    operator: Operator
    operands: tuple[int, ...]
    shape: Shape
    origin: int = -1


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes in execution order. A value is the index of the node that makes it."""

    nodes: tuple[Node, ...]

    def __len__(self) -> int:
        return len(self.nodes)

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)

    def shape(self, value: int) -> Shape:
        """Shape of a value."""
        return self.nodes[value].shape

    @property
    def inputs(self) -> tuple[int, ...]:
        """The values that are inputs, in the order of their index."""
        found = [
            (node.operator.index, value)
            for value, node in enumerate(self.nodes)
            if isinstance(node.operator, Input)
        ]
        return tuple(value for _, value in sorted(found))


class GraphBuilder:
    """Collects nodes; values are plain integers.

    Example:
        >>> from fieldscope.graph.operators import Reduce
        >>> builder = GraphBuilder()
        >>> x = builder.input((1, 3, 8, 8))
        >>> y = builder.add(Reduce(axes=(2, 3)), (x,), (1, 3))
        >>> builder.shape(y), len(builder.build())
        ((1, 3), 2)
    """

    __slots__ = ("_inputs", "_nodes", "origin")

    def __init__(self) -> None:
        self._nodes: list[Node] = []
        self._inputs = 0
        self.origin = -1

    def input(self, shape: Sequence[int]) -> int:
        """Add the next input."""
        value = self.add(Input(self._inputs), (), tuple(shape))
        self._inputs += 1
        return value

    def constant(self, shape: Sequence[int]) -> int:
        """Add a value that reads no input."""
        return self.add(Constant(), (), tuple(shape))

    def add(self, operator: Operator, operands: tuple[int, ...], shape: Shape) -> int:
        """Add a node and return its value."""
        nodes = self._nodes
        nodes.append(Node(operator, operands, shape, self.origin))
        return len(nodes) - 1

    def shape(self, value: int) -> Shape:
        """Shape of a value made so far."""
        return self._nodes[value].shape

    def operator(self, value: int) -> Operator:
        """Operator that made a value."""
        return self._nodes[value].operator

    def node(self, value: int) -> Node:
        """Node that made a value."""
        return self._nodes[value]

    def __len__(self) -> int:
        return len(self._nodes)

    def build(self) -> Graph:
        """Freeze what was collected."""
        return Graph(tuple(self._nodes))
