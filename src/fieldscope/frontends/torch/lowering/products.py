"""Matrix products and attention."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from fieldscope.frontends.lowering.call import HIDES
from fieldscope.frontends.torch.lowering.call import Call
from fieldscope.frontends.torch.lowering.registry import lowers
from fieldscope.graph.operators import Contract, Pairs

BATCH, ROW, INNER, COLUMN, WITHIN = range(5)


def _product(call: Call, a: torch.Tensor, b: torch.Tensor, batch: int) -> int:
    """Rows of a times columns of b, [batch.. row inner] × [batch.. inner column]."""
    lead = tuple(range(10, 10 + batch))
    operands, labels = [], []
    for tensor, own in ((a, (ROW, INNER)), (b, (INNER, COLUMN))):
        if call.depends(tensor):
            operands.append(call.value(tensor))
            labels.append((*lead, *own))
    return call.add(Contract(tuple(labels), (*lead, ROW, COLUMN)), operands, call.shape)


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
    lead = tuple(range(10, 10 + x.dim() - 1))
    operands, labels = [], []
    for tensor, own in ((x, (*lead, INNER)), (weight, (COLUMN, INNER))):
        if call.depends(tensor):
            operands.append(call.value(tensor))
            labels.append(own)
    if not operands:
        return call.pointwise(bias)
    product = call.add(Contract(tuple(labels), (*lead, COLUMN)), operands, call.shape)
    return call.pointwise(product, bias) if call.depends(bias) else product


@lowers("mv")
def mv(call: Call, a: torch.Tensor, b: torch.Tensor) -> int:
    """Row i of a, all of b."""
    found = [(a, (ROW, INNER)), (b, (INNER,))]
    used = [(call.value(t), labels) for t, labels in found if call.depends(t)]
    labels = tuple(labels for _, labels in used)
    return call.add(Contract(labels, (ROW,)), [v for v, _ in used], call.shape)


@lowers("dot", "vdot")
def dot(call: Call, a: torch.Tensor, b: torch.Tensor) -> int:
    """All of both."""
    used = [call.value(t) for t in (a, b) if call.depends(t)]
    return call.add(Contract(((INNER,),) * len(used), ()), used, ())


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
    lead = tuple(range(10, 10 + a.dim() - 2))
    operands, labels = [], []
    for tensor, own in ((a, ROW), (b, COLUMN)):
        if call.depends(tensor):
            operands.append(call.value(tensor))
            labels.append((*lead, own, INNER))
    return call.add(Contract(tuple(labels), (*lead, ROW, COLUMN)), operands, call.shape)


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
    lead = tuple(range(10, 10 + q.dim() - 2))
    mask = kwargs.get("attn_mask", next((a for a in args if isinstance(a, torch.Tensor)), None))
    pairs, bound, hidden = None, "", []
    rows, inner = q.shape[-2], k.shape[-2]
    keep = np.tri(rows, inner, dtype=bool) if kwargs.get("is_causal", True in args) else None
    if isinstance(mask, torch.Tensor) and not call.depends(mask):
        known = call.concrete(mask)
        if known is not None:
            given = known if known.dtype == bool else known > HIDES
            keep = given if keep is None else keep & given
    elif isinstance(mask, torch.Tensor):
        hidden.append((mask, (*lead, ROW, INNER)[-mask.dim() :]))
    if keep is not None and not keep.all():
        pairs = Pairs.of(ROW, INNER, np.broadcast_to(keep, (*keep.shape[:-2], rows, inner)))
        bound = "" if pairs is not None else "its mask differs along more than one axis"
    operands = [
        (q, (*lead, ROW, WITHIN)),
        (k, (*lead, INNER, WITHIN)),
        (v, (*lead, INNER, COLUMN)),
        *hidden,
    ]
    used = [(call.value(t), labels) for t, labels in operands if call.depends(t)]
    operator = Contract(tuple(labels for _, labels in used), (*lead, ROW, COLUMN), pairs, bound)
    result = call.add(operator, [value for value, _ in used], call.shape)
    return (result, *(None for _ in call.results[1:]))
