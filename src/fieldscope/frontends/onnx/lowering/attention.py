"""Attention, as operators of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fieldscope.errors import ModelError
from fieldscope.frontends.lowering.call import Call
from fieldscope.frontends.lowering.products import attention, let_through
from fieldscope.frontends.lowering.program import Tensor
from fieldscope.frontends.onnx.lowering.registry import lowers
from fieldscope.frontends.onnx.node import Node


def _heads(call: Call, node: Node, value: int, heads: int) -> int:
    """[batch rows heads·within] with the heads in front of the rows: [batch heads rows within]."""
    shape = call.shape_of(value)
    if len(shape) == 4:
        return value
    batch, rows, width = shape
    if heads < 1 or width % heads:
        raise ModelError(f"{node.what} divides {width} features into {heads} heads")
    return call.permute(call.reshape(value, (batch, rows, heads, width // heads)), (0, 2, 1, 3))


def _repeated(call: Call, node: Node, value: int, heads: int) -> int:
    """Each head of keys or values for several heads of queries."""
    batch, own, rows, within = call.shape_of(value)
    if own == heads:
        return value
    if own < 1 or heads % own:
        raise ModelError(f"{node.what} has {heads} heads of queries for {own} of keys")
    split = call.continued(value, (0, 1, -1, 2, 3))
    spread = call.expand(split, (batch, own, heads // own, rows, within))
    return call.reshape(spread, (batch, heads, rows, within))


def _joined(call: Call, heads: int, value: int, flat: bool) -> int:
    """[batch heads rows within] as it was given, [batch rows heads·within] if that was flat."""
    if not flat:
        return value
    batch, _, rows, within = call.shape_of(value)
    return call.reshape(call.permute(value, (0, 2, 1, 3)), (batch, rows, heads * within))


def _window(
    node: Node, rows: int, inner: int, before: int, *, causal: bool
) -> npt.NDArray[np.bool_] | None:
    """Which keys each row may meet by its position, `before` keys being of earlier steps."""
    left, right = node.integer("left_window_size", -1), node.integer("right_window_size", -1)
    if not causal and left < 0 and right < 0:
        return None
    distance = np.arange(inner) - np.arange(rows)[:, None] - before
    keep = np.ones((rows, inner), bool)
    if causal:
        keep &= distance <= 0
    if left >= 0:
        keep &= distance >= -left
    if right >= 0:
        keep &= distance <= right
    return keep


def attended(
    call: Call,
    node: Node,
    tensors: Sequence[Tensor],
    heads: tuple[int, int],
    *,
    past: tuple[Tensor | None, Tensor | None] = (None, None),
    mask: Tensor | None = None,
    causal: bool = False,
) -> tuple[int, int, int]:
    """Row i of the queries, all rows of keys and values that are let through.

    Args:
        call: the call.
        node: its node.
        tensors: queries, keys and values, with heads as an axis of their own or not.
        heads: how many the queries have, and the keys.
        past: keys and values of earlier steps, put in front.
        mask: what is added to the scores, or which of them count.
        causal: whether row i meets keys up to its own only.

    Returns:
        The result, laid out as the queries, and the keys and values with what is past.
    """
    q = _heads(call, node, call.value(tensors[0]), heads[0])
    k, v = (_heads(call, node, call.value(one), heads[1]) for one in tensors[1:3])
    before = 0
    if past[0] is not None and past[1] is not None:
        before = past[0].shape[2]
        k = call.concat([call.value(past[0]), k], 2)
        v = call.concat([call.value(past[1]), v], 2)
    present = k, v
    count = call.shape_of(q)[1]
    k, v = (_repeated(call, node, one, count) for one in (k, v))
    (batch, _, rows, _), (_, _, inner, width) = call.shape_of(q), call.shape_of(v)
    keep = _window(node, rows, inner, before, causal=causal)
    masks: list[Tensor] = []
    if mask is not None and call.depends(mask):
        masks.append(mask)
    elif mask is not None:
        known = call.concrete(mask)
        if known is not None:
            given = let_through(known)
            if given.shape[-1] < inner:  # keys that a mask doesn't tell of are left out
                behind = [(0, 0)] * (given.ndim - 1) + [(0, inner - given.shape[-1])]
                given = np.pad(given, behind)
            given = np.broadcast_to(given, (*given.shape[:-2], rows, inner))
            keep = given if keep is None else keep & given
    # A row that is masked everywhere has equal scores or none: whichever, it may read everything.
    if keep is not None:
        keep = keep | ~keep.any(axis=-1, keepdims=True)
    known_shapes = [Tensor(call.shape_of(value), "", value) for value in (q, k, v)]
    value = attention(
        call, *known_shapes, keep=keep, masks=masks, shape=(batch, count, rows, width)
    )
    return _joined(call, count, value, tensors[0].ndim == 3), *present


@lowers("Attention")
def operator(
    call: Call,
    node: Node,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    mask: Tensor | None = None,
    past_key: Tensor | None = None,
    past_value: Tensor | None = None,
    lengths: Tensor | None = None,
) -> int | tuple[int | None, ...]:
    """Row i of the queries, all rows of keys and values that the mask lets through."""
    tensors = [q, k, v, mask, past_key, past_value, lengths]
    if lengths is not None or len(call.results) > 3:
        return call.opaque(tensors, "its padded caches and scores aren't followed")
    heads = node.integer("q_num_heads", 0), node.integer("kv_num_heads", 0)
    found = attended(
        call,
        node,
        (q, k, v),
        heads,
        past=(past_key, past_value),
        mask=mask,
        causal=bool(node.integer("is_causal", 0)),
    )
    return found[: len(call.results)] if len(call.results) > 1 else found[0]


def _packed_shapes(node: Node, x: Tensor, weight: Tensor, *_: Any) -> list[Any]:
    sizes = node.integers("qkv_hidden_sizes", None)
    width = sizes[2] if sizes else weight.shape[-1] // 3
    return [((*x.shape[:-1], width), x.dtype), (None, x.dtype)]


@lowers("com.microsoft.Attention", "com.microsoft.QAttention", shapes=_packed_shapes)
def packed(
    call: Call, node: Node, x: Tensor, weight: Tensor, *rest: Tensor | None
) -> int | tuple[int, ...]:
    """Each row's features make its query, key and value; then as in attention."""
    constant = not any(call.depends(one) for one in (weight, *rest))
    offset = 4 if node.op.endswith("QAttention") else 1
    mask = rest[offset] if len(rest) > offset else None
    if not constant or len(call.results) > 1 or mask is not None or len(rest) > offset + 1:
        return call.opaque([x, weight, *rest], "its masks and caches aren't followed")
    sizes = node.integers("qkv_hidden_sizes", None) or [weight.shape[-1] // 3] * 3
    heads, value = node.integer("num_heads", 1), call.value(x)
    # Every feature of a row is read by each of the three.
    row = call.reduce(value, (x.ndim - 1,), keep=True)
    parts = [
        Tensor((*x.shape[:-1], size), "", call.expand(row, (*x.shape[:-1], size))) for size in sizes
    ]
    causal = bool(node.integer("unidirectional", 0))
    return attended(call, node, parts, (heads, heads), causal=causal)[0]


def _multi_shapes(_: Node, q: Tensor, k: Any = None, v: Any = None, *__: Any) -> list[Any]:
    if v is None or k is None or v.ndim != 3 or q.ndim != 3:
        return [(None, q.dtype)] * 3
    return [((*q.shape[:-1], v.shape[-1]), q.dtype), (None, q.dtype), (None, q.dtype)]


@lowers("com.microsoft.MultiHeadAttention", shapes=_multi_shapes)
def multi_head(
    call: Call, node: Node, q: Tensor, k: Tensor, v: Tensor, *rest: Tensor | None
) -> int | tuple[int, ...]:
    """Row i of the queries, all rows of keys and values."""
    if any(one is not None for one in rest[1:]) or len(call.results) > 1:
        return call.opaque([q, k, v, *rest], "its masks and caches aren't followed")
    heads = node.integer("num_heads", 1)
    causal = bool(node.integer("unidirectional", 0))
    value = attended(call, node, (q, k, v), (heads, heads), causal=causal)[0]
    return call.pointwise(value, _bias(call, rest))


def _bias(call: Call, rest: Sequence[Tensor | None]) -> int | None:
    bias = rest[0] if rest else None
    if bias is None or not call.depends(bias):
        return None
    return call.reshape(call.reduce(call.value(bias), (0,)), (1, 1, 1))


@lowers("RotaryEmbedding")
def rotary(
    call: Call,
    node: Node,
    x: Tensor,
    cosines: Tensor,
    sines: Tensor,
    positions: Tensor | None = None,
) -> int | tuple[int, ...]:
    """Two features of the same position, of which the angle is a constant."""
    if any(call.depends(one) for one in (cosines, sines, positions)):
        return call.opaque([x, cosines, sines, positions], "its angles depend on the input")
    flat = x.ndim == 3
    value = _heads(call, node, call.value(x), node.integer("num_heads", 0))
    width = call.shape_of(value)[3]
    turned = node.integer("rotary_embedding_dim", 0) or width
    index = np.arange(width)
    other = index ^ 1 if node.integer("interleaved", 0) else (index + turned // 2) % max(turned, 1)
    other = np.where(index < turned, other, index)
    result = call.pointwise(value, call.gather(value, 3, other), shape=call.shape_of(value))
    return _joined(call, call.shape_of(value)[1], result, flat)
