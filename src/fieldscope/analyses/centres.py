"""Where the positions of a value stand on an input: their stride, and their centres."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from fieldscope.domains import affine as affine_of
from fieldscope.geometry.bounds import FAR
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

    Values that read nothing of the axis, all of it, or what isn't periodic have no grid, nor have
    those whose positions stand inside windows. The field of a position is that of all channels,
    and its centre (lo + hi − 1) / 2.

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
    layout = whole_planes(values.layout)
    merged = affine_of.convert(found, values.layout, layout)
    assert isinstance(merged, Affine), "a plane and its inside always merge"
    kinds = [factor.kind for factor in layout.factors]
    moving = [k for k, kind in enumerate(kinds) if kind is Kind.PLANE and merged.steps[k]]
    bounds = merged.bounds[0]
    if len(moving) != 1:
        return None
    (k,) = moving
    others = [
        n
        for j, (n, kind) in enumerate(zip(bounds.shape[1:], kinds, strict=True))
        if j != k and kind > Kind.PLAIN
    ]
    if any(n > 1 for n in others):
        return None  # positions inside of windows have centres of their own
    over = tuple(j for j in range(len(kinds)) if j != k)
    lo, hi = bounds[0].min(axis=over), -bounds[1].min(axis=over)
    if (hi - lo > FAR).any():
        return None
    stride = Fraction(merged.steps[k], len(lo))
    centres = [
        Fraction(int(a + b) - 1, 2) - stride * phase
        for phase, (a, b) in enumerate(zip(lo, hi, strict=True))
        if a < b
    ]
    if not centres:
        return None
    axis = next(place for place in range(len(layout.axes)) if k in layout.span(place))
    centre = sum(centres, Fraction(0)) / len(centres)
    plain = int(stride) if stride.denominator == 1 else stride
    return Grid(plain, centre, axis - len(layout.axes))
