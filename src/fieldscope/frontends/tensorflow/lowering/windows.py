"""Windows: convolutions, pooling, patches, and the blocks that dilation was written with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fieldscope.frontends.lowering.program import Call, Tensor
from fieldscope.frontends.lowering.windows import patches, same_padding
from fieldscope.frontends.tensorflow.lowering.registry import lowers
from fieldscope.frontends.tensorflow.node import Node
from fieldscope.geometry.sliding import Sliding
from fieldscope.graph.operators import Channels, Collect, Indices, Spread, Table, Window


@dataclass(frozen=True, slots=True)
class Blocked:
    """What a value was before SpaceToBatchND put its blocks into the batch.

    Attributes:
        whole: the value, with its padding.
        block: extents of the blocks on axes 1, 2, ….
        batch: extent of the batch.
    """

    whole: int
    block: tuple[int, ...]
    batch: int


def _axes(node: Node, ndim: int) -> tuple[tuple[int, ...], int]:
    """The positions' axes and that of the channels."""
    if node.channels_first():
        return tuple(range(2, ndim)), 1
    return tuple(range(1, ndim - 1)), ndim - 1


def _explicit(node: Node) -> list[int]:
    found: list[int] = node.get("explicit_paddings", [])
    return found


def _windows(
    node: Node,
    extents: Sequence[int],
    kernel: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int],
    axes: Sequence[int],
) -> tuple[Sliding, ...]:
    """The window of each axis, with the padding that an operator asks for."""
    padding = node.text("padding", "VALID")
    listed = _explicit(node) if padding == "EXPLICIT" else []
    found = []
    for axis, n, k, s, d in zip(axes, extents, kernel, strides, dilations, strict=True):
        before = 0
        if padding == "SAME":
            before = same_padding(n, k, s, d)[0]
        elif padding == "EXPLICIT":
            before = listed[2 * axis]
        found.append(Sliding(k, s, d, before))
    return tuple(found)


def _pick(values: Sequence[int], axes: Sequence[int]) -> tuple[int, ...]:
    return tuple(values[axis] for axis in axes)


def _dilations(node: Node, ndim: int) -> list[int]:
    return list(node.get("dilations", None) or [1] * ndim)


@lowers("Conv2D", "Conv3D", "DepthwiseConv2dNative")
def convolution(call: Call, node: Node, x: Tensor, filters: Tensor) -> int:
    """A window over the channels of a group; filters that depend on the input are read whole."""
    axes, channel = _axes(node, x.ndim)
    kernel = filters.shape[: len(axes)]
    windows = _windows(
        node,
        _pick(x.shape, axes),
        kernel,
        _pick(node["strides"], axes),
        _pick(_dilations(node, x.ndim), axes),
        axes,
    )
    depthwise = node.operation.type == "DepthwiseConv2dNative"
    groups = x.shape[channel] // (1 if depthwise else filters.shape[len(axes)])
    operator = Window(axes, windows, Channels(channel, groups))
    parts = []
    if call.depends(x):
        parts.append(call.add(operator, [call.value(x)], call.shape))
        _follow_blocks(call, node, x, operator, parts[0])
    if call.depends(filters):
        value = call.value(filters)
        for k, (axis, window) in enumerate(zip(axes, windows, strict=True)):
            value = call.add(*_taps(call, value, k, window, x.shape[axis], call.shape[axis]))
        if not depthwise:
            value = call.reduce(value, (len(axes),))
        parts.append(_placed(call, value, channel))
    return parts[0] if len(parts) == 1 and call.depends(x) else call.pointwise(*parts)


