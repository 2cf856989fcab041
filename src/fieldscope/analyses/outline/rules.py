"""What each canonical operator does to a value's shape and field, under changed operands.

A rule gets the node, its operands as they are now, and as they are in the network as it is
("known"). What it can't follow keeps its shape, so that a change of what enters is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import gcd, prod

from fieldscope.analyses.outline import movements
from fieldscope.analyses.outline.places import Place, fixed, shown
from fieldscope.analyses.outline.planes import (
    WHOLE,
    Plane,
    globalised,
    spread,
    tabled,
    windowed,
)
from fieldscope.analyses.outline.values import (
    LOST,
    MERGED,
    NOWHERE,
    Value,
    broadcast,
    is_lost,
    lost,
    united,
)
from fieldscope.analyses.outline.windows import Border, positions
from fieldscope.errors import EditError
from fieldscope.geometry.sliding import Sliding
from fieldscope.graph.operators import (
    Channels,
    Concat,
    Contract,
    Mix,
    Pad,
    Permute,
    Pointwise,
    Reduce,
    Reshape,
    Slice,
    Spread,
    Table,
    Window,
)


def applied(place: Place, given: tuple[Value, ...]) -> Value:
    """The value that a node makes of its operands.

    Raises:
        EditError: the operands don't fit it, or it isn't followed and its operands' shapes
            changed.
    """
    rule = _RULES.get(type(place.node.operator))
    if rule is None or not any(one.reads for one in given):
        return fixed(place, given)
    if any(one.merged for one in given) and rule not in _MERGED:
        return fixed(place, given)
    return rule(place, given)


def _pointwise(place: Place, given: tuple[Value, ...]) -> Value:
    if place.adaptive:
        return fixed(place, given) if len(given) > 1 else given[0]
    _weights_fit(place, given)
    if any(one.merged for one in given):
        first, own = given[0], place.known[0]
        alike = len({(one.shape, one.merged) for one in given}) == 1
        if not alike or place.node.shape != own.actual:
            return fixed(place, given)
        return united(given, [one.at for one in given], first.shape)._replace(merged=first.merged)
    shape = broadcast(
        [one.shape for one in given], [one.shape for one in place.known], place.node.shape
    )
    at = [_aligned(one.at, len(shape) - len(one.shape)) for one in given]
    return united(given, at, shape)


def _aligned(at: tuple[int, ...], behind: int) -> tuple[int, ...]:
    return tuple(axis + behind if axis >= 0 else axis for axis in at)


def _weights_fit(place: Place, given: Sequence[Value]) -> None:
    """Check that weights of norms and scales fit, which the graph doesn't show."""
    if not place.weights:
        return
    # More than scales and shifts per channel: also per position, as a table of positions.
    many = 4 * max(prod(n for n in own.channels()[1:] if n) for own in place.known)
    for one, own in zip(given, place.known, strict=True):
        if one.shape != own.shape and place.weights > many:
            raise EditError(
                f"weights at {place.layer} are for maps of {shown(own.shape)}, and "
                f"{shown(one.shape)} would enter"
            )
        if one.channels() != own.channels():
            raise EditError(
                f"weights at {place.layer} are for {shown(own.shape)}, and {shown(one.shape)} "
                "would enter"
            )


def _window(place: Place, given: tuple[Value, ...]) -> Value:
    operator, value, own = place.node.operator, given[0], place.known[0]
    assert isinstance(operator, (Window, Spread)), "a rule for windows"
    shape = list(value.shape)
    if operator.channels is not None:
        _channels_fit(place, operator.channels, value, own)
        shape[operator.channels.axis] = place.node.shape[operator.channels.axis]
    at = dict(zip(value.at, range(len(value.at)), strict=True))
    planes = list(value.planes)
    for axis, window, border in zip(operator.axes, operator.windows, place.borders, strict=True):
        shape[axis] = _extent(place, value.shape[axis], window, border)
        k = at.get(axis)
        if k is None:
            continue
        plane = planes[k]
        if plane is not None and not is_lost(plane):
            slide = windowed if isinstance(operator, Window) else spread
            planes[k] = slide(plane, window)
    if operator.channels is not None and operator.channels.axis in at:
        return lost(tuple(shape), given)
    mixed = operator.channels is not None and operator.channels.groups == 1
    return Value(tuple(shape), value.at, tuple(planes), value.uneven and not mixed)


def _extent(place: Place, extent: int, window: Sliding, border: Border) -> int:
    if isinstance(place.node.operator, Spread):
        return (extent - 1) * window.stride + window.reach - 2 * window.before + border.after
    count = positions(window, extent, border)
    if count < 1 or extent < 1:
        raise EditError(
            f"the window of {place.layer} doesn't fit: it reaches over {window.reach} elements of "
            f"a map of {extent}"
        )
    return count


def _channels_fit(place: Place, channels: Channels, value: Value, own: Value) -> None:
    have, want = value.shape[channels.axis], own.shape[channels.axis]
    wanted = want if place.refitted is None else place.refitted
    if have != wanted:
        raise _unfit(place.layer, have, wanted)
    if have != want and channels.groups != 1:
        raise EditError(f"the groups of {place.layer} are made for {want} channels, not {have}")


def _unfit(layer: str, have: int, want: int) -> EditError:
    """A layer's weights are made for another number of channels or features."""
    return EditError(
        f"{layer} takes {want} channels or features, and {have} would enter",
        refit=(layer, have),
    )


