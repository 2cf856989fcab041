"""Windows that slide over axes: padding rules, and windows written out as axes of their own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fieldscope.frontends.lowering.call import Call
from fieldscope.geometry.sliding import Sliding
from fieldscope.graph.operators import Spread


def same_padding(
    extent: int, kernel: int, stride: int = 1, dilation: int = 1, *, lower: bool = False
) -> tuple[int, int]:
    """Padding in front and behind that makes ⌈extent / stride⌉ outputs, as "SAME" means it.

    The odd element goes behind, or in front where `lower`.

    Example:
        >>> same_padding(8, 3), same_padding(8, 3, stride=2), same_padding(7, 1, stride=3)
        ((1, 1), (0, 1), (0, 0))
        >>> same_padding(8, 3, stride=2, lower=True)
        (1, 0)
    """
    outputs = -(-extent // stride)
    padding = max((outputs - 1) * stride + (kernel - 1) * dilation + 1 - extent, 0)
    half = padding // 2
    return (padding - half, half) if lower else (half, padding - half)


def outputs(extent: int, window: Sliding, after: int) -> int:
    """How often a window fits into an axis with `after` elements of padding behind.

    Example:
        >>> outputs(8, Sliding(3, stride=2, before=1), 1)
        4
    """
    reach = (window.kernel - 1) * window.dilation + 1
    return (extent + window.before + after - reach) // window.stride + 1


def patches(
    call: Call, value: int, first: int, windows: Sequence[Sliding], counts: Sequence[int]
) -> int:
    """Windows written out: axes first, first + 1, … become pairs (position, tap).

    Args:
        call: the call.
        value: what is slid over.
        first: the first of the axes.
        windows: the window of each.
        counts: the number of positions of each.
    """
    axis = first
    for window, count in zip(windows, counts, strict=True):
        place = np.arange(count)[:, None] * window.stride
        place = place + np.arange(window.kernel) * window.dilation
        beyond = int(place.max(initial=0)) + 1 - window.before - call.shape_of(value)[axis]
        # Padded, not left out by −1: what repeats along the axis is seen to repeat.
        value = call.pad(value, axis, window.before, max(beyond, 0))
        value = call.gather(value, axis, place)
        axis += 2
    return value


def summed_taps(
    call: Call, value: int, taps: int, places: int, extent: int, window: Sliding
) -> int:
    """The transpose of `patches` on one axis: each element sums the taps that reach it.

    The axis of the taps is removed; it stands in front of the axis of the positions, which
    becomes that of the elements.

    Args:
        call: the call.
        value: taps and positions.
        taps: the axis of the taps.
        places: the axis of the positions.
        extent: number of elements.
        window: the window.
    """
    kernel = call.shape_of(value)[taps]
    if call.shape_of(value)[places] == 1:
        # One window: its taps are the positions. A window axis of extent 1 has none to spread.
        reached, rest = np.divmod(np.arange(extent) + window.before, window.dilation)
        index = np.where((rest == 0) & (reached < kernel), reached, -1)
        one = call.gather(call.select(value, places, 0), taps, index)
        order = list(range(len(call.shape_of(one))))
        order.insert(places - 1, order.pop(taps))
        return call.permute(one, order)
    parts = []
    for tap in range(kernel):
        one = call.select(value, taps, tap)
        axis = places - 1
        shape = list(call.shape_of(one))
        shape[axis] = extent
        shifted = Sliding(1, window.stride, 1, window.before - tap * window.dilation)
        parts.append(call.add(Spread((axis,), (shifted,)), [one], shape))
    return call.pointwise(*parts, shape=call.shape_of(parts[0]))
