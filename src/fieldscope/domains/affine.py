"""The domain *affine*: the field on an unbounded plane, whatever the input's size.

A field is a stride per factor of the value's layout, and bounds per phase; kind 0 is
the field, kind 1 the narrowest path (`fieldscope.domains.narrowest`). It survives
all that keeps the plane: windows, strides, upsampling, reshapes that split and merge
axes. Where even periodic shift-equivariance is lost (a roll, an irregular pooling,
tokens put behind a class token) the field is LOST, and the hull answers instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from functools import reduce
from typing import Final, Literal, TypeAlias

import numpy as np

from fieldscope.domains import explicit
from fieldscope.domains.layout import linear_steps
from fieldscope.domains.regrouping import aligned, anchored, converted, moves, reshaped
from fieldscope.geometry import bounds as arrays
from fieldscope.geometry import planes
from fieldscope.geometry.bounds import EMPTY, GLOBAL, LEADING, Bounds
from fieldscope.geometry.layout import Kind, Layout, reshape
from fieldscope.geometry.planes import Affine
from fieldscope.geometry.sliding import Sliding
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


class _Lost(Enum):
    LOST = "lost"


LOST: Final = _Lost.LOST
"""No periodic field exists; the hull answers."""

Field: TypeAlias = Affine | Literal[_Lost.LOST] | None
"""An affine field, LOST, or None where nothing is read."""


def start(layout: Layout, axis: int) -> Affine:
    """The field of an input along one of its axes: start 0, stride 1, size 1."""
    (factor,) = layout.span(axis)
    steps = tuple(int(k == factor) for k in range(len(layout.factors)))
    bounds = np.array([0, -1], dtype=np.int64).reshape((1, 2) + (1,) * len(steps))
    return Affine(steps, np.concatenate([bounds, bounds]))


def everything(layout: Layout) -> Affine:
    """The field of a value whose every element reads the whole plane."""
    count = len(layout.factors)
    return Affine((0,) * count, np.full((2, 2) + (1,) * count, GLOBAL, dtype=np.int64))


def convert(field: Field, old: Layout, new: Layout) -> Field:
    """Bring a field from an operand's layout to the one that an operator needs."""
    if not isinstance(field, Affine):
        return field
    found = converted(field, old, new)
    return LOST if found is None else found


def apply(
    operator: Operator, fields: Sequence[Field], layouts: tuple[Layout, ...], layout: Layout
) -> Field:
    """The field of an operator's result.

    Args:
        operator: canonical operator.
        fields: field of each operand, in the prepared layouts.
        layouts: prepared layout of each operand.
        layout: layout of the result.
    """
    present = [field for field in fields if field is not None]
    if not present:
        return None
    if isinstance(operator, Opaque):
        return everything(layout)
    known = [field for field in present if field is not LOST]
    if len(known) < len(present):
        return LOST
    match operator:
        case Pointwise() | Expand():
            known = [anchored(field, layout) for field in known]
            return known[0] if len(known) == 1 else united(known, layout)
        case Concat(axis=axis):
            return _concat(fields, layouts, layout, axis)
        case Overwrite():
            return _overwrite(operator, fields, layouts, layout)
        case Contract():
            return _contract(operator, fields, layouts, layout)
        case Window() | Spread():
            return _windows(operator, known[0], layouts[0], layout)
        case Mix(axes=axes):
            return _along(known[0], layouts[0], axes)
        case Reduce(axes=axes, keep=keep):
            field = _along(known[0], layouts[0], axes)
            bounds = explicit.reduced(field.bounds, layouts[0], axes, keep=keep)
            return Affine(_kept_steps(field.steps, layouts[0], axes, keep=keep), bounds)
        case Reshape(kept=kept):
            found = reshaped(known[0], layouts[0], reshape(layouts[0], layout.shape, kept))
            return LOST if found is None else found
        case Permute(order=order):
            span = [k for axis in order for k in layouts[0].span(axis)]
            steps = tuple(known[0].steps[k] for k in span)
            return Affine(steps, known[0].bounds.transpose((0, 1, *(LEADING + k for k in span))))
        case Mask(keep=keep):
            return _masked(known[0], keep.array, layout)
        case _:
            return _on_axis(operator, known[0], layouts[0], layout)


def united(fields: Sequence[Affine], layout: Layout) -> Field:
    """Join of fields over the same layout; LOST if they move at different strides."""

    def two(one: Field, other: Field) -> Field:
        if not isinstance(one, Affine) or not isinstance(other, Affine):
            return LOST
        both = aligned([one, other], layout)
        if both is None:
            return LOST
        return Affine(both[0].steps, arrays.join(both[0].bounds, both[1].bounds))

    return reduce(two, fields[1:], fields[0])


