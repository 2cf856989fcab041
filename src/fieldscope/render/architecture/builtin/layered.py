"""Laying out one level of a drawing: ranks, the order in each, and where things stand.

Source: Sugiyama, Tagawa, Toda, "Methods for Visual Understanding of Hierarchical System
Structures", IEEE Transactions on Systems, Man, and Cybernetics 11 (1981). What leaves a thing for
several others shares a lane, which keeps dense blocks readable; places in a rank are those of
least squares to the neighbours', which isotonic regression gives exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import TypeAlias

_ORDERINGS = 12
# Sweeps that look at the neighbours above or below, then those that look at both.
_ONE_SIDED, _PLACINGS = 8, 64
_BEYOND = 1.85
_BETWEEN_THINGS = 20.0
_BETWEEN_LANES = 11.0
_GAP, _GAP_AT_PORTS = 20.0, 6.0
# How much a line wants to be straight: between two things, to a lane, along one.
_WEIGHTS = (8, 1, 2)
# How much more gap a slanting line gets for each unit that it goes sideways, and at most.
_SLANT, _WIDEST_GAP = 0.07, 56.0

Net: TypeAlias = tuple[str, bool]
"""What leaves a box: its id, and whether it is read as context."""


@dataclass(eq=False)
class Thing:
    """What stands in a rank: a box, a frame with all in it, a port of the frame around, a lane.

    `enters` and `leaves` say where a net meets its upper and lower border, from its left end.
    """

    width: float = 0.0
    height: float = 0.0
    enters: Mapping[Net, float] = field(default_factory=dict)
    leaves: Mapping[Net, float] = field(default_factory=dict)
    lane: bool = False
    x: float = 0.0
    y: float = 0.0

    def top(self, net: Net) -> float:
        """Where a net enters, from the left end."""
        return self.enters.get(net, self.width / 2)

    def bottom(self, net: Net) -> float:
        """Where a net leaves, from the left end."""
        return self.leaves.get(net, self.width / 2)


@dataclass(frozen=True, slots=True)
class Flow:
    """A net at one level: where it comes from, and what it goes to."""

    net: Net
    source: Thing
    targets: tuple[Thing, ...]


@dataclass(frozen=True, slots=True)
class Hop:
    """A piece of a net between two ranks, as (x, y) of its ends; `bends` are the ranks' edges."""

    net: Net
    source: Thing
    target: Thing
    start: tuple[float, float]
    end: tuple[float, float]
    bends: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Level:
    """A level laid out; its things know their places."""

    width: float
    height: float
    hops: tuple[Hop, ...]


@dataclass(frozen=True, slots=True)
class _Link:
    net: Net
    source: Thing
    target: Thing

    @property
    def weight(self) -> int:
        return _WEIGHTS[self.source.lane + self.target.lane]


def laid_out(
    things: Sequence[Thing],
    flows: Sequence[Flow],
    *,
    first: Sequence[Thing] = (),
    last: Sequence[Thing] = (),
) -> Level:
    """Lay out one level, from top to bottom.

    Args:
        things: what stands in it; flows go from earlier to later ones.
        flows: what flows between them.
        first: ports above them.
        last: ports below them.
    """
    ranks, links = _ranked(things, flows, first, last)
    above: dict[Thing, list[_Link]] = {}
    below: dict[Thing, list[_Link]] = {}
    for link in links:
        above.setdefault(link.target, []).append(link)
        below.setdefault(link.source, []).append(link)
    _order(ranks, above, below)
    _place(ranks, above, below)
    return _finished(ranks, links)


