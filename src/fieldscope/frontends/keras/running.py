"""Run a Keras model, on the backend that Keras runs on, with the outputs of its layers."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, TypeAlias

import keras
import numpy as np
import numpy.typing as npt

from fieldscope.errors import FieldscopeError, ModelError
from fieldscope.frontends.blame import told
from fieldscope.frontends.keras.calls import Paths, leaves_of, watched
from fieldscope.frontends.keras.shapes import Arguments, arguments
from fieldscope.frontends.naming import Scope
from fieldscope.graph.trace import Trace

Array: TypeAlias = npt.NDArray[Any]
Function: TypeAlias = Callable[[Mapping[str, Array]], dict[str, Array]]


class _Outputs:
    """Collects what each call of a layer returns, by its name."""

    def __init__(self, wanted: set[str]) -> None:
        self._paths = Paths(Scope("", "", None, 0))
        self._wanted = wanted
        self.found: dict[str, Any] = {}

    @contextlib.contextmanager
    def calling(self, operation: Any) -> Iterator[Callable[[Any], None]]:
        """A layer is called."""
        scope = self._paths.enter(operation)

        def returned(results: Any) -> None:
            leaves = leaves_of(results, "")
            for place, tensor in leaves:
                self._keep(f"{scope.path}{place}", tensor)
            if leaves:
                self._keep(scope.path, leaves[0][1])

        try:
            yield returned
        finally:
            self._paths.leave()

    def outputs(self, results: Any) -> None:
        """The model itself has returned."""
        for place, tensor in leaves_of(results, "output"):
            self._keep(place, tensor)

    def _keep(self, name: str, tensor: Any) -> None:
        if name in self._wanted:
            self.found.setdefault(name, tensor)


def runner(
    model: Any, trace: Trace, layers: Sequence[str], inputs: Any = None
) -> tuple[Function, dict[str, np.dtype[Any]], dict[str, str]]:
    """A function from a model's inputs to the outputs of layers.

    Args:
        model: a Keras model or layer with its weights, or the path of a file.
        trace: what was made of it.
        layers: names of the layers.
        inputs: what it was traced with, of which the trace says all that is needed.

    Returns:
        The function, the types of the inputs by name, and why layers can't be seen, by layer.

    Raises:
        ModelError: the model fails.
    """
    del inputs
    if isinstance(model, (str, os.PathLike)):
        from fieldscope.frontends.keras.files import load

        model = load(Path(model))
    called = arguments(model, {one.name: one.shape for one in trace.inputs})
    if called.model is not model:  # made anew for these shapes, without values
        for variable in called.model.variables:
            if variable._value is None:
                variable._deferred_initialize()
        if model.built:
            called.model.set_weights(model.get_weights())
    wanted = set(layers)
    compiled = _compiled(lambda *tensors: _run(called, tensors, wanted))
    types = {key: np.dtype(spec.dtype or "float32") for key, spec in called.specs.items()}

    def function(arrays: Mapping[str, Array]) -> dict[str, Array]:
        tensors = [
            keras.ops.convert_to_tensor(arrays[key].astype(kind)) for key, kind in types.items()
        ]
        try:
            found = compiled(*tensors)
        except FieldscopeError:
            raise
        except Exception as error:
            raise ModelError(
                f"the model fails when it is run: {told(error)}\ncheck the shapes of its inputs"
            ) from error
        return {name: keras.ops.convert_to_numpy(tensor) for name, tensor in found.items()}

    seen = set(function({key: np.zeros(s.shape, types[key]) for key, s in called.specs.items()}))
    why = "no layer returns it: it is an operation inside of one"
    return function, types, {layer: why for layer in layers if layer not in seen}


def _run(called: Arguments, tensors: Sequence[Any], wanted: set[str]) -> dict[str, Any]:
    outputs = _Outputs(wanted)
    with watched(outputs):
        outputs.outputs(called.call(*tensors))
    return outputs.found


def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of tensors, compiled where the backend does that."""
    match keras.backend.backend():
        case "tensorflow":
            import tensorflow as tf

            compiled: Callable[..., Any] = tf.function(function)
            return compiled
        case "jax":
            import jax

            return jax.jit(function)
        case "torch":
            without_gradients: Callable[..., Any] = import_module("torch").no_grad()(function)
            return without_gradients
    return function
