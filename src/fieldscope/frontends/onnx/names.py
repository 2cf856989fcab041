"""Modules that exporters leave in the names and properties of nodes.

- PyTorch's TorchScript exporter names a node by the modules around it, where a module in a list
  repeats the list's name: "/layer1/layer1.0/conv1/Conv".
- Its other exporter writes them to the node's properties, with their classes.
- tf2onnx and others write "model/conv1/Conv2D".
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import NamedTuple

from onnx import NodeProto

SCOPES = "pkg.torch.onnx.name_scopes"
CLASSES = "pkg.torch.onnx.class_hierarchy"
_REWRITTEN = "pkg.onnxscript.rewriter.rule_name"
_WEIGHT = ".weight"
_AROUND = ("StatefulPartitionedCall", "PartitionedCall")
_CONTAINERS = tuple(
    f"torch.nn.modules.{name}"
    for name in ("module.Module", "container.Sequential", "container.ModuleList")
)


class Place(NamedTuple):
    """Where a node stands.

    `steps` are the modules around it, each with its type ("" if unknown); `whole` says that the
    innermost is one layer whatever operators it runs, `call` that it is no module but a call of
    a function; `name` is the node's own name in it, "" if it has none; `alias` is a path that it
    is known by beside.
    """

    steps: tuple[tuple[str, str], ...] = ()
    whole: bool = False
    name: str = ""
    alias: str = ""
    call: bool = False


def place_of(node: NodeProto) -> Place:
    """The modules that a node's name or properties tell of.

    Example:
        >>> place = place_of(NodeProto(name="/layer1/layer1.0/conv1/Conv"))
        >>> place.steps, place.name
        ((('layer1', ''), ('0', ''), ('conv1', '')), 'Conv')
        >>> place_of(NodeProto(name="Conv.0")).name
        'Conv.0'
    """
    properties = {one.key: one.value for one in node.metadata_props}
    if SCOPES in properties:
        found = _from_properties(node, properties)
        if found is not None:
            return found
    path = node.name.strip("/")
    if "/" not in path:
        return Place(name=path)
    *modules, own = path.split("/")
    while modules and modules[0] in _AROUND:
        del modules[0]
    return Place(tuple((step, "") for step in _steps(modules)), name=own)


def _steps(modules: Sequence[str]) -> list[str]:
    """The steps of a path whose elements may repeat what is in front of them.

    Elements of a list are named from the list on: "features", "features.0", "features.0.1".
    """
    steps: list[str] = []
    before = ""
    for module in modules:
        own = module[len(before) + 1 :] if before and module.startswith(f"{before}.") else module
        steps.extend(part for part in own.split(".") if part)
        before = module
    return steps


def _from_properties(node: NodeProto, properties: dict[str, str]) -> Place | None:
    scopes = _listed(properties[SCOPES])
    classes = _listed(properties.get(CLASSES, ""))
    if not scopes:
        return None
    if len(classes) != len(scopes):
        classes = [""] * len(scopes)
    *modules, own = scopes
    alias = ""
    if "BatchNorm" in properties.get(_REWRITTEN, ""):
        # A batch norm was merged into the convolution in front, which its weight still names.
        weight = next((name for name in node.input[1:] if name.endswith(_WEIGHT)), "")
        if weight and modules and weight.count(".") == modules[-1].count(".") + 1:
            alias, modules = modules[-1], [*modules[:-1], weight[: -len(_WEIGHT)]]
            classes = [*classes[:-2], "torch.nn.modules.conv.Conv", classes[-1]]
    steps: list[tuple[str, str]] = []
    before = ""
    for module, kind in zip(modules, classes, strict=False):
        if not module:
            continue
        new = module[len(before) + 1 :] if before and module.startswith(f"{before}.") else module
        parts = [part for part in new.split(".") if part]
        steps.extend((part, "") for part in parts[:-1])
        steps.extend((part, kind.rpartition(".")[2]) for part in parts[-1:])
        before = module
    whole = len(classes) > 1 and is_layer(classes[-2])
    call = not whole and bool(own)
    if call:
        # One call of the program may have become several nodes.
        steps.append((own, classes[-1]))
        whole, own = True, ""
    return Place(tuple(steps), whole, own, alias, call)


def is_layer(kind: str) -> bool:
    """Whether a class of this name is one that PyTorch ships as one layer.

    Example:
        >>> is_layer("torch.nn.modules.conv.Conv2d"), is_layer("torch.nn.modules.module.Module")
        (True, False)
    """
    return kind.startswith("torch.nn.modules.") and kind not in _CONTAINERS


def _listed(text: str) -> list[str]:
    """A list of strings as Python writes it; empty for anything else."""
    if len(text) > 1 << 16:
        return []
    try:
        found = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return []
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []
