"""Names of layers: the path of the module that makes a call, then the operator's name and number.

A module that the framework ships as one layer is one, named by its path, whatever operators
it runs; so is any module that runs one operator. The operators of other modules are named after
the module that calls them (`block.add_1`), and the module is a container.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from fieldscope.graph.graph import GraphBuilder
from fieldscope.graph.operators import (
    Collect,
    Concat,
    Contract,
    Expand,
    Flip,
    Gather,
    Mask,
    Mix,
    Opaque,
    Overwrite,
    Pad,
    Permute,
    Pointwise,
    Reduce,
    Reshape,
    Roll,
    Slice,
    Spread,
    Table,
    Window,
)
from fieldscope.graph.trace import Origin, TracedLayer

SIGNIFICANCE: tuple[type, ...] = (
    Opaque,
    Window,
    Spread,
    Contract,
    Table,
    Collect,
    Mix,
    Reduce,
    Gather,
    Concat,
    Overwrite,
    Pad,
    Slice,
    Roll,
    Flip,
    Mask,
    Pointwise,
    Expand,
    Permute,
    Reshape,
)
"""Which of several nodes characterises a layer: the first kind in this list."""

_ORDER = {kind: place for place, kind in enumerate(SIGNIFICANCE)}


@dataclass(frozen=True, slots=True)
class Operation:
    """One foreign call: its operator's name, the nodes it became, its results.

    `operands` are the values that it reads, where the front end tells them; `name` its own name in
    the program, `aliases` further names that users know it by; `location` where it was made.
    """

    source: str
    nodes: range
    results: tuple[int, ...]
    location: str | None = None
    operands: tuple[int, ...] = ()
    name: str = ""
    aliases: tuple[str, ...] = ()


@dataclass(slots=True)
class Scope:
    """One call of a module: its path, what it called and recorded, and its results.

    `kind` is the module's type, "" for the root; `whole` says that it is one layer whatever
    operators it runs, `call` that it is no module but one call of a function. `results` are its
    values, each with its place ("", "[0]"); `order` is the number of operations when it returned.
    """

    path: str
    kind: str
    parent: Scope | None
    depth: int
    whole: bool = False
    call: bool = False
    children: list[Scope] = field(default_factory=list)
    operations: list[int] = field(default_factory=list)
    results: list[tuple[str, int]] = field(default_factory=list)
    order: int = 0


class Names:
    """The named layers of a recorded run."""

    def __init__(self, builder: GraphBuilder, operations: Sequence[Operation], root: Scope) -> None:
        self._builder = builder
        self._operations = operations
        self._taken: set[str] = set()
        self._owner: dict[int, tuple[str, str]] = {}
        self.layers: list[tuple[int, TracedLayer]] = []
        self.containers: list[tuple[int, TracedLayer]] = []
        self.aliases: list[TracedLayer] = []
        self._walk(root)
        self.layers.sort(key=lambda item: item[0])
        self.containers.sort(key=lambda item: item[0])

    def origins(self) -> Iterator[Origin]:
        """The origin of every operation, in order."""
        for place, operation in enumerate(self._operations):
            layer, scope = self._owner.get(place, ("", ""))
            yield Origin(operation.source, layer, scope, operation.location)

    def _unique(self, name: str) -> str:
        found, count = name, 1
        while found in self._taken:
            count += 1
            found = f"{name}#{count}"
        self._taken.add(found)
        return found

    def _walk(self, scope: Scope) -> None:
        own = [place for place in scope.operations if self._operations[place].results]
        if self._is_layer(scope, own):
            self._layer(scope, own)
            return
        counts: dict[str, int] = {}
        for place in own:
            operation = self._operations[place]
            short = operation.source.rpartition(".")[2].strip("_")
            counts[short] = counts.get(short, 0) + 1
            base = operation.name or f"{short}_{counts[short]}"
            name = self._unique(f"{scope.path}.{base}" if scope.path else base)
            self._owner[place] = (name, scope.path)
            node = self._main(operation.nodes, operation.results[0])
            layer = TracedLayer(name, operation.results[0], node, operation.source, scope.depth)
            self.layers.append((place, layer))
            for k, value in enumerate(operation.results[1:], start=1):
                if value != operation.results[0]:
                    self.aliases.append(
                        TracedLayer(f"{name}[{k}]", value, node, operation.source, scope.depth)
                    )
            self._also(operation, layer)
        for child in scope.children:
            self._walk(child)
        if scope.kind and scope.results:
            name = self._unique(scope.path)
            value = scope.results[0][1]
            depth = scope.depth - 1
            kind = scope.kind
            container = TracedLayer(name, value, None, kind, depth)
            if own or scope.children:
                self.containers.append((scope.order, container))
            else:
                self.aliases.append(container)
            self._further(scope, name, None, kind)

    def _is_layer(self, scope: Scope, own: list[int]) -> bool:
        if scope.children or not own or not scope.kind or not scope.results:
            return False
        if len(own) == 1:
            return scope.results[0][1] == self._operations[own[0]].results[0]
        return scope.whole

    def _layer(self, scope: Scope, own: list[int]) -> None:
        name = self._unique(scope.path or scope.kind.lower())
        nodes = [node for place in own for node in self._operations[place].nodes]
        node = self._main(nodes, scope.results[0][1])
        source = next(
            (self._operations[p].source for p in own if node in self._operations[p].nodes),
            self._operations[own[-1]].source,
        )
        module = scope.parent if scope.call and scope.parent else scope
        for place in own:
            self._owner[place] = (name, module.path)
        value = scope.results[0][1]
        layer = TracedLayer(name, value, node, source, scope.depth - 1)
        self.layers.append((own[-1], layer))
        self._further(scope, name, node, source)
        for place in own:
            operation = self._operations[place]
            result = operation.results[0]
            found = self._main(operation.nodes, result)
            self._also(operation, TracedLayer(name, result, found, operation.source, layer.depth))

    def _further(self, scope: Scope, name: str, node: int | None, source: str) -> None:
        """Further results of a module: `path[1]`, `path['aux']`."""
        if len(scope.results) > 1:
            for key, value in scope.results:
                self.aliases.append(
                    TracedLayer(f"{name}{key}", value, node, source, scope.depth - 1)
                )

    def _also(self, operation: Operation, layer: TracedLayer) -> None:
        """Further names that a call has in its program."""
        for alias in operation.aliases:
            if alias not in self._taken:
                self.aliases.append(replace(layer, name=self._unique(alias)))

    def _main(self, nodes: Sequence[int] | range, value: int) -> int | None:
        shape = self._builder.shape(value)
        found = []
        for node in nodes:
            operator = self._builder.operator(node)
            if type(operator) in _ORDER:
                # The statistics inside of a norm don't characterise it: its result is a map.
                aside = isinstance(operator, Reduce) and self._builder.shape(node) != shape
                found.append((aside, _ORDER[type(operator)], node))
        return min(found)[2] if found else None
