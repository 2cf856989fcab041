"""Keras models on TensorFlow: the graph of a call, in which names tell the layers."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import keras
import tensorflow as tf
from tensorflow.python.framework import func_graph

from fieldscope.errors import FieldscopeError
from fieldscope.frontends.inputs import Axes
from fieldscope.frontends.keras.calls import Paths, leaves_of, watched
from fieldscope.frontends.keras.shapes import Arguments, arguments, elements_of, explained
from fieldscope.frontends.lowering.program import Program, Tensor
from fieldscope.frontends.naming import Scope
from fieldscope.frontends.tensorflow.states import Held
from fieldscope.frontends.tensorflow.trace import Given, Walked, captured
from fieldscope.graph.trace import Trace

MARK = "fs."
"""Begins the name scope of a call; its number follows."""


class _Scopes:
    """Puts the operations of each call under a name that tells which it is."""

    def __init__(self, paths: Paths) -> None:
        self.paths = paths
        self.results: list[Any] = []

    @contextlib.contextmanager
    def calling(self, operation: Any) -> Iterator[Callable[[Any], None]]:
        """A layer is called."""
        number = len(self.paths.calls)
        self.paths.enter(operation)
        self.results.append(None)

        def returned(results: Any) -> None:
            self.results[number] = results

        try:
            with tf.name_scope(f"{MARK}{number}/"):
                yield returned
        finally:
            self.paths.leave()


def trace(model: Any, inputs: Any = None, *, axes: Axes = None, name: str | None = None) -> Trace:
    """Follow a model on TensorFlow; see `fieldscope.frontends.keras.trace.trace`."""
    called = arguments(model, inputs)
    program = Program("tensorflow")
    scopes = _Scopes(Paths(program.scopes.root))
    graph, feeds, indices, outputs = _graph(called, scopes)
    calls = scopes.paths.calls

    def scoped(operation: str, outer: Scope) -> tuple[Scope, str]:
        if not operation.startswith(MARK):
            return outer, ""
        return calls[int(operation[len(MARK) : operation.index("/")])], ""

    walked = Walked(program)

    def closed() -> None:
        for scope, results in zip(calls, scopes.results, strict=True):
            found = [(place, walked.env.get(id(t))) for place, t in leaves_of(results, "")]
            scope.results = [
                (place, one.value)
                for place, one in found
                if isinstance(one, Tensor) and one.value is not None
            ]

    given = Given(
        graph=graph,
        name=name or str(model.name),
        inputs=[(key, feeds[key], spec) for key, spec in called.specs.items()],
        outputs=leaves_of(outputs, "output"),
        held={**captured(graph), **indices},
    )
    return walked.trace(given, scoped, axes=axes, closed=closed)


def _graph(
    called: Arguments, scopes: _Scopes
) -> tuple[Any, dict[str, tf.Tensor], dict[int, Held], Any]:
    """The graph of a call on placeholders, in which weights are placeholders, too."""
    graph = func_graph.FuncGraph("fieldscope")
    weights: dict[tuple[Any, ...], tf.Tensor] = {}
    indices: dict[int, Held] = {}
    try:
        with graph.as_default():
            feeds = {
                key: tf.compat.v1.placeholder(spec.dtype or "float32", spec.shape)
                for key, spec in called.specs.items()
            }
            # Of weights only shape and type count: one placeholder serves all that are alike.
            values = []
            for variable in called.model.variables:
                kind = variable._dtype
                index = elements_of(variable)
                key = tuple(variable.shape), kind, None if index is None else id(variable)
                if key not in weights:
                    weights[key] = tf.compat.v1.placeholder(kind, variable.shape)
                values.append((variable, weights[key]))
                if index is not None:
                    indices[id(weights[key])] = Tensor(key[0], kind, elements=index)
            with (
                keras.StatelessScope(state_mapping=values, initialize_variables=False),
                watched(scopes),
            ):
                outputs = called.call(*feeds.values())
    except FieldscopeError:
        raise
    except Exception as error:
        raise explained(error, called.specs, scopes.paths) from error
    return graph, feeds, indices, outputs
