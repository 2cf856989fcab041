"""From any model to a trace: which front end reads it, imported once it is needed."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from fieldscope.errors import InputError
from fieldscope.frontends.blame import displayed
from fieldscope.frontends.detection import (
    FRAMEWORKS,
    Framework,
    framework_of,
    framework_of_file,
    framework_of_type,
    is_described,
)
from fieldscope.frontends.extents import as_declared, check_declared
from fieldscope.frontends.inputs import Axes
from fieldscope.frontends.targets import resolve
from fieldscope.graph.trace import Trace
from fieldscope.optional import require
from fieldscope.wording import listed, meant


@dataclass(frozen=True, slots=True)
class FrontEnd:
    """What reads the models of a framework.

    Attributes:
        package: what has to be installed.
        extra: the extra of fieldscope that installs it.
        models: what its models are called.
    """

    package: str
    extra: str
    models: str


# Keras is not among them: what it needs depends on its backend (`_find`).
FRONT_ENDS: dict[Framework, FrontEnd] = {
    "torch": FrontEnd("torch", "torch", "PyTorch models"),
    "onnx": FrontEnd("onnx", "onnx", "ONNX models"),
    "tensorflow": FrontEnd("tensorflow", "keras", "TensorFlow models"),
    "jax": FrontEnd("jax", "jax", "JAX functions"),
}


def traced(
    model: Any,
    inputs: Any = None,
    *,
    axes: Axes = None,
    example: Any = None,
    name: str | None = None,
    framework: str | None = None,
) -> Trace:
    """Hand a model to the front end of its framework; a trace is handed through.

    Args:
        model: a model of any framework, a function, a path, a text that names a model as on
            the command line, or a `Trace`.
        inputs: as for `fieldscope.analyze`.
        axes: spatial axes of the inputs.
        example: real inputs to run, for PyTorch.
        name: name of the model in the report.
        framework: what runs it, where that isn't clear.

    Raises:
        InputError: the inputs, axes or framework don't fit.
        ModelError: the model can't be read, or fails on such inputs.
        TraceError: it depends on values.
        MissingExtraError: the framework isn't installed.
    """
    if isinstance(model, Trace):
        given = {"inputs": inputs, "axes": axes, "example": example}
        clash = [key for key, value in given.items() if value is not None]
        if clash:
            raise InputError(f"a trace has its inputs already: {listed(clash)} can't be given")
        return model
    model, inputs, name = named(model, inputs, name=name, example=example)
    kind = framework_of(model) if framework is None else _told(framework, model)
    if kind != "fieldscope":
        _find(kind)
    trace = _tracer(kind, model)
    if kind == "torch" and not _is_exported(model):
        if example is None and inputs is None:
            raise InputError(
                "the model doesn't say which inputs it takes\n"
                "pass their shape with batch, such as (1, 3, 224, 224)"
            )
        return trace(model, inputs, axes=axes, example=example, name=name)
    if example is not None:
        raise InputError(
            f"example= runs PyTorch models, and this one is read without being run ({kind})\n"
            "pass the inputs' shapes"
        )
    if name is None and isinstance(model, os.PathLike):
        name = displayed(Path(model))
    with as_declared(unasked=inputs is None):
        found = trace(model, inputs, axes=axes, name=name)
        for one in found.inputs:
            check_declared(one.name, one.shape)
    return found


def named(
    model: Any, inputs: Any, *, name: str | None, example: Any = None, values: bool = False
) -> tuple[Any, Any, str | None]:
    """A model that a text names, its default inputs, and its name; others as they are.

    Args:
        model: a model, or a text that names one as on the command line.
        inputs: what is given as its inputs.
        name: what is given as its name.
        example: what is given as an example.
        values: give weights of models that are known by name values.
    """
    if not isinstance(model, str):
        return model, inputs, name
    found = resolve(model, values=values, inputs=inputs)
    inputs = found.inputs if inputs is None and example is None else inputs
    return found.model, inputs, name or found.name


def chosen(framework: str) -> Framework:
    """A framework by the name that a user gives.

    Raises:
        InputError: there is none of that name.
    """
    for known in FRAMEWORKS:
        if framework == known:
            return known
    raise InputError(
        f"there is no framework {framework!r}{meant(framework, list(FRAMEWORKS))}\n"
        f"frameworks are {listed(list(FRAMEWORKS))}"
    )


def _find(kind: Framework) -> None:
    """Make sure that a framework is installed."""
    if kind == "keras":
        from fieldscope.frontends.keras.backends import imported

        imported()  # Keras doesn't import without a backend, of which it knows several
        return
    front_end = FRONT_ENDS[kind]
    require(front_end.package, extra=front_end.extra, purpose=f"analysing {front_end.models}")


def _told(framework: str, model: Any) -> Framework:
    """The framework that the user says runs a model; a file may contradict."""
    kind = chosen(framework)
    if is_described(model):
        raise InputError(
            f"a network described by hand needs no framework, and {kind} is given\n"
            "leave the framework out"
        )
    file = isinstance(model, os.PathLike)
    if kind == "onnx" and not file and framework_of_type(type(model)) != "onnx":
        raise InputError(
            f"framework is onnx, and the model is of type {type(model).__name__}\n"
            "leave the framework out, which is for functions; ONNX models are files, or ModelProtos"
        )
    own = framework_of_file(Path(model)) if file else None
    if own not in (None, kind) and {own, kind} != {"keras", "tensorflow"}:
        shown = displayed(Path(model))
        graph = "a graph, which needs no framework, not a model"
        held = graph if own == "fieldscope" else f"a model of {own}, not"
        raise InputError(
            f"{shown} holds {held} of {kind}\nleave the framework out, which is for functions"
        )
    if isinstance(model, os.PathLike) and kind == "jax":
        raise InputError(
            f"JAX has no files of models, and {displayed(Path(model))} is one\n"
            "give the function itself"
        )
    return kind


def _tracer(kind: Framework, model: Any) -> Callable[..., Trace]:
    if kind == "torch" and _is_exported(model):
        return _of_module("fieldscope.frontends.torch.exported")
    folder = "builder" if kind == "fieldscope" else kind
    return _of_module(f"fieldscope.frontends.{folder}.trace")


def _of_module(name: str) -> Callable[..., Trace]:
    found: Callable[..., Trace] = import_module(name).trace
    return found


def _is_exported(model: Any) -> bool:
    """Whether a model of PyTorch is a program: a file, or what `torch.export.export` returns."""
    return isinstance(model, os.PathLike) or type(model).__name__ == "ExportedProgram"
