"""Run the calls of an exported program on shapes, under the recorder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, TypeAlias

import torch

from fieldscope.errors import FieldscopeError, ModelError, TraceError
from fieldscope.frontends.torch import scopes
from fieldscope.frontends.torch.exported import targets
from fieldscope.frontends.torch.exported.form import Graph, Meta, Node, Ref
from fieldscope.frontends.torch.exported.modules import Modules
from fieldscope.frontends.torch.exported.recorder import ReplayRecorder
from fieldscope.frontends.torch.exported.sizes import extents
from fieldscope.frontends.torch.lowering.call import Call, tensors_in
from fieldscope.frontends.torch.recurrence import RECURRENT, recurrent_call
from fieldscope.frontends.torch.shaped import shaped

QUANTISED = frozenset({"quantized_decomposed"})
"""Namespaces of operators that round, and so read position for position."""

GETITEM = "_operator.getitem"

DEEPEST = 64


class Bound(NamedTuple):
    """What a name stands for, and the number by which readers of it are known."""

    value: Any
    key: int


Names: TypeAlias = dict[str, Any]
"""What names of a graph stand for: a `Bound`, or a list of them where there are several."""


class Replay:
    """One run of a program."""

    def __init__(self, recorder: ReplayRecorder, symbols: Mapping[str, int]) -> None:
        self.recorder = recorder
        self.modules = Modules()
        self.scope: scopes.Scope = self.modules.root
        self._symbols = symbols
        self._observer = scopes.Observer({}, lambda _: [], lambda: 0)
        self._observer.root = self.modules.root
        recorder.observer = self._observer
        self._keys = 0
        self._calls = 0
        self._depth = 0

    def bound(self, value: Any) -> Bound:
        """A value under a new key."""
        self._keys += 1
        return Bound(value, self._keys)

    def run(self, graph: Graph, arguments: Iterable[Bound]) -> list[Bound]:
        """The results of a graph on arguments.

        Raises:
            ModelError: a call fails, or names what isn't known.
        """
        given = list(arguments)
        if len(given) != len(graph.inputs):
            raise ModelError(
                f"a graph of the program takes {len(graph.inputs)} inputs and gets {len(given)}\n"
                "save the program again by torch.export.save(program, path)"
            )
        if self._depth >= DEEPEST:
            raise ModelError(
                f"graphs of the program are nested deeper than {DEEPEST}\n"
                "save the program again by torch.export.save(program, path)"
            )
        self._depth += 1
        names: Names = dict(zip(graph.inputs, given, strict=True))
        for node in graph.nodes:
            self._node(graph, node, names)
        self._depth -= 1
        results = graph.results if isinstance(graph.results, list) else [graph.results]
        return [one for result in results for one in self._result(result, names)]

    def _result(self, one: Any, names: Names) -> list[Bound]:
        if isinstance(one, Ref):
            one = self.found(one, names)
        if isinstance(one, list):
            return [part for inner in one for part in self._result(inner, names)]
        return [one if isinstance(one, Bound) else self.bound(one)]

    def found(self, ref: Ref, names: Names) -> Any:
        """What a name stands for.

        Raises:
            ModelError: it isn't made yet.
        """
        found = names.get(ref.name)
        if found is None:
            raise ModelError(
                f"the program uses {ref.name[:60]!r} before it is made\n"
                "save the program again by torch.export.save(program, path)"
            )
        return found

    def _resolved(self, one: Any, names: Names, keys: set[int]) -> Any:
        if isinstance(one, Ref):
            return self._resolved(self.found(one, names), names, keys)
        if isinstance(one, Bound):
            keys.add(one.key)
            return one.value
        if isinstance(one, list):
            return [self._resolved(part, names, keys) for part in one]
        if isinstance(one, dict):
            return {key: self._resolved(part, names, keys) for key, part in one.items()}
        if isinstance(one, slice):
            parts = (one.start, one.stop, one.step)
            return slice(*(self._resolved(part, names, keys) for part in parts))
        return one

    def _node(self, graph: Graph, node: Node, names: Names) -> None:
        if node.modules:
            self.scope = self.modules.at(node.modules)
        scope = self.scope
        self.enter(scope)
        self.recorder.place = node.location
        try:
            higher = targets.higher_order(node.target)
            if higher is not None:
                from fieldscope.frontends.torch.exported.control import controlled

                bounds = controlled(self, graph, node, higher, names)
                self._bind(node.results, bounds, names)
                return
            if node.target == GETITEM and len(node.args) == 2 and isinstance(node.args[0], Ref):
                whole = self.found(node.args[0], names)
                if isinstance(whole, list):
                    self._bind(node.results, whole[node.args[1]], names)
                    return
            keys: set[int] = set()
            args = tuple(self._resolved(one, names, keys) for one in node.args)
            kwargs = {key: self._resolved(one, names, keys) for key, one in node.kwargs.items()}
            self.modules.read(scope, keys)
            value = self._called(graph, node, args, kwargs)
            self._bind(node.results, self.noted(value), names)
        except FieldscopeError:
            raise
        except Exception as error:
            raise self.failed(node, error) from error

    def enter(self, scope: scopes.Scope) -> None:
        """Let what is called next be called in a scope."""
        self.scope = self._observer.current = scope

    def like(self, tensor: torch.Tensor) -> torch.Tensor:
        """A tensor without elements of the shape and type of another."""
        return shaped(torch.empty(tensor.shape, dtype=tensor.dtype, device="meta"))

    def noted(self, value: Any) -> Any:
        """A result, and each part of it, as made by a call in the current scope."""
        self._calls += 1
        return self._noted(value)

    def _noted(self, value: Any) -> Any:
        if isinstance(value, (list, tuple)):
            return [self._noted(part) for part in value]
        bound = self.bound(value)
        if isinstance(value, torch.Tensor):
            held = self.recorder.value(value)
            if held is not None:
                self.modules.made(self.scope, self._calls, bound.key, held)
        return bound

    def failed(self, node: Node, error: Exception) -> ModelError:
        """The error of a call that PyTorch can't run on what it gets."""
        lines = str(error).strip().splitlines() or [type(error).__name__]
        where = f" at {self.scope.path}" if self.scope.path else ""
        return ModelError(
            f"the program's call {node.name[:60] or 'without a name'} of {node.target[:80]}{where} "
            f"fails: {lines[0][:200]}\n"
            "check the extents of the inputs; if it was exported for them, export it again"
        )

    def _bind(self, results: Any, value: Any, names: Names) -> None:
        if isinstance(results, Ref):
            names[results.name] = value  # perhaps of several, taken apart by getitem
            return
        if not isinstance(results, list):
            return
        parts = value if isinstance(value, list) else [value]
        if len(results) == 1 and isinstance(results[0], list):
            results = results[0]
        if len(parts) < len(results):
            raise ModelError(
                f"the program takes {len(results)} results of a call that returns {len(parts)}\n"
                "save the program again by torch.export.save(program, path)"
            )
        for result, part in zip(results, parts, strict=False):
            self._bind(result, part, names)

    def _called(
        self, graph: Graph, node: Node, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        if node.target == GETITEM:
            return args[0][args[1]]
        number = targets.NUMBERS.get(node.target)
        if number is not None:
            return targets.within(number(*args, **kwargs))
        namespace, name, overload = targets.names_in(node.target)
        if name in targets.ASSERTS and namespace == "aten":
            return None
        if name in targets.SIZES and namespace == "aten":
            return targets.SIZES[name](*args, **kwargs)
        if namespace in QUANTISED:
            return self._rounded(graph, node, args)
        function = targets.operator_of(namespace, name, overload)
        if function is None:
            return self.unknown(graph, node, f"{namespace}.{name}", tensors_in([args, kwargs]))
        with self.recorder:
            if namespace == "aten" and name in RECURRENT and overload == "input":
                found = recurrent_call(self.recorder, name, args)
                if found is not None:
                    return found
            return function(*args, **kwargs)

    def _rounded(self, graph: Graph, node: Node, args: tuple[Any, ...]) -> Any:
        """A quantised operator's result: each element of the first operand, rounded."""
        source = node.target.removeprefix("torch.ops.").rpartition(".")[0]
        tensors = tensors_in(args)
        shapes = self.declared(graph, node)
        if not tensors or len(shapes) != 1 or shapes[0].shape != tensors[0].shape:
            return self.unknown(graph, node, source, tensors)
        return self.whole(source, shapes, tensors[:1], lambda call: (call.pointwise(tensors[0]),))[
            0
        ]

    def unknown(self, graph: Graph, node: Node, source: str, tensors: list[torch.Tensor]) -> Any:
        """The results of an operator without a lowering: a bound, of the shapes declared."""
        results = self.declared(graph, node)
        if not results:
            return None
        found = self.whole(
            source, results, tensors, lambda call: call.opaque(tensors, "it has no lowering")
        )
        return found if len(found) > 1 or isinstance(node.results, list) else found[0]

    def whole(
        self,
        source: str,
        results: list[torch.Tensor],
        operands: Iterable[torch.Tensor],
        lower: Callable[[Call], tuple[int, ...]],
    ) -> list[torch.Tensor]:
        """Record one operation; its results are constants if its operands are."""
        if any(self.recorder.value(tensor) is not None for tensor in operands):
            self.recorder.whole(source, tuple(results), lower)
        return results

    def declared(self, graph: Graph, node: Node) -> list[torch.Tensor]:
        """Tensors of the shapes that the program declares for a call's results."""
        found = []
        for name in _names(node.results):
            metas = [graph.metas[name]] if name in graph.metas else []
            if not metas and isinstance(node.results, Ref):
                parts = (f"{name}[{k}]" for k in range(1 << 10))
                for part in parts:
                    if part not in graph.metas:
                        break
                    metas.append(graph.metas[part])
            found += [self.made(meta, node) for meta in metas]
        return found

    def made(self, meta: Meta, node: Node) -> torch.Tensor:
        """A tensor without elements, as a graph describes it."""
        shape = extents(meta.sizes, self._symbols)
        if shape is None:
            raise TraceError(
                f"cannot trace model: the shape of what {node.target[:80]} returns isn't known\n"
                "it depends on values; export the part of the model in front of it"
            )
        return shaped(torch.empty(shape, dtype=meta.dtype, device="meta"))


def _names(results: Any) -> list[str]:
    if isinstance(results, Ref):
        return [results.name]
    if isinstance(results, list):
        return [name for part in results for name in _names(part)]
    return []
