"""What running a model for real shows."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from fieldscope.api.analysis import _several, analyze
from fieldscope.errors import ModelError, TraceError
from fieldscope.optional import require

if TYPE_CHECKING:
    from fieldscope.analyses.support import Position
    from fieldscope.analyses.verification import Verification
    from fieldscope.api.analysis import Model
    from fieldscope.measure.heat import HeatMap, Mode
    from fieldscope.measure.torch.until import Until


def _is_module(model: Any, framework: str | None = None) -> bool:
    """Whether a model is a module or function that PyTorch runs."""
    from fieldscope.frontends.detection import framework_of

    if isinstance(model, (str, os.PathLike)) or type(model).__name__ == "ExportedProgram":
        return False
    return (framework_of(model) if framework is None else framework) == "torch"


def _of_pytorch(model: Any, purpose: str, instead: str) -> None:
    """Refuse a model of another framework, naming what serves it."""
    if not _is_module(model):
        raise ModelError(
            f"{purpose} runs modules and functions of PyTorch, and the model is none\n{instead}"
        )


def gradient(
    model: Callable[..., Any],
    inputs: Any = None,
    *,
    layer: str | None = None,
    position: Position = "center",
    channel: int | None = None,
    mode: Mode = "real",
    samples: int = 1,
    input: str | None = None,
    axes: Sequence[int] | Mapping[str, Any] | None = None,
    seed: int = 0,
    name: str | None = None,
) -> HeatMap:
    """Measure how strongly one position of a layer depends on each element of the input.

    In mode "real" the model is run as it is, in eval mode, and the gradient of the position is
    taken: what a person debugs with, but with blind spots. Where a ReLU is dead, a maximum
    lies elsewhere or sums cancel, the gradient is 0 at elements that can matter.

    In mode "structure" every operator is replaced by the mean of all that it reads: weights
    are alike and positive, activations and dropout the identity, a maximum the mean of its
    window, norms passive. The values add up to at most 1: how likely a walk back from the
    position, which chooses evenly among all that is read, comes to an element. What all
    positions share (squeeze-and-excitation, statistics of norms) isn't followed.

    The model is left as it was found: weights, gradients, buffers, mode, random states.

    Args:
        model: a `torch.nn.Module`, or any callable on tensors.
        inputs: as for `analyze`: a shape, for which random inputs are drawn; a tensor, of
            which each sample counts; a tuple or dict for several inputs.
        layer: name of the layer, as in the report; None for the output.
        position: index on each spatial axis of the layer, or "center".
        channel: one channel; None for all, added up with random signs in mode "real", since
            plain sums cancel behind norms and softmax.
        mode: "real" or "structure".
        samples: how many random inputs are averaged, where shapes are given.
        input: name of the input to measure, where the model has several.
        axes: the spatial axes of the input; see `analyze`.
        seed: of the random inputs and signs.
        name: name of the model.

    Returns:
        A heat map: `.values`, `.size`, `.hull`, `.remarks`, `.to_image(photo)`. The remarks
        say what to mind: dead activations, cancelled sums, a field that the input cuts off
        and the extents that would be enough.

    Raises:
        InputError: the inputs don't fit, or have no gradient.
        LayerNotFoundError: there is no such layer.
        PositionError: the position or channel lies outside.
        ModelError: the model fails on the inputs, ignores them, or has no values.
        MissingExtraError: PyTorch isn't installed.

    Example:
        >>> import torch
        >>> net = torch.nn.Sequential(torch.nn.Conv1d(1, 2, 3), torch.nn.MaxPool1d(2))
        >>> heat = gradient(net, (1, 1, 10), position=(1,), mode="structure")
        >>> heat.hull, heat.values[2:6].round(3).tolist()
        ((slice(2, 6, None),), [0.167, 0.333, 0.333, 0.167])
    """
    _of_pytorch(
        model,
        "gradient",
        "fieldscope.support gives the exact set for any model, and fieldscope.probe measures any "
        "function from array to array",
    )
    require("torch", extra="torch", purpose="measuring PyTorch models")
    from fieldscope.analyses.cut import remarks_on
    from fieldscope.analyses.support import centre_of, chosen
    from fieldscope.measure.torch.gradient import gradient as measured
    from fieldscope.render import shown  # noqa: F401  # registers how maps show themselves

    theory = None
    with contextlib.suppress(TraceError, ModelError):  # what can't be traced can be measured
        report = analyze(model, inputs, axes=axes, name=name)
        theory = chosen(report, layer)
    heat = measured(
        model,
        inputs,
        layer=layer,
        position=position,
        channel=channel,
        mode=mode,
        samples=samples,
        input=input,
        axes=axes,
        seed=seed,
        position_axes=None if theory is None else theory.spatial,
        name=name,
    )
    if theory is None:
        return heat
    return replace(
        heat,
        layer=theory.name,
        remarks=remarks_on(heat, theory),
        centre=centre_of(theory, heat.position, heat.input),
    )


def until(model: Callable[..., Any], layer: str | None = None, *, inputs: Any = None) -> Until:
    """Cut a model off behind a layer.

    The result runs the model as it is, in the mode it is in, and stops once the layer has
    been run; nothing is copied. The model itself stays whole.

    Args:
        model: a `torch.nn.Module`, or any callable on tensors.
        layer: name of the layer, as in the report: `features.14`, `block#2` for the second
            call of a module, `layer1.0.add_1` for a functional operator; None for the output.
        inputs: shapes as for `analyze`, to look for functional operators at once; else that
            is done at the first call, on the shapes it is called with.

    Returns:
        A callable with the model's own parameters.

    Raises:
        LayerNotFoundError: the model has no such layer.
        MissingExtraError: PyTorch isn't installed.

    Example:
        >>> import torch
        >>> net = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.ReLU(), torch.nn.Flatten())
        >>> until(net, "1")
        <Sequential until 1>
        >>> until(net, "1")(torch.ones(1, 1, 8, 6)).shape
        torch.Size([1, 2, 6, 4])
    """
    _of_pytorch(model, "until", "its own framework can return a layer's output")
    require("torch", extra="torch", purpose="running PyTorch models")
    from fieldscope.measure.torch.until import until as cut

    return cut(model, layer, inputs=inputs)


def verify(
    model: Model,
    inputs: Any = None,
    *,
    layers: Sequence[str] | None = None,
    positions: int = 3,
    input: str | None = None,
    axes: Sequence[int] | Mapping[str, Any] | None = None,
    example: Any = None,
    seed: int = 0,
    name: str | None = None,
    framework: str | None = None,
    told: Callable[[str, int, int], None] = lambda *_: None,
) -> Verification:
    """Compare the analysis with the model itself, layer by layer.

    At some positions of each layer, the parts of the theory are held against one another
    (box, field on the plane, support), and the support against measurement: it has to be
    what the gradient of the neutralised model reaches, element by element; with 0 on it and
    1 elsewhere that model's output has to be 0; and the model's own gradient and what
    changing its input changes have to stay within. Where a gradient and the theory differ,
    the elements in question are changed, and the model's own output judges.

    Models of other frameworks are run in their own runtime (ONNX files in ONNX Runtime), where
    nothing has a gradient: what changes each position, slice by slice, has to lie within its
    box, and changing all that it doesn't read must leave it as it is. Their weights are
    loaded for that, and their code is run.

    Args:
        model: a model as for `analyze`, with values for its weights.
        inputs: as for `gradient`.
        layers: names of the layers; by default all. Those of PyTorch that are named are
            probed, too, which takes longer.
        positions: how many positions of each layer, at most: the centre, the first, the
            last, then some at random.
        input: name of the input, where the model has several.
        axes: the spatial axes of the input; see `analyze`.
        example: real inputs to run instead, for a forward that branches on values.
        seed: of random inputs and positions.
        name: name of the model.
        framework: what runs it, where that isn't clear; see `analyze`.
        told: called with each layer's name, its number and how many there are.

    Returns:
        The findings: `.agrees`, `.checks`, each with a `.verdict` ("agrees", "disagrees" or
        "not measurable") and `.why`.

    Raises:
        InputError: the inputs don't fit.
        LayerNotFoundError: there is no such layer.
        ModelError: the model fails on the inputs or has no values.
        TraceError: the forward depends on values.
        MissingExtraError: the model's framework, or what runs it, isn't installed.

    Example:
        >>> import torch
        >>> net = torch.nn.Sequential(torch.nn.Conv1d(1, 2, 3, dilation=2), torch.nn.ReLU())
        >>> verify(net, (1, 1, 12)).summary
        '2 layers: 2 agree'
    """
    from fieldscope.frontends.dispatch import named

    layers = _several(layers)
    model, inputs, name = named(model, inputs, name=name, example=example, values=True)
    if not _is_module(model, framework):
        return _verified_by_changes(
            model,
            inputs,
            layers=layers,
            positions=positions,
            input=input,
            axes=axes,
            example=example,
            seed=seed,
            name=name,
            framework=framework,
            told=told,
        )
    require("torch", extra="torch", purpose="measuring PyTorch models")
    from fieldscope.analyses.verification.verifying import layers_to_check, verify_of
    from fieldscope.measure.torch.rehearsal import TorchRehearsal

    report = analyze(model, inputs, axes=axes, example=example, name=name, framework=framework)
    checked = [layer.name for layer in layers_to_check(report, layers)]
    module = cast("Callable[..., Any]", model)
    rehearsal = TorchRehearsal(
        module, inputs, checked, input=input, axes=axes, example=example, seed=seed
    )
    return verify_of(
        report,
        rehearsal,
        layers=layers,
        positions=positions,
        input=input,
        seed=seed,
        told=told,
    )


def _verified_by_changes(
    model: Any,
    inputs: Any,
    *,
    layers: Sequence[str] | None,
    positions: int,
    input: str | None,
    axes: Any,
    example: Any,
    seed: int,
    name: str | None,
    framework: str | None,
    told: Callable[[str, int, int], None],
) -> Verification:
    """Verify a model that can only be run, in its own runtime."""
    from fieldscope.analyses.verification.changing import looked_at, verify_by_changes
    from fieldscope.frontends.detection import framework_of
    from fieldscope.frontends.dispatch import chosen, traced
    from fieldscope.measure.changes import rehearsal_of

    kind = framework_of(model) if framework is None else chosen(framework)
    trace = traced(model, inputs, axes=axes, example=example, name=name, framework=framework)
    report = analyze(trace)
    looked = looked_at(report, layers=layers, positions=positions, input=input, seed=seed)
    rehearsal = rehearsal_of(kind, model, trace, looked, inputs=inputs, input=input, seed=seed)
    return verify_by_changes(
        report,
        rehearsal,
        layers=layers,
        positions=positions,
        input=input,
        seed=seed,
        told=told,
    )
