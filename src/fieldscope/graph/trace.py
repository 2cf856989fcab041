"""What a front end hands over: a graph, and the names that users know its values by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fieldscope.graph.graph import Graph, Shape
from fieldscope.graph.operators import Constant


@dataclass(frozen=True, slots=True)
class TracedInput:
    """An input: its name, shape, and spatial axes with their names."""

    name: str
    shape: Shape
    spatial: tuple[int, ...]
    axes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TracedLayer:
    """A named value.

    `node` is the canonical node that characterises the layer (its window rather than
    the reshapes around it), None where the layer does nothing; `source` is the foreign
    operator's name. `depth` counts the containers around a layer.
    """

    name: str
    value: int
    node: int | None
    source: str
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Origin:
    """The foreign call behind some nodes: its name, where it was made, in which layer."""

    source: str
    layer: str
    scope: str
    location: str | None


@dataclass(frozen=True, slots=True)
class Trace:
    """A model as a graph with names.

    `layers` are the operators in execution order, `containers` the modules that hold
    others (their value is their output), `aliases` further names: modules that do
    nothing, second results. `origins` are indexed by `Node.origin`. `parameters` is the number
    of learnable parameters of each layer, shared ones with the first that uses them ("" holds
    those of no layer); None where the front end can't tell.
    """

    model: str
    framework: str
    graph: Graph
    inputs: tuple[TracedInput, ...]
    layers: tuple[TracedLayer, ...]
    containers: tuple[TracedLayer, ...]
    aliases: tuple[TracedLayer, ...]
    outputs: tuple[tuple[str, int], ...]
    origins: tuple[Origin, ...]
    parameters: Mapping[str, int] | None = None
    # Which layer made each node, once it was asked for.
    _owners: list[str] = field(default_factory=list, repr=False, compare=False)

    def owners(self) -> Sequence[str]:
        """The name of the layer that made each node; "" for inputs and what no layer made."""
        if not self._owners:
            known = {one.node: one.name for one in self.layers if one.node is not None}
            known.update((one.value, one.name) for one in reversed(self.layers))
            self._owners.extend(
                self.origins[node.origin].layer if node.origin >= 0 else known.get(value, "")
                for value, node in enumerate(self.graph.nodes)
            )
        return self._owners

    def entering(self) -> dict[str, tuple[int, ...]]:
        """The values that each layer reads and didn't make itself, constants aside.

        Example:
            >>> from fieldscope.graph.graph import GraphBuilder
            >>> from fieldscope.graph.operators import Pointwise
            >>> builder = GraphBuilder()
            >>> x = builder.input((1, 3))
            >>> y = builder.add(Pointwise(), (x, x), (1, 3))
            >>> layer = TracedLayer("twice", y, y, "add")
            >>> trace = Trace("net", "", builder.build(), (), (layer,), (), (), (), ())
            >>> trace.entering()
            {'twice': (0,)}
        """
        owners, nodes = self.owners(), self.graph.nodes
        found: dict[str, dict[int, None]] = {}
        for value, node in enumerate(nodes):
            owner = owners[value]
            for operand in node.operands:
                outside = owners[operand] != owner or not nodes[operand].operands
                if owner and outside and not isinstance(nodes[operand].operator, Constant):
                    found.setdefault(owner, {})[operand] = None
        return {name: tuple(values) for name, values in found.items()}

    def values(self) -> dict[str, int]:
        """The value of every name: of outputs, layers, containers and aliases."""
        named = ((one.name, one.value) for one in (*self.aliases, *self.containers, *self.layers))
        return {**dict(self.outputs), **dict(named)}