def _ranked(
    things: Sequence[Thing], flows: Sequence[Flow], first: Sequence[Thing], last: Sequence[Thing]
) -> tuple[list[list[Thing]], list[_Link]]:
    """The things by rank, one below all that it reads, with lanes where a net passes a rank."""
    rank: dict[Thing, int] = dict.fromkeys(first, 0)
    into: dict[Thing, list[Thing]] = {}
    out: dict[Thing, list[Thing]] = {}
    for flow in flows:
        for target in flow.targets:
            into.setdefault(target, []).append(flow.source)
            out.setdefault(flow.source, []).append(target)
    lowest = 1 if first else 0
    for thing in things:
        rank[thing] = max((rank[one] + 1 for one in into.get(thing, ())), default=lowest)
    bottom = max((rank[thing] for thing in things), default=0)
    rank.update(dict.fromkeys(last, bottom + 1))
    for thing in reversed(things):
        # What reads nothing stands right above what reads it.
        if thing in out and not into.get(thing):
            rank[thing] = min(rank[one] for one in out[thing]) - 1
    ranks: list[list[Thing]] = [[] for _ in range(max(rank.values(), default=0) + 1)]
    for thing, at in rank.items():
        ranks[at].append(thing)
    links: list[_Link] = []
    for flow in flows:
        at = rank[flow.source]
        lanes = {at: flow.source}
        for target in flow.targets:
            for passed in range(at + 1, rank[target]):
                if passed not in lanes:
                    lanes[passed] = Thing(lane=True)
                    ranks[passed].append(lanes[passed])
                    links.append(_Link(flow.net, lanes[passed - 1], lanes[passed]))
            links.append(_Link(flow.net, lanes[rank[target] - 1], target))
    return ranks, links


def _order(
    ranks: list[list[Thing]],
    above: Mapping[Thing, list[_Link]],
    below: Mapping[Thing, list[_Link]],
) -> None:
    """Order each rank so that few lines cross: by the middle of the neighbours, to and fro."""
    best, fewest = [list(rank) for rank in ranks], _crossings(ranks, below)
    for turn in range(_ORDERINGS):
        if not fewest:
            break
        down = turn % 2 == 0
        for at in range(1, len(ranks)) if down else range(len(ranks) - 2, -1, -1):
            beside = {one: k for k, one in enumerate(ranks[at - 1 if down else at + 1])}
            links = above if down else below
            mine = {one: float(k) for k, one in enumerate(ranks[at])}
            for one in ranks[at]:
                near = [_beside(link, beside, down=down) for link in links.get(one, ())]
                if near:
                    mine[one] = sum(near) / len(near)
            ranks[at].sort(key=mine.__getitem__)
        crossings = _crossings(ranks, below)
        if crossings < fewest:
            best, fewest = [list(rank) for rank in ranks], crossings
    ranks[:] = best


def _beside(link: _Link, beside: Mapping[Thing, int], *, down: bool) -> float:
    """Where a neighbour stands in its rank, and where on it the net meets it."""
    other = link.source if down else link.target
    offset = other.bottom(link.net) if down else other.top(link.net)
    return beside[other] + (offset / other.width if other.width else 0.5)


def _crossings(ranks: Sequence[Sequence[Thing]], below: Mapping[Thing, list[_Link]]) -> int:
    total = 0
    for upper, lower in pairwise(ranks):
        tops = {one: k for k, one in enumerate(upper)}
        places = {one: k for k, one in enumerate(lower)}
        ends = sorted(
            (
                _beside(link, tops, down=True),
                _beside(link, places, down=False),
            )
            for one in upper
            for link in below.get(one, ())
        )
        total += sum(
            after[1] < before[1] and after[0] > before[0]
            for k, before in enumerate(ends)
            for after in ends[k + 1 :]
        )
    return total


def _place(
    ranks: Sequence[Sequence[Thing]],
    above: Mapping[Thing, list[_Link]],
    below: Mapping[Thing, list[_Link]],
) -> None:
    """Give the things of each rank places near their neighbours', none on another."""
    for rank in ranks:
        _settle(rank, lambda one: (one.x, 1.0))
    for turn in range(_PLACINGS):
        down = turn % 2 == 0
        sides = (above, below) if turn >= _ONE_SIDED else (above if down else below,)
        beyond = _BEYOND if _ONE_SIDED <= turn < _PLACINGS - 4 else 1.0
        wish = partial(_wish, sides=sides, beyond=beyond)
        for rank in ranks if down else reversed(ranks):
            _settle(rank, wish)
    left = min((one.x for rank in ranks for one in rank), default=0.0)
    for rank in ranks:
        for one in rank:
            one.x -= left


