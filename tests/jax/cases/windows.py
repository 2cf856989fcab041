"""Convolutions in every layout, pooling, and their transposes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from tests.jax.cases.case import Case, case


def weights(*shape: int) -> Any:
    return jnp.asarray(np.random.default_rng(1).uniform(0.5, 1.5, shape), "float32")


def conv(
    kernel: tuple[int, ...],
    layout: tuple[str, str, str],
    *,
    strides: Sequence[int] = (1,),
    padding: Any = "VALID",
    **options: Any,
) -> Callable[[Array], Any]:
    def convolved(x: Array) -> Any:
        return lax.conv_general_dilated(
            x, weights(*kernel), strides, padding, dimension_numbers=layout, **options
        )

    return convolved


def windows(**options: Any) -> Callable[[Array], Any]:
    def pooled(x: Array) -> Any:
        given = {"window_strides": (1,) * x.ndim, "padding": "VALID", **options}
        return lax.reduce_window(x, 0.0, lax.add, **given)

    return pooled


def generic(x: Array) -> Any:
    def mean_of_squares(a: Array, b: Array) -> Any:
        return a + b * 2.0

    return lax.reduce_window(x, jnp.float32(0), mean_of_squares, (1, 3), (1, 2), ((0, 0), (1, 0)))


def two_at_once(x: Array, y: Array) -> Any:
    def both(a: tuple[Array, Array], b: tuple[Array, Array]) -> Any:
        return a[0] + b[0] * b[1], a[1] + b[1] * b[0]

    zero = (jnp.float32(0), jnp.float32(0))
    return lax.reduce_window((x, y), zero, both, (3,), (2,), "VALID")


def pool_gradient(x: Array) -> Any:
    def total(x: Array) -> Any:
        pooled = lax.reduce_window(x, -jnp.inf, lax.max, (1, 3), (1, 2), "VALID")
        return (pooled**2).sum()

    return jax.grad(total)(x)


def pool_tangent(x: Array, y: Array) -> Any:
    def pooled(x: Array) -> Any:
        return lax.reduce_window(x, -jnp.inf, lax.max, (3,), (2,), "VALID")

    return jax.jvp(pooled, (x,), (y,))[1]


def choose_and_scatter(source: Array, x: Array) -> Any:
    # The public form is a call of the primitive with its jaxprs made.
    from jax._src.lax.windowed_reductions import _select_and_scatter

    return _select_and_scatter(x, lax.ge, (2,), (2,), ((0, 0),), source, jnp.float32(0), lax.add)


NCHW, NHWC = ("NCHW", "OIHW", "NCHW"), ("NHWC", "HWIO", "NHWC")

WINDOWS: dict[str, Case] = {
    "conv, channels last": case(conv((3, 2, 2, 3), NHWC, strides=(2, 1)), (1, 6, 5, 2)),
    "conv, channels first": case(conv((3, 2, 3, 2), NCHW, strides=(1, 2)), (2, 2, 5, 6)),
    "conv, axes in any order": case(
        conv((3, 2, 2, 3), ("HNWC", "HWIO", "CWNH"), strides=(2, 1)), (6, 1, 5, 2)
    ),
    "conv, batch and channels last": case(
        conv((3, 2, 3), ("HCN", "HIO", "CNH"), strides=(2,)), (7, 2, 2)
    ),
    "conv on three axes": case(
        conv((2, 1, 2, 3, 1), ("NCDHW", "OIDHW", "NDHWC"), strides=(1, 2, 1)), (1, 1, 3, 5, 2)
    ),
    "conv without spatial axes": case(conv((3, 2), ("NC", "OI", "NC"), strides=()), (2, 2)),
    "conv dilated": case(
        conv((1, 1, 3, 2), NCHW, strides=(1, 1), rhs_dilation=(2, 3)), (1, 1, 7, 6)
    ),
    "conv padded unevenly": case(
        conv((1, 1, 3, 2), NCHW, strides=(2, 1), padding=((2, 0), (0, 3))), (1, 1, 5, 4)
    ),
    "conv with negative padding": case(
        conv((1, 1, 2, 2), NCHW, strides=(1, 1), padding=((-1, 2), (1, -2))), (1, 1, 6, 6)
    ),
    "conv in groups": case(
        conv((4, 2, 3), ("NCH", "OIH", "NCH"), feature_group_count=2), (1, 4, 6)
    ),
    "conv of each channel": case(
        conv((3, 1, 6), ("NHC", "HIO", "NHC"), feature_group_count=3, padding="SAME"), (1, 5, 3)
    ),
    "conv in groups of the batch": case(
        conv((4, 3, 3), ("NCH", "OIH", "NCH"), batch_group_count=2), (4, 3, 5)
    ),
    "conv in groups of the batch, channels last": case(
        conv((2, 3, 6), ("NHC", "HIO", "NHC"), batch_group_count=3), (3, 4, 3)
    ),
    "conv transposed": case(
        conv((1, 1, 4), ("NCH", "OIH", "NCH"), padding=((2, 2),), lhs_dilation=(2,)), (1, 1, 5)
    ),
    "conv transposed on one axis, in groups": case(
        conv(
            (4, 1, 3, 2),
            NCHW,
            strides=(1, 1),
            padding=((1, 3), (0, 0)),
            lhs_dilation=(3, 1),
            rhs_dilation=(2, 1),
            feature_group_count=2,
        ),
        (1, 2, 4, 3),
    ),
    "conv of a spaced input, strided": case(
        conv((1, 1, 3), ("NCH", "OIH", "NCH"), strides=(3,), padding=((1, 2),), lhs_dilation=(2,)),
        (1, 1, 6),
    ),
    "conv transposed with negative padding": case(
        conv((1, 1, 2), ("NCH", "OIH", "NCH"), padding=((-1, -2),), lhs_dilation=(2,)), (1, 1, 6)
    ),
    "conv_transpose": case(
        lambda x: lax.conv_transpose(x, weights(3, 2, 3), (2,), "SAME"), (1, 5, 2)
    ),
    "conv of two inputs": case(
        lambda x, w: lax.conv_general_dilated(x, w, (2,), "VALID"), (1, 2, 5), (3, 2, 2)
    ),
    "conv of an input as the kernel": case(
        lambda w: lax.conv_general_dilated(weights(1, 2, 5), w, (1,), "VALID"), (3, 2, 2)
    ),
    "conv of an input as the kernel, in groups": case(
        lambda w: lax.conv_general_dilated(
            weights(1, 4, 5), w, (1,), "VALID", feature_group_count=2
        ),
        (4, 2, 2),
    ),
    "sums of windows": case(
        windows(window_dimensions=(1, 3, 2), window_strides=(1, 2, 1), padding="SAME"), (2, 6, 4)
    ),
    "sums of windows of channels": case(windows(window_dimensions=(1, 2, 2)), (1, 4, 3)),
    "sums of dilated windows": case(
        windows(
            window_dimensions=(3,),
            window_strides=(2,),
            padding=((2, 1),),
            window_dilation=(2,),
        ),
        (8,),
    ),
    "sums of windows of a spaced input": case(
        windows(window_dimensions=(3,), padding=((1, 0),), base_dilation=(2,)), (5,)
    ),
    "sums of windows of a spaced input, strided": case(
        windows(
            window_dimensions=(3, 1), window_strides=(2, 2), padding="VALID", base_dilation=(3, 1)
        ),
        (4, 3),
    ),
    "windows of one element": case(windows(window_dimensions=(1, 1)), (2, 3)),
    "largest of windows": case(
        lambda x: lax.reduce_window(x, -jnp.inf, lax.max, (1, 2), (1, 2), "SAME"),
        (2, 5),
    ),
    "smallest of windows": case(
        lambda x: lax.reduce_window(x, jnp.inf, lax.min, (2, 1), (1, 1), "VALID"), (4, 2)
    ),
    "all of windows": case(
        lambda x: lax.reduce_window(x > 0, True, lax.bitwise_and, (2,), (1,), "VALID") * 1.0,
        (4,),
        equal=False,
    ),
    "any of windows": case(
        lambda x: lax.reduce_window(x > 0, False, lax.bitwise_or, (2,), (1,), "VALID") * 1.0,
        (4,),
        equal=False,
    ),
    "windows reduced by a function": case(generic, (1, 7)),
    "windows of two inputs reduced together": case(two_at_once, (6,), (6,)),
    "gradient of a pooling": case(pool_gradient, (1, 7), equal=False),
    "tangent of a pooling": case(pool_tangent, (7,), (7,), equal=False),
    "what was chosen, scattered": case(choose_and_scatter, (3,), (6,), equal=False),
}
