"""Interpolation: which elements a resized position reads."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np

from fieldscope.frontends.lowering.program import Call, Tensor
from fieldscope.frontends.lowering.tables import (
    adaptive_table,
    antialias_table,
    copies,
    linear_table,
    nearest_table,
    resized,
)
from fieldscope.frontends.tensorflow.lowering.registry import lowers
from fieldscope.frontends.tensorflow.node import Node
from fieldscope.graph.operators import Indices, Table

MOST_WEIGHTS = 1 << 22
"""Tables of weights of more elements aren't computed."""


LEAST_WEIGHT = 1e-6
"""Weights below this are zeros that were rounded: sin(π) is 10⁻⁸."""


def _ratio(n: int, m: int, *, align: bool) -> Fraction:
    if align and m > 1:
        return Fraction(n - 1, m - 1)
    return Fraction(n, m)


@lru_cache(maxsize=512)
def _linear(n: int, m: int, taps: int, *, align: bool, half_pixel: bool) -> Table:
    ratio, half = _ratio(n, m, align=align), Fraction(1, 2)
    if half_pixel:
        return linear_table(n, m, taps, lambda o: ratio * (o + half) - half, ratio)
    return linear_table(n, m, taps, lambda o: ratio * o, ratio)


def _by_axis(call: Call, x: Tensor, tables: list[Table]) -> int:
    kept = {1 + k: table for k, table in enumerate(tables) if not _is_copy(x.shape[1 + k], table)}
    return resized(call, call.value(x), kept) if kept else call.pointwise(x)


def _is_copy(extent: int, table: Table) -> bool:
    return table.lo.array.size == extent and copies(table)


@lowers("ResizeBilinear", "ResizeBicubic")
def resize_linear(call: Call, node: Node, x: Tensor, size: Tensor) -> int:
    """The 2 elements beside the source position on each axis, or 4, but none of weight 0."""
    taps = 2 if node.operation.type == "ResizeBilinear" else 4
    align, half_pixel = node["align_corners"], node.get("half_pixel_centers", False)
    tables = [
        _linear(x.shape[k], call.shape[k], taps, align=align, half_pixel=half_pixel) for k in (1, 2)
    ]
    return _by_axis(call, x, tables)


@lowers("ResizeNearestNeighbor")
def resize_nearest(call: Call, node: Node, x: Tensor, size: Tensor) -> Any:
    """The element that TensorFlow chooses, its rounding included: the operator is run on ramps."""
    tables = []
    for k in (1, 2):
        n, m = x.shape[k], call.shape[k]
        ramp = np.arange(n, dtype=x.dtype if x.dtype in ("float32", "float64") else "float32")
        shape = (1, n, 1, 1) if k == 1 else (1, 1, n, 1)
        found = _nearest(node, ramp.reshape(shape), (m, 1) if k == 1 else (1, m))
        if found is None:
            return call.opaque([x, size], "which elements it chooses can't be computed")
        ratio = _ratio(n, m, align=node["align_corners"])
        tables.append(nearest_table(n, found, ratio))
    return _by_axis(call, x, tables)


def _nearest(node: Node, ramp: Any, size: tuple[int, int]) -> list[int] | None:
    found = node.run(ramp, np.asarray(size, np.int32))
    return None if found is None else [int(place) for place in found.reshape(-1)]


