"""How the axes of a value came from the plane of the input.

An axis of a value is a row-major product of *factors*. Reshapes split and
merge axes; kept as factors, a field survives them: `[n, h·w, c]` tokens are one
axis of two factors, and splitting it again gives the two axes back.

A factor is *plane* where it extends with the input (positions i, i+1, … lie a
stride apart, without end), *spatial* where it runs along the input irregularly (a
rolled map, tokens behind a class token), *inside* where it is the bounded part of a plane
that was split (the positions in a window), and *plain* or *batch* where it has nothing to
do with space.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from itertools import accumulate
from math import prod
from typing import NamedTuple


class Kind(IntEnum):
    """What a factor has to do with space; the larger, the more."""

    BATCH = -1
    PLAIN = 0
    INSIDE = 1
    SPATIAL = 2
    PLANE = 3

    # Layouts are keys of caches; the hash of an enumeration is computed in Python.
    __hash__ = int.__hash__


class Factor(NamedTuple):
    """Extent and kind of one factor of an axis."""

    extent: int
    kind: Kind


Axis = tuple[Factor, ...]


class Layout(NamedTuple):
    """The factors of every axis of a value, outermost first; at least one each."""

    axes: tuple[Axis, ...]

    @property
    def factors(self) -> tuple[Factor, ...]:
        """All factors in row-major order."""
        return _flat(self)

    @property
    def shape(self) -> tuple[int, ...]:
        """Extent of every axis."""
        return _shape(self)

    def span(self, axis: int) -> range:
        """Indices of an axis' factors among all factors."""
        return _spans(self)[axis]

    def replaced(self, axis: int, *axes: Axis) -> Layout:
        """The layout with one axis replaced by others."""
        return Layout(self.axes[:axis] + axes + self.axes[axis + 1 :])


@lru_cache(maxsize=4096)
def _flat(layout: Layout) -> tuple[Factor, ...]:
    return tuple(factor for axis in layout.axes for factor in axis)


@lru_cache(maxsize=4096)
def _shape(layout: Layout) -> tuple[int, ...]:
    return tuple(prod(factor.extent for factor in axis) for axis in layout.axes)


@lru_cache(maxsize=4096)
def _spans(layout: Layout) -> tuple[range, ...]:
    stops = list(accumulate(map(len, layout.axes), initial=0))
    return tuple(map(range, stops, stops[1:]))


def plain(shape: Sequence[int]) -> Layout:
    """A layout without any space in it."""
    return Layout(tuple((Factor(extent, Kind.PLAIN),) for extent in shape))


def merged(axis: Axis) -> Factor:
    """One factor in place of several.

    A plane that is split further (pixel shuffle, window reverse) is again a plane,
    with a period; two planes in one axis (tokens) are not.

    Example:
        >>> merged((Factor(8, Kind.PLANE), Factor(2, Kind.PLAIN)))
        Factor(extent=16, kind=<Kind.PLANE: 3>)
        >>> merged((Factor(8, Kind.PLANE), Factor(8, Kind.PLANE))).kind.name
        'SPATIAL'
    """
    if len(axis) == 1:
        return axis[0]
    extent = prod(factor.extent for factor in axis)
    wide = [factor for factor in axis if factor.extent != 1] or list(axis[:1])
    kinds = [factor.kind for factor in wide]
    if kinds[0] is Kind.PLANE and Kind.PLANE not in kinds[1:]:
        return Factor(extent, Kind.PLANE)
    return Factor(extent, min(max(kinds), Kind.SPATIAL))


@lru_cache(maxsize=4096)
def whole_planes(layout: Layout) -> Layout:
    """The layout with every plane and what is inside it as one factor, by position."""
    return Layout(
        tuple((merged(axis),) if merged(axis).kind is Kind.PLANE else axis for axis in layout.axes)
    )


class Rank(IntEnum):
    """How much space a value has; the larger, the more."""

    NONE = 0
    POSITION = 1
    """One position taken from a map: a class token, the last step."""
    NARROW = 2
    """A map that is 1 wide."""
    MAP = 3


@lru_cache(maxsize=4096)
def rank(layout: Layout) -> Rank:
    """How much space a value has.

    Example:
        >>> rank(Layout(((Factor(8, Kind.PLAIN),), (Factor(1, Kind.PLANE),)))).name
        'NARROW'
    """
    best = Rank.NONE
    for factor in layout.factors:
        if factor.kind > Kind.PLAIN:
            if factor.extent > 1:
                return Rank.MAP
            best = max(best, Rank.NARROW if factor.kind is Kind.PLANE else Rank.POSITION)
    return best


def has_less_space(one: Rank, other: Rank) -> bool:
    """Whether a value of one rank is alike for all positions of a value of the other.

    Next to one position there is nothing that could be alike for several, and a map that is
    1 wide is as much a position as one taken from a map.
    """
    return one < other and (one, other) not in (
        (Rank.NONE, Rank.POSITION),
        (Rank.POSITION, Rank.NARROW),
    )


@lru_cache(maxsize=4096)
def position_axes(layout: Layout) -> tuple[int, ...]:
    """The axes along which a value has positions; what else varies are channels.

    The inside of windows counts as channels where it was put into them (pixel unshuffle,
    unfold): merged with channels, or on axis 1 in front of an axis of positions.
    """
    kinds = [max(factor.kind for factor in axis) for axis in layout.axes]
    found = []
    for axis, kind in enumerate(kinds):
        if kind is Kind.INSIDE:
            among = any(f.kind <= Kind.PLAIN and f.extent > 1 for f in layout.axes[axis])
            if among or (axis == 1 and any(other > Kind.INSIDE for other in kinds[2:])):
                continue
        if kind > Kind.PLAIN:
            found.append(axis)
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Regrouping:
    """A reshape in terms of factors.

    `old` and `new` are ranges of factors with equal products. Unless `broken`, `new`
    consists of the pieces that `old` splits into: `pieces[k]` lists, for factor k of
    `old`, the offsets in `new` of its pieces, outermost first.
    """

    old: range
    new: range
    pieces: tuple[tuple[int, ...], ...]
    broken: bool


