"""Steps that compute: windows, resizing, statistics, attention, recurrence.

All take and return maps [n c *spatial] and are made from literals.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional


class Resize(nn.Module):
    """`interpolate` to a size or by a factor."""

    def __init__(
        self,
        size: tuple[int, ...] | None = None,
        scale: tuple[float, ...] | None = None,
        mode: str = "nearest",
        *,
        align_corners: bool | None = None,
        recompute: bool | None = None,
        antialias: bool = False,
    ) -> None:
        super().__init__()
        self.options = {
            "size": size,
            "scale_factor": scale,
            "mode": mode,
            "align_corners": align_corners,
            "recompute_scale_factor": recompute,
            "antialias": antialias,
        }

    def forward(self, x: Tensor) -> Tensor:
        return functional.interpolate(x, **self.options)  # type: ignore[arg-type]  # a mixed bag of options


class GridSample(nn.Module):
    """Bilinear samples of a 2-D map at constant places."""

    def __init__(self, shape: tuple[int, int], seed: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.register_buffer("grid", torch.rand(1, *shape, 2, generator=generator) * 1.6 - 0.8)

    def forward(self, x: Tensor) -> Tensor:
        grid = self.get_buffer("grid").to(x.dtype).expand(x.shape[0], -1, -1, -1)
        return functional.grid_sample(x, grid, align_corners=False)


class Strip(nn.Module):
    """The map beside a statistic of whole axes, which keep extent 1 for it."""

    def __init__(
        self, axes: tuple[int, ...], how: Literal["mean", "max", "std", "norm"] = "mean"
    ) -> None:
        super().__init__()
        self.axes, self.how = axes, how

    def forward(self, x: Tensor) -> Tensor:
        if self.how == "mean":
            return x - x.mean(self.axes, keepdim=True)
        if self.how == "max":
            return x * x.amax(self.axes, keepdim=True)
        if self.how == "std":
            return x / (x.std(self.axes, correction=0, keepdim=True) + 1)
        norm: Tensor = torch.linalg.vector_norm(x, dim=self.axes, keepdim=True)
        return x + norm


class Reduce(nn.Module):
    """A spatial axis summed away."""

    def __init__(self, axis: int, how: Literal["sum", "max", "logsumexp"] = "sum") -> None:
        super().__init__()
        self.axis, self.how = axis, how

    def forward(self, x: Tensor) -> Tensor:
        if self.how == "max":
            return x.max(self.axis).values
        return x.logsumexp(self.axis) if self.how == "logsumexp" else x.sum(self.axis)


class Along(nn.Module):
    """An operator that reads the whole of one axis, or what came before."""

    def __init__(
        self, axis: int, how: Literal["softmax", "cumsum", "sort", "fft", "filter", "flipcumsum"]
    ) -> None:
        super().__init__()
        self.axis, self.how = axis, how

    def forward(self, x: Tensor) -> Tensor:
        if self.how == "softmax":
            return x.softmax(self.axis)
        if self.how == "cumsum":
            return x.cumsum(self.axis)
        if self.how == "flipcumsum":
            return x.flip(self.axis).cumsum(self.axis).flip(self.axis)
        if self.how == "sort":
            return x.sort(self.axis).values
        if self.how == "fft":
            waves: Tensor = torch.fft.fft(x, dim=self.axis)
            return waves.real
        spectrum = torch.fft.rfft(x, dim=self.axis)
        shape = [-1] + [1] * (x.dim() - 1 - self.axis)
        gains = torch.arange(1.0, 1 + spectrum.shape[self.axis]).reshape(shape)
        y: Tensor = torch.fft.irfft(spectrum * gains, n=x.shape[self.axis], dim=self.axis)
        return y


class LinearAlong(nn.Module):
    """A linear layer over the positions of one axis."""

    def __init__(
        self, axis: int, before: int, after: int, how: Literal["linear", "einsum", "matmul"]
    ) -> None:
        super().__init__()
        self.axis, self.how = axis, how
        self.weight = nn.Parameter(torch.randn(after, before))

    def forward(self, x: Tensor) -> Tensor:
        last = x.movedim(self.axis, -1)
        if self.how == "linear":
            last = functional.linear(last, self.weight)
        elif self.how == "einsum":
            last = torch.einsum("...i,oi->...o", last, self.weight)
        else:
            last = (self.weight @ last.unsqueeze(-1)).squeeze(-1)
        return last.movedim(-1, self.axis)


class Excite(nn.Module):
    """Squeeze-and-excitation: channels weighted by statistics of the whole map."""

    def __init__(self, channels: int, how: Literal["mul", "add", "flat"] = "mul") -> None:
        super().__init__()
        self.how = how
        self.squeeze = nn.Linear(channels, 2)
        self.expand = nn.Linear(2, channels)

    def forward(self, x: Tensor) -> Tensor:
        gate = x.mean(tuple(range(2, x.dim())))
        gate = torch.sigmoid(self.expand(torch.relu(self.squeeze(gate))))
        if self.how == "flat":
            return (x.flatten(2) * gate.unsqueeze(2)).reshape(x.shape)
        gate = gate.reshape(*gate.shape, *[1] * (x.dim() - 2))
        return x + gate if self.how == "add" else x * gate


class SpatialGate(nn.Module):
    """A gate for each position, computed from its channels."""

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(x.mean(1, keepdim=True) + x.amax(1, keepdim=True))


class ChannelsLast(nn.Module):
    """A module applied with the channels as the last axis."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.inner(x.movedim(1, -1))
        return y.movedim(-1, 1)


