"""Stand-ins for functions that read windows: convolution, pooling, resizing, sampling."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import torch
from torch.nn import functional

from fieldscope.measure.torch.neutral.facts import is_statistic
from fieldscope.measure.torch.neutral.table import Call, mean_of, per_axis, spread_out, stands_in

_CONVOLUTIONS = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}
_TRANSPOSED = {
    1: functional.conv_transpose1d,
    2: functional.conv_transpose2d,
    3: functional.conv_transpose3d,
}
NOTHING = 1e-9
"""A tap of an interpolation that weighs less is the rounding of one that weighs nothing."""


def _ones(kernel: Sequence[int], like: torch.Tensor, total: float) -> torch.Tensor:
    return torch.full((1, 1, *kernel), 1.0 / total, dtype=torch.float64, device=like.device)


def _maps(x: torch.Tensor, rank: int) -> tuple[torch.Tensor, bool]:
    """The maps with a batch, and whether it had none."""
    return (x, False) if x.dim() == rank + 2 else (x.unsqueeze(0), True)


def _grouped(x: torch.Tensor, groups: int) -> torch.Tensor:
    """The mean of each group's channels, [n·groups 1 *spatial]."""
    batch, channels, *extents = x.shape
    mean = x.reshape(batch, groups, channels // groups, *extents).mean(2)
    return mean.reshape(batch * groups, 1, *extents)


def _ungrouped(read: torch.Tensor, groups: int, channels: int) -> torch.Tensor:
    """What each group reads, for all the channels of its output alike."""
    batch, extents = read.shape[0] // groups, read.shape[2:]
    alike = (batch, groups, channels, *extents)
    wide = spread_out(read.reshape(batch, groups, 1, *extents), alike)
    return wide.view(batch, groups * channels, *extents)


@stands_in("conv1d", "conv2d", "conv3d")
def convolution(
    call: Call,
    input: torch.Tensor,
    weight: torch.Tensor,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> torch.Tensor:
    """The mean over the window and over the channels of a group.

    All channels of a group's output are alike, so one of them is computed.
    """
    rank = weight.dim() - 2
    x, single = _maps(input, rank)
    kernel = weight.shape[2:]
    channels = x.shape[1]
    if channels != weight.shape[1] * groups:
        call.refuse(input, weight, bias, stride, padding, dilation, groups)
    source = _grouped(call.facts.gradient_of(input).reshape(x.shape), groups)
    read = _CONVOLUTIONS[rank](
        source,
        _ones(kernel, x, math.prod(kernel)),
        None,
        stride,
        padding,
        dilation,
    )
    result = _ungrouped(read, groups, weight.shape[0] // groups)
    own = None
    if call.facts.depends(weight):
        own = call.facts.gradient_of(weight).flatten(1).mean(1)
    result = _filtered(call, input, result, own, bias)
    return result[0] if single else result


@stands_in("conv_transpose1d", "conv_transpose2d", "conv_transpose3d")
def transposed(
    call: Call,
    input: torch.Tensor,
    weight: torch.Tensor,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> torch.Tensor:
    """The mean over the channels of a group and over what covers the position."""
    rank = weight.dim() - 2
    x, single = _maps(input, rank)
    kernel = weight.shape[2:]
    channels = x.shape[1]
    if channels != weight.shape[0]:
        call.refuse(input, weight, bias, stride, padding, output_padding, groups, dilation)
    source = _grouped(call.facts.gradient_of(input).reshape(x.shape), groups)
    strides = per_axis(stride, rank)
    most = math.prod(-(-k // s) for k, s in zip(kernel, strides, strict=True))
    read = _TRANSPOSED[rank](
        source,
        _ones(kernel, x, most),
        None,
        stride,
        padding,
        output_padding,
        1,
        dilation,
    )
    result = _ungrouped(read, groups, weight.shape[1])
    own = None
    if call.facts.depends(weight):
        own = call.facts.gradient_of(weight).mean((0, *range(2, weight.dim()))).repeat(groups)
    result = _filtered(call, input, result, own, bias)
    return result[0] if single else result


def _filtered(
    call: Call, x: torch.Tensor, result: torch.Tensor, filters: torch.Tensor | None, bias: Any
) -> torch.Tensor:
    """The result beside filters and biases per channel that depend on an input."""
    operands = [result] if call.facts.depends(x) else []
    channels = (1, -1, *[1] * (result.dim() - 2))
    if filters is not None:
        operands.append(filters.reshape(channels))
    if call.facts.depends(bias):
        operands.append(call.facts.gradient_of(bias).reshape(channels))
    return (
        result if len(operands) == 1 and operands[0] is result else mean_of(operands, result.shape)
    )


@stands_in("max_pool1d", "max_pool2d", "max_pool3d")
def max_pool(
    call: Call,
    input: torch.Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> torch.Tensor:
    """The mean over the window, which the maximum may lie anywhere in."""
    rank = int(call.name[8])
    x, single = _maps(input, rank)
    kernel = per_axis(kernel_size, rank)
    strides = per_axis(stride, rank, kernel)
    pads, dilations = per_axis(padding, rank), per_axis(dilation, rank)
    wide: list[int] = []
    for n, k, s, p, d in zip(x.shape[2:], kernel, strides, pads, dilations, strict=True):
        reach = d * (k - 1) + 1
        steps = n + 2 * p - reach
        count = (-(-steps // s) if ceil_mode else steps // s) + 1
        if ceil_mode and (count - 1) * s >= n + p:  # a window has to begin inside
            count -= 1
        wide = [p, (count - 1) * s + reach - n - p, *wide]
    lines = functional.pad(x.reshape(-1, 1, *x.shape[2:]), wide)
    ones = _ones(kernel, x, math.prod(kernel))
    read = _CONVOLUTIONS[rank](lines, ones, None, strides, 0, dilations)
    result = read.reshape(*x.shape[:2], *read.shape[2:])
    return result[0] if single else result


@stands_in(
    "max_pool1d_with_indices",
    "max_pool2d_with_indices",
    "max_pool3d_with_indices",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "adaptive_max_pool3d",
)
def indexed_pool(call: Call, x: torch.Tensor, *arguments: Any, **options: Any) -> Any:
    """The mean of the window, beside the true places of the maxima."""
    own = call.values(x, *arguments, **options)
    if call.name.startswith("adaptive"):
        first = own[0] if isinstance(own, tuple) else own
        rank = int(call.name[-2])
        pool = getattr(functional, f"adaptive_avg_pool{rank}d")
        result = pool(x, first.shape[-rank:])
    else:
        plain = call._replace(name=call.name[:10])
        result = max_pool(plain, x, *arguments, **options)
    if not isinstance(own, tuple):
        return result
    call.facts.note(own[1], trace=result)
    return result, own[1]


RESIZES = """
nearest1d nearest2d nearest3d nearest_exact1d nearest_exact2d nearest_exact3d linear1d bilinear2d
trilinear3d bicubic2d bilinear2d_aa bicubic2d_aa
""".split()


@stands_in(*(f"upsample_{kind}" for kind in RESIZES))
def resize(call: Call, input: torch.Tensor, *arguments: Any, **options: Any) -> torch.Tensor:
    """The taps that weigh anything, by how much they weigh."""
    rank = input.dim() - 2
    given = list(arguments)
    # (output_size, [align_corners,] [antialias,] scale_factors), one of the two is None.
    size = given[0] if given else options.get("output_size")
    corners = next((one for one in given[1:] if isinstance(one, bool)), None)
    corners = options.get("align_corners", corners)
    scales = given[-1] if len(given) > 1 else options.get("scale_factors")
    scales = None if isinstance(scales, bool) or size is not None else scales
    result = input
    dtype = call.dtype if "nearest" in call.name else torch.float64
    for axis in range(rank):
        matrix = _taps(
            call.function,
            input.shape[2 + axis],
            axis,
            rank,
            None if size is None else int(per_axis(size, rank)[axis]),
            None if scales is None else float(scales[axis]),
            corners,
            dtype,
        ).to(input.device)
        result = (result.movedim(2 + axis, -1) @ matrix).movedim(-1, 2 + axis)
    return result.contiguous()


@lru_cache(maxsize=256)
def _taps(
    function: Any,
    extent: int,
    axis: int,
    rank: int,
    size: int | None,
    scale: float | None,
    corners: bool | None,
    dtype: torch.dtype,
) -> torch.Tensor:
    """The weights [element, position] of a resize along one axis, as absolute values.

    They are what the function makes of signals that are 1 at one element. The other axes
    have two elements, which stay.
    """
    line = [extent if other == axis else 1 for other in range(rank)]
    wide = [extent if other == axis else 2 for other in range(rank)]
    signals = torch.eye(extent, dtype=dtype).reshape(extent, 1, *line)
    signals = signals.expand(extent, 1, *wide).contiguous()
    sizes = None if size is None else [size if other == axis else 2 for other in range(rank)]
    scales = None if scale is None else [scale if other == axis else 1.0 for other in range(rank)]
    middle = () if corners is None else (corners,)
    answers = function(signals, sizes, *middle, scales)
    weights = answers.movedim(2 + axis, 1).flatten(2)[..., 0].double().abs()
    weights = torch.where(weights > NOTHING, weights, torch.zeros_like(weights))
    return weights / weights.sum(0, keepdim=True)


@stands_in("grid_sampler", "grid_sampler_2d", "grid_sampler_3d")
def grid_sample(
    call: Call, input: torch.Tensor, grid: torch.Tensor, mode: int, padding: int, corners: bool
) -> torch.Tensor:
    """Samples at constant places; the whole map where the places depend on an input."""
    if not call.facts.depends(grid):
        mode = 0 if mode == 2 else mode  # bicubic taps have negative weights
        return torch.grid_sampler(input, grid.double(), mode, padding, corners)
    places = call.facts.gradient_of(grid).mean(-1).unsqueeze(1)
    shape = (*input.shape[:2], *grid.shape[1:-1])
    operands = [places]
    if call.facts.depends(input):
        operands.append(input.mean(tuple(range(2, input.dim())), keepdim=True))
    return mean_of(operands, shape)


@stands_in("affine_grid_generator")
def affine_grid(call: Call, theta: torch.Tensor, size: Any, corners: bool) -> torch.Tensor:
    """A coordinate of a place reads a row of the matrix."""
    rows = theta.mean(-1)
    rows = rows.reshape(rows.shape[0], *[1] * (len(size) - 2), rows.shape[-1])
    return spread_out(rows, (size[0], *size[2:], rows.shape[-1]))


@stands_in("col2im")
def fold(call: Call, x: torch.Tensor, size: Any, kernel: Any, *others: Any, **options: Any) -> Any:
    """The windows that cover a position, divided by how many may."""
    return call.function(x, size, kernel, *others, **options) / math.prod(per_axis(kernel, 2))


@stands_in("adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d")
def adaptive_pool(call: Call, x: torch.Tensor, *arguments: Any, **options: Any) -> torch.Tensor:
    """The mean that it is; of the whole map, a statistic."""
    result: torch.Tensor = call.function(x, *arguments, **options)
    if is_statistic(x.shape, result.shape):
        call.facts.note(result, statistic=True, source=call.facts.gradient_of(x))
    return result
