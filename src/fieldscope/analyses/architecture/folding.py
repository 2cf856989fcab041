"""From layers to what is drawn: containers folded, quiet layers merged, alike blocks as one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from fieldscope.analyses.architecture.flow import Flow, Flows, Source
from fieldscope.analyses.costs import trace_of
from fieldscope.analyses.layers import Layer, Report
from fieldscope.analyses.nesting import Chain, chains_of, plain
from fieldscope.analyses.verdicts import Verdict
from fieldscope.geometry.sliding import Sliding
from fieldscope.graph.operators import Spread, Window

# Kinds that hand on what they receive, position for position or elsewhere.
_BEFORE = {"pointwise", "pad", "mask", "reshape", "permute", "expand", "flip", "identity"}
_BEHIND = _BEFORE | {"slice", "roll", "gather"}
# Fewer alike blocks in a row are drawn one by one.
_ROW = 3


@dataclass(eq=False)
class Unit:
    """What becomes a box: a folded container, or a layer with those merged into it."""

    name: str
    chain: Chain
    container: bool
    main: str
    layers: list[str] = field(default_factory=list)
    repeats: list[Unit] = field(default_factory=list)

    @property
    def every(self) -> list[str]:
        """The layers in it, of all blocks where it stands for several."""
        return [name for unit in self.repeats for name in unit.layers] or self.layers


@dataclass(frozen=True)
class Folded:
    """Units in execution order, and what flows between them.

    `flows` are by place of the units; an input is −1 − its number. `made` says where each
    output comes from, in the same way. A flow is true where it is context alone.
    """

    units: tuple[Unit, ...]
    flows: Mapping[tuple[int, int], bool]
    made: tuple[tuple[int, ...], ...]
    hidden: tuple[str, ...]


class Folding:
    """Folds one report, at any depth."""

    def __init__(self, report: Report, verdicts: Mapping[str, Verdict]) -> None:
        self._trace = trace_of(report)
        self._layers = {layer.name: layer for layer in report.layers}
        self._containers = {layer.name: layer for layer in report.containers}
        self._chains = chains_of(self._trace)
        flows = Flows(report)
        self._flows = tuple(flows.all())
        self._passed = {
            layer.name: flows.sources(layer._value)
            for layer in report.layers
            if layer.operator == "identity"
        }
        self._made = tuple(flows.sources(value) for _, value in self._trace.outputs)
        self._verdicts = verdicts
        self._into: dict[str, list[Flow]] = {}
        for flow in self._flows:
            self._into.setdefault(flow.target, []).append(flow)
        self._nodes = {one.name: one.node for one in self._trace.layers}

    @property
    def deepest(self) -> int:
        """The depth at which nothing is folded."""
        return max(map(len, self._chains.values()), default=0) + 1

    def numbers(self, unit: Unit) -> Layer:
        """The layer or container whose field and shape a unit shows."""
        container = self._containers.get(unit.name) if unit.container else None
        return container or self._layers[unit.main]

    def window(self, layer: str) -> tuple[Sliding, ...]:
        """A layer's window per axis; () where it has none."""
        node = self._nodes[layer]
        operator = None if node is None else self._trace.graph.nodes[node].operator
        return operator.windows if isinstance(operator, (Window, Spread)) else ()

    def folded(self, depth: int, *, all: bool = False) -> Folded:
        """Fold the containers at a depth.

        Args:
            depth: containers that stand as deep become boxes.
            all: leave quiet layers and alike blocks on their own.
        """
        of = self._units(depth)
        if not all:
            self._merge_behind(of)
            self._merge_before(of)
        hidden = self._hide(of)
        flows = self._between(of)
        if not all:
            flows = self._rows(of, flows)
        units = tuple(dict.fromkeys(of[name] for name in self._layers if name in of))
        places = {unit: place for place, unit in enumerate(units)}
        return Folded(
            units,
            {(_place(a, places), places[b]): context for (a, b), context in flows.items()},
            tuple(
                tuple(dict.fromkeys(_place(_unit(source, of), places) for source in sources))
                for sources in self._made
            ),
            hidden,
        )

    def _units(self, depth: int) -> dict[str, Unit]:
        containers: dict[Chain, Unit] = {}
        found = {}
        for name, chain in self._chains.items():
            if len(chain) >= depth:
                around = chain[:depth]
                unit = containers.setdefault(around, Unit(around[-1], around[:-1], True, name))
                unit.main = name
            else:
                unit = Unit(name, chain, False, name)
            unit.layers.append(name)
            found[name] = unit
        return found

    def _merge_behind(self, of: dict[str, Unit]) -> None:
        """Merge quiet layers into what they read."""
        for name, layer in self._layers.items():
            unit = of[name]
            sources = {_unit(flow.source, of) for flow in self._into.get(name, ())}
            if unit.container or len(sources) != 1:
                continue
            (source,) = sources
            if (
                isinstance(source, Unit)
                and source.chain == unit.chain
                and self._is_quiet(layer, _BEHIND)
                and (layer.movement or _alike(layer, self.numbers(source)))
            ):
                source.layers.append(name)
                of[name] = source

    def _merge_before(self, of: dict[str, Unit]) -> None:
        """Merge quiet layers into the only one that reads them, where it reads nothing else."""
        results = {source for sources in self._made for source in sources}
        into: dict[Unit, set[Unit | int]] = {}
        out: dict[Unit, set[Unit]] = {}
        for flow in self._flows:
            source, target = _unit(flow.source, of), of[flow.target]
            if source is not target:
                into.setdefault(target, set()).add(source)
                if isinstance(source, Unit):
                    out.setdefault(source, set()).add(target)
        for unit in reversed(list(dict.fromkeys(of.values()))):
            quiet = not unit.container and all(
                self._is_quiet(self._layers[name], _BEFORE) for name in unit.layers
            )
            if not quiet or len(out.get(unit, ())) != 1 or len(into.get(unit, ())) > 1:
                continue
            (target,) = out[unit]
            alone = into[target] == {unit} and not results & set(unit.layers)
            if alone and not target.container and target.chain == unit.chain:
                target.layers[:0] = unit.layers
                into[target] = into.get(unit, set())
                for source in into[target]:
                    if isinstance(source, Unit):
                        out[source] = {target if one is unit else one for one in out[source]}
                of.update(dict.fromkeys(unit.layers, target))

    def _is_quiet(self, layer: Layer, kinds: set[str]) -> bool:
        return (
            layer.operator in kinds
            and self._verdicts.get(layer.name, "not widening") == "not widening"
        )

    def _hide(self, of: dict[str, Unit]) -> tuple[str, ...]:
        """Take out the layers that only pass on what another unit made, and have no box."""
        hidden = []
        for name, sources in self._passed.items():
            unit = of[name]
            if any(other not in self._passed for other in unit.layers):
                continue  # beside others that do something
            found = {_unit(source, of) for source in sources}
            source = found.pop() if len(found) == 1 else None
            del of[name]
            if isinstance(source, Unit) and source.chain == unit.chain and not unit.container:
                source.layers.append(name)
                of[name] = source
            else:
                hidden.append(name)
        return tuple(hidden)

    def _between(self, of: Mapping[str, Unit]) -> dict[tuple[Unit | int, Unit], bool]:
        found: dict[tuple[Unit | int, Unit], bool] = {}
        for flow in self._flows:
            pair = _unit(flow.source, of), of[flow.target]
            if pair[0] is not pair[1]:
                found[pair] = found.get(pair, True) and flow.context
        return found

    def _rows(
        self, of: dict[str, Unit], flows: Mapping[tuple[Unit | int, Unit], bool]
    ) -> dict[tuple[Unit | int, Unit], bool]:
        """Make one unit of alike containers each of which reads nothing but the one before."""
        into: dict[Unit, set[Unit | int]] = {}
        out: dict[Unit, set[Unit]] = {}
        for source, target in flows:
            into.setdefault(target, set()).add(source)
            if isinstance(source, Unit):
                out.setdefault(source, set()).add(target)
        results = {of.get(source) for sources in self._made for source in sources if source in of}
        taken: set[Unit] = set()
        for unit in dict.fromkeys(of.values()):
            if unit in taken or not unit.container:
                continue
            row, form = [unit], None
            while len(out.get(row[-1], ())) == 1 and row[-1] not in results:
                (after,) = out[row[-1]]
                form = form or self._form(unit)
                alike = after.container and after.chain == unit.chain and after not in row
                if not alike or into[after] != {row[-1]} or self._form(after) != form:
                    break
                row.append(after)
            taken.update(row)
            if len(row) >= _ROW:
                unit.repeats = [replace(one) for one in row]
                for one in row[1:]:
                    of.update(dict.fromkeys(one.layers, unit))
        return self._between(of)

    def _form(self, unit: Unit) -> object:
        """What makes containers alike: the same layers at the same shapes, judged alike."""
        path = plain(unit.name)
        places = {name: place for place, name in enumerate(unit.layers)}
        return (
            self._class(unit),
            tuple(
                (
                    plain(name).removeprefix(path),
                    self._layers[name].source,
                    self._layers[name].shape,
                    self.window(name),
                    self._verdicts.get(name),
                    tuple(
                        sorted(places.get(str(one.source), -1) for one in self._into.get(name, ()))
                    ),
                )
                for name in unit.layers
            ),
        )

    def _class(self, unit: Unit) -> str:
        container = self._containers.get(unit.name)
        return container.source if container is not None else ""


