"""Put names and fields together: from a trace and its interpretation to a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fieldscope.analyses.fields import Field
from fieldscope.analyses.layers import Bound, InputInfo, Layer, Report
from fieldscope.graph.operators import Contract, Expand, Opaque, Operator, Permute, Reshape
from fieldscope.graph.trace import Trace, TracedLayer
from fieldscope.interpret import Interpretation


def report_of(trace: Trace, interpretation: Interpretation) -> Report:
    """Put names and fields together."""
    inputs = tuple(InputInfo(one.name, one.shape, one.axes, one.spatial) for one in trace.inputs)
    made = _Layers(trace, interpretation, inputs)
    layers = tuple(made.layer(one) for one in trace.layers)
    outputs = {place: made.layer(made.named(value, place)) for place, value in trace.outputs}
    return Report(
        model=trace.model,
        framework=trace.framework,
        inputs=inputs,
        layers=layers,
        containers=tuple(made.layer(one, container=True) for one in trace.containers),
        outputs=outputs,
        bounds=made.bounds(layers),
        _aliases=tuple(made.layer(one) for one in trace.aliases),
        _interpretation=interpretation,
        _trace=trace,
    )


class _Layers:
    """Makes layers from traced ones."""

    def __init__(
        self, trace: Trace, interpretation: Interpretation, inputs: tuple[InputInfo, ...]
    ) -> None:
        self._trace = trace
        self._fields = interpretation.fields
        self._graph = interpretation.graph
        self._inputs = inputs
        self._known: dict[int, Mapping[str, Field]] = {}
        self._by_value: dict[int, TracedLayer] = {}
        for layer in trace.layers:
            self._by_value.setdefault(layer.value, layer)

    def named(self, value: int, place: str) -> TracedLayer:
        """The layer that made a result."""
        found = self._by_value.get(value)
        return found if found is not None else TracedLayer(place, value, value, "input")

    def layer(self, traced: TracedLayer, *, container: bool = False) -> Layer:
        """One layer."""
        values = self._fields[traced.value]
        operator = None if traced.node is None else self._trace.graph.nodes[traced.node].operator
        kind = type(operator).__name__.lower() if operator is not None else "identity"
        return Layer(
            name=traced.name,
            operator="container" if container else kind,
            source=traced.source,
            shape=self._trace.graph.shape(traced.value),
            container=container,
            movement=not container
            and (operator is None or isinstance(operator, (Reshape, Permute, Expand))),
            context=tuple(dict.fromkeys(self._scope(node) for node, _ in sorted(values.context))),
            bounds=tuple(dict.fromkeys(self._place(node) for node in sorted(values.bounds))),
            _value=traced.value,
            _values=values,
            _inputs=self._inputs,
            _known=self._known,
        )

    def _place(self, node: int) -> str:
        return self._trace.origins[self._trace.graph.nodes[node].origin].layer

    def _scope(self, node: int) -> str:
        origin = self._trace.origins[self._trace.graph.nodes[node].origin]
        return origin.scope or origin.layer

    def bounds(self, layers: Sequence[Layer]) -> tuple[Bound, ...]:
        """The opaque operators and how many layers each concerns."""
        found = []
        for node in self._graph.nodes:
            reason = _reason(node.operator)
            if reason:
                origin = self._trace.origins[node.origin]
                count = sum(origin.layer in layer.bounds for layer in layers)
                bound = Bound(origin.source, origin.layer, origin.location, reason, count)
                if bound not in found:
                    found.append(bound)
        return tuple(found)


def _reason(operator: Operator) -> str:
    """Why an operator's result is a bound; empty where it is exact."""
    if isinstance(operator, Contract):
        return operator.bound
    return operator.reason if isinstance(operator, Opaque) else ""
