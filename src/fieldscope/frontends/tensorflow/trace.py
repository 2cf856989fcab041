"""From a TensorFlow function, module or file to a graph with names."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tensorflow as tf

from fieldscope.errors import FieldscopeError
from fieldscope.frontends.inputs import Axes, Spec, channels_last
from fieldscope.frontends.lowering.program import Program, Tensor
from fieldscope.frontends.naming import Scope
from fieldscope.frontends.tensorflow.folding import shape_of
from fieldscope.frontends.tensorflow.functions import Functions
from fieldscope.frontends.tensorflow.states import Held, Variable
from fieldscope.frontends.tensorflow.variables import held_shape
from fieldscope.frontends.tensorflow.walk import Walker, explained
from fieldscope.graph.trace import Trace


@dataclass(slots=True)
class Given:
    """A graph that is to be walked.

    Attributes:
        graph: the graph.
        name: name of the model.
        inputs: names, tensors and shapes of the inputs.
        outputs: places and tensors of the outputs.
        functions: the functions that it calls.
        held: tensors that are constants from elsewhere, by identity.
        file: whether it was read from a file, which may be damaged.
    """

    graph: tf.Graph
    name: str
    inputs: Sequence[tuple[str, tf.Tensor, Spec]]
    outputs: Sequence[tuple[str, tf.Tensor]]
    functions: Functions = field(default_factory=Functions)
    held: dict[int, Held] = field(default_factory=dict)
    file: bool = False


def trace(model: Any, inputs: Any = None, *, axes: Axes = None, name: str | None = None) -> Trace:
    """Follow a TensorFlow function on shapes and record what every operator reads.

    Nothing is run: a SavedModel is read, not loaded, and its variables aren't read at all.

    Args:
        model: a `tf.function`, a concrete function, a Python function of tensors, a
            `tf.Module`, a loaded SavedModel, or the path of a SavedModel's folder or of a
            frozen graph (`.pb`).
        inputs: a shape with batch, an array, or several of them by position or by name; None
            for what the model says itself.
        axes: spatial axes of the inputs; see `fieldscope.analyze`.
        name: name of the model in the report.

    Raises:
        InputError: the inputs don't fit, or are missing.
        ModelError: the model can't be read, or fails on such inputs.
        TraceError: it depends on values.

    Example:
        >>> found = trace(lambda x: tf.nn.relu(x), (1, 8, 8, 3))
        >>> [layer.name for layer in found.layers], found.inputs[0].spatial
        (['Relu'], (1, 2))
    """
    # What reads files and what traces functions are imported as they are needed.
    if isinstance(model, (str, os.PathLike)):
        from fieldscope.frontends.tensorflow.files import read

        given = read(Path(model), inputs)
    else:
        from fieldscope.frontends.tensorflow.callables import graph_of

        given = graph_of(model, inputs)
    program = Program("tensorflow")
    walked = Walked(program)
    return walked.trace(given, _by_names(program), axes=axes, name=name)


def _by_names(program: Program) -> Callable[[str, Scope], tuple[Scope, str]]:
    """The scopes of operations that are named by paths: "block1/conv/Conv2D"."""
    known: dict[str, Scope] = {}

    def scoped(operation: str, outer: Scope) -> tuple[Scope, str]:
        del outer
        path, _, own = operation.rpartition("/")
        scope = known.get(path)
        if scope is None:
            steps = [(step, "") for step in path.split("/")] if path else []
            scope = known[path] = program.scopes.at(steps)
        return scope, own

    return scoped


class Walked:
    """Walks a graph into a program, and makes a trace of it.

    Attributes:
        program: the program.
        env: what the graph's tensors stand for.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.env: dict[int, Held] = {}

    def trace(
        self,
        given: Given,
        scoped: Callable[[str, Scope], tuple[Scope, str]],
        *,
        axes: Axes,
        name: str | None = None,
        closed: Callable[[], None] | None = None,
    ) -> Trace:
        """Walk a graph.

        Args:
            given: the graph, its inputs and outputs.
            scoped: the scope that an operation is in, and its own name there; by its name and
                the scope that the function it belongs to is called in.
            axes: spatial axes of the inputs.
            name: name of the model in the report.
            closed: called when all is walked.
        """
        program, env = self.program, self.env
        env.update(given.held)
        for key, tensor, spec in given.inputs:
            env[id(tensor)] = program.input(key, spec)
        walker = Walker(program, given.functions, scoped)
        try:
            walker.walk(given.graph, env)
        except FieldscopeError:
            raise
        except (tf.errors.OpError, RecursionError) as error:
            raise explained(error, f"cannot follow {name or given.name}") from error
        except Exception as error:
            if not given.file:
                raise
            # What a file says of its operators may contradict itself in any way.
            raise explained(error, f"the graph of {given.name} contradicts itself") from error
        if closed is not None:
            closed()
        outputs = []
        for place, tensor in given.outputs:
            found = env.get(id(tensor))
            if isinstance(found, Tensor):
                outputs.append((place, found))
        return program.trace(name or given.name, outputs, axes=axes, otherwise=channels_last)


def captured(graph: Any) -> dict[int, Held]:
    """What a function graph takes from its surroundings: constants and variables."""
    found = {id(inner): held_by(outer, inner) for outer, inner in getattr(graph, "captures", ())}
    return {key: one for key, one in found.items() if one is not None}


def held_by(outer: Any, inner: tf.Tensor) -> Held | None:
    """What is taken from the surroundings, by what it is outside and inside; None if unknown."""
    if inner.dtype == tf.resource:
        return Variable(held_shape(outer) or held_shape(inner))
    shape = shape_of(inner)
    if shape is None or not hasattr(outer, "numpy"):
        return None
    return Tensor(shape, inner.dtype.name, elements=lambda: outer.numpy())
