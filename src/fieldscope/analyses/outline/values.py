"""Values of an outline: a shape, the axes along which it has positions, and their fields."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise
from math import prod
from typing import Final, NamedTuple

from fieldscope.analyses.outline.planes import WHOLE, Plane, joined
from fieldscope.errors import EditError

Shape = tuple[int, ...]

NOWHERE: Final = -1
"""In place of an axis: the value has no positions along that axis of the input."""

MERGED: Final = -2
"""In place of an axis: positions were merged with others, as by flattening."""

LOST: Final = Plane(0, ())
"""A field that this arithmetic doesn't follow, as the network has it; the report knows it."""

ALTERED: Final = Plane(1, ())
"""A field that isn't followed, of a value that an edit has changed: nobody knows it."""


class Value(NamedTuple):
    """What one node makes.

    Attributes:
        shape: its shape, with merged axes still apart.
        at: for each spatial axis of the input, the axis that runs along it.
        planes: for each spatial axis of the input the field; None where nothing is read.
        uneven: whether channels read differently, so that they can't be told apart.
        merged: how many of the shape's axes are one, for each axis that there really is, as in
            front of a product of matrices; () where none are merged.
    """

    shape: Shape
    at: tuple[int, ...]
    planes: tuple[Plane | None, ...]
    uneven: bool = False
    merged: tuple[int, ...] = ()

    @property
    def actual(self) -> Shape:
        """Its shape with merged axes as one."""
        if not self.merged:
            return self.shape
        ends = list(accumulate(self.merged, initial=0))
        return tuple(prod(self.shape[a:b]) for a, b in pairwise(ends))

    @property
    def reads(self) -> bool:
        """Whether it reads the input at all."""
        return any(plane is not None for plane in self.planes)

    @property
    def spaceless(self) -> bool:
        """Whether it has no positions and reads the whole input: context beside a map."""
        return self.reads and all(
            plane is None or (where == NOWHERE and plane == WHOLE)
            for where, plane in zip(self.at, self.planes, strict=True)
        )

    @property
    def positions(self) -> tuple[int, ...]:
        """Its axes that run along the input's."""
        return tuple(where for where in self.at if where >= 0)

    def channels(self) -> Shape:
        """The shape with the extents of positions left out (0)."""
        return tuple(0 if axis in self.at else n for axis, n in enumerate(self.shape))


def is_lost(plane: Plane | None) -> bool:
    """Whether a field isn't followed."""
    return plane is not None and not plane.phases


def lost(shape: Shape, given: Sequence[Value]) -> Value:
    """A value whose shape is known, and that its fields aren't followed."""
    planes = tuple(
        None if all(plane is None for plane in column) else LOST
        for column in zip(*(value.planes for value in given), strict=True)
    )
    return Value(shape, (MERGED,) * len(planes), planes)


def united(given: Sequence[Value], at: Sequence[tuple[int, ...]], shape: Shape) -> Value:
    """Join values over one shape; `at` are their axes in it.

    What has no positions and reads the whole input is context beside a map, and left out.
    """
    reading = [(one, where) for one, where in zip(given, at, strict=True) if one.reads]
    maps = [(one, where) for one, where in reading if not one.spaceless]
    kept = maps or reading
    if not kept:
        return Value(shape, at[0], given[0].planes)
    if len(kept) == 1:
        one, where = kept[0]
        if all(w < 0 or shape[w] == one.shape[a] for a, w in zip(one.at, where, strict=True)):
            return Value(shape, where, one.planes, one.uneven)
    places, planes = [], []
    for k in range(len(kept[0][1])):
        own = [(one, where[k]) for one, where in kept if one.planes[k] is not None]
        found = {where for _, where in own if where != NOWHERE}
        place = found.pop() if len(found) == 1 else (MERGED if found else NOWHERE)
        plane = _joined([one.planes[k] for one, _ in own])
        if place >= 0 and any(
            where >= 0 and one.shape[one.at[k]] != shape[place] for one, where in own
        ):
            plane = LOST  # a map that is 1 wide, beside one that is wider
        if place == MERGED and plane is not None:
            plane = LOST
        places.append(place)
        planes.append(plane)
    uneven = any(one.uneven for one, _ in kept)
    return Value(shape, tuple(places), tuple(planes), uneven)


def _joined(given: Sequence[Plane | None]) -> Plane | None:
    known = [plane for plane in given if plane is not None]
    if not known:
        return None
    if any(not plane.phases for plane in known):
        return LOST
    found = joined(known)
    return LOST if found is None else found


def broadcast(shapes: Sequence[Shape], known: Sequence[Shape], result: Shape) -> Shape:
    """The shape that operands broadcast to.

    Args:
        shapes: shapes of the operands.
        known: those that they have in the network as it is.
        result: that of the network's result, which constants may have widened.

    Raises:
        EditError: they don't fit together.
    """
    if tuple(shapes) == tuple(known):
        return result
    made = []
    for back in range(-len(result), 0):
        wanted, before = 1, 1
        for shape, own in zip(shapes, known, strict=True):
            if len(shape) < -back:
                continue
            before = max(before, own[back]) if own[back] else 0
            if shape[back] != 1 and wanted not in (1, shape[back]):
                raise EditError(f"shapes don't fit together: {_listed(shapes)}")
            wanted = shape[back] if shape[back] != 1 else wanted
        if before != result[back]:  # by a constant, which has that extent
            if wanted not in (1, result[back], before):
                raise EditError(f"shapes don't fit together: {_listed(shapes)}")
            wanted = result[back]
        made.append(wanted)
    return tuple(made)


def _listed(shapes: Sequence[Shape]) -> str:
    return " and ".join("×".join(map(str, shape)) for shape in dict.fromkeys(shapes))
