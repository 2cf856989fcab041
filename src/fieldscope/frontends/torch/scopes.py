"""Which module makes a call: a tree of calls, recorded through global module hooks.

Hooks are registered for all modules of the process while a trace runs, and do nothing
in threads that don't trace. The model itself is not touched.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.modules.module import (
    register_module_forward_hook,
    register_module_forward_pre_hook,
)

from fieldscope.frontends import naming

_CONTAINERS = (
    torch.nn.Module,
    torch.nn.Sequential,
    torch.nn.ModuleList,
    torch.nn.ModuleDict,
)


@dataclass(slots=True)
class Scope(naming.Scope):
    """One call of a module of PyTorch."""

    module: torch.nn.Module | None = None


_layers: dict[type, bool] = {}


def is_layer(kind: type) -> bool:
    """Whether PyTorch ships this type of module as one layer."""
    found = _layers.get(kind)
    if found is None:
        found = _layers[kind] = any(
            base.__module__.startswith("torch.nn.modules") and base not in _CONTAINERS
            for base in kind.__mro__
        )
    return found


class Observer:
    """Follows the module calls of one trace."""

    def __init__(
        self,
        names: dict[int, str],
        results_of: Callable[[Any], list[tuple[str, int]]],
        clock: Callable[[], int],
    ) -> None:
        self.root = Scope("", "", None, 0)
        self.current = self.root
        self._names = names
        self._results_of = results_of
        self._clock = clock
        self._calls: dict[str, int] = {}

    def enter(self, module: torch.nn.Module) -> None:
        """A module is called."""
        parent = self.current
        name = self._names.get(id(module))
        if name is None:
            own = type(module).__name__.lower()
            name = self._names[id(module)] = f"{parent.path}.{own}" if parent.path else own
        count = self._calls[name] = self._calls.get(name, 0) + 1
        path = name if count == 1 or not name else f"{name}#{count}"
        kind = type(module)
        self.current = Scope(
            path, kind.__name__, parent, parent.depth + 1, is_layer(kind), module=module
        )
        parent.children.append(self.current)

    def leave(self, module: torch.nn.Module, output: Any) -> None:
        """A module returns."""
        scope = self.current
        while isinstance(scope.parent, Scope) and scope.module is not module:
            scope = scope.parent  # a call inside ended by an exception that was caught
        if not isinstance(scope.parent, Scope):
            return
        scope.results = self._results_of(output)
        scope.order = self._clock()
        self.current = scope.parent


_watching = threading.local()


def _before(module: torch.nn.Module, _: Any) -> None:
    watch = getattr(_watching, "watch", None)
    if watch is not None:
        watch.before(module)


def _after(module: torch.nn.Module, _: Any, output: Any) -> None:
    watch = getattr(_watching, "watch", None)
    if watch is not None:
        watch.after(module, output)


@contextlib.contextmanager
def watching(watch: Any) -> Iterator[None]:
    """Tell `watch` of every module call of this thread inside the block."""
    _watching.watch = watch
    before = register_module_forward_pre_hook(_before)
    after = register_module_forward_hook(_after)
    try:
        yield
    finally:
        before.remove()
        after.remove()
        _watching.watch = None


def modules_of(function: Callable[..., Any]) -> dict[str, torch.nn.Module]:
    """The modules that a callable uses, by the names it uses them by."""
    found: dict[str, torch.nn.Module] = {}
    seen: set[int] = set()

    def search(target: Any, name: str) -> None:
        if id(target) in seen:
            return
        seen.add(id(target))
        if isinstance(target, torch.nn.Module):
            found.setdefault(name, target)
        elif isinstance(target, functools.partial):
            for part in (target.func, *target.args, *target.keywords.values()):
                search(part, name)
        elif inspect.ismethod(target):
            search(target.__self__, name)
        elif inspect.isfunction(target):
            used = inspect.getclosurevars(target)
            for key, part in {**used.globals, **used.nonlocals}.items():
                if isinstance(part, torch.nn.Module) or callable(part):
                    search(part, key)
        elif not isinstance(target, type) and hasattr(target, "__dict__"):
            for key, part in vars(target).items():
                if isinstance(part, torch.nn.Module):
                    search(part, key)

    search(function, "")
    return found
