"""Linear algebra on the last two axes; the others are a batch."""

from __future__ import annotations

from typing import Any

from fieldscope.frontends.jax.lowering.registry import lowers
from fieldscope.frontends.lowering.program import Call, Tensor


@lowers(
    "cholesky",
    "eig",
    "eigh",
    "hessenberg",
    "householder_product",
    "lu",
    "qr",
    "schur",
    "svd",
    "symmetric_product",
    "triangular_solve",
    "tridiagonal",
)
def matrices(call: Call, *operands: Tensor, **_: Any) -> tuple[int, ...]:
    """The whole of the matrices, at every place of the results."""
    parts = []
    batch = max(len(one.shape) for one in operands) - 2
    for one in operands:
        if call.depends(one):
            lead = min(batch, one.ndim)
            axes = tuple(range(lead, one.ndim))
            reduced = call.reduce(call.value(one), axes) if axes else call.value(one)
            parts.append((reduced, call.shape_of(reduced)))
    found = []
    for result in call.results:
        ones = [
            call.reshape(value, (*shape, *(1,) * (len(result.shape) - len(shape))))
            for value, shape in parts
        ]
        found.append(call.pointwise(*ones, shape=result.shape))
    return tuple(found)


@lowers("lu_pivots_to_permutation")
def permutation(call: Call, pivots: Tensor, **_: Any) -> int:
    """The whole of the last axis."""
    return call.mix(call.value(pivots), (-1,), call.shape)


@lowers("tridiagonal_solve")
def tridiagonal_solve(call: Call, *operands: Tensor, **_: Any) -> int:
    """The whole of the diagonals and of the right-hand sides."""
    b = operands[-1]
    parts = []
    for one in operands:
        if call.depends(one):
            axes = range(b.ndim - 2, one.ndim)
            reduced = call.reduce(call.value(one), axes)
            shape = call.shape_of(reduced)
            parts.append(call.reshape(reduced, (*shape, 1, 1)))
    return call.pointwise(*parts)
