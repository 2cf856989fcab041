"""Where a layer is read: at what the next layer receives of it.

The average of a convolution's output over all positions is, but for the borders, a linear map of
the average of its input: a linear probe would learn nothing from it that it couldn't learn one
layer earlier. So a layer is read behind its norm, activation and residual sum: each value is
followed to its reader as long as there is just one, and that one changes elements where they
are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import prod

from fieldscope.analyses.costs import trace_of
from fieldscope.analyses.layers import Layer, Report
from fieldscope.graph.operators import Operator, Permute, Pointwise, Reduce, Reshape

# What norms and activations are lowered to. Whether the positions stay is seen by the shapes.
_IN_PLACE = (Pointwise, Reduce, Reshape, Permute)


@dataclass(frozen=True, slots=True)
class Reading:
    """Where the features of a layer come from.

    Attributes:
        layer: the layer that is probed.
        places: layers whose output holds its features, the last one first; each stands in for
            the one before where a run can't get at that.
        axes: of each of these outputs, the axes that are averaged over.
        apart: whether photos lie on the first axis of each and nothing else does, such as the
            windows of a Swin transformer.
    """

    layer: str
    places: tuple[str, ...]
    axes: tuple[tuple[int, ...], ...]
    apart: bool = True


def readings_of(report: Report, layers: Iterable[str]) -> tuple[Reading, ...]:
    """Follow layers to where they are read.

    Args:
        report: the model's analysis.
        layers: names of layers.

    Example:
        >>> import fieldscope
        >>> from torch import nn
        >>> layers = nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2)
        >>> report = fieldscope.analyze(nn.Sequential(*layers), (1, 1, 8, 8))
        >>> [reading.places for reading in readings_of(report, ["0", "3"])]
        [('2', '1', '0'), ('3',)]
    """
    readers = _Readers(report)
    found = []
    (count, *_) = report.inputs[0].shape
    for name in layers:
        path = [report[name], *readers.behind(report[name])][::-1]
        axes = tuple(layer.spatial for layer in path)
        apart = all(layer.shape[0] == count and 0 not in layer.spatial for layer in path)
        found.append(Reading(name, tuple(layer.name for layer in path), axes, apart))
    return tuple(found)


class _Readers:
    """Which layers read which, and what the layers are made of."""

    def __init__(self, report: Report) -> None:
        trace = trace_of(report)
        owners = trace.owners()
        self._layers = {layer.name: layer for layer in report.layers}
        self._results = {value for _, value in trace.outputs}
        self._made: dict[str, list[Operator]] = defaultdict(list)
        self._by_value: dict[int, dict[str, None]] = defaultdict(dict)
        for value, node in enumerate(trace.graph.nodes):
            self._made[owners[value]].append(node.operator)
            for operand in node.operands:
                if owners[operand] != owners[value]:
                    self._by_value[operand][owners[value]] = None

    def behind(self, layer: Layer) -> Iterator[Layer]:
        """Follow a layer as long as one alone reads it and keeps its positions."""
        while (reader := self._only(layer)) is not None and self._keeps(reader, layer):
            yield reader
            layer = reader

    def _only(self, layer: Layer) -> Layer | None:
        """The one layer that reads another; None where there is none, or more."""
        if layer._value in self._results:
            return None
        names = [*self._by_value[layer._value]]
        if len(names) > 1:
            # A gate on its own operand, x·sigmoid(x), is one activation in two layers.
            names = [name for name in names if not self._feeds(name, names)]
        return self._layers.get(names[0]) if len(names) == 1 else None

    def _feeds(self, name: str, others: list[str]) -> bool:
        reader = self._layers.get(name)
        if reader is None or self._made[name] != [Pointwise()]:
            return False
        behind = [*self._by_value[reader._value]]
        return len(behind) == 1 and behind[0] in others and reader._value not in self._results

    def _keeps(self, reader: Layer, layer: Layer) -> bool:
        """Whether a layer holds the same elements, changed, at the same positions."""
        return (
            all(isinstance(operator, _IN_PLACE) for operator in self._made[reader.name])
            and prod(reader.shape) == prod(layer.shape)
            and _extents(reader) == _extents(layer)
        )


def _extents(layer: Layer) -> tuple[int, ...]:
    return tuple(layer.shape[axis] for axis in layer.spatial)
