"""From the JSON of a `.pt2` file to `Exported`.

The schema is that of `torch/_export/serde/schema.py`, major version 8 and earlier; fields that
aren't needed here aren't looked at. Nothing in a file is taken for what it says it is: what
isn't of the type that the schema gives it is an error, told by its place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from fieldscope.errors import GraphError, ModelError
from fieldscope.frontends.torch.exported.archive import Archive
from fieldscope.frontends.torch.exported.calls import argument_of, graph_of
from fieldscope.frontends.torch.exported.content import (
    list_of,
    maybe_int,
    object_of,
    text_of,
    union_of,
)
from fieldscope.frontends.torch.exported.form import Exported, Graph, Input, Kind, Ref
from fieldscope.frontends.torch.exported.outputs import places_of
from fieldscope.frontends.torch.exported.stored import readers
from fieldscope.wording import listed

OLD = "serialized_exported_program.json"
"""Where PyTorch 2.5 and earlier put the program; its tensors are pickled."""

_HELD: dict[str, tuple[Kind, str]] = {
    "parameter": ("parameter", "parameter_name"),
    "buffer": ("buffer", "buffer_name"),
    "tensor_constant": ("constant", "tensor_constant_name"),
}


def exported_in(archive: Archive) -> Exported:
    """The program that a file holds.

    Raises:
        ModelError: it holds none, several, or one that isn't as the schema says.
    """
    member = _member(archive)
    data = archive.json(member)
    try:
        return _exported(archive, member, data)
    except GraphError as error:
        raise archive.damaged(f"its {member} isn't as the format says: {error}") from None
    except RecursionError:
        raise archive.damaged(f"its {member} is nested too deeply") from None


def _member(archive: Archive) -> str:
    if OLD in archive.names:
        return OLD
    models = [n for n in archive.names if n.startswith("models/") and n.endswith(".json")]
    if "models/model.json" in models:
        return "models/model.json"
    if len(models) == 1:
        return models[0]
    if models:
        names = [name.removeprefix("models/").removesuffix(".json") for name in models]
        raise ModelError(
            f"{archive.path} holds {len(models)} programs: {listed(names, most=8)}\n"
            "save the one to be analysed in a file of its own"
        )
    if any(name.startswith("data/aotinductor/") for name in archive.names):
        raise ModelError(
            f"{archive.path} is a compiled package (AOTInductor), which has no graph any more\n"
            "give the program that it was compiled from, saved by torch.export.save"
        )
    raise ModelError(
        f"{archive.path} isn't an exported program: it has no models/*.json\n"
        "save one by torch.export.save(torch.export.export(model, inputs), path)"
    )


def _exported(archive: Archive, member: str, data: Any) -> Exported:
    program = object_of(data, "the program")
    module = object_of(program.get("graph_module"), "graph_module")
    signature = object_of(module.get("signature"), "signature")
    graph = graph_of(module.get("graph"))
    specs = list_of(signature.get("input_specs"), "input_specs")
    if len(specs) != len(graph.inputs):
        raise GraphError(f"it has {len(specs)} input specs for {len(graph.inputs)} inputs")
    name = member.rpartition("/")[2].removesuffix(".json")
    reads = readers(archive, name)
    inputs = tuple(
        _input(name, union_of(spec, "an input spec"), graph, reads)
        for name, spec in zip(graph.inputs, specs, strict=True)
    )
    ranges = {
        key: (maybe_int(object_of(one, key).get("min_val")), maybe_int(one.get("max_val")))
        for key, one in object_of(program.get("range_constraints", {}), "range_constraints").items()
    }
    outputs = [
        union_of(spec, "an output spec")[0] == "user_output"
        for spec in list_of(signature.get("output_specs"), "output_specs")
    ]
    calls = list_of(module.get("module_call_graph", []), "module_call_graph")
    called = (
        object_of(object_of(calls[0], "a module call").get("signature") or {}, "") if calls else {}
    )
    return Exported(
        archive.path.stem, graph, inputs, ranges, places_of(called.get("out_spec"), outputs)
    )


def _input(
    name: str,
    spec: tuple[str, Any],
    graph: Graph,
    reads: dict[str, Callable[[], torch.Tensor | None]],
) -> Input:
    kind, content = spec
    content = object_of(content, kind)
    if kind in _HELD:
        held, key = _HELD[kind]
        return Input(
            name, held, graph.metas.get(name), read=reads.get(text_of(content.get(key), key))
        )
    if kind == "constant_input":
        return Input(name, "number", number=union_of(content.get("value"), "a constant input")[1])
    if kind != "user_input":
        return Input(name, "other")
    which, argument = union_of(content.get("arg"), "an input")
    if which == "as_tensor":
        return Input(name, "input", graph.metas.get(name))
    number = argument_of(which, argument)
    return Input(name, "number", number=None if isinstance(number, Ref) else number)
