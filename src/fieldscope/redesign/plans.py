"""Plans: what a search has decided so far, and what would come of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from fieldscope.analyses.edits import Edit, Numbers, Repeat, Reshape
from fieldscope.analyses.outline import Outline, Outlook
from fieldscope.errors import FieldscopeError
from fieldscope.redesign.figures import figures_of_outlook
from fieldscope.redesign.structure import Unit, chain_of, taken_out


@dataclass(frozen=True, slots=True)
class Plan:
    """Windows of layers, units taken out, and blocks repeated.

    Attributes:
        windows: the whole window of each layer that gets another one.
        removed: places of the units that are taken out.
        repeats: how often units are repeated, by place.
    """

    windows: Mapping[str, Reshape] = field(default_factory=dict)
    removed: frozenset[int] = frozenset()
    repeats: Mapping[int, int] = field(default_factory=dict)

    def with_windows(self, *windows: Reshape) -> Plan:
        """The plan with further windows."""
        return replace(self, windows={**self.windows, **{one.layer: one for one in windows}})

    def without(self, *units: int) -> Plan:
        """The plan with further units taken out."""
        return replace(self, removed=self.removed.union(units))

    def repeating(self, unit: int, times: int) -> Plan:
        """The plan with a unit repeated further times."""
        return replace(self, repeats={**self.repeats, unit: self.repeats.get(unit, 0) + times})


class Bench:
    """Where plans are tried: an outline, its chain of units, and what was tried so far."""

    def __init__(self, outline: Outline, frozen: Mapping[str, str]) -> None:
        self.outline = outline
        self.frozen = frozen
        self.units: tuple[Unit, ...] = chain_of(outline, frozen)
        self.before = figures_of_outlook(outline.base)
        self.tried = 0
        self._known: dict[tuple[Edit, ...], Outlook | None] = {}
        # Layers behind the last window are the head: it stays.
        self.head = 1 + max((k for k, unit in enumerate(self.units) if unit.sliding), default=-1)

    def edits(self, plan: Plan) -> tuple[Edit, ...]:
        """A plan as edits, in the order of the layers."""
        units = [self.units[k] for k in sorted(plan.removed)]
        gone = {layer for unit in units for layer in unit.layers}
        windows = [
            _changed(self.outline.windows[name], plan.windows[name])
            for name in self.outline.windows
            if name in plan.windows and name not in gone
        ]
        return (
            *(one for one in windows if one is not None),
            *(taken_out(self.outline, units) if units else ()),
            *(Repeat(self.units[k].modules[0], n) for k, n in sorted(plan.repeats.items()) if n),
        )

    def foreseen(self, plan: Plan) -> Outlook | None:
        """What would come of a plan; None if it can't be carried out."""
        if any(name in self.frozen for name in plan.windows) or any(
            self.units[k].fixed for k in plan.removed
        ):
            return None
        edits = self.edits(plan)
        if edits not in self._known:
            self.tried += 1
            try:
                self._known[edits] = self.outline.with_edits(edits, refit=True)
            except FieldscopeError:
                self._known[edits] = None
        return self._known[edits]

    def can_go(self, plan: Plan, place: int) -> bool:
        """Whether a unit can be dropped, and leaves others in its stage."""
        unit = self.units[place]
        if place in plan.removed or place >= self.head or not unit.same or unit.fixed:
            return False
        others = [self.units[k] for k in self.stage(place) if k not in plan.removed and k != place]
        return bool(unit.sliding) and any(one.sliding and one.block == unit.block for one in others)

    def without_bad(self, plan: Plan, bad: set[str]) -> Plan:
        """The plan without the units that have some of these layers, where they can go."""
        places = [k for k, unit in enumerate(self.units) if bad.intersection(unit.layers)]
        together, alone = plan, plan
        for place in places:
            if self.can_go(together, place):
                together = together.without(place)
        if together == plan or self.foreseen(together) is not None:
            return together
        for place in places:
            if self.can_go(alone, place) and self.foreseen(alone.without(place)) is not None:
                alone = alone.without(place)
        return alone

    def stage(self, place: int) -> range:
        """The stage of a unit: what follows one another with one shape, and what opens it."""
        first = last = place
        while first and self.units[first].same:
            first -= 1
        while last + 1 < self.head and self.units[last + 1].same:
            last += 1
        return range(first, last + 1)

    @property
    def stem(self) -> str | None:
        """The first layer with a window, where it isn't part of a larger block."""
        unit = next((unit for unit in self.units if unit.sliding), None)
        if unit is None or (unit.block and len(unit.sliding) > 1):
            return None
        return unit.sliding[0]

    def window(self, plan: Plan, layer: str) -> Reshape:
        """The window that a layer has under a plan."""
        return plan.windows.get(layer) or self.outline.windows[layer]


def _changed(own: Reshape, wanted: Reshape) -> Reshape | None:
    """An edit that says only what changes."""
    parts: dict[str, Numbers | None] = {}
    for word in ("kernel", "stride", "padding", "dilation"):
        value = getattr(wanted, word)
        parts[word] = None if value == getattr(own, word) else value
    if not any(parts.values()):
        return None
    # Paddings depend on kernels and strides: say them with these.
    return Reshape(
        own.layer,
        kernel=parts["kernel"],
        stride=parts["stride"],
        padding=wanted.padding if parts["kernel"] or parts["padding"] else None,
        dilation=parts["dilation"],
    )
