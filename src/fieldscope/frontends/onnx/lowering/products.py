"""Matrix products, einsum."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fieldscope.errors import ModelError
from fieldscope.frontends.lowering.call import ADDED, Call
from fieldscope.frontends.lowering.products import COLUMN, INNER, LEAD, ROW, Labels, contracted
from fieldscope.frontends.lowering.program import Tensor
from fieldscope.frontends.onnx.lowering.registry import lowers
from fieldscope.frontends.onnx.node import Node
from fieldscope.graph.graph import Shape


def summed(
    call: Call, node: Node, factors: Sequence[tuple[Tensor | int | None, Labels]], result: Labels
) -> int:
    """A sum of products, in which axes of extent 1 broadcast.

    Raises:
        ModelError: extents of one label differ.
    """
    extents: dict[int, int] = {}
    shapes: list[Shape] = []
    for factor, labels in factors:
        shape = call.shape_of(factor) if type(factor) is int else getattr(factor, "shape", ())
        shapes.append(shape)
        for label, extent in zip(labels, shape, strict=True):
            known = extents.setdefault(label, extent)
            if known == 1:
                extents[label] = extent
            elif extent not in (1, known):
                raise ModelError(
                    f"{node.what} multiplies axes of {known} and {extent} elements\n"
                    "check the shapes of the inputs against what the model takes"
                )
    used: list[tuple[Any, Labels]] = []
    for (factor, labels), shape in zip(factors, shapes, strict=True):
        if type(factor) is not int and not call.depends(factor):
            continue
        value = factor if type(factor) is int else call.value(factor)
        kept = [k for k, label in enumerate(labels) if shape[k] == extents[label]]
        used.append((call.continued(value, tuple(kept)), tuple(labels[k] for k in kept)))
    return contracted(call, used, result)


def _matrices(a: Tensor, b: Tensor) -> tuple[Labels, Labels, Labels]:
    """The labels of two operands of a matrix product and of its result, as in NumPy."""
    lead = tuple(range(LEAD, LEAD + max(a.ndim, b.ndim, 2) - 2))
    first = (*lead[len(lead) - max(a.ndim - 2, 0) :], ROW, INNER) if a.ndim > 1 else (INNER,)
    second = (*lead[len(lead) - max(b.ndim - 2, 0) :], INNER, COLUMN) if b.ndim > 1 else (INNER,)
    rows = (ROW,) if a.ndim > 1 else ()
    columns = (COLUMN,) if b.ndim > 1 else ()
    return first, second, (*lead, *rows, *columns)


@lowers("MatMul")
def matmul(call: Call, node: Node, a: Tensor, b: Tensor) -> int:
    """Row i of a, column j of b."""
    first, second, result = _matrices(a, b)
    return summed(call, node, [(a, first), (b, second)], result)


@lowers("MatMulInteger")
def integer_matmul(
    call: Call, node: Node, a: Tensor, b: Tensor, *zeros: Tensor | None
) -> int | tuple[int, ...]:
    """Row i of a, column j of b, and their zero points."""
    if any(call.depends(one) and one is not None and one.shape not in ((), (1,)) for one in zeros):
        return call.opaque([a, b, *zeros], "its zero points depend on the input")
    return call.pointwise(matmul(call, node, a, b), *zeros)


def _blank(shape: Shape) -> Any:
    return np.broadcast_to(np.int8(0), shape)


@lowers("QLinearMatMul")
def quantised_matmul(
    call: Call, node: Node, a: Tensor, scale: Tensor, zero: Tensor, b: Tensor, *rest: Tensor
) -> int | tuple[int, ...]:
    """Row i of a, column j of b."""
    if any(call.depends(one) for one in (scale, zero, *rest)):
        return call.opaque([a, scale, zero, b, *rest], "its scales depend on the input")
    found: int = matmul(call, node, a, b)
    return found


def _product_shapes(
    node: Node, a: Tensor, b: Tensor, *scales: Tensor | None
) -> list[tuple[Shape, str]]:
    shape = np.matmul(_blank(a.shape), _blank(b.shape)).shape
    return [(shape, scales[0].dtype if scales and scales[0] is not None else "")]


@lowers("com.microsoft.MatMulIntegerToFloat", shapes=_product_shapes)
def scaled_matmul(
    call: Call, node: Node, a: Tensor, b: Tensor, *rest: Tensor | None
) -> int | tuple[int, ...]:
    """Row i of a, column j of b, their scales and zero points, and a bias."""
    scales, bias = rest[:4], rest[4:]
    if any(call.depends(one) and one is not None and one.shape not in ((), (1,)) for one in scales):
        return call.opaque([a, b, *rest], "its scales depend on the input")
    return call.pointwise(matmul(call, node, a, b), *scales, *bias)


@lowers("com.microsoft.DynamicQuantizeMatMul", shapes=_product_shapes)
def ranged_matmul(
    call: Call, node: Node, a: Tensor, b: Tensor, *rest: Tensor | None
) -> int | tuple[int, ...]:
    """Row i of a, column j of b, and the range of all of a, which it is quantised by."""
    if any(call.depends(one) for one in (b, *rest)) or not call.depends(a):
        return call.opaque([a, b, *rest], "its weights depend on the input")
    extremes = call.reduce(call.value(a), range(a.ndim))
    return call.pointwise(matmul(call, node, a, b), extremes)


@lowers("Gemm")
def gemm(call: Call, node: Node, a: Tensor, b: Tensor, c: Tensor | None = None) -> int:
    """Row i of a, column j of b, and a summand."""
    first = (INNER, ROW) if node.integer("transA", 0) else (ROW, INNER)
    second = (COLUMN, INNER) if node.integer("transB", 0) else (INNER, COLUMN)
    parts: list[int] = []
    if call.depends(a) or call.depends(b):
        parts.append(summed(call, node, [(a, first), (b, second)], (ROW, COLUMN)))
    elif a.shape[first.index(INNER)] != b.shape[second.index(INNER)]:
        raise ModelError(f"{node.what} multiplies matrices of shapes {a.shape} and {b.shape}")
    if call.depends(c):
        return call.pointwise(*parts, c, operator=ADDED)
    return parts[0]


def _gemm_shapes(node: Node, a: Tensor, b: Tensor, *_: Any) -> list[tuple[Shape, str]]:
    rows = a.shape[1 if node.integer("transA", 0) else 0]
    return [((rows, b.shape[0 if node.integer("transB", 0) else 1]), a.dtype)]


def _quantised_gemm_shapes(node: Node, *tensors: Tensor | None) -> list[tuple[Shape, str]]:
    a, b, zero = tensors[0], tensors[3], tensors[8] if len(tensors) > 8 else None
    assert a is not None
    assert b is not None
    shape = _gemm_shapes(node, a, b)[0][0]
    return [(shape, "float32" if zero is None else zero.dtype)]


@lowers("com.microsoft.QGemm", shapes=_quantised_gemm_shapes)
def quantised_gemm(
    call: Call, node: Node, a: Tensor, scale: Tensor, zero: Tensor, b: Tensor, *rest: Tensor | None
) -> int | tuple[int, ...]:
    """Row i of a, column j of b, and a summand."""
    scales = (scale, zero, *rest[:2], *rest[3:])
    if any(call.depends(one) for one in scales):
        return call.opaque([a, scale, zero, b, *rest], "its scales depend on the input")
    found: int = gemm(call, node, a, b, rest[2] if len(rest) > 2 else None)
    return found


@lowers("com.microsoft.FusedGemm", shapes=_gemm_shapes)
def fused_gemm(call: Call, node: Node, a: Tensor, b: Tensor, c: Tensor | None = None) -> int:
    """A product, a summand and an activation."""
    found: int = gemm(call, node, a, b, c)
    return found


def _fused_shapes(node: Node, a: Tensor, b: Tensor, *_: Any) -> list[tuple[Shape, str]]:
    first = a.shape[:-2] + a.shape[-2:][::-1] if node.integer("transA", 0) else a.shape
    second = b.shape[:-2] + b.shape[-2:][::-1] if node.integer("transB", 0) else b.shape
    return [(np.matmul(_blank(first), _blank(second)).shape, a.dtype)]


@lowers("com.microsoft.FusedMatMul", "com.microsoft.TransposeMatMul", shapes=_fused_shapes)
def fused_matmul(call: Call, node: Node, a: Tensor, b: Tensor) -> int | tuple[int, ...]:
    """Row i of a, column j of b, either of which may be given transposed."""
    if node.integer("transBatchA", 0) or node.integer("transBatchB", 0):
        return call.opaque([a, b], "its transposed batches aren't followed")
    first, second, result = _matrices(a, b)
    if node.integer("transA", 0):
        first = (*first[:-2], INNER, ROW)
    if node.integer("transB", 0):
        second = (*second[:-2], COLUMN, INNER)
    return summed(call, node, [(a, first), (b, second)], result)


@lowers("Einsum")
def einsum(call: Call, node: Node, *tensors: Tensor) -> int | tuple[int, ...]:
    """A sum of products over labelled axes."""
    equation = node.text("equation", "").replace(" ", "")
    left, arrow, right = equation.partition("->")
    terms = left.split(",")
    if len(terms) != len(tensors) or equation.count("->") > 1:
        raise ModelError(f"{node.what} has the equation {equation!r} for {len(tensors)} operands")
    labels = [_labels(term, one.ndim) for term, one in zip(terms, tensors, strict=True)]
    everything = [label for term in labels for label in term]
    if arrow:
        spread = len(call.shape) - len(right.replace("...", ""))
        result = _labels(right, len(call.shape)) if spread >= 0 else ()
    else:
        once = sorted({label for label in everything if everything.count(label) == 1 and label > 0})
        result = (*sorted({label for label in everything if label < 0}), *once)
    if any(len(set(term)) < len(term) for term in (*labels, result)):
        return call.opaque(tensors, "it takes a diagonal")
    return summed(call, node, list(zip(tensors, labels, strict=True)), result)


def _labels(term: str, ndim: int) -> Labels:
    """Labels of a term; those of the ellipsis are negative, the last one −1."""
    before, dots, after = term.partition("...")
    count = ndim - len(before) - len(after)
    ellipsis = range(-count, 0) if dots else ()
    return (*map(ord, before), *ellipsis, *map(ord, after))
