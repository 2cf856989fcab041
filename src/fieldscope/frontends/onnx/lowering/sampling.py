"""Interpolation: which elements a resized position reads.

Source positions follow the formulas of ONNX's Resize; they are computed exactly, with rational
scales, so that a tap of weight zero (a source position that falls on an element) isn't read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor, isfinite
from typing import Any

import numpy as np

from fieldscope.errors import ModelError
from fieldscope.frontends.lowering.call import Call
from fieldscope.frontends.lowering.program import Tensor
from fieldscope.frontends.lowering.tables import (
    antialias_table,
    copies,
    linear_table,
    nearest_table,
    resized,
)
from fieldscope.frontends.onnx.lowering.movement import integers, wrapped
from fieldscope.frontends.onnx.lowering.registry import lowers
from fieldscope.frontends.onnx.node import Node
from fieldscope.graph.graph import Shape
from fieldscope.graph.operators import Indices, Table

_HALF = Fraction(1, 2)
_WHOLE = Fraction(0), Fraction(1)
_MOST = 1 << 17
"""Extents beyond this aren't written out position for position."""
_ROUND: dict[str, Callable[[Fraction], int]] = {
    "round_prefer_floor": lambda at: ceil(at - _HALF),
    "round_prefer_ceil": lambda at: floor(at + _HALF),
    "floor": floor,
    "ceil": ceil,
}
_CROPS = "tf_crop_and_resize"
_TAPS = {"linear": 2, "bilinear": 2, "cubic": 4}


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis that is resized: extents before and after, output elements per input element."""

    n: int
    m: int
    scale: Fraction
    crop: tuple[Fraction, Fraction] = _WHOLE

    def source(self, mode: str) -> tuple[Callable[[int], Fraction], Fraction]:
        """Where an output index lies among the input elements, and the distance of two.

        Raises:
            ModelError: there is no such mode.
        """
        n, m, step = self.n, self.m, 1 / self.scale
        if mode == "half_pixel" or (mode == "pytorch_half_pixel" and m > 1):
            return lambda o: (o + _HALF) * step - _HALF, step
        if mode == "half_pixel_symmetric":
            offset = Fraction(n, 2) * (1 - m / (n * self.scale))
            return lambda o: offset + (o + _HALF) * step - _HALF, step
        if mode == "asymmetric":
            return lambda o: o * step, step
        if mode == "tf_half_pixel_for_nn":
            return lambda o: (o + _HALF) * step, step
        if mode == "align_corners":
            step = Fraction(n - 1, m - 1) if m > 1 else Fraction(0)
            return lambda o: o * step, step
        if mode == "pytorch_half_pixel":
            return lambda o: Fraction(0), Fraction(0)
        if mode == "tf_crop_and_resize":
            start, end = self.crop
            if m == 1:
                return lambda o: (start + end) * (n - 1) / 2, Fraction(0)
            step = (end - start) * (n - 1) / (m - 1)
            return lambda o: start * (n - 1) + o * step, step
        raise ModelError(f"the coordinate transformation {mode!r} isn't known")


def _table(node: Node, axis: Axis, mode: str, transform: str, rounding: str) -> Table | None:
    """The elements that each output index of an axis reads; None for itself."""
    if axis.n == axis.m and axis.scale == 1 and transform != _CROPS:
        return None
    source, step = axis.source(transform)
    if mode == "nearest":
        nearest = _ROUND[rounding]
        low = [min(max(nearest(source(o)), 0), axis.n - 1) for o in range(axis.m)]
        table = nearest_table(axis.n, low, step)
    elif node.integer("antialias", 0) and axis.scale < 1:
        table = antialias_table(axis.n, axis.m, _TAPS[mode], False, 1 / axis.scale)
    else:
        table = linear_table(axis.n, axis.m, _TAPS[mode], source, step)
    if transform == _CROPS:
        inside = [0 <= source(o) <= axis.n - 1 for o in range(axis.m)]
        lo = [low if keep else 0 for low, keep in zip(table.lo.array, inside, strict=True)]
        hi = [high if keep else 0 for high, keep in zip(table.hi.array, inside, strict=True)]
        table = Table(0, Indices(lo), Indices(hi))
    return None if axis.n == axis.m and copies(table) else table


def _fraction(node: Node, value: float) -> Fraction:
    if not isfinite(value) or value <= 0:
        raise ModelError(f"{node.what} has the scale {value}; scales are positive")
    return Fraction(float(value)).limit_denominator(10**6)


def _shapes(node: Node, x: Tensor, *operands: Tensor | None) -> list[tuple[Shape, str]] | None:
    """Extents by scales, in single precision as they are computed: 0.7 · 10 is 7, not 6.

    ONNX's own shape functions count in double precision, and tell extents by sizes.
    """
    scales = operands[min(node.opset >= 11, len(operands) - 1)] if operands else None
    known = None if scales is None or scales.depends else scales.elements()
    given = node.numbers("scales", None) if known is None and scales is None else known
    whole = type(x) is Tensor and node.text("coordinate_transformation_mode", "") != _CROPS
    if given is None or len(given) != x.ndim or not whole or "axes" in node:
        return None
    extents = np.floor(np.array(x.shape, np.float32) * np.asarray(given, np.float32))
    if not ((extents >= 0) & (extents < 1 << 31)).all():
        return None
    return [(tuple(int(n) for n in extents), x.dtype)]


@lowers("Resize", shapes=_shapes)
def resize(
    call: Call,
    node: Node,
    x: Tensor,
    *operands: Tensor | None,
) -> int | tuple[int, ...]:
    """The elements beside the source position of each axis, as its mode says."""
    if node.opset < 11:
        return _older(call, node, x, operands[0] if operands else None)
    roi, scales, sizes = (*operands, None, None, None)[:3]
    given = _numbers(call, scales)
    wanted = integers(call, node, sizes)
    axes = wrapped(node, node.integers("axes", list[int]()) or range(x.ndim), x.ndim)
    if not given and not wanted:
        return call.opaque([x, scales, sizes], "its scales aren't known")
    found = _scales(node, x, axes, given, wanted)
    transform = node.text("coordinate_transformation_mode", "half_pixel")
    crops = [_WHOLE] * len(axes)
    if transform == _CROPS:
        region = _numbers(call, roi)
        if region is None or len(region) != 2 * len(axes):
            return call.opaque([x, roi], "the region that it takes isn't known")
        exact = [Fraction(one).limit_denominator(10**6) for one in region]
        crops = list(zip(exact[: len(axes)], exact[len(axes) :], strict=True))
        if any(one == 1 and crop != _WHOLE for one, crop in zip(found, crops, strict=True)):
            return call.opaque([x], "runtimes differ in what a crop of scale 1 reads")
    if node.integer("antialias", 0) and transform not in ("half_pixel", "pytorch_half_pixel"):
        return call.opaque([x], f"its anti-aliased form by {transform} isn't followed")
    rounding = node.text("nearest_mode", "round_prefer_floor")
    return _resized(call, node, x, axes, found, crops, transform, rounding)


def _resized(
    call: Call,
    node: Node,
    x: Tensor,
    axes: Sequence[int],
    scales: Sequence[Fraction],
    crops: Sequence[tuple[Fraction, Fraction]],
    transform: str,
    rounding: str,
) -> int | tuple[int, ...]:
    if max(call.shape, default=0) > _MOST:
        return call.opaque([x], f"it has more than {_MOST:,} positions along an axis")
    if 0 in call.shape:
        return call.builder.constant(call.shape)
    mode = node.text("mode", "nearest")
    if (mode != "nearest" and mode not in _TAPS) or rounding not in (*_ROUND, "simple"):
        raise ModelError(f"{node.what} resizes by {mode!r}, {rounding!r}, which isn't known")
    tables = {}
    for axis, scale, crop in zip(axes, scales, crops, strict=True):
        one = Axis(x.shape[axis], call.shape[axis], scale, crop)
        how = rounding
        if rounding == "simple":  # before opset 11: up where it shrinks
            how = "ceil" if scale < 1 else "floor"
        table = _table(node, one, mode, transform, how)
        if table is not None:
            tables[axis] = table
    return resized(call, call.value(x), tables)


def _numbers(call: Call, tensor: Tensor | None) -> list[float] | None:
    known = None if tensor is None else call.concrete(tensor)
    return None if known is None else [float(one) for one in known.reshape(-1)]


def _scales(
    node: Node,
    x: Tensor,
    axes: Sequence[int],
    given: list[float] | None,
    wanted: list[int] | None,
) -> list[Fraction]:
    """The scale of each axis, given or by the extents wanted."""
    if given:
        if len(given) != len(axes):
            raise ModelError(f"{node.what} has {len(given)} scales for {len(axes)} axes")
        return [_fraction(node, one) for one in given]
    if wanted is None or len(wanted) != len(axes):
        raise ModelError(f"{node.what} has {len(wanted or [])} sizes for {len(axes)} axes")
    found = [Fraction(m, x.shape[axis]) for m, axis in zip(wanted, axes, strict=True)]
    policy = node.text("keep_aspect_ratio_policy", "stretch")
    if policy == "stretch":
        return found
    one = min(found) if policy == "not_larger" else max(found)
    return [one] * len(axes)


def _older(call: Call, node: Node, x: Tensor, scales: Tensor | None) -> int | tuple[int, ...]:
    """Resize and Upsample before opset 11."""
    given = node.numbers("scales", None) if scales is None else _numbers(call, scales)
    if given is None:
        return call.opaque([x, scales], "its scales aren't known")
    axes = range(x.ndim)
    found = _scales(node, x, axes, given, None)
    crops = [_WHOLE] * x.ndim
    return _resized(call, node, x, axes, found, crops, "asymmetric", "simple")


@lowers("Upsample", shapes=_shapes)
def upsample(
    call: Call, node: Node, x: Tensor, scales: Tensor | None = None
) -> int | tuple[int, ...]:
    """The elements beside the source position of each axis: index / scale."""
    return _older(call, node, x, scales)


@lowers("GridSample")
def grid_sample(call: Call, node: Node, x: Tensor, grid: Tensor) -> int | tuple[int, ...]:
    """Where it reads is decided by the grid: any position of its sample may be read."""
    if call.depends(x) and not call.depends(grid):
        return call.opaque([x], "a constant sampling grid isn't followed")
    parts = []
    if call.depends(x):
        shape = (*x.shape[:2], *call.shape[2:])
        parts.append(call.mix(call.value(x), range(2, x.ndim), shape))
    where = call.reduce(call.value(grid), (x.ndim - 1,))
    parts.append(call.reshape(where, (call.shape[0], 1, *call.shape[2:])))
    return call.pointwise(*parts)


@lowers("AffineGrid")
def affine_grid(call: Call, _: Node, theta: Tensor, *__: Any) -> int:
    """A row of its sample's matrix for each coordinate."""
    rows = call.reduce(call.value(theta), (2,))
    n = len(call.shape) - 2
    return call.expand(call.reshape(rows, (theta.shape[0], *(1,) * n, theta.shape[1])), call.shape)
