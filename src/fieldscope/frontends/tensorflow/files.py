"""SavedModels and frozen graphs, read as they lie there: nothing of them is loaded or run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from fieldscope.errors import FieldscopeError, InputError, ModelError
from fieldscope.frontends.blame import displayed
from fieldscope.frontends.inputs import Spec, specs
from fieldscope.frontends.tensorflow.functions import OUTSIDE, Functions, as_placeholder, cleaned
from fieldscope.frontends.tensorflow.shapes import filled
from fieldscope.frontends.tensorflow.trace import Given
from fieldscope.wording import listed

LARGEST = 2 << 30
"""Files of more bytes can't be read: protocol buffers end there."""


def read(path: Path, inputs: Any) -> Given:
    """The graph of a SavedModel's folder, its `saved_model.pb`, or a frozen graph.

    Raises:
        InputError: the inputs don't fit, or some extents are open.
        ModelError: the file can't be read, or holds no graph with inputs and outputs.
    """
    shown = displayed(path)
    file = path / "saved_model.pb" if path.is_dir() else path
    if not file.is_file():
        raise ModelError(f"there is no {displayed(file)}\npass the folder of a SavedModel")
    if file.stat().st_size > LARGEST:
        raise ModelError(f"{displayed(file)} is larger than a graph can be")
    data = file.read_bytes()
    if file.name == "saved_model.pb":
        graph, tensors, results = _saved(data, shown)
    else:
        graph, tensors, results = _frozen(data, shown)
    return _given(graph, tensors, results, inputs, path.name or shown, shown)


def _saved(data: bytes, shown: str) -> tuple[Any, dict[str, Any], dict[str, str]]:
    saved = saved_model_pb2.SavedModel()
    try:
        saved.ParseFromString(data)
    except Exception as error:  # protobuf's decoders raise different types
        raise ModelError(f"cannot read {shown}: it is no SavedModel ({error})") from error
    metas = sorted(saved.meta_graphs, key=lambda one: "serve" not in one.meta_info_def.tags)
    for meta in metas:
        signature = _signature(meta.signature_def)
        if signature is not None:
            tensors = dict(sorted(signature.inputs.items()))
            results = {key: one.name for key, one in sorted(signature.outputs.items())}
            return meta.graph_def, tensors, results
    raise ModelError(
        f"{shown} has no signature with inputs and outputs\n"
        "save it with signatures=, or load it and pass one of its functions"
    )


def _signature(signatures: Mapping[str, Any]) -> Any:
    for key in ("serving_default", "serve", *sorted(signatures)):
        if key in signatures and signatures[key].inputs and signatures[key].outputs:
            return signatures[key]
    return None


class _Declared:
    """An input that a frozen graph has, as a signature would tell it."""

    def __init__(self, node: Any) -> None:
        self.name = f"{node.name}:0"
        self.dtype = node.attr["dtype"].type
        self.tensor_shape = node.attr["shape"].shape


def _frozen(data: bytes, shown: str) -> tuple[Any, dict[str, Any], dict[str, str]]:
    graph = tf.compat.v1.GraphDef()
    try:
        graph.ParseFromString(data)
    except Exception as error:  # protobuf's decoders raise different types
        raise ModelError(f"cannot read {shown}: it is no frozen graph ({error})") from error
    read = {name for node in graph.node for name in map(_node_of, node.input)}
    tensors = {node.name: _Declared(node) for node in graph.node if node.op == "Placeholder"}
    quiet = ("Placeholder", "Const", "NoOp", "Assert", "SaveV2")
    results = {
        node.name: f"{node.name}:0"
        for node in graph.node
        if node.name not in read and node.op not in quiet
    }
    if not tensors or not results:
        raise ModelError(f"{shown} has no graph with placeholders and results")
    return graph, tensors, results


def _node_of(name: str) -> str:
    return name.lstrip("^").partition(":")[0]


def _given(
    definition: Any,
    tensors: Mapping[str, Any],
    results: Mapping[str, str],
    inputs: Any,
    name: str,
    shown: str,
) -> Given:
    texts = [key for key, one in tensors.items() if one.dtype == tf.string.as_datatype_enum]
    if texts:
        raise InputError(
            f"input {listed(texts)} of {shown} is text, such as serialized examples\n"
            "save a signature that takes arrays"
        )
    given = {} if inputs is None else specs(inputs, list(tensors))
    shapes = {
        key: filled(key, _extents(one.tensor_shape), given[key].shape if key in given else None)
        for key, one in tensors.items()
    }
    feeds = {_node_of(one.name): (key, one) for key, one in tensors.items()}
    functions = {one.signature.name: one for one in definition.library.function}
    wanted = [_node_of(one) for one in results.values()]
    pruned = _pruned(definition, feeds, shapes, wanted, functions)
    graph = tf.Graph()
    try:
        with graph.as_default():
            tf.graph_util.import_graph_def(pruned, name="")
        return Given(
            graph=graph,
            name=name,
            inputs=[
                (
                    key,
                    _tensor(graph, one.name),
                    Spec(shapes[key], _tensor(graph, one.name).dtype.name),
                )
                for key, one in tensors.items()
            ],
            outputs=[
                ("output" if len(results) == 1 else f"output[{key!r}]", _tensor(graph, one))
                for key, one in results.items()
            ],
            functions=Functions(functions),
            file=True,
        )
    except FieldscopeError:
        raise
    except (tf.errors.OpError, ValueError, TypeError, KeyError) as error:
        lines = str(error).strip().splitlines()
        raise ModelError(
            f"cannot read the graph in {shown}: {lines[0] if lines else type(error).__name__}\n"
            "check the shapes of the inputs; operators that TensorFlow itself doesn't have can't "
            "be read"
        ) from error


def _tensor(graph: tf.Graph, name: str) -> tf.Tensor:
    return graph.get_tensor_by_name(name if ":" in name else f"{name}:0")


def _extents(shape: Any) -> tuple[int | None, ...] | None:
    if shape.unknown_rank:
        return None
    return tuple(None if one.size < 0 else one.size for one in shape.dim)


def _pruned(
    definition: Any,
    feeds: Mapping[str, tuple[str, Any]],
    shapes: Mapping[str, tuple[int, ...]],
    results: list[str],
    functions: Mapping[str, Any],
) -> Any:
    """What the results are computed from, with inputs of the shapes asked for."""
    nodes = {node.name: node for node in definition.node}
    needed: set[str] = set()
    waiting = list(results)
    while waiting:
        name = waiting.pop()
        if name in needed or name not in nodes:
            continue
        needed.add(name)
        if name not in feeds and nodes[name].op not in OUTSIDE:
            waiting += [_node_of(one) for one in nodes[name].input if not one.startswith("^")]
    pruned = tf.compat.v1.GraphDef()
    pruned.versions.CopyFrom(definition.versions)
    for node in definition.node:
        if node.name in needed or node.name in feeds:
            added = pruned.node.add()
            cleaned(node, added, functions)
            if node.name in feeds:
                key, declared = feeds[node.name]
                as_placeholder(added, declared.dtype)
                added.attr["shape"].shape.CopyFrom(tf.TensorShape(shapes[key]).as_proto())
    return pruned
