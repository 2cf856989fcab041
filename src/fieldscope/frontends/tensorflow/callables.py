"""Functions, modules and loaded SavedModels, as graphs on inputs of some shapes."""

from __future__ import annotations

import contextlib
import inspect
import re
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from fieldscope.errors import FieldscopeError, InputError, ModelError, TraceError
from fieldscope.frontends.blame import told
from fieldscope.frontends.inputs import Spec, specs
from fieldscope.frontends.lowering.program import Tensor
from fieldscope.frontends.tensorflow.folding import shape_of
from fieldscope.frontends.tensorflow.functions import imported
from fieldscope.frontends.tensorflow.shapes import filled
from fieldscope.frontends.tensorflow.states import Variable
from fieldscope.frontends.tensorflow.trace import Given, held_by
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
    declared = _declared(model)
    if declared:
        return _first_that_fits(declared, inputs, name)
    given = _asked(inputs, _parameters(model))
    return _of_concrete(_concrete(model, given), inputs, name)


def _declared(model: Any) -> list[Any]:
    """The concrete functions that a function says it has: by a signature, or as it was saved."""
    if getattr(model, "input_signature", None) is not None:
        return [model.get_concrete_function()]
    return list(getattr(model, "concrete_functions", None) or [])


def _first_that_fits(concretes: list[Any], inputs: Any, name: str) -> Given:
    """The graph of the first function that takes such inputs."""
    *others, last = concretes
    for one in others:
        with contextlib.suppress(InputError):
            return _of_concrete(one, inputs, name)
    return _of_concrete(last, inputs, name)


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


def _asked(inputs: Any, parameters: list[inspect.Parameter]) -> dict[str, Spec]:
    """The shapes and types to call a function with, by parameter."""
    names = [one.name for one in parameters]
    if inputs is None:
        needed = [one.name for one in parameters if one.default is one.empty]
        raise InputError(
            f"the function doesn't say which shapes it takes: {listed(needed)}\n"
            "pass them with batch, such as (1, 224, 224, 3)"
        )
    found = specs(inputs, names or ["x"])
    return {key: Spec(spec.shape, spec.dtype or "float32") for key, spec in found.items()}


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
    count = len(graph.inputs) - len(concrete.captured_inputs)
    feeds, inner = graph.inputs[:count], graph.inputs[count:]
    names = [tensor.op.name for tensor in feeds]
    given = {} if inputs is None else specs(inputs, names)
    shapes = {
        key: filled(key, tensor.shape, given[key].shape if key in given else None)
        for key, tensor in zip(names, feeds, strict=True)
    }
    outputs = _outputs(concrete)
    held = [held_by(outer, t) for outer, t in zip(concrete.captured_inputs, inner, strict=True)]
    if any(shape_of(t) != shapes[key] for key, t in zip(names, feeds, strict=True)):
        order = {id(tensor): k for k, tensor in enumerate(graph.outputs)}
        open_shapes = [shapes[key] for key in names]
        known = [one.shape if isinstance(one, (Tensor, Variable)) else None for one in held]
        again = imported(concrete.function_def, [*open_shapes, *known], {})
        feeds, inner = again.inputs[:count], again.inputs[count:]
        outputs = [(place, again.outputs[order[id(t)]]) for place, t in outputs]
        graph = again.graph
    return Given(
        graph=graph,
        name=name if not _is_concrete_name(name) else _title(concrete),
        inputs=[
            (key, tensor, Spec(shapes[key], tensor.dtype.name))
            for key, tensor in zip(names, feeds, strict=True)
        ],
        outputs=outputs,
        held={id(t): one for t, one in zip(inner, held, strict=True) if one is not None},
    )


def _outputs(concrete: Any) -> list[tuple[str, tf.Tensor]]:
    """The outputs by their places; a loaded function knows only what they look like."""
    found = places_in(concrete.structured_outputs)
    tensors = list(concrete.graph.outputs)
    if found or not tensors:
        return found
    with contextlib.suppress(ValueError, TypeError):
        return places_in(tf.nest.pack_sequence_as(concrete.structured_outputs, tensors))
    return places_in(tensors)


def _is_concrete_name(name: str) -> bool:
    return name.endswith("ConcreteFunction") or name.startswith(("__inference", "_"))


def _title(concrete: Any) -> str:
    """The name of the Python function that a concrete one was made of."""
    name = concrete.name.decode() if isinstance(concrete.name, bytes) else str(concrete.name)
    return re.sub(r"^__inference_(signature_wrapper_)?|_\d+$", "", name).strip("_") or name


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
