"""The domain *layout*: which axes of a value run along space, and how.

Every other domain stores its arrays along the factors of a value's layout. Before
an operator is applied, `prepared` brings the operands' layouts into the form that the
operator needs (an axis that a window slides over as one factor, the operands of a
sum with the same factors); `convert` in each domain follows suit.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import prod

from fieldscope.geometry.layout import Axis, Factor, Kind, Layout, merged, plain, rank, reshape
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

Shape = tuple[int, ...]


@lru_cache(maxsize=16384)
def prepared(operator: Operator, layouts: tuple[Layout, ...], shape: Shape) -> tuple[Layout, ...]:
    """The layouts that the operands have to be converted to before the operator applies."""
    match operator:
        case Pointwise() | Mask() | Expand():
            return _broadcast(layouts, len(shape))
        case Window() | Spread():
            axes = set(operator.axes)
            if operator.channels is not None and operator.channels.groups != 1:
                axes.add(operator.channels.axis)
            return tuple(_single(layout, axes) for layout in layouts)
        case (
            Table(axis=axis)
            | Gather(axis=axis)
            | Collect(axis=axis)
            | Slice(axis=axis)
            | Roll(axis=axis)
            | Pad(axis=axis)
        ):
            return tuple(_single(layout, {axis}) for layout in layouts)
        case Flip(axes=axes):
            return tuple(_single(layout, set(axes)) for layout in layouts)
        case Concat(axis=axis) | Overwrite(axis=axis):
            return _broadcast(tuple(_single(layout, {axis}) for layout in layouts), len(shape))
        case Mix(axes=axes):
            resized = {axis for axis in axes if layouts[0].shape[axis] != shape[axis]}
            return tuple(_single(layout, resized) for layout in layouts)
        case Contract():
            return _by_label(operator, layouts)
        case _:
            return layouts


@lru_cache(maxsize=16384)
def result(operator: Operator, layouts: tuple[Layout, ...], shape: Shape) -> Layout:
    """Layout of the result, for operands that are already prepared."""
    match operator:
        case Pointwise() | Mask() | Expand():
            return _union(layouts, shape)
        case Opaque():
            return _like(layouts, shape)
        case Window(channels=channels) | Spread(channels=channels):
            resized = _resized(layouts[0], shape)
            if channels is None:
                return resized
            plane = any(f.kind is Kind.PLANE for f in layouts[0].axes[channels.axis])
            kind = Kind.SPATIAL if plane else Kind.PLAIN  # tokens as channels, or channels
            return resized.replaced(channels.axis, (Factor(shape[channels.axis], kind),))
        case Mix():
            return _resized(layouts[0], shape)
        case Table(axis=axis, plane=plane):
            return layouts[0].replaced(axis, (_tabled(layouts[0], axis, shape, plane is None),))
        case Collect(axis=axis) | Roll(axis=axis):
            kind = min(layouts[0].axes[axis][0].kind, Kind.SPATIAL)
            return layouts[0].replaced(axis, (Factor(shape[axis], kind),))
        case Concat(axis=axis):
            kind = min(max(layout.axes[axis][0].kind for layout in layouts), Kind.SPATIAL)
            united = _union(layouts, shape, skip=axis)
            return united.replaced(axis, (Factor(shape[axis], kind),))
        case Overwrite(axis=axis):
            kind = max(layout.axes[axis][0].kind for layout in layouts)
            united = _union(layouts, shape, skip=axis)
            return united.replaced(axis, (Factor(shape[axis], kind),))
        case Slice(axis=axis):
            factor = layouts[0].axes[axis][0]
            kind = factor.kind
            if shape[axis] == 1 and factor.extent > 1:
                kind = min(kind, Kind.SPATIAL)  # one position, not a map that is 1 wide
            return layouts[0].replaced(axis, (Factor(shape[axis], kind),))
        case Flip():
            return layouts[0]
        case Pad(axis=axis):
            return layouts[0].replaced(axis, (Factor(shape[axis], layouts[0].axes[axis][0].kind),))
        case Gather(axis=axis, index=index):
            count = index.array.ndim
            kind = layouts[0].axes[axis][0].kind
            outer = kind if linear_steps(operator) is not None else min(kind, Kind.SPATIAL)
            made = tuple(
                (Factor(extent, outer if k == 0 else min(kind, Kind.INSIDE)),)
                for k, extent in enumerate(shape[axis : axis + count])
            )
            return layouts[0].replaced(axis, *made)
        case Reduce(axes=axes, keep=keep):
            return _reduced(layouts[0], axes, keep=keep)
        case Contract():
            return _contracted(operator, layouts, shape)
        case Reshape(kept=kept):
            return reshape(layouts[0], shape, kept).layout
        case Permute(order=order):
            return Layout(tuple(layouts[0].axes[axis] for axis in order))
        case _:
            return plain(shape)


@lru_cache(maxsize=4096)
def linear_steps(gather: Gather) -> tuple[int, ...] | None:
    """Steps of an index table that is first + Σ step·position; None if it isn't."""
    index = gather.index.array
    if index.size == 0 or index.ndim == 0:
        return None
    steps = []
    for axis in range(index.ndim):
        if index.shape[axis] < 2:
            steps.append(0)
            continue
        differences = index.take(range(1, index.shape[axis]), axis) - index.take(
            range(index.shape[axis] - 1), axis
        )
        step = int(differences.flat[0])
        if (differences != step).any():
            return None
        steps.append(step)
    return tuple(steps) if index.min() >= 0 and steps[0] > 0 else None


