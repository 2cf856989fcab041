"""Masks that hide products: which pairs of a contraction are known to be zero.

Where minus infinity is put in front of a softmax, or zero in front of a product, the values
that a score would be multiplied with aren't read either. `with_pairs` follows each mask to
the contraction behind it and writes the pairs that count into the operator.
"""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import NamedTuple

import numpy as np

from fieldscope.graph.graph import Graph, Node, Shape
from fieldscope.graph.operators import (
    BoolArray,
    Concat,
    Contract,
    Expand,
    Hidden,
    Mask,
    Mix,
    Pad,
    Pairs,
    Permute,
    Pointwise,
    Reshape,
    Slice,
)

LARGEST = 1 << 24
"""Masks of more elements than this aren't written out to be reshaped."""


UNFOLLOWED = "its mask can't be followed through the operators in between"

PASSING = (Mask, Pointwise, Mix, Expand, Permute, Reshape, Concat, Slice, Pad)
"""Operators behind which an element may still be a constant of a mask."""


class _Known(NamedTuple):
    """Which elements of a value count, broadcasting to it, and what the others hold."""

    keep: BoolArray
    hidden: Hidden


def with_pairs(graph: Graph) -> Graph:
    """The graph with the pairs that count written into its contractions."""
    if not any(isinstance(n.operator, Mask) and n.operator.hidden for n in graph.nodes):
        return graph
    known: dict[int, _Known] = {}
    lost: set[int] = set()
    nodes: list[Node] = []
    for value, node in enumerate(graph.nodes):
        operator = node.operator
        if isinstance(operator, Contract):
            if any(k in known for k in node.operands):
                node = replace(node, operator=_paired(graph, operator, node, known))
            elif len(node.operands) > 1 and any(k in lost for k in node.operands):
                node = replace(node, operator=replace(operator, bound=UNFOLLOWED))
        elif isinstance(operator, PASSING):
            found = _followed(graph, node, known)
            if found is not None:
                known[value] = found
            elif any(k in known or k in lost for k in node.operands):
                lost.add(value)
        nodes.append(node)
    return Graph(tuple(nodes))


def _followed(graph: Graph, node: Node, known: dict[int, _Known]) -> _Known | None:
    """What is known of a result, from what is known of its operand."""
    operator = node.operator
    before = known.get(node.operands[0]) if node.operands else None
    if (
        len(node.operands) > 1
        and not (
            isinstance(operator, Pointwise)
            # Alike for a whole row, as the maximum and the sum of a softmax by hand are.
            and all(graph.shape(k)[-1:] == (1,) for k in node.operands[1:])
        )
    ):
        before = None
    if isinstance(operator, Mask) and operator.hidden:
        keep = _ndim(operator.keep.array != 0, len(node.shape))
        if before is not None and before.hidden == operator.hidden:
            keep = keep & _ndim(before.keep, len(node.shape))
        return _Known(keep, operator.hidden)
    if before is None:
        return None
    match operator:
        case Expand():
            return _Known(_ndim(before.keep, len(node.shape)), before.hidden)
        case Pointwise(zero=zero, minus_infinity=minus_infinity):
            after = zero if before.hidden == "zero" else minus_infinity
            return _Known(_ndim(before.keep, len(node.shape)), after) if after else None
        case Mix(softmax=True) if before.hidden == "minus infinity":
            return _Known(before.keep, "zero")
        case Permute(order=order):
            return _Known(before.keep.transpose(order), before.hidden)
        case Reshape():
            regrouped = _reshaped(before.keep, graph.shape(node.operands[0]), node.shape)
            return None if regrouped is None else _Known(regrouped, before.hidden)
        case _:
            return None


def _ndim(keep: BoolArray, ndim: int) -> BoolArray:
    return keep.reshape((1,) * (ndim - keep.ndim) + keep.shape)


def _reshaped(keep: BoolArray, before: Shape, after: Shape) -> BoolArray | None:
    """A mask under another shape; compactly where only axes that it ignores change."""
    tail = 0
    while tail < min(len(before), len(after)) and before[-1 - tail] == after[-1 - tail]:
        tail += 1
    if prod(keep.shape[: keep.ndim - tail]) == 1:
        return _ndim(keep.reshape(keep.shape[keep.ndim - tail :]), len(after))
    if prod(before) > LARGEST:
        return None
    return np.broadcast_to(keep, before).reshape(after)


def _paired(graph: Graph, operator: Contract, node: Node, known: dict[int, _Known]) -> Contract:
    for labels, operand in zip(operator.operands, node.operands, strict=True):
        found = known.get(operand)
        if found is None or found.hidden != "zero" or len(operator.operands) < 2:
            continue
        varied = [axis for axis, extent in enumerate(found.keep.shape) if extent != 1]
        gone = [axis for axis in varied if labels[axis] not in operator.result]
        kept = [axis for axis in varied if labels[axis] in operator.result]
        if not gone:
            continue
        if len(gone) == 1 and len(kept) <= 1:
            others = tuple(axis for axis in range(found.keep.ndim) if axis not in (*kept, *gone))
            table = found.keep.squeeze(others)
            if not kept:  # hidden from every row alike
                rows = [a for a, label in enumerate(labels) if _is_row(operator, label)]
                if not rows:
                    continue
                kept = rows[-1:]
                table = np.broadcast_to(table, (graph.shape(operand)[kept[0]], *table.shape))
            elif kept[0] > gone[0]:
                table = table.T
            return replace(operator, pairs=Pairs.of(labels[kept[0]], labels[gone[0]], table))
        return replace(operator, bound="its mask differs along more than one axis")
    return operator


def _is_row(operator: Contract, label: int) -> bool:
    """Whether a label of the result comes from one operand only."""
    found = sum(label in labels for labels in operator.operands)
    return found == 1 and label in operator.result
