"""Random small networks on [n y x c], as functions; the same ones in every run."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

Step = Callable[[Any], Any]

LAYOUT = ("NHWC", "HWIO", "NHWC")
LARGEST = 400
"""Elements of a value: the patterns of two of them are compared as a matrix."""


def _weights(*shape: int) -> Any:
    return jnp.asarray(np.random.default_rng(0).uniform(0.5, 1.5, shape), "float32")


def _conv(rng: random.Random, shape: tuple[int, ...]) -> Step | None:
    _, *extents, channels = shape
    groups = rng.choice([g for g in (1, 2, 3) if channels % g == 0])
    kernel = [rng.choice([1, 2, 3]) for _ in extents]
    pads = [(rng.choice([0, 1, 2, -1]), rng.choice([0, 1])) for _ in extents]
    strides, holes = [rng.choice([1, 1, 2]) for _ in extents], [rng.choice([1, 1, 2])] * 2
    spaced = [rng.choice([1, 1, 1, 2]) for _ in extents]
    features = groups * rng.choice([1, 2])

    def step(x: Any) -> Any:
        return lax.conv_general_dilated(
            x, _weights(*kernel, channels // groups, features), strides, pads,
            lhs_dilation=spaced, rhs_dilation=holes, dimension_numbers=LAYOUT,
            feature_group_count=groups,
        )  # fmt: skip

    return step


def _pool(rng: random.Random, shape: tuple[int, ...]) -> Step | None:
    size, stride = (rng.choice([1, 2, 3]), rng.choice([1, 2])), (rng.choice([1, 2]), 1)
    padding = rng.choice(["SAME", "VALID"])
    return lambda x: _smoothed(x, size, stride, padding)


def _smoothed(x: Any, size: tuple[int, int], stride: tuple[int, int], padding: str) -> Any:
    """Sums of windows of each channel, as a convolution: asdex has no rule for `reduce_window`."""
    channels = x.shape[-1]
    return lax.conv_general_dilated(
        x, jnp.ones((*size, 1, channels)), stride, padding,
        dimension_numbers=LAYOUT, feature_group_count=channels,
    )  # fmt: skip


def _pad(rng: random.Random, shape: tuple[int, ...]) -> Step | None:
    amounts = [(0, 0, 0), *((rng.choice([0, 1, -1]), rng.choice([0, 2]), rng.choice([0, 0, 1]))
                            for _ in range(2)), (0, 0, 0)]  # fmt: skip
    return lambda x: lax.pad(x, jnp.float32(0), amounts)


def _mirror(rng: random.Random, shape: tuple[int, ...]) -> Step | None:
    if min(shape[1:3]) < 3:
        return None
    mode = rng.choice(["reflect", "wrap", "edge", "symmetric"])
    return lambda x: jnp.pad(x, ((0, 0), (1, 2), (0, 1), (0, 0)), mode=mode)


def _slice(rng: random.Random, shape: tuple[int, ...]) -> Step | None:
    start, step = rng.choice([0, 1]), rng.choice([1, 2])
    if min(shape[1:3]) <= start:
        return None
    return rng.choice([lambda x: x[:, start::step], lambda x: x[:, :, start::step, ::-1]])


def _moves(rng: random.Random, shape: tuple[int, ...]) -> Step | None:
    _, height, width, channels = shape
    order = rng.sample(range(height), height)
    return rng.choice([
        lambda x: jnp.flip(x, 1),
        lambda x: jnp.roll(x, (1, -1), (1, 2)),
        lambda x: x.swapaxes(1, 2),
        lambda x: x[:, jnp.asarray(order)],
        lambda x: x[:, jnp.asarray(order)[:2], jnp.asarray([0, width - 1])[: min(height, 2)]][
            :, None
        ],
        lambda x: jnp.repeat(x, 2, axis=2),
        lambda x: x.reshape(1, height * width, 1, channels),
        lambda x: x.reshape(1, width, height, channels),
        lambda x: x.at[:, 0].set(x[:, -1]),
        lambda x: x.at[:, :1].add(x[:, -1:] * 2),
        lambda x: x.at[:, ::2].set(1.0),
    ])  # fmt: skip


def _depth(rng: random.Random, shape: tuple[int, ...]) -> Step | None:
    _, height, width, channels = shape
    if height % 2 or width % 2:
        return None
    return lambda x: (
        x.reshape(1, height // 2, 2, width // 2, 2, channels)
        .transpose(0, 1, 3, 2, 4, 5)
        .reshape(1, height // 2, width // 2, 4 * channels)
    )


def _wide(rng: random.Random, shape: tuple[int, ...]) -> Step | None:
    _, height, width, channels = shape
    return rng.choice([
        lambda x: jnp.cumsum(x, 1),
        lambda x: lax.cumsum(x, 2, reverse=True),
        lambda x: x @ _weights(channels, 2),
        lambda x: jnp.einsum("nyxc,yz->nzxc", x, _weights(height, 3)),
        lambda x: x + x.mean((1, 2), keepdims=True),
        lambda x: x * jax.nn.sigmoid(x.sum(2, keepdims=True)),
        lambda x: x.sum(2, keepdims=True),
        lambda x: jax.image.resize(x, (1, height, 2 * width, channels), "nearest"),
        _rows,
    ])  # fmt: skip


def _rows(x: Any) -> Any:
    made = lax.scan(lambda s, row: (s + row, s * row), x[:, 0] * 2, x.swapaxes(0, 1))[1]
    return made.swapaxes(0, 1)


def _joined(rng: random.Random, shape: tuple[int, ...]) -> Step | None:
    def step(x: Any) -> Any:
        y = _smoothed(x, (3, 1), (1, 1), "SAME")
        return join(x, y)

    join: Any = rng.choice([
        lambda x, y: x + y,
        lambda x, y: jnp.concatenate([x, y], 3),
        lambda x, y: jnp.concatenate([y, x * 2], 1),
        lambda x, y: jnp.stack([x, y], 2).reshape(1, shape[1], 2 * shape[2], shape[3]),
        lambda x, y: jnp.where((jnp.arange(shape[2]) % 2 == 0)[:, None], x, y),
    ])  # fmt: skip
    return step


STEPS = (_conv, _conv, _conv, _pool, _pad, _mirror, _slice, _moves, _moves, _depth, _wide, _joined)


def network(seed: int) -> tuple[Callable[[Any], Any], tuple[int, ...]]:
    """A function and the shape of its input."""
    rng = random.Random(seed)
    shape = (1, rng.randint(3, 8), rng.randint(2, 7), rng.choice([1, 2]))
    steps: list[Step] = []
    now: Any = jax.ShapeDtypeStruct(shape, "float32")
    for _ in range(40):
        step = rng.choice(STEPS)(rng, now.shape)
        if step is None:
            continue
        try:
            after = jax.eval_shape(step, now)
        except (TypeError, ValueError):  # a window that is larger than the map
            continue
        if 0 < after.size <= LARGEST and after.ndim == 4:
            steps.append(step)
            now = after
        if len(steps) == 1 + seed % 4:
            break

    def function(x: Any) -> Any:
        for step in steps:
            x = step(x)
        return x

    return function, shape