@dataclass(frozen=True, slots=True)
class ReshapePlan:
    """A reshape as independent groups, with the layout that results."""

    layout: Layout
    groups: tuple[Regrouping, ...]


@lru_cache(maxsize=8192)
def reshape(
    layout: Layout, shape: tuple[int, ...], kept: tuple[int, ...] | None = None
) -> ReshapePlan:
    """Regroup the factors of a layout under another shape.

    Args:
        layout: layout of the operand.
        shape: extents of the result, of the same product.
        kept: where only axes of extent 1 come and go, the operand's axis that each axis
            of the result continues, or −1; extents alone don't tell them apart.

    Example:
        >>> tokens = Layout(((Factor(4, Kind.PLANE), Factor(6, Kind.PLANE)),))
        >>> reshape(tokens, (4, 6)).layout.axes[1]
        (Factor(extent=6, kind=<Kind.PLANE: 3>),)
    """
    factors = layout.factors
    if kept is not None:
        return _continued(layout, kept)
    if 0 in shape:
        kind = Kind.SPATIAL if rank(layout) else Kind.PLAIN
        empty = Layout(tuple((Factor(extent, kind),) for extent in shape))
        whole = Regrouping(range(len(factors)), range(len(shape)), (), broken=True)
        return ReshapePlan(empty, (whole,))
    axes: list[Axis] = []
    groups: list[Regrouping] = []
    i = j = made = 0
    while j < len(shape) or i < len(factors):
        # The smallest run of factors and of axes with equal products.
        first_i, first_j = i, j
        left = right = 1
        if j < len(shape):
            right, j = shape[j], j + 1
        if i < len(factors) and not (right == 1 and factors[i].extent != 1):
            left, i = factors[i].extent, i + 1
        while left != right:
            if (left < right or j >= len(shape)) and i < len(factors):
                left, i = left * factors[i].extent, i + 1
            elif j < len(shape):
                right, j = right * shape[j], j + 1
            else:
                break
        if j == len(shape):  # leading or trailing extents of 1 that are left over
            while i < len(factors) and factors[i].extent == 1:
                i += 1
        old, extents = factors[first_i:i], shape[first_j:j]
        found, pieces = _split(old, extents)
        broken = found is None
        if found is None:
            kind = min(max((f.kind for f in old), default=Kind.PLAIN), Kind.SPATIAL)
            found = [(Factor(extent, kind),) for extent in extents]
        count = sum(map(len, found))
        groups.append(Regrouping(range(first_i, i), range(made, made + count), pieces, broken))
        axes.extend(found)
        made += count
    return ReshapePlan(Layout(tuple(axes)), tuple(groups))


def _continued(layout: Layout, kept: tuple[int, ...]) -> ReshapePlan:
    """The plan of a reshape that only adds and drops axes of extent 1."""
    axes: list[Axis] = []
    groups: list[Regrouping] = []
    made = 0
    for axis in kept:
        span = layout.span(axis) if axis >= 0 else range(0)
        axes.append(layout.axes[axis] if axis >= 0 else (Factor(1, Kind.PLAIN),))
        count = len(axes[-1])
        pieces = tuple((k,) for k in range(len(span)))
        groups.append(Regrouping(span, range(made, made + count), pieces, broken=False))
        made += count
    for axis in sorted(set(range(len(layout.axes))) - set(kept)):
        span = layout.span(axis)
        groups.append(Regrouping(span, range(made, made), ((),) * len(span), broken=False))
    return ReshapePlan(Layout(tuple(axes)), tuple(groups))


def _split(
    old: Sequence[Factor], extents: Sequence[int]
) -> tuple[list[Axis] | None, tuple[tuple[int, ...], ...]]:
    """Pieces of factors for each new axis; None where extents don't divide."""
    axes: list[Axis] = []
    pieces: list[list[int]] = [[] for _ in old]
    k, made = 0, 0
    rest = old[0].extent if old else 1
    for extent in extents:
        need, axis = extent, list[Factor]()
        while need > 1 or not axis:
            while k < len(old) and rest == 1 and (old[k].extent != 1 or need > 1):
                k += 1  # used up, or an extent of 1 that goes nowhere
                rest = old[k].extent if k < len(old) else 1
            if k >= len(old):
                if need > 1:
                    return None, ()
                axis.append(Factor(1, Kind.PLAIN))
                made += 1
                break
            if need == 1 and rest != 1:
                axis.append(Factor(1, Kind.PLAIN))
                made += 1
                break
            if rest and need % rest == 0:
                size = rest
            elif need and rest % need == 0:
                size = need
            else:
                return None, ()
            kind = old[k].kind
            if pieces[k] and kind is Kind.PLANE:
                kind = Kind.INSIDE  # only the outermost piece goes on without end
            axis.append(Factor(size, kind))
            pieces[k].append(made)
            made += 1
            need //= size
            rest //= size
            if old[k].extent == 1:
                k += 1
                rest = old[k].extent if k < len(old) else 1
        axes.append(tuple(axis))
    return axes, tuple(map(tuple, pieces))
