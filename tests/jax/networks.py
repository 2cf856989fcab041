"""The same networks for flax's linen and nnx, equinox and PyTorch."""

from __future__ import annotations

from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import torch
from flax import linen, nnx
from torch import nn


class LinenBlock(linen.Module):
    features: int
    stride: int = 1

    @linen.compact
    def __call__(self, x: Any, train: bool) -> Any:
        conv = partial(linen.Conv, use_bias=False)
        norm = partial(linen.BatchNorm, use_running_average=not train)
        y = conv(self.features, (3, 3), self.stride, padding=1, name="conv1")(x)
        y = linen.relu(norm(name="bn1")(y))
        y = norm(name="bn2")(conv(self.features, (3, 3), padding=1, name="conv2")(y))
        if x.shape != y.shape:
            x = conv(self.features, (1, 1), self.stride, name="downsample_conv")(x)
            x = norm(name="downsample_norm")(x)
        return linen.relu(x + y)


class LinenResNet(linen.Module):
    """torchvision's resnet18, channels last and narrow, with the same names of its layers."""

    stages: tuple[int, ...] = (2, 2, 2, 2)

    @linen.compact
    def __call__(self, x: Any, train: bool = True) -> Any:
        x = linen.Conv(8, (7, 7), 2, padding=3, use_bias=False, name="conv1")(x)
        x = linen.relu(linen.BatchNorm(use_running_average=not train, name="bn1")(x))
        x = linen.max_pool(x, (3, 3), (2, 2), padding=((1, 1), (1, 1)))
        for i, count in enumerate(self.stages):
            for j in range(count):
                stride = 2 if i and not j else 1
                x = LinenBlock(8 * 2**i, stride, name=f"layer{i + 1}_{j}")(x, train)
        return linen.Dense(10, name="fc")(x.mean((1, 2)))


class Tokens(linen.Module):
    """Patches, and one block of attention, causal or not."""

    causal: bool = False

    @linen.compact
    def __call__(self, x: Any) -> Any:
        x = linen.Conv(8, (4, 4), (4, 4), name="patches")(x)
        tokens = x.reshape(x.shape[0], -1, 8)
        mask = jnp.tril(jnp.ones((1, 1, *[tokens.shape[1]] * 2), bool)) if self.causal else None
        read = linen.MultiHeadDotProductAttention(2, name="attention")(
            linen.LayerNorm(name="norm")(tokens), mask=mask
        )
        return linen.Dense(8, name="mlp")(tokens + read)


class TorchTokens(nn.Module):
    def __init__(self, *, causal: bool) -> None:
        super().__init__()
        self.patches, self.norm = nn.Conv2d(3, 8, 4, 4), nn.LayerNorm(8)
        self.attention, self.mlp = nn.MultiheadAttention(8, 2, batch_first=True), nn.Linear(8, 8)
        self.causal = causal

    def forward(self, x: torch.Tensor) -> Any:
        tokens = self.patches(x).flatten(2).transpose(1, 2)
        n = tokens.shape[1]
        mask = torch.triu(torch.ones(n, n, dtype=torch.bool), 1) if self.causal else None
        normed = self.norm(tokens)
        read = self.attention(normed, normed, normed, attn_mask=mask, need_weights=False)[0]
        return self.mlp(tokens + read)


class NnxUNet(nnx.Module):
    """Two levels: a transposed convolution up, beside a bilinear resize."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        conv = partial(nnx.Conv, rngs=rngs)
        self.down = conv(1, 4, (3, 3))
        self.inner = nnx.List([conv(4, 8, (3, 3)), conv(8, 8, (3, 3), kernel_dilation=2)])
        self.norm = nnx.GroupNorm(8, num_groups=2, rngs=rngs)
        self.up = nnx.ConvTranspose(8, 4, (2, 2), (2, 2), rngs=rngs)
        self.last = conv(16, 2, (3, 3))
        self.drop = nnx.Dropout(0.5, rngs=rngs)

    def __call__(self, x: Any) -> Any:
        first = nnx.relu(self.down(x))
        x = nnx.max_pool(first, (2, 2), (2, 2))
        for layer in self.inner:
            x = nnx.relu(layer(x))
        x = self.norm(x)
        resized = jax.image.resize(x, (*first.shape[:3], 8), "bilinear")
        x = jnp.concatenate([first, self.up(x), resized], -1)
        return self.drop(self.last(x))


class TorchUNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Conv2d(1, 4, 3, padding=1)
        self.inner = nn.ModuleList(
            [nn.Conv2d(4, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=2, dilation=2)]
        )
        self.norm = nn.GroupNorm(2, 8)
        self.up = nn.ConvTranspose2d(8, 4, 2, 2)
        self.last = nn.Conv2d(16, 2, 3, padding=1)

    def forward(self, x: torch.Tensor) -> Any:
        first = self.down(x).relu()
        x = nn.functional.max_pool2d(first, 2)
        for layer in self.inner:
            x = layer(x).relu()
        x = self.norm(x)
        resized = nn.functional.interpolate(x, scale_factor=2, mode="bilinear")
        return self.last(torch.cat([first, self.up(x), resized], 1))


class Branches(eqx.Module):
    """Grouped, dilated and pooled branches of an image without a batch."""

    stem: eqx.nn.Conv2d
    branches: list[Any]
    norm: eqx.nn.GroupNorm
    last: eqx.nn.Conv2d
    drop: eqx.nn.Dropout

    def __init__(self) -> None:
        key = jax.random.key(0)
        conv = partial(eqx.nn.Conv2d, key=key)
        self.stem = conv(3, 8, 5, 2, 2)
        self.branches = [
            conv(8, 8, 3, padding=1, groups=2),
            conv(8, 8, 3, padding=3, dilation=3),
            eqx.nn.AvgPool2d(3, 1, 1),
        ]
        self.norm = eqx.nn.GroupNorm(2, 24)
        self.last = conv(24, 4, (1, 3))
        self.drop = eqx.nn.Dropout(0.5)

    def __call__(self, x: Any) -> Any:
        x = jax.nn.relu(self.stem(x))
        x = jnp.concatenate([branch(x) for branch in self.branches])
        return self.drop(self.last(self.norm(x)))


class TorchBranches(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 5, 2, 2)
        self.branches = nn.ModuleList(
            [
                nn.Conv2d(8, 8, 3, padding=1, groups=2),
                nn.Conv2d(8, 8, 3, padding=3, dilation=3),
                nn.AvgPool2d(3, 1, 1),
            ]
        )
        self.norm, self.last = nn.GroupNorm(2, 24), nn.Conv2d(24, 4, (1, 3))

    def forward(self, x: torch.Tensor) -> Any:
        x = self.stem(x).relu()
        return self.last(self.norm(torch.cat([branch(x) for branch in self.branches], 1)))
