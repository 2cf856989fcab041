"""Find a layer's output while a model really runs.

A layer that a module returns is found by the module's path. A functional operator has a name
in reports only (`layer1.0.add_1`), so the model is traced on shapes once: whoever counts the
calls of PyTorch's functions in each module meets the same calls in the same order there and
in a real run, and in the trace knows which of them makes the layer's value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from fieldscope.errors import LayerNotFoundError
from fieldscope.frontends import naming
from fieldscope.frontends.inputs import Axes
from fieldscope.frontends.torch.recorder import Recorder
from fieldscope.frontends.torch.scopes import Observer, Scope
from fieldscope.frontends.torch.trace import paths_of, results_in, roots_of, trace
from fieldscope.graph.operators import Expand, Permute, Reshape, Slice
from fieldscope.graph.trace import Trace
from fieldscope.measure.torch.functions import Functions, short_name
from fieldscope.wording import listed, near

OUTPUT = "output"
"""Name of what the model returns."""

_PARTS = re.compile(r"(?P<path>.*?)(?P<part>(\[[^\]]*\])*)", re.DOTALL)
_CALL = re.compile(r"(?P<path>.*?)(#(?P<count>\d+))?", re.DOTALL)
_FUNCTIONAL = re.compile(r".*_\d+(#\d+)?(\[\d+\])?")

# A trace takes recurrent layers whole, before anybody who counts calls.
_UNCOUNTED = frozenset({"lstm", "gru", "rnn_tanh", "rnn_relu"})


@dataclass(frozen=True, slots=True)
class Movement:
    """The same elements under another shape, in another order of axes, or some of them."""

    operator: Reshape | Permute | Slice | Expand
    shape: tuple[int, ...]

    def apply(self, tensor: torch.Tensor) -> torch.Tensor:
        """The tensor, moved."""
        match self.operator:
            case Permute(order=order):
                return tensor.permute(order)
            case Slice(axis=axis, start=start, step=step):
                stop = start + step * (self.shape[axis] - 1) + 1
                return tensor[(slice(None),) * axis + (slice(start, stop, step),)]
            case Expand():
                return tensor.expand(self.shape)
        return tensor.reshape(self.shape)


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a run a layer's output turns up.

    Attributes:
        layer: name of the layer.
        scope: the module call, `block` or `block#2`; "output" for the model's result.
        function: built-in function called by that module; "" for what the module returns.
        count: how many calls of that function by that module come before.
        part: place in a nested result, such as "[1]"; None for the first tensor.
        moved: what is done to that tensor, which holds the layer's elements in another form.
    """

    layer: str
    scope: str
    function: str = ""
    count: int = 0
    part: str | None = None
    moved: tuple[Movement, ...] = ()

    def tensor(self, output: Any) -> torch.Tensor | None:
        """The layer's tensor in what the module or function returned."""
        found = results_in(output)
        for part, tensor in found:
            if self.part in (None, part):
                for movement in self.moved:
                    tensor = movement.apply(tensor)
                return tensor
        return None


