"""Convolutions, pooling and their transposes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fieldscope.frontends.jax.lowering.movement import spaced
from fieldscope.frontends.jax.lowering.registry import lowers
from fieldscope.frontends.lowering.program import Call, Tensor
from fieldscope.geometry.sliding import Sliding
from fieldscope.graph.operators import Channels, Spread, Window


def _slid(
    call: Call,
    value: int,
    axes: Sequence[int],
    windows: Sequence[Sliding],
    dilations: Sequence[int],
    shape: Sequence[int],
    channels: Channels | None = None,
) -> int:
    """A window over a value into which holes are put: with stride 1, a transposed window.

    Output o reads the element i with i·holes = o − before + t·dilation. Counting taps from
    behind, o = i·holes − (reach − 1 − before) + t·dilation, which is what a spread reads.
    """
    axes = tuple(axes)
    if all(holes == 1 for holes in dilations):
        return call.add(Window(axes, tuple(windows), channels), [value], shape)
    if all(window.stride == 1 for window in windows):
        turned = tuple(
            Sliding(window.kernel, holes, window.dilation, window.reach - 1 - window.before)
            for window, holes in zip(windows, dilations, strict=True)
        )
        return call.add(Spread(axes, turned, channels), [value], shape)
    for axis, holes in zip(axes, dilations, strict=True):
        value = spaced(call, value, axis, holes)
    return call.add(Window(axes, tuple(windows), channels), [value], shape)


@lowers("conv_general_dilated")
def convolution(
    call: Call,
    x: Tensor,
    weight: Tensor,
    *,
    window_strides: Sequence[int],
    padding: Sequence[tuple[int, int]],
    lhs_dilation: Sequence[int],
    rhs_dilation: Sequence[int],
    dimension_numbers: Any,
    feature_group_count: int = 1,
    batch_group_count: int = 1,
    **_: Any,
) -> int:
    """A window, transposed where the input is dilated; weights that depend are read too."""
    lhs, rhs, out = (
        tuple(int(axis) for axis in spec)
        for spec in (
            dimension_numbers.lhs_spec,
            dimension_numbers.rhs_spec,
            dimension_numbers.out_spec,
        )
    )
    n = len(lhs) - 2
    moved = tuple(call.shape[axis] for axis in out)  # [batch features spatial..]
    kernel = [weight.shape[axis] for axis in rhs[2:]]
    parts = []
    if call.depends(x):
        axes, shape, value = lhs[2:], [0] * (n + 2), call.value(x)
        for k, axis in enumerate(lhs):
            shape[axis] = moved[k]
        if batch_group_count > 1:
            # Output channel c reads the batch of its group, which is contracted with it.
            value = _grouped_batch(call, value, lhs, batch_group_count)
        windows = [
            Sliding(kernel[k], int(window_strides[k]), int(rhs_dilation[k]), int(padding[k][0]))
            for k in range(n)
        ]
        channels = Channels(lhs[1], max(batch_group_count, feature_group_count))
        dilations = [int(holes) for holes in lhs_dilation]
        value = _slid(call, value, axes, windows, dilations, shape, channels)
        order = [0] * (n + 2)
        for k, axis in enumerate(out):
            order[axis] = lhs[k]
        parts.append(call.permute(value, order))
    if call.depends(weight):
        reduced = call.reduce(call.value(weight), [axis for k, axis in enumerate(rhs) if k])
        kept = tuple(0 if axis == out[1] else -1 for axis in range(n + 2))
        parts.append(call.continued(reduced, kept))
    return parts[0] if len(parts) == 1 and call.depends(x) else call.pointwise(*parts)


def _grouped_batch(call: Call, value: int, lhs: Sequence[int], groups: int) -> int:
    """The batch in groups, which are put in front of the channels: [b c ..] to [b/g g·c ..]."""
    order = list(lhs)
    moved = call.permute(value, order)
    batch, channels, *rest = call.shape_of(moved)
    moved = call.reshape(moved, (groups, batch // groups, channels, *rest))
    moved = call.permute(moved, (1, 0, 2, *range(3, 3 + len(rest))))
    moved = call.reshape(moved, (batch // groups, groups * channels, *rest))
    back = [0] * len(order)
    for k, axis in enumerate(order):
        back[axis] = k
    return call.permute(moved, back)


@lowers(
    "reduce_window_max",
    "reduce_window_min",
    "reduce_window_sum",
)
def pooling(
    call: Call,
    x: Tensor,
    *,
    window_dimensions: Sequence[int],
    window_strides: Sequence[int],
    padding: Sequence[tuple[int, int]],
    base_dilation: Sequence[int],
    window_dilation: Sequence[int],
    **_: Any,
) -> int:
    """A window on any axes."""
    return _pooled(
        call,
        call.value(x),
        window_dimensions,
        window_strides,
        padding,
        base_dilation,
        window_dilation,
    )


def _pooled(
    call: Call,
    value: int,
    kernel: Sequence[int],
    strides: Sequence[int],
    padding: Sequence[tuple[int, int]],
    holes: Sequence[int],
    dilation: Sequence[int],
) -> int:
    axes = [
        k
        for k in range(len(kernel))
        if (kernel[k], strides[k], holes[k]) != (1, 1, 1) or tuple(padding[k]) != (0, 0)
    ]
    if not axes:
        return value
    windows = [
        Sliding(int(kernel[k]), int(strides[k]), int(dilation[k]), int(padding[k][0])) for k in axes
    ]
    return _slid(call, value, axes, windows, [int(holes[k]) for k in axes], call.shape)


@lowers("reduce_window")
def generic_pooling(call: Call, *operands: Tensor, **p: Any) -> tuple[int, ...]:
    """A window on any axes of all operands, and the values that it starts with."""
    half = len(operands) // 2
    parts = [
        _pooled(
            call,
            call.value(x),
            p["window_dimensions"],
            p["window_strides"],
            p["padding"],
            p["base_dilation"],
            p["window_dilation"],
        )
        for x in operands[:half]
        if call.depends(x)
    ]
    return (call.pointwise(*parts, *operands[half:]),) * len(call.results)


@lowers("select_and_gather_add")
def gathered(call: Call, tangents: Tensor, x: Tensor, **p: Any) -> int:
    """A window on both operands."""
    parts = [
        _pooled(
            call,
            call.value(one),
            p["window_dimensions"],
            p["window_strides"],
            p["padding"],
            p["base_dilation"],
            p["window_dilation"],
        )
        for one in (tangents, x)
        if call.depends(one)
    ]
    return call.pointwise(*parts)


@lowers("select_and_scatter")
def scattered_by(call: Call, x: Tensor, source: Tensor, filling: Tensor, **p: Any) -> int:
    """The windows over an element, each with what was chosen in it, and what it starts with."""
    return call.pointwise(scattered(call, source, x, **p), filling)


@lowers("select_and_scatter_add")
def scattered(
    call: Call,
    source: Tensor,
    x: Tensor,
    window_dimensions: Sequence[int],
    window_strides: Sequence[int],
    padding: Sequence[tuple[int, int]],
    **_: Any,
) -> int:
    """The windows over an element, each with what was chosen in it: the gradient of a pooling."""
    n = len(window_dimensions)
    axes = tuple(range(n))
    windows = tuple(
        Sliding(int(window_dimensions[k]), int(window_strides[k]), 1, int(padding[k][0]))
        for k in range(n)
    )
    parts = []
    if call.depends(source):
        parts.append(call.add(Spread(axes, windows), [call.value(source)], call.shape))
    if call.depends(x):
        seen = call.add(Window(axes, windows), [call.value(x)], source.shape)
        parts.append(call.add(Spread(axes, windows), [seen], call.shape))
    return call.pointwise(*parts)
