"""A layer's numbers: from the arrays of the domains to sizes, strides and boxes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np

from fieldscope.domains import affine as affine_of
from fieldscope.domains.affine import LOST
from fieldscope.domains.hull import Hull
from fieldscope.geometry.bounds import EMPTY, FAR, LEADING, Bounds, over
from fieldscope.geometry.layout import Kind, Layout, position_axes, whole_planes
from fieldscope.geometry.planes import Affine
from fieldscope.interpret import ValueFields

Phases = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Field:
    """What a layer's positions read of one input; one entry per spatial axis of it.

    Attributes:
        size: elements from the first to the last one read, on the unbounded plane;
            the largest phase's where the field has several. `math.inf` where the
            whole input is read, 0 where nothing is.
        stride: input elements from one position to the next; None where the field
            isn't periodic.
        start: first element read by position 0, negative under padding; None where
            the whole input is read.
        narrowest: size along the shortest path.
        is_global: whether the whole input is read, whatever its extent.
        period: positions after which the field repeats; None where it doesn't.
        phases: (lo, hi) of each of `period` positions, where the period is over 1.

    Example:
        >>> import fieldscope, torch
        >>> up = torch.nn.Sequential(torch.nn.Upsample(scale_factor=2), torch.nn.Conv1d(1, 1, 3))
        >>> field = fieldscope.analyze(up, (1, 1, 16)).output.fields["input"]
        >>> field.size, field.stride, field.phases
        ((2,), (Fraction(1, 2),), (((0, 2), (0, 2)),))
    """

    size: tuple[int | float, ...]
    stride: tuple[int | Fraction | None, ...]
    start: tuple[int | None, ...]
    narrowest: tuple[int | float, ...]
    is_global: tuple[bool, ...]
    period: tuple[int | None, ...]
    phases: tuple[Phases | None, ...]


@dataclass(frozen=True, slots=True)
class AxisField:
    """The numbers of a field along one axis; see `Field`."""

    size: int | float
    stride: int | Fraction | None
    start: int | None
    narrowest: int | float
    is_global: bool
    period: int | None = None
    phases: Phases | None = None


NOTHING = AxisField(0, None, None, 0, is_global=False)
WHOLE = AxisField(math.inf, None, None, math.inf, is_global=True)

NONE = 1 << 62
"""Stands for the extent of an interval that reads nothing where the smallest is looked for."""


def axis_field(fields: ValueFields, index: int, extent: int) -> AxisField:
    """The numbers of a value's field along one spatial axis of an input."""
    hull, affine = fields.hulls[index], fields.affines[index]
    if hull is None:
        return NOTHING
    if isinstance(affine, Affine):
        layout = whole_planes(fields.layout)
        merged = affine_of.convert(affine, fields.layout, layout)
        assert isinstance(merged, Affine), "a plane and its inside always merge"
        return _of_plane(merged, layout)
    assert affine is LOST
    return _of_hull(hull, fields.layout, extent)


def _of_plane(field: Affine, layout: Layout) -> AxisField:
    bounds = field.bounds
    if not bounds.size:
        return NOTHING
    lo, minus_hi = bounds[:, 0], bounds[:, 1]
    if bounds.size == 4:
        low, top = int(lo[0].flat[0]), -int(minus_hi[0].flat[0])
        narrow = _size(int(lo[1].flat[0]), -int(minus_hi[1].flat[0]))
        size = _size(low, top)
        stride, moving = _stride(field, layout)
        if size == math.inf:
            return (
                WHOLE if narrow == math.inf else AxisField(size, None, None, narrow, is_global=True)
            )
        begin = low if low < FAR else None
        if moving is None:
            return AxisField(size, None, begin, narrow, is_global=False)
        return AxisField(size, stride, begin, narrow, is_global=False, period=1)
    stride, moving = _stride(field, layout)
    plain = tuple(1 + k for k in _alternatives(layout))
    # Channels are united (for the narrowest path: the narrowest of them); positions aren't.
    joined_lo, joined_hi = (
        lo.min(axis=plain, keepdims=True),
        minus_hi.min(axis=plain, keepdims=True),
    )
    narrow = _narrowest(bounds, plain)
    largest = int(_extents(joined_lo[0], joined_hi[0]).max())
    if largest > FAR:
        return AxisField(math.inf, None, None, narrow, is_global=True)
    start = int(joined_lo[0].flat[0])
    begin = start if start < FAR else None
    if moving is None:
        return AxisField(largest, None, begin, narrow, is_global=False)
    period = joined_lo.shape[1 + moving]
    rest = tuple(k for k in range(joined_lo[0].ndim) if k != moving)
    phase_lo, phase_hi = joined_lo[0].min(axis=rest), joined_hi[0].min(axis=rest)
    phases = tuple(
        (int(a), -int(b)) if a < FAR else (0, 0) for a, b in zip(phase_lo, phase_hi, strict=True)
    )
    return AxisField(
        largest,
        stride,
        begin,
        narrow,
        is_global=False,
        period=period,
        phases=phases if period > 1 else None,
    )


