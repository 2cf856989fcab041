"""Keras models on PyTorch: its own trace, in which layers are modules, under Keras' names."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import keras
import torch
from keras.src.backend.torch.core import to_torch_dtype

from fieldscope.frontends.inputs import Axes, channels_last, spatial_axes
from fieldscope.frontends.keras.calls import Paths, watched
from fieldscope.frontends.keras.shapes import Arguments, arguments
from fieldscope.frontends.layouts import by_windows
from fieldscope.frontends.torch.recorder import Recorder
from fieldscope.frontends.torch.scopes import Observer, Scope
from fieldscope.frontends.torch.trace import trace as torch_trace
from fieldscope.graph.trace import Trace, TracedInput


class _Calls:
    """Opens a scope of the trace for each call."""

    def __init__(self, observer: Observer) -> None:
        self.paths = Paths(observer.root)
        self._observer = observer

    @contextlib.contextmanager
    def calling(self, operation: Any) -> Iterator[Callable[[Any], None]]:
        """A layer is called."""
        observer = self._observer
        outer = observer.current
        plain = self.paths.enter(operation)
        scope = Scope(plain.path, plain.kind, outer, outer.depth + 1, True)
        outer.children.append(scope)
        observer.current = scope

        def returned(results: Any) -> None:
            scope.results = observer._results_of(results)
            scope.order = observer._clock()

        try:
            yield returned
        finally:
            observer.current = outer
            self.paths.leave()


def trace(model: Any, inputs: Any = None, *, axes: Axes = None, name: str | None = None) -> Trace:
    """Follow a model on PyTorch; see `fieldscope.frontends.keras.trace.trace`."""
    called = arguments(model, inputs)
    # Made before the trace, in which what is made has elements.
    weights = {id(variable): _weight(variable) for variable in called.model.variables}

    @contextlib.contextmanager
    def following(recorder: Recorder, observer: Observer) -> Iterator[None]:
        del recorder
        scope = keras.StatelessScope(initialize_variables=False)
        # Not by the scope's own argument, which makes tensors with memory of them.
        scope.state_mapping.update(weights)
        # Keras' layers are modules, too; their names are given here.
        for hook in ("enter", "leave"):
            setattr(observer, hook, lambda *_: None)
        with scope, watched(_Calls(observer)):
            yield

    given = {
        key: torch.empty(spec.shape, dtype=to_torch_dtype(spec.dtype or "float32"), device="meta")
        for key, spec in called.specs.items()
    }
    title = name or str(model.name)
    traced = torch_trace(
        _Run(called), tuple(given.values()), axes=axes, name=title, follow=following
    )
    slid = by_windows(traced.graph, list(given), channels_last)
    spatial = spatial_axes(called.specs, axes, slid)
    own = (TracedInput(key, spec.shape, *spatial[key]) for key, spec in called.specs.items())
    return replace(traced, inputs=tuple(own))


class _Run:
    """Calls the model on tensors, without showing what it is: its weights aren't looked at."""

    __slots__ = ("__signature__", "_call")

    def __init__(self, called: Arguments) -> None:
        kind = inspect.Parameter.POSITIONAL_ONLY
        self._call = called.call
        self.__signature__ = inspect.Signature(
            [inspect.Parameter(f"input_{k}", kind) for k in range(len(called.specs))]
        )

    def __call__(self, *tensors: torch.Tensor) -> Any:
        return self._call(*tensors)


def _weight(variable: Any) -> torch.Tensor:
    """A weight of which only shape and type are told, unless it may be an index."""
    kind = to_torch_dtype(variable._dtype)
    held = variable._value
    if held is not None and not (kind.is_floating_point or kind.is_complex):
        found: torch.Tensor = held.detach()
        return found
    return torch.empty(tuple(variable.shape), dtype=kind, device="meta")
