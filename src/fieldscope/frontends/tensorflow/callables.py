"""Functions, modules and loaded SavedModels, as graphs on inputs of some shapes."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from fieldscope.errors import FieldscopeError, InputError, ModelError, TraceError
from fieldscope.frontends.blame import told
from fieldscope.frontends.inputs import Spec, specs
from fieldscope.frontends.tensorflow.folding import shape_of
from fieldscope.frontends.tensorflow.functions import imported
from fieldscope.frontends.tensorflow.shapes import filled
from fieldscope.frontends.tensorflow.states import Held, Variable
from fieldscope.frontends.tensorflow.trace import Given, captured
from fieldscope.frontends.tensorflow.variables import held_shape
from fieldscope.wording import listed


def graph_of(model: Any, inputs: Any) -> Given:
    """The graph of anything that can be called on tensors.

    Raises:
        InputError: the inputs don't fit, or are missing.
        ModelError: it can't be called on them.
        TraceError: it branches on values that aren't known.
    """
    name = getattr(model, "__name__", None) or type(model).__name__
    if hasattr(model, "signatures") and not callable(model):
        model = _signature(model)
    if _is_concrete(model):
        return _of_concrete(model, inputs, name)
    if not callable(model):
        raise ModelError(
            f"the model is {type(model).__name__}, which can't be called; pass a tf.function, "
            "a tf.Module with __call__, or a SavedModel"
        )
    if not hasattr(model, "get_concrete_function"):
        called = getattr(model, "__call__", None)  # noqa: B004  # tells a tf.function from a method
        if hasattr(called, "get_concrete_function"):
            model = called
    parameters = _parameters(model)
    given = _asked(model, inputs, parameters)
    concrete = _concrete(model, given)
    found = list(zip(given, concrete.graph.inputs, strict=False))
    return Given(
        graph=concrete.graph,
        name=name,
        inputs=[(key, tensor, given[key]) for key, tensor in found],
        outputs=places_in(concrete.structured_outputs),
        held=captured(concrete.graph),
    )


def _is_concrete(model: Any) -> bool:
    return hasattr(model, "function_def") and hasattr(model, "graph") and hasattr(model, "inputs")


def _signature(model: Any) -> Any:
    """The signature of a loaded SavedModel that is served."""
    signatures = model.signatures
    for key in ("serving_default", "serve", *signatures):
        if key in signatures:
            return signatures[key]
    raise ModelError(
        "the SavedModel has no signature\npass one of its functions, or save it with signatures="
    )


def _parameters(model: Any) -> list[inspect.Parameter]:
    function = getattr(model, "python_function", model)
    try:
        found = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return []
    if found and found[0].name == "self":
        found = found[1:]
    return [one for one in found if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]


def _asked(model: Any, inputs: Any, parameters: list[inspect.Parameter]) -> dict[str, Spec]:
    """The shapes and types to call a function with, by parameter."""
    names = [one.name for one in parameters]
    signature = getattr(model, "input_signature", None)
    declared = dict(zip(names, signature, strict=False)) if signature is not None else {}
    if inputs is None:
        if not declared:
            needed = [one.name for one in parameters if one.default is one.empty]
            raise InputError(
                f"the function doesn't say which shapes it takes: {listed(needed)}\n"
                "pass them with batch, such as (1, 224, 224, 3)"
            )
        return {
            key: Spec(filled(key, spec.shape), spec.dtype.name) for key, spec in declared.items()
        }
    if not names and not isinstance(inputs, Mapping):
        names = ["x"]
    found = specs(inputs, names)
    return {
        key: Spec(
            spec.shape, declared[key].dtype.name if key in declared else spec.dtype or "float32"
        )
        for key, spec in found.items()
    }


def _concrete(model: Any, given: Mapping[str, Spec]) -> Any:
    shapes = ", ".join(f"{key} {spec.shape}" for key, spec in given.items())
    arguments = {
        key: tf.TensorSpec(spec.shape, spec.dtype or "float32", name=key)
        for key, spec in given.items()
    }
    try:
        traced = model if hasattr(model, "get_concrete_function") else tf.function(model)
        if list(given) == [one.name for one in _parameters(model)][: len(given)]:
            return traced.get_concrete_function(*arguments.values())
        return traced.get_concrete_function(**arguments)
    except FieldscopeError:
        raise
    except Exception as error:
        text = str(error)
        if "symbolic" in text and ("bool" in text or "iterate" in text.lower()):
            raise TraceError(
                f"the function can't be followed on shapes: {told(error).splitlines()[0]}\n"
                "write the branch with tf.cond or inside of a tf.function"
            ) from error
        raise ModelError(
            f"the function fails on inputs {shapes}: {_last_line(error)}\n"
            "check number, shapes and types of the inputs against what it takes"
        ) from error


def _last_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).strip().splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[-1] if lines else 'no message'}"


def _of_concrete(concrete: Any, inputs: Any, name: str) -> Given:
    """The graph of a concrete function, made anew where its inputs' shapes are open."""
    graph = concrete.graph
    count = len(graph.inputs) - len(graph.captures)
    feeds = graph.inputs[:count]
    names = [tensor.op.name for tensor in feeds]
    given = {} if inputs is None else specs(inputs, names)
    shapes = {
        key: filled(key, tensor.shape, given[key].shape if key in given else None)
        for key, tensor in zip(names, feeds, strict=True)
    }
    outputs = places_in(concrete.structured_outputs)
    held: dict[int, Held] = captured(graph)
    if any(tuple(t.shape or ()) != shapes[key] for key, t in zip(names, feeds, strict=True)):
        order = {id(tensor): k for k, tensor in enumerate(graph.outputs)}
        known = [held.get(id(t)) for t in graph.inputs[count:]]
        open_shapes: list[Any] = [shapes[key] for key in names]
        open_shapes += [
            held_shape(t) if t.dtype == tf.resource else shape_of(t) for t in graph.inputs[count:]
        ]
        again = imported(concrete.function_def, open_shapes, {})
        feeds = again.inputs[:count]
        held = {
            id(t): Variable(held_shape(t)) if one is None else one
            for t, one in zip(again.inputs[count:], known, strict=True)
            if one is not None or t.dtype == tf.resource
        }
        outputs = [(place, again.outputs[order[id(t)]]) for place, t in outputs]
        graph = again.graph
    return Given(
        graph=graph,
        name=name if name != "ConcreteFunction" else concrete.name,
        inputs=[
            (key, tensor, Spec(shapes[key], tensor.dtype.name))
            for key, tensor in zip(names, feeds, strict=True)
        ],
        outputs=outputs,
        held=held,
    )


def places_in(results: Any) -> list[tuple[str, Any]]:
    """The tensors in nested results, each with its place: "output", "output[0]", …."""
    found: list[tuple[str, Any]] = []

    def search(part: Any, place: str) -> None:
        if isinstance(part, tf.Tensor):
            found.append((place, part))
        elif isinstance(part, Mapping):
            for key, one in part.items():
                search(one, f"{place}[{key!r}]")
        elif isinstance(part, Sequence) and not isinstance(part, (str, bytes)):
            for k, one in enumerate(part):
                search(one, f"{place}[{k}]")

    search(results, "output")
    return found
