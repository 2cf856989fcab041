"""Arrays of bounds, and what windows, tables and joins do to them.

A bounds array has the shape [kinds, 2, *extents]. Along its second axis it holds
lo and −hi of half-open intervals, so that the union of intervals is one minimum.
Kind 0 is the field; kind 1, where present, the field along the narrowest path, for
which a join takes the smaller interval instead of the union.

Along an axis that the bounds don't depend on, the array has extent 1 whatever the
extent of the value. An interval that reads nothing is lo = −hi = EMPTY.
"""

from __future__ import annotations

from functools import lru_cache
from math import gcd
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from fieldscope.geometry.sliding import Sliding

Bounds: TypeAlias = npt.NDArray[np.int64]
IndexArray: TypeAlias = npt.NDArray[np.int64]

LEADING = 2
"""Axes in front of a value's own: kind, bound."""

EMPTY = 1 << 60
"""Both bounds of an interval that reads nothing: the neutral element of minimum."""

GLOBAL = -EMPTY
"""Both bounds of an interval that reads everything."""

FAR = 1 << 59
"""Bounds beyond ±FAR are EMPTY or GLOBAL, whatever was added to them."""

SMALL = 1 << 16
"""Joins up to this many elements are carried out; larger ones are kept apart."""

WIDE = 64
"""Windows of more elements are computed by doubling instead of tap by tap."""

MOST_TAPS = 1 << 22
"""So are those that have more than this at all positions together."""


def sizes(bounds: Bounds) -> IndexArray:
    """Extent of each interval [kinds, *extents]; EMPTY where nothing is read."""
    lo, minus_hi = bounds[:, 0], bounds[:, 1]
    return np.where(lo >= FAR, EMPTY, -(lo + minus_hi))


def join(one: Bounds, other: Bounds) -> Bounds:
    """What an element reads that reads one and the other, with broadcasting."""
    union = np.minimum(one, other)
    if len(one) > 1 and len(other) > 1:
        smaller = sizes(one)[1:] <= sizes(other)[1:]
        union[1:] = np.where(smaller[:, None], one[1:], other[1:])
    return union


def over(bounds: Bounds, axes: tuple[int, ...], *, paths: bool = False) -> Bounds:
    """What an element reads that reads all along some axes, kept with extent 1.

    Args:
        bounds: array of bounds.
        axes: axes of the array.
        paths: the elements are alternatives (channels), of which the narrowest path
            takes the smallest; else it takes all (window taps, tokens).
    """
    axes = tuple(axis for axis in axes if bounds.shape[axis] != 1)
    if not axes:
        return bounds
    union: Bounds = bounds.min(axis=axes, keepdims=True, initial=EMPTY)
    if paths and len(bounds) > 1:
        narrow = bounds[1:]
        for axis in axes:
            best = np.expand_dims(sizes(narrow).argmin(axis=axis - 1, keepdims=True), 1)
            narrow = np.take_along_axis(narrow, best, axis)
        union[1:] = narrow
    return union


@lru_cache(maxsize=4096)
def window_taps(window: Sliding, extent: int, out: int) -> IndexArray:
    """Elements that each output of a window reads, [out, kernel]; −1 is padding."""
    first = np.arange(out) * window.stride - window.before
    taps = first[:, None] + np.arange(window.kernel) * window.dilation
    return np.where((taps >= 0) & (taps < extent), taps, -1)


@lru_cache(maxsize=4096)
def spread_taps(window: Sliding, extent: int, out: int) -> IndexArray:
    """Elements that each output of a transposed window reads, [out, kernel]; −1 is none."""
    aim = np.arange(out)[:, None] + window.before - np.arange(window.kernel) * window.dilation
    taps = aim // window.stride
    fits = (aim % window.stride == 0) & (taps >= 0) & (taps < extent)
    return np.where(fits, taps, -1)


