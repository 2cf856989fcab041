"""What each canonical operator does to a value's shape and field, under changed operands.

A rule gets the node, its operands as they are now, and as they are in the network as it is
("known"). What it can't follow keeps its shape, so that a change of what enters is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import gcd, prod

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
    Shape,
    Value,
    broadcast,
    is_lost,
    lost,
    united,
)
from fieldscope.analyses.outline.windows import Border, positions
from fieldscope.errors import EditError
from fieldscope.geometry.sliding import Sliding
from fieldscope.graph.graph import Node
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


@dataclass(frozen=True, slots=True)
class Place:
    """A node and what is known about it in the network as it is.

    Attributes:
        node: the node; an edit may have changed its windows.
        layer: name of its layer.
        known: its operands in the network as it is.
        borders: of a window, per axis; of a spread, elements that its output has more.
        adaptive: whether the extents of a table's result are given, whatever comes in.
        weights: number of the layer's weights, which fit one number of channels.
        refitted: number of channels or features that its weights are made for anew.
        products: its multiply-accumulates, and the elements of its kernel or matrix.
    """

    node: Node
    layer: str
    known: tuple[Value, ...]
    borders: tuple[Border, ...] = ()
    adaptive: bool = False
    weights: int = 0
    refitted: int | None = None
    products: tuple[int, int] = (0, 0)


def applied(place: Place, given: tuple[Value, ...]) -> Value:
    """The value that a node makes of its operands.

    Raises:
        EditError: the operands don't fit it, or it isn't followed and its operands' shapes
            changed.
    """
    rule = _RULES.get(type(place.node.operator))
    if rule is None or not any(one.reads for one in given):
        return _fixed(place, given)
    return rule(place, given)


def _fixed(place: Place, given: Sequence[Value]) -> Value:
    """A value of the shape that it has: what enters must have its shape, too."""
    for one, own in zip(given, place.known, strict=True):
        if one.shape != own.shape:
            raise EditError(
                f"fixed shape at {place.layer}: {_shown(own.shape)} enters it, and would be "
                f"{_shown(one.shape)}"
            )
    if not any(one.reads for one in given):
        axes = len(given[0].at) if given else 0
        return Value(place.node.shape, (NOWHERE,) * axes, (None,) * axes)
    return lost(place.node.shape, given)


def _pointwise(place: Place, given: tuple[Value, ...]) -> Value:
    if place.adaptive:
        return _fixed(place, given) if len(given) > 1 else given[0]
    _weights_fit(place, given)
    shape = broadcast(
        [one.shape for one in given], [one.shape for one in place.known], place.node.shape
    )
    at = [_aligned(one.at, len(shape) - len(one.shape)) for one in given]
    return united(given, at, shape)


def _aligned(at: tuple[int, ...], behind: int) -> tuple[int, ...]:
    return tuple(axis + behind if axis >= 0 else axis for axis in at)


def _moved(at: tuple[int, ...], to: Callable[[int], int]) -> tuple[int, ...]:
    return tuple(to(axis) if axis >= 0 else axis for axis in at)


def _weights_fit(place: Place, given: Sequence[Value]) -> None:
    """Check that weights of norms and scales fit, which the graph doesn't show."""
    if not place.weights:
        return
    # More than scales and shifts per channel: also per position, as a table of positions.
    many = 4 * max(prod(n for n in own.channels()[1:] if n) for own in place.known)
    for one, own in zip(given, place.known, strict=True):
        if one.shape != own.shape and place.weights > many:
            raise EditError(
                f"weights at {place.layer} are for maps of {_shown(own.shape)}, and "
                f"{_shown(one.shape)} would enter"
            )
        if one.channels() != own.channels():
            raise EditError(
                f"weights at {place.layer} are for {_shown(own.shape)}, and {_shown(one.shape)} "
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
        raise RefitError(place.layer, have, wanted)
    if have != want and channels.groups != 1:
        raise EditError(f"the groups of {place.layer} are made for {want} channels, not {have}")


class RefitError(EditError):
    """A layer's weights are made for another number of channels or features."""

    def __init__(self, layer: str, have: int, want: int) -> None:
        super().__init__(f"{layer} takes {want} channels or features, and {have} would enter")
        self.layer = layer
        self.features = have


def _table(place: Place, given: tuple[Value, ...]) -> Value:
    operator, value, own = place.node.operator, given[0], place.known[0]
    assert isinstance(operator, Table), "a rule for tables"
    axis, out = operator.axis, place.node.shape[operator.axis]
    shape = list(value.shape)
    have, want = value.shape[axis], own.shape[axis]
    if place.adaptive or have == want:
        shape[axis] = out
    elif operator.plane is None or have * out % want:
        return _fixed(place, given)
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
        return _fixed(place, given)
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
        return _fixed(place, given)
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
        return _fixed(place, given)
    (labels,) = operator.operands
    gone = [axis for axis, label in enumerate(labels) if label not in operator.result]
    for axis in gone:
        want = own.shape[axis] if place.refitted is None else place.refitted
        if value.shape[axis] != want:
            if len(gone) == 1 and place.weights and axis not in value.at:
                raise RefitError(place.layer, value.shape[axis], want)
            return _fixed(place, given)
    extents = dict(zip(labels, value.shape, strict=True))
    shape = tuple(
        extents.get(label, extent)
        for label, extent in zip(operator.result, place.node.shape, strict=True)
    )
    if any(axis in value.at for axis in gone):
        return _fixed(place, given)
    if MERGED in value.at:
        if len(value.shape) > 2 or gone != [len(value.shape) - 1]:
            return _fixed(place, given) if value.shape != own.shape else lost(shape, given)
        planes = tuple(plane if plane is None else WHOLE for plane in value.planes)
        return Value(shape, (NOWHERE,) * len(planes), planes)
    at = tuple(operator.result.index(labels[where]) if where >= 0 else where for where in value.at)
    return Value(shape, at, value.planes)


def _reshape(place: Place, given: tuple[Value, ...]) -> Value:
    operator, value, own = place.node.operator, given[0], place.known[0]
    assert isinstance(operator, Reshape), "a rule for reshapes"
    if MERGED in value.at:
        return _fixed(place, given)
    out = place.node.shape
    if operator.kept is not None:
        kept = operator.kept
        if all(where < 0 or where in kept for where in value.at):
            shape = tuple(value.shape[a] if a >= 0 else n for a, n in zip(kept, out, strict=True))
            at = _moved(value.at, kept.index)
            return Value(shape, at, value.planes, value.uneven)
    pairs = _continued(own.shape, out)
    if all(where in pairs for where in value.positions):
        changed = [axis for axis, n in enumerate(value.shape) if n != own.shape[axis]]
        if all(axis in pairs for axis in changed):
            extents = {pairs[axis]: value.shape[axis] for axis in pairs}
            shape = tuple(extents.get(axis, n) for axis, n in enumerate(out))
            return Value(shape, _moved(value.at, pairs.__getitem__), value.planes, value.uneven)
    if len(out) == 2 and out[0] == own.shape[0] == value.shape[0]:
        shape = (out[0], prod(value.shape[1:]))
        if value.positions:
            return lost(shape, given)
        return Value(shape, value.at, value.planes, value.uneven)
    return _fixed(place, given)


def _continued(old: Shape, new: Shape) -> dict[int, int]:
    """Axes that a reshape leaves alone at either end, by their place in the new shape."""
    pairs: dict[int, int] = {}
    most = min(len(old), len(new))
    back = 0
    while back < most and old[-1 - back] == new[-1 - back]:
        pairs[len(old) - 1 - back] = len(new) - 1 - back
        back += 1
    front = 0
    while front < most - back and old[front] == new[front]:
        pairs[front] = front
        front += 1
    rest_old, rest_new = old[front : len(old) - back], new[front : len(new) - back]
    return pairs if prod(rest_old) == prod(rest_new) else {}


def _permute(place: Place, given: tuple[Value, ...]) -> Value:
    operator, value = place.node.operator, given[0]
    assert isinstance(operator, Permute), "a rule for permutations"
    if MERGED in value.at:
        return _fixed(place, given)
    shape = tuple(value.shape[axis] for axis in operator.order)
    return Value(shape, _moved(value.at, operator.order.index), value.planes, value.uneven)


def _cut(place: Place, given: tuple[Value, ...]) -> Value:
    """A slice or pad, which takes or adds the same number of elements at either end."""
    operator, value, own = place.node.operator, given[0], place.known[0]
    assert isinstance(operator, (Slice, Pad)), "a rule for slices and pads"
    axis, out = operator.axis, place.node.shape[operator.axis]
    have, want = value.shape[axis], own.shape[axis]
    shape = list(value.shape)
    shape[axis] = out
    if MERGED in value.at or (axis not in value.at and (have != want or value.uneven)):
        return _fixed(place, given)
    if axis not in value.at:
        return Value(tuple(shape), value.at, value.planes, value.uneven)
    if isinstance(operator, Slice):
        if out == 1 and want > 1:
            return _fixed(place, given)
        window = Sliding(1, operator.step, 1, -operator.start)
        behind = want - operator.start - (out - 1) * operator.step - 1
        shape[axis] = (have - operator.start - behind - 1) // operator.step + 1
    else:
        if operator.mode != "constant":
            more = max(operator.before, out - want - operator.before)
            if more >= have:
                raise EditError(f"{place.layer} pads by {more}, which a map of {have} has not")
        window = Sliding(1, 1, 1, operator.before)
        shape[axis] = have + out - want
    if shape[axis] < 1:
        raise EditError(f"nothing would be left of a map of {have} at {place.layer}")
    planes = tuple(
        windowed(plane, window) if where == axis and plane is not None and plane.phases else plane
        for plane, where in zip(value.planes, value.at, strict=True)
    )
    return Value(tuple(shape), value.at, planes, value.uneven)


def _concat(place: Place, given: tuple[Value, ...]) -> Value:
    operator = place.node.operator
    assert isinstance(operator, Concat), "a rule for concatenations"
    axis = operator.axis
    if any(axis in one.at or MERGED in one.at for one in given):
        return _fixed(place, given)
    first = given[0].shape
    for one in given:
        if one.shape[:axis] + one.shape[axis + 1 :] != first[:axis] + first[axis + 1 :]:
            raise EditError(
                f"maps of {_shown(first)} and {_shown(one.shape)} meet at {place.layer}"
            )
    shape = (*first[:axis], sum(one.shape[axis] for one in given), *first[axis + 1 :])
    found = united(given, [one.at for one in given], shape)
    alike = len({one.planes for one in given}) == 1 and not any(one.uneven for one in given)
    return found._replace(uneven=not alike)


def _shown(shape: Shape) -> str:
    return "×".join(map(str, shape))


_RULES: dict[type, Callable[[Place, tuple[Value, ...]], Value]] = {
    Pointwise: _pointwise,
    Window: _window,
    Spread: _window,
    Table: _table,
    Mix: _mix,
    Reduce: _reduce,
    Contract: _contract,
    Reshape: _reshape,
    Permute: _permute,
    Slice: _cut,
    Pad: _cut,
    Concat: _concat,
}
