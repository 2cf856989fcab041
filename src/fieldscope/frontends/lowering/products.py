"""Sums of products: matrix products, einsum, attention."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from fieldscope.frontends.lowering.call import HIDES, Call
from fieldscope.graph.operators import Contract, Pairs

Labels: TypeAlias = tuple[int, ...]

ROW, INNER, COLUMN, WITHIN = range(1, 5)
LEAD = 10
"""Labels of batch axes are this and those behind it."""


def contracted(
    call: Call,
    factors: Sequence[tuple[Any, Labels]],
    result: Labels,
    pairs: Pairs | None = None,
    bound: str = "",
    shape: Iterable[int] | None = None,
) -> int:
    """A sum of products of tensors with a label per axis, as in einsum.

    Factors that don't depend on the input are left out.

    Args:
        call: the call.
        factors: tensors (or values) with the labels of their axes.
        result: the labels of the result's axes.
        pairs: which pairs count; see `fieldscope.graph.operators.Contract`.
        bound: why the result is a bound, if it is one.
        shape: the result's shape; that of the call's first one if none is given.
    """
    shape = call.shape if shape is None else tuple(shape)
    used = [
        (tensor if type(tensor) is int else call.value(tensor), labels)
        for tensor, labels in factors
        if type(tensor) is int or call.depends(tensor)
    ]
    if not used:
        return call.builder.constant(shape)
    operator = Contract(tuple(labels for _, labels in used), result, pairs, bound)
    return call.add(operator, [value for value, _ in used], shape)


def attention(
    call: Call,
    q: Any,
    k: Any,
    v: Any,
    *,
    keep: npt.NDArray[np.bool_] | None = None,
    masks: Sequence[Any] = (),
    shape: Iterable[int] | None = None,
) -> int:
    """Row i of q, and all rows of k and v that the mask lets through.

    Args:
        call: the call.
        q: queries, [batch.. rows within].
        k: keys, [batch.. inner within].
        v: values, [batch.. inner columns].
        keep: which pairs of a row and an inner index count, [.. rows inner].
        masks: tensors [.. rows inner] that are added to the scores; constants among them must
            be part of `keep`.
        shape: the result's shape; that of the call's first one if none is given.
    """
    lead = tuple(range(LEAD, LEAD + len(q.shape) - 2))
    rows, inner = q.shape[-2], k.shape[-2]
    pairs, bound = None, ""
    if keep is not None and not keep.all():
        pairs = Pairs.of(ROW, INNER, np.broadcast_to(keep, (*keep.shape[:-2], rows, inner)))
        bound = "" if pairs is not None else "its mask differs along more than one axis"
    factors = [
        (q, (*lead, ROW, WITHIN)),
        (k, (*lead, INNER, WITHIN)),
        (v, (*lead, INNER, COLUMN)),
        *((mask, (*lead, ROW, INNER)[-len(mask.shape) :]) for mask in masks),
    ]
    return contracted(call, factors, (*lead, ROW, COLUMN), pairs, bound, shape)


def let_through(known: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Which pairs a constant mask lets through: truth values, or numbers added to scores."""
    return known if known.dtype == bool else known > HIDES
