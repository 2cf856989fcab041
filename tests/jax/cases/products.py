"""Products: matrices, attention, interpolation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from tests.jax.cases.case import Case, case


def weights(*shape: int) -> Any:
    return jnp.asarray(np.random.default_rng(1).uniform(0.5, 1.5, shape), "float32")


def resized(*shape: int, **options: Any) -> Callable[[Array], Any]:
    options = {"method": "bilinear", **options}

    def resize(x: Array) -> Any:
        return jax.image.resize(x, shape, **options)

    return resize


def attention(mask: Array | None = None, **options: Any) -> Callable[[Array], Any]:
    def attend(x: Array) -> Any:
        k, v = x[..., ::-1] * 0.3, x * 1.7
        # A softmax over one element is 1 whatever that is: rows that read two are looked at.
        return jax.nn.dot_product_attention(x, k, v, mask=mask, **options)[:, 1:]

    return attend


def by_hand(kind: str) -> Callable[[Array], Any]:
    def attend(x: Array) -> Any:
        scores = (x @ x.T) / jnp.sqrt(2.0)
        causal = jnp.tril(jnp.ones((4, 4), bool), k=1)
        if kind == "where":
            scores = jnp.where(causal, scores, -jnp.inf)
        elif kind == "large":
            scores = jnp.where(causal, scores, -1e9)
        elif kind == "added":
            scores = scores + jnp.where(causal, 0.0, float(np.finfo("float32").min))
        elif kind == "behind":
            return jnp.where(causal, scores, 0.0) @ x
        else:
            scores = scores - 1e9 * (1.0 - causal)
        return jax.nn.softmax(scores, axis=-1) @ x

    return attend


def ragged(x: Array) -> Any:
    return lax.ragged_dot(x, weights(3, 2, 4), jnp.asarray([1, 2, 2], "int32"))


def ragged_matrices(x: Array, w: Array) -> Any:
    return lax.ragged_dot(x, w, jnp.asarray([1, 2, 2], "int32"))


def ragged_sizes(x: Array) -> Any:
    sizes = jnp.asarray([0, 2, 0], "int32") + lax.convert_element_type(x[0, :1] > 0, "int32")
    return lax.ragged_dot(x, weights(3, 2, 4), sizes)


PRODUCTS: dict[str, Case] = {
    "matmul by weights": case(lambda x: x @ weights(3, 2), (2, 3)),
    "matmul by weights from the left": case(lambda x: weights(4, 2) @ x, (2, 3)),
    "matmul": case(lambda x, y: x @ y, (2, 3), (3, 2)),
    "matmul in batches": case(lambda x, y: x @ y, (2, 2, 3), (2, 3, 2)),
    "dot": case(jnp.dot, (3,), (3,)),
    "outer": case(jnp.outer, (3,), (2,)),
    "einsum": case(lambda x, y: jnp.einsum("abc,dcb->ad", x, y), (2, 3, 2), (2, 2, 3)),
    "einsum with batches inside": case(
        lambda x, y: jnp.einsum("abc,bcd->bda", x, y), (2, 3, 2), (3, 2, 2)
    ),
    "ragged_dot": case(ragged, (5, 2)),
    "ragged_dot of matrices": case(ragged_matrices, (5, 2), (3, 2, 2), exact=False),
    "ragged_dot by values": case(ragged_sizes, (5, 2), equal=False),
    "a matrix of positions": case(lambda x: jnp.tri(4) @ x, (4, 2)),
    "a matrix of positions from behind": case(lambda x: x @ jnp.tri(4, k=-1), (2, 4)),
    "one-hot choice": case(lambda x: jax.nn.one_hot(jnp.asarray([2, 0]), 4) @ x, (4, 2)),
    "one-hot of positions": case(
        lambda x: jnp.einsum("abc,db->adc", x, jnp.eye(3)[::-1]), (2, 3, 2)
    ),
    "a band of positions": case(
        lambda x: x @ (abs(jnp.arange(6)[:, None] - 2 * jnp.arange(3)) == 1).astype("float32"),
        (2, 6),
    ),
    "resize up": case(resized(1, 6, 1), (1, 3, 1)),
    "resize up unevenly": case(resized(7, 5), (3, 4)),
    "resize down": case(resized(4, 2), (9, 2)),
    "resize down without antialiasing": case(resized(4, antialias=False), (9,)),
    "resize cubic": case(resized(10, method="cubic"), (5,)),
    "a matrix of two axes": case(
        lambda x: jnp.tensordot(x, jnp.eye(6)[:, ::-2].reshape(2, 3, 3), 2), (2, 2, 3)
    ),
    "a matrix of two axes, first": case(
        lambda x: jnp.tensordot(jnp.tri(4, 6).reshape(4, 3, 2), x, ((1, 2), (2, 0))), (2, 2, 3)
    ),
    "resize lanczos": case(resized(9, method="lanczos3"), (5,), equal=False),
    "resize nearest": case(resized(6, 3, method="nearest"), (3, 4)),
    "scale and translate": case(
        lambda x: jax.image.scale_and_translate(
            x, (8,), (0,), jnp.asarray([1.5]), jnp.asarray([0.25]), "linear"
        ),
        (5,),
        equal=False,
    ),
    "map_coordinates": case(
        lambda x: jax.scipy.ndimage.map_coordinates(
            x, [jnp.arange(3) + 0.5, jnp.arange(3.0)], order=1
        ),
        (5, 3),
        equal=False,
    ),
    "attention": case(attention(), (1, 3, 1, 2)),
    "causal attention": case(attention(is_causal=True), (1, 4, 1, 2)),
    "attention of several heads": case(attention(is_causal=True), (1, 3, 2, 2)),
    "attention to a window": case(attention(local_window_size=(1, 0)), (1, 4, 1, 2)),
    "attention by a mask": case(
        attention(mask=jnp.asarray([[1, 0, 0], [1, 0, 1], [1, 1, 0]], bool)), (1, 3, 1, 2)
    ),
    **{
        f"attention by hand, {kind}": case(by_hand(kind), (4, 2))
        for kind in (
            "where",
            "large",
            "added",
            "behind",
            "taken away",
        )
    },
}
