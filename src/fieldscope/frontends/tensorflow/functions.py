"""The functions that operations of a graph call, as graphs of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf
from tensorflow.python.eager import context
from tensorflow.python.framework import function_def_to_graph

from fieldscope.errors import ModelError, TraceError
from fieldscope.graph.graph import Shape

DEEPEST = 64
"""Calls inside of calls; a program that calls deeper calls itself."""


class Functions:
    """Function definitions by name: of a file, or of the process.

    Attributes:
        depth: how deep the walk is in calls.
    """

    def __init__(self, definitions: Mapping[str, Any] | None = None) -> None:
        self._definitions = definitions
        self._bodies: dict[tuple[str, tuple[Shape | None, ...]], Any] = {}
        self.depth = 0

    def body(self, graph: tf.Graph, name: str, shapes: Sequence[Shape | None]) -> Any:
        """The body of a function on operands of some shapes, as a FuncGraph."""
        key = name, tuple(shapes)
        found = self._bodies.get(key)
        if found is None:
            found = self._bodies[key] = imported(self._definition(graph, name), shapes, graph)
        return found

    def knows(self, graph: tf.Graph, name: str) -> bool:
        """Whether there is a function of that name."""
        if self._definitions is not None:
            return name in self._definitions
        return bool(graph._is_function(name) or context.context().has_function(name))

    def _definition(self, graph: tf.Graph, name: str) -> Any:
        if self._definitions is not None:
            if name not in self._definitions:
                raise ModelError(f"the file calls a function {name!r} that isn't in it")
            return self._definitions[name]
        where: Any = graph
        while where is not None:
            if where._is_function(name):
                return where._get_function(name).cached_definition
            where = getattr(where, "outer_graph", None)
        return context.context().get_function_def(name)


def imported(definition: Any, shapes: Sequence[Shape | None], outer: tf.Graph | None = None) -> Any:
    """A function definition as a FuncGraph on operands of some shapes.

    Raises:
        TraceError: it isn't well formed, or doesn't take such operands.
    """
    cleaned = type(definition)()
    cleaned.CopyFrom(definition)
    # The shapes that it was made with needn't be those asked for.
    for node in cleaned.node_def:
        node.attr.pop("_output_shapes", None)
        node.attr.pop("_class", None)
        node.device = ""
    for argument in cleaned.arg_attr.values():
        argument.attr.pop("_output_shapes", None)
    given = [
        None
        if shape is None or kind.type == tf.resource.as_datatype_enum
        else tf.TensorShape(shape)
        for shape, kind in zip(shapes, cleaned.signature.input_arg, strict=True)
    ]
    if outer is None:
        outer = tf.Graph()
    try:
        with outer.as_default():
            return function_def_to_graph.function_def_to_graph(cleaned, input_shapes=given)
    except (tf.errors.OpError, ValueError, TypeError, KeyError) as error:
        raise TraceError(
            f"cannot read function {definition.signature.name}: {_first_line(error)}\n"
            "check the shapes of the inputs against what the model takes"
        ) from error


def _first_line(error: Exception) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0] if text else 'no message'}"
