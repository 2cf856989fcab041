"""The pattern of ways on an unbounded plane: how often each element is read, period by period.

Far from all borders, and with every position asked for, the counts of the domain *paths* repeat
along each axis. A pattern is an array with one period per axis, of extent 1 where all elements
are alike. Backwards it tells how often each element of an input is read; forwards, from all
elements of an input, how many ways arrive at each position of a value.

With c the pattern of an operator's result and P its period, that of its operand is, for a
window of stride s, the sum of c(n) over all n and taps t with n·s − before + t·d = m, and
repeats after P·s elements. A transposed window is its transpose: the sum of c(m·s − before + t·d)
over t, which repeats after P / gcd(P, s). Channels and whole axes are means, as in *paths*.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from math import gcd, lcm

import numpy as np
import numpy.typing as npt

from fieldscope.geometry.patterns import (
    LARGEST,
    Pattern,
    joined,
    left,
    lost,
    pulled,
    pushed,
    reshaped,
    shrunk,
)
from fieldscope.geometry.sliding import Sliding
from fieldscope.graph.graph import Graph, Node, Shape
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

_LARGE = 1e150


def backwards(
    graph: Graph, value: int, source: int, *, without: Collection[tuple[int, int]] = ()
) -> Pattern | None:
    """How often each element of a source is read by all positions of a value; None if nothing is.

    Args:
        graph: graph of canonical operators.
        value: what is asked for, all of it.
        source: an input.
        without: operands that aren't followed, as (node, place among its operands).

    Raises:
        NotImplementedError: nothing repeats.

    Example:
        >>> from fieldscope.graph.graph import GraphBuilder
        >>> builder = GraphBuilder()
        >>> x = builder.input((9,))
        >>> y = builder.add(Window((0,), (Sliding(3, stride=2),)), (x,), (4,))
        >>> backwards(builder.build(), y, x)
        array([2., 1.])
    """
    pending = {value: np.ones((1,) * len(graph.shape(value)))}
    for place in range(value, source, -1):
        pattern = pending.pop(place, None)
        node = graph.nodes[place]
        if pattern is None or not node.operands:
            continue
        for k, operand in enumerate(node.operands):
            if (place, k) in without:
                continue
            read = shrunk(_backwards(graph, node, k, pattern))
            pending[operand] = joined(pending[operand], read) if operand in pending else read
            _scale(pending, operand)
    return pending.get(source)


def forwards(
    graph: Graph, value: int, source: int, *, without: Collection[tuple[int, int]] = ()
) -> Pattern | None:
    """How many ways lead from all elements of a source to each position of a value.

    Args:
        graph: graph of canonical operators.
        value: what is asked for.
        source: an input.
        without: operands that aren't followed, as (node, place among its operands).

    Raises:
        NotImplementedError: nothing repeats.

    Example:
        >>> from fieldscope.graph.graph import GraphBuilder
        >>> builder = GraphBuilder()
        >>> x = builder.input((4,))
        >>> y = builder.add(Spread((0,), (Sliding(3, stride=2),)), (x,), (9,))
        >>> forwards(builder.build(), y, x)
        array([2., 1.])
    """
    needed = _ancestors(graph, value)
    known = {source: np.ones((1,) * len(graph.shape(source)))}
    for place in range(source + 1, value + 1):
        node = graph.nodes[place]
        if place not in needed:
            continue
        parts = [
            (k, known[operand])
            for k, operand in enumerate(node.operands)
            if operand in known and (place, k) not in without
        ]
        if parts:
            made = [shrunk(_forwards(graph, node, k, pattern)) for k, pattern in parts]
            total = made[0]
            for one in made[1:]:
                total = joined(total, one)
            known[place] = total
            _scale(known, place)
    return known.get(value)


def _ancestors(graph: Graph, value: int) -> set[int]:
    found = {value}
    for place in range(value, -1, -1):
        if place in found:
            found.update(graph.nodes[place].operands)
    return found


def _scale(patterns: dict[int, Pattern], value: int) -> None:
    if patterns[value].max(initial=0) > _LARGE:
        for other in patterns:
            patterns[other] = patterns[other] / _LARGE


def _taps(window: Sliding) -> list[int]:
    if window.kernel > LARGEST:
        lost()
    return [t * window.dilation - window.before for t in range(window.kernel)]


_Rule = Callable[[Pattern, int, int, Sequence[int]], Pattern]


def _slid(operator: Window | Spread, pattern: Pattern, window: _Rule, spread: _Rule) -> Pattern:
    if operator.channels is not None:
        axis = operator.channels.axis
        if operator.channels.groups > 1 and pattern.shape[axis] > 1:
            lost()
        pattern = pattern.mean(axis=axis, keepdims=True)
    rule = window if isinstance(operator, Window) else spread
    for axis, one in zip(operator.axes, operator.windows, strict=True):
        pattern = rule(pattern, axis, one.stride, _taps(one))
    return pattern


def _alike(pattern: Pattern, axes: Sequence[int]) -> Pattern:
    return np.asarray(pattern.mean(axis=tuple(axes), keepdims=True))


def _backwards(graph: Graph, node: Node, place: int, pattern: Pattern) -> Pattern:
    """The pattern of an operand."""
    operator = node.operator
    shape, before = node.shape, graph.shape(node.operands[place])
    match operator:
        case Pointwise() | Expand() | Mask():
            return _narrowed(_unmasked(operator, pattern), shape, before)
        case Window() | Spread():
            return _slid(operator, pattern, pushed, pulled)
        case Slice(axis=axis, start=start, step=step):
            return pushed(pattern, axis, step, [start])
        case Pad(axis=axis, before=front):
            return pushed(pattern, axis, 1, [-front])
        case Roll(axis=axis, shift=shift):
            return pushed(pattern, axis, 1, [-shift])
        case Table(axis=axis):
            return _tabled(operator, pattern, axis, before[axis], forwards=False)
        case Reduce(axes=axes, keep=keep):
            return pattern if keep else np.expand_dims(pattern, axes)
        case Reshape():
            return reshaped(pattern, shape, before)
        case Permute(order=order):
            return pattern.transpose([order.index(axis) for axis in range(len(order))])
        case Contract(pairs=None):
            return _relabelled(pattern, operator.result, operator.operands[place])
        case Concat(axis=axis):
            return _without_axis(pattern, axis)
        case Overwrite(axis=axis, start=start, step=step):
            if step == 1:
                return _without_axis(pattern, axis)
            if place == 1:
                return pulled(pattern, axis, step, [start])
            return left(pattern, axis, step, start)
        case Gather(axis=axis):
            return _gathered(operator, pattern, axis, before[axis], forwards=False)
        case Opaque():
            return np.full((1,) * len(before), pattern.mean())
        case _:
            return _symmetric(node, pattern)


def _forwards(graph: Graph, node: Node, place: int, pattern: Pattern) -> Pattern:
    """What an operand hands on to the result."""
    operator = node.operator
    shape, before = node.shape, graph.shape(node.operands[place])
    match operator:
        case Pointwise() | Expand() | Mask():
            pattern = pattern.reshape((1,) * (len(shape) - len(before)) + pattern.shape)
            return _unmasked(operator, pattern)
        case Window() | Spread():
            return _slid(operator, pattern, pulled, pushed)
        case Slice(axis=axis, start=start, step=step):
            return pulled(pattern, axis, step, [start])
        case Pad(axis=axis, before=front):
            return pulled(pattern, axis, 1, [-front])
        case Roll(axis=axis, shift=shift):
            return pulled(pattern, axis, 1, [-shift])
        case Table(axis=axis):
            return _tabled(operator, pattern, axis, before[axis], forwards=True)
        case Reduce(axes=axes, keep=keep):
            pattern = _alike(pattern, axes)
            return pattern if keep else np.squeeze(pattern, axes)
        case Reshape():
            return reshaped(pattern, before, shape)
        case Permute(order=order):
            return pattern.transpose(order)
        case Contract(pairs=None):
            return _relabelled(pattern, operator.operands[place], operator.result)
        case Concat(axis=axis):
            return _without_axis(pattern, axis) * (before[axis] / max(shape[axis], 1))
        case Overwrite(axis=axis, start=start, step=step):
            if step == 1:
                return _without_axis(pattern, axis)
            if place == 1:
                return pushed(pattern, axis, step, [start])
            return left(pattern, axis, step, start)
        case Gather(axis=axis):
            return _gathered(operator, pattern, axis, before[axis], forwards=True)
        case Opaque():
            return np.full((1,) * len(shape), pattern.mean())
        case _:
            return _symmetric(node, pattern)


def _symmetric(node: Node, pattern: Pattern) -> Pattern:
    """Operators that do the same in both directions."""
    match node.operator:
        case Mix(axes=axes):
            return _alike(pattern, axes)
        case Flip(axes=axes):
            # Output o reads element extent − 1 − o, and back.
            for axis in axes:
                period = pattern.shape[axis]
                pattern = pattern.take((node.shape[axis] - 1 - np.arange(period)) % period, axis)
            return pattern
        case Collect(axis=axis, index=index):
            times = np.bincount(index.array[index.array >= 0])
            if pattern.shape[axis] > 1 or len(set(times.tolist())) > 1:
                lost()
            return pattern
        case _:
            return lost()


def _unmasked(operator: Pointwise | Expand | Mask, pattern: Pattern) -> Pattern:
    if isinstance(operator, Mask) and not operator.hidden and not operator.keep.array.all():
        lost()
    return pattern


def _narrowed(pattern: Pattern, shape: Shape, before: Shape) -> Pattern:
    lead = len(shape) - len(before)
    gone = [k for k, n in enumerate(shape) if k < lead or (n != 1 and before[k - lead] == 1)]
    return _alike(pattern, gone).reshape(
        [*pattern.shape[lead:]]
        if not gone
        else [1 if k in gone else n for k, n in enumerate(pattern.shape)][lead:]
    )


def _without_axis(pattern: Pattern, axis: int) -> Pattern:
    """A pattern that must be alike along an axis, since the axis is put together of parts."""
    if pattern.shape[axis] > 1:
        lost()
    return pattern


def _tabled(table: Table, pattern: Pattern, axis: int, extent: int, *, forwards: bool) -> Pattern:
    plane = table.plane
    if plane is None:
        if (table.lo.array == 0).all() and (table.hi.array == extent).all():
            return _alike(pattern, [axis])
        lost()
    phases, period = len(plane.lo), pattern.shape[axis]
    # Turns of the table after which both it and the pattern repeat.
    turns = period // gcd(period, plane.advance) if forwards else lcm(period, phases) // phases
    coarse, fine = turns * phases, turns * plane.advance
    if max(coarse, fine) > LARGEST:
        lost()
    sizes = [b - a for a, b in zip(plane.lo, plane.hi, strict=True)]
    outs = np.repeat(np.arange(coarse), sizes * turns)
    reads = np.concatenate(
        [
            np.arange(plane.lo[o % phases], plane.hi[o % phases]) + plane.advance * (o // phases)
            for o in range(coarse)
        ]
    )
    given, wanted, count = (reads, outs, coarse) if forwards else (outs, reads, fine)
    moved = np.moveaxis(pattern, axis, 0)
    found = np.zeros((count, *moved.shape[1:]))
    np.add.at(found, wanted % count, moved[given % period])
    return np.moveaxis(found, 0, axis)


def _gathered(
    operator: Gather, pattern: Pattern, axis: int, extent: int, *, forwards: bool
) -> Pattern:
    """Windows that are written out; other lists only where nothing changes by them."""
    index = operator.index.array
    steps = _linear(index)
    if steps is not None and index.ndim == 2 and len(index) > 1:
        (outer, inner), first = steps, int(index[0, 0])
        offsets = [first + inner * t for t in range(index.shape[1])]
        if forwards:
            return np.stack([pulled(pattern, axis, outer, [t]) for t in offsets], axis + 1)
        taps = np.moveaxis(pattern, axis + 1, 0)
        parts = [pushed(taps[t % len(taps)], axis, outer, [o]) for t, o in enumerate(offsets)]
        return np.asarray(sum(parts[1:], parts[0]))
    if steps is not None and index.ndim == 1 and len(index) > 1:
        rule = pulled if forwards else pushed
        return rule(pattern, axis, steps[0], [int(index[0])])
    places = (axis,) if forwards else tuple(range(axis, axis + index.ndim))
    times = np.bincount(index[index >= 0].ravel(), minlength=extent)
    if any(pattern.shape[k] > 1 for k in places) or len(set(times.tolist())) > 1:
        lost()
    made = index.ndim if forwards else 1
    rest = pattern.shape[axis + len(places) :]
    return pattern.reshape((*pattern.shape[:axis], *(1,) * made, *rest))


def _linear(index: npt.NDArray[np.int64]) -> tuple[int, ...] | None:
    """Steps along the axes of an index table, where it is linear and goes forward."""
    if (index < 0).any():
        return None
    steps = [
        1 if extent < 2 else int(np.diff(index, axis=axis).flat[0])
        for axis, extent in enumerate(index.shape)
    ]
    places = sum(
        step * np.arange(extent).reshape([-1 if k == axis else 1 for k in range(index.ndim)])
        for axis, (step, extent) in enumerate(zip(steps, index.shape, strict=True))
    )
    if steps[0] < 1 or not np.array_equal(places + index.flat[0], index):
        return None
    return tuple(steps)


def _relabelled(pattern: Pattern, old: tuple[int, ...], new: tuple[int, ...]) -> Pattern:
    """Axes by their labels: the mean over those that go, alike along those that come."""
    pattern = _alike(pattern, [axis for axis, label in enumerate(old) if label not in new])
    kept = [axis for axis, label in enumerate(old) if label in new]
    pattern = pattern.reshape([pattern.shape[axis] for axis in kept])
    labels = [old[axis] for axis in kept]
    pattern = pattern.transpose([labels.index(label) for label in new if label in labels])
    sizes = iter(pattern.shape)
    return pattern.reshape([next(sizes) if label in labels else 1 for label in new])