@lru_cache(maxsize=4096)
def _alternatives(layout: Layout) -> tuple[int, ...]:
    """The factors that are no positions: batch and channels."""
    positions = {k for axis in position_axes(layout) for k in layout.span(axis)}
    return tuple(
        k
        for k, factor in enumerate(layout.factors)
        if k not in positions or factor.kind <= Kind.PLAIN
    )


def _extents(lo: Bounds, minus_hi: Bounds) -> Bounds:
    """Extent of each interval, 0 where nothing is read."""
    return np.where(lo >= FAR, 0, -(lo + minus_hi))


def _narrowest(bounds: Bounds, plain: tuple[int, ...]) -> int | float:
    """Largest over the positions of the smallest over the channels (axes `plain`), of kind 1."""
    lo, minus_hi = bounds[-1]
    each = np.where(lo >= FAR, NONE, -(lo + minus_hi))
    many = tuple(k - 1 for k in plain if lo.shape[k - 1] != 1)
    if many:
        each = each.min(axis=many)
    narrow = int(each.max(where=each != NONE, initial=0))
    return math.inf if narrow > FAR else narrow


def _size(low: int, top: int) -> int | float:
    if low >= FAR:
        return 0
    return math.inf if top - low > FAR else top - low


def _stride(field: Affine, layout: Layout) -> tuple[int | Fraction | None, int | None]:
    """Input elements per position, and the factor that moves; None if it isn't exactly one."""
    moving = [
        k
        for k, factor in enumerate(layout.factors)
        if factor.kind is Kind.PLANE and field.steps[k] != 0
    ]
    if len(moving) != 1:
        return None, None
    stride = Fraction(field.steps[moving[0]], field.bounds.shape[LEADING + moving[0]])
    return (int(stride) if stride.denominator == 1 else stride), moving[0]


def _of_hull(hull: Hull, layout: Layout, extent: int) -> AxisField:
    """Largest field of any position inside the given input, where no period exists."""
    plain = tuple(LEADING + k for k in _alternatives(layout))
    parts = [over(part[:1], plain)[0] for part in hull if part.size]
    if not parts:
        return NOTHING
    largest = max(0, *(_largest(one, other) for one in parts for other in parts))
    narrow: int | float = largest
    if len(hull[0]) > 1:
        # The narrowest path is in one of the parts only; the others read nothing of kind 1.
        narrow = max(_narrowest(part, tuple(axis - 1 for axis in plain)) for part in hull)
    if (
        largest == extent
        and any((lo == 0).all() for lo, _ in parts)
        and any((hi == -extent).all() for _, hi in parts)
    ):
        narrow = math.inf if narrow == extent else narrow
        return AxisField(math.inf, None, None, narrow, is_global=True)
    first = min(int(lo.flat[0]) for lo, _ in parts)
    return AxisField(largest, None, first if first < FAR else None, narrow, is_global=False)


def _largest(one: Bounds, other: Bounds) -> int:
    """Largest distance from a lower bound of one part to an upper bound of another.

    Each is first reduced along the axes that only it varies on, so that the column and
    the row of attention scores are never multiplied out.
    """
    lo, minus_hi = one[0], other[1]
    axes = range(lo.ndim)
    if lo.shape != minus_hi.shape:
        lo = lo.min(axis=tuple(k for k in axes if minus_hi.shape[k] == 1), keepdims=True)
        minus_hi = minus_hi.min(axis=tuple(k for k in axes if lo.shape[k] == 1), keepdims=True)
    return int((-minus_hi - lo).max())


def interval(hull: Hull, layout: Layout, index: tuple[int | None, ...]) -> tuple[int, int]:
    """The interval that a position reads inside the input; (0, 0) for nothing.

    `index` has one entry per axis of the value; None unites all along the axis.
    """
    low, top = EMPTY, EMPTY
    for part in hull:
        bounds = part[0]
        for axis in reversed(range(len(layout.axes))):
            place = index[axis]
            for k in reversed(layout.span(axis)):
                extent = layout.factors[k].extent
                if place is None:
                    bounds = bounds.min(axis=1 + k, initial=EMPTY)
                else:
                    place, here = divmod(place, extent)
                    bounds = bounds.take(here if bounds.shape[1 + k] != 1 else 0, 1 + k)
        low, top = min(low, int(bounds[0])), min(top, int(bounds[1]))
    return (0, 0) if low >= FAR else (low, -top)


def unbounded_interval(
    field: Affine, layout: Layout, index: tuple[int | None, ...]
) -> tuple[int | float, int | float]:
    """The interval that a position reads on the unbounded plane; infinite if global."""
    bounds, moved = field.bounds[0], 0
    for axis in reversed(range(len(layout.axes))):
        place = index[axis]
        for k in reversed(layout.span(axis)):
            extent, count = layout.factors[k].extent, bounds.shape[1 + k]
            if place is None:
                bounds = bounds.min(axis=1 + k, initial=EMPTY)
            else:
                place, here = divmod(place, extent)
                if layout.factors[k].kind is Kind.PLANE:
                    turns, here = divmod(here, count)
                    moved += field.steps[k] * turns
                bounds = bounds.take(here if count != 1 else 0, 1 + k)
    low, top = int(bounds[0]), -int(bounds[1])
    if low >= FAR:
        return 0, 0
    if top - low > FAR:
        return -math.inf, math.inf
    return low + moved, top + moved
