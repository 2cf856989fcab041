"""Run an ONNX model in ONNX Runtime with the outputs of its layers."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import onnx

from fieldscope.errors import ModelError
from fieldscope.frontends.blame import told
from fieldscope.graph.trace import Trace
from fieldscope.optional import require

Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]

_TYPES = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(float16)": "float16",
    "tensor(bool)": "bool",
    **{f"tensor({u}int{bits})": f"{u}int{bits}" for u in ("", "u") for bits in (8, 16, 32, 64)},
}


def runner(
    model: str | os.PathLike[str] | onnx.ModelProto,
    trace: Trace,
    layers: Sequence[str],
    inputs: Any = None,
) -> tuple[
    Callable[[Arrays], dict[str, npt.NDArray[Any]]], dict[str, np.dtype[Any]], dict[str, str]
]:
    """A function from a model's inputs to the outputs of layers.

    Args:
        model: path of a file, or a model that is loaded already, with its weights.
        trace: what was made of it.
        layers: names of the layers.
        inputs: what it was traced with, of which the trace says all that is needed.

    Returns:
        The function, the types of the inputs by name, and why layers can't be seen, by layer.

    Raises:
        ModelError: ONNX Runtime can't run it.
        MissingExtraError: ONNX Runtime isn't installed.
    """
    del inputs
    runtime = require("onnxruntime", extra="onnx", purpose="running ONNX models")
    names, values = _names(trace, _loaded(model)), trace.values()
    found = {layer: names[values[layer]] for layer in layers if values.get(layer) in names}
    hidden = {
        layer: "its output has no name of its own in the file: it is inside of a function or branch"
        for layer in layers
        if layer not in found
    }
    session = _session(runtime, _with_outputs(_loaded(model), found.values()))
    types = {}
    for one in session.get_inputs():
        if one.type not in _TYPES:
            raise ModelError(
                f"input {one.name!r} is a {one.type}, of which no values can be drawn\n"
                "only models on numbers and truth values can be verified"
            )
        types[one.name] = np.dtype(_TYPES[one.type])
    wanted = list(dict.fromkeys(found.values()))

    def function(arrays: Arrays) -> dict[str, npt.NDArray[Any]]:
        try:
            results = session.run(wanted, dict(arrays))
        except Exception as error:
            raise ModelError(
                f"ONNX Runtime can't run the model: {told(error)}\ncheck the shapes of its inputs"
            ) from error
        by_name = dict(zip(wanted, results, strict=True))
        return {layer: by_name[name] for layer, name in found.items()}

    return function, types, hidden


def _loaded(model: str | os.PathLike[str] | onnx.ModelProto) -> onnx.ModelProto:
    """A copy of a model, with its weights."""
    if isinstance(model, onnx.ModelProto):
        copy = onnx.ModelProto()
        copy.CopyFrom(model)
        return copy
    try:
        return onnx.load(Path(model))
    except Exception as error:
        raise ModelError(
            f"{os.fspath(model)} can't be read with its weights: {told(error)}\n"
            "check that the files with its weights lie beside it"
        ) from error


def _names(trace: Trace, model: onnx.ModelProto) -> dict[int, str]:
    """The names that the file has for values of the graph."""
    known = {one.name: one.value for one in (*trace.layers, *trace.aliases)}
    known.update({alias.name: alias.value for alias in trace.aliases})
    # A node's further results bear its name, too, in the trace: the first one is meant.
    firsts = [node.output[0] for node in model.graph.node if node.output and node.output[0]]
    names = {known[name]: name for name in reversed(firsts) if name in known}
    outputs = [one.name for one in model.graph.output]
    values = dict(trace.outputs)
    for name in outputs:
        value = values.get(f"output[{name!r}]", values.get("output") if len(outputs) == 1 else None)
        if value is not None:
            names[value] = name
    return names


def _with_outputs(model: onnx.ModelProto, names: Any) -> onnx.ModelProto:
    present = {one.name for one in model.graph.output}
    for name in dict.fromkeys(names):
        if name not in present:
            model.graph.output.append(onnx.ValueInfoProto(name=name))
    return model


def _session(runtime: Any, model: onnx.ModelProto) -> Any:
    options = runtime.SessionOptions()
    # Fused operators have no values inside, and other roundings.
    options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    try:
        return runtime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:
        raise ModelError(
            f"ONNX Runtime can't load the model: {told(error)}\n"
            "it may be newer than the installed ONNX Runtime: upgrade it"
        ) from error