def window(bounds: Bounds, axis: int, window: Sliding, extent: int, out: int) -> Bounds:
    """Slide a window along an axis whose value has that extent; padding reads nothing.

    Example:
        >>> b = np.array([[[0, 1, 2], [-1, -2, -3]]])
        >>> window(b, 2, Sliding(3, stride=2, before=1), 3, 2).tolist()
        [[[0, 1], [-2, -3]]]
    """
    if not _few_taps(window, out):
        first, step = np.arange(out) * window.stride - window.before, window.dilation
        lo = first + np.maximum(0, -(first // step)) * step
        return runs(bounds, axis, lo, np.minimum(first + window.reach, extent), step)
    return collect(bounds, axis, window_taps(window, extent, out))


def spread(bounds: Bounds, axis: int, window: Sliding, extent: int, out: int) -> Bounds:
    """Slide a transposed window along an axis."""
    if not _few_taps(window, out):
        return runs(bounds, axis, *_arrivals(window, extent, out))
    return collect(bounds, axis, spread_taps(window, extent, out))


def _few_taps(window: Sliding, out: int) -> bool:
    return window.kernel <= WIDE and window.kernel * out <= MOST_TAPS


def _arrivals(window: Sliding, extent: int, out: int) -> tuple[IndexArray, IndexArray, int]:
    """The run of elements that each output of a transposed window reads, and its step.

    Output o reads i where i·stride = o + before − t·dilation for a tap t. Where one is read, the
    next is dilation/gcd further; which ones they are repeats with the remainder of o.
    """
    common = gcd(window.stride, window.dilation)
    stride, step = window.stride // common, window.dilation // common
    aim = np.arange(out) + window.before
    low = np.maximum(0, -((window.reach - 1 - aim) // window.stride))
    remainder = aim // common % step * pow(stride, -1, step) % step
    lo = low + (remainder - low) % step
    hi = np.minimum(aim // window.stride + 1, extent)
    return lo, np.where(aim % common == 0, hi, lo), step


def gather(bounds: Bounds, axis: int, index: IndexArray) -> Bounds:
    """Pick one element per index; −1 picks nothing. The axis becomes those of the index."""
    if bounds.shape[axis] == 1:
        if index.size == 0 or index.min() >= 0:
            return bounds.reshape(
                bounds.shape[:axis] + (1,) * index.ndim + bounds.shape[axis + 1 :]
            )
        index = np.minimum(index, 0)
    if index.size and index.min() < 0:
        bounds = np.concatenate([bounds, np.full_like(bounds.take([0], axis), EMPTY)], axis)
    return bounds.take(index, axis)


def collect(bounds: Bounds, axis: int, index: IndexArray) -> Bounds:
    """Unite the listed elements, `index[o]`, for each output o; −1 is none."""
    out, count = index.shape
    if count == 0:
        shape = (*bounds.shape[:axis], out, *bounds.shape[axis + 1 :])
        return np.full(shape, EMPTY, dtype=np.int64)
    if bounds.shape[axis] == 1 and _each_reads(index):
        return bounds
    if count == 1:
        return gather(bounds, axis, index[:, 0])
    united: Bounds = gather(bounds, axis, index).min(axis=axis + 1)
    return united


def _each_reads(index: IndexArray) -> bool:
    return bool((index.max(axis=1) >= 0).all()) if index.size else True


def runs(bounds: Bounds, axis: int, lo: IndexArray, hi: IndexArray, step: int = 1) -> Bounds:
    """Unite every step-th element of the run [lo[o], hi[o]) for each output o."""
    lengths = -((lo - hi) // step)
    longest = int(lengths.max(initial=0))
    if bounds.shape[axis] == 1:
        reads = np.where(lengths > 0, 0, -1)
        return bounds if (reads == 0).all() else collect(bounds, axis, reads[:, None])
    if longest <= WIDE and longest * len(lo) <= MOST_TAPS:
        taps = lo[:, None] + np.arange(longest) * step
        return collect(bounds, axis, np.where(taps < hi[:, None], taps, -1))
    if step == 1 and (lo == 0).all() and (hi == bounds.shape[axis]).all():
        return over(bounds, (axis,))
    # Level j holds the union of 2^j elements, a step apart, from each one on; a run is two of them.
    shape = (*bounds.shape[:axis], len(lo), *bounds.shape[axis + 1 :])
    result = np.full(shape, EMPTY, dtype=np.int64)
    to_front, level, width = np.moveaxis(result, axis, 0), np.moveaxis(bounds, axis, 0), 1
    while True:
        chosen = np.flatnonzero((lengths >= width) & (lengths < 2 * width))
        if len(chosen):
            first = lo[chosen]
            last = first + (lengths[chosen] - width) * step
            to_front[chosen] = np.minimum(level[first], level[last])
        if 2 * width > longest:
            return result
        level = np.minimum(level[: -width * step], level[width * step :])
        width *= 2


def channels(bounds: Bounds, axis: int, groups: int, extent: int, out: int) -> Bounds:
    """Let every output channel read all channels of its own group."""
    if bounds.shape[axis] == 1:
        return bounds
    if groups == 1:
        return over(bounds, (axis,), paths=True)
    if groups != extent:
        before, after = bounds.shape[:axis], bounds.shape[axis + 1 :]
        split = bounds.reshape(*before, groups, extent // groups, *after)
        bounds = over(split, (axis + 1,), paths=True).reshape(*before, groups, *after)
    return bounds if out == groups else bounds.repeat(out // groups, axis)


def collapsed(bounds: Bounds, axis: int) -> Bounds:
    """Keep one element of an axis along which all are alike.

    Example:
        >>> collapsed(np.zeros((1, 2, 5)), 2).shape
        (1, 2, 1)
    """
    if bounds.shape[axis] < 2:
        return bounds
    first = bounds.take([0], axis)
    return first if (bounds == first).all() else bounds


def widened(bounds: Bounds, axes: dict[int, int]) -> Bounds:
    """Write out axes of the array (axis → extent) that were kept at extent 1."""
    shape = list(bounds.shape)
    for axis, extent in axes.items():
        shape[axis] = extent
    return bounds if tuple(shape) == bounds.shape else np.broadcast_to(bounds, shape)
