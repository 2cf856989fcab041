"""Reductions, sorting, prefixes and transforms along axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fieldscope.frontends.jax.lowering.registry import lowers
from fieldscope.frontends.lowering.program import Call, Tensor
from fieldscope.frontends.lowering.recurrent import prefix


@lowers(
    "reduce_sum",
    "reduce_max",
    "reduce_min",
    "reduce_prod",
    "reduce_and",
    "reduce_or",
    "reduce_xor",
    "argmax",
    "argmin",
)
def reduction(call: Call, x: Tensor, *, axes: Sequence[int], **_: Any) -> int:
    """The whole of the axes."""
    return call.reduce(call.value(x), [int(axis) for axis in axes]) if axes else call.pointwise(x)


@lowers("reduce")
def generic(call: Call, *operands: Tensor, dimensions: Sequence[int], **_: Any) -> tuple[int, ...]:
    """The whole of the axes of all operands, and the values that it starts with."""
    half = len(operands) // 2
    parts = [call.reduce(call.value(x), dimensions) for x in operands[:half] if call.depends(x)]
    return (call.pointwise(*parts, *operands[half:]),) * len(call.results)


@lowers("cumsum", "cumprod", "cummax", "cummin", "cumlogsumexp")
def cumulative(call: Call, x: Tensor, *, axis: int, reverse: bool = False, **_: Any) -> int:
    """Element o reads elements 0 to o, or in reverse o to the last."""
    return prefix(call, call.value(x), axis, backward=reverse)


@lowers("sort")
def sort(
    call: Call, *operands: Tensor, dimension: int, num_keys: int = 1, **_: Any
) -> tuple[int, ...]:
    """The whole of an axis of the keys, and of the operand that is put in their order."""
    keys = [
        call.mix(call.value(one), (dimension,)) for one in operands[:num_keys] if call.depends(one)
    ]
    found = []
    for place, one in enumerate(operands):
        own = [call.mix(call.value(one), (dimension,))] if call.depends(one) else []
        parts = keys if place < num_keys and len(keys) == num_keys else [*keys, *own]
        found.append(call.pointwise(*parts))
    return tuple(found)


@lowers("top_k", "approx_top_k")
def top_k(call: Call, x: Tensor, **p: Any) -> tuple[int, ...]:
    """The whole of an axis, for each of the k results."""
    axis = p.get("axis", p.get("reduction_dimension", -1)) % x.ndim
    value = call.mix(call.value(x), (axis,), call.shape)
    return value, value


@lowers("fft")
def fft(call: Call, x: Tensor, *, fft_lengths: Sequence[int], **_: Any) -> int:
    """The whole of the transformed axes, which are the last ones."""
    axes = range(x.ndim - len(fft_lengths), x.ndim)
    return call.mix(call.value(x), axes, call.shape)
