"""From an exported program to a graph with names."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import torch

from fieldscope.errors import FieldscopeError, ModelError, TraceError
from fieldscope.frontends.inputs import Axes
from fieldscope.frontends.naming import Names
from fieldscope.frontends.torch.exported.archive import Archive
from fieldscope.frontends.torch.exported.form import Exported, Input, Meta
from fieldscope.frontends.torch.exported.objects import exported_from
from fieldscope.frontends.torch.exported.recorder import MOST_COMPUTED, ReplayRecorder
from fieldscope.frontends.torch.exported.replay import Bound, Replay
from fieldscope.frontends.torch.exported.schema import exported_in
from fieldscope.frontends.torch.exported.sizes import extents, sized
from fieldscope.frontends.torch.inputs import spatial_axes
from fieldscope.frontends.torch.lowering.call import tensors_in
from fieldscope.frontends.torch.shaped import shaped
from fieldscope.graph.graph import Shape
from fieldscope.graph.trace import Trace, TracedInput

MOST_TABLE = 1 << 18
"""Floating-point tensors of more elements are no masks; see `fieldscope...shape_only`."""

MOST_INPUT = 1 << 24


def trace(
    program: str | os.PathLike[str] | Any,
    inputs: Any = None,
    *,
    axes: Axes = None,
    name: str | None = None,
) -> Trace:
    """Replay an exported program on shapes and record what every operator reads.

    Args:
        program: path of a `.pt2` file, or a `torch.export.ExportedProgram`. Of a file the graph
            is read, and of its tensors small tables; nothing in it is unpickled or executed.
        inputs: shapes with batch, tensors, or several of them; None for those that the program
            was exported with. Extents that it was exported for can't be changed.
        axes: spatial axes of the inputs; see `fieldscope.analyze`.
        name: name of the model in the report.

    Raises:
        InputError: the inputs aren't those that the program takes, or have no spatial axes.
        ModelError: the file holds no program, or one that can't be run.
        TraceError: its shapes depend on values, or its output on nothing.
    """
    with _opened(program) as exported, torch.no_grad():
        return _traced(exported, inputs, axes=axes, name=name, trusted=exported.trusted)


@contextlib.contextmanager
def _opened(program: Any) -> Iterator[Exported]:
    if isinstance(program, (str, os.PathLike)):
        with Archive(program) as archive:
            yield exported_in(archive)
    elif hasattr(program, "graph_signature") and hasattr(program, "graph_module"):
        yield exported_from(program)
    else:
        raise ModelError(
            f"the program is {type(program).__name__}, which isn't an exported one\n"
            "give the path of a .pt2 file, or what torch.export.export returns"
        )


def _traced(
    exported: Exported, inputs: Any, *, axes: Axes, name: str | None, trusted: bool
) -> Trace:
    shapes, symbols = sized(exported, inputs)
    recorder = ReplayRecorder(trusted=trusted)
    replay = Replay(recorder, symbols)
    tensors: dict[str, torch.Tensor] = {}
    bound: list[Bound] = []
    for one in exported.inputs:
        value: Any = one.number
        if one.kind == "input":
            assert one.meta is not None
            value = tensors[one.name] = _input(one.name, one.meta, shapes[one.name], symbols)
        elif one.meta is not None:
            value = _held(recorder, one, one.meta, symbols, trusted=trusted)
        bound.append(replay.bound(value))
    spatial = spatial_axes(tensors, axes)
    traced = []
    for key, tensor in tensors.items():
        recorder.aliases.hold(tensor, recorder.builder.input(tensor.shape))
        traced.append(TracedInput(key, tuple(tensor.shape), *spatial[key]))
    results = replay.run(exported.graph, bound)
    outputs = [
        (f"output{place}", value)
        for place, result in zip(exported.outputs, results, strict=False)
        if place is not None
        for value in _values(recorder, result.value)
    ]
    if not outputs:
        raise TraceError(
            "the program's output doesn't depend on its input: "
            "no tensor that it returns was computed from the input\n"
            "export what computes something from it"
        )
    replay.modules.read(None, (result.key for result in results))
    replay.modules.close()
    root = replay.modules.root
    for child in root.children:
        if not child.path:
            child.results = [(place.removeprefix("output"), value) for place, value in outputs]
    names = Names(recorder.builder, recorder.operations, root)
    kind = next((child.kind for child in root.children if not child.path), exported.name)
    return Trace(
        model=name or kind,
        framework="torch",
        graph=recorder.builder.build(),
        inputs=tuple(traced),
        layers=tuple(layer for _, layer in names.layers),
        containers=tuple(container for _, container in names.containers if container.name),
        aliases=tuple(names.aliases),
        outputs=tuple(outputs),
        origins=tuple(names.origins()),
    )


def _values(recorder: ReplayRecorder, result: Any) -> list[int]:
    found = [recorder.value(tensor) for tensor in tensors_in(result)]
    return [value for value in found if value is not None]


def _input(name: str, meta: Meta, shape: Shape, symbols: dict[str, int]) -> torch.Tensor:
    if max(shape, default=0) > MOST_INPUT:
        raise ModelError(
            f"the program's input {name!r} has shape {shape}, and an axis may have "
            f"{MOST_INPUT:,} elements at most\nexport it for a smaller input"
        )
    return _tensor(name, meta, shape, extents(meta.strides, symbols))


def _tensor(name: str, meta: Meta, shape: Shape, strides: Shape | None) -> torch.Tensor:
    try:
        if strides is None or len(strides) != len(shape):
            return shaped(torch.empty(shape, dtype=meta.dtype, device="meta"))
        return shaped(torch.empty_strided(shape, strides, dtype=meta.dtype, device="meta"))
    except (RuntimeError, OverflowError) as error:
        raise ModelError(
            f"the program's {name[:60]!r} can't be: shape {str(shape)[:80]} "
            f"({str(error).splitlines()[0][:120]})\n"
            "save the program again by torch.export.save(program, path)"
        ) from error


def _held(
    recorder: ReplayRecorder, one: Input, meta: Meta, symbols: dict[str, int], *, trusted: bool
) -> torch.Tensor:
    """A tensor that the program holds: its elements where a table or mask may need them."""
    if trusted and one.read is not None:
        found = one.read()
        if type(found) in (torch.Tensor, torch.nn.Parameter):
            assert found is not None
            return found
    shape = extents(meta.sizes, symbols)
    if shape is None:
        raise ModelError(
            f"the program doesn't say of what size its tensor {one.name[:60]!r} is\n"
            "save it again by torch.export.save(program, path)"
        )
    made = _tensor(one.name, meta, shape, extents(meta.strides, symbols))
    if one.read is None or trusted or made.numel() > MOST_COMPUTED:
        return made
    most = MOST_TABLE if meta.dtype.is_floating_point else MOST_COMPUTED
    table = made.dim() > meta.dtype.is_floating_point and made.numel() <= most
    if table and one.kind != "parameter":
        found = _read(one, made)
        return made if found is None else found
    read = one.read

    def known() -> torch.Tensor | None:
        return _read(Input(one.name, one.kind, meta, read=read), made)

    recorder.store.promise(made, known)
    return made


def _read(one: Input, made: torch.Tensor) -> torch.Tensor | None:
    """The elements of a tensor, if they are such as the graph says."""
    try:
        found = None if one.read is None else one.read()
    except FieldscopeError:
        raise
    except RuntimeError as error:
        raise ModelError(
            f"the program's tensor {one.name[:60]!r} can't be read: {str(error)[:120]}\n"
            "save it again by torch.export.save(program, path)"
        ) from error
    if found is None or found.shape != made.shape or found.dtype != made.dtype:
        return None
    return found
