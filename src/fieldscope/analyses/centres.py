"""Where the positions of a value stand on an input: their stride, and their centres."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from fieldscope.analyses.fields import axis_field
from fieldscope.domains import affine as affine_of
from fieldscope.geometry.layout import Kind, whole_planes
from fieldscope.geometry.planes import Affine
from fieldscope.interpret import ValueFields


@dataclass(frozen=True, slots=True)
class Grid:
    """The centres of a value's positions along one axis of an input.

    Position i is centred at centre + stride·i; where the field has several phases, on average
    over a period.

    Attributes:
        stride: input elements from one position to the next.
        centre: of position 0, in elements: element k is centred at k.
        axis: the value's axis that moves along the input's, counted from the end.
    """

    stride: int | Fraction
    centre: Fraction
    axis: int


def grid_of(values: ValueFields, place: int) -> Grid | None:
    """The grid of a value along one spatial axis of the inputs; None if there is none.

    Values that read nothing of the axis, all of it, or what isn't periodic have no grid. The
    field of a position is that of all channels, and its centre (lo + hi − 1) / 2.

    Args:
        values: the fields of the value.
        place: number of the axis among all spatial axes of the inputs.

    Example:
        >>> import fieldscope
        >>> from torch import nn
        >>> net = nn.Sequential(nn.MaxPool1d(2), nn.Upsample(scale_factor=2))
        >>> report = fieldscope.analyze(net, (1, 1, 8))
        >>> for layer in report.layers:
        ...     print(grid_of(layer._values, 0))
        Grid(stride=2, centre=Fraction(1, 2), axis=-1)
        Grid(stride=1, centre=Fraction(0, 1), axis=-1)
    """
    found = values.affines[place]
    if not isinstance(found, Affine):
        return None
    field = axis_field(values, place, 0)
    if field.stride is None or field.start is None or field.size in (0, math.inf):
        return None
    phases = field.phases or ((field.start, field.start + int(field.size)),)
    centres = [
        Fraction(lo + hi - 1, 2) - field.stride * k for k, (lo, hi) in enumerate(phases) if lo < hi
    ]
    layout = whole_planes(values.layout)
    merged = affine_of.convert(found, values.layout, layout)
    assert isinstance(merged, Affine), "a plane and its inside always merge"
    moving = next(
        k
        for k, factor in enumerate(layout.factors)
        if factor.kind is Kind.PLANE and merged.steps[k]
    )
    axis = next(k for k in range(len(layout.axes)) if moving in layout.span(k))
    return Grid(field.stride, sum(centres, Fraction(0)) / len(centres), axis - len(layout.axes))
