"""The field growing through the layers, seen from one point of the input."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from fieldscope.analyses.layers import InputInfo, Layer, Report
from fieldscope.analyses.support import SupportMask, support_of
from fieldscope.errors import InputError, PositionError


def growing(
    report: Report,
    *,
    point: Sequence[int] | None = None,
    layers: Sequence[str] | None = None,
    input: str | None = None,
) -> tuple[SupportMask, ...]:
    """The supports of one layer after the other, each at the position that is over a point.

    Args:
        report: the report of a model.
        point: index on each spatial axis of the input; its centre by default.
        layers: names of the layers; by default those whose field is larger than that of all
            layers before.
        input: name of the input, where the model has several.

    Raises:
        PositionError: the point lies outside the input.
        InputError: no layer has positions.
        LayerNotFoundError: there is no such layer.

    Example:
        >>> import fieldscope
        >>> from torch import nn
        >>> net = nn.Sequential(nn.Conv1d(1, 1, 3), nn.ReLU(), nn.Conv1d(1, 1, 5))
        >>> report = fieldscope.analyze(net, (1, 1, 32))
        >>> [(one.layer, one.size) for one in growing(report)]
        [('0', (3,)), ('2', (7,))]
    """
    info, _ = report.output._input(input)
    extents = tuple(info.shape[axis] for axis in info.spatial)
    at = tuple(n // 2 for n in extents) if point is None else _inside(point, extents, info)
    chosen = list(_larger(report, info)) if layers is None else [report[name] for name in layers]
    if not chosen:
        raise InputError(
            f"no layer of {report.model} has positions whose field could grow\n"
            "name the layers to show"
        )
    return tuple(
        support_of(report, layer.name, over(layer, info, at), input=info.name) for layer in chosen
    )


def over(layer: Layer, info: InputInfo, point: Sequence[int]) -> tuple[int, ...]:
    """The position of a layer whose field's centre is nearest to a point of the input.

    Where the layer has other axes than the input, or a field that doesn't repeat, it is the
    layer's own centre.

    Example:
        >>> import fieldscope
        >>> from torch import nn
        >>> report = fieldscope.analyze(nn.Conv1d(1, 1, 3, stride=2), (1, 1, 20))
        >>> over(report.layers[0], report.inputs[0], (7,))
        (3,)
    """
    field = layer.fields[info.name]
    extents = [layer.shape[axis] for axis in layer.spatial]
    found = []
    for place, extent in enumerate(extents):
        position = extent // 2
        if len(extents) == len(info.spatial):
            stride, start, size = field.stride[place], field.start[place], field.size[place]
            if stride is not None and start is not None and math.isfinite(size):
                middle = start + (size - 1) / 2  # of the field of position 0
                position = round((point[place] - middle) / stride)
        found.append(min(max(position, 0), extent - 1))
    return tuple(found)


def _inside(point: Sequence[int], extents: tuple[int, ...], info: InputInfo) -> tuple[int, ...]:
    if len(point) != len(extents) or not all(
        -n <= place < n for place, n in zip(point, extents, strict=True)
    ):
        raise PositionError(
            f"point {tuple(point)} lies outside input {info.name!r}, whose axes "
            f"({', '.join(info.axes)}) have the extents {extents}"
        )
    return tuple(place % n for place, n in zip(point, extents, strict=True))


def _larger(report: Report, info: InputInfo) -> Iterator[Layer]:
    """The layers with positions whose field is larger than those of all before, on any axis."""
    largest = [0.0] * len(info.spatial)
    for layer in report.layers:
        if layer.movement or not layer.spatial or info.name not in layer.fields:
            continue
        sizes = layer.fields[info.name].size
        if any(size > most for size, most in zip(sizes, largest, strict=True)):
            yield layer
            largest = [max(size, most) for size, most in zip(sizes, largest, strict=True)]
