"""Convolutions, pooling and their transposes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from fieldscope.frontends.lowering.tables import adaptive_table
from fieldscope.frontends.lowering.windows import outputs, patches, summed_taps
from fieldscope.frontends.torch.lowering.call import Call
from fieldscope.frontends.torch.lowering.registry import lowers
from fieldscope.geometry.sliding import Sliding
from fieldscope.graph.operators import Channels, Spread, Window


def _each(values: int | Sequence[int], count: int) -> list[int]:
    values = [values] if isinstance(values, int) else list(values)
    return values * count if len(values) == 1 else values


def _convolved(
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool,
    output_padding: Sequence[int],
    groups: int,
    *_: Any,
) -> torch.Tensor:
    """Result of a convolution on the meta device, by the formula of its documentation."""
    kernel = weight.shape[2:]
    batched = x.dim() == len(kernel) + 2
    extents = x.shape[2:] if batched else x.shape[1:]
    channels = x.shape[1] if batched else x.shape[0]
    n = len(kernel)
    wanted = weight.shape[0] if transposed else weight.shape[1] * groups
    if channels != wanted:
        raise RuntimeError(
            f"expected {wanted} channels, got {channels} in an input of shape {tuple(x.shape)}"
        )
    s, p, d, o = (_each(v, n) for v in (stride, padding, dilation, output_padding))
    if transposed:
        out = [
            (extents[k] - 1) * s[k] - 2 * p[k] + d[k] * (kernel[k] - 1) + o[k] + 1 for k in range(n)
        ]
        features = weight.shape[1] * groups
    else:
        out = [(extents[k] + 2 * p[k] - d[k] * (kernel[k] - 1) - 1) // s[k] + 1 for k in range(n)]
        features = weight.shape[0]
    if any(extent <= 0 for extent in out) and 0 not in x.shape:
        raise RuntimeError(
            f"the kernel {tuple(kernel)} (dilation {tuple(d)}) is larger than the padded input: "
            f"extents {tuple(extents)}, padding {tuple(p)}"
        )
    shape = (x.shape[0], features, *out) if batched else (features, *out)
    return torch.empty(shape, device="meta", dtype=x.dtype)


@lowers(
    "convolution",
    "_convolution",
    "cudnn_convolution",
    "convolution_overrideable",
    shapes=_convolved,
)
def convolution(
    call: Call,
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool,
    output_padding: Sequence[int],
    groups: int,
    *_: Any,
) -> int:
    """A window, or its transpose; weights that depend on the input are read too."""
    kernel = tuple(weight.shape[2:])
    n = len(kernel)
    first = x.dim() - n
    s, p, d = (_each(v, n) for v in (stride, padding, dilation))
    windows = tuple(Sliding(kernel[k], s[k], d[k], p[k]) for k in range(n))
    axes = tuple(range(first, first + n))
    channels = Channels(first - 1, groups)
    operator = Spread if transposed else Window
    parts = []
    if call.depends(x):
        parts.append(call.add(operator(axes, windows, channels), [call.value(x)], call.shape))
    tail = (1,) * n
    if call.depends(weight):
        value = call.value(weight)
        features = call.shape[first - 1]
        if transposed:  # [in, out / groups, *kernel]: an output channel reads its group's
            grouped = call.reshape(value, (groups, weight.shape[0] // groups, *weight.shape[1:]))
            reduced = call.reduce(grouped, (1, *range(3, 3 + n)))
        else:
            reduced = call.reduce(value, range(1, 2 + n))
        parts.append(call.reshape(reduced, (features, *tail)))
    if call.depends(bias):
        assert bias is not None
        parts.append(call.reshape(call.value(bias), (*bias.shape, *tail)))
    return parts[0] if len(parts) == 1 else call.pointwise(*parts)


def _pooled(
    call: Call,
    x: torch.Tensor,
    n: int,
    kernel: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int] = (1,),
    *,
    ceil: bool,
) -> int:
    k, p, d = (_each(v, n) for v in (kernel, padding, dilation))
    s = _each(stride, n) if stride else k
    first = x.dim() - n
    windows = tuple(Sliding(k[i], s[i], d[i], p[i]) for i in range(n))
    axes = tuple(range(first, first + n))
    return call.add(Window(axes, windows, ceil=ceil), [call.value(x)], call.shape)


def _pool(n: int) -> tuple[str, ...]:
    return (f"max_pool{n}d_with_indices", f"max_pool{n}d")


@lowers(*_pool(1), *_pool(2), *_pool(3), "mkldnn_max_pool2d", "mkldnn_max_pool3d")
def max_pool(
    call: Call,
    x: torch.Tensor,
    kernel: Sequence[int],
    stride: Sequence[int] = (),
    padding: Sequence[int] = (0,),
    dilation: Sequence[int] = (1,),
    ceil_mode: bool = False,
) -> int | tuple[int, ...]:
    """A window on each channel; what ceil_mode does here shows in the result's extent."""
    value = _pooled(call, x, len(kernel), kernel, stride, padding, dilation, ceil=ceil_mode)
    return value if len(call.results) == 1 else (value, value)