def _windows(operator: Window | Spread, field: Affine, old: Layout, new: Layout) -> Field:
    bounds, steps = field.bounds, list(field.steps)
    if operator.channels is not None:
        axis, groups = operator.channels.axis, operator.channels.groups
        span = old.span(axis)
        if groups == 1:
            field = _along(field, old, (axis,))
            bounds = explicit.as_one_factor(field.bounds, old, axis)
            steps = list(field.steps[: span.start]) + [0] + list(field.steps[span.stop :])
        else:
            extent = old.factors[span[0]].extent
            out = new.factors[new.span(axis)[0]].extent
            if moves(field, span[0], old):
                return LOST  # positions were put into channels, and these are divided
            bounds = arrays.channels(bounds, LEADING + span[0], groups, extent, out)
    for axis, window in zip(operator.axes, operator.windows, strict=True):
        at = new.span(axis)[0]
        factor = old.axes[axis][0]
        if factor.kind is Kind.PLANE:
            slide = planes.window if isinstance(operator, Window) else planes.spread
            bounds, steps[at] = slide(bounds, LEADING + at, steps[at], window)
        else:
            out = new.factors[at].extent
            rule = arrays.window if isinstance(operator, Window) else arrays.spread
            bounds = rule(bounds, LEADING + at, window, factor.extent, out)
    return Affine(tuple(steps), bounds)


def _along(field: Affine, layout: Layout, axes: Sequence[int]) -> Affine:
    """Unite along axes, kept: along a plane that the field moves on, it becomes global."""
    bounds, steps = field.bounds, list(field.steps)
    for axis in axes:
        for k in layout.span(axis):
            if steps[k]:
                bounds = planes.globalised(arrays.over(bounds, (LEADING + k,)))
                steps[k] = 0
    return Affine(tuple(steps), explicit.unite_along(bounds, layout, axes))


def _kept_steps(
    steps: tuple[int, ...], layout: Layout, axes: Sequence[int], *, keep: bool
) -> tuple[int, ...]:
    kept: list[int] = []
    for axis in range(len(layout.axes)):
        if axis not in axes:
            kept.extend(steps[k] for k in layout.span(axis))
        elif keep:
            kept.append(0)
    return tuple(kept)


def _on_axis(operator: Operator, field: Affine, old: Layout, new: Layout) -> Field:
    """Operators that move or unite elements of one axis."""
    axes = operator.axes if isinstance(operator, Flip) else (operator.axis,)  # type: ignore[union-attr]  # only operators with an axis come here
    bounds, steps = field.bounds, list(field.steps)
    for axis in axes:
        at = old.span(axis)[0]
        factor = old.factors[at]
        if not moves(field, at, old):
            part = bounds
            if factor.kind is Kind.PLANE:  # all alike: borders don't count on the plane
                made = len(new.factors) - len(old.factors) + 1
                part = part.reshape(
                    part.shape[: LEADING + at] + (1,) * made + part.shape[LEADING + at + 1 :]
                )
            else:
                single = Flip((axis,)) if isinstance(operator, Flip) else operator
                part = explicit.rule(single, old, new)(part)
            bounds = part
            steps[at : at + 1] = [0] * (len(new.factors) - len(old.factors) + 1)
            continue
        moved = _moved(operator, bounds, LEADING + at, steps[at], old, new)
        if moved is None:
            return LOST
        bounds, steps[at : at + 1] = moved
    return Affine(tuple(steps), bounds)


