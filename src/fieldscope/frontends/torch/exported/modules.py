"""The modules that calls are made in, and what each of them returns."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from fieldscope.frontends.naming import Scope
from fieldscope.frontends.torch import scopes
from fieldscope.frontends.torch.exported.form import Module

_CONTAINERS = frozenset({"Module", "Sequential", "ModuleList", "ModuleDict"})

_LAYER_LIKE = re.compile(
    r"(?:Conv|ConvTranspose|BatchNorm|LayerNorm|GroupNorm|InstanceNorm|RMSNorm|Linear)"
    r"(?:[123]d|Same|Std|Act|Fp32|Fast|NCHW|ChannelsFirst|ChannelsLast|Mix|1)*"
)
"""Names of classes that are layers of PyTorch's under another name, as libraries derive them."""


def is_layer(kind: str) -> bool:
    """Whether a type of module, by its full name, is one layer; see `scopes.is_layer`.

    Of a class that a library derives from one of PyTorch's layers only the name is known.

    Example:
        >>> is_layer("torch.nn.modules.conv.Conv2d")
        True
        >>> is_layer("torch.nn.modules.container.Sequential")
        False
        >>> is_layer("torchvision.models.convnext.LayerNorm2d"), is_layer("net.Block")
        (True, False)
    """
    folder, _, name = kind.rpartition(".")
    if folder.startswith("torch.nn.modules"):
        return name not in _CONTAINERS
    return _LAYER_LIKE.fullmatch(name) is not None


class _Made(NamedTuple):
    """A value that a call made: the last call's first, and in their order those of one call."""

    before: int
    key: int
    value: int


class Modules:
    """The tree of module calls, as the calls of a program tell it."""

    def __init__(self) -> None:
        self.root: scopes.Scope = scopes.Scope("", "", None, 0)
        self._known: dict[tuple[int, Module], scopes.Scope] = {}
        self._calls: dict[str, int] = {}
        self._made: dict[int, list[_Made]] = {}
        self._read: dict[int, set[int]] = {}

    def at(self, modules: Iterable[Module]) -> scopes.Scope:
        """The scope of a call in modules, the outermost first."""
        scope = self.root
        for module in modules:
            inner = self._known.get((id(scope), module))
            if inner is None:
                kind = module.kind.rpartition(".")[2] or "module"
                path = self._path(module)
                inner = scopes.Scope(path, kind, scope, scope.depth + 1, is_layer(module.kind))
                self._known[id(scope), module] = inner
                scope.children.append(inner)
            scope = inner
        return scope

    def _path(self, module: Module) -> str:
        """The path of a call: the module's own, with the number of the call behind the first."""
        if not module.path:
            return ""
        count = self._calls.get(module.path, 0) + 1
        tail = module.key.rpartition("@")
        if tail[1] and tail[2].isdigit() and len(tail[2]) < 9:
            count = max(count, int(tail[2]) + 1)
        self._calls[module.path] = count
        return module.path if count == 1 else f"{module.path}#{count}"

    def made(self, scope: Scope, call: int, key: int, value: int) -> None:
        """A call in a scope, by its number, made a value, known by a key."""
        self._made.setdefault(id(scope), []).append(_Made(-call, key, value))

    def read(self, scope: Scope | None, keys: Iterable[int]) -> None:
        """A call in a scope, or nobody's, reads what is known by keys."""
        for key in keys:
            self._read.setdefault(key, set()).add(id(scope))

    def close(self) -> None:
        """Find what each module returns: what is read outside of it, the last first."""
        self._close(self.root)

    def _close(self, scope: Scope) -> tuple[set[int], list[_Made], int]:
        inside, made = {id(scope)}, list(self._made.get(id(scope), ()))
        last = max(scope.operations, default=-1)
        for child in scope.children:
            within, theirs, order = self._close(child)
            inside |= within
            made += theirs
            last = max(last, order)
        if scope is not self.root:
            made.sort()
            read = [one.value for one in made if self._read.get(one.key, set()) - inside]
            found = list(dict.fromkeys(read)) or [one.value for one in made[:1]]
            several = len(found) > 1
            scope.results = [(f"[{k}]" if several else "", v) for k, v in enumerate(found)]
            scope.order = last + 1
        return inside, made, last