@lowers("avg_pool1d", "avg_pool2d", "avg_pool3d")
def avg_pool(
    call: Call,
    x: torch.Tensor,
    kernel: Sequence[int],
    stride: Sequence[int] = (),
    padding: Sequence[int] = (0,),
    ceil_mode: bool = False,
    *_: Any,
) -> int:
    """A window on each channel; count_include_pad changes weights, not what is read."""
    return _pooled(call, x, len(kernel), kernel, stride, padding, ceil=ceil_mode)


@lowers(
    "_adaptive_avg_pool2d",
    "_adaptive_avg_pool3d",
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "mkldnn_adaptive_avg_pool2d",
    "adaptive_max_pool2d",
    "adaptive_max_pool3d",
)
def adaptive_pool(call: Call, x: torch.Tensor, out: Sequence[int]) -> int | tuple[int, ...]:
    """Output o reads from floor(o·n / m) to ceil((o + 1)·n / m), m outputs on n elements."""
    value = call.value(x)
    first = x.dim() - len(out)
    whole = tuple(axis for axis in range(first, x.dim()) if call.shape[axis] == 1)
    if whole:
        value = call.reduce(value, whole, keep=True)
    for axis in range(first, x.dim()):
        n, m = x.shape[axis], call.shape[axis]
        if axis not in whole and n != m:
            value = call.add(adaptive_table(axis, n, m), [value], _with(call, value, axis, m))
    return value if len(call.results) == 1 else (value, value)


def _with(call: Call, value: int, axis: int, extent: int) -> tuple[int, ...]:
    shape = list(call.shape_of(value))
    shape[axis] = extent
    return tuple(shape)


@lowers("fractional_max_pool2d", "fractional_max_pool3d")
def fractional_pool(call: Call, x: torch.Tensor, kernel: Sequence[int], *_: Any) -> tuple[int, ...]:
    """Random windows: any run of each axis may be read."""
    n = len(kernel)
    value = call.value(x)
    mixed = call.mix(value, range(x.dim() - n, x.dim()), call.shape)
    return mixed, mixed


@lowers("max_unpool2d", "max_unpool3d")
def max_unpool(call: Call, x: torch.Tensor, places: torch.Tensor, *_: Any) -> tuple[int, ...]:
    """Elements sent to where the values of another tensor say."""
    return call.opaque([x, places], "it writes where the input's values say")


@lowers("im2col")
def im2col(
    call: Call,
    x: torch.Tensor,
    kernel: Sequence[int],
    dilation: Sequence[int],
    padding: Sequence[int],
    stride: Sequence[int],
) -> int:
    """Each column holds one element per channel and window tap."""
    value = call.value(x)
    if x.dim() == 3:
        value = call.reshape(value, (1, *x.shape))
    extents = call.shape_of(value)[2:]
    windows = [Sliding(kernel[k], stride[k], dilation[k], padding[k]) for k in range(2)]
    counts = [outputs(extents[k], windows[k], padding[k]) for k in range(2)]
    value = patches(call, value, 2, windows, counts)
    value = call.permute(value, (0, 1, 3, 5, 2, 4))  # [n c oh kh ow kw] → [n c kh kw oh ow]
    return call.reshape(value, call.shape)


@lowers("col2im")
def col2im(
    call: Call,
    x: torch.Tensor,
    out: Sequence[int],
    kernel: Sequence[int],
    dilation: Sequence[int],
    padding: Sequence[int],
    stride: Sequence[int],
) -> int:
    """Each element sums the columns whose window covers it: the transpose of im2col."""
    value = call.value(x)
    if x.dim() == 2:
        value = call.reshape(value, (1, *x.shape))
    n, rows, _ = call.shape_of(value)
    windows = [Sliding(kernel[k], stride[k], dilation[k], padding[k]) for k in range(2)]
    blocks = [outputs(out[k], windows[k], padding[k]) for k in range(2)]
    channels = rows // (kernel[0] * kernel[1])
    value = call.reshape(value, (n, channels, *kernel, *blocks))
    # The taps of one axis after the other: [n c kh kw oh ow] → [n c kw y ow] → [n c y kw ow]
    value = summed_taps(call, value, 2, 4, out[0], windows[0])
    value = call.permute(value, (0, 1, 3, 2, 4))
    return call.reshape(summed_taps(call, value, 3, 4, out[1], windows[1]), call.shape)
