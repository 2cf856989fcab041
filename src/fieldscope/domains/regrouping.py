"""Affine fields in the form that an operator needs.

Factors are merged and split, periods written out, and fields brought to a common period.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fieldscope.geometry import bounds as arrays
from fieldscope.geometry import planes
from fieldscope.geometry.bounds import LEADING, Bounds
from fieldscope.geometry.layout import Kind, Layout, ReshapePlan
from fieldscope.geometry.planes import Affine


def moves(field: Affine, factor: int, layout: Layout) -> bool:
    """Whether a field varies along a factor that is part of the plane."""
    return layout.factors[factor].kind is Kind.PLANE and (
        field.steps[factor] != 0 or field.bounds.shape[LEADING + factor] != 1
    )


def anchored(field: Affine, layout: Layout) -> Affine:
    """A field broadcast to a layout: what had one position reads as position 0 everywhere."""
    steps, bounds = field
    for k, factor in enumerate(layout.factors):
        if steps[k] and factor.kind is not Kind.PLANE:
            bounds = bounds.take([0], LEADING + k)
            steps = (*steps[:k], 0, *steps[k + 1 :])
    return field if steps is field.steps else Affine(steps, bounds)


def converted(field: Affine, old: Layout, new: Layout) -> Affine | None:
    """A field brought to the layout that an operator needs; None if its plane is lost."""
    lead = len(new.axes) - len(old.axes)
    bounds, steps = field.bounds, list(field.steps)
    for axis in reversed(range(len(old.axes))):
        wanted, span = new.axes[lead + axis], old.span(axis)
        if len(wanted) > len(span):
            extra = len(wanted) - len(span)
            at = LEADING + span.stop
            bounds = bounds.reshape(bounds.shape[:at] + (1,) * extra + bounds.shape[at:])
            steps[span.stop : span.stop] = [0] * extra
        elif len(wanted) < len(span):
            merged = _merged(bounds, steps, old, span)
            if merged is None:
                return None
            bounds, step = merged
            steps[span.start : span.stop] = [step]
    if lead:
        bounds = bounds.reshape(bounds.shape[:LEADING] + (1,) * lead + bounds.shape[LEADING:])
    return Affine((0,) * lead + tuple(steps), bounds)


def _merged(
    bounds: Bounds, steps: Sequence[int], layout: Layout, span: range
) -> tuple[Bounds, int] | None:
    """One factor for those of a span: a plane and what it was split into, or no plane."""
    before, after = bounds.shape[: LEADING + span.start], bounds.shape[LEADING + span.stop :]
    dims = [bounds.shape[LEADING + k] for k in span]
    if all(dim == 1 for dim in dims) and not any(steps[k] for k in span):
        return bounds.reshape((*before, 1, *after)), 0
    wide = [k for k in span if layout.factors[k].extent != 1]
    moving = [k for k in span if layout.factors[k].kind is Kind.PLANE and k in wide]
    if any(steps[k] for k in span if k not in wide) or moving not in ([], wide[:1]):
        return None
    full = {LEADING + k: layout.factors[k].extent for k in wide if k not in moving}
    bounds = arrays.widened(bounds, full).reshape((*before, -1, *after))
    if not moving:
        return bounds, 0
    return planes.simplified(bounds, LEADING + span.start, steps[moving[0]])


def reshaped(field: Affine, old: Layout, plan: ReshapePlan) -> Affine | None:
    """A field under another shape; None if its plane is lost."""
    made = plan.layout.factors
    bounds, steps = field.bounds, field.steps
    if not any(steps) and bounds.size == bounds.shape[0] * 2:
        return Affine((0,) * len(made), bounds.reshape(bounds.shape[:2] + (1,) * len(made)))
    dims, new_steps = [1] * len(made), [0] * len(made)
    for group in reversed(plan.groups):
        if group.broken:
            if any(steps[k] or bounds.shape[LEADING + k] != 1 for k in group.old):
                return None
            continue
        for k, places in reversed(list(zip(group.old, group.pieces, strict=True))):
            axis, step = LEADING + k, steps[k]
            targets = [group.new.start + place for place in places]
            if not targets:
                if step:  # without spatial axes a value sees everything
                    bounds = planes.globalised(bounds)
                if bounds.shape[axis] > 1:
                    bounds = bounds.take([0], axis)
            elif not moves(field, k, old):
                if bounds.shape[axis] != 1:
                    for target in targets:
                        dims[target] = made[target].extent
            else:
                inner = int(np.prod([made[t].extent for t in targets[1:]], dtype=np.int64))
                period = bounds.shape[axis]
                phases = int(np.lcm(period, inner))
                bounds = planes.extended(bounds, axis, step, phases)
                dims[targets[0]] = phases // inner
                new_steps[targets[0]] = step * (phases // period)
                for target in targets[1:]:
                    dims[target] = made[target].extent
    return Affine(tuple(new_steps), bounds.reshape(bounds.shape[:LEADING] + tuple(dims)))


def aligned(fields: Sequence[Affine], layout: Layout) -> list[Affine] | None:
    """The fields with equal periods and steps; None if their strides differ."""
    first = fields[0]
    if all(field.steps == first.steps for field in fields) and not any(
        field.bounds.shape[LEADING + k] != 1
        for field in fields
        for k, factor in enumerate(layout.factors)
        if factor.kind is Kind.PLANE
    ):
        return list(fields)
    found = list(fields)
    for _ in range(2):  # the second pass brings the first fields to the final period
        for k, factor in enumerate(layout.factors):
            if factor.kind is not Kind.PLANE and not any(field.steps[k] for field in found):
                continue
            for at in range(1, len(found)):
                one, other = found[at - 1], found[at]
                common = planes.common_step(
                    one.bounds, one.steps[k], other.bounds, other.steps[k], LEADING + k
                )
                if common is None:
                    return None
                found[at - 1] = Affine(_with(one.steps, k, common[2]), common[0])
                found[at] = Affine(_with(other.steps, k, common[2]), common[1])
        found.reverse()
    return found


def _with(steps: tuple[int, ...], factor: int, step: int) -> tuple[int, ...]:
    return steps[:factor] + (step,) + steps[factor + 1 :]
