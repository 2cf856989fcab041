"""From a Keras model or layer to a graph with names, on the backend that Keras runs on."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from fieldscope.errors import ModelError
from fieldscope.frontends.inputs import Axes
from fieldscope.frontends.keras.backends import imported
from fieldscope.graph.trace import Trace
from fieldscope.wording import listed

BACKENDS = ("tensorflow", "jax", "torch")
"""The backends on which models can be followed."""


def trace(model: Any, inputs: Any = None, *, axes: Axes = None, name: str | None = None) -> Trace:
    """Follow a Keras model on shapes and record what every operator reads.

    Layers are named as Keras names them, alike on all backends. The model is called as for
    inference, its weights aren't read, and it is left as it was found.

    Args:
        model: a Keras 3 model or layer, or the path of a `.keras` or `.h5` file.
        inputs: a shape with batch, an array, or several of them by position or by name; None
            for what the model says itself.
        axes: spatial axes of the inputs; see `fieldscope.analyze`.
        name: name of the model in the report.

    Raises:
        InputError: the inputs don't fit, or are missing.
        ModelError: the model can't be read or followed, or fails on such inputs.
        TraceError: it depends on values.
    """
    keras = imported()
    if isinstance(model, (str, os.PathLike)):
        from fieldscope.frontends.keras.files import load

        path = Path(model)
        model, name = load(path), name or path.name
    backend = keras.backend.backend()
    if backend not in BACKENDS:
        raise ModelError(
            f"Keras runs on {backend}, on which models can't be followed\n"
            f"set KERAS_BACKEND to {listed(BACKENDS, last='or')} before Keras is imported"
        )
    on: Callable[..., Trace] = import_module(f"fieldscope.frontends.keras.on_{backend}").trace
    return on(model, inputs, axes=axes, name=name)
