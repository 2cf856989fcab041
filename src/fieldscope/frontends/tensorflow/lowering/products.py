"""Matrix products and einsum."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fieldscope.frontends.lowering.products import COLUMN, INNER, LEAD, ROW, contracted
from fieldscope.frontends.lowering.program import Call, Tensor
from fieldscope.frontends.tensorflow.lowering.registry import lowers
from fieldscope.frontends.tensorflow.node import Node


def _product(call: Call, a: Tensor, b: Tensor, *, turned_a: bool, turned_b: bool) -> int:
    """Rows of a times columns of b; axes in front broadcast."""
    count = len(call.shape) - 2
    lead = tuple(range(LEAD, LEAD + count))
    left = (INNER, ROW) if turned_a else (ROW, INNER)
    right = (COLUMN, INNER) if turned_b else (INNER, COLUMN)
    factors = [
        (a, (*lead[count - (a.ndim - 2) :], *left)),
        (b, (*lead[count - (b.ndim - 2) :], *right)),
    ]
    return contracted(call, factors, (*lead, ROW, COLUMN))


@lowers("MatMul", "SparseMatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3")
def matrix_product(call: Call, node: Node, a: Tensor, b: Tensor) -> int:
    """Row i of a, column j of b."""
    names = (
        ("adj_x", "adj_y")
        if node.operation.type.startswith("Batch")
        else ("transpose_a", "transpose_b")
    )
    return _product(call, a, b, turned_a=node[names[0]], turned_b=node[names[1]])


@lowers("Einsum")
def einsum(call: Call, node: Node, *operands: Tensor) -> Any:
    """A sum of products by labels."""
    labels = labels_of(node.text("equation"), [one.ndim for one in operands], len(call.shape))
    if labels is None:
        return call.opaque(operands, "its equation has a diagonal")
    *given, result = labels
    return contracted(call, list(zip(operands, given, strict=True)), result)


def labels_of(equation: str, ranks: Sequence[int], result: int) -> list[tuple[int, ...]] | None:
    """The labels of operands and result; None where one has a label twice.

    Example:
        >>> labels_of("ab,bc->ac", [2, 2], 2)
        [(97, 98), (98, 99), (97, 99)]
        >>> labels_of("...b,b->...", [3, 1], 2)
        [(1000, 1001, 98), (98,), (1000, 1001)]
    """
    left, _, right = equation.replace(" ", "").partition("->")
    found = []
    most = max(
        (
            rank - len(term.replace("...", ""))
            for term, rank in zip(left.split(","), ranks, strict=True)
            if "..." in term
        ),
        default=0,
    )
    for term, rank in zip([*left.split(","), right], [*ranks, result], strict=True):
        before, dots, after = term.partition("...")
        count = rank - len(before) - len(after) if dots else 0
        shared = tuple(range(1000 + most - count, 1000 + most))
        labels = (*map(ord, before), *shared, *map(ord, after))
        if len(set(labels)) < len(labels):
            return None
        found.append(labels)
    return found


@lowers("Cross")
def cross(call: Call, node: Node, a: Tensor, b: Tensor) -> int:
    """All three elements of the last axis of both."""
    return call.mix(call.pointwise(a, b), (len(call.shape) - 1,))
