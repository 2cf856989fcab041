"""Convolutions, pooling and their transposes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fieldscope.errors import ModelError
from fieldscope.frontends.lowering.call import Call
from fieldscope.frontends.lowering.program import Tensor
from fieldscope.frontends.lowering.windows import outputs, same_padding, summed_taps
from fieldscope.frontends.onnx.lowering.registry import lowers
from fieldscope.frontends.onnx.node import Node
from fieldscope.geometry.sliding import Sliding
from fieldscope.graph.graph import Shape
from fieldscope.graph.operators import Channels, Spread, Window

_LARGEST = 1 << 31


def sliding(
    node: Node, extents: Sequence[int], kernel: Sequence[int]
) -> tuple[list[Sliding], list[int]]:
    """The windows of a node, and the padding behind each axis."""
    n = len(extents)
    strides = node.integers("strides", None) or [1] * n
    dilations = node.integers("dilations", None) or [1] * n
    pads = node.integers("pads", None) or [0] * 2 * n
    for name, values, count in (
        ("kernel_shape", kernel, n),
        ("strides", strides, n),
        ("dilations", dilations, n),
        ("pads", pads, 2 * n),
    ):
        least = -_LARGEST if name == "pads" else 1
        if len(values) != count or any(not least <= value <= _LARGEST for value in values):
            raise ModelError(
                f"{node.what} has {name} {list(values)} for {n} axes\nis the file damaged?"
            )
    auto = node.text("auto_pad", "NOTSET")
    windows, behind = [], []
    for k in range(n):
        before, after = pads[k], pads[n + k]
        if auto in ("SAME_UPPER", "SAME_LOWER"):
            before, after = same_padding(
                extents[k], kernel[k], strides[k], dilations[k], lower=auto == "SAME_LOWER"
            )
            if before == after == 0 and node.op in ("AveragePool", "LpPool"):
                # Where windows leave elements out, ONNX Runtime cuts off some in front as well.
                left = extents[k] - kernel[k] - (-(-extents[k] // strides[k]) - 1) * strides[k]
                before = -(max(left - (auto == "SAME_LOWER"), 0) // 2)
        elif auto == "VALID":
            before = after = 0
        windows.append(Sliding(kernel[k], strides[k], dilations[k], before))
        behind.append(after)
    return windows, behind


def groups_of(node: Node, channels: int, features: int) -> int:
    """The groups of a convolution, which divide its channels on both sides."""
    groups = node.integer("group", 1)
    if groups < 1 or channels % groups or features % groups:
        raise ModelError(
            f"{node.what} divides {channels} channels and {features} features into {groups} groups"
            "\ncheck the inputs' channels against what the model takes"
        )
    return groups


def _checked(node: Node, x: Tensor, weight: Tensor) -> int:
    """The groups of a convolution whose channels fit those of the operand."""
    groups = groups_of(node, x.shape[1], weight.shape[0])
    if x.shape[1] != weight.shape[1] * groups:
        raise ModelError(
            f"{node.what} takes {weight.shape[1] * groups} channels, and is given {x.shape[1]} "
            f"in an operand of shape {x.shape}\n"
            "check the inputs' channels against what the model takes"
        )
    return groups


def _joined(call: Call, parts: Sequence[int]) -> int:
    """All parts of a result, which broadcast to it."""
    if len(parts) == 1 and call.shape_of(parts[0]) == call.shape:
        return parts[0]
    return call.pointwise(*parts)


def _convolution(
    call: Call, node: Node, x: Tensor, weight: Tensor, *beside: tuple[Tensor | None, int]
) -> int:
    """A window over a group's channels; weights and parameters that depend on the input, too.

    `beside` are further operands, each with the axis of the result that it is along.
    """
    n = x.ndim - 2
    groups = _checked(node, x, weight)
    windows, _ = sliding(node, x.shape[2:], weight.shape[2:])
    parts: list[int] = []
    if call.depends(x):
        operator = Window(tuple(range(2, 2 + n)), tuple(windows), Channels(1, groups))
        parts.append(call.add(operator, [call.value(x)], call.shape))
    tail = (1,) * n
    if call.depends(weight):
        reduced = call.reduce(call.value(weight), range(1, weight.ndim))
        parts.append(call.reshape(reduced, (weight.shape[0], *tail)))
    for tensor, axis in beside:
        if call.depends(tensor):
            assert tensor is not None
            shape = [1] * (n + 2)
            if tensor.shape not in ((), (1,)):
                shape[axis] = tensor.shape[0]
            parts.append(call.reshape(call.value(tensor), shape))
    return _joined(call, parts)


@lowers("Conv")
def convolution(
    call: Call, node: Node, x: Tensor, weight: Tensor, bias: Tensor | None = None
) -> int:
    """A window over the channels of a group."""
    return _convolution(call, node, x, weight, (bias, 1))


@lowers("ConvInteger")
def integer_convolution(
    call: Call,
    node: Node,
    x: Tensor,
    weight: Tensor,
    zero: Tensor | None = None,
    weight_zero: Tensor | None = None,
) -> int:
    """A convolution of integers; padding reads nothing."""
    return _convolution(call, node, x, weight, (zero, 1), (weight_zero, 1))


@lowers("QLinearConv")
def quantised_convolution(
    call: Call, node: Node, x: Tensor, scale: Tensor, zero: Tensor, weight: Tensor, *rest: Any
) -> int:
    """A convolution of quantised numbers."""
    return _convolution(call, node, x, weight, *((one, 1) for one in (scale, zero, *rest)))


def _fused_shapes(node: Node, x: Tensor, weight: Tensor, *_: Any) -> list[tuple[Shape, str]]:
    windows, behind = sliding(node, x.shape[2:], weight.shape[2:])
    counts = map(outputs, x.shape[2:], windows, behind)
    return [((x.shape[0], weight.shape[0], *counts), x.dtype)]


@lowers("com.microsoft.FusedConv", shapes=_fused_shapes)
def fused_convolution(
    call: Call,
    node: Node,
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    summand: Tensor | None = None,
) -> int:
    """A convolution, a summand and an activation."""
    value = _convolution(call, node, x, weight, (bias, 1))
    return call.pointwise(value, summand) if call.depends(summand) else value


def _last_shapes(node: Node, x: Tensor, weight: Tensor, *_: Any) -> list[tuple[Shape, str]]:
    windows, behind = sliding(node, x.shape[1:-1], weight.shape[1:-1])
    counts = map(outputs, x.shape[1:-1], windows, behind)
    return [((x.shape[0], *counts, weight.shape[0]), x.dtype)]


@lowers("com.microsoft.NhwcConv", "com.microsoft.NhwcFusedConv", shapes=_last_shapes)
def channels_last_convolution(
    call: Call,
    node: Node,
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    summand: Tensor | None = None,
) -> int | tuple[int, ...]:
    """A convolution with the channels last, of operands and weights."""
    if call.depends(weight) or call.depends(bias):
        return call.opaque([x, weight, bias, summand], "its weights depend on the input")
    n = x.ndim - 2
    groups = groups_of(node, x.shape[-1], weight.shape[0])
    if x.shape[-1] != weight.shape[-1] * groups:
        raise ModelError(f"{node.what} takes {weight.shape[-1] * groups} channels")
    windows, _ = sliding(node, x.shape[1:-1], weight.shape[1:-1])
    operator = Window(tuple(range(1, 1 + n)), tuple(windows), Channels(n + 1, groups))
    value = call.add(operator, [call.value(x)], call.shape) if call.depends(x) else None
    return call.pointwise(value, summand)


def _transposed_shapes(
    node: Node, x: Tensor, weight: Tensor, *_: Any
) -> list[tuple[Shape, str]] | None:
    """What the node tells itself; ONNX's own shape functions take no less than the input has."""
    told = node.integers("output_shape", None)
    if not told or len(told) != x.ndim - 2 or min(told) < 1 or weight.ndim != x.ndim:
        return None
    channels = weight.shape[1] * node.integer("group", 1)
    return None if type(x) is not Tensor else [((x.shape[0], channels, *told), x.dtype)]