def _single(layout: Layout, axes: set[int]) -> Layout:
    if all(len(layout.axes[axis]) == 1 for axis in axes):
        return layout
    return Layout(
        tuple(
            (merged(factors),) if axis in axes else factors
            for axis, factors in enumerate(layout.axes)
        )
    )


def _common(axes: Sequence[Axis]) -> Axis | None:
    """The factors that all axes of extent > 1 share; None if they differ."""
    wide = [axis for axis in axes if prod(f.extent for f in axis) != 1]
    if not wide:
        return max(axes, key=lambda axis: axis[0].kind)[:1]
    extents = [tuple(f.extent for f in axis) for axis in wide]
    if any(other != extents[0] for other in extents):
        return None
    return tuple(
        Factor(extent, max(axis[k].kind for axis in wide)) for k, extent in enumerate(extents[0])
    )


def _fitted(axis: Axis, common: Axis | None) -> Axis:
    """An operand's axis with as many factors as the common one."""
    if common is None:
        return (merged(axis),)
    if len(axis) == len(common):
        return axis
    first = merged(axis)
    return (first,) + (Factor(1, first.kind),) * (len(common) - 1)


def _broadcast(layouts: tuple[Layout, ...], ndim: int) -> tuple[Layout, ...]:
    fresh: Axis = (Factor(1, Kind.PLAIN),)
    padded = [(fresh,) * (ndim - len(layout.axes)) + layout.axes for layout in layouts]
    if len(layouts) == 1:
        return (Layout(padded[0]),)
    columns = []
    for axes in zip(*padded, strict=True):
        common = _common(axes) if any(axis != axes[0] for axis in axes) else axes[0]
        columns.append([_fitted(axis, common) for axis in axes])
    return tuple(Layout(axes) for axes in zip(*columns, strict=True)) if columns else layouts


def _union(layouts: tuple[Layout, ...], shape: Shape, skip: int = -1) -> Layout:
    axes: list[Axis] = []
    for axis, extent in enumerate(shape):
        candidates = [layout.axes[axis] for layout in layouts]
        common = candidates[0] if axis == skip else _common(candidates)
        if common is None or prod(f.extent for f in common) != extent:
            # The extent comes from a constant operand: alike for all its positions.
            common = (Factor(extent, Kind.PLAIN),) + tuple(
                Factor(1, Kind.PLAIN) for _ in candidates[0][1:]
            )
        axes.append(common)
    return Layout(tuple(axes))