def _table(place: Place, given: tuple[Value, ...]) -> Value:
    operator, value, own = place.node.operator, given[0], place.known[0]
    assert isinstance(operator, Table), "a rule for tables"
    axis, out = operator.axis, place.node.shape[operator.axis]
    shape = list(value.shape)
    have, want = value.shape[axis], own.shape[axis]
    if place.adaptive or have == want:
        shape[axis] = out
    elif operator.plane is None or have * out % want:
        return fixed(place, given)
    else:
        shape[axis] = have * out // want
    if axis not in value.at:
        return Value(tuple(shape), value.at, value.planes, value.uneven)
    k = value.at.index(axis)
    plane = value.planes[k]
    planes = list(value.planes)
    if plane is not None and not is_lost(plane):
        planes[k] = _tabled(place, plane, have, out)
    at = value.at
    if have == 1 and shape[axis] > 1 and (place.adaptive or operator.plane is None):
        at = (*at[:k], NOWHERE, *at[k + 1 :])  # one element everywhere: alike for all positions
    return Value(tuple(shape), at, tuple(planes), value.uneven)


def _tabled(place: Place, plane: Plane, have: int, out: int) -> Plane:
    operator = place.node.operator
    assert isinstance(operator, Table), "a rule for tables"
    if place.adaptive:
        return _adaptive(plane, have, out)
    if operator.plane is None:
        whole = (operator.lo.array == 0).all() and (operator.hi.array == have).all()
        return globalised(plane) if whole else LOST
    return tabled(plane, operator.plane.advance, operator.plane.lo, operator.plane.hi)


def _adaptive(plane: Plane, have: int, out: int) -> Plane:
    """Pooled runs ⌊o·n/m⌋ to ⌈(o + 1)·n/m⌉ (PyTorch), which repeat if n and m have a factor."""
    if have == 1 or out == 1:
        return globalised(plane)
    common = gcd(have, out)
    if common == 1:
        return LOST
    outputs = range(out // common)
    low = tuple(o * have // out for o in outputs)
    high = tuple(-(-(o + 1) * have // out) for o in outputs)
    return tabled(plane, have // common, low, high)


def _mix(place: Place, given: tuple[Value, ...]) -> Value:
    operator, value = place.node.operator, given[0]
    assert isinstance(operator, Mix), "a rule for mixtures"
    _weights_fit(place, given)
    if place.node.shape != place.known[0].shape or MERGED in value.at:
        return fixed(place, given)
    planes = tuple(
        globalised(plane)
        if plane is not None and plane.phases and where in operator.axes
        else plane
        for plane, where in zip(value.planes, value.at, strict=True)
    )
    return Value(value.shape, value.at, planes, value.uneven)


def _reduce(place: Place, given: tuple[Value, ...]) -> Value:
    operator, value = place.node.operator, given[0]
    assert isinstance(operator, Reduce), "a rule for reductions"
    axes = {axis % len(value.shape) for axis in operator.axes}
    if MERGED in value.at:
        return fixed(place, given)
    left = [axis for axis in range(len(value.shape)) if operator.keep or axis not in axes]
    shape = tuple(1 if axis in axes else value.shape[axis] for axis in left)
    at, planes = [], []
    for where, plane in zip(value.at, value.planes, strict=True):
        if where in axes:
            at.append(NOWHERE)
            planes.append(None if plane is None or not (plane.phases or is_lost(plane)) else WHOLE)
        else:
            at.append(left.index(where) if where >= 0 else where)
            planes.append(plane)
    return Value(shape, tuple(at), tuple(planes), value.uneven)


def _contract(place: Place, given: tuple[Value, ...]) -> Value:
    operator, value, own = place.node.operator, given[0], place.known[0]
    assert isinstance(operator, Contract), "a rule for products"
    if len(given) > 1 or operator.pairs is not None or operator.bound:
        return fixed(place, given)
    labels, result = _apart(operator.operands[0], operator.result, own.merged)
    gone = [axis for axis, label in enumerate(labels) if label not in result]
    for axis in gone:
        want = own.shape[axis] if place.refitted is None else place.refitted
        if value.shape[axis] != want:
            if len(gone) == 1 and place.products[1] and axis not in value.at:
                raise _unfit(place.layer, value.shape[axis], want)
            return fixed(place, given)
    extents = dict(zip(labels, value.shape, strict=True))
    known = dict(zip(operator.result, place.node.shape, strict=True))
    shape = tuple(extents[one] if one in extents else known[one[0]] for one in result)
    if any(axis in value.at for axis in gone):
        return fixed(place, given)
    if MERGED in value.at:
        if len(value.shape) > 2 or gone != [len(value.shape) - 1]:
            return fixed(place, given) if value.shape != own.shape else lost(shape, given)
        planes = tuple(plane if plane is None else WHOLE for plane in value.planes)
        return Value(shape, (NOWHERE,) * len(planes), planes)
    at = tuple(result.index(labels[where]) if where >= 0 else where for where in value.at)
    counts = [sum(one[0] == label for one in result) for label in operator.result]
    return Value(shape, at, value.planes, merged=tuple(counts) if value.merged else ())


def _apart(
    labels: Sequence[int], result: Sequence[int], merged: Sequence[int]
) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """A label for each axis that was merged: (label, place among those that it stands for)."""
    counts = dict(zip(labels, merged or (1,) * len(labels), strict=True))
    return (
        [(label, k) for label in labels for k in range(counts[label])],
        [(label, k) for label in result for k in range(counts.get(label, 1))],
    )


_RULES: dict[type, Callable[[Place, tuple[Value, ...]], Value]] = {
    Pointwise: _pointwise,
    Window: _window,
    Spread: _window,
    Table: _table,
    Mix: _mix,
    Reduce: _reduce,
    Contract: _contract,
    Reshape: movements.reshape,
    Permute: movements.permute,
    Slice: movements.cut,
    Pad: movements.cut,
    Concat: movements.concat,
}

# These follow axes that were merged in front of a product of matrices, and come apart behind it.
_MERGED = (_pointwise, _contract, movements.reshape)