def _moved(
    operator: Operator, bounds: Bounds, axis: int, step: int, old: Layout, new: Layout
) -> tuple[Bounds, list[int]] | None:
    """A movement along a plane that the field moves on: bounds and steps, None if lost."""
    extent, factor = old.factors[axis - LEADING].extent, axis - LEADING
    match operator:
        case Slice(start=first, step=stride):
            if new.factors[factor].kind is not Kind.PLANE:
                return planes.taken(bounds, axis, step, np.array([first])), [0]
            window = Sliding(1, stride, 1, -first)
            found, step = planes.window(bounds, axis, step, window)
            return found, [step]
        case Pad(before=before):
            found, step = planes.window(bounds, axis, step, Sliding(1, 1, 1, before))
            return found, [step]
        case Flip():
            period = bounds.shape[axis]
            index = extent - 1 - np.arange(period)
            return planes.taken(bounds, axis, step, index), [-step]
        case Table(plane=plane) if plane is not None:
            if new.factors[factor].kind is not Kind.PLANE:
                return None
            found, step = planes.table(bounds, axis, step, plane.advance, plane.lo, plane.hi)
            return found, [step]
        case Gather(index=index):
            strides = linear_steps(operator)
            if strides is None:
                return None
            period = bounds.shape[axis]
            array = index.array
            phases = period // np.gcd(period, strides[0])
            outer = int(array.flat[0]) + strides[0] * np.arange(phases)
            inner = array[0] - array.flat[0]
            found = planes.taken(bounds, axis, step, np.add.outer(outer, inner))
            return found, [step * int(phases * strides[0] // period)] + [0] * (array.ndim - 1)
        case Table(lo=lo, hi=hi):
            if (lo.array == 0).all() and (hi.array == extent).all():
                return planes.globalised(arrays.over(bounds, (axis,))), [0]
            return None
        case Collect() | Roll():
            return None
        case _:
            message = f"the affine field of {type(operator).__name__} isn't defined"
            raise NotImplementedError(message)


def _blocks(
    fields: Sequence[Field], layouts: tuple[Layout, ...], layout: Layout, factor: int
) -> tuple[list[Bounds | None], tuple[int, ...]] | None:
    """Bounds of operands that are put side by side along a factor, and their common steps.

    None in the list where nothing is read; None for all where the plane is lost, since one
    moves along the factor or strides differ.
    """
    known: list[Affine] = []
    for field, operand in zip(fields, layouts, strict=True):
        if isinstance(field, Affine):
            if moves(field, factor, operand):
                return None
            known.append(field)
    level = aligned(known, layout)
    if level is None:
        return None
    found = iter(level)
    return [next(found).bounds if field is not None else None for field in fields], level[0].steps


def _concat(
    fields: Sequence[Field], layouts: tuple[Layout, ...], layout: Layout, axis: int
) -> Field:
    factor = layout.span(axis)[0]
    blocks = _blocks(fields, layouts, layout, factor)
    if blocks is None:
        return LOST
    return Affine(blocks[1], explicit.concatenated(blocks[0], layouts, factor))


def _overwrite(
    operator: Overwrite, fields: Sequence[Field], layouts: tuple[Layout, ...], layout: Layout
) -> Field:
    blocks = _blocks(fields, layouts, layout, layout.span(operator.axis)[0])
    if blocks is None:
        return LOST
    return Affine(blocks[1], explicit.overwritten(operator, blocks[0], layouts, layout))


def _contract(
    operator: Contract, fields: Sequence[Field], layouts: tuple[Layout, ...], layout: Layout
) -> Field:
    shares: list[Affine] = []
    spatial = False
    for labels, field, operand in zip(operator.operands, fields, layouts, strict=True):
        gone = [axis for axis, label in enumerate(labels) if label not in operator.result]
        spatial |= any(
            factor.kind > Kind.PLAIN
            for axis in gone
            for factor in operand.axes[axis]
            if factor.extent > 1
        )
        if not isinstance(field, Affine):
            continue
        if operator.pairs is not None and operator.pairs.contracted in labels:
            at = operand.span(labels.index(operator.pairs.contracted))[0]
            if moves(field, at, operand):
                return LOST
        field = _along(field, operand, gone)
        bounds = explicit.contracted(field.bounds, operator, labels, layouts, operand)
        steps: list[int] = []
        for label in operator.result:
            span = operand.span(labels.index(label)) if label in labels else ()
            width = explicit.width(operator, layouts, label)
            steps.extend([field.steps[k] for k in span] or [0] * width)
        shares.append(Affine(tuple(steps), bounds))
    if spatial and len(shares) > 1:
        # Positions are summed over: no path leads around the operand that is summed.
        return _summed(shares, layout)
    return shares[0] if len(shares) == 1 else united(shares, layout)


def _summed(shares: Sequence[Affine], layout: Layout) -> Field:
    """Union of the operands of a sum over positions, for the narrowest path as well."""
    level = aligned(shares, layout)
    if level is None:
        return LOST
    return Affine(level[0].steps, reduce(np.minimum, [share.bounds for share in level]))


def _masked(field: Affine, keep: np.ndarray, layout: Layout) -> Field:
    shape = layout.shape
    keep = keep.reshape((1,) * (len(shape) - keep.ndim) + keep.shape)
    for axis in range(len(shape)):
        if keep.shape[axis] != 1 and any(
            layout.factors[k].kind is Kind.PLANE for k in layout.span(axis)
        ):
            return (
                field
                if planes.is_wild(field.bounds) and not (field.bounds >= EMPTY // 2).any()
                else LOST
            )
    return Affine(field.steps, explicit.masked(field.bounds, keep, layout))
