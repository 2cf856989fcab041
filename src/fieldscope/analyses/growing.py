"""The field growing through the layers, seen from one point of the input."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction

from fieldscope.analyses.fields import Field
from fieldscope.analyses.layers import InputInfo, Layer, Report
from fieldscope.analyses.support import Position, SupportMask, chosen, support_of
from fieldscope.errors import InputError, PositionError


def growing(
    report: Report,
    *,
    point: Position = "center",
    layers: Sequence[str] | None = None,
    input: str | None = None,
) -> tuple[SupportMask, ...]:
    """The supports of one layer after the other, each at the position that is over a point.

    Args:
        report: the report of a model.
        point: index on each spatial axis of the input (negative counts from the end), or
            "center": half of each extent, rounded down.
        layers: names of the layers; by default those whose field is larger than that of all
            layers before.
        input: name of the input, where the model has several.

    Raises:
        PositionError: the point lies outside the input.
        InputError: no layer has positions, or the point is no position.
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
    at = _inside(point, extents, info)
    shown = _larger(report, info) if layers is None else (chosen(report, name) for name in layers)
    found = list(shown)
    if not found:
        raise InputError(
            f"no layer of {report.model} has positions whose field could grow\n"
            "name the layers to show"
        )
    return tuple(
        support_of(report, layer.name, over(layer, info, at), input=info.name) for layer in found
    )


def over(layer: Layer, info: InputInfo, point: Sequence[int]) -> tuple[int, ...]:
    """The position of a layer whose field's centre is nearest to a point of the input.

    Along an axis that follows none of the input's, or whose field doesn't repeat, it is the
    middle of the layer.

    Example:
        >>> import fieldscope
        >>> from torch import nn
        >>> report = fieldscope.analyze(nn.Conv1d(1, 1, 3, stride=2), (1, 1, 20))
        >>> over(report.layers[0], report.inputs[0], (7,))
        (3,)
    """
    field = layer.fields[info.name]
    extents = [layer.shape[axis] for axis in layer.spatial]
    found = [extent // 2 for extent in extents]
    for place, extent in enumerate(extents):
        along = _followed(layer, info, place)
        position = None if along is None else _nearest(field, along, extent, point[along])
        found[place] = extent // 2 if position is None else position
    return tuple(found)


def _followed(layer: Layer, info: InputInfo, place: int) -> int | None:
    """The spatial axis of the input that the field moves along, with a layer's axis."""
    extents = [layer.shape[axis] for axis in layer.spatial]
    ends = []
    for end in (0, max(0, extents[place] - 1)):
        position = [end if k == place else extent // 2 for k, extent in enumerate(extents)]
        ends.append(layer.box(position, input=info.name) if all(extents) else ())
    moved = [axis for axis, (one, other) in enumerate(zip(*ends, strict=True)) if one != other]
    if len(moved) == 1:
        return moved[0]
    # Each position may read all that there is; then the axes are in the input's order.
    return place if len(extents) == len(info.spatial) else None


def _nearest(field: Field, axis: int, extent: int, point: int) -> int | None:
    """The position whose field's centre is nearest to a point, along one axis of the input.

    Position `phase + period · turns` reads [lo + turn · turns, hi + turn · turns).
    """
    stride, period, start = field.stride[axis], field.period[axis], field.start[axis]
    size, phases = field.size[axis], field.phases[axis]
    if stride is None or period is None or start is None or not math.isfinite(size):
        return None
    turn = Fraction(stride) * period
    found = []
    for phase, (lo, hi) in enumerate(phases or ((start, start + int(size)),)):
        if lo < hi and phase < extent:
            centre = Fraction(lo + hi - 1, 2)
            turns = min(max(round((point - centre) / turn), 0), (extent - 1 - phase) // period)
            found.append((abs(centre + turn * turns - point), phase + period * turns))
    return min(found)[1] if found else None


def _inside(point: Position, extents: tuple[int, ...], info: InputInfo) -> tuple[int, ...]:
    if isinstance(point, str):
        if point != "center":
            raise InputError(
                f'point {point!r} is neither "center" nor indices, one per spatial axis'
            )
        return tuple(n // 2 for n in extents)
    point = (point,) if isinstance(point, int) else tuple(point)
    if len(point) != len(extents) or not all(
        -n <= place < n for place, n in zip(point, extents, strict=True)
    ):
        raise PositionError(
            f"point {point} lies outside input {info.name!r}, whose axes "
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
