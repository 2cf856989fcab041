"""Calls, branches and loops."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax

from tests.jax.cases.case import Case, case


@jax.custom_vjp
def special(x: Array) -> Any:
    return x * 2


special.defvjp(lambda x: (x * 2, None), lambda _, g: (g,))


@jax.custom_batching.custom_vmap
def batched(x: Array) -> Any:
    return x + x[::-1]


@batched.def_vmap
def _(size: int, mapped: Any, x: Array) -> tuple[Array, bool]:
    return x + x[:, ::-1], True


def recurrent(x: Array) -> Any:
    def step(state: Array, now: Array) -> Any:
        state = 0.5 * state + now.sum()
        return state, state * jnp.ones(2)

    return lax.scan(step, jnp.float32(0), x)


def backwards(x: Array) -> Any:
    return lax.scan(lambda s, n: (s + n, s * n), jnp.ones(2), x, reverse=True)[1]


def counted(x: Array) -> Any:
    def body(state: Any) -> Any:
        k, x = state
        return k + 1, x.at[1:].add(x[:-1])

    return lax.while_loop(lambda s: s[0] < 2, body, (0, x))[1]


def until(x: Array) -> Any:
    return lax.while_loop(lambda s: s.sum() < 10, lambda s: s * s + 1, x)


def repeated(x: Array) -> Any:
    return lax.fori_loop(0, 3, lambda k, s: s + jnp.roll(s, k), x)


def choice(x: Array) -> Any:
    return lax.cond(x[0] > 0, lambda y: y[::-1] * 2, lambda y: y * 1.0, x)


def known_choice(x: Array) -> Any:
    return lax.switch(jnp.int32(1), [lambda y: y, lambda y: y[::-1], lambda y: y * 0], x)


def half_known(x: Array) -> Any:
    return lax.cond(x[0] > 0, lambda y: (y, jnp.ones(2)), lambda y: (y[::-1], jnp.zeros(2)), x)


def composed(x: Array) -> Any:
    return lax.composite(lambda y: y * 2 + y[::-1], "ours.twice")(x)


def called_back(x: Array) -> Any:
    struct = jax.ShapeDtypeStruct(x.shape, x.dtype)
    return jax.pure_callback(lambda y: y[::-1].copy(), struct, x)


def long(x: Array) -> Any:
    return lax.scan(lambda s, n: (s * 0.9 + n, s), jnp.float32(0), jnp.tile(x, 20_000))[0]


CONTROL: dict[str, Case] = {
    "jit": case(jax.jit(lambda x: x + x[::-1]), (3,)),
    "jit in jit": case(jax.jit(lambda x: jax.jit(lambda y: y[::-1])(x) * 2), (3,)),
    "checkpoint": case(jax.checkpoint(lambda x: x + x[::-1]), (3,)),
    "custom_jvp": case(jax.nn.relu, (4,), equal=False),
    "custom_vjp": case(special, (4,)),
    "custom_vmap": case(batched, (4,)),
    "composite": case(composed, (4,)),
    "cond": case(choice, (4,), equal=False),
    "cond of constants": case(half_known, (2,), equal=False),
    "switch by a constant": case(known_choice, (4,)),
    "scan": case(recurrent, (4, 2)),
    "scan from behind": case(backwards, (4, 2)),
    "scan over weights": case(
        lambda x: lax.scan(lambda s, w: (s @ w, None), x, jnp.ones((3, 2, 2)))[0], (2,)
    ),
    "map": case(lambda x: lax.map(lambda row: row[::-1], x), (3, 2)),
    "while": case(counted, (4,)),
    "while by a value": case(until, (3,), equal=False, exact=False),
    "fori_loop": case(repeated, (4,)),
    "associative_scan": case(lambda x: lax.associative_scan(jnp.add, x), (5,)),
    "a loop that is too long": case(long, (1,), exact=False),
    "callback": case(called_back, (3,), equal=False, exact=False),
    "grad": case(jax.grad(lambda x: jnp.sum(jnp.tanh(x[1:] * x[:-1]))), (4,)),
    "custom_linear_solve": case(
        lambda x: jax.scipy.sparse.linalg.cg(lambda v: 3 * v, x)[0], (3,), equal=False, exact=False
    ),
}
