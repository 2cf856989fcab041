"""The domain *hull*: the interval that each position reads inside the given input.

For each value and each spatial axis of an input, bounds [kinds, 2, *factors] that
broadcast against the value. Borders, padding and channels are exact: what lies in
the padding reads nothing. A field is a union of arrays (*parts*): a part varies along
few axes, and the parts are united only where that makes no large array, so that
attention scores [.., i, j] stay a column and a row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from fieldscope.geometry import bounds as arrays
from fieldscope.geometry.bounds import EMPTY, LEADING, SMALL, Bounds
from fieldscope.geometry.layout import Layout, reshape
from fieldscope.geometry.padding import padded_index
from fieldscope.graph.operators import (
    Collect,
    Concat,
    Contract,
    Expand,
    Flip,
    Gather,
    Mask,
    Mix,
    Opaque,
    Operator,
    Overwrite,
    Pad,
    Permute,
    Pointwise,
    Reduce,
    Reshape,
    Roll,
    Slice,
    Spread,
    Table,
    Window,
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
    bounds = np.array([0, -extent], dtype=np.int64)
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
            return concatenated(hulls, layouts, layout.span(axis)[0])
        case Overwrite():
            return overwritten(operator, hulls, layouts, layout)
        case Contract():
            return _contract(operator, hulls, layouts)
        case Opaque():
            return everything(extent, layout)
        case _:
            meaning = rule(operator, layouts[0], layout)
            return tuple(meaning(part) for part in present[0])


def rule(operator: Operator, old: Layout, new: Layout) -> Callable[[Bounds], Bounds]:
    """The meaning of an operator with one operand, for one part."""

    def at(axis: int) -> int:
        return LEADING + old.span(axis)[0]

    match operator:
        case Window() | Spread():
            return lambda part: _windows(operator, part, old, new)
        case Table(axis=axis, lo=lo, hi=hi):
            return lambda part: arrays.runs(part, at(axis), lo.array, hi.array)
        case Gather(axis=axis, index=index):
            return lambda part: arrays.gather(part, at(axis), index.array)
        case Collect(axis=axis, index=index):
            return lambda part: arrays.collect(part, at(axis), index.array)
        case Mix(axes=axes):
            return lambda part: arrays.over(part, factors_of(old, axes))
        case Reduce(axes=axes, keep=keep):
            return lambda part: reduced(part, old, axes, keep=keep)
        case Reshape():
            shape = new.shape
            return lambda part: _reshaped(part, old, shape)
        case Permute(order=order):
            axes_of_array = permuted(old, order)
            return lambda part: part.transpose(axes_of_array)
        case Slice(axis=axis, start=first, step=step):
            out = new.factors[new.span(axis)[0]].extent
            return lambda part: sliced(part, at(axis), first, step, out)
        case Flip(axes=axes):
            flipped = tuple(at(axis) for axis in axes)
            return lambda part: np.flip(part, flipped)
        case Roll(axis=axis, shift=shift):
            return lambda part: np.roll(part, shift, at(axis))
        case Pad(axis=axis, before=before, mode=mode):
            extent = old.factors[old.span(axis)[0]].extent
            out = new.factors[new.span(axis)[0]].extent
            index = padded_index(extent, before, out, mode)
            return lambda part: arrays.gather(part, at(axis), index)
        case Mask(keep=keep):
            return lambda part: masked(part, keep.array, new)
        case _:
            message = f"the hull of {type(operator).__name__} isn't defined"
            raise NotImplementedError(message)


def factors_of(layout: Layout, axes: Sequence[int]) -> tuple[int, ...]:
    """Array axes of all factors of some axes."""
    return tuple(LEADING + k for axis in axes for k in layout.span(axis))


def permuted(layout: Layout, order: tuple[int, ...]) -> tuple[int, ...]:
    """The transposition of a bounds array that permutes the axes of its value."""
    return (0, 1) + factors_of(layout, order)


def reduced(part: Bounds, layout: Layout, axes: tuple[int, ...], *, keep: bool) -> Bounds:
    """Unite along axes, which are removed or kept as one factor of extent 1."""
    part = unite_along(part, layout, axes)
    shape = list(part.shape[:LEADING])
    for axis in range(len(layout.axes)):
        if axis not in axes:
            shape.extend(part.shape[LEADING + k] for k in layout.span(axis))
        elif keep:
            shape.append(1)
    return part.reshape(shape)


def unite_along(part: Bounds, layout: Layout, axes: Sequence[int]) -> Bounds:
    """Unite along axes: channels are alternative paths, positions are not."""
    factors = layout.factors
    found = [k for axis in axes for k in layout.span(axis)]
    space = tuple(LEADING + k for k in found if factors[k].kind)
    other = tuple(LEADING + k for k in found if not factors[k].kind)
    return arrays.over(arrays.over(part, space), other, paths=True)


def sliced(part: Bounds, axis: int, first: int, step: int, out: int) -> Bounds:
    """Every step-th element from the first on, along one axis of an array."""
    if part.shape[axis] == 1:
        return part
    pick = [slice(None)] * part.ndim
    pick[axis] = slice(first, first + step * out, step)
    return part[tuple(pick)]


def masked(part: Bounds, keep: np.ndarray, layout: Layout) -> Bounds:
    """Empty the elements where `keep`, which broadcasts to the value, is 0."""
    shape = layout.shape
    keep = keep.reshape((1,) * (len(shape) - keep.ndim) + keep.shape)
    dims: list[int] = []
    full: list[int] = []
    for axis, factors in enumerate(layout.axes):
        extents = [factor.extent for factor in factors]
        dims.extend(extents if keep.shape[axis] != 1 else [1] * len(extents))
        full.append(shape[axis] if keep.shape[axis] != 1 else 1)
    keep = np.broadcast_to(keep, full).reshape((1, 1, *dims))
    return np.where(keep != 0, part, EMPTY)


def _windows(operator: Window | Spread, part: Bounds, old: Layout, new: Layout) -> Bounds:
    slide = arrays.window if isinstance(operator, Window) else arrays.spread
    if operator.channels is not None:
        axis, groups = operator.channels.axis, operator.channels.groups
        if groups == 1:
            part = unite_along(part, old, (axis,))
            if len(old.span(axis)) != 1:  # several factors of extent 1 become one
                part = part.reshape(_one_for(part, old, axis))
        else:
            at = old.span(axis)[0]
            extent = old.factors[at].extent
            out = new.factors[new.span(axis)[0]].extent
            part = arrays.channels(part, LEADING + at, groups, extent, out)
    for axis, window in zip(operator.axes, operator.windows, strict=True):
        at = new.span(axis)[0]
        (extent,) = (f.extent for f in old.axes[axis])
        part = slide(part, LEADING + at, window, extent, new.factors[at].extent)
    return part


def _one_for(part: Bounds, layout: Layout, axis: int) -> list[int]:
    span = layout.span(axis)
    shape = list(part.shape)
    return shape[: LEADING + span.start] + [1] + shape[LEADING + span.stop :]


def _reshaped(part: Bounds, old: Layout, shape: tuple[int, ...]) -> Bounds:
    plan = reshape(old, shape)
    made = plan.layout.factors
    dims = [1] * len(made)
    full: dict[int, int] = {}
    for group in plan.groups:
        if group.broken:
            if any(part.shape[LEADING + k] != 1 for k in group.old):
                full.update((LEADING + k, old.factors[k].extent) for k in group.old)
                for k in group.new:
                    dims[k] = made[k].extent
            continue
        for k, pieces in zip(group.old, group.pieces, strict=True):
            if part.shape[LEADING + k] != 1:
                for piece in pieces:
                    dims[group.new.start + piece] = made[group.new.start + piece].extent
    return arrays.widened(part, full).reshape(part.shape[:LEADING] + tuple(dims))


def concatenated(hulls: Sequence[Hull | None], layouts: tuple[Layout, ...], factor: int) -> Hull:
    axis = LEADING + factor
    blocks = [joined(hull) if hull is not None else None for hull in hulls]
    present = [block for block in blocks if block is not None]
    first = present[0]
    if len(present) == len(blocks) and all(
        block.shape[axis] == 1 and block.shape == first.shape and np.array_equal(block, first)
        for block in present
    ):
        return (first,)
    kinds = max(len(block) for block in present)
    shape = np.broadcast_shapes(
        *(block.shape[:axis] + (1,) + block.shape[axis + 1 :] for block in present)
    )
    whole = np.empty(
        (kinds,)
        + shape[1:axis]
        + (sum(x.factors[factor].extent for x in layouts),)
        + shape[axis + 1 :],
        dtype=np.int64,
    )
    place = 0
    pick: list[slice] = [slice(None)] * whole.ndim
    for block, layout in zip(blocks, layouts, strict=True):
        pick[axis] = slice(place, place := place + layout.factors[factor].extent)
        whole[tuple(pick)] = EMPTY if block is None else block
    return (whole,)


def overwritten(
    operator: Overwrite, hulls: Sequence[Hull | None], layouts: tuple[Layout, ...], layout: Layout
) -> Hull:
    base, update = (joined(hull) if hull is not None else None for hull in hulls)
    factor = layout.span(operator.axis)[0]
    axis = LEADING + factor
    present = base if base is not None else update
    assert present is not None
    shape = list(present.shape)
    if base is not None and update is not None:
        one = [1 if k == axis else extent for k, extent in enumerate(base.shape)]
        two = [1 if k == axis else extent for k, extent in enumerate(update.shape)]
        shape = list(np.broadcast_shapes(one, two))
    shape[axis] = layout.factors[factor].extent
    whole = np.full(shape, EMPTY, dtype=np.int64)
    if base is not None:
        whole[...] = base
    pick = [slice(None)] * whole.ndim
    count = layouts[1].factors[layouts[1].span(operator.axis)[0]].extent
    last = operator.start + operator.step * count
    pick[axis] = slice(operator.start, last, operator.step)
    whole[tuple(pick)] = EMPTY if update is None else update
    return (whole,)


def _contract(
    operator: Contract, hulls: Sequence[Hull | None], layouts: tuple[Layout, ...]
) -> Hull:
    found: list[Hull] = []
    for labels, hull, layout in zip(operator.operands, hulls, layouts, strict=True):
        if hull is not None:
            found.append(
                tuple(contracted(part, operator, labels, layouts, layout) for part in hull)
            )
    return unite(found)


def contracted(
    part: Bounds,
    operator: Contract,
    labels: tuple[int, ...],
    layouts: tuple[Layout, ...],
    layout: Layout,
) -> Bounds:
    """One operand's share of a contraction, with its axes at those of the result."""
    pairs = operator.pairs
    gone = [axis for axis, label in enumerate(labels) if label not in operator.result]
    kept = labels
    if pairs is not None and pairs.contracted in labels and pairs.kept not in labels:
        axis = labels.index(pairs.contracted)
        at = LEADING + layout.span(axis)[0]
        part = arrays.collect(part, at, listed(pairs.keep.array))
        gone.remove(axis)
        kept = tuple(pairs.kept if label == pairs.contracted else label for label in labels)
    part = unite_along(part, layout, gone)
    shape: list[int] = list(part.shape[:LEADING])
    dims: dict[int, tuple[int, ...]] = {}
    for axis, label in enumerate(kept):
        dims[label] = tuple(LEADING + k for k in layout.span(axis))
    # Axes of contracted labels have extent 1 by now and go behind; then new ones come in.
    order = [k for label in operator.result for k in dims.get(label, ())]
    rest = [k for axis in gone for k in (LEADING + f for f in layout.span(axis))]
    moved = part.transpose((0, 1, *order, *rest))
    for label in operator.result:
        extents = [part.shape[k] for k in dims[label]] if label in dims else []
        shape.extend(extents or [1] * width(operator, layouts, label))
    return moved.reshape(shape)


def listed(keep: np.ndarray) -> np.ndarray:
    """Column indices of the ones of each row, [rows, most], filled up with −1."""
    most = int(keep.astype(bool).sum(axis=1).max(initial=0))
    order = np.argsort(keep == 0, axis=1, kind="stable")[:, :most]
    return np.where(np.take_along_axis(keep, order, 1) != 0, order, -1)


def width(operator: Contract, layouts: tuple[Layout, ...], label: int) -> int:
    """Number of factors of a label of the result."""
    for labels, layout in zip(operator.operands, layouts, strict=True):
        if label in labels:
            return len(layout.axes[labels.index(label)])
    return 1