class Calls(Functions):
    """Numbers the calls of built-in functions that make tensors, for each module call.

    While it is `paused`, calls are not the model's own and don't count.
    """

    def __init__(self, observer: Observer) -> None:
        super().__init__()
        self.observer = observer
        self.paused = False
        self._counts: dict[tuple[int, str], int] = {}
        self._scopes: list[Scope] = []

    def call(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run the function, and number the call if a tensor comes out."""
        result = function(*args, **kwargs)
        if not self.paused and isinstance(result, (torch.Tensor, tuple, list)):
            name = short_name(function)
            made = results_in(result)
            if made and name not in _UNCOUNTED:
                scope = self.observer.current
                key = id(scope), name
                if key not in self._counts:
                    self._scopes.append(scope)  # keeps its identity its own
                count = self._counts[key] = self._counts.get(key, -1) + 1
                self.made(scope, name, count, made)
        return result

    def made(
        self, scope: Scope, name: str, count: int, results: list[tuple[str, torch.Tensor]]
    ) -> None:
        """A function returned tensors."""


class _Traced(Calls):
    """Notes in a trace on shapes which call makes which value of the graph."""

    def __init__(self, recorder: Recorder, observer: Observer) -> None:
        super().__init__(observer)
        self._recorder = recorder
        self.places: dict[int, Place] = {}
        self.ends: list[tuple[int, int]] = []

    def made(
        self, scope: Scope, name: str, count: int, results: list[tuple[str, torch.Tensor]]
    ) -> None:
        """Note the place of each value that is new."""
        for part, tensor in results:
            value = self._recorder.value(tensor)
            if value is not None and value not in self.places:
                self.places[value] = Place("", scope.path, name, count, part)
                self.ends.append((len(self._recorder.operations), value))


@dataclass(frozen=True, slots=True)
class Places:
    """Where every layer of a traced model turns up in a real run.

    Attributes:
        trace: the model's graph with the names of its layers.
    """

    trace: Trace
    _by_value: Mapping[int, Place]
    _ends: tuple[tuple[int, int], ...]
    _readers: Mapping[int, Sequence[int]]

    @property
    def names(self) -> tuple[str, ...]:
        """All names of layers."""
        found = [one.name for one in self._named]
        return tuple(dict.fromkeys([*found, *(name for name, _ in self.trace.outputs)]))

    @property
    def _named(self) -> tuple[Any, ...]:
        return (*self.trace.layers, *self.trace.containers, *self.trace.aliases)

    def value(self, layer: str) -> int:
        """The graph value of a layer.

        Raises:
            LayerNotFoundError: there is no such layer.
        """
        for name, value in (*((one.name, one.value) for one in self._named), *self.trace.outputs):
            if name == layer:
                return int(value)
        raise unknown(self.trace.model, layer, self.names)

    def shape(self, layer: str) -> tuple[int, ...]:
        """The shape that the trace gives a layer."""
        return self.trace.graph.shape(self.value(layer))

    def find(self, layer: str) -> Place:
        """The place of a layer.

        Raises:
            LayerNotFoundError: there is no such layer, or it is made inside of a function,
                where nobody can get at it.
        """
        value = self.value(layer)
        found = self._known(value)
        if found is None:
            found = self._ahead(value, depth=4) or self._behind(value, depth=4)
        if found is None:
            raise LayerNotFoundError(self._inside(layer, value))
        return replace(found, layer=layer)

    def _known(self, value: int) -> Place | None:
        found = self._by_value.get(value)
        if found is None:
            for name, output in self.trace.outputs:
                if output == value:
                    return Place("", OUTPUT, part=name.removeprefix(OUTPUT))
        return found

    def _ahead(self, value: int, depth: int) -> Place | None:
        """The place of a value that only moves elements of one whose place is known."""
        node = self.trace.graph.nodes[value]
        if depth == 0 or not isinstance(node.operator, (Reshape, Permute, Slice, Expand)):
            return None
        source = node.operands[0]
        found = self._known(source) or self._ahead(source, depth - 1)
        movement = Movement(node.operator, node.shape)
        return found and replace(found, moved=(*found.moved, movement))

    def _behind(self, value: int, depth: int) -> Place | None:
        """The place of a value whose elements are all there, moved, in one whose place is known."""
        if depth == 0:
            return None
        shape = self.trace.graph.shape(value)
        for reader in self._readers.get(value, ()):
            operator = self.trace.graph.nodes[reader].operator
            back: Reshape | Permute = Reshape()
            if isinstance(operator, Permute):
                order = sorted(range(len(shape)), key=operator.order.__getitem__)
                back = Permute(tuple(order))
            elif not isinstance(operator, Reshape):
                continue
            found = self._known(reader) or self._behind(reader, depth - 1)
            if found is not None:
                return replace(found, moved=(*found.moved, Movement(back, shape)))
        return None

    def _inside(self, layer: str, value: int) -> str:
        node = self.trace.graph.nodes[value]
        behind = next((v for end, v in self._ends if end > node.origin), None)
        name = next((one.name for one in self._named if one.value == behind), None)
        nearest = f"; the nearest layer behind it is {name!r}" if name else ""
        return (
            f"layer {layer!r} of {self.trace.model} can't be taken out of a real run: "
            f"{self.trace.origins[node.origin].source} is one of several operators inside of one "
            f"function of PyTorch's{nearest}"
        )


def places_of(
    model: Callable[..., Any], inputs: Any, *, axes: Axes = None, example: Any = None
) -> Places:
    """Trace a model on shapes and note where its layers turn up.

    Args:
        model: module or callable on tensors.
        inputs: as for `fieldscope.analyze`.
        axes: spatial axes of the inputs; see `fieldscope.analyze`.
        example: real inputs to run instead.
    """
    watches: list[_Traced] = []

    def follow(recorder: Recorder, observer: Observer) -> _Traced:
        watches.append(_Traced(recorder, observer))
        return watches[0]

    traced = trace(model, inputs, axes=axes, example=example, follow=follow)
    calls = watches[0]
    found: dict[int, Place] = {}

    def walk(scope: naming.Scope) -> None:
        for child in scope.children:
            walk(child)
        for part, value in scope.results:
            found.setdefault(value, Place("", scope.path, part=part))

    walk(calls.observer.root)
    # A module's output needs no counting of functions, so it comes first.
    return Places(traced, {**calls.places, **found}, tuple(calls.ends), _readers(traced))


def _readers(traced: Trace) -> dict[int, list[int]]:
    readers: dict[int, list[int]] = {}
    for value, node in enumerate(traced.graph.nodes):
        for operand in node.operands:
            readers.setdefault(operand, []).append(value)
    return readers


def module_place(model: Callable[..., Any], layer: str | None) -> Place | None:
    """The place of a layer that a module returns, or of the output; None if it is no module.

    Args:
        model: module or callable on tensors.
        layer: `block.conv`, `block.conv#2`, `block.lstm[1]`, "output", `output['aux']`, None.
    """
    if layer is None:
        return Place(OUTPUT, OUTPUT)
    split = _PARTS.fullmatch(layer)
    assert split is not None  # every text has the form
    path, part = split["path"], split["part"] or None
    paths = set(paths_of(roots_of(model)).values())
    call = _CALL.fullmatch(path)
    assert call is not None  # nor does this exclude any
    if call["path"] in paths and call["path"]:
        scope = call["path"] if call["count"] in (None, "1") else path
        return Place(layer, scope, part=part)
    return Place(layer, OUTPUT, part=part) if path == OUTPUT else None


def may_be_functional(layer: str) -> bool:
    """Whether a name has the form of a functional operator's, `block.add_1`.

    >>> may_be_functional("layer1.0.add_1"), may_be_functional("layer1.0.conv1")
    (True, False)
    """
    return _FUNCTIONAL.fullmatch(layer) is not None


def unknown(model: str, layer: str, names: Iterable[str]) -> LayerNotFoundError:
    """The error for a name that no layer has."""
    similar = near(layer, names)
    hint = (
        f"did you mean {listed([repr(name) for name in similar], last='or')}?"
        if similar
        else "fieldscope.analyze(model, shape).layers lists them all"
    )
    return LayerNotFoundError(f"{model} has no layer {layer!r}\n{hint}")
