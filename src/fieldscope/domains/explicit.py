"""Operators on bounds that are written out element by element, over a layout.

The hull is written out along all factors, an affine field along those that aren't part
of the plane; both use these. A bounds array has the shape [kinds, 2, *factors].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from fieldscope.geometry import bounds as arrays
from fieldscope.geometry.bounds import EMPTY, LEADING, Bounds
from fieldscope.geometry.layout import Kind, Layout, ReshapePlan, reshape
from fieldscope.geometry.padding import padded_index
from fieldscope.graph.operators import (
    Collect,
    Contract,
    Flip,
    Gather,
    Mask,
    Mix,
    Operator,
    Overwrite,
    Pad,
    Pairs,
    Permute,
    Reduce,
    Reshape,
    Roll,
    Slice,
    Spread,
    Table,
    Window,
)


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
        case Reduce(axes=axes, keep=kept):
            return lambda part: reduced(part, old, axes, keep=kept)
        case Reshape(kept=continued):
            plan = reshape(old, new.shape, continued)
            return lambda part: _reshaped(part, old, plan)
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
            source = padded_index(extent, before, out, mode)
            return lambda part: arrays.gather(part, at(axis), source)
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
    space = tuple(LEADING + k for k in found if factors[k].kind > Kind.PLAIN)
    other = tuple(LEADING + k for k in found if factors[k].kind <= Kind.PLAIN)
    return arrays.over(arrays.over(part, space), other, paths=True)


def sliced(part: Bounds, axis: int, first: int, step: int, out: int) -> Bounds:
    """Every step-th element from the first on, along one axis of an array."""
    if part.shape[axis] == 1:
        return part
    pick = [slice(None)] * part.ndim
    pick[axis] = slice(first, first + step * out, step)
    return part[tuple(pick)]


def masked(part: Bounds, keep: npt.NDArray[np.generic], layout: Layout) -> Bounds:
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
            part = as_one_factor(unite_along(part, old, (axis,)), old, axis)
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


def as_one_factor(part: Bounds, layout: Layout, axis: int) -> Bounds:
    """Bounds that are alike along an axis, with one factor in place of its several."""
    span = layout.span(axis)
    if len(span) == 1:
        return part
    shape = part.shape
    return part.reshape(shape[: LEADING + span.start] + (1,) + shape[LEADING + span.stop :])


def _reshaped(part: Bounds, old: Layout, plan: ReshapePlan) -> Bounds:
    made = plan.layout.factors
    dims = [1] * len(made)
    full: dict[int, int] = {}
    split: list[int] = []
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
                if len(pieces) > 1:
                    split.extend(LEADING + group.new.start + piece for piece in pieces)
    moved = arrays.widened(part, full).reshape(part.shape[:LEADING] + tuple(dims))
    for axis in split:
        moved = arrays.collapsed(moved, axis)
    return moved


def concatenated(
    blocks: Sequence[Bounds | None], layouts: tuple[Layout, ...], factor: int
) -> Bounds:
    """Bounds one after another along a factor; None reads nothing."""
    axis = LEADING + factor
    present = [block for block in blocks if block is not None]
    first = present[0]
    if len(present) == len(blocks) and all(
        block.shape[axis] == 1 and block.shape == first.shape and np.array_equal(block, first)
        for block in present
    ):
        return first
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
    return whole


def overwritten(
    operator: Overwrite,
    blocks: Sequence[Bounds | None],
    layouts: tuple[Layout, ...],
    layout: Layout,
) -> Bounds:
    """The first bounds with a slice of one axis replaced by the second."""
    base, update = blocks
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
    return whole


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
        part = met(part, at, pairs)
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


def met(part: Bounds, axis: int, pairs: Pairs) -> Bounds:
    """What each index of the kept label meets of the contracted one, in its place."""
    if pairs.index is not None:
        return arrays.collect(part, axis, pairs.index.array)
    assert pairs.lo is not None
    assert pairs.hi is not None
    return arrays.runs(part, axis, pairs.lo.array, pairs.hi.array)


def width(operator: Contract, layouts: tuple[Layout, ...], label: int) -> int:
    """Number of factors of a label of the result."""
    for labels, layout in zip(operator.operands, layouts, strict=True):
        if label in labels:
            return len(layout.axes[labels.index(label)])
    return 1