@lowers("ResizeArea")
def resize_area(call: Call, node: Node, x: Tensor, size: Tensor) -> int:
    """The elements that a position's share of each axis touches."""
    tables = []
    for k in (1, 2):
        n, m = x.shape[k], call.shape[k]
        if not node["align_corners"] or m == 1:
            tables.append(adaptive_table(k, n, m))
            continue
        ratio = _ratio(n, m, align=True)
        lo = [int(ratio * o) for o in range(m)]
        hi = [min(-int(-(ratio * (o + 1)) // 1), n) for o in range(m)]
        tables.append(Table(k, Indices(lo), Indices(hi)))
    return _by_axis(call, x, tables)


@lowers("ScaleAndTranslate")
def scale_and_translate(
    call: Call, node: Node, x: Tensor, size: Tensor, scale: Tensor, shift: Tensor
) -> Any:
    """The elements under a filter around the source position, but none of weight 0."""
    scales, shifts = call.concrete(scale), call.concrete(shift)
    if scales is None or shifts is None:
        return call.opaque([x, size, scale, shift], "how it scales isn't known")
    kind, antialias = node.text("kernel_type"), node["antialias"]
    tables = []
    for k in range(2):
        n, m = x.shape[1 + k], call.shape[1 + k]
        plain = shifts[k] == 0 and np.float32(scales[k]) == np.float32(m / n)
        taps = {"triangle": 2, "keyscubic": 4}.get(kind)
        if plain and taps is not None and antialias:
            tables.append(antialias_table(n, m, taps, False, None))
            continue
        if plain and taps is not None and m >= n:
            tables.append(_linear(n, m, taps, align=False, half_pixel=True))
            continue
        found = _weights(node, n, m, float(scales[k]), float(shifts[k]))
        if found is None:
            return call.opaque([x], "its weights can't be computed")
        tables.append(found)
    return _by_axis(call, x, tables)


def _weights(node: Node, n: int, m: int, scale: float, shift: float) -> Table | None:
    """What each position reads, by the operator's result on every single element."""
    if n * m > MOST_WEIGHTS:
        return None
    single = np.eye(n, dtype=np.float32).reshape(1, n, 1, n)
    found = node.run(
        single,
        np.asarray([m, 1], np.int32),
        np.asarray([scale, 1], np.float32),
        np.asarray([shift, 0], np.float32),
    )
    return None if found is None else of_truths(np.abs(found.reshape(m, n)) > LEAST_WEIGHT)


def of_truths(read: Any) -> Table:
    """A table from truth values [out in].

    Example:
        >>> of_truths(np.array([[True, False, True], [False, True, False]])).skipped
        Indices([[1], [-1]])
    """
    n = read.shape[1]
    anything = read.any(axis=1)
    lo = np.where(anything, read.argmax(axis=1), 0)
    hi = np.where(anything, n - read[:, ::-1].argmax(axis=1), 0)
    inside = [np.flatnonzero(~row[a:b]) + a for row, a, b in zip(read, lo, hi, strict=True)]
    most = max((len(places) for places in inside), default=0)
    skipped = [[*places, *[-1] * (most - len(places))] for places in inside]
    return Table(0, Indices(lo), Indices(hi), None, Indices(skipped) if most else None)


@lowers("CropAndResize")
def crop_and_resize(
    call: Call, node: Node, x: Tensor, boxes: Tensor, samples: Tensor, size: Tensor
) -> Any:
    """Where it reads is decided by the boxes: any position of any image may be read."""
    if boxes.value is None and samples.value is None:
        return call.opaque([x], "crops by constant boxes aren't followed")
    parts = []
    if x.value is not None:
        parts.append(call.reduce(x.value, (0, 1, 2), keep=True))
    if boxes.value is not None:
        whole = call.reduce(boxes.value, (1,))
        parts.append(call.reshape(whole, (boxes.shape[0], 1, 1, 1)))
    if samples.value is not None:
        parts.append(call.reshape(samples.value, (boxes.shape[0], 1, 1, 1)))
    return call.pointwise(*parts)


@lowers("ImageProjectiveTransformV2", "ImageProjectiveTransformV3")
def project(call: Call, node: Node, x: Tensor, transforms: Tensor, *rest: Tensor) -> Any:
    """Where it reads is decided by the transform: any position of its image may be read."""
    if transforms.value is None:
        return call.opaque([x], "a constant transform isn't followed")
    parts = []
    if x.value is not None:
        parts.append(call.mix(x.value, (1, 2), call.shape))
    rows = call.reduce(transforms.value, (1,))
    parts.append(call.reshape(rows, (transforms.shape[0], 1, 1, 1)))
    return call.pointwise(*parts)
