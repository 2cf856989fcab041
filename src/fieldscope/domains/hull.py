"""The domain *hull*: the interval that each position reads inside the given input.

For each value and each spatial axis of an input, bounds [kinds, 2, *factors] that
broadcast against the value. Borders, padding and channels are exact: what lies in
the padding reads nothing. A field is a union of arrays (*parts*): a part varies along
few axes, and the parts are united only where that makes no large array, so that
attention scores [.., i, j] stay a column and a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from fieldscope.domains import explicit
from fieldscope.geometry import bounds as arrays
from fieldscope.geometry.bounds import EMPTY, LEADING, SMALL, Bounds
from fieldscope.geometry.layout import Layout
from fieldscope.graph.operators import (
    Concat,
    Contract,
    Expand,
    Mask,
    Opaque,
    Operator,
    Overwrite,
    Pointwise,
)

Hull: TypeAlias = tuple[Bounds, ...]
"""Parts whose union is the field; None in place of a hull reads nothing."""

MOST_PARTS = 3


def start(layout: Layout, axis: int) -> Hull:
    """The hull of an input along one of its axes: position i reads [i, i + 1)."""
    (factor,) = layout.span(axis)
    extent = layout.factors[factor].extent
    position = np.arange(extent, dtype=np.int64)
    shape = [1, 2] + [1] * len(layout.factors)
    shape[LEADING + factor] = extent
    return (np.stack([position, -position - 1]).reshape(shape),)


def everything(extent: int, layout: Layout) -> Hull:
    """The hull of a value whose every element reads the whole axis."""
    return constant(0, extent, layout)


def constant(low: int, high: int, layout: Layout) -> Hull:
    """The hull of a value whose every element reads [low, high)."""
    bounds = np.array([low, -high], dtype=np.int64)
    return (bounds.reshape((1, 2) + (1,) * len(layout.factors)),)


def unite(hulls: Sequence[Hull]) -> Hull:
    """Union of hulls over the same layout."""
    parts: list[Bounds] = []
    for hull in hulls:
        for part in hull:
            _add(parts, part)
    return tuple(parts)


def _add(parts: list[Bounds], part: Bounds) -> None:
    if part.shape[0] > 1 and parts and parts[0].shape[0] > 1:
        _keep_narrower(parts, part)
        return
    for k, other in enumerate(parts):
        size = 1
        for a, b in zip(part.shape, other.shape, strict=True):
            size *= max(a, b)
        if size <= max(SMALL, part.size, other.size) or len(parts) >= MOST_PARTS:
            parts[k] = arrays.join(part, other)
            return
    parts.append(part)


def _keep_narrower(parts: list[Bounds], part: Bounds) -> None:
    """Join with a narrowest kind: elementwise where small, else the whole narrower operand."""
    size = np.prod([max(a, b) for a, b in zip(part.shape, parts[0].shape, strict=True)])
    if len(parts) == 1 and size <= max(SMALL, part.size, parts[0].size):
        parts[0] = arrays.join(part, parts[0])
        return

    def widest(bounds: Bounds) -> int:
        found = arrays.sizes(bounds[1:])
        found = found[found < arrays.FAR]
        return int(found.max()) if found.size else EMPTY

    new, old = widest(part), min(widest(other) for other in parts)
    if new < old:
        parts[:] = [_without_narrowest(other) for other in parts]
    else:
        part = _without_narrowest(part)
    parts.append(part)


def _without_narrowest(bounds: Bounds) -> Bounds:
    bounds = bounds.copy()
    bounds[1:] = EMPTY
    return bounds


def joined(hull: Hull) -> Bounds:
    """All parts in one array; may be large."""
    result = hull[0]
    for part in hull[1:]:
        result = np.minimum(result, part)
    return result


def cover(hull: Hull) -> tuple[int, int]:
    """The interval [lo, hi) that all elements of a value read together."""
    lows = [part[0].min(axis=tuple(range(1, part.ndim - 1)), initial=EMPTY) for part in hull]
    low = np.minimum.reduce(lows)
    return int(low[0]), -int(low[1])


def convert(hull: Hull, old: Layout, new: Layout) -> Hull:
    """Bring a hull from an operand's layout to the one that an operator needs."""
    return tuple(_converted(part, old, new) for part in hull)


