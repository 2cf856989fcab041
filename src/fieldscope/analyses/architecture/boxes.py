"""Make the drawing of a network from its report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fieldscope.analyses.architecture.architecture import (
    WORST,
    ArchitectureGraph,
    Box,
    Cluster,
    Edge,
)
from fieldscope.analyses.architecture.folding import Folded, Folding, Unit, frames
from fieldscope.analyses.costs import Cost, costs_of
from fieldscope.analyses.fields import Field
from fieldscope.analyses.inputs import Extents, Wanted
from fieldscope.analyses.layers import Layer, Report
from fieldscope.analyses.nesting import Chain
from fieldscope.analyses.productivity import productivity_of
from fieldscope.analyses.verdicts import Verdict
from fieldscope.errors import InputError

# About what a page shows; of the depths that show no more, the deepest is drawn.
MOST_BOXES = 40


def architecture_of(
    report: Report, input: Wanted = None, *, depth: int | None = None, all: bool = False
) -> ArchitectureGraph:
    """Make the drawing of a network; see `fieldscope.architecture`."""
    if depth is not None and depth < 1:
        raise InputError(f"depth must be 1 or more, got {depth}")
    verdicts, extents = _verdicts(report, input)
    folding = Folding(report, verdicts)
    if depth is None:
        depth, folded = _shown_whole(folding, all=all)
    else:
        folded = folding.folded(min(depth, folding.deepest), all=all)
    return _Drawing(report, folding, folded, verdicts, extents).made(
        None if depth >= folding.deepest else depth
    )


def _shown_whole(folding: Folding, *, all: bool) -> tuple[int, Folded]:
    """The deepest folding of which a page shows all boxes, else the shallowest."""
    for depth in range(folding.deepest, 1, -1):
        folded = folding.folded(depth, all=all)
        if len(folded.units) <= MOST_BOXES:
            return depth, folded
    return 1, folding.folded(1, all=all)


def _verdicts(report: Report, input: Wanted) -> tuple[dict[str, Verdict], dict[str, Extents]]:
    """The worst verdict of each layer over the inputs, and the extents that they are for."""
    spatial = [info.name for info in report.inputs if info.spatial]
    wanted: Sequence[Wanted] = [input] if input is not None else spatial
    verdicts: dict[str, Verdict] = {}
    extents: dict[str, Extents] = {}
    for one in wanted:
        found = productivity_of(report, one)
        extents[found.input] = found.extents
        for layer in found.layers:
            known = verdicts.get(layer.layer, layer.verdict)
            verdicts[layer.layer] = min(known, layer.verdict, key=WORST.index)
    return verdicts, extents


class _Drawing:
    """Turns units into boxes, frames and edges."""

    def __init__(
        self,
        report: Report,
        folding: Folding,
        folded: Folded,
        verdicts: Mapping[str, Verdict],
        extents: Mapping[str, Extents],
    ) -> None:
        self._report = report
        self._folding = folding
        self._folded = folded
        self._verdicts = verdicts
        self._extents = extents
        self._costs = costs_of(report)
        self._layers = {layer.name: layer for layer in report.layers}
        self._sources = {layer.name: layer.source for layer in report.containers}
        kept = frames(unit.chain for unit in folded.units)
        self._clusters = {chain: f"c{place}" for place, chain in enumerate(kept)}

    def made(self, depth: int | None) -> ArchitectureGraph:
        inputs = len(self._report.inputs)
        units = len(self._folded.units)
        boxes = [self._input(place) for place in range(inputs)]
        boxes += [self._box(unit, inputs + place) for place, unit in enumerate(self._folded.units)]
        boxes += [
            self._output(name, layer, inputs + units + place)
            for place, (name, layer) in enumerate(self._report.outputs.items())
        ]
        edges = [
            Edge(self._id(source), self._id(target), context)
            for (source, target), context in sorted(
                self._folded.flows.items(), key=lambda item: (self._at(item[0][0]), item[0][1])
            )
        ]
        edges += [
            Edge(self._id(source), f"n{inputs + units + place}")
            for place, sources in enumerate(self._folded.made)
            for source in sources
        ]
        return ArchitectureGraph(
            model=self._report.model,
            inputs=self._report.inputs,
            extents=dict(self._extents),
            depth=depth,
            boxes=tuple(boxes),
            clusters=tuple(
                Cluster(name, chain[-1], self._sources.get(chain[-1], ""), self._frame(chain[:-1]))
                for chain, name in self._clusters.items()
            ),
            edges=tuple(edges),
            hidden=self._folded.hidden,
        )

    def _at(self, place: int) -> int:
        """The place among the boxes of a unit, or of an input (−1 − its number)."""
        return -1 - place if place < 0 else place + len(self._report.inputs)

    def _id(self, place: int) -> str:
        return f"n{self._at(place)}"

    def _frame(self, chain: Chain) -> str | None:
        """The innermost frame around what stands in some containers."""
        around = (chain[:k] for k in range(len(chain), 0, -1))
        return next((self._clusters[one] for one in around if one in self._clusters), None)

    def _input(self, place: int) -> Box:
        info = self._report.inputs[place]
        return Box(f"n{place}", "input", info.name, None, "input", "", info.shape, {})

    def _output(self, name: str, layer: Layer, place: int) -> Box:
        return Box(
            f"n{place}",
            "output",
            name,
            None,
            "output",
            "",
            layer.shape,
            dict(layer.fields),
            exact=layer.exact,
        )

    def _box(self, unit: Unit, place: int) -> Box:
        shown = self._folding.numbers(unit.repeats[-1] if unit.repeats else unit)
        layers = unit.every
        verdicts: dict[Verdict, int] = {}
        for name in layers:
            if name in self._verdicts:
                verdict = self._verdicts[name]
                verdicts[verdict] = verdicts.get(verdict, 0) + 1
        costs = [self._costs.get(name, Cost(0, 0)) for name in layers]
        beside = (self._layers[name] for name in layers if name != unit.main)
        return Box(
            id=f"n{place}",
            kind="container" if unit.container else "layer",
            name=unit.name,
            cluster=self._frame(unit.chain),
            operator="container" if unit.container else shown.operator,
            source=self._sources.get(unit.name, "") if unit.container else shown.source,
            shape=shown.shape,
            fields=dict(shown.fields),
            exact=shown.exact,
            window=() if unit.container else self._folding.window(unit.main),
            verdict=min(verdicts, key=WORST.index, default=None),
            verdicts=verdicts,
            layers=tuple(layers),
            merged=()
            if unit.container
            else tuple(one.source for one in beside if one.operator != "identity"),
            repeats=tuple(one.name for one in unit.repeats),
            first=self._first(unit),
            macs=sum(cost.macs for cost in costs),
            parameters=sum(cost.parameters for cost in costs),
        )

    def _first(self, unit: Unit) -> Mapping[str, Field] | None:
        return dict(self._folding.numbers(unit.repeats[0]).fields) if unit.repeats else None