class Recurrent(nn.Module):
    """A recurrent layer over the positions of a 1-D map."""

    def __init__(
        self,
        how: Literal["LSTM", "GRU", "RNN"],
        channels: int,
        hidden: int,
        *,
        layers: int = 1,
        bidirectional: bool = False,
    ) -> None:
        super().__init__()
        self.layer = getattr(nn, how)(
            channels, hidden, layers, bidirectional=bidirectional, batch_first=True
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layer(x.transpose(1, 2))[0]
        return y.transpose(1, 2)


class Attention(nn.Module):
    """Self-attention over all positions."""

    def __init__(
        self,
        channels: int,
        heads: int = 1,
        how: Literal["fused", "hand", "module"] = "fused",
        *,
        mask: Literal["none", "causal", "band"] = "none",
    ) -> None:
        super().__init__()
        self.heads, self.how, self.mask = heads, how, mask
        self.qkv = nn.Linear(channels, 3 * channels)
        if how == "module":
            self.module = nn.MultiheadAttention(channels, heads, batch_first=True)

    def allowed(self, count: int) -> Tensor | None:
        rows, columns = torch.arange(count)[:, None], torch.arange(count)[None]
        if self.mask == "causal":
            return columns <= rows
        return (columns - rows).abs() <= 2 if self.mask == "band" else None

    def attend(self, tokens: Tensor) -> Tensor:
        """[n position channel] to the same."""
        count, allowed = tokens.shape[1], self.allowed(tokens.shape[1])
        if self.how == "module":
            mask = None if allowed is None else ~allowed
            y: Tensor = self.module(tokens, tokens, tokens, need_weights=False, attn_mask=mask)[0]
            return y
        q, k, v = (
            self.qkv(tokens)
            .reshape(len(tokens), count, 3, self.heads, -1)
            .permute(2, 0, 3, 1, 4)
            .unbind(0)
        )
        if self.how == "fused":
            causal = self.mask == "causal"
            y = functional.scaled_dot_product_attention(
                q, k, v, attn_mask=None if causal else allowed, is_causal=causal
            )
        else:
            scores = q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5
            if allowed is not None:
                scores = scores.masked_fill(~allowed, float("-inf"))
            y = scores.softmax(-1) @ v
        return y.transpose(1, 2).flatten(2)

    def forward(self, x: Tensor) -> Tensor:
        tokens = x.flatten(2).transpose(1, 2)
        return self.attend(tokens).transpose(1, 2).reshape(x.shape)


class WindowAttention(nn.Module):
    """Attention within windows of a 2-D map, which may be shifted over its ends."""

    def __init__(
        self,
        channels: int,
        window: tuple[int, int],
        shift: tuple[int, int] = (0, 0),
        how: Literal["fused", "hand"] = "fused",
    ) -> None:
        super().__init__()
        self.window, self.shift = window, shift
        self.attention = Attention(channels, how=how)

    def forward(self, x: Tensor) -> Tensor:
        n, c, height, width = x.shape
        rows, columns = self.window
        right, below = -width % columns, -height % rows
        y = functional.pad(x, (0, right, 0, below)).permute(0, 2, 3, 1)
        y = y.roll([-s for s in self.shift], (1, 2))
        tall, wide = (height + below) // rows, (width + right) // columns
        tokens = y.reshape(n, tall, rows, wide, columns, c).transpose(2, 3)
        tokens = self.attention.attend(tokens.reshape(-1, rows * columns, c))
        y = tokens.reshape(n, tall, wide, rows, columns, c).transpose(2, 3)
        y = y.reshape(n, height + below, width + right, c).roll(self.shift, (1, 2))
        return y[:, :height, :width].permute(0, 3, 1, 2)


class Residual(nn.Module):
    """`x + inner(x)`, the inner map cut or padded to the extents of x."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        return x + fit(self.inner(x), x)


class Join(nn.Module):
    """Several maps as one, cut to their common extents."""

    def __init__(self, how: Literal["add", "mul", "cat", "max", "where", "sub", "stack"]) -> None:
        super().__init__()
        self.how = how

    def forward(self, *maps: Tensor) -> Tensor:
        spatial = [min(extents) for extents in zip(*(m.shape[2:] for m in maps), strict=True)]
        channels = min(m.shape[1] for m in maps)
        cut = [m[(slice(None), slice(None), *map(slice, spatial))] for m in maps]
        if self.how == "cat":
            return torch.cat(cut, 1)
        a, b, *_ = (m[:, :channels] for m in cut)
        if self.how == "stack":
            return torch.stack([a, b], 2).flatten(1, 2)
        if self.how == "where":
            return torch.where(a > 0, b, a)
        if self.how == "mul":
            return a * b
        if self.how == "max":
            return torch.maximum(a, b)
        return a - b if self.how == "sub" else a + b


class CrossAttention(nn.Module):
    """Positions of the first map attend to all positions of the second."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        assert min(x[0, 0].numel(), y[0, 0].numel()) > 1, "one position is spread, not attended"
        channels = min(x.shape[1], y.shape[1])
        q, k = x[:, :channels].flatten(2), y[:, :channels].flatten(2)
        scores = torch.einsum("nci,ncj->nij", q, k).softmax(-1)
        return torch.einsum("nij,ncj->nci", scores, k).reshape(*q.shape[:2], *x.shape[2:])


class AddInto(nn.Module):
    """The first map, changed in place for all that read it later."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return x.add_(fit(y, x))


class ScaleInto(nn.Module):
    """The map without its first row, changed in place through a view."""

    def __init__(self, axis: int) -> None:
        super().__init__()
        self.axis = axis

    def forward(self, x: Tensor) -> Tensor:
        x.narrow(self.axis, 1, x.shape[self.axis] - 1).mul_(x.narrow(self.axis, 0, 1))
        return x


def fit(x: Tensor, like: Tensor) -> Tensor:
    """`x` with the shape of `like`: broadcast, cropped or padded, channels repeated."""
    times = -(-like.shape[1] // x.shape[1])
    x = x.repeat(1, times, *[1] * (x.dim() - 2))[:, : like.shape[1]]
    wide = [b if a == 1 else a for a, b in zip(x.shape[2:], like.shape[2:], strict=True)]
    x = x.expand(*x.shape[:2], *wide)
    pairs = zip(like.shape[:1:-1], x.shape[:1:-1], strict=True)
    return functional.pad(x, [width for a, b in pairs for width in (0, a - b)])