@lowers("ConvTranspose", shapes=_transposed_shapes)
def transposed_convolution(
    call: Call, node: Node, x: Tensor, weight: Tensor, bias: Tensor | None = None
) -> int:
    """The positions whose window covers it, over the channels of a group."""
    n = x.ndim - 2
    groups = groups_of(node, x.shape[1], weight.shape[1] * node.integer("group", 1))
    if x.shape[1] != weight.shape[0]:
        raise ModelError(
            f"{node.what} takes {weight.shape[0]} channels, and is given {x.shape[1]} "
            f"in an operand of shape {x.shape}\n"
            "check the inputs' channels against what the model takes"
        )
    windows = _transposed(node, x.shape[2:], weight.shape[2:], call.shape[2:])
    axes, tail = tuple(range(2, 2 + n)), (1,) * n
    parts = []
    if call.depends(x):
        operator = Spread(axes, tuple(windows), Channels(1, groups))
        parts.append(call.add(operator, [call.value(x)], call.shape))
    if call.depends(weight):  # [in, out / groups, *kernel]: an output channel reads its group's
        split = (groups, weight.shape[0] // groups, *weight.shape[1:])
        reduced = call.reduce(call.reshape(call.value(weight), split), (1, *range(3, 3 + n)))
        parts.append(call.reshape(reduced, (call.shape[1], *tail)))
    if call.depends(bias):
        assert bias is not None
        parts.append(call.reshape(call.value(bias), (*bias.shape, *tail)))
    return _joined(call, parts)


def _transposed(
    node: Node, extents: Sequence[int], kernel: Sequence[int], out: Sequence[int]
) -> list[Sliding]:
    """The windows of a transposed convolution.

    Where the result's extent is given instead of the padding, the padding follows from it:
    total = stride·(n − 1) + output_padding + reach − extent, half of it in front.
    """
    windows, _ = sliding(node, extents, kernel)
    auto = node.text("auto_pad", "NOTSET")
    if auto == "VALID" or (auto == "NOTSET" and "output_shape" not in node):
        return windows
    extra = node.integers("output_padding", None) or [0] * len(windows)
    found = []
    for k, window in enumerate(windows):
        total = window.stride * (extents[k] - 1) + extra[k] + window.reach - out[k]
        total = max(total, 0)
        before = total // 2 if auto == "SAME_UPPER" else total - total // 2
        found.append(Sliding(window.kernel, window.stride, window.dilation, before))
    return found


def _pool_shapes(node: Node, x: Tensor, *_: Any) -> list[tuple[Shape, str]] | None:
    """Windows that would start behind the input and the padding in front of it are left out.

    ONNX's own shape functions count them.
    """
    if x.ndim < 3 or type(x) is not Tensor or node.integer("channels_last", False):
        return None
    windows, behind = sliding(node, x.shape[2:], node.integers("kernel_shape", []))
    counts = []
    for extent, window, after in zip(x.shape[2:], windows, behind, strict=True):
        room = extent + window.before + after - window.reach
        if node.text("auto_pad", "NOTSET").startswith("SAME"):
            count = -(-extent // window.stride)
        elif node.integer("ceil_mode", 0):
            count = -(-room // window.stride) + 1
            count -= (count - 1) * window.stride >= extent + window.before
        else:  # rounded towards zero
            count = (room // window.stride if room > 0 else -(-room // window.stride)) + 1
        counts.append(max(count, 0))
    shape = (*x.shape[:2], *counts)
    return [(shape, x.dtype), (shape, "int64")]


@lowers("MaxPool", "AveragePool", "LpPool", shapes=_pool_shapes)
def pool(call: Call, node: Node, x: Tensor) -> int | tuple[int, ...]:
    """A window on each channel; what ceil_mode does here shows in the result's extent."""
    windows, _ = sliding(node, x.shape[2:], node.integers("kernel_shape", []))
    padded = node.text("auto_pad", "NOTSET") in ("NOTSET", "")
    ceil = padded and bool(node.integer("ceil_mode", 0))
    operator = Window(tuple(range(2, x.ndim)), tuple(windows), ceil=ceil)
    value = call.add(operator, [call.value(x)], call.shape)
    return value if len(call.results) == 1 else (value, value)


@lowers("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool")
def global_pool(call: Call, _: Node, x: Tensor) -> int:
    """All positions of a channel."""
    return call.reduce(call.value(x), range(2, x.ndim), keep=True)


def _global_shapes(node: Node, x: Tensor, *_: Any) -> list[tuple[Shape, str]]:
    if node.integer("channels_last", 0):
        return [((x.shape[0], *(1,) * (x.ndim - 2), x.shape[-1]), x.dtype)]
    return [((*x.shape[:2], *(1,) * (x.ndim - 2)), x.dtype)]


@lowers("com.microsoft.QLinearGlobalAveragePool", shapes=_global_shapes)
def quantised_global_pool(call: Call, node: Node, x: Tensor, *_: Tensor) -> int:
    """All positions of a channel."""
    first = 1 if node.integer("channels_last", 0) else 2
    return call.reduce(call.value(x), range(first, first + x.ndim - 2), keep=True)


@lowers("com.microsoft.QLinearAveragePool", shapes=_pool_shapes)
def quantised_pool(call: Call, node: Node, x: Tensor, *_: Any) -> int | tuple[int, ...]:
    """A window on each channel."""
    if node.integer("channels_last", 0):
        return call.opaque([x], "its form with channels last isn't followed")
    found: int | tuple[int, ...] = pool(call, node, x)
    return found


@lowers("MaxUnpool")
def max_unpool(
    call: Call, node: Node, x: Tensor, places: Tensor, shape: Tensor | None = None
) -> int | tuple[int, ...]:
    """Elements sent to where another operand says."""
    known = call.concrete(places)
    if known is None or shape is not None:
        return call.opaque([x, places], "it writes where the input's values say")
    windows, behind = sliding(node, x.shape[2:], node.integers("kernel_shape", []))
    inner = (
        *call.shape[:2],
        *(  # places are counted in a result without padding
            (n - 1) * w.stride + w.reach - w.before - after
            for n, w, after in zip(x.shape[2:], windows, behind, strict=True)
        ),
    )
    if inner != call.shape:
        return call.opaque([x], "its result is padded")
    index = np.full(int(np.prod(call.shape)), -1)
    flat = known.reshape(-1)
    if len(np.unique(flat)) != flat.size:
        return call.opaque([x], "several elements are sent to one position")
    index[flat] = np.arange(flat.size)
    value = call.reshape(call.value(x), (flat.size,))
    return call.reshape(call.gather(value, 0, index), call.shape)


@lowers("DeformConv")
def deformable_convolution(call: Call, _: Node, *tensors: Tensor | None) -> tuple[int, ...]:
    """A window whose taps stand where an operand says."""
    return call.opaque(tensors, "where it reads is decided by offsets that the model computes")


@lowers("RoiAlign", "MaxRoiPool")
def region_pool(call: Call, _: Node, *tensors: Tensor) -> tuple[int, ...]:
    """Regions that operands tell of."""
    return call.opaque(tensors, "which regions it reads isn't followed")


@lowers("Col2Im")
def columns_to_image(
    call: Call, node: Node, x: Tensor, image: Tensor, block: Tensor
) -> int | tuple[int, ...]:
    """The taps of all windows that cover a position, summed; the transpose of patches."""
    kernel, extents = call.concrete(block), call.shape[2:]
    if kernel is None:
        return call.opaque([x, image, block], "its windows aren't known")
    windows, behind = sliding(node, extents, [int(one) for one in kernel])
    counts = [outputs(n, w, after) for n, w, after in zip(extents, windows, behind, strict=True)]
    value = call.reshape(call.value(x), (*call.shape[:2], *(w.kernel for w in windows), *counts))
    for extent, window in zip(extents, windows, strict=True):
        value = summed_taps(call, value, 2, 2 + len(windows), extent, window)
    return value
