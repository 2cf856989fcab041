"""Which layers can still add context at an input's extent, and which are dead weight.

With n the input's extent, a layer that widens the narrowest field is *unproductive* where what
it receives is n or more already, on every axis that it widens: whatever it adds lies in the
padding. It is *critical* where its own narrowest field exceeds n on every axis, *partly
critical* where it does on some. Narrowest fields are those of the shortest paths, since what a
skip connection hands on is all that a layer can still widen.

Sources: Richter, Byttner, Krumnack, Wiedenroth, Schallner, Shenk, "(Input) Size Matters for CNN
Classifiers", ICANN 2021; Richter, Schöning, Wiedenroth, Krumnack, "Should You Go Deeper?
Optimizing Convolutional Neural Network Architectures without Training", ICMLA 2021, arXiv
2106.12307.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from fieldscope.analyses.costs import are_counted, trace_of
from fieldscope.analyses.export import plain
from fieldscope.analyses.inputs import Extents, Wanted, wanted_of
from fieldscope.analyses.layers import Report
from fieldscope.analyses.outline.outline import outline_of
from fieldscope.analyses.steps import Sizes, Step, steps_of
from fieldscope.analyses.verdicts import VERDICTS, Verdict, verdict_on
from fieldscope.errors import EditError
from fieldscope.graph.graph import Graph
from fieldscope.graph.operators import Pad, Window
from fieldscope.media import Result
from fieldscope.version import __version__


@dataclass(frozen=True, slots=True)
class LayerProductivity:
    """What one layer can add, and what it costs.

    Attributes:
        layer: name of the layer.
        operator: canonical operator.
        source: the framework's operator.
        shape: shape of the output, with batch, at the analysed input.
        verdict: whether it can add context.
        widens: per axis, whether it widens the narrowest field.
        received: narrowest field that enters it, per axis.
        narrowest: its own narrowest field, per axis.
        size: its field, per axis.
        context: where dependence on the whole input enters that all positions share.
        exact: whether the fields are exact; a verdict on bounds would be a guess, so such a
            layer counts as productive.
        macs: multiply-accumulates.
        parameters: learnable parameters.
    """

    layer: str
    operator: str
    source: str
    shape: tuple[int, ...]
    verdict: Verdict
    widens: tuple[bool, ...]
    received: Sizes
    narrowest: Sizes
    size: Sizes
    context: tuple[str, ...]
    exact: bool
    macs: int
    parameters: int


@dataclass(frozen=True, repr=False)
class Productivity(Result):
    """Every layer's verdict at an input's extents.

    Attributes:
        model: name of the model.
        input: name of the input.
        shape: shape of the input that was analysed.
        axes: names of the input's spatial axes.
        spatial: places of those axes in the shape.
        extents: extents that the verdicts are for, per axis.
        costed: extents that the costs are for: those, or where they can't be told for them (layers
            of fixed shape, padding that follows the extents), the analysed ones.
        layers: one per layer that reads the input, in execution order.
        counted: whether all parameters are known; else those of kernels and matrices are.

    Example:
        >>> import fieldscope
        >>> from torch import nn
        >>> net = nn.Sequential(*(nn.Conv2d(1, 1, 3, padding=1) for _ in range(6)))
        >>> found = fieldscope.productivity(net, (1, 1, 8, 8))
        >>> [layer.verdict for layer in found.layers]
        ['productive', 'productive', 'productive', 'critical', 'unproductive', 'unproductive']
        >>> [layer.layer for layer in found.unproductive], found.share_of("unproductive")
        (['4', '5'], 0.3333333333333333)
    """

    model: str
    input: str
    shape: tuple[int, ...]
    axes: tuple[str, ...]
    spatial: tuple[int, ...]
    extents: Extents
    costed: Extents
    layers: tuple[LayerProductivity, ...]
    counted: bool = True

    @property
    def by_name(self) -> Mapping[str, LayerProductivity]:
        """The layers by name."""
        return {layer.layer: layer for layer in self.layers}

    def judged(self, verdict: Verdict) -> tuple[LayerProductivity, ...]:
        """The layers of one verdict."""
        return tuple(layer for layer in self.layers if layer.verdict == verdict)

    @property
    def unproductive(self) -> tuple[LayerProductivity, ...]:
        """The layers that can add no context."""
        return self.judged("unproductive")

    @property
    def widening(self) -> tuple[LayerProductivity, ...]:
        """The layers that widen the field, productive or not."""
        return tuple(layer for layer in self.layers if layer.verdict != "not widening")

    @property
    def macs(self) -> int:
        """Multiply-accumulates of all layers, at the extents that costs are for."""
        return sum(layer.macs for layer in self.layers)

    @property
    def parameters(self) -> int:
        """Learnable parameters of all layers."""
        return sum(layer.parameters for layer in self.layers)

    def share_of(
        self, verdict: Verdict, of: Literal["macs", "parameters", "layers"] = "macs"
    ) -> float:
        """The share of the compute, the parameters or the widening layers with a verdict.

        0 where there are none at all.
        """
        if of == "layers":
            part, whole = len(self.judged(verdict)), len(self.widening)
        else:
            part = sum(getattr(layer, of) for layer in self.judged(verdict))
            whole = getattr(self, of)
        return part / whole if whole else 0.0

    def to_dict(self) -> dict[str, Any]:
        """The verdicts as plain data, schema `fieldscope.productivity/1`.

        An infinite size is the text "all".
        """
        return {
            "schema": "fieldscope.productivity/1",
            "version": __version__,
            "model": self.model,
            "input": {
                "name": self.input,
                "shape": list(self.shape),
                "axes": list(self.axes),
                "extents": list(self.extents),
            },
            "costs_at": list(self.costed),
            "parameters_counted": self.counted,
            "summary": {
                verdict: {
                    "layers": len(self.judged(verdict)),
                    "macs": sum(layer.macs for layer in self.judged(verdict)),
                    "parameters": sum(layer.parameters for layer in self.judged(verdict)),
                    "share_of_macs": self.share_of(verdict),
                    "share_of_parameters": self.share_of(verdict, "parameters"),
                }
                for verdict in VERDICTS
            },
            "layers": [
                {
                    "name": layer.layer,
                    "operator": layer.operator,
                    "source": layer.source,
                    "shape": list(layer.shape),
                    "verdict": layer.verdict,
                    "widens": list(layer.widens),
                    "received": plain(layer.received),
                    "narrowest": plain(layer.narrowest),
                    "size": plain(layer.size),
                    "context": list(layer.context) or None,
                    "exact": layer.exact,
                    "macs": layer.macs,
                    "parameters": layer.parameters,
                }
                for layer in self.layers
            ],
        }


def productivity_of(report: Report, input: Wanted = None) -> Productivity:
    """Judge every layer; see `fieldscope.productivity`."""
    info, extents = wanted_of(report, input)
    analysed = tuple(info.shape[axis] for axis in info.spatial)
    costs = None if extents == analysed else _foreseen_costs(report, info.name, extents)
    return Productivity(
        model=report.model,
        input=info.name,
        shape=info.shape,
        axes=info.axes,
        spatial=info.spatial,
        extents=extents,
        costed=analysed if costs is None else extents,
        layers=tuple(_judged(steps_of(report, info.name), extents, costs or {})),
        counted=are_counted(report),
    )


def _foreseen_costs(report: Report, input: str, extents: Extents) -> dict[str, int] | None:
    """Multiply-accumulates at other extents; None where they can't be told.

    Layers of fixed shape may allow no others. Padding that a framework works out from the
    extents ("SAME" in front of a stride) is a number like any other in a graph: it is PyTorch's
    own windows that never have it.
    """
    if report.framework != "torch" or _pads_before_strides(trace_of(report).graph):
        return None
    try:
        outlook = outline_of(report, input).with_edits(extents=extents)
    except EditError:
        return None
    return {layer.name: layer.macs for layer in outlook.layers}


def _pads_before_strides(graph: Graph) -> bool:
    """Whether any window with a stride slides over what an operator of its own has padded."""
    return any(
        isinstance(node.operator, Window)
        and any(window.stride > 1 for window in node.operator.windows)
        and isinstance(graph.nodes[node.operands[0]].operator, Pad)
        for node in graph.nodes
    )


def _judged(
    steps: Sequence[Step], extents: Extents, costs: Mapping[str, int]
) -> Iterator[LayerProductivity]:
    for step in steps:
        layer = step.layer
        yield LayerProductivity(
            layer=layer.name,
            operator=layer.operator,
            source=layer.source,
            shape=layer.shape,
            verdict=verdict_on(step.received, step.narrowest, step.widens, extents)
            if layer.exact or not any(step.widens)
            else "productive",
            widens=step.widens,
            received=step.received,
            narrowest=step.narrowest,
            size=step.size,
            context=layer.context,
            exact=layer.exact,
            macs=costs.get(layer.name, step.cost.macs),
            parameters=step.cost.parameters,
        )
