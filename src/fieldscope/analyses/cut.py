"""Fields that the input cuts off, and the extents at which it no longer does."""

from __future__ import annotations

import math
from fractions import Fraction

from fieldscope.analyses.fields import Field
from fieldscope.analyses.layers import Layer
from fieldscope.measure.heat import HeatMap


def enough(field: Field) -> tuple[int, ...] | None:
    """The smallest extents per axis in which some position's field lies whole.

    Position i reads [start + stride·i, start + stride·i + size): the first one that doesn't
    begin in front of the input needs an input up to its end. None where a field is global,
    or has no period.

    Example:
        >>> import fieldscope, torch
        >>> layer = fieldscope.analyze(torch.nn.Conv1d(1, 1, 7, stride=4, padding=3), (1, 1, 32))
        >>> enough(layer.output.fields["input"])
        (8,)
    """
    found = []
    for axis, size in enumerate(field.size):
        stride, period = field.stride[axis], field.period[axis]
        start, phases = field.start[axis], field.phases[axis]
        if stride is None or period is None or not math.isfinite(size):
            return None
        if phases is None:
            if start is None:
                return None
            phases = ((start, start + int(size)),)
        largest = [(lo, hi) for lo, hi in phases if hi - lo == size]
        turn = Fraction(stride) * period  # from one turn of the phases to the next
        if not largest or turn <= 0:
            return None
        found.append(min(int(hi + turn * max(0, math.ceil(-lo / turn))) for lo, hi in largest))
    return tuple(found)


def remarks_on(heat: HeatMap, layer: Layer) -> tuple[str, ...]:
    """A heat map's remarks, with what theory knows of the field's true size."""
    field = layer.fields[heat.input]
    whole = tuple(
        n if math.isinf(size) else int(size)
        for size, n in zip(field.size, heat.values.shape, strict=True)
    )
    if not any(run.stop > run.start for run in layer.box(heat.position, input=heat.input)):
        return ("this position reads nothing of the input, whatever the weights",)
    if not any(heat.size):
        return heat.remarks
    if all(a >= b for a, b in zip(heat.size, whole, strict=True)):
        return _without_border(heat)
    box = layer.box(heat.position, input=heat.input)
    inside = tuple(max(0, run.stop - run.start) for run in box)
    if all(a == b for a, b in zip(inside, whole, strict=True)):
        return heat.remarks  # it isn't the border that cuts it
    least = enough(field)
    written = "×".join(map(str, whole))
    remark = f"the field is {written} elements, of which this input shows {_times(inside)}"
    if least is not None:
        remark += f"; an input of at least {_times(least)} shows one whole"
    return (*_without_border(heat), remark)


def _without_border(heat: HeatMap) -> tuple[str, ...]:
    """The remarks but for the guess that theory replaces."""
    return tuple(one for one in heat.remarks if "may be cut off" not in one)


def _times(extents: tuple[int, ...]) -> str:
    return "×".join(map(str, extents))