def _converted(part: Bounds, old: Layout, new: Layout) -> Bounds:
    lead = len(new.axes) - len(old.axes)
    shape: list[int] = list(part.shape[:LEADING]) + [1] * lead
    full: dict[int, int] = {}
    for axis, factors in enumerate(old.axes):
        span = old.span(axis)
        dims = [part.shape[LEADING + k] for k in span]
        wanted = new.axes[lead + axis]
        if len(wanted) == len(factors):
            shape.extend(dims)
        elif len(wanted) > 1:
            shape.extend(dims + [1] * (len(wanted) - len(dims)))
        elif all(dim == 1 for dim in dims):
            shape.append(1)
        else:
            full.update((LEADING + k, old.factors[k].extent) for k in span)
            shape.append(wanted[0].extent)
    return arrays.widened(part, full).reshape(shape)


def apply(
    operator: Operator,
    hulls: Sequence[Hull | None],
    layouts: tuple[Layout, ...],
    layout: Layout,
    extent: int,
) -> Hull | None:
    """The hull of an operator's result.

    Args:
        operator: canonical operator.
        hulls: hull of each operand, in the prepared layouts; None reads nothing.
        layouts: prepared layout of each operand.
        layout: layout of the result.
        extent: extent of the input's axis.
    """
    present = [hull for hull in hulls if hull is not None]
    if not present:
        return None
    match operator:
        case Pointwise():
            return present[0] if len(present) == 1 else unite(present)
        case Expand():
            return present[0]
        case Concat(axis=axis):
            blocks = [None if hull is None else joined(hull) for hull in hulls]
            return (explicit.concatenated(blocks, layouts, layout.span(axis)[0]),)
        case Overwrite():
            return _overwritten(operator, hulls, layouts, layout)
        case Contract():
            return _contract(operator, hulls, layouts)
        case Opaque():
            return everything(extent, layout)
        case Mask():  # varies along rows and columns anyway: one array instead of several
            return (explicit.rule(operator, layouts[0], layout)(joined(present[0])),)
        case _:
            meaning = explicit.rule(operator, layouts[0], layout)
            return tuple(meaning(part) for part in present[0])


def _overwritten(
    operator: Overwrite, hulls: Sequence[Hull | None], layouts: tuple[Layout, ...], layout: Layout
) -> Hull:
    """A slice of the first operand replaced by the second.

    Where the second is the slice and more (`scores[..., 1:] += bias`), the parts that both
    have stay as they are, and only the others are written out.
    """
    base, update = hulls
    kept: list[Bounds] = []
    if base is not None and update is not None:
        factor = LEADING + layouts[0].span(operator.axis)[0]
        count = layouts[1].factors[layouts[1].span(operator.axis)[0]].extent
        rest = list(update)
        for part in base:
            shown = explicit.sliced(part, factor, operator.start, operator.step, count)
            same = [k for k, other in enumerate(rest) if np.array_equal(other, shown)]
            if same:
                kept.append(part)
                del rest[same[0]]
        if len(kept) == len(base):
            written = [
                explicit.overwritten(operator, [None, part], layouts, layout) for part in rest
            ]
            return (*kept, *written)
    blocks = [None if hull is None else joined(hull) for hull in hulls]
    return (explicit.overwritten(operator, blocks, layouts, layout),)


def _contract(
    operator: Contract, hulls: Sequence[Hull | None], layouts: tuple[Layout, ...]
) -> Hull:
    found: list[Hull] = []
    for labels, hull, layout in zip(operator.operands, hulls, layouts, strict=True):
        if hull is not None:
            found.append(
                tuple(explicit.contracted(part, operator, labels, layouts, layout) for part in hull)
            )
    return unite(found)
