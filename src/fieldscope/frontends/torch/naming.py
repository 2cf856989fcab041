"""Names of layers: the module's path, then the operator's name and number.

A leaf module of PyTorch is one layer, named by its path, whatever operators it runs; so is any
module that runs one operator. The operators of other modules are named after the
module that calls them (`block.add_1`), and the module is a container.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

from fieldscope.frontends.torch.recorder import Operation
from fieldscope.frontends.torch.scopes import Scope
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

_CONTAINERS = (
    torch.nn.Module,
    torch.nn.Sequential,
    torch.nn.ModuleList,
    torch.nn.ModuleDict,
)


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
            short = operation.source.partition(".")[2].strip("_")
            counts[short] = counts.get(short, 0) + 1
            base = f"{short}_{counts[short]}"
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
        for child in scope.children:
            self._walk(child)
        if scope.module is not None and scope.results:
            name = self._unique(scope.path)
            value = scope.results[0][1]
            depth = scope.depth - 1
            kind = type(scope.module).__name__
            container = TracedLayer(name, value, None, kind, depth)
            if own or scope.children:
                self.containers.append((scope.order, container))
            else:
                self.aliases.append(container)
            self._further(scope, name, None, kind)

    def _is_layer(self, scope: Scope, own: list[int]) -> bool:
        if scope.children or not own or scope.module is None or not scope.results:
            return False
        if len(own) == 1:
            return scope.results[0][1] == self._operations[own[0]].results[0]
        kinds = type(scope.module).__mro__
        return any(
            kind.__module__.startswith("torch.nn.modules") and kind not in _CONTAINERS
            for kind in kinds
        )

    def _layer(self, scope: Scope, own: list[int]) -> None:
        name = self._unique(scope.path or type(scope.module).__name__.lower())
        nodes = [node for place in own for node in self._operations[place].nodes]
        node = self._main(nodes, scope.results[0][1])
        source = next(
            (self._operations[p].source for p in own if node in self._operations[p].nodes),
            self._operations[own[-1]].source,
        )
        for place in own:
            self._owner[place] = (name, scope.path)
        value = scope.results[0][1]
        self.layers.append((own[-1], TracedLayer(name, value, node, source, scope.depth - 1)))
        self._further(scope, name, node, source)

    def _further(self, scope: Scope, name: str, node: int | None, source: str) -> None:
        """Further results of a module: `path[1]`, `path['aux']`."""
        if len(scope.results) > 1:
            for key, value in scope.results:
                self.aliases.append(
                    TracedLayer(f"{name}{key}", value, node, source, scope.depth - 1)
                )

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