def _taps(
    call: Call, value: int, axis: int, window: Sliding, extent: int, count: int
) -> tuple[Table, list[int], tuple[int, ...]]:
    """The taps of a window at each position that don't fall on padding."""
    first = np.arange(count) * window.stride - window.before
    lo = np.clip(-(first // window.dilation), 0, window.kernel)
    hi = np.clip(-((first - extent) // window.dilation), 0, window.kernel)
    shape = list(call.shape_of(value))
    shape[axis] = count
    return Table(axis, Indices(lo), Indices(np.maximum(lo, hi))), [value], tuple(shape)


def _placed(call: Call, value: int, channel: int) -> int:
    """What is read of filters, [positions.. channels..], where the result has it."""
    n = len(call.shape) - 2
    shape = call.shape_of(value)
    value = call.reshape(value, (1, *shape[:n], int(np.prod(shape[n:]))))
    return call.permute(value, (0, n + 1, *range(1, n + 1))) if channel == 1 else value


@lowers(
    "Conv2DBackpropInput",
    "Conv3DBackpropInput",
    "Conv3DBackpropInputV2",
    "DepthwiseConv2dNativeBackpropInput",
)
def transposed(call: Call, node: Node, sizes: Tensor, filters: Tensor, x: Tensor) -> int:
    """The positions whose window covers it: the transpose of the convolution of that padding."""
    del sizes
    axes, channel = _axes(node, x.ndim)
    windows = _windows(
        node,
        _pick(call.shape, axes),
        filters.shape[: len(axes)],
        _pick(node["strides"], axes),
        _pick(_dilations(node, x.ndim), axes),
        axes,
    )
    depthwise = node.operation.type.startswith("Depthwise")
    channels = call.shape[channel]
    groups = channels // (1 if depthwise else filters.shape[len(axes)])
    parts = []
    if call.depends(x):
        operator = Spread(axes, windows, Channels(channel, groups))
        parts.append(call.add(operator, [call.value(x)], call.shape))
    if call.depends(filters):
        value = call.value(filters)
        for k, (axis, window) in enumerate(zip(axes, windows, strict=True)):
            taps = _reaching(window, x.shape[axis], call.shape[axis])
            shape = (*call.shape_of(value)[:k], len(taps), *call.shape_of(value)[k + 1 :])
            value = call.add(Collect(k, Indices(taps)), [value], shape)
        n = len(axes)
        if depthwise:
            value = call.reduce(value, (n + 1,))
        else:  # [.. channels of a group, outputs]: a channel reads its group's outputs
            split = (*call.shape_of(value)[:-1], groups, filters.shape[-1] // groups)
            value = call.reduce(call.reshape(value, split), (n + 2,))
            value = call.permute(value, (*range(n), n + 1, n))
        parts.append(_placed(call, value, channel))
    return parts[0] if len(parts) == 1 and call.depends(x) else call.pointwise(*parts)


def _reaching(window: Sliding, extent: int, count: int) -> Any:
    """For each position of a transposed window's result the taps that send to it."""
    taps = np.arange(window.kernel)
    sent = np.arange(count)[:, None] + window.before - taps * window.dilation
    reached, rest = np.divmod(sent, window.stride)
    return np.where((rest == 0) & (reached >= 0) & (reached < extent), taps, -1)


@lowers("Dilation2D")
def dilation(call: Call, node: Node, x: Tensor, filters: Tensor) -> int:
    """A window on each channel: greyscale dilation."""
    axes = (1, 2)
    windows = _windows(
        node,
        _pick(x.shape, axes),
        filters.shape[:2],
        _pick(node["strides"], axes),
        _pick(node["rates"], axes),
        axes,
    )
    parts = []
    if call.depends(x):
        parts.append(call.add(Window(axes, windows), [call.value(x)], call.shape))
    if call.depends(filters):
        value = call.value(filters)
        for k, (axis, window) in enumerate(zip(axes, windows, strict=True)):
            value = call.add(*_taps(call, value, k, window, x.shape[axis], call.shape[axis]))
        parts.append(_placed(call, value, 3))
    return call.pointwise(*parts)


def _pooled(call: Call, node: Node, x: Tensor, sizes: Sequence[int], strides: Sequence[int]) -> int:
    axes = tuple(k for k in range(x.ndim) if sizes[k] > 1 or strides[k] > 1)
    if not axes:
        return call.value(x)
    windows = _windows(
        node,
        _pick(x.shape, axes),
        _pick(sizes, axes),
        _pick(strides, axes),
        [1] * len(axes),
        axes,
    )
    operator = Window(axes, windows)
    result = call.add(operator, [call.value(x)], call.shape)
    _follow_blocks(call, node, x, operator, result)
    return result


@lowers("MaxPool", "AvgPool", "MaxPool3D", "AvgPool3D")
def pool(call: Call, node: Node, x: Tensor) -> int:
    """A window on each channel."""
    return _pooled(call, node, x, node["ksize"], node["strides"])


@lowers("MaxPoolV2")
def pool_by_operands(call: Call, node: Node, x: Tensor, sizes: Tensor, strides: Tensor) -> Any:
    """A window on each channel, of extents that are operands."""
    size, step = call.concrete(sizes), call.concrete(strides)
    if size is None or step is None:
        return call.opaque([x, sizes, strides], "its window isn't known")
    return _pooled(call, node, x, size.tolist(), step.tolist())


@lowers("MaxPoolWithArgmax")
def pool_with_places(call: Call, node: Node, x: Tensor) -> tuple[int, ...]:
    """A window on each channel; the place of the maximum reads the same."""
    value = _pooled(call, node, x, node["ksize"], node["strides"])
    return value, value


@lowers("FractionalMaxPool", "FractionalAvgPool")
def fractional_pool(call: Call, node: Node, x: Tensor) -> tuple[int | None, ...]:
    """Random windows: any run of each axis may be read."""
    axes = [k for k in range(x.ndim) if call.shape[k] != x.shape[k]]
    return call.mix(call.value(x), axes, call.shape), None, None


@lowers("ExtractImagePatches", "ExtractVolumePatches")
def extract_patches(call: Call, node: Node, x: Tensor) -> int:
    """Each position holds the elements of its window, tap by tap, in the channels."""
    axes = tuple(range(1, x.ndim - 1))
    rates = node.get("rates", [1] * x.ndim)
    windows = _windows(
        node,
        _pick(x.shape, axes),
        _pick(node["ksizes"], axes),
        _pick(node["strides"], axes),
        _pick(rates, axes),
        axes,
    )
    n = len(axes)
    value = patches(call, call.value(x), 1, windows, call.shape[1:-1])
    # [b (o k)… c] to [b o… k… c]
    order = (0, *range(1, 2 * n, 2), *range(2, 2 * n + 1, 2), 2 * n + 1)
    return call.reshape(call.permute(value, order), call.shape)


@lowers("SpaceToBatchND", "SpaceToBatch")
def space_to_batch(call: Call, node: Node, x: Tensor, *rest: Tensor) -> Any:
    """Blocks of positions put into the batch.

    TensorFlow used to write a dilated window as a plain one between this and its inverse; what
    the value was before is kept beside, so that the inverse finds a dilated window.
    """
    paddings = call.concrete(rest[-1])
    block = _block(call, node, rest)
    if paddings is None or block is None:
        return call.opaque([x, *rest], "its blocks aren't known")
    whole = call.value(x)
    for k, (before, after) in enumerate(paddings.tolist(), start=1):
        whole = call.pad(whole, k, before, after)
    shape = call.shape_of(whole)
    n = len(block)
    split = [shape[0]]
    for k, b in enumerate(block, start=1):
        split += [shape[k] // b, b]
    value = call.reshape(whole, (*split, *shape[n + 1 :]))
    order = (
        *range(2, 2 * n + 1, 2),
        0,
        *range(1, 2 * n, 2),
        *range(2 * n + 1, 2 * n + 1 + len(shape) - n - 1),
    )
    value = call.reshape(call.permute(value, order), call.shape)
    node.blocks[value] = Blocked(whole, block, shape[0])
    return value


def _block(call: Call, node: Node, rest: Sequence[Tensor]) -> tuple[int, ...] | None:
    if len(rest) == 1:
        return (node["block_size"],) * 2
    known = call.concrete(rest[0])
    return None if known is None else tuple(known.tolist())


def _follow_blocks(call: Call, node: Node, x: Tensor, operator: Window, result: int) -> None:
    """A plain window over blocks is a dilated one over what they were made of."""
    found = node.blocks.get(x.value) if x.value is not None else None
    if found is None or any(w.stride != 1 or w.before for w in operator.windows):
        return
    if operator.axes[-1] > len(found.block):
        return
    dilated = tuple(
        replace(w, dilation=w.dilation * found.block[axis - 1])
        for axis, w in zip(operator.axes, operator.windows, strict=True)
    )
    shape = list(call.shape_of(found.whole))
    for axis, w in zip(operator.axes, dilated, strict=True):
        shape[axis] -= w.reach - 1
    if operator.channels is not None:
        shape[operator.channels.axis] = call.shape_of(result)[operator.channels.axis]
    whole = call.add(replace(operator, windows=dilated), [found.whole], shape)
    node.blocks[result] = replace(found, whole=whole)


def follow_alike(call: Call, node: Node, operands: Sequence[Tensor], result: int) -> None:
    """What reads position for position does so before blocks are made, too."""
    if not node.blocks:
        return
    moved = [one for one in operands if one.value is not None]
    if len(moved) != 1:
        return
    one, value = moved[0], call.value(moved[0])
    found = node.blocks.get(value)
    if found is None or call.shape_of(result) != one.shape:
        return
    # A constant that varies along the batch or the positions differs between blocks.
    blocked = 1 + len(found.block)
    others = [(1,) * (one.ndim - k.ndim) + k.shape for k in operands if k is not one]
    if all(set(shape[:blocked]) <= {1} for shape in others):
        whole = call.pointwise(found.whole, shape=call.shape_of(found.whole))
        node.blocks[result] = replace(found, whole=whole)


@lowers("BatchToSpaceND", "BatchToSpace")
def batch_to_space(call: Call, node: Node, x: Tensor, *rest: Tensor) -> Any:
    """The inverse: blocks taken out of the batch, and cropped."""
    crops, block = call.concrete(rest[-1]), _block(call, node, rest)
    if crops is None or block is None:
        return call.opaque([x, *rest], "its blocks aren't known")
    n = len(block)
    found = node.blocks.get(call.value(x))
    batch = x.shape[0] // int(np.prod(block))
    if (
        found is not None
        and found.block == block
        and found.batch == batch
        and all(call.shape_of(found.whole)[k] == x.shape[k] * block[k - 1] for k in range(1, n + 1))
    ):
        value = found.whole
    else:
        value = call.reshape(call.value(x), (*block, batch, *x.shape[1:]))
        order = [n]
        for k in range(n):
            order += [n + 1 + k, k]
        value = call.permute(value, (*order, *range(2 * n + 1, n + x.ndim)))
        extents = [x.shape[k] * block[k - 1] for k in range(1, n + 1)]
        value = call.reshape(value, (batch, *extents, *x.shape[n + 1 :]))
    for k, (before, _) in enumerate(crops.tolist(), start=1):
        value = call.slice(value, k, before, call.shape[k])
    return value
