"""Reductions, softmax, sorting, prefixes and transforms along axes."""

from __future__ import annotations

from typing import Any

import numpy as np

from fieldscope.frontends.lowering.program import Call, Tensor
from fieldscope.frontends.lowering.recurrent import prefix
from fieldscope.frontends.tensorflow.lowering.registry import lowers
from fieldscope.frontends.tensorflow.node import Node
from fieldscope.graph.operators import Flip, Indices, Table


def axes_of(call: Call, axes: Tensor, ndim: int) -> tuple[int, ...] | None:
    """Axes that an operand lists; None if they aren't known."""
    known = call.concrete(axes)
    return (
        None
        if known is None
        else tuple(sorted({int(axis) % ndim for axis in known.reshape(-1)}) if ndim else ())
    )


@lowers("Sum", "Mean", "Prod", "Max", "Min", "All", "Any", "EuclideanNorm")
def reduction(call: Call, node: Node, x: Tensor, axes: Tensor) -> Any:
    """The whole of the axes."""
    found = axes_of(call, axes, x.ndim)
    if found is None:
        return call.opaque([x, axes], "its axes aren't known")
    return call.reduce(call.value(x), found, keep=node["keep_dims"]) if found else call.pointwise(x)


@lowers("ArgMax", "ArgMin")
def place_of(call: Call, node: Node, x: Tensor, axis: Tensor) -> Any:
    """The whole of an axis."""
    found = axes_of(call, axis, x.ndim)
    if found is None:
        return call.opaque([x, axis], "its axis isn't known")
    return call.reduce(call.value(x), found)


@lowers("Softmax")
def softmax(call: Call, node: Node, x: Tensor) -> int:
    """The whole of the last axis, at every position of it; minus infinity turns to zero."""
    return call.mix(call.value(x), (x.ndim - 1,), softmax=True)


@lowers("LogSoftmax")
def log_softmax(call: Call, node: Node, x: Tensor) -> int:
    """The whole of the last axis, at every position of it."""
    return call.mix(call.value(x), (x.ndim - 1,))


@lowers("SoftmaxCrossEntropyWithLogits", "SparseSoftmaxCrossEntropyWithLogits")
def cross_entropy(call: Call, node: Node, x: Tensor, labels: Tensor) -> tuple[int, ...]:
    """The whole of the last axis."""
    parts: list[int] = []
    if x.value is not None:
        parts.append(call.mix(x.value, (x.ndim - 1,)))
    if labels.value is not None:
        whole = (
            call.continued(labels.value, (0, -1))
            if labels.ndim == 1
            else call.mix(labels.value, (1,))
        )
        parts.append(whole)
    joined = call.pointwise(*parts, shape=call.results[1].shape)
    return call.reduce(joined, (1,)), joined


@lowers("TopKV2", "NthElement")
def top(call: Call, node: Node, x: Tensor, *_: Tensor) -> int | tuple[int, ...]:
    """The whole of the last axis, for each of the results."""
    if len(call.results) == 1:
        return call.reduce(call.value(x), (x.ndim - 1,))
    value = call.mix(call.value(x), (x.ndim - 1,), call.shape)
    return value, value


@lowers("InTopK", "InTopKV2")
def in_top(call: Call, node: Node, x: Tensor, targets: Tensor, *_: Tensor) -> int:
    """The whole row, and the target."""
    parts: list[object] = [targets]
    if x.value is not None:
        parts.append(call.reduce(x.value, (1,)))
    return call.pointwise(*parts)


@lowers("Cumsum", "Cumprod", "CumulativeLogsumexp")
def cumulative(call: Call, node: Node, x: Tensor, axis: Tensor) -> Any:
    """Element o reads elements 0 to o, or those behind it; the exclusive form not itself."""
    found = axes_of(call, axis, x.ndim)
    if found is None:
        return call.opaque([x, axis], "its axis isn't known")
    [place] = found
    value = call.value(x)
    if not node["exclusive"]:
        return prefix(call, value, place, backward=node["reverse"])
    n = x.shape[place]
    index = np.arange(n)
    lo, hi = (index + 1, index * 0 + n) if node["reverse"] else (index * 0, index)
    return call.add(Table(place, Indices(lo), Indices(hi)), [value], x.shape)


@lowers(
    "FFT",
    "FFT2D",
    "FFT3D",
    "IFFT",
    "IFFT2D",
    "IFFT3D",
    "RFFT",
    "RFFT2D",
    "RFFT3D",
    "IRFFT",
    "IRFFT2D",
    "IRFFT3D",
)
def fourier(call: Call, node: Node, x: Tensor, *length: Tensor) -> int:
    """The whole of the transformed axes, of which those with a length read as much as it says."""
    kind = node.operation.type
    n = int(kind[-2]) if kind.endswith("D") else 1
    value = call.value(x)
    known = call.concrete(length[0]) if length else None
    for k in range(n):
        axis = x.ndim - n + k
        if known is not None:
            used = int(known[k])
            if kind.startswith("IRFFT") and k == n - 1:
                used = used // 2 + 1
            if used < x.shape[axis]:
                value = call.slice(value, axis, 0, used)
    return call.mix(value, range(x.ndim - n, x.ndim), call.shape)


@lowers("ReverseSequence")
def reverse_sequence(call: Call, node: Node, x: Tensor, lengths: Tensor) -> Any:
    """A part of an axis in reverse order; how much is told for each index of another."""
    axis, batch = node["seq_dim"], node["batch_dim"]
    known = call.concrete(lengths)
    if known is not None and (known == x.shape[axis]).all():
        return call.add(Flip((axis,)), [call.value(x)], x.shape)
    value = call.mix(call.value(x), (axis,)) if x.value is not None else None
    if known is not None:
        return call.opaque([x], "parts of an axis are reversed by lengths that differ")
    shape = [n if k == batch else 1 for k, n in enumerate(x.shape)]
    parts = [] if value is None else [value]
    if lengths.value is not None:
        parts.append(call.reshape(lengths.value, shape))
    return call.pointwise(*parts)
