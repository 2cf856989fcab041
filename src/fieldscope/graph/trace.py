"""What a front end hands over: a graph, and the names that users know its values by."""

from __future__ import annotations

from dataclasses import dataclass

from fieldscope.graph.graph import Graph, Shape


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
    nothing, second results. `origins` are indexed by `Node.origin`.
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

    def values(self) -> dict[str, int]:
        """The value of every name: of outputs, layers, containers and aliases."""
        named = ((one.name, one.value) for one in (*self.aliases, *self.containers, *self.layers))
        return {**dict(self.outputs), **dict(named)}
