"""Networks of flax and equinox, each beside the same network in PyTorch."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from flax import linen, nnx

import fieldscope
from benchmarks.forms import of_torch
from benchmarks.forms.fields import Comparison, Fields, fields_of

Shape = tuple[int, ...]


def _pooled(x: jax.Array, kernel: int, padding: int = 0) -> jax.Array:
    around = ((padding, padding),) * 2
    pooled: jax.Array = linen.max_pool(x, (kernel, kernel), (2, 2), around)
    return pooled


class _Block(linen.Module):
    width: int
    stride: int = 1

    @linen.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        s = (self.stride, self.stride)
        y = linen.Conv(self.width, (3, 3), s, padding=1, use_bias=False, name="conv1")(x)
        y = linen.BatchNorm(use_running_average=True, name="bn1")(y)
        y = linen.Conv(self.width, (3, 3), padding=1, use_bias=False, name="conv2")(linen.relu(y))
        y = linen.BatchNorm(use_running_average=True, name="bn2")(y)
        if x.shape != y.shape:
            x = linen.Conv(self.width, (1, 1), s, use_bias=False, name="downsample_0")(x)
            x = linen.BatchNorm(use_running_average=True, name="downsample_1")(x)
        return linen.relu(x + y)


class ResNet18(linen.Module):
    """torchvision's, channels last."""

    @linen.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        x = linen.Conv(64, (7, 7), (2, 2), padding=3, use_bias=False, name="conv1")(x)
        x = linen.relu(linen.BatchNorm(use_running_average=True, name="bn1")(x))
        x = _pooled(x, 3, 1)
        for stage in range(4):
            for k in range(2):
                stride = 2 if stage and not k else 1
                x = _Block(64 * 2**stage, stride, name=f"layer{stage + 1}_{k}")(x)
        return linen.Dense(1000, name="fc")(x.mean((1, 2)))


class _Convolutions(nnx.Module):
    def __init__(self, before: int, width: int, rngs: nnx.Rngs) -> None:
        for k, inputs in ((0, before), (3, width)):
            conv = nnx.Conv(inputs, width, (3, 3), padding=1, use_bias=False, rngs=rngs)
            norm = nnx.BatchNorm(width, use_running_average=True, rngs=rngs)
            setattr(self, f"_{k}", conv)
            setattr(self, f"_{k + 1}", norm)

    def __call__(self, x: jax.Array) -> jax.Array:
        for k in (0, 3):
            x = nnx.relu(getattr(self, f"_{k + 1}")(getattr(self, f"_{k}")(x)))
        return x


class UNet(nnx.Module):
    """`benchmarks.networks.UNet` of two axes, channels last."""

    def __init__(self, channels: int = 16, levels: int = 4) -> None:
        rngs = nnx.Rngs(0)
        widths = [channels * 2**level for level in range(levels)]
        before, self.levels = 1, levels
        for level, width in enumerate(widths):
            setattr(self, f"down_{level}", _Convolutions(before, width, rngs))
            before = width
        for k, width in enumerate(reversed(widths[:-1])):
            up = nnx.ConvTranspose(before, width, (2, 2), (2, 2), padding="VALID", rngs=rngs)
            setattr(self, f"widen_{k}", up)
            setattr(self, f"up_{k}", _Convolutions(2 * width, width, rngs))
            before = width
        self.head = nnx.Conv(before, 3, (1, 1), rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        across = []
        for level in range(self.levels):
            x = _pooled(x, 2) if level else x
            x = getattr(self, f"down_{level}")(x)
            across.append(x)
        across.pop()
        for k in range(self.levels - 1):
            x = jnp.concatenate([across.pop(), getattr(self, f"widen_{k}")(x)], axis=-1)
            x = getattr(self, f"up_{k}")(x)
        return self.head(x)


class _Causal(eqx.Module):
    conv1: eqx.nn.Conv1d
    conv2: eqx.nn.Conv1d
    match: eqx.nn.Conv1d | None
    behind: int = eqx.field(static=True)

    def __init__(self, before: int, width: int, dilation: int) -> None:
        key = jax.random.key(0)
        self.behind = 2 * dilation
        options: dict[str, Any] = {"padding": self.behind, "dilation": dilation, "key": key}
        self.conv1 = eqx.nn.Conv1d(before, width, 3, **options)
        self.conv2 = eqx.nn.Conv1d(width, width, 3, **options)
        self.match = eqx.nn.Conv1d(before, width, 1, key=key) if before != width else None

    def __call__(self, x: jax.Array) -> jax.Array:
        y = jax.nn.relu(self.conv1(x)[..., : -self.behind])
        y = jax.nn.relu(self.conv2(y)[..., : -self.behind])
        return jax.nn.relu(y + (x if self.match is None else self.match(x)))


class TCN(eqx.Module):
    """`benchmarks.networks.TCN`; equinox runs samples one by one, without a batch axis."""

    blocks: list[_Causal]

    def __init__(self, inputs: int = 4, channels: int = 8, blocks: int = 5) -> None:
        self.blocks = [_Causal(channels if k else inputs, channels, 2**k) for k in range(blocks)]

    def __call__(self, x: jax.Array) -> jax.Array:
        for block in self.blocks:
            x = block(x)
        return x


_MADE: dict[str, tuple[str, Callable[[], Any], Shape, dict[str, Any]]] = {
    "resnet18": ("flax.linen", ResNet18, (1, 224, 224, 3), {}),
    "unet_2d": ("flax.nnx", UNet, (1, 64, 96, 1), {}),
    "tcn": ("equinox", TCN, (4, 256), {"axes": (1,)}),
}
NAMES = tuple(_MADE)


def compared(name: str) -> Iterator[Comparison]:
    """A network beside the module that it is a copy of."""
    library, build, shape, options = _MADE[name]
    model, given = of_torch.network(name)
    module = fields_of(fieldscope.analyze(model, given))
    fields = fields_of(fieldscope.analyze(build(), shape, **options))
    modules = {_plain(path) for path, _ in model.named_modules()}
    yield Comparison.of(
        name, f"{library}, beside PyTorch", _by_plain(fields), _by_plain(module), modules
    )


def _plain(path: str) -> str:
    """A path as it is where modules aren't in lists: layer1_0_conv1 for layer1.0.conv1."""
    return re.sub(r"[._]+", "_", path)


def _by_plain(fields: Fields) -> Fields:
    return {_plain(path): one for path, one in fields.items()}
