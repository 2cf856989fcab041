"""Reductions, sorting, prefixes, transforms, linear algebra."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax

from tests.jax.cases.case import Case, case


def together(x: Array, y: Array) -> Any:
    def joined(a: Any, b: Any) -> Any:
        return a[0] + b[0] + b[1], a[1] + b[1] * b[0]

    return lax.reduce((x, y), (jnp.float32(0), jnp.float32(1)), joined, (1,))


def spd(x: Array) -> Any:
    return x @ x.swapaxes(-1, -2) + 5 * jnp.eye(x.shape[-1])


def solved(a: Array, b: Array) -> Any:
    return lax.linalg.triangular_solve(a + 3 * jnp.eye(2), b, left_side=True, lower=True)


def solved_tridiagonal(b: Array) -> Any:
    line = jnp.ones((2, 3))
    return lax.linalg.tridiagonal_solve(line * 0.3, 2 * line, line * 0.2, b)


REDUCTIONS: dict[str, Case] = {
    "sum": case(lambda x: x.sum((0, 2)), (2, 3, 2)),
    "sum of nothing": case(lambda x: lax.reduce(x, jnp.float32(0), lax.add, ()) * 2, (2, 3)),
    "mean kept": case(lambda x: x.mean(1, keepdims=True) + x, (2, 3)),
    "prod": case(lambda x: x.prod(0), (3, 2)),
    "max": case(lambda x: x.max(1), (2, 3)),
    "min": case(lambda x: x.min(1), (2, 3)),
    "all": case(lambda x: (x > 0).all(1) * 1.0, (3, 2), equal=False),
    "any": case(lambda x: (x > 0).any(1) * 1.0, (3, 2), equal=False),
    "xor": case(lambda x: lax.reduce_xor(x > 0, (1,)) * 1.0, (3, 2), equal=False),
    "argmax": case(lambda x: jnp.argmax(x, 1) * 1.0, (2, 3), equal=False),
    "argmin": case(lambda x: jnp.argmin(x, 0) * 1.0, (2, 3), equal=False),
    "reduce by a function": case(
        lambda x: lax.reduce(x, jnp.float32(1), lambda a, b: a + b * 2, (1,)), (2, 3)
    ),
    "reduce two together": case(together, (2, 3), (2, 3), equal=False),
    "variance": case(lambda x: jnp.var(x, 1), (2, 4)),
    "cumsum": case(lambda x: jnp.cumsum(x, 1), (2, 4)),
    "cumsum from behind": case(lambda x: lax.cumsum(x, 0, reverse=True), (4, 2)),
    "cumprod": case(lambda x: lax.cumprod(x, 0), (4,)),
    "cummax": case(lambda x: lax.cummax(x, 0), (4,), equal=False),
    "cummin": case(lambda x: lax.cummin(x, 0, reverse=True), (4,), equal=False),
    "cumlogsumexp": case(lambda x: lax.cumlogsumexp(x, 0), (4,)),
    "sort": case(lambda x: jnp.sort(x, 1), (2, 3), equal=False),
    "sort of several": case(
        lambda x, y: list(lax.sort((x, y), dimension=0, num_keys=1)), (4, 2), (4, 2), equal=False
    ),
    "argsort": case(lambda x: jnp.argsort(x, 0) * 1.0, (4,), equal=False),
    "top_k": case(lambda x: lax.top_k(x, 2)[0], (2, 4), equal=False),
    "top_k along another axis": case(lambda x: lax.top_k(x, 2, axis=0)[0], (4, 2), equal=False),
    "approx_top_k": case(lambda x: lax.approx_max_k(x, 2)[0], (2, 4), equal=False),
    "fft": case(lambda x: jnp.abs(jnp.fft.fft(x)), (2, 5)),
    "rfft on two axes": case(lambda x: jnp.abs(jnp.fft.rfftn(x, axes=(1, 2))), (1, 3, 4)),
    "irfft": case(lambda x: jnp.fft.irfft(x.astype("complex64")), (2, 3), equal=False),
    "softmax": case(lambda x: jax.nn.softmax(x, 1), (2, 4)),
    "log_softmax": case(jax.nn.log_softmax, (2, 3)),
    "logsumexp": case(lambda x: jax.nn.logsumexp(x, 1), (2, 3)),
    "cholesky": case(lambda x: jnp.linalg.cholesky(spd(x)), (2, 2, 2), equal=False),
    "qr": case(lambda x: list(jnp.linalg.qr(x)), (2, 3, 2), equal=False),
    "lu": case(lambda x: list(jax.scipy.linalg.lu(x)), (3, 3), equal=False),
    "svd": case(lambda x: list(jnp.linalg.svd(x)), (2, 3, 2), equal=False),
    "eigh": case(lambda x: list(jnp.linalg.eigh(spd(x))), (2, 2, 2), equal=False),
    "eig": case(lambda x: jnp.abs(jnp.linalg.eig(x)[0]), (2, 2), equal=False),
    "schur": case(lambda x: jax.scipy.linalg.schur(x)[0], (2, 2), equal=False),
    "hessenberg": case(lambda x: jax.scipy.linalg.hessenberg(x, calc_q=False), (3, 3), equal=False),
    "householder_product": case(
        lambda x: lax.linalg.householder_product(x, x[0]), (3, 2), equal=False
    ),
    "pivots of lu": case(
        lambda x: (
            lax.linalg.lu_pivots_to_permutation(lax.convert_element_type(abs(x) * 0.3, "int32"), 3)
            * 1.0
        ),
        (2,),
        equal=False,
    ),
    "tridiagonal": case(lambda x: lax.linalg.tridiagonal(spd(x))[1], (3, 3), equal=False),
    "symmetric_product": case(
        lambda x: lax.linalg.symmetric_product(x, jnp.eye(3)), (3, 2), equal=False
    ),
    "determinant": case(jnp.linalg.det, (2, 2, 2), equal=False),
    "triangular_solve": case(solved, (2, 2), (2, 3), equal=False),
    "tridiagonal_solve": case(solved_tridiagonal, (2, 3, 2), equal=False),
}
