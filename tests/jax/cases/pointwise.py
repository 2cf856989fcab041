"""Primitives that read position for position."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.ad_checkpoint
import jax.numpy as jnp
from jax import Array, lax

from tests.jax.cases.case import Case, case

KNOWN = jnp.asarray([[True, False, True], [False, False, True]])

ONE = [
    lax.abs, lax.asin, lax.asinh, lax.atan, lax.atanh, lax.bessel_i0e, lax.bessel_i1e, lax.cbrt,
    lax.cos, lax.cosh, lax.erf, lax.erf_inv, lax.erfc, lax.exp, lax.exp2, lax.expm1, lax.log1p,
    lax.logistic, lax.neg, lax.sin, lax.sinh, lax.square, lax.tan, lax.tanh, lax.acos,
]  # fmt: skip
POSITIVE = [lax.acosh, lax.digamma, lax.lgamma, lax.log, lax.rsqrt, lax.sqrt]
ROUGH = [lax.ceil, lax.floor, lax.is_finite, lax.round, lax.sign]
TWO = [lax.add, lax.atan2, lax.div, lax.mul, lax.nextafter, lax.pow, lax.sub]
CHOOSING = [lax.max, lax.min, lax.rem]
COMPARING = [lax.eq, lax.ge, lax.gt, lax.le, lax.lt, lax.ne]


def whole(function: Callable[..., Any]) -> Callable[..., Array]:
    def rounded(*xs: Array) -> Any:
        return function(*(lax.convert_element_type(x * 8, jnp.int32) for x in xs)) * 1.0

    rounded.__name__ = function.__name__
    return rounded


INTEGERS = [
    lax.bitwise_and, lax.bitwise_or, lax.bitwise_xor, lax.shift_left,
    lax.shift_right_arithmetic, lax.shift_right_logical, lax.mulhi,
]  # fmt: skip


def barrier(x: Array, y: Array) -> Any:
    return lax.optimization_barrier((x, y))


def noise(x: Array) -> Any:
    """A dropout by a known key: what it drops isn't structure."""
    keep = jax.random.bernoulli(jax.random.key(0), 0.5, x.shape)
    return jnp.where(keep, x * 2, 0.0)


def keyed(x: Array) -> Any:
    """Random numbers of a key that the input makes."""
    key = jax.random.key(lax.convert_element_type(x[0] * 100, jnp.int32))
    return jax.random.normal(key, (2,)) + jax.random.uniform(jax.random.split(key)[0], (2,))


def both_ways(x: Array) -> Any:
    value = lax.complex(x, x[::-1])
    return lax.real(lax.conj(value)), lax.imag(value)


POINTWISE: dict[str, Case] = {
    **{f"{f.__name__}": case(f, (5,), scale=0.3) for f in ONE},
    **{f"{f.__name__}": case(f, (5,), positive=True, scale=2.1) for f in POSITIVE},
    **{f"{f.__name__}": case(lambda x, f=f: f(x) * 1.0, (5,), equal=False) for f in ROUGH},
    **{
        f"{f.__name__}": case(f, (4,), (4,), positive=True, equal=f is not lax.nextafter)
        for f in TWO
    },
    **{f"{f.__name__}": case(f, (4,), (4,), equal=False) for f in CHOOSING},
    **{
        f"{f.__name__}": case(lambda x, y, f=f: f(x, y) * 1.0, (4,), (4,), equal=False)
        for f in COMPARING
    },
    **{f"{f.__name__}": case(whole(f), (4,), (4,), equal=False) for f in INTEGERS},
    **{
        f"{f.__name__}": case(whole(f), (4,), equal=False)
        for f in (lax.bitwise_not, lax.clz, lax.population_count)
    },
    "igamma": case(lambda x, y: lax.igamma(x, y) + lax.igammac(y, x), (3,), (3,), positive=True),
    "igamma_grad_a": case(lax.igamma_grad_a, (3,), (3,), positive=True, equal=False),
    "random_gamma_grad": case(
        lax.random_gamma_grad, (3,), (3,), positive=True, equal=False, exact=False
    ),
    "polygamma": case(lambda x: lax.polygamma(jnp.full(3, 2.0), x), (3,), positive=True),
    "zeta": case(lambda x: lax.zeta(x + 2, jnp.full(3, 2.0)), (3,), positive=True),
    "betainc": case(
        lambda x: lax.betainc(jnp.full(3, 2.0), jnp.full(3, 3.0), x), (3,), positive=True, scale=0.2
    ),
    "integer_pow": case(lambda x: x**3, (4,)),
    "complex parts": case(both_ways, (4,), equal=False),
    "reduce_precision": case(lambda x: lax.reduce_precision(x, 8, 10), (4,)),
    "copy": case(
        lambda x: lax.convert_element_type(jnp.copy(x), jnp.bfloat16) * 1.0, (4,), equal=False
    ),
    "stop_gradient": case(lax.stop_gradient, (4,)),
    "names of values": case(lambda x: jax.ad_checkpoint.checkpoint_name(x, "kept") * 2, (4,)),
    "device_put": case(lambda x: jax.device_put(x) * 2, (4,)),
    "clamp": case(lambda x, y: lax.clamp(jnp.float32(-9), x, y), (4,), (4,), equal=False),
    "broadcasting": case(lambda x, y: x[:, None] + y, (3,), (2, 3, 4)),
    "barrier": case(barrier, (2,), (3,)),
    "where by a constant": case(lambda x, y: jnp.where(KNOWN, x, y), (2, 3), (2, 3)),
    "where by a constant, else zero": case(lambda x: jnp.where(KNOWN, x, 0.0) * 3, (2, 3)),
    "where by a value": case(lambda x, y: jnp.where(x > 0, y, 0.0), (4,), (4,), equal=False),
    "one of three by a constant": case(
        lambda x, y, z: lax.select_n(jnp.asarray([0, 2, 1, 0], "int32"), x, y, z), (4,), (4,), (4,)
    ),
    "one of three by a value": case(
        lambda x, y, z: lax.select_n(lax.convert_element_type(abs(x), jnp.int32) % 3, x, y, z),
        (4,),
        (4,),
        (4,),
        equal=False,
    ),
    "dropout": case(noise, (6,), equal=False),
    "random numbers of the input": case(keyed, (3,), equal=False, exact=False),
    "positions": case(lambda x: x * jnp.arange(1, 5), (4,)),
}
