"""A small residual network as a function of JAX, channels last."""

from __future__ import annotations

import jax
import jax.numpy as jnp

WEIGHTS = [jnp.zeros((3, 3, before, after)) for before, after in ((3, 8), (8, 8), (8, 8))]


def _convolved(x: jax.Array, kernel: jax.Array, stride: int = 1) -> jax.Array:
    layout = ("NHWC", "HWIO", "NHWC")
    return jax.lax.conv_general_dilated(
        x, kernel, (stride, stride), "SAME", dimension_numbers=layout
    )


def apply(x: jax.Array) -> jax.Array:
    """Classify images of shape (n, height, width, 3)."""
    stem, *rest = WEIGHTS
    with jax.named_scope("stem"):
        x = jax.nn.relu(_convolved(x, stem, stride=2))
    with jax.named_scope("block"):
        y = x
        for kernel in rest:
            y = jax.nn.relu(_convolved(y, kernel))
        x = x + y
    return x.mean((1, 2))