def _wish(
    one: Thing, sides: Sequence[Mapping[Thing, list[_Link]]], beyond: float
) -> tuple[float, float]:
    """Where a thing would stand for straight lines to its neighbours, and how much that counts.

    `beyond` 1 overshoots, by which long chains get straight soon (successive over-relaxation).
    """
    total = weight = 0.0
    for side in sides:
        for link in side.get(one, ()):
            up = link.target is one
            other = link.source if up else link.target
            there = other.x + (other.bottom(link.net) if up else other.top(link.net))
            here = one.top(link.net) if up else one.bottom(link.net)
            total += link.weight * (there - here)
            weight += link.weight
    return (one.x + beyond * (total / weight - one.x), weight) if weight else (one.x, 0.01)


def _settle(rank: Sequence[Thing], wish: Callable[[Thing], tuple[float, float]]) -> None:
    """Put things next to each other, in order, as near to their wishes as can be.

    Minimises Σ weight·(x − wish)² where each keeps its distance from the one before: isotonic
    regression, by pooling neighbours that would overlap.
    """
    pools: list[tuple[float, float, int]] = []
    offsets: list[float] = []
    offset, before = 0.0, None
    for one in rank:
        if before is not None:
            lanes = before.lane or one.lane
            offset += before.width + (_BETWEEN_LANES if lanes else _BETWEEN_THINGS)
        offsets.append(offset)
        place, weight = wish(one)
        pools.append((place - offset, weight, 1))
        while len(pools) > 1 and pools[-2][0] >= pools[-1][0]:
            (a, u, m), (b, v, n) = pools.pop(-2), pools.pop()
            pools.append(((a * u + b * v) / (u + v), u + v, m + n))
        before = one
    places = [mean for mean, _, count in pools for _ in range(count)]
    for one, place, away in zip(rank, places, offsets, strict=True):
        one.x = place + away


def _finished(ranks: Sequence[Sequence[Thing]], links: Sequence[_Link]) -> Level:
    slants: dict[Thing, float] = {}
    for link in links:
        aside = abs(_start(link) - _end(link))
        slants[link.source] = max(slants.get(link.source, 0.0), aside)
    spans: dict[Thing, tuple[float, float]] = {}
    y = 0.0
    for rank, after in zip(ranks, [*ranks[1:], []], strict=True):
        tall = max((one.height for one in rank), default=0.0)
        for one in rank:
            one.y = y + (tall - one.height) / 2
            spans[one] = (y, y + tall)
        aside = max((slants.get(one, 0.0) for one in rank), default=0.0)
        # Straight lines from and to ports are parts of longer ones.
        straight = aside < 1 and not (_has_things(rank) and _has_things(after))
        gap = _GAP_AT_PORTS if straight else _GAP
        height, y = y + tall, y + tall + min(gap + _SLANT * aside, _WIDEST_GAP)
    width = max((one.x + one.width for rank in ranks for one in rank), default=0.0)
    return Level(width, height if ranks else 0.0, tuple(_hops(links, spans)))


def _has_things(rank: Sequence[Thing]) -> bool:
    return any(one.height for one in rank)


def _hops(links: Sequence[_Link], spans: Mapping[Thing, tuple[float, float]]) -> Iterator[Hop]:
    for link in links:
        source, target = link.source, link.target
        bends = spans[source][1], spans[target][0]
        from_y = spans[source][0] if source.lane else source.y + source.height
        yield Hop(link.net, source, target, (_start(link), from_y), (_end(link), target.y), bends)


def _start(link: _Link) -> float:
    return link.source.x + link.source.bottom(link.net)


def _end(link: _Link) -> float:
    return link.target.x + link.target.top(link.net)
