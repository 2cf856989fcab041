"""How many learnable parameters each layer has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch.nn.parameter import is_lazy

from fieldscope.graph.trace import Origin, TracedLayer


def parameters_of(
    roots: Mapping[str, torch.nn.Module],
    layers: Sequence[TracedLayer],
    origins: Sequence[Origin],
) -> dict[str, int]:
    """The number of parameters of each layer, shared ones with the first that holds them.

    A module's own parameters belong to the layer of its name; else to the first operator that
    it calls, to the layer that runs it as a whole, or to the first layer inside it. "" holds
    those of modules that weren't run.

    Args:
        roots: the modules, by what their paths begin with.
        layers: the named layers, in execution order.
        origins: the calls, in execution order.
    """
    names = {layer.name for layer in layers}
    called: dict[str, str] = {}
    for origin in origins:
        called.setdefault(origin.scope, origin.layer)
    first = {path: one.name for one in reversed(layers) for path in _above(one.name)}
    found: dict[str, int] = {}
    for path, count in _own(roots):
        # Weights that a function reads may lie in modules that are never called themselves.
        paths = [path, *reversed(list(_above(path)))]
        name = next((one for one in paths if one in names), "")
        name = name or next((called[one] for one in paths if one in called), first.get(path, ""))
        found[name] = found.get(name, 0) + count
    return found


def _own(roots: Mapping[str, torch.nn.Module]) -> Iterator[tuple[str, int]]:
    """The modules' paths, each with the number of parameters that it is the first to hold."""
    seen: set[int] = set()
    for root, module in roots.items():
        for path, part in module.named_modules():
            count = 0
            for parameter in part.parameters(recurse=False):
                if id(parameter) not in seen and not is_lazy(parameter):
                    seen.add(id(parameter))
                    count += parameter.numel()
            if count:
                yield f"{root}.{path}".strip("."), count


def _above(path: str) -> Iterator[str]:
    """The paths of the modules that a path lies in, outermost first.

    >>> list(_above("net.block.conv"))
    ['net', 'net.block']
    """
    parts = path.split(".")
    return (".".join(parts[:depth]) for depth in range(1, len(parts)))
