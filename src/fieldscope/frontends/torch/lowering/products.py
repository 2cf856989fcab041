"""Matrix products and attention."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from fieldscope.frontends.lowering import products as shared
from fieldscope.frontends.lowering.products import (
    COLUMN,
    INNER,
    LEAD,
    ROW,
    contracted,
    let_through,
)
from fieldscope.frontends.torch.lowering.call import Call
from fieldscope.frontends.torch.lowering.registry import lowers


def _product(call: Call, a: torch.Tensor, b: torch.Tensor, batch: int) -> int:
    """Rows of a times columns of b, [batch.. row inner] × [batch.. inner column]."""
    lead = tuple(range(LEAD, LEAD + batch))
    factors = [(a, (*lead, ROW, INNER)), (b, (*lead, INNER, COLUMN))]
    return contracted(call, factors, (*lead, ROW, COLUMN))


def _mm_shape(a: torch.Tensor, b: torch.Tensor, *_: Any) -> torch.Tensor:
    if a.shape[-1] != b.shape[-2]:
        raise RuntimeError(
            f"matrices of shapes {tuple(a.shape)} and {tuple(b.shape)} can't be multiplied"
        )
    return torch.empty((*a.shape[:-1], b.shape[-1]), device="meta", dtype=a.dtype)


def _addmm_shape(_: Any, a: torch.Tensor, b: torch.Tensor, **__: Any) -> torch.Tensor:
    return _mm_shape(a, b)


@lowers("mm", "bmm", shapes=_mm_shape)
def mm(call: Call, a: torch.Tensor, b: torch.Tensor, *_: Any) -> int:
    """Row i of a, column j of b."""
    return _product(call, a, b, a.dim() - 2)


@lowers("addmm", "baddbmm", shapes=_addmm_shape)
def addmm(call: Call, bias: torch.Tensor, a: torch.Tensor, b: torch.Tensor, **_: Any) -> int:
    """A product and a bias."""
    if not (call.depends(a) or call.depends(b)):
        return call.pointwise(bias)
    product = _product(call, a, b, a.dim() - 2)
    return call.pointwise(product, bias) if call.depends(bias) else call.plus(product, bias)


@lowers("linear")
def linear(call: Call, x: torch.Tensor, weight: torch.Tensor, bias: Any = None) -> int:
    """The whole last axis."""
    if not (call.depends(x) or call.depends(weight)):
        return call.pointwise(bias)
    lead = tuple(range(LEAD, LEAD + x.dim() - 1))
    product = contracted(call, [(x, (*lead, INNER)), (weight, (COLUMN, INNER))], (*lead, COLUMN))
    return call.pointwise(product, bias) if call.depends(bias) else product


@lowers("mv")
def mv(call: Call, a: torch.Tensor, b: torch.Tensor) -> int:
    """Row i of a, all of b."""
    return contracted(call, [(a, (ROW, INNER)), (b, (INNER,))], (ROW,))


@lowers("dot", "vdot")
def dot(call: Call, a: torch.Tensor, b: torch.Tensor) -> int:
    """All of both."""
    return contracted(call, [(a, (INNER,)), (b, (INNER,))], ())


@lowers("_trilinear")
def trilinear(
    call: Call,
    a: torch.Tensor,
    b: torch.Tensor,
    c: torch.Tensor,
    expand_a: Sequence[int],
    expand_b: Sequence[int],
    expand_c: Sequence[int],
    summed: Sequence[int],
    *_: Any,
) -> int:
    """The three factors with new axes, multiplied, and summed over axes (`nn.Bilinear`)."""
    ndim = a.dim() + len(expand_a)
    extents = [1] * ndim
    factors = []
    for tensor, new in ((a, expand_a), (b, expand_b), (c, expand_c)):
        old = iter(range(tensor.dim()))
        kept = tuple(-1 if axis in new else next(old) for axis in range(ndim))
        for axis, source in enumerate(kept):
            if source >= 0:
                extents[axis] = max(extents[axis], tensor.shape[source])
        if call.depends(tensor):
            factors.append(call.continued(call.value(tensor), kept))
    product = call.pointwise(*factors, shape=extents)
    return call.reduce(product, summed)


@lowers("cross", "linalg_cross")
def cross(call: Call, a: torch.Tensor, b: torch.Tensor, *args: Any, **kwargs: Any) -> int:
    """All three elements of an axis of both."""
    axis = kwargs.get("dim", args[0] if args and args[0] is not None else -1)
    return call.mix(call.pointwise(a, b), (axis,))


@lowers("_cdist_forward", "_euclidean_dist")
def cdist(call: Call, a: torch.Tensor, b: torch.Tensor, *_: Any) -> int:
    """Row i of a, row j of b."""
    lead = tuple(range(LEAD, LEAD + a.dim() - 2))
    factors = [(a, (*lead, ROW, INNER)), (b, (*lead, COLUMN, INNER))]
    return contracted(call, factors, (*lead, ROW, COLUMN))


@lowers(
    "_scaled_dot_product_flash_attention_for_cpu",
    "_scaled_dot_product_flash_attention",
    "_scaled_dot_product_efficient_attention",
    "_scaled_dot_product_cudnn_attention",
    "_scaled_dot_product_fused_attention_overrideable",
    "_scaled_dot_product_attention_math",
    "_scaled_dot_product_attention_math_for_mps",
)
def attention(
    call: Call, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, *args: Any, **kwargs: Any
) -> tuple[int | None, ...]:
    """Row i of q, and all rows of k and v that the mask lets through."""
    mask = kwargs.get("attn_mask", next((a for a in args if isinstance(a, torch.Tensor)), None))
    rows, inner = q.shape[-2], k.shape[-2]
    keep = np.tri(rows, inner, dtype=bool) if kwargs.get("is_causal", True in args) else None
    hidden = []
    if isinstance(mask, torch.Tensor) and not call.depends(mask):
        known = call.concrete(mask)
        if known is not None:
            given = let_through(known)
            keep = given if keep is None else keep & given
    elif isinstance(mask, torch.Tensor):
        hidden.append(mask)
    result = shared.attention(call, q, k, v, keep=keep, masks=hidden)
    return (result, *(None for _ in call.results[1:]))