def _unit(source: Source, of: Mapping[str, Unit]) -> Unit | int:
    return -1 - source if isinstance(source, int) else of[source]


def _place(one: Unit | int, places: Mapping[Unit, int]) -> int:
    return one if isinstance(one, int) else places[one]


def _alike(one: Layer, other: Layer) -> bool:
    """Whether two layers see the same of every input."""
    mine, theirs = one.fields, other.fields
    return mine.keys() == theirs.keys() and all(
        mine[name].size == theirs[name].size and mine[name].stride == theirs[name].stride
        for name in mine
    )


def frames(chains: Iterable[Chain]) -> Sequence[Chain]:
    """The frames worth drawing around boxes: those that hold more than one thing.

    Args:
        chains: the containers around each box.

    Example:
        >>> frames([(), ("a", "a.0"), ("a", "a.0"), ("b",)])
        [('a', 'a.0')]
    """
    given = list(chains)
    every = dict.fromkeys(chain[:k] for chain in given for k in range(1, len(chain) + 1))
    held: dict[Chain, int] = dict.fromkeys(every, 0)
    for chain in given:
        if chain:
            held[chain] += 1
    kept = set()
    for chain in sorted(every, key=len, reverse=True):
        if held[chain] > 1:
            kept.add(chain)
        if held[chain] and chain[:-1]:
            # One thing is handed to the frame around; several are one frame there.
            held[chain[:-1]] += 1
    return [chain for chain in every if chain in kept]
