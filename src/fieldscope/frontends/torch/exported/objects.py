"""From a `torch.export.ExportedProgram` in memory to `Exported`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from fieldscope.errors import ModelError
from fieldscope.frontends.torch.exported.expressions import Expression, Size
from fieldscope.frontends.torch.exported.form import (
    Exported,
    Graph,
    Input,
    Kind,
    Meta,
    Module,
    Node,
    Ref,
)
from fieldscope.frontends.torch.exported.outputs import places_of
from fieldscope.frontends.torch.exported.stacks import location_in

_KINDS: dict[str, Kind] = {
    "USER_INPUT": "input",
    "PARAMETER": "parameter",
    "BUFFER": "buffer",
    "CONSTANT_TENSOR": "constant",
}


def exported_from(program: Any) -> Exported:
    """The program as it is replayed; its graph is read, and nothing of it is run."""
    graph = _graph(program.graph_module)
    held = {**program.constants, **program.state_dict}
    inputs = []
    for spec in program.graph_signature.input_specs:
        name = spec.arg.name
        kind = _KINDS.get(spec.kind.name, "other")
        meta = graph.metas.get(name)
        if kind == "input" and meta is None:
            inputs.append(Input(name, "number", number=getattr(spec.arg, "value", None)))
        else:
            inputs.append(Input(name, kind, meta, read=_reading(held.get(spec.target))))
    ranges = {
        str(symbol): (_bound(found.lower), _bound(found.upper))
        for symbol, found in program.range_constraints.items()
    }
    returned = [spec.kind.name == "USER_OUTPUT" for spec in program.graph_signature.output_specs]
    outputs = places_of(_out_spec(program), returned)
    return Exported("program", graph, tuple(inputs), ranges, outputs, trusted=True)


def _out_spec(program: Any) -> str | None:
    from torch.utils._pytree import treespec_dumps

    try:
        return treespec_dumps(program.call_spec.out_spec)
    except NotImplementedError:  # a container that isn't registered by a name
        return None


def _reading(tensor: Any) -> Callable[[], torch.Tensor | None] | None:
    return (lambda: tensor) if isinstance(tensor, torch.Tensor) else None


def _bound(value: Any) -> int | None:
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError, AttributeError):  # int_oo
        return None


def _graph(module: Any) -> Graph:
    names: list[str] = []
    nodes: list[Node] = []
    metas: dict[str, Meta] = {}
    parts: dict[str, Any] = {}
    results: Any = ()

    def argument(one: Any) -> Any:
        if isinstance(one, torch.fx.Node):
            return parts[one.name] if one.name in parts else Ref(one.name)
        if isinstance(one, (list, tuple)):
            return [argument(part) for part in one]
        if isinstance(one, dict):
            return {key: argument(part) for key, part in one.items()}
        return torch.device("cpu") if isinstance(one, torch.device) else one

    for node in module.graph.nodes:
        value = node.meta.get("val")
        if isinstance(value, torch.Tensor):
            metas[node.name] = _meta(value)
        elif isinstance(value, (list, tuple)):
            for place, part in enumerate(value):
                if isinstance(part, torch.Tensor):
                    metas[f"{node.name}[{place}]"] = _meta(part)
        if node.op == "placeholder":
            names.append(node.name)
        elif node.op == "get_attr":
            parts[node.name] = _part(module, node.target)
        elif node.op == "output":
            results = argument(node.args[0])
        elif node.op == "call_function":
            nodes.append(
                Node(
                    node.name,
                    _target(node.target),
                    tuple(argument(one) for one in node.args),
                    {key: argument(one) for key, one in node.kwargs.items()},
                    Ref(node.name),
                    _modules(node.meta.get("nn_module_stack")),
                    location_in(node.meta.get("stack_trace")),
                )
            )
        else:
            raise ModelError(
                f"the program's graph has a {node.op} of {node.target}\n"
                "give what torch.export.export returns, with its graph as it is"
            )
    return Graph(tuple(names), tuple(nodes), results, metas)


def _part(module: torch.nn.Module, path: str) -> Any:
    """A sub-graph or tensor that a graph names."""
    *folders, name = path.split(".")
    for folder in folders:
        module = module._modules[folder]  # type: ignore[assignment]  # a path of modules that exist
    for held in (module._modules, module._parameters, module._buffers, vars(module)):
        found = held.get(name)
        if isinstance(found, torch.fx.GraphModule):
            return _graph(found)
        if isinstance(found, torch.Tensor):
            return found
    return None


def _target(target: Any) -> str:
    if isinstance(target, torch._ops.HigherOrderOperator):
        return f"torch.ops.higher_order.{target.name()}"
    if isinstance(target, torch._ops.OpOverload):
        return f"torch.ops.{target}"
    return f"{getattr(target, '__module__', '')}.{getattr(target, '__name__', target)}"


def _modules(stack: Any) -> tuple[Module, ...]:
    found = []
    for key, (path, kind) in stack.items() if isinstance(stack, dict) else ():
        told = kind if isinstance(kind, str) else f"{kind.__module__}.{kind.__name__}"
        found.append(Module(str(key), path, told))
    return tuple(found)


def _meta(tensor: torch.Tensor) -> Meta:
    strides = tensor.stride() if tensor.layout is torch.strided else ()
    return Meta(
        tensor.dtype,
        tuple(_size(extent) for extent in tensor.shape),
        tuple(_size(stride) for stride in strides),
    )


def _size(extent: Any) -> Size:
    if isinstance(extent, int):
        return extent
    hint = extent.node.hint if extent.node.has_hint() else None
    return Expression(str(extent.node.expr), hint if isinstance(hint, int) else None)
