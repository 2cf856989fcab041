"""Reshapes, slices, padding, joins."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax import Array, lax

from tests.jax.cases.case import Case, case


def parts(x: Array) -> Any:
    return list(lax.split(x, (1, 3, 2), axis=1))


def bits(x: Array) -> Any:
    return lax.bitcast_convert_type(x, jnp.int32) * 1.0


def halves(x: Array) -> Any:
    return lax.bitcast_convert_type(x, jnp.uint16) * 1.0


def whole_again(x: Array) -> Any:
    pairs = lax.bitcast_convert_type(x, jnp.uint16)
    return lax.bitcast_convert_type(pairs[::-1], jnp.float32)


MOVEMENT: dict[str, Case] = {
    "reshape": case(lambda x: x.reshape(3, 4), (2, 6)),
    "reshape and back": case(lambda x: x.reshape(2, 3, 2).reshape(2, 6), (2, 6)),
    "squeeze": case(lambda x: lax.squeeze(x, (0, 2)), (1, 3, 1, 2)),
    "expand_dims": case(lambda x: lax.expand_dims(x, (0, 2)), (2, 3)),
    "broadcast_in_dim": case(lambda x: lax.broadcast_in_dim(x, (2, 3, 4, 2), (1, 3)), (3, 1)),
    "transpose": case(lambda x: lax.transpose(x, (2, 0, 1)), (2, 3, 4)),
    "rev": case(lambda x: lax.rev(x, (1, 2)), (2, 3, 2)),
    "slice": case(lambda x: lax.slice(x, (0, 1), (2, 6), (1, 2)), (2, 7)),
    "slice of one": case(lambda x: lax.slice(x, (1, 2), (2, 7), (3, 9)), (2, 7)),
    "empty slice": case(lambda x: jnp.concatenate([x[:, 3:3], x[:, :2]], 1), (2, 4)),
    "split": case(parts, (2, 6)),
    "concatenate": case(lambda x, y: jnp.concatenate([x, y, x], 1), (2, 2), (2, 3)),
    "concatenate with a constant": case(
        lambda x: jnp.concatenate([x, jnp.ones((2, 1))], 1), (2, 2)
    ),
    "stack": case(lambda x, y: jnp.stack([x, y], 1), (2, 3), (2, 3)),
    "unstack": case(lambda x: list(jnp.unstack(x, axis=1)), (2, 3)),
    "tile": case(lambda x: jnp.tile(x, (2, 3)), (2, 2)),
    "tile of a primitive": case(lambda x: lax.tile(x, (2, 3)), (2, 2)),
    "repeat": case(lambda x: jnp.repeat(x, 2, axis=1), (2, 3)),
    "pad": case(lambda x: lax.pad(x, jnp.float32(0), ((1, 2, 0), (0, 1, 0))), (2, 3)),
    "pad with elements between": case(
        lambda x: lax.pad(x, jnp.float32(0), ((1, 0, 1), (0, 2, 2))), (3, 2)
    ),
    "pad by negative amounts": case(
        lambda x: lax.pad(x, jnp.float32(0), ((-1, 2, 0), (-2, -1, 0))), (4, 6)
    ),
    "pad by negative amounts, between": case(
        lambda x: lax.pad(x, jnp.float32(0), ((-1, -2, 2), (3, -1, 1))), (4, 3)
    ),
    "pad with a value": case(lambda x, y: lax.pad(x, y[0], ((1, -1, 1), (-1, 2, 0))), (3, 3), (2,)),
    "reflect": case(lambda x: jnp.pad(x, ((2, 1), (0, 3)), mode="reflect"), (4, 3)),
    "wrap": case(lambda x: jnp.pad(x, ((2, 1),), mode="wrap"), (4,)),
    "edge": case(lambda x: jnp.pad(x, ((2, 1), (0, 0)), mode="edge"), (4, 2)),
    "roll": case(lambda x: jnp.roll(x, (2, -1), (0, 1)), (4, 3)),
    "flip": case(lambda x: jnp.flip(x, 1), (2, 3)),
    "rot90": case(jnp.rot90, (2, 3)),
    "bitcast": case(bits, (3,)),
    "bitcast to two": case(halves, (3,), equal=False),
    "bitcast of two": case(whole_again, (3,), equal=False),
    "space to depth": case(
        lambda x: x.reshape(2, 2, 3, 2, 1).transpose(0, 2, 1, 3, 4).reshape(2, 3, 4), (4, 6, 1)
    ),
}
