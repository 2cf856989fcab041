"""Calls of Keras layers, followed while a model is traced, whatever its backend."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import keras
from keras.src.models.functional import Functional

from fieldscope.frontends.naming import Scope

_watching = threading.local()
_lock = threading.RLock()
"""One trace at a time: the classes' calls are wrapped meanwhile."""


class Watch(Protocol):
    """What is told of calls."""

    def calling(self, operation: Any) -> contextlib.AbstractContextManager[Callable[[Any], None]]:
        """A layer is called inside the block; what it enters with takes the results."""


@contextlib.contextmanager
def watched(watch: Watch) -> Iterator[None]:
    """Tell `watch` of every call of a layer or operation in this thread inside the block."""
    layer, operation = keras.layers.Layer, keras.Operation
    with _lock:
        before = layer.__call__, operation.__call__
        layer.__call__ = _wrapped(before[0], lambda one: True)
        operation.__call__ = _wrapped(before[1], _is_node)
        outer = getattr(_watching, "watch", None)
        _watching.watch, _watching.callers = watch, []
        try:
            yield
        finally:
            _watching.watch = outer
            layer.__call__, operation.__call__ = before


def _is_node(operation: Any) -> bool:
    """Whether an operation that is no layer is a node of the model that calls it."""
    if isinstance(operation, keras.layers.Layer):
        return False
    caller = _watching.callers[-1] if _watching.callers else None
    return isinstance(caller, (Functional, keras.Sequential))


def _wrapped(call: Callable[..., Any], counts: Callable[[Any], bool]) -> Callable[..., Any]:
    @functools.wraps(call)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        watch = getattr(_watching, "watch", None)
        if watch is None or not counts(self):
            return call(self, *args, **kwargs)
        _watching.callers.append(self)
        try:
            with watch.calling(self) as returned:
                results = call(self, *args, **kwargs)
                returned(results)
        finally:
            _watching.callers.pop()
        return results

    return wrapper


class Paths:
    """The scopes of calls: paths of layers' names, and "#2" where one is called again.

    Attributes:
        calls: the scope of every call, in order.
    """

    def __init__(self, root: Scope) -> None:
        self.calls: list[Scope] = []
        self._open = [root]
        self._plain = [""]
        self._counts: dict[str, int] = {}

    def enter(self, operation: Any) -> Scope:
        """A layer is called: the model itself has no name of its own."""
        outer, plain = self._open[-1], self._plain[-1]
        if len(self._open) == 1:
            name = ""
        else:
            name = f"{plain}.{operation.name}" if plain else operation.name
        count = self._counts[name] = self._counts.get(name, 0) + 1
        path = name if count == 1 or not name else f"{name}#{count}"
        scope = Scope(path, type(operation).__name__, outer, outer.depth + 1, whole=True)
        outer.children.append(scope)
        self.calls.append(scope)
        self._open.append(scope)
        self._plain.append(name)
        return scope

    def leave(self) -> None:
        """The layer that was entered last returns."""
        self._open.pop()
        self._plain.pop()


def leaves_of(results: Any, place: str) -> list[tuple[str, Any]]:
    """The tensors in nested results, each with its place: "[0]", "['aux']"."""
    if hasattr(results, "shape") and hasattr(results, "dtype"):
        return [(place, results)]
    if isinstance(results, Mapping):
        parts = [(repr(key), part) for key, part in results.items()]
    elif isinstance(results, (list, tuple)):
        parts = [(str(key), part) for key, part in enumerate(results)]
    else:
        return []
    return [one for key, part in parts for one in leaves_of(part, f"{place}[{key}]")]
