"""From an ONNX model to a graph with names."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from onnx import FunctionProto, GraphProto, ModelProto, ValueInfoProto, defs

from fieldscope.errors import FieldscopeError, InputError, ModelError, TraceError
from fieldscope.frontends.blame import displayed
from fieldscope.frontends.inputs import Axes, Spec, channels_first, specs
from fieldscope.frontends.lowering.program import Program, Tensor
from fieldscope.frontends.onnx.control import Unsure
from fieldscope.frontends.onnx.elements import LARGEST, NAMES
from fieldscope.frontends.onnx.files import Stored, load
from fieldscope.frontends.onnx.node import domain_of, unexpected
from fieldscope.frontends.onnx.walk import Environment, Walker
from fieldscope.graph.trace import Trace
from fieldscope.wording import listed

OLDEST = 7
"""The first opset in which operators broadcast as in NumPy."""


def trace(
    model: str | os.PathLike[str] | ModelProto,
    inputs: Any = None,
    *,
    axes: Axes = None,
    name: str | None = None,
) -> Trace:
    """Read a model's graph; its weights are looked at only where an index is computed from them.

    Args:
        model: path of a file, or a model that is loaded already.
        inputs: shapes with batch, or arrays, of inputs whose extents the model leaves open; see
            `fieldscope.analyze`. An open batch axis is 1.
        axes: spatial axes of the inputs; see `fieldscope.analyze`.
        name: name of the model in the report.

    Raises:
        ModelError: there is no such file, it isn't an ONNX model, or the inputs don't fit it.
        InputError: the shape of an input isn't known, or the inputs given aren't the model's.
        TraceError: its outputs don't depend on its inputs.
    """
    stored, path = Stored(), None
    if not isinstance(model, ModelProto):
        path = Path(model)
        name = name or path.stem
        model, stored = load(path)
    graph = model.graph
    if not graph.node:
        file = "the ONNX model" if path is None else displayed(path)
        raise ModelError(f"{file} has no nodes\nis the file damaged?")
    versions = _versions(model)
    held = {one.name for one in graph.initializer}
    held.update(one.values.name for one in graph.sparse_initializer)
    wanted = [one for one in graph.input if one.name not in held]
    program = Program("onnx")
    env = Environment(versions=versions)
    for one, spec in _specs(wanted, inputs).items():
        env.names[one] = program.input(one, spec)
    walker = Walker(program, _functions(model), stored)
    try:
        found = walker.graph(graph, env)
    except (FieldscopeError, MemoryError):
        raise
    except Exception as error:
        raise unexpected("the ONNX model", error) from error
    return program.trace(
        name or graph.name or "model",
        _outputs(graph, found),
        axes=axes,
        otherwise=channels_first,
    )


def _outputs(graph: GraphProto, found: list[Any]) -> list[tuple[str, Tensor]]:
    outputs: list[tuple[str, Tensor]] = []
    for one, result in zip(graph.output, found, strict=True):
        if isinstance(result, Tensor):
            outputs.append((f"output[{one.name!r}]", result))
        elif isinstance(result, (list, Unsure)):
            outputs.extend(
                (f"output[{one.name!r}][{k}]", part)
                for k, part in enumerate(result if isinstance(result, list) else result.tensors)
                if isinstance(part, Tensor)
            )
    if len(outputs) == 1:
        return [("output", outputs[0][1])]
    if not outputs:
        raise TraceError("the ONNX model returns no tensor\nis the file damaged?")
    return outputs


def _versions(model: ModelProto) -> dict[str, int]:
    versions = {domain_of(one.domain): one.version for one in model.opset_import}
    versions.setdefault("", 1 if not versions else defs.onnx_opset_version())
    newest = defs.onnx_opset_version()
    if versions[""] > newest:
        raise ModelError(
            f"the model is written for version {versions['']} of ONNX's operators; the onnx "
            f"package that is installed knows them up to {newest}\n"
            "upgrade it: pip install --upgrade onnx"
        )
    if versions[""] < OLDEST:
        raise ModelError(
            f"the model is written for version {versions['']} of ONNX's operators; "
            f"those from {OLDEST} on are read\n"
            "convert it by onnx.version_converter.convert_version"
        )
    return versions


def _functions(model: ModelProto) -> dict[tuple[str, str, str], FunctionProto]:
    return {(one.domain, one.name, one.overload): one for one in model.functions}


def _specs(wanted: list[ValueInfoProto], inputs: Any) -> dict[str, Spec]:
    """Shape and type of each input: what the user gives, else what the model declares."""
    names = [one.name for one in wanted]
    given = {} if inputs is None else specs(inputs, names)
    declared = {one.name: _declared(one) for one in wanted}
    sizes = _sizes(given, declared)
    found = {}
    for one in wanted:
        dtype, extents = declared[one.name]
        if one.name in given:
            shape = given[one.name].shape
            if extents is not None and len(shape) != len(extents):
                raise InputError(
                    f"input {one.name!r} has {len(extents)} axes, {_shown(extents)}, "
                    f"and is given {len(shape)}: {shape}"
                )
        else:
            shape = _known(one.name, extents, sizes, given=bool(given))
        if any(extent > LARGEST >> 1 for extent in shape):
            raise InputError(f"input {one.name!r} of shape {shape} is too large")
        found[one.name] = Spec(shape, dtype)
    return found


_Extents = tuple[int | str, ...] | None


def _declared(one: ValueInfoProto) -> tuple[str, _Extents]:
    """Type and extents of an input: numbers, names where they are open, "?" without a name."""
    if not one.type.HasField("tensor_type"):
        kind = one.type.WhichOneof("value") or "nothing"
        raise TraceError(
            f"input {one.name!r} is a {kind.removesuffix('_type')}; only tensors are followed"
        )
    tensor = one.type.tensor_type
    dtype = NAMES.get(tensor.elem_type)
    if dtype is None:
        raise ModelError(f"input {one.name!r} has an unknown type\nis the file damaged?")
    if not tensor.HasField("shape"):
        return dtype, None
    return dtype, tuple(
        d.dim_value if d.HasField("dim_value") and d.dim_value > 0 else d.dim_param or "?"
        for d in tensor.shape.dim
    )


def _sizes(given: dict[str, Spec], declared: dict[str, tuple[str, _Extents]]) -> dict[str, int]:
    """What open extents are, by their names, where one of the inputs given has them."""
    found: dict[str, int] = {}
    for name, spec in given.items():
        for extent, size in zip(declared[name][1] or (), spec.shape, strict=False):
            if isinstance(extent, str) and extent != "?":
                found.setdefault(extent, size)
    return found


def _known(name: str, extents: _Extents, sizes: dict[str, int], *, given: bool) -> tuple[int, ...]:
    if extents is None:
        raise InputError(
            f"the model doesn't tell the shape of its input {name!r}\n"
            "give one: --input 1x3x224x224, or inputs=(1, 3, 224, 224)"
        )
    shape = [sizes.get(extent, extent) if isinstance(extent, str) else extent for extent in extents]
    if shape and isinstance(shape[0], str):
        shape[0] = 1
    unknown = [
        f"axis {k}" if extent == "?" else f"{extent!r} (axis {k})"
        for k, extent in enumerate(shape)
        if isinstance(extent, str)
    ]
    if unknown:
        sample = [224 if isinstance(extent, str) else extent for extent in shape]
        example = "x".join(map(str, sample))
        if given:
            example = f"{name}={example}"
        raise InputError(
            f"the model leaves extents of its input {name!r} open: {listed(unknown)} of "
            f"{_shown(extents)}\n"
            f"give its shape, such as --input {example} or inputs={tuple(sample)}"
        )
    return tuple(int(extent) for extent in shape)


def _shown(extents: _Extents) -> str:
    return f"({', '.join(map(str, extents or ()))})"
