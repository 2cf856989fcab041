"""What operators that move elements do to a value's shape and field, under changed operands."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

from fieldscope.analyses.outline.places import Place, fixed, shown
from fieldscope.analyses.outline.planes import windowed
from fieldscope.analyses.outline.values import MERGED, Shape, Value, lost, united
from fieldscope.errors import EditError
from fieldscope.geometry.sliding import Sliding
from fieldscope.graph.operators import Concat, Pad, Permute, Reshape, Slice


def reshape(place: Place, given: tuple[Value, ...]) -> Value:
    """Other axes for the same elements: what runs along space has to stay an axis."""
    operator, value, own = place.node.operator, given[0], place.known[0]
    assert isinstance(operator, Reshape), "a rule for reshapes"
    if MERGED in value.at:
        return fixed(place, given)
    out = place.node.shape
    if value.merged:
        return value._replace(merged=()) if out == own.shape else fixed(place, given)
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
    if _rows(own, out) and value.channels() == own.channels():
        return value._replace(merged=(len(own.shape) - 1, 1))
    if len(out) == 2 and out[0] == own.shape[0] == value.shape[0]:
        shape = (out[0], prod(value.shape[1:]))
        if value.positions:
            return lost(shape, given)
        return Value(shape, value.at, value.planes, value.uneven)
    return fixed(place, given)


def _rows(own: Value, out: Shape) -> bool:
    """Whether a reshape makes rows of all axes but the last, as in front of a matrix."""
    last = len(own.shape) - 1
    rows = (prod(own.shape[:-1]), own.shape[-1])
    return out == rows and last > 1 and last not in own.at and bool(own.positions)


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


def permute(place: Place, given: tuple[Value, ...]) -> Value:
    """The axes in another order."""
    operator, value = place.node.operator, given[0]
    assert isinstance(operator, Permute), "a rule for permutations"
    if MERGED in value.at:
        return fixed(place, given)
    shape = tuple(value.shape[axis] for axis in operator.order)
    return Value(shape, _moved(value.at, operator.order.index), value.planes, value.uneven)


def cut(place: Place, given: tuple[Value, ...]) -> Value:
    """A slice or pad, which takes or adds the same number of elements at either end."""
    operator, value, own = place.node.operator, given[0], place.known[0]
    assert isinstance(operator, (Slice, Pad)), "a rule for slices and pads"
    axis, out = operator.axis, place.node.shape[operator.axis]
    have, want = value.shape[axis], own.shape[axis]
    shape = list(value.shape)
    shape[axis] = out
    if MERGED in value.at or (axis not in value.at and (have != want or value.uneven)):
        return fixed(place, given)
    if axis not in value.at:
        return Value(tuple(shape), value.at, value.planes, value.uneven)
    if out < 1:
        return fixed(place, given)
    if isinstance(operator, Slice):
        if out == 1 and want > 1:
            return fixed(place, given)
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


def concat(place: Place, given: tuple[Value, ...]) -> Value:
    """Operands one after another on an axis that isn't spatial."""
    operator = place.node.operator
    assert isinstance(operator, Concat), "a rule for concatenations"
    axis = operator.axis
    if any(axis in one.at or MERGED in one.at for one in given):
        return fixed(place, given)
    first = given[0].shape
    for one in given:
        if one.shape[:axis] + one.shape[axis + 1 :] != first[:axis] + first[axis + 1 :]:
            raise EditError(f"maps of {shown(first)} and {shown(one.shape)} meet at {place.layer}")
    shape = (*first[:axis], sum(one.shape[axis] for one in given), *first[axis + 1 :])
    found = united(given, [one.at for one in given], shape)
    alike = len({one.planes for one in given}) == 1 and not any(one.uneven for one in given)
    return found._replace(uneven=not alike)


def _moved(at: tuple[int, ...], to: Callable[[int], int]) -> tuple[int, ...]:
    return tuple(to(axis) if axis >= 0 else axis for axis in at)
