"""The classic method: the gradient of one position with respect to the input."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, get_args

from fieldscope.errors import FieldscopeError, InputError, ModelError
from fieldscope.frontends.torch.inputs import Axes
from fieldscope.measure.heat import HeatMap, Mode
from fieldscope.measure.torch import remarks
from fieldscope.measure.torch.passes import Pass, real_pass, structure_pass
from fieldscope.measure.torch.places import OUTPUT, Place, module_place, places_of
from fieldscope.measure.torch.samples import Samples, samples_of
from fieldscope.measure.torch.selection import Selection
from fieldscope.measure.torch.until import model_name


def gradient(
    model: Callable[..., Any],
    inputs: Any,
    *,
    layer: str | None = None,
    position: Sequence[int] | str = "center",
    channel: int | None = None,
    mode: Mode = "real",
    samples: int = 1,
    input: str | None = None,
    axes: Axes = None,
    seed: int = 0,
    position_axes: Sequence[int] | None = None,
    name: str | None = None,
    explain: bool = True,
) -> HeatMap:
    """Measure how strongly one position of a layer depends on each element of the input.

    In mode "real" the model is run as it is (in eval mode) and the gradient of the position is
    taken: what a person debugs with, but with blind spots. Where a ReLU is dead, a maximum
    lies elsewhere or sums cancel, the gradient is 0 at elements that can matter.

    In mode "structure" every operator is replaced by the mean of all that it reads: weights
    are alike and positive, activations and dropout the identity, a maximum the mean of its
    window, a product, a softmax or attention the mean of what goes in, norms the identity
    beside the mean over channels where those are normalised. What all positions share
    (statistics of whole maps: squeeze-and-excitation, instance and group norm) isn't followed.
    The values add up to at most 1: how likely a walk back from the position, which chooses
    evenly among all that is read, comes to an element.

    The model is left as it was found: weights, gradients, buffers, mode, random states.

    Args:
        model: a `torch.nn.Module`, or any callable on tensors.
        inputs: as for `fieldscope.analyze`: a shape, for which random inputs are drawn; a
            tensor, of which each sample counts; a tuple or dict for several inputs.
        layer: name of the layer, as in the report; None for the output.
        position: index per spatial axis of the layer, negative from the end, or "center":
            half the extent, rounded down.
        channel: one channel; None for all, added up with random signs in mode "real", since
            plain sums cancel behind norms and softmax.
        mode: "real" or "structure".
        samples: how many random inputs are averaged, where shapes are given.
        input: name of the input to measure, where several have spatial axes.
        axes: spatial axes of the inputs; see `fieldscope.analyze`.
        seed: of the random inputs and signs.
        position_axes: the layer's spatial axes; None for all behind batch and channels.
        name: name of the model.
        explain: in mode "real", measure the structure as well, to tell in the remarks where
            the gradient misses something.

    Returns:
        A heat map: `.values`, `.size`, `.hull`, `.remarks`.

    Raises:
        InputError: the inputs don't fit, or have no gradient.
        LayerNotFoundError: there is no such layer.
        PositionError: the position or channel lies outside.
        ModelError: the model fails on the inputs, ignores them, or has no values.

    Example:
        >>> import torch
        >>> net = torch.nn.Sequential(torch.nn.Conv1d(1, 2, 3), torch.nn.MaxPool1d(2))
        >>> heat = gradient(net, (1, 1, 10), position=(1,), mode="structure")
        >>> heat.hull, heat.size, heat.density
        ((slice(2, 6, None),), (4,), 1.0)
        >>> heat.values.round(3).tolist()
        [0.0, 0.0, 0.167, 0.333, 0.333, 0.167, 0.0, 0.0, 0.0, 0.0]
    """
    if mode not in get_args(Mode):
        raise InputError(f"mode is {mode!r}; the modes are 'real' and 'structure'")
    drawn = samples_of(model, inputs, input=input, axes=axes, samples=samples, seed=seed)
    place = module_place(model, layer)
    if place is None:
        assert layer is not None  # None is the output
        place = places_of(model, inputs, axes=axes).find(layer)
    selection = Selection(layer or OUTPUT, position, channel, position_axes)
    structure: Pass | None = None
    if mode == "structure":
        found = structure_pass(model, drawn, place, selection)
        told = remarks.of_structure(found, drawn)
    else:
        found = real_pass(model, drawn, place, selection, seed)
        if explain and found.reads:
            structure = _tried(model, drawn, place, selection)
        told = remarks.of_gradient(found, structure, drawn)
    if not found.reads and len(drawn.names) == 1:
        raise ModelError(
            f"layer {selection.layer!r} of {name or model_name(model)} doesn't depend on input "
            f"{drawn.input!r}: its output has no gradient\n"
            "the forward ignores or detaches it, or runs under torch.no_grad"
        )
    return HeatMap(
        model=name or model_name(model),
        layer=selection.layer,
        position=found.position,
        channel=channel,
        input=drawn.input,
        axes=drawn.axes,
        values=found.values,
        mode=mode,
        samples=found.samples,
        remarks=told,
    )


def _tried(
    model: Callable[..., Any], drawn: Samples, place: Place, selection: Selection
) -> Pass | None:
    """The structure, if it can be measured: it only explains."""
    try:
        return structure_pass(model, drawn, place, selection)
    except FieldscopeError:
        return None
