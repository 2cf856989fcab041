"""The search for performance: every convolution productive, within a budget."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, combinations, product

from fieldscope.analyses.edits import Edit
from fieldscope.analyses.outline import Foreseen, Outlook
from fieldscope.redesign.efficiency import Found
from fieldscope.redesign.figures import Figures, figures_of_outlook, is_convolution
from fieldscope.redesign.moves import all_narrowed, stems_of, title_of, unstrided
from fieldscope.redesign.plans import Bench, Plan
from fieldscope.wording import counted

_SUBSETS = 6
"""So many strides are tried in all combinations; of more, the first and last ones together."""
_ROUNDS = 12
_BATCHES = 8
_SHOWN = 6

Family = tuple[object, ...]
"""What redesigns of one kind share: where strides are dropped, and whether blocks moved."""


class Search:
    """Tries stems and strides, and deals with what is left: moved, dropped or narrowed."""

    def __init__(self, bench: Bench, budget: float | None) -> None:
        self._bench = bench
        self._most = None if budget is None else bench.before.macs * budget
        self._found: dict[tuple[Edit, ...], tuple[Family, Found]] = {}

    def steps(self) -> Iterator[tuple[int, int]]:
        """Search step by step, telling how far it is."""
        if not self._bench.before.convolutions:
            return
        places = [k for k, unit in enumerate(self._bench.units) if unit.strided]
        starts = list(product(stems_of(self._bench), list(_subsets(places))))
        for done, (stem, gone) in enumerate(starts):
            yield done, len(starts)
            plan = self._without_strides(stem, gone)
            outlook = self._bench.foreseen(plan)
            if outlook is None:
                continue
            family = self._family(gone)
            self._keep(plan, outlook, family)
            for drop in (True, False):
                self._reduced(plan, family, drop=drop)
        yield len(starts), len(starts)

    def _family(self, gone: Sequence[int]) -> Family:
        """Whether the stem, poolings and later blocks lose strides."""
        units = [self._bench.units[k] for k in gone]
        stem = [unit for unit in units if self._bench.stem in unit.sliding]
        later = [unit for unit in units if unit not in stem]
        pooling = [unit for unit in later if unit.pooling]
        return bool(stem), bool(pooling), len(later) > len(pooling)

    def _without_strides(self, plan: Plan, units: Sequence[int]) -> Plan:
        """The plan with the strides of some units dropped: pooling goes, convolutions stay."""
        bench = self._bench
        for place in units:
            unit = bench.units[place]
            if unit.pooling and not unit.fixed:
                plan = plan.without(place)
            else:
                windows = [unstrided(bench.window(plan, name)) for name in unit.strided]
                plan = plan.with_windows(*windows)
        return plan

    def _reduced(self, plan: Plan, family: Family, *, drop: bool) -> None:
        """Drop or narrow what is unproductive, then drop what is over the budget."""
        outlook = self._bench.foreseen(plan)
        for _ in range(_ROUNDS):
            if outlook is None:
                return
            bad = _bad(outlook)
            further = plan
            if bad and drop:
                further = self._bench.without_bad(plan, bad)
            if bad and further == plan:
                further = all_narrowed(self._bench, plan, bad)
            if not bad and self._most is not None and outlook.macs > self._most:
                further = self._cheaper(plan, outlook)
            if further == plan:
                break
            plan = further
            outlook = self._bench.foreseen(plan)
        if outlook is not None:
            self._keep(plan, outlook, family)
            self._moved(plan, family)

    def _cheaper(self, plan: Plan, outlook: Outlook) -> Plan:
        """The plan without the units that cost most, as many as are over the budget."""
        bench = self._bench
        over = outlook.macs - (self._most or 0)
        layers = {layer.name: layer.macs for layer in outlook.layers}
        costs = [sum(layers.get(name, 0) for name in unit.layers) for unit in bench.units]
        order = sorted(range(len(costs)), key=lambda k: -costs[k])
        cheaper = plan
        for place in order:
            if over > 0 and bench.can_go(cheaper, place):
                cheaper, over = cheaper.without(place), over - costs[place]
        if cheaper == plan or bench.foreseen(cheaper) is not None:
            return cheaper
        alone = (plan.without(place) for place in order if bench.can_go(plan, place))
        return next((one for one in alone if bench.foreseen(one) is not None), plan)

    def _moved(self, plan: Plan, family: Family) -> None:
        """Put as many blocks as were dropped where they add context, evenly over the stages."""
        bench = self._bench
        missing = sum(bench.units[k].block for k in plan.removed)
        ends = self._ends(plan)
        moved, batch = plan, 1 + missing // _BATCHES
        while missing > 0:
            times = min(batch, missing)
            for place in sorted(ends, key=lambda k: (self._depth(moved, k), -k)):
                further = moved.repeating(place, times)
                outlook = bench.foreseen(further)
                if outlook is None or _bad(outlook):
                    continue
                if self._most is None or outlook.macs <= self._most:
                    moved = further
                    break
            else:
                break
            missing -= times
        outlook = bench.foreseen(moved)
        if moved != plan and outlook is not None:
            self._keep(moved, outlook, (*family, "moved"))

    def _ends(self, plan: Plan) -> list[int]:
        """The last block of each stage that can be repeated."""
        found: dict[range, int] = {}
        for place, unit in enumerate(self._bench.units[: self._bench.head]):
            if unit.block and unit.same and unit.sliding and not unit.fixed:
                stage = self._bench.stage(place)
                if place not in plan.removed:
                    found[stage] = place
        return list(found.values())

    def _depth(self, plan: Plan, place: int) -> int:
        """The number of blocks in a unit's stage."""
        stage = [k for k in self._bench.stage(place) if k not in plan.removed]
        blocks = sum(self._bench.units[k].block for k in stage)
        return blocks + sum(plan.repeats.get(k, 0) for k in stage)

    def _keep(self, plan: Plan, outlook: Outlook, family: Family) -> None:
        if not outlook.edits or (self._most is not None and outlook.macs > self._most):
            return
        after = figures_of_outlook(outlook)
        if after.widening and after.convolutions < self._bench.before.convolutions:
            self._found.setdefault(outlook.edits, (family, Found(plan, outlook, after)))

    def best(self) -> Iterator[tuple[str, tuple[Edit, ...], Figures]]:
        """What was found: the best of each kind of redesign."""
        ranked = sorted(self._found.values(), key=lambda pair: self._rank(pair[1]))
        kinds: dict[Family, Found] = {}
        for family, one in ranked:
            # Whatever leaves more or loses more than the first is no alternative to it.
            if self._rank(one)[:2] == self._rank(ranked[0][1])[:2]:
                kinds.setdefault(family, one)
        chosen = list(kinds.values())[:_SHOWN]
        for one in chosen:
            title = title_of(self._bench, one.plan)
            left = counted(one.after.convolutions, "unproductive convolution")
            yield (
                f"{title}, {left} left" if one.after.convolutions else title,
                one.outlook.edits,
                one.after,
            )

    def _rank(self, found: Found) -> tuple[float, ...]:
        after = found.after
        return (
            after.convolutions,
            self._lost(found),
            bool(found.plan.repeats),
            after.unproductive,
            after.macs,
            len(found.outlook.edits),
        )

    def _lost(self, found: Found) -> int:
        """Convolutions that are narrowed or dropped, and not put back elsewhere."""
        return max(0, _widening(self._bench.outline.base) - _widening(found.outlook))


def _bad(outlook: Outlook) -> set[str]:
    return {layer.name for layer in outlook.unproductive if is_convolution(layer)}


def _widening(outlook: Outlook) -> int:
    return sum(map(_is_widening_convolution, outlook.layers))


def _is_widening_convolution(layer: Foreseen) -> bool:
    return is_convolution(layer) and any(layer.widens)


def _subsets(places: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Which strides to drop: fewer first, later ones first."""
    count = len(places)
    if count <= _SUBSETS:
        sizes = range(count + 1)
        yield from chain.from_iterable(combinations(places[::-1], size) for size in sizes)
        return
    for first in range(count + 1):
        for last in range(count - first + 1):
            yield (*places[:first], *places[count - last :])
