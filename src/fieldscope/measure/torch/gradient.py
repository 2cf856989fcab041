"""The classic method: the gradient of one position with respect to the input."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, get_args

from fieldscope.errors import FieldscopeError, InputError, ModelError
from fieldscope.frontends.inputs import Axes
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
    """Measure how strongly one position depends on each element; see `fieldscope.gradient`.

    In mode "structure" a product, a softmax or attention is the mean of what goes in, and norms
    are the identity beside the mean over channels where those are normalised.

    Args beyond those of `fieldscope.gradient`:
        position_axes: the layer's spatial axes; None for all behind batch and channels.
        explain: in mode "real", measure the structure as well, to tell in the remarks where
            the gradient misses something.
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