def _like(layouts: tuple[Layout, ...], shape: Shape) -> Layout:
    """Layout of an opaque result: as its first operand where the extents are equal."""
    for layout in layouts:
        if layout.shape == shape:
            return layout
    kind = (
        Kind.SPATIAL if any(rank(layout) for layout in layouts) and len(shape) > 2 else Kind.PLAIN
    )
    return Layout(
        tuple(
            (Factor(extent, kind if axis >= 2 else Kind.PLAIN),)
            for axis, extent in enumerate(shape)
        )
    )


def _resized(layout: Layout, shape: Shape) -> Layout:
    if layout.shape == shape:
        return layout
    return Layout(
        tuple(
            axis if prod(f.extent for f in axis) == extent else (Factor(extent, merged(axis).kind),)
            for axis, extent in zip(layout.axes, shape, strict=True)
        )
    )


def _tabled(layout: Layout, axis: int, shape: Shape, irregular: bool) -> Factor:
    factor = layout.axes[axis][0]
    kind = min(factor.kind, Kind.SPATIAL) if irregular else factor.kind
    if factor.extent == 1 and shape[axis] > 1 and irregular:
        kind = Kind.PLAIN  # one element everywhere: alike for all positions
    return Factor(shape[axis], kind)


def _reduced(layout: Layout, axes: tuple[int, ...], *, keep: bool) -> Layout:
    one: Axis = (Factor(1, Kind.PLAIN),)
    if keep:
        return Layout(
            tuple(one if axis in axes else factors for axis, factors in enumerate(layout.axes))
        )
    return Layout(tuple(f for axis, f in enumerate(layout.axes) if axis not in axes))


def _by_label(operator: Contract, layouts: tuple[Layout, ...]) -> tuple[Layout, ...]:
    found: dict[int, list[Axis]] = {}
    for labels, layout in zip(operator.operands, layouts, strict=True):
        for label, axis in zip(labels, layout.axes, strict=True):
            found.setdefault(label, []).append(axis)
    common = {label: _common(axes) for label, axes in found.items()}
    if operator.pairs is not None:
        common[operator.pairs.kept] = common[operator.pairs.contracted] = None
    return tuple(
        Layout(
            tuple(
                _fitted(axis, common[label])
                for label, axis in zip(labels, layout.axes, strict=True)
            )
        )
        for labels, layout in zip(operator.operands, layouts, strict=True)
    )


def _contracted(operator: Contract, layouts: tuple[Layout, ...], shape: Shape) -> Layout:
    found: dict[int, list[Axis]] = {}
    for labels, layout in zip(operator.operands, layouts, strict=True):
        for label, axis in zip(labels, layout.axes, strict=True):
            found.setdefault(label, []).append(axis)
    fresh = Kind.SPATIAL if mixes_space(operator, layouts) else Kind.PLAIN
    axes: list[Axis] = []
    for label, extent in zip(operator.result, shape, strict=True):
        common = _common(found[label]) if label in found else None
        axes.append(common or (Factor(extent, fresh),))
    return Layout(tuple(axes))


def mixes_space(operator: Contract, layouts: tuple[Layout, ...]) -> bool:
    """Whether a constant matrix maps positions to positions (token mixing, not flattening)."""
    if len(layouts) != 1:
        return False
    gone: list[Factor] = []
    kept: list[Factor] = []
    for label, factors in zip(operator.operands[0], layouts[0].axes, strict=True):
        (kept if label in operator.result else gone).extend(f for f in factors if f.extent > 1)
    if not any(factor.kind is not Kind.BATCH for factor in kept):
        return False  # a flattened image: its units have no positions
    if any(f.kind is Kind.PLANE for f in kept) and all(f.kind is not Kind.PLANE for f in gone):
        return False  # the inside of windows, beside the map of windows: channels
    return bool(gone) and all(factor.kind > Kind.PLAIN for factor in gone)
