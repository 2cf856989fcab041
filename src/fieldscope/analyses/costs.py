"""What a layer costs: multiply-accumulates and learnable parameters.

A multiply-accumulate is one product that is added to a sum. Counted are those of convolutions,
transposed convolutions and products of matrices, as is usual in the field; norms, activations,
pooling and resizing cost none. Nothing is run: the counts follow from the graph's shapes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from fieldscope.analyses.layers import Report
from fieldscope.errors import InputError
from fieldscope.graph.graph import Graph, Node, Shape
from fieldscope.graph.operators import Contract, Operator, Spread, Window
from fieldscope.graph.trace import Trace


@dataclass(frozen=True, slots=True)
class Cost:
    """What a layer costs for one input of the analysed shape, batch included.

    Attributes:
        macs: multiply-accumulates.
        parameters: learnable parameters; shared ones count with the first layer that uses them.
    """

    macs: int
    parameters: int


def costs_of(report: Report) -> dict[str, Cost]:
    """The cost of each layer, by name.

    Where the front end doesn't tell the parameters, they are those of kernels and matrices that
    the graph shows, without biases and norms (`are_counted` says which).

    Raises:
        InputError: the report was not made by an analysis.
    """
    trace = trace_of(report)
    macs: dict[str, int] = {}
    weights: dict[str, int] = {}
    for owner, node in zip(trace.owners(), trace.graph.nodes, strict=True):
        products, kernel = products_of(trace.graph, node)
        if products:
            macs[owner] = macs.get(owner, 0) + products
            weights[owner] = weights.get(owner, 0) + kernel
    known = weights if trace.parameters is None else trace.parameters
    return {
        layer.name: Cost(macs.get(layer.name, 0), known.get(layer.name, 0))
        for layer in report.layers
    }


def are_counted(report: Report) -> bool:
    """Whether all parameters are known; else those of kernels and matrices are."""
    return trace_of(report).parameters is not None


def trace_of(report: Report) -> Trace:
    """The trace that a report was made from.

    Raises:
        InputError: the report was not made by an analysis.
    """
    if report._trace is None:
        raise InputError(
            "the report was not made by an analysis, so it holds no graph to follow\n"
            "analyse the model with fieldscope.analyze"
        )
    return report._trace


def products_of(graph: Graph, node: Node) -> tuple[int, int]:
    """The multiply-accumulates of a node, and the elements of its kernel or matrix.

    A window over c channels of its group takes c·Π kernel products for each element of its
    result; a transposed one spends as many on each element of its operand. A product of
    matrices takes one for each combination of its labels (einsum).

    Example:
        >>> from fieldscope.geometry.sliding import Sliding
        >>> from fieldscope.graph.graph import GraphBuilder
        >>> from fieldscope.graph.operators import Channels
        >>> builder = GraphBuilder()
        >>> x = builder.input((1, 4, 10))
        >>> window = Window((2,), (Sliding(3),), Channels(axis=1, groups=2))
        >>> y = builder.add(window, (x,), (1, 6, 8))
        >>> graph = builder.build()
        >>> products_of(graph, graph.nodes[y])
        (288, 36)
    """
    return products(node.operator, [graph.shape(value) for value in node.operands], node.shape)


def products(operator: Operator, given: Sequence[Shape], shape: Shape) -> tuple[int, int]:
    """The multiply-accumulates of an operator on shapes, and the elements of its kernel or matrix.

    Args:
        operator: the operator.
        given: shapes of its operands.
        shape: shape of its result.
    """
    if isinstance(operator, (Window, Spread)) and operator.channels is not None:
        kernel = prod(window.kernel for window in operator.windows)
        axis, groups = operator.channels.axis, operator.channels.groups
        weights = given[0][axis] * shape[axis] // groups * kernel
        if isinstance(operator, Window):
            return prod(shape) * (given[0][axis] // groups) * kernel, weights
        return prod(given[0]) * (shape[axis] // groups) * kernel, weights
    if isinstance(operator, Contract):
        extents: dict[int, int] = dict(zip(operator.result, shape, strict=True))
        for labels, one in zip(operator.operands, given, strict=True):
            for label, extent in zip(labels, one, strict=True):
                extents[label] = max(extents.get(label, 1), extent)
        return _multiplied(operator, extents), _matrix(operator, extents)
    return 0, 0


def _multiplied(operator: Contract, extents: dict[int, int]) -> int:
    """Products of factors taken one after the other: scores first, then what they weigh."""
    first, *others = map(set, operator.operands)
    if not others:
        return prod(extents[label] for label in first | set(operator.result))
    total = 0
    for place, labels in enumerate(others):
        together = first | labels
        total += prod(extents[label] for label in together)
        first = together & set(operator.result).union(*others[place + 1 :])
    return total


def _matrix(operator: Contract, extents: dict[int, int]) -> int:
    """The elements of the constant factor, where there is one: it has the labels that change."""
    if len(operator.operands) > 1:
        return 0
    given = set(operator.operands[0])
    return prod(extents[label] for label in given ^ set(operator.result))
