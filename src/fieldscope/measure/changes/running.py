"""From a model of a framework to one that is run on changed inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from fieldscope.errors import InputError, ModelError
from fieldscope.graph.trace import Trace
from fieldscope.measure.changes.rehearsal import Array, ChangesRehearsal, Run
from fieldscope.measure.rehearsal import Index
from fieldscope.wording import listed

RUNNERS = {
    "onnx": "fieldscope.frontends.onnx.running",
    "keras": "fieldscope.frontends.keras.running",
    "jax": "fieldscope.frontends.jax.running",
    "tensorflow": "fieldscope.frontends.tensorflow.running",
}
"""Modules with a function `runner(model, trace, layers, inputs)`, by framework.

It returns the function from arrays to the layers' outputs, the types of the inputs by name,
and why layers can't be seen, by layer.
"""


def rehearsal_of(
    kind: str,
    model: Any,
    trace: Trace,
    looked: Mapping[str, Sequence[Index]],
    *,
    inputs: Any = None,
    input: str | None = None,
    seed: int = 0,
) -> ChangesRehearsal:
    """A model that is run on changed inputs, to verify what its trace says.

    Args:
        kind: its framework.
        model: the model, or its file; it is run with its weights.
        trace: what the framework's front end made of it.
        looked: the positions that will be looked at, by layer.
        inputs: arrays to run it on, by the inputs' names or in their order; what isn't an
            array, such as a shape, leaves the input to chance.
        input: name of the input that is changed, where several have spatial axes.
        seed: of random inputs and changes.

    Raises:
        ModelError: models of this framework can't be run layer by layer, or this one can't.
        InputError: the input must be named.
        MissingExtraError: what runs the model isn't installed.
    """
    if kind == "torch":
        raise ModelError(
            "a program of torch.export is read without its weights, so it can't be run\n"
            "verify the module that was exported"
        )
    if kind == "fieldscope":
        raise ModelError(
            "a network that was described by hand, or saved as a graph, has no values to run it "
            "with\nverify the model that it stands for"
        )
    if kind not in RUNNERS:
        raise ModelError(
            f"models of {kind} can't be run layer by layer to be verified\n"
            f"those of PyTorch, {listed(sorted(RUNNERS))} can"
        )
    spatial = {one.name: one.spatial for one in trace.inputs if one.spatial}
    chosen = next(iter(spatial)) if input is None and len(spatial) == 1 else input
    if chosen not in spatial:
        names = listed(list(map(repr, spatial)))
        raise InputError(f"say which input is changed: input= one of {names}")
    runner: Callable[..., Any] = import_module(RUNNERS[kind]).runner
    function, types, hidden = runner(model, trace, list(looked), inputs)
    shapes = {one.name: one.shape for one in trace.inputs}
    own = _given(inputs, list(shapes))

    def arrays(number: int) -> dict[str, Array]:
        rng = np.random.default_rng((seed, number))
        drawn = {name: _drawn(shape, types[name], rng) for name, shape in shapes.items()}
        return {**drawn, **own} if number == 0 else drawn

    return ChangesRehearsal(
        Run(function, arrays, hidden), chosen, spatial[chosen], looked, seed=seed
    )


def _drawn(shape: tuple[int, ...], kind: np.dtype[Any], rng: np.random.Generator) -> Array:
    if kind.kind == "f":
        return rng.standard_normal(shape).astype(kind)
    return np.zeros(shape, dtype=kind)


def _given(inputs: Any, names: Sequence[str]) -> dict[str, Array]:
    """The arrays among what a user gives as inputs."""
    if isinstance(inputs, Mapping):
        named = dict(inputs)
    elif isinstance(inputs, np.ndarray):
        named = {names[0]: inputs}
    else:
        several = inputs if isinstance(inputs, (list, tuple)) else ()
        named = dict(zip(names, several, strict=False))
    return {str(key): one for key, one in named.items() if isinstance(one, np.ndarray)}
