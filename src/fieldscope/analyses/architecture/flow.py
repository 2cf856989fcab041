"""What flows between layers: along which operands, and which of them are context."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from fieldscope.analyses.costs import trace_of
from fieldscope.analyses.layers import Report
from fieldscope.graph.operators import Constant, Input

Source: TypeAlias = str | int
"""A layer by its name, or an input by its number."""


@dataclass(frozen=True, slots=True)
class Flow:
    """A value that a layer reads.

    Attributes:
        source: the layer that made it, or the input that it is.
        target: the layer that reads it.
        context: whether all positions of the target read it alike.
    """

    source: Source
    target: str
    context: bool


class Flows:
    """The flows of a report's layers.

    Example:
        >>> import fieldscope
        >>> from torch import nn
        >>> net = nn.Sequential(nn.Conv1d(1, 1, 3), nn.ReLU())
        >>> [(one.source, one.target) for one in Flows(fieldscope.analyze(net, (1, 1, 9))).all()]
        [(0, '0'), ('0', '1')]
    """

    def __init__(self, report: Report) -> None:
        self._trace = trace_of(report)
        interpretation = report._interpretation
        assert interpretation is not None, "a report with a trace has its interpretation"
        self._interpretation = interpretation
        self._layers = {layer.name for layer in report.layers}
        self._owners = self._trace.owners()
        self._sources: dict[int, tuple[Source, ...]] = {}

    def all(self) -> Iterator[Flow]:
        """Every flow between two layers, or from an input, once, in execution order."""
        context = self._context()
        found: dict[tuple[Source, str], bool] = {}
        for layer, values in self._trace.entering().items():
            if layer not in self._layers:
                continue
            for value in values:
                for source in self.sources(value):
                    alike = (layer, value) in context
                    found[source, layer] = found.get((source, layer), True) and alike
        for (source, target), alike in found.items():
            yield Flow(source, target, alike)

    def sources(self, value: int) -> tuple[Source, ...]:
        """The layers that made a value, or the inputs that it is; none for a constant."""
        known = self._sources.get(value)
        if known is None:
            known = self._sources[value] = self._found(value)
        return known

    def _found(self, value: int) -> tuple[Source, ...]:
        # What no layer made is looked through; by a stack, since that may go far.
        found: dict[Source, None] = {}
        seen, ahead = {value}, [value]
        while ahead:
            one = ahead.pop()
            node, owner = self._trace.graph.nodes[one], self._owners[one]
            if isinstance(node.operator, Input):
                found[node.operator.index] = None
            elif owner in self._layers:
                if not isinstance(node.operator, Constant):
                    found[owner] = None
            else:
                ahead += [operand for operand in node.operands if operand not in seen]
                seen.update(node.operands)
        return tuple(found)

    def _context(self) -> set[tuple[str, int]]:
        """The values that layers read as context alone, as (layer, value)."""
        alike: dict[tuple[int, int], set[int]] = {}
        for reader, place, index in self._interpretation.alike:
            alike.setdefault((reader, place), set()).add(index)
        found: set[tuple[str, int]] = set()
        otherwise: set[tuple[str, int]] = set()
        for value, node in enumerate(self._trace.graph.nodes):
            for place, operand in enumerate(node.operands):
                read = (self._owners[value], operand)
                inputs = alike.get((value, place), set())
                whole = bool(inputs) and self._inputs(operand) <= inputs
                (found if whole else otherwise).add(read)
        return found - otherwise

    def _inputs(self, value: int) -> set[int]:
        """The inputs with spatial axes that a value reads, context aside."""
        fields = self._interpretation.fields.get(value)
        if fields is None:
            return set()
        axes = zip(self._interpretation.axes, fields.hulls, strict=True)
        return {axis.input for axis, hull in axes if hull is not None}
