"""The functions that operations of a graph call, as graphs of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import tensorflow as tf
from tensorflow.python.eager import context
from tensorflow.python.framework import op_def_registry

from fieldscope.errors import FieldscopeError, ModelError, TraceError
from fieldscope.graph.graph import Shape

DEEPEST = 64
"""Calls inside of calls; a program that calls deeper calls itself."""

OUTSIDE = frozenset(
    """
    EagerPyFunc FixedLengthRecordReader MatchingFiles PyFunc PyFuncStateless ReadFile
    TFRecordReader TextLineReader WholeFileReader WholeFileReaderV2 WriteFile
    """.split()
)
"""Operators that reach out of the program: their results are taken as constants."""


class Body(NamedTuple):
    """The body of a function.

    Attributes:
        graph: its operations.
        inputs: what its arguments are fed to.
        outputs: what it returns.
    """

    graph: tf.Graph
    inputs: list[tf.Tensor]
    outputs: list[tf.Tensor]


class Functions:
    """Function definitions by name: of a file, or of the process.

    Attributes:
        depth: how deep the walk is in calls.
    """

    def __init__(self, definitions: Mapping[str, Any] | None = None) -> None:
        self._definitions = definitions
        self._bodies: dict[tuple[str, tuple[Shape | None, ...]], Body] = {}
        self.depth = 0

    def body(self, graph: tf.Graph, name: str, shapes: Sequence[Shape | None]) -> Body:
        """The body of a function on operands of some shapes."""
        key = name, tuple(shapes)
        found = self._bodies.get(key)
        if found is None:
            definition = self._definition(graph, name)
            found = self._bodies[key] = imported(definition, shapes, self._definitions or {})
        return found

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


def imported(definition: Any, shapes: Sequence[Shape | None], functions: Mapping[str, Any]) -> Body:
    """A function definition as a graph, on operands of some shapes.

    Args:
        definition: the definition.
        shapes: the operands' shapes, None where they aren't known.
        functions: functions that may be called by their names as operators.

    Raises:
        ModelError: it has operators that TensorFlow itself doesn't have.
        TraceError: it isn't well formed, or doesn't take such operands.
    """
    name = definition.signature.name
    try:
        graph_def, names = _flat(definition, shapes, functions)
        graph = tf.Graph()
        with graph.as_default():
            tf.graph_util.import_graph_def(graph_def, name="")
        signature = definition.signature
        return Body(
            graph,
            [graph.get_tensor_by_name(names[one.name]) for one in signature.input_arg],
            [
                graph.get_tensor_by_name(names[definition.ret[one.name]])
                for one in signature.output_arg
            ],
        )
    except FieldscopeError:
        raise
    except (tf.errors.OpError, ValueError, TypeError, KeyError) as error:
        raise TraceError(
            f"cannot read function {name}: {_first_line(error)}\n"
            "check the shapes of the inputs against what the model takes"
        ) from error


def cleaned(node: Any, copy: Any, functions: Mapping[str, Any]) -> None:
    """Copy a node, without what ties it to shapes, devices and the outside."""
    copy.CopyFrom(node)
    copy.attr.pop("_output_shapes", None)
    copy.attr.pop("_class", None)
    copy.device = ""
    kept = [one for one in copy.input if not one.startswith("^")]
    del copy.input[:]
    copy.input.extend(kept)
    if node.op in OUTSIDE:
        as_placeholder(copy, tf.string.as_datatype_enum)
        if node.op == "ReadFile":
            _set_shape(copy, ())
    elif node.op in functions:  # a call in the manner of TensorFlow 1
        signature = functions[node.op].signature
        copy.op = "PartitionedCall"
        copy.attr.clear()
        copy.attr["f"].func.name = node.op
        copy.attr["Tin"].list.type.extend(one.type for one in signature.input_arg)
        copy.attr["Tout"].list.type.extend(one.type for one in signature.output_arg)
    elif op_def_registry.get(node.op) is None:
        raise ModelError(
            f"operator {node.op} of node {node.name} isn't one of TensorFlow's own\n"
            "operators of other libraries can't be read"
        )


def as_placeholder(node: Any, dtype: int) -> None:
    """Turn a node into an input."""
    node.op = "Placeholder"
    del node.input[:]
    node.attr.clear()
    node.attr["dtype"].type = dtype


def _flat(
    definition: Any, shapes: Sequence[Shape | None], functions: Mapping[str, Any]
) -> tuple[Any, dict[str, str]]:
    """A function's nodes as a graph's, and what its tensors are called there."""
    graph = tf.compat.v1.GraphDef()
    graph.versions.producer = tf.version.GRAPH_DEF_VERSION
    names: dict[str, str] = {}
    held = _only_read(definition)
    variables: dict[str, Shape] = {}
    for argument, shape in zip(definition.signature.input_arg, shapes, strict=True):
        node = graph.node.add()
        node.name = argument.name
        as_placeholder(node, argument.type)
        names[argument.name] = f"{argument.name}:0"
        if shape is None:
            continue
        if argument.type != tf.resource.as_datatype_enum:
            _set_shape(node, shape)
        elif argument.name in held:
            variables[argument.name] = shape
    for given in definition.node_def:
        node = graph.node.add()
        cleaned(given, node, functions)
        if given.op == "ReadVariableOp" and given.input[0] in variables:
            # TensorFlow doesn't infer what a handle from elsewhere holds.
            as_placeholder(node, given.attr["dtype"].type)
            _set_shape(node, variables[given.input[0]])
            names[f"{given.name}:value:0"] = f"{given.name}:0"
            continue
        place = 0
        for result, count in _results(given, node, functions):
            for k in range(count):
                names[f"{given.name}:{result}:{k}"] = f"{given.name}:{place}"
                place += 1
    for node in graph.node:
        for k, name in enumerate(node.input):
            node.input[k] = names[name]
    return graph, names


def _set_shape(node: Any, shape: Shape) -> None:
    node.attr["shape"].shape.CopyFrom(tf.TensorShape(shape).as_proto())


def _only_read(definition: Any) -> set[str]:
    """The arguments that are only read as variables, and so hold what they held before."""
    names = {one.name for one in definition.signature.input_arg}
    for node in definition.node_def:
        if node.op != "ReadVariableOp":
            names.difference_update(node.input)
    return names


def _results(given: Any, node: Any, functions: Mapping[str, Any]) -> list[tuple[str, int]]:
    """The results of a node, each with the number of its tensors."""
    if given.op in functions:
        return [(one.name, 1) for one in functions[given.op].signature.output_arg]
    if given.op in OUTSIDE:
        return [(one.name, 1) for one in op_def_registry.get(given.op).output_arg[:1]]
    found = []
    for result in op_def_registry.get(node.op).output_arg:
        count = 1
        if result.number_attr:
            count = node.attr[result.number_attr].i
        elif result.type_list_attr:
            count = len(node.attr[result.type_list_attr].list.type)
        found.append((result.name, count))
    return found


def _first_line(error: Exception) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0] if text else 'no message'}"
