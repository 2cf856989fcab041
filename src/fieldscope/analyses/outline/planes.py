"""Fields on the unbounded plane as plain integers, along one axis.

The arithmetic is that of `fieldscope.geometry.planes` on one interval for all channels; for the
narrowest path a join takes the smaller interval instead of the union.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from math import gcd, lcm
from typing import Final, NamedTuple

from fieldscope.geometry.sliding import Sliding

FAR: Final = 1 << 59
"""Intervals longer than this are the whole plane."""

_EDGE: Final = 1 << 60

Phase = tuple[int, int, int, int] | None
"""lo and hi of the field, lo and hi of the narrowest path; None reads nothing."""


class Plane(NamedTuple):
    """A field along one axis: position i reads phase i mod P, moved by step·(i div P).

    Example:
        >>> plane = windowed(windowed(START, Sliding(3)), Sliding(3, stride=2, before=1))
        >>> plane.size, plane.narrowest, plane.stride
        (5, 5, 2)
    """

    step: int
    phases: tuple[Phase, ...]

    @property
    def size(self) -> int | float:
        """The largest phase's size; infinite where everything is read."""
        return self._longest(0)

    @property
    def narrowest(self) -> int | float:
        """The largest size along the shortest path."""
        return self._longest(2)

    def _longest(self, first: int) -> int | float:
        phases = self.phases
        if len(phases) == 1 and phases[0]:
            found = phases[0][first + 1] - phases[0][first]
        else:
            found = max((one[first + 1] - one[first] for one in phases if one), default=0)
        return math.inf if found > FAR else found

    @property
    def stride(self) -> int | Fraction | None:
        """Input elements per position; None where it doesn't move."""
        if self.step == 0 or self.size == math.inf:
            return None
        if len(self.phases) == 1:
            return self.step
        stride = Fraction(self.step, len(self.phases))
        return int(stride) if stride.denominator == 1 else stride


START: Final = Plane(1, ((0, 1, 0, 1),))
"""The field of an input: itself."""

WHOLE: Final = Plane(0, ((-_EDGE, _EDGE, -_EDGE, _EDGE),))
"""The field of what reads everything."""


def windowed(plane: Plane, window: Sliding) -> Plane:
    """Slide a window along a plane."""
    step, phases = plane
    if len(phases) == 1 and phases[0] is not None:
        if step == 0:
            return plane
        lo, hi, narrow, wide = phases[0]
        first, last = -window.before * step, (window.reach - 1 - window.before) * step
        if step < 0:
            first, last = last, first
        moved = (lo + first, hi + last, narrow + first, wide + last)
        return Plane(step * window.stride, (moved,))
    return _windowed(plane, window)


@lru_cache(maxsize=4096)
def _windowed(plane: Plane, window: Sliding) -> Plane:
    period = len(plane.phases)
    count = period // gcd(period, window.stride)
    taps = [t * window.dilation - window.before for t in range(window.kernel)]
    made = [_united(plane, [k * window.stride + tap for tap in taps]) for k in range(count)]
    return simplified(Plane(plane.step * (count * window.stride // period), tuple(made)))


@lru_cache(maxsize=4096)
def spread(plane: Plane, window: Sliding) -> Plane:
    """Slide a transposed window along a plane: s phases for each one of the operand."""
    made = []
    for k in range(len(plane.phases) * window.stride):
        aims = [k + window.before - t * window.dilation for t in range(window.kernel)]
        fits = [aim // window.stride for aim in aims if aim % window.stride == 0]
        made.append(_united(plane, fits))
    return simplified(Plane(plane.step, tuple(made)))


@lru_cache(maxsize=4096)
def tabled(plane: Plane, advance: int, lo: tuple[int, ...], hi: tuple[int, ...]) -> Plane:
    """Unite periodic runs [lo, hi) of a plane that advance once per len(lo) outputs."""
    period = len(plane.phases)
    turns = period // gcd(period, advance)
    made = [
        _united(plane, range(low + advance * k, high + advance * k))
        for k in range(turns)
        for low, high in zip(lo, hi, strict=True)
    ]
    return simplified(Plane(plane.step * (advance * turns // period), tuple(made)))


def globalised(plane: Plane) -> Plane:
    """What reads everything, if it reads anything."""
    return WHOLE if any(plane.phases) else plane


def joined(planes: Sequence[Plane]) -> Plane | None:
    """What reads one and the others; None where their strides differ."""
    found = planes[0]
    for other in planes[1:]:
        if other is found or other == found:
            continue
        both = _level(found, other)
        if both is None:
            return None
        step, ours, theirs = both
        found = Plane(step, tuple(map(_together, ours, theirs)))
    return found


def _together(one: Phase, other: Phase) -> Phase:
    if one is None or other is None:
        return one or other
    shorter = one if one[3] - one[2] <= other[3] - other[2] else other
    return (min(one[0], other[0]), max(one[1], other[1]), shorter[2], shorter[3])


def _level(one: Plane, other: Plane) -> tuple[int, tuple[Phase, ...], tuple[Phase, ...]] | None:
    p, q = len(one.phases), len(other.phases)
    if p == q and one.step == other.step:
        return one.step, one.phases, other.phases
    if one.step * q != other.step * p:
        if _is_wild(other):
            return one.step, one.phases, (other.phases[0],) * p
        if _is_wild(one):
            return other.step, (one.phases[0],) * q, other.phases
        return None
    count = lcm(p, q)
    return one.step * (count // p), _written_out(one, count), _written_out(other, count)


def _is_wild(plane: Plane) -> bool:
    """Whether it reads everything everywhere, so that no step matters."""
    return plane == WHOLE


def _written_out(plane: Plane, count: int) -> tuple[Phase, ...]:
    return tuple(at(plane, k) for k in range(count))


def at(plane: Plane, index: int) -> Phase:
    """What the position of that index reads."""
    turns, place = divmod(index, len(plane.phases))
    phase, moved = plane.phases[place], plane.step * turns
    if phase is None or not moved:
        return phase
    return (phase[0] + moved, phase[1] + moved, phase[2] + moved, phase[3] + moved)


def _united(plane: Plane, places: Sequence[int]) -> Phase:
    read = [phase for phase in (at(plane, place) for place in places) if phase is not None]
    if not read:
        return None
    lo, hi, narrow, wide = zip(*read, strict=True)
    return (min(lo), max(hi), min(narrow), max(wide))


def simplified(plane: Plane) -> Plane:
    """The shortest period."""
    step, phases = plane
    period = len(phases)
    for shorter in range(1, period // 2 + 1):
        if period % shorter or step * shorter % period:
            continue
        first = Plane(step * shorter // period, phases[:shorter])
        if _written_out(first, period) == phases:
            return first
    return plane
