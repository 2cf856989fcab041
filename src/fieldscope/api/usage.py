"""What a trained network really uses of its fields."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

from fieldscope.api.analysis import _reported, analyze
from fieldscope.api.measurement import _of_pytorch
from fieldscope.errors import InputError, ModelError, TraceError
from fieldscope.optional import require

if TYPE_CHECKING:
    from fieldscope.analyses.effective import EffectiveComparison
    from fieldscope.analyses.layers import Report
    from fieldscope.analyses.support import Position
    from fieldscope.api.analysis import Model
    from fieldscope.measure.effective import Contribution, EffectiveField
    from fieldscope.measure.torch.effective import Measured


@overload
def effective(
    model: Callable[..., Any],
    images: Any = None,
    *,
    inputs: Any = None,
    layer: str | None = None,
    position: Position = "center",
    channel: int | None = None,
    contribution: Contribution = "absolute",
    count: int | None = None,
    batch_size: int = 8,
    device: Any = None,
    seed: int = 0,
    mean: Sequence[float] | None = None,
    deviation: Sequence[float] | None = None,
    state: str | os.PathLike[str] | None = None,
    input: str | None = None,
    axes: Sequence[int] | Mapping[str, Any] | None = None,
    name: str | None = None,
    told: Callable[[str, int, int], None] = ...,
) -> EffectiveField: ...
@overload
def effective(
    model: Callable[..., Any],
    images: Any = None,
    *,
    inputs: Any = None,
    layer: list[str] | tuple[str, ...],
    position: Position = "center",
    channel: int | None = None,
    contribution: Contribution = "absolute",
    count: int | None = None,
    batch_size: int = 8,
    device: Any = None,
    seed: int = 0,
    mean: Sequence[float] | None = None,
    deviation: Sequence[float] | None = None,
    state: str | os.PathLike[str] | None = None,
    input: str | None = None,
    axes: Sequence[int] | Mapping[str, Any] | None = None,
    name: str | None = None,
    told: Callable[[str, int, int], None] = ...,
) -> EffectiveComparison: ...
def effective(
    model: Callable[..., Any],
    images: Any = None,
    *,
    inputs: Any = None,
    layer: str | list[str] | tuple[str, ...] | None = None,
    position: Position = "center",
    channel: int | None = None,
    contribution: Contribution = "absolute",
    count: int | None = None,
    batch_size: int = 8,
    device: Any = None,
    seed: int = 0,
    mean: Sequence[float] | None = None,
    deviation: Sequence[float] | None = None,
    state: str | os.PathLike[str] | None = None,
    input: str | None = None,
    axes: Sequence[int] | Mapping[str, Any] | None = None,
    name: str | None = None,
    told: Callable[[str, int, int], None] = lambda *_: None,
) -> EffectiveField | EffectiveComparison:
    """Measure how much each input element really contributes to one position of a layer.

    Averaged over images is the gradient of the position with respect to the input: its size
    ("absolute") or its square ("squared"), summed over the input's channels. The layer's channels
    are added up with random signs, drawn anew for each image, so that sums don't cancel behind
    norms. One pass over the images, whose number memory doesn't depend on. Ctrl-C ends it and
    keeps the mean over the images seen so far.

    The model is run in eval mode, as it is, and left as it was found.

    Args:
        model: a `torch.nn.Module`, or any callable on tensors.
        images: a folder of photographs, a list of files, an array or tensor [image …], a
            DataLoader or other iterable of batches (or of tuples that begin with one); None for
            noise. Photographs are scaled and cropped to the input's extents.
        inputs: the input's shape with batch, as for `analyze`; for arrays and loaders it is theirs.
        layer: name of the layer, as in the report; None for the output; several for all of them
            in the same pass.
        position: index on each spatial axis of the layer, or "center".
        channel: one channel of the layer; None for all.
        contribution: "absolute" or "squared".
        count: number of images, at most; of noise 32 where nothing is said.
        batch_size: images that are run at once; a loader has its own.
        device: where to run: "cuda", "cpu"; None for where the model is.
        seed: of noise and signs. The same seed gives the same field for any batch size, but for
            rounding.
        mean: of photographs' channels, from 0 to 1, taken off; ImageNet's by default.
        deviation: of the same, what they are divided by.
        state: a `.npz` file that holds the running mean: it is gone on with where it was left,
            and brought up to date every quarter of a minute and at the end. A loader has to give
            the same images in the same order then.
        input: name of the input to measure, where the model has several; the others are noise.
        axes: the spatial axes of the input; see `analyze`.
        name: name of the model.
        told: called with what is being done, how far it is, and of how much.

    Returns:
        An `EffectiveField`: `.values`, `.area(0.5)`, `.radius`, `.gaussian`, `.share_of_field`,
        `.to_image(photo, log=True)`; of several layers an `EffectiveComparison` of theirs.

    Raises:
        InputError: images, inputs, device or state don't fit.
        LayerNotFoundError: there is no such layer.
        PositionError: the position or channel lies outside.
        ModelError: the model fails on the images, ignores them, or has no values.
        MissingExtraError: PyTorch or Pillow isn't installed.

    Example:
        >>> import torch
        >>> net = torch.nn.Sequential(torch.nn.Conv1d(1, 1, 3), torch.nn.MaxPool1d(2))
        >>> found = effective(net, torch.randn(50, 1, 12), position=(2,))
        >>> found.hull, found.images
        ((slice(4, 8, None),), 50)
    """
    from fieldscope.analyses.effective import side_by_side
    from fieldscope.render import shown  # noqa: F401  # registers how fields show themselves

    _of_pytorch(
        model,
        "effective",
        "fieldscope.expected_effective tells what is expected at initialisation, for any model",
    )
    require("torch", extra="torch", purpose="measuring PyTorch models")
    from fieldscope.analyses.expected import remarks_of, theory_of
    from fieldscope.analyses.support import centre_of, chosen
    from fieldscope.measure.effective import EffectiveField
    from fieldscope.measure.torch.effective import Looked, measured, on_device
    from fieldscope.measure.torch.images import Normalisation, noise_count, shape_of, source_of
    from fieldscope.measure.torch.places import OUTPUT, module_place, places_of
    from fieldscope.measure.torch.samples import samples_of
    from fieldscope.measure.torch.selection import Selection
    from fieldscope.measure.torch.until import model_name

    shape = shape_of(images) if inputs is None else inputs
    if shape is None:
        raise InputError(
            "the input's shape isn't known\ngive it with batch, such as inputs=(1, 3, 224, 224)"
        )
    report = None
    with contextlib.suppress(TraceError, ModelError):  # what can't be traced can be measured
        report = analyze(model, shape, axes=axes, name=name)
    names = [layer] if layer is None or isinstance(layer, str) else list(layer)
    if not names:
        raise InputError("no layers are named\nname some, or leave layer out for the output")
    with on_device(model, device):
        samples = samples_of(model, shape, input=input, axes=axes, seed=seed)
        source = source_of(
            images,
            samples.shape,
            seed=seed,
            normalisation=_normalisation(mean, deviation, Normalisation),
            noise=noise_count(count),
        )
        places = None
        looked, theories = {}, {}
        for one in dict.fromkeys(names):
            place = module_place(model, one)
            if place is None:
                places = places or places_of(model, shape, axes=axes)
                place = places.find(str(one))
            theory = None if report is None else chosen(report, one)
            selection = Selection(
                one or OUTPUT, position, channel, None if theory is None else theory.spatial
            )
            looked[one or OUTPUT], theories[one or OUTPUT] = Looked(place, selection), theory
        found = measured(
            model,
            samples,
            looked,
            source,
            contribution=contribution,
            batch_size=batch_size,
            seed=seed,
            count=count,
            state=state,
            told=lambda seen, every: told("measuring", seen, every or 0),
        )
    title = name or model_name(model)
    _check_read(found, title, samples.input)
    fields = []
    for key, theory in theories.items():
        where = found.mean.positions[key]
        fields.append(
            EffectiveField(
                model=title,
                layer=key if theory is None else theory.name,
                position=where,
                channel=channel,
                input=samples.input,
                axes=samples.axes,
                values=found.mean.mean(key),
                contribution=contribution,
                images=found.mean.images,
                source=source.text,
                theory=None if theory is None else theory_of(theory, where, samples.input),
                remarks=(
                    *_remarks(found, source.count if count is None else count),
                    *(() if theory is None else remarks_of(theory, counted=True)),
                ),
                centre=None if theory is None else centre_of(theory, where, samples.input),
                interrupted=found.interrupted,
            )
        )
    if layer is None or isinstance(layer, str):
        return fields[0]
    return side_by_side(fields)


def _normalisation(
    mean: Sequence[float] | None, deviation: Sequence[float] | None, kind: Callable[..., Any]
) -> Any:
    if mean is None and deviation is None:
        return None
    if mean is None or deviation is None:
        raise InputError("mean and deviation go together: give both, or none for ImageNet's")
    try:
        return kind(tuple(map(float, mean)), tuple(map(float, deviation)))
    except (TypeError, ValueError) as error:
        raise InputError(
            f"mean is {mean!r} and deviation {deviation!r}; they are a number per channel, such as "
            "mean=[0.5, 0.5, 0.5]"
        ) from error


def _check_read(found: Measured, model: str, input: str) -> None:
    if found.unread:
        raise ModelError(
            f"layer {found.unread[0]!r} of {model} doesn't depend on input {input!r}: its output "
            "has no gradient\nthe forward ignores or detaches it, or runs under torch.no_grad"
        )


def _remarks(found: Measured, wanted: int | None) -> tuple[str, ...]:
    told = []
    if found.interrupted:
        of = f" of {wanted:,}" if wanted else ""
        told.append(f"stopped after {found.mean.seen:,}{of} images")
    if found.mean.unfinished:
        told.append(f"{found.mean.unfinished:,} images left out: their gradients aren't finite")
    if found.unsaved:
        told.append(f"the running mean is not kept: {found.unsaved}")
    return tuple(told)


def expected_effective(
    model: Model | Report,
    inputs: Any = None,
    *,
    layer: str | None = None,
    position: Position = "center",
    channel: int | None = None,
    contribution: Contribution = "absolute",
    input: str | None = None,
    axes: Sequence[int] | Mapping[str, Any] | None = None,
    example: Any = None,
    name: str | None = None,
) -> EffectiveField:
    """Tell the effective field that is expected at random initialisation, running nothing.

    Weights of mean 0 whose layers keep the variance of what passes them spread the square of a
    gradient evenly over what each window reads, on the way back to the input. For a chain of n
    convolutions of k that tends to a Gaussian whose squares deviate by √(n(k² − 1)/12) (Luo et al.,
    NeurIPS 2016, arXiv 1701.04128); sizes are roots of squares, and deviate by √2 times that.

    It follows from the network's structure, so any model that can be analysed will do.

    Args:
        model: a model as for `analyze`, or the report of one.
        inputs: the shape of the input with batch, as for `analyze`; none for a report.
        layer: name of the layer, as in the report; None for the output.
        position: index on each spatial axis of the layer, or "center".
        channel: one channel of the layer; None for all.
        contribution: "absolute" for the expected size of gradients, "squared" for their square.
        input: name of the input, where the model has several.
        axes: the spatial axes of the input; see `analyze`.
        example: real inputs to run instead of shapes; see `analyze`.
        name: name of the model.

    Returns:
        An `EffectiveField` with `.expected`; only ratios of its values mean something.

    Raises:
        InputError: the inputs don't fit.
        LayerNotFoundError: there is no such layer.
        PositionError: the position or channel lies outside.
        ModelError: the model fails on such inputs.
        TraceError: the forward depends on values; pass an example.
        MissingExtraError: the model's framework isn't installed.

    Example:
        >>> from torch import nn
        >>> net = nn.Sequential(nn.Conv1d(1, 1, 3), nn.Conv1d(1, 1, 3))
        >>> found = expected_effective(net, (1, 1, 9), contribution="squared")
        >>> (9 * found.values).round(6).tolist()
        [0.0, 0.0, 1.0, 2.0, 3.0, 2.0, 1.0, 0.0, 0.0]
    """
    from fieldscope.analyses.expected import expected_of
    from fieldscope.render import shown  # noqa: F401  # registers how fields show themselves

    report = _reported(model, inputs, axes=axes, example=example, name=name)
    return expected_of(
        report, layer, position, channel=channel, input=input, contribution=contribution
    )


def compare_effective(
    fields: Sequence[EffectiveField] | Mapping[str, EffectiveField],
) -> EffectiveComparison:
    """Put effective fields side by side: of several models, layers, or measured and expected.

    Args:
        fields: what `effective` and `expected_effective` gave; a dict gives them names.

    Returns:
        Their figures: a table, `.to_json()`, `.to_image()`.

    Raises:
        InputError: there are none, or something else is among them.

    Example:
        >>> from torch import nn
        >>> nets = {"narrow": nn.Conv1d(1, 1, 3), "wide": nn.Conv1d(1, 1, 9)}
        >>> found = compare_effective(
        ...     {name: expected_effective(net, (1, 1, 32)) for name, net in nets.items()}
        ... )
        >>> [round(one.radius[0], 2) for one in found.fields]
        [1.63, 5.16]
    """
    from fieldscope.analyses.effective import side_by_side
    from fieldscope.render import shown  # noqa: F401  # registers how fields show themselves

    return side_by_side(fields)
