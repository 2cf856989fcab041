"""What a builder has recorded: calls, the graph that they make, names, blocks."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

from fieldscope.errors import InputError, ModelError
from fieldscope.frontends.builder.values import Call, Shape, Value
from fieldscope.frontends.extents import check_grown
from fieldscope.frontends.inputs import Axes, Spec, spatial_axes
from fieldscope.graph.graph import GraphBuilder
from fieldscope.graph.operators import Operator
from fieldscope.graph.trace import Origin, Trace, TracedInput, TracedLayer
from fieldscope.wording import listed

BLOCK, END = "block", "end"


class Layer:
    """One layer while it is being made: nodes are added, then it is finished.

    Attributes:
        where: what messages call it.
    """

    def __init__(self, recording: Recording, call: Call, operands: tuple[Value, ...]) -> None:
        self._recording = recording
        self._call = call
        self._operands = operands
        self.where = f"layer {recording.path(call.name)!r}"

    def add(self, operator: Operator, operands: Sequence[int], shape: Sequence[int]) -> int:
        """Add a node."""
        recording = self._recording
        graph, shape = recording.graph, tuple(shape)
        given = [graph.shape(operand) for operand in operands]
        check_grown(self.where, shape, given, recording.longest)
        graph.origin = len(recording.origins)
        return graph.add(operator, tuple(operands), shape)

    def finish(self, value: int, *, node: int | None = None, parameters: int = 0) -> Value:
        """Record the layer with its value, the node that characterises it and its parameters."""
        return self._recording.finish(
            self._call, value, node=value if node is None else node, parameters=parameters
        )


class Recording:
    """The calls of one builder and what came of them."""

    def __init__(self, owner: Any) -> None:
        self._owner = owner
        self.graph = GraphBuilder()
        self.calls: list[Call] = []
        self.origins: list[Origin] = []
        self.inputs: dict[str, tuple[int, tuple[str, ...] | None]] = {}
        self.outputs: dict[str, int] = {}
        self.layers: list[TracedLayer] = []
        self.containers: list[TracedLayer] = []
        self.parameters: dict[str, int] = {}
        self.values: dict[int, Value] = {}
        self.longest = 0
        self._blocks: list[str] = []
        self._taken: set[str] = set()
        self._counts: dict[tuple[str, str], int] = {}

    def path(self, name: str) -> str:
        """The whole name of a layer or block here."""
        return ".".join((*self._blocks, name))

    def named(self, kind: str, name: str | None) -> str:
        """The own name of a layer: as given, else its kind and number among its neighbours.

        Raises:
            ModelError: the name is taken, or none.
        """
        if name is None:
            here = ".".join(self._blocks)
            while True:
                count = self._counts[here, kind] = self._counts.get((here, kind), 0) + 1
                name = f"{kind}_{count}"
                if self.path(name) not in self._taken:
                    break
        if not isinstance(name, str) or not name or not name.isprintable():
            raise ModelError(f"{name!r} is no name of a layer\ngive a text, or leave name= out")
        if self.path(name) in self._taken:
            raise ModelError(
                f"there is a layer {self.path(name)!r} already\n"
                "give another name, or put the layer into a block"
            )
        return name

    def begin(
        self, kind: str, operands: tuple[Value, ...], options: dict[str, Any], name: str | None
    ) -> Layer:
        """Begin a layer.

        Raises:
            ModelError: an operand is no value of this builder, or the name is taken.
        """
        for operand in operands:
            self.own(operand, kind)
        own = self.named(kind, name)
        return Layer(self, Call(kind, tuple(one._call for one in operands), options, own), operands)

    def own(self, value: Any, kind: str) -> None:
        """Check that a value was made here.

        Raises:
            ModelError: it wasn't.
        """
        if not isinstance(value, Value):
            raise ModelError(
                f"{kind} takes values of this builder, such as b.input(…) returns, and got "
                f"{type(value).__name__}"
            )
        if value._builder is not self._owner:
            raise ModelError(
                f"{kind} got the value of {value.name!r}, which another builder made\n"
                "describe a network with one builder"
            )

    def finish(self, call: Call, value: int, *, node: int, parameters: int) -> Value:
        """Record a layer."""
        name = self.path(call.name)
        self._taken.add(name)
        self.origins.append(Origin(call.kind, name, ".".join(self._blocks), None))
        self.layers.append(TracedLayer(name, value, node, call.kind, len(self._blocks)))
        if parameters:
            self.parameters[name] = parameters
        return self._recorded(call, value, name)

    def _recorded(self, call: Call, value: int, name: str) -> Value:
        made = Value(self.graph.shape(value), name, self._owner, value, len(self.calls))
        self.values[len(self.calls)] = made
        self.calls.append(call)
        return made

    def input(self, shape: Shape, name: str, axes: tuple[str, ...] | None) -> Value:
        """Record an input."""
        self.longest = max(self.longest, *shape)
        options: dict[str, Any] = {"shape": shape, **({} if axes is None else {"axes": axes})}
        value = self.graph.input(shape)
        self.inputs[name] = (value, axes)
        return self._recorded(Call("input", (), options, name), value, name)

    def output(self, value: Value, name: str) -> None:
        """Record an output."""
        self.outputs[name] = value._node
        self.calls.append(Call("output", (value._call,), {}, name))

    @contextlib.contextmanager
    def block(self, name: str) -> Iterator[None]:
        """Name what is made inside after a block, which is a container of the report."""
        own = self.named(BLOCK, name)
        path = self.path(own)
        self._taken.add(path)
        self.calls.append(Call(BLOCK, (), {}, own))
        self._blocks.append(own)
        before = len(self.layers)
        try:
            yield
        finally:
            self._blocks.pop()
            self.calls.append(Call(END, (), {}, own))
        if len(self.layers) > before:
            value = self.layers[-1].value
            self.containers.append(TracedLayer(path, value, None, BLOCK, len(self._blocks)))

    def trace(self, name: str, axes: Axes) -> Trace:
        """What was recorded as a graph with names.

        Raises:
            ModelError: nothing was.
            InputError: no input has spatial axes, or `axes` doesn't fit.
        """
        if not self.inputs or not self.layers:
            missing = "layers" if self.inputs else "inputs"
            raise ModelError(
                f"{name} has no {missing} yet\nbegin with x = b.input((1, 3, 64, 64)), and go on "
                "with x = b.conv(x, 3)"
            )
        if self._blocks:
            raise ModelError(f"block {'.'.join(self._blocks)!r} isn't closed yet\nleave its with:")
        specs = {key: Spec(self.graph.shape(value)) for key, (value, _) in self.inputs.items()}
        spatial = spatial_axes(specs, axes)
        inputs = []
        for key, (value, given) in self.inputs.items():
            places, labels = spatial[key]
            if given is not None and axes is None and len(given) == len(places):
                labels = given
            inputs.append(TracedInput(key, self.graph.shape(value), places, labels))
        outputs = self.outputs or {"output": self.layers[-1].value}
        return Trace(
            model=name,
            framework="fieldscope",
            graph=self.graph.build(),
            inputs=tuple(inputs),
            layers=tuple(self.layers),
            containers=tuple(self.containers),
            aliases=(),
            outputs=tuple(outputs.items()),
            origins=tuple(self.origins),
            parameters=dict(self.parameters),
        )


def checked_shape(name: str, shape: Any) -> Shape:
    """The shape of an input: batch, channels, spatial axes.

    Raises:
        InputError: it is none.

    Example:
        >>> checked_shape("input", [1, 3, 64, 48])
        (1, 3, 64, 48)
    """
    if (
        not isinstance(shape, (list, tuple))
        or len(shape) < 2
        or not all(isinstance(n, int) and not isinstance(n, bool) and n > 0 for n in shape)
    ):
        raise InputError(
            f"the shape of input {name!r} is {shape!r}\n"
            "give batch, channels and the extents of the spatial axes, such as (1, 3, 64, 64)"
        )
    return tuple(shape)


def checked_axes(name: str, shape: Shape, axes: Any) -> tuple[str, ...] | None:
    """The names of an input's spatial axes.

    Raises:
        InputError: they aren't as many different names.
    """
    if axes is None:
        return None
    names = tuple(axes) if isinstance(axes, (list, tuple)) else (axes,)
    if len(set(names)) != len(shape) - 2 or not all(isinstance(n, str) and n for n in names):
        raise InputError(
            f"axes of input {name!r} are {listed([repr(n) for n in names])}\n"
            f"give a name for each of its {len(shape) - 2} spatial axes"
        )
    return names


class Part:
    """A builder's methods for one kind of layer; a builder has all parts."""

    _made: Recording
