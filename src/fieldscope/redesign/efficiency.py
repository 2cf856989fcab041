"""The search for efficiency: cut, drop and narrow until no layer is unproductive."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fieldscope.analyses.edits import Edit
from fieldscope.analyses.outline import Outlook
from fieldscope.redesign.figures import Figures, figures_of_outlook
from fieldscope.redesign.moves import all_narrowed, stems_of, title_of
from fieldscope.redesign.plans import Bench, Plan
from fieldscope.wording import counted

_ROUNDS = 6
# Behind the last window: norms made for its channels, which go with it.
_BEHIND = 2
_SHOWN = 6


@dataclass(frozen=True, slots=True)
class Found:
    """A plan that meets the goal."""

    plan: Plan
    outlook: Outlook
    after: Figures


class Search:
    """Tries stems, places to cut, and ways to deal with what is unproductive before the cut."""

    def __init__(self, bench: Bench, budget: float | None) -> None:
        self._bench = bench
        self._most = bench.before.macs * min(1.0, 1.0 if budget is None else budget)
        self._found: dict[tuple[Edit, ...], Found] = {}

    def steps(self) -> Iterator[tuple[int, int]]:
        """Search step by step, telling how far it is."""
        bench = self._bench
        if not bench.before.unproductive:
            return
        starts: list[tuple[Plan, int]] = []
        for stem in stems_of(bench):
            first = self._first(stem)
            if first is not None:
                cuts = range(self._deepest(stem, first), bench.head + 1)
                starts += [(stem, cut) for cut in cuts]
        for done, (stem, cut) in enumerate(starts):
            yield done, len(starts)
            plan = self._cut(stem, cut)
            if plan is not None:
                for drop in (True, False):
                    self._settle(plan, drop=drop)
        yield len(starts), len(starts)

    def _first(self, stem: Plan) -> int | None:
        """The first unit with a layer that can add nothing, behind the least that is left.

        The head if there is none.
        """
        outlook = self._bench.foreseen(stem)
        if outlook is None:
            return None
        bad = {layer.name for layer in outlook.unproductive}
        units = enumerate(self._bench.units)
        found = (place for place, unit in units if bad.intersection(unit.layers))
        return max(self._least(), next(found, self._bench.head))

    def _least(self) -> int:
        """Where to cut at the very earliest: behind the stem and one more convolution.

        Behind a join that nothing passes alone there are no units: the whole is narrowed then.
        """
        units = self._bench.units[: self._bench.head]
        places = [k for k, unit in enumerate(units) if unit.sliding and not unit.pooling]
        return min(self._bench.head, places[1] + 1 if len(places) > 1 else 1)

    def _deepest(self, stem: Plan, first: int) -> int:
        """Where to cut at the earliest: at the first unproductive unit, or before it.

        Productive units go, too, until half of the compute is saved, as long as the rest sees
        what the whole did.
        """
        for cut in range(first, self._least() - 1, -1):
            plan = self._cut(stem, cut)
            outlook = None if plan is None else self._bench.foreseen(plan)
            if outlook is None:
                continue
            if not self._sees(figures_of_outlook(outlook)):
                return min(cut + 1, first)
            if 2 * outlook.macs <= self._bench.before.macs:
                return cut
        return first

    def _cut(self, stem: Plan, cut: int) -> Plan | None:
        """The plan with all units from a place to the head taken out; None if it can't be."""
        head = self._bench.head
        if cut >= head:
            return stem
        for last in range(head, head + _BEHIND + 1):
            if not all(unit.pointwise for unit in self._bench.units[head:last]):
                break
            plan = stem.without(*range(cut, last))
            if self._bench.foreseen(plan) is not None:
                return plan
        return None

    def _settle(self, plan: Plan, *, drop: bool) -> None:
        """Drop or narrow what is unproductive, again where that leaves something."""
        for _ in range(_ROUNDS):
            outlook = self._bench.foreseen(plan)
            if outlook is None:
                return
            bad = {layer.name for layer in outlook.unproductive}
            if not bad:
                self._keep(plan, outlook)
                return
            further = self._bench.without_bad(plan, bad) if drop else plan
            if further == plan:
                further = all_narrowed(self._bench, plan, bad)
            if further == plan:
                self._keep(plan, outlook)  # frozen layers are left
                return
            plan = further

    def _keep(self, plan: Plan, outlook: Outlook) -> None:
        after = figures_of_outlook(outlook)
        edits = outlook.edits
        better = after.unproductive < self._bench.before.unproductive
        if edits and better and after.widening and after.macs <= self._most and self._sees(after):
            self._found.setdefault(edits, Found(plan, outlook, after))

    def _sees(self, after: Figures) -> bool:
        """Whether the largest field still has the whole input, or what it had of it."""
        before, extents = self._bench.before, self._bench.outline.extents
        if not after.size or not before.size:
            return after.size == before.size
        sizes = zip(after.size, before.size, extents, strict=True)
        return all(new >= min(old, extent) for new, old, extent in sizes)

    def best(self) -> Iterator[tuple[str, tuple[Edit, ...], Figures]]:
        """What was found: on the front of compute and layers kept, the cheapest first.

        It begins with the cheapest that is only cut, where there is one: what others save by
        narrowing and dropping before the cut is dearly bought.
        """
        left = min((one.after.unproductive for one in self._found.values()), default=0)
        ranked = sorted(
            (one for one in self._found.values() if one.after.unproductive == left),
            key=lambda one: (one.after.macs, -one.after.widening, len(one.outlook.edits)),
        )
        first = next((one for one in ranked if self._is_plain(one.plan)), None)
        front = [] if first is None else [first]
        least = 0 if first is None else first.after.macs
        for one in ranked:
            if one.after.macs >= least and (
                not front or one.after.widening > front[-1].after.widening
            ):
                front.append(one)
        for one in spaced(front, _SHOWN):
            title = title_of(self._bench, one.plan)
            more = f", {counted(left, 'unproductive layer')} left" if left else ""
            yield title + more, one.outlook.edits, one.after

    def _is_plain(self, plan: Plan) -> bool:
        """Whether a plan only cuts, and changes no window but the first layer's."""
        head = self._bench.head
        cut = min(plan.removed, default=head)
        return plan.windows.keys() <= {self._bench.stem} and plan.removed.issuperset(
            range(cut, head)
        )


def spaced(found: list[Found], most: int) -> list[Found]:
    """The first, the last, and some between at even distances."""
    if len(found) <= most:
        return found
    return [found[round(k * (len(found) - 1) / (most - 1))] for k in range(most)]
