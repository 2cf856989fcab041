"""The modules of a model: their paths and types, and their calls while it is traced.

Flax's linen names its scopes itself. Modules of nnx and equinox are called through their class,
which is watched while a trace runs: a call puts the module's path on JAX's name stack.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import jax

from fieldscope.frontends.jax.places import ABSOLUTE, AGAIN

LIBRARIES = ("flax.", "equinox.")
"""Modules whose class is defined there are one layer, but for what holds others."""


class LayerKinds:
    """The names of module types that a library ships as one layer."""

    def __init__(self) -> None:
        self._known: dict[str, bool] = {}

    def add(self, kind: type) -> None:
        """Remember a type."""
        self._known[kind.__name__] = any(
            base.__module__.startswith(LIBRARIES) and base.__name__ != "Module"
            for base in kind.__mro__
            if not base.__module__.startswith(("flax.nnx.pytreelib", "flax.core"))
        ) and kind.__module__.startswith(LIBRARIES)

    def __contains__(self, kind: str) -> bool:
        known = self._known.get(kind)
        if known is None:
            linen = sys.modules.get("flax.linen")
            found = getattr(linen, kind, None)
            known = isinstance(found, type) and issubclass(found, linen.Module)  # type: ignore[union-attr]  # found in it
        return bool(known)


LIBRARY_LAYERS = LayerKinds()


class Modules:
    """The modules of one trace.

    Attributes:
        kinds: types of modules by their paths.
        roots: names that flax gives to whole models.
        outputs: the places of what the function returned.
    """

    def __init__(self, roots: Mapping[str, Any]) -> None:
        self.kinds: dict[str, str] = {}
        self.roots: set[str] = set()
        self.outputs: list[str] = []
        self._paths: dict[int, str] = {}
        self._held: list[Any] = []
        self._types: dict[type, None] = {}
        self._counts: dict[Any, int] = {}
        self._tops: dict[type, str] = {}
        self._running: list[int] = []
        for name, root in roots.items():
            for path, module in _found(root, name):
                if "." not in path:
                    self._tops.setdefault(type(module), path)
                self._add(module, path)

    def _add(self, module: Any, path: str) -> None:
        if id(module) in self._paths:
            return
        self._paths[id(module)] = path
        self._held.append(module)
        kind = type(module)
        self._types[kind] = None
        self.kinds[path] = kind.__name__
        LIBRARY_LAYERS.add(kind)

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Name the scopes of modules that are called inside the block."""
        with contextlib.ExitStack() as stack:
            linen = sys.modules.get("flax.linen")
            if linen is not None:
                stack.enter_context(linen.intercept_methods(self._intercepted))
            definers = {
                next((base for base in kind.__mro__ if "__call__" in vars(base)), None): None
                for kind in self._types
            }
            for definer in definers:
                if definer is not None:
                    stack.enter_context(self._patched(definer))
            yield

    @contextlib.contextmanager
    def _patched(self, kind: type) -> Iterator[None]:
        original = vars(kind)["__call__"]
        # Equinox wraps methods in descriptors, whose functions the class itself gives out.
        called: Any = kind.__call__  # isn't a test of being callable

        @functools.wraps(called)
        def watching(module: Any, *args: Any, **kwargs: Any) -> Any:
            path = self._path(module)
            if not path or self._running[-1:] == [id(module)]:
                return called(module, *args, **kwargs)
            self._running.append(id(module))
            try:
                with self._scope(ABSOLUTE + path, path):
                    return called(module, *args, **kwargs)
            finally:
                self._running.pop()

        type.__setattr__(kind, "__call__", watching)
        try:
            yield
        finally:
            type.__setattr__(kind, "__call__", original)

    def _path(self, module: Any) -> str | None:
        """The path of a module that is called; that of its original for a copy of a root."""
        if id(module) not in self._paths:
            # Inside of a transformation of the library's own (filter_jit) modules are copies.
            path = self._tops.get(type(module))
            if path is None:
                return None
            for place, part in _found(module, path):
                self._add(part, place)
        return self._paths.get(id(module))

    @contextlib.contextmanager
    def _scope(self, name: str, key: Any) -> Iterator[None]:
        count = self._counts[key] = self._counts.get(key, 0) + 1
        with contextlib.ExitStack() as stack:
            if name:
                stack.enter_context(jax.named_scope(name))
            if count > 1:
                stack.enter_context(jax.named_scope(f"{AGAIN}{count}"))
            yield

    def _intercepted(self, following: Any, args: Any, kwargs: Any, context: Any) -> Any:
        """A method of a linen module is called, inside the scope that flax made for it."""
        module, method = context.module, context.method_name
        path = module.scope.path if module.scope is not None else ()
        if method == "setup":
            return following(*args, **kwargs)
        kind = type(module)
        LIBRARY_LAYERS.add(kind)
        if not path:
            own = module.name or kind.__name__
            self.roots.add(own if method == "__call__" else f"{own}.{method}")
            return following(*args, **kwargs)
        self.kinds.setdefault(".".join(path), kind.__name__)
        with self._scope("", (path, method)):
            return following(*args, **kwargs)


def _found(root: Any, name: str) -> Iterator[tuple[str, Any]]:
    """The modules of nnx and equinox that an object holds, with their paths."""
    nnx, equinox = sys.modules.get("flax.nnx"), sys.modules.get("equinox")
    kinds = tuple(one.Module for one in (nnx, equinox) if one is not None)
    seen: set[int] = set()

    def inside(module: Any, path: str) -> Iterator[tuple[str, Any]]:
        if id(module) in seen:
            return
        seen.add(id(module))
        if isinstance(module, kinds):
            yield path, module
            parts = _attributes(module)
        elif isinstance(module, (list, tuple)):
            parts = {str(k): part for k, part in enumerate(module)}
        elif isinstance(module, Mapping):
            parts = {str(k): part for k, part in module.items()}
        elif nnx is not None and type(module).__name__ in ("List", "Dict"):
            parts = _attributes(module)
        else:
            return
        for key, part in parts.items():
            yield from inside(part, f"{path}.{key}" if path else key)

    def search(target: Any, own: str, depth: int) -> Iterator[tuple[str, Any]]:
        if not kinds or depth > 6:
            return
        if hasattr(target, "__wrapped__"):
            yield from search(target.__wrapped__, own, depth + 1)
        elif isinstance(target, kinds):
            yield from inside(target, own)
        elif isinstance(target, functools.partial):
            for part in (target.func, *target.args, *target.keywords.values()):
                yield from search(part, own, depth + 1)
        elif inspect.ismethod(target):
            yield from search(target.__self__, own, depth + 1)
        elif inspect.isfunction(target):
            used = inspect.getclosurevars(target)
            for key, part in {**used.globals, **used.nonlocals}.items():
                if isinstance(part, kinds):
                    yield from inside(part, key)
                elif callable(part) and not isinstance(part, type):
                    yield from search(part, own, depth + 1)

    yield from search(root, name, 0)


def _attributes(module: Any) -> dict[str, Any]:
    try:
        return {str(key): part for key, part in vars(module).items()}
    except TypeError:
        names = [name for kind in type(module).__mro__ for name in getattr(kind, "__slots__", ())]
        return {name: getattr(module, name) for name in names if hasattr(module, name)}
