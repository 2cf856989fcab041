"""Stand-ins for operators that read windows, one matrix for each axis.

The matrices are measured: the real operator is run, on one axis, on all
one-hot signals of that axis. Whatever comes out for a one-hot signal is what
reads that element.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional

from tests.oracle.reading import Reading, StandIn
from tests.oracle.shadows import NOTHING


def _one_hot(extent: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """All one-hot signals [element 1 position]."""
    return torch.eye(extent, dtype=dtype)[:, None, :]


def _taps(responses: Tensor) -> Tensor:
    """Matrix of 0 and 1 [element position] from responses to one-hot signals.

    (The maximum of a window that lies in the padding is -inf whatever the signal.)
    """
    responses = responses.flatten(1)
    return (responses.isfinite() & (responses.abs() > NOTHING)).double()


def along(shadow: Tensor, first: int, matrices: list[Tensor]) -> Tensor:
    """Apply one matrix to each axis, from axis `first` on."""
    for offset, matrix in enumerate(matrices):
        axis = first + offset
        shadow = (shadow.movedim(axis, -1) @ matrix).movedim(-1, axis)
    return shadow


@lru_cache(maxsize=4096)
def _convolution(n: int, k: int, s: int, p: int, d: int, out_p: int, transposed: bool) -> Tensor:
    ones = torch.ones(1, 1, k, dtype=torch.float64)
    if transposed:
        return _taps(functional.conv_transpose1d(_one_hot(n), ones, None, s, p, out_p, 1, d))
    return _taps(functional.conv1d(_one_hot(n), ones, None, s, p, d))


@lru_cache(maxsize=4096)
def _max_window(n: int, k: int, s: int, p: int, d: int, ceil_mode: bool) -> Tensor:
    return _taps(functional.max_pool1d(_one_hot(n), k, s, p, d, ceil_mode=ceil_mode))


@lru_cache(maxsize=4096)
def _mean_window(n: int, k: int, s: int, p: int, ceil_mode: bool) -> Tensor:
    return _taps(functional.avg_pool1d(_one_hot(n), k, s, p, ceil_mode=ceil_mode))


@lru_cache(maxsize=4096)
def _adaptive_window(n: int, out: int) -> Tensor:
    return _taps(functional.adaptive_avg_pool1d(_one_hot(n), out))


def convolution(r: Reading) -> Tensor:
    """Each output channel reads the windows of all channels of its group."""
    x, weight = r.shadow("input"), r.shadow("weight")
    batch, channels = r.call.values["input"].shape[:2]
    count = r.call.values["input"].dim() - 2
    groups = r.value("groups")
    shape = r.shape
    total = torch.zeros(shape, dtype=torch.float64)
    if x is not None:
        spatial = x.shape[2:]
        grouped = x.reshape(batch, groups, channels // groups, *spatial).sum(2)
        extents = r.call.values["weight"].shape[2:]
        parameters = zip(
            spatial,
            extents,
            r.per_axis("stride", count),
            r.per_axis("padding", count),
            r.per_axis("dilation", count),
            r.per_axis("output_padding", count, [0]),
            strict=True,
        )
        matrices = [_convolution(*p, bool(r.value("transposed"))) for p in parameters]
        grouped = along(grouped, 2, matrices)
        wide = grouped.unsqueeze(2).expand(-1, -1, shape[1] // groups, *grouped.shape[2:])
        total = total + wide.reshape(shape)
    if weight is not None:
        # Filters that are computed from the input: each output channel reads its own.
        if r.value("transposed"):
            own = weight.sum(dim=[0, *range(2, weight.dim())]).repeat(groups)
        else:
            own = weight.flatten(1).sum(1)
        total = total + own.reshape(1, -1, *[1] * count)
    bias = r.shadow("bias")
    return total if bias is None else total + bias.reshape(1, -1, *[1] * count)


def max_pool(r: Reading) -> Sequence[Tensor | None]:
    """Each position reads its window, which the maximum may lie anywhere in."""
    x = r.need("self")
    count = 3 if "3d" in r.call.name else 2
    kernel = r.per_axis("kernel_size", count)
    parameters = zip(
        x.shape[-count:],
        kernel,
        r.per_axis("stride", count, kernel),
        r.per_axis("padding", count),
        r.per_axis("dilation", count),
        strict=True,
    )
    matrices = [_max_window(*p, bool(r.value("ceil_mode"))) for p in parameters]
    result = along(x, x.dim() - count, matrices)
    return [result] * len(r.call.results())


def mean_pool(r: Reading) -> Tensor:
    """Each position reads its window."""
    x = r.need("self")
    count = int(r.call.name[-2])
    kernel = r.per_axis("kernel_size", count)
    parameters = zip(
        x.shape[-count:],
        kernel,
        r.per_axis("stride", count, kernel),
        r.per_axis("padding", count),
        strict=True,
    )
    matrices = [_mean_window(*p, bool(r.value("ceil_mode"))) for p in parameters]
    return along(x, x.dim() - count, matrices)


def adaptive_pool(r: Reading) -> Sequence[Tensor | None]:
    """Each position reads its share of the axis, rounded outwards."""
    x = r.need("self")
    count = int(r.call.name[-2])
    pairs = zip(x.shape[-count:], r.shape[-count:], strict=True)
    result = along(x, x.dim() - count, [_adaptive_window(n, out) for n, out in pairs])
    return [result] * len(r.call.results())


def resize(r: Reading) -> Tensor:
    """Each position reads the taps that have a weight."""
    x = r.need("self")
    count = int(r.call.name.removesuffix("_aa")[-2])
    # Nearest rounds positions in the precision of its input: that is what it reads.
    dtype = r.call.values["self"].dtype if "nearest" in r.call.name else torch.float64
    names = ["scales"] if count == 1 else ["scales_d", "scales_h", "scales_w"][-count:]
    matrices = []
    for axis, scale in enumerate(names):
        n, out = x.shape[2 + axis], r.shape[2 + axis]
        # The other axes get two positions, kept as they are: torch's antialiasing
        # is wrong beside an axis with one.
        sides = [n if other == axis else 2 for other in range(count)]
        line = [n if other == axis else 1 for other in range(count)]
        signals = torch.eye(n, dtype=dtype).reshape(1, n, *line).expand(1, n, *sides).contiguous()
        sides[axis] = out
        values = dict.fromkeys(names) | {scale: r.value(scale)}
        values |= {"self": signals, "output_size": sides}
        if "align_corners" in r.call.values:
            values["align_corners"] = r.call.values["align_corners"]
        responses = r.call.func(**values).movedim(2 + axis, 2).reshape(n, out, -1)[..., 0]
        matrices.append(_taps(responses))
    return along(x, 2, matrices)


WINDOWS: dict[str, StandIn] = {
    "convolution": convolution,
    "max_pool2d_with_indices": max_pool,
    "max_pool3d_with_indices": max_pool,
    "avg_pool1d": mean_pool,
    "avg_pool2d": mean_pool,
    "avg_pool3d": mean_pool,
    **{
        f"{name}{n}d": adaptive_pool
        for name in ("_adaptive_avg_pool", "adaptive_avg_pool", "adaptive_max_pool")
        for n in (1, 2, 3)
    },
    **dict.fromkeys(
        (
            "upsample_nearest1d",
            "upsample_nearest2d",
            "upsample_nearest3d",
            "_upsample_nearest_exact1d",
            "_upsample_nearest_exact2d",
            "_upsample_nearest_exact3d",
            "upsample_linear1d",
            "upsample_bilinear2d",
            "upsample_trilinear3d",
            "upsample_bicubic2d",
            "_upsample_bilinear2d_aa",
            "_upsample_bicubic2d_aa",
        ),
        resize,
    ),
}
