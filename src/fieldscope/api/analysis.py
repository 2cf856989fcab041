"""What follows from a model's structure."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from fieldscope.errors import BoundError, InputError
from fieldscope.wording import counted, listed

if TYPE_CHECKING:
    import os

    from fieldscope.analyses.layers import Report
    from fieldscope.analyses.support import Position, SupportMask
    from fieldscope.frontends.builder import Builder
    from fieldscope.graph.trace import Trace

    Model: TypeAlias = Callable[..., Any] | str | os.PathLike[str] | Builder | Trace


def analyze(
    model: Model,
    inputs: Any = None,
    *,
    axes: Sequence[int] | Mapping[str, Any] | None = None,
    example: Any = None,
    strict: bool = False,
    fold_context: bool = False,
    name: str | None = None,
    framework: str | None = None,
) -> Report:
    """Analyse the receptive field of every layer of a model.

    A model in memory is run once on shapes, in eval mode, and left as it was found; of a file
    the graph is read, without its weights and without running anything.

    Args:
        model: a module or function of PyTorch, Keras, TensorFlow or JAX (flax, equinox); an
            `onnx.ModelProto` or `torch.export.ExportedProgram`; the path of a file that holds
            a model (`.onnx`, `.pt2`, `.keras`, `.h5`, `.fsg`, a SavedModel folder), or a text
            that names one as on the command line ("keras:VGG19"); a `fieldscope.Builder`; or what
            a front end of your own made, a `fieldscope.graph.trace.Trace`.
        inputs: a shape with batch such as (1, 3, 224, 224), a tensor of which the shape
            and type are taken, or a tuple (by position) or dict (by name) of several. Models
            that say which inputs they take need none.
        axes: the spatial axes of the input, where they can't be seen: (1, 2) for
            channels-last, (1,) for (batch, time, features), a dict from name to axis to name
            them; for several inputs a dict by input. By default all behind batch and channels
            for PyTorch, elsewhere those that the first window slides over.
        example: real inputs to run instead of shapes, for a forward in PyTorch that branches
            on values; the analysis then holds for the branch that they take.
        strict: raise an error that lists all operators without a lowering, instead of
            reporting a bound.
        fold_context: count what all positions read alike (squeeze-and-excitation, the
            statistics of norms) as part of the field.
        name: name of the model in the report.
        framework: "torch", "onnx", "keras", "tensorflow" or "jax", for a function that doesn't
            show what runs it.

    Returns:
        A report: `report["layer4"].size`, `.box((3, 3))`, `report.layers`.

    Raises:
        ModelError: the model can't be read, or fails on such inputs.
        InputError: the inputs, axes or framework don't fit.
        TraceError: the forward depends on values; pass an example.
        BoundError: `strict`, and some operators have no lowering.
        MissingExtraError: the model's framework isn't installed.

    Example:
        >>> import torch
        >>> net = torch.nn.Sequential(torch.nn.Conv1d(1, 4, 5, stride=2), torch.nn.Conv1d(4, 1, 3))
        >>> report = analyze(net, (1, 1, 100))
        >>> report.output.size, report.output.stride
        ((9,), (2,))
    """
    from fieldscope.analyses.assembly import report_of
    from fieldscope.frontends.dispatch import traced as trace
    from fieldscope.interpret import interpret
    from fieldscope.render import shown  # noqa: F401  # registers how reports show themselves

    traced: Trace | None = None
    with _collection_paused(), _memory_errors_told(lambda: traced):
        traced = trace(model, inputs, axes=axes, example=example, name=name, framework=framework)
        keep = {one.value for one in (*traced.layers, *traced.containers, *traced.aliases)}
        keep.update(value for _, value in traced.outputs)
        keep.update(value for values in traced.entering().values() for value in values)
        interpretation = interpret(
            traced.graph,
            [one.spatial for one in traced.inputs],
            keep=keep,
            fold_context=fold_context,
        )
        report = report_of(traced, interpretation)
    if strict and report.bounds:
        raise BoundError(_listed(report))
    return report


def support(
    model: Model | Report,
    inputs: Any = None,
    *,
    layer: str | None = None,
    position: Position = "center",
    channel: int | None = None,
    input: str | None = None,
    axes: Sequence[int] | Mapping[str, Any] | None = None,
    example: Any = None,
    fold_context: bool = False,
) -> SupportMask:
    """Find the exact set of input elements that one position of a layer reads.

    The set follows from the structure of the model, not from its weights: masks are followed
    backwards from the position, operator by operator, so that nothing can vanish or cancel.

    Args:
        model: a model as for `analyze`, or the report of one, which saves the analysis where
            several positions are asked for.
        inputs: the shape of the input with batch, as for `analyze`; none for a report.
        layer: name of the layer, as in the report; None for the model's output.
        position: index on each spatial axis of the layer (negative counts from the end), or
            "center": half of each extent, rounded down.
        channel: one channel of the layer instead of all.
        input: name of the input, where the model has several.
        axes: the spatial axes of the input; see `analyze`.
        example: real inputs to run instead of shapes; see `analyze`.
        fold_context: count what all positions read alike (squeeze-and-excitation, the
            statistics of norms), too.

    Returns:
        A mask: `.mask` over the input's spatial axes, `.size`, `.hull`, `.density`, `.gaps`,
        `.to_image(photo)`.

    Raises:
        LayerNotFoundError: there is no such layer.
        PositionError: the position lies outside the layer's map.
        InputError: the inputs don't fit, or the model has several and none is named.
        ModelError: the model fails on such inputs.
        TraceError: the forward depends on values; pass an example.
        MissingExtraError: the model's framework isn't installed.

    Example:
        >>> from torch import nn
        >>> net = nn.Sequential(nn.Conv1d(1, 1, 3), nn.Conv1d(1, 1, 2, dilation=4))
        >>> found = support(net, (1, 1, 12), position=(0,))
        >>> found.mask.astype(int), found.density
        (array([1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 0, 0]), 0.8571428571428571)
        >>> support(analyze(net, (1, 1, 12)), layer="0", position=(-1,)).hull
        (slice(9, 12, None),)
    """
    from fieldscope.analyses.support import support_of

    report = _reported(model, inputs, axes=axes, example=example)
    return support_of(
        report, layer, position, channel=channel, input=input, fold_context=fold_context
    )


def animate(
    model: Model | Report,
    inputs: Any = None,
    *,
    path: str | os.PathLike[str],
    point: Position = "center",
    layers: Sequence[str] | None = None,
    input: str | None = None,
    image: Any = None,
    resize: bool = False,
    seconds_per_frame: float = 0.5,
    axes: Sequence[int] | Mapping[str, Any] | None = None,
    example: Any = None,
) -> None:
    """Save the field growing through the layers as a film, one frame per layer.

    Args:
        model: a model as for `analyze`, or the report of one.
        inputs: the shape of the input with batch, as for `analyze`; none for a report.
        path: a file that ends in .gif, or in .mp4 where ffmpeg is there.
        point: index on each spatial axis of the input, or "center"; each frame shows the
            position whose field's centre is nearest to it.
        layers: names of the layers; by default those whose field is larger than all before.
        input: name of the input, where the model has several.
        image: image of the input to draw over: an array, a Pillow image or a path.
        resize: resize an image that hasn't the input's extents.
        seconds_per_frame: how long a layer is shown; the last one four times as long.
        axes: the spatial axes of the input; see `analyze`.
        example: real inputs to run instead of shapes; see `analyze`.

    Raises:
        InputError: no layer has positions, the file can't be written, or the image doesn't
            fit.
        LayerNotFoundError: there is no such layer.
        PositionError: the point lies outside the input.
        MissingExtraError: matplotlib, or the model's framework, isn't installed.

    Example:
        >>> import tempfile, torch
        >>> net = torch.nn.Sequential(torch.nn.Conv2d(1, 1, 3), torch.nn.Conv2d(1, 1, 5))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     animate(net, (1, 1, 32, 32), path=f"{folder}/growth.gif")
    """
    from fieldscope.analyses.growing import growing
    from fieldscope.render.pictures import growth_animation

    report = _reported(model, inputs, axes=axes, example=example)
    growth_animation(
        growing(report, point=point, layers=_several(layers), input=input),
        path,
        image=image,
        resize=resize,
        report=report,
        seconds_per_frame=seconds_per_frame,
    )


def _several(names: Sequence[str] | None) -> Sequence[str] | None:
    """The names of layers; one alone is a sequence, too, but of letters."""
    return (names,) if isinstance(names, str) else names


def _reported(model: Model | Report, inputs: Any, **options: Any) -> Report:
    """The report of a model, which may be there already."""
    from fieldscope.analyses.layers import Report

    if not isinstance(model, Report):
        return analyze(model, inputs, **options)
    given = ["inputs"] if inputs is not None else []
    given += [name for name, value in options.items() if value is not None]
    if given:
        raise InputError(
            f"a report has its inputs already: {listed(given)} can't be given with it\n"
            "pass the model itself to analyse it anew"
        )
    return model


@contextlib.contextmanager
def _memory_errors_told(traced: Callable[[], Trace | None]) -> Iterator[None]:
    """Tell of memory that doesn't suffice, with what is largest if the model has been traced."""
    from fieldscope.frontends.extents import too_large

    try:
        yield
    except MemoryError as error:
        trace = traced()
        raise too_large(None if trace is None else trace.graph) from error


@contextlib.contextmanager
def _collection_paused() -> Iterator[None]:
    """Put off the search for cyclic garbage.

    Among the millions of objects of a framework it can take longer than the analysis itself,
    which makes little garbage.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _listed(report: Report) -> str:
    places = counted(len(report.bounds), "operator")
    lines = [f"{places} of {report.model} without an exact lowering:"]
    for bound in report.bounds:
        place = f" ({bound.location})" if bound.location else ""
        lines.append(f"  {bound.operator} at {bound.where}{place}: {bound.reason}")
    lines.append("without strict, their results are bounds: every output reads every input")
    return "\n".join(lines)
