"""Graphs, calls and their arguments, from a file's JSON."""

from __future__ import annotations

from typing import Any

import torch

from fieldscope.errors import GraphError
from fieldscope.frontends.torch.exported.content import (
    float_of,
    is_int,
    list_of,
    meta_of,
    object_of,
    plain_of,
    text_of,
    type_of,
    union_of,
)
from fieldscope.frontends.torch.exported.form import Graph, Node, Ref
from fieldscope.frontends.torch.exported.stacks import location_in, modules_in

_FORMATS = {
    1: torch.contiguous_format,
    2: torch.channels_last,
    3: torch.channels_last_3d,
    4: torch.preserve_format,
}


def graph_of(data: Any) -> Graph:
    """A graph."""
    graph = object_of(data, "a graph")
    metas = {
        name: meta_of(meta)
        for name, meta in object_of(graph.get("tensor_values"), "tensor_values").items()
    }
    inputs = []
    for place, one in enumerate(list_of(graph.get("inputs"), "inputs")):
        found = argument_of(*union_of(one, "an input"))
        inputs.append(found.name if isinstance(found, Ref) else f"constant input {place}")
    single = graph.get("is_single_tensor_return") is True
    outputs = list_of(graph.get("outputs"), "outputs")
    results = [argument_of(*union_of(one, "an output")) for one in outputs]
    nodes = tuple(_node(one) for one in list_of(graph.get("nodes"), "nodes"))
    return Graph(tuple(inputs), nodes, results[0] if single and results else results, metas)


def _node(data: Any) -> Node:
    node = object_of(data, "a node")
    target = text_of(node.get("target"), "a target")
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    # Before kinds were written, arguments behind the first that has a name were by keyword.
    for one in list_of(node.get("inputs"), "a node's inputs"):
        argument = object_of(one, "an argument")
        value = argument_of(*union_of(argument.get("arg"), "an argument"))
        name, kind = text_of(argument.get("name", ""), "a name"), argument.get("kind")
        if kind == 1 or not name or (kind is None and not kwargs and not args):
            args.append(value)
        else:
            kwargs[name] = value
    outputs = [_result(*union_of(o, "a result")) for o in list_of(node.get("outputs"), "outputs")]
    # What stands alone is the result itself, but for higher-order operators: theirs are lists.
    alone = len(outputs) == 1 and not target.startswith("torch.ops.higher_order.")
    results: Any = outputs[0] if alone else outputs
    if len(outputs) == 1 and isinstance(outputs[0], list):
        results = outputs[0]
    metadata = object_of(node.get("metadata") or {}, "metadata")
    own = node.get("name")
    return Node(
        own if isinstance(own, str) else "",
        target,
        tuple(args),
        kwargs,
        results,
        modules_in(metadata.get("nn_module_stack")),
        location_in(metadata.get("stack_trace")),
    )


def _result(which: str, content: Any) -> Any:
    found = argument_of(which, content)
    return found if isinstance(found, (Ref, list)) else None


def argument_of(which: str, content: Any) -> Any:
    """An argument of a call; a `Ref` for what is computed."""
    match which:
        case "as_none":
            return None
        case "as_tensor" | "as_custom_obj" | "as_token":
            return Ref(text_of(object_of(content, which).get("name"), "a name"))
        case "as_tensors":
            return [argument_of("as_tensor", one) for one in list_of(content, which)]
        case "as_nested_tensors":
            return [argument_of("as_tensors", one) for one in list_of(content, which)]
        case "as_optional_tensors":
            return [argument_of(*union_of(one, which)) for one in list_of(content, which)]
        case "as_optional_tensor":
            return argument_of(*union_of(content, which))
        case "as_float":
            return float_of(content, which)
        case "as_int" | "as_bool" | "as_string":
            return plain_of(content, which)
        case "as_ints" | "as_floats" | "as_bools" | "as_strings":
            return [argument_of(which[:-1], one) for one in list_of(content, which)]
        case "as_int_lists" | "as_float_lists":
            return [argument_of(f"{which[:-6]}s", row) for row in list_of(content, which)]
        case "as_sym_int" | "as_sym_bool" | "as_sym_float":
            kind, value = union_of(content, which)
            return Ref(text_of(value, "a name")) if kind == "as_name" else argument_of(kind, value)
        case "as_sym_ints" | "as_sym_bools" | "as_sym_floats":
            return [argument_of(which[:-1], one) for one in list_of(content, which)]
        case "as_complex":
            parts = object_of(content, which)
            return complex(*(float_of(parts.get(part), which) for part in ("real", "imag")))
        case "as_scalar_type":
            return type_of(content)
        case "as_memory_format":
            return _FORMATS.get(content, torch.contiguous_format) if is_int(content) else None
        case "as_layout":
            return torch.strided if content == 7 else None
        case "as_device":
            return torch.device("cpu")
        case "as_graph":
            return graph_of(object_of(content, which).get("graph"))
        case "as_operator":
            return text_of(content, which)
        case "as_string_to_argument":
            return {k: argument_of(*union_of(v, k)) for k, v in object_of(content, which).items()}
    raise GraphError(f"there is no kind of argument {which[:40]!r}")
