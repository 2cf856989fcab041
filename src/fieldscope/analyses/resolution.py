"""Which input extents suit a network, and which layers set the limits.

Below the *smallest* extent layers that widen the field receive more than the whole input already;
above the *largest* no position sees the whole input any more.

Sources: Richter et al., "Should You Go Deeper?", ICMLA 2021, arXiv 2106.12307; the limits are
those that rfa-toolbox's `find_smallest_resolution_with_no_unproductive_layer` and
`input_resolution_range` aim at (docs/decisions/0011-receptive-field-analysis.md).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from fieldscope.analyses.export import plain
from fieldscope.analyses.layers import Report
from fieldscope.analyses.steps import Sizes, Step, steps_of
from fieldscope.errors import InputError
from fieldscope.media import Result
from fieldscope.version import __version__


@dataclass(frozen=True, slots=True)
class Limit:
    """An extent per axis, and the layers that set it.

    Attributes:
        extents: per axis; `math.inf` where there is no limit.
        layers: names of the layers that set it, per axis, in execution order.
    """

    extents: Sizes
    layers: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, repr=False)
class Resolution(Result):
    """The feasible extents of an input, per axis.

    Attributes:
        model: name of the model.
        input: name of the input.
        axes: names of the input's spatial axes.
        analysed: its extents in the analysis.
        lower: the largest narrowest field that a widening layer receives. Below these extents
            layers are dead weight; at just these, those that set the limit receive the whole
            input and no more.
        productive_from: the least extents at which no layer counts as unproductive.
        free: the largest narrowest field of a widening layer: from these extents on no layer
            reaches beyond the input along its shortest path.
        upper: the largest field of a layer that has positions, context left aside: up to these
            extents a position sees the whole input.
        upper_with_context: the same with context counted; no limit where there is any.
        stride: the total stride, per axis: the least common multiple of the layers' strides.
        snapped: whether the limits are multiples of the stride.
        bounds: layers whose field is only a bound; limits may be too large through them.
        dependent: layers with positions whose field depends on the input's extent (shifted
            windows, tokens behind a class token): as to them limits hold for the analysed one.

    Example:
        >>> import fieldscope
        >>> from torch import nn
        >>> net = nn.Sequential(*(nn.Conv2d(1, 1, (3, 9)) for _ in range(3)))
        >>> found = fieldscope.resolution(net, (1, 1, 64, 64))
        >>> found.smallest, found.productive_from, found.uncritical, found.largest
        ((5, 17), (6, 18), (7, 25), (7, 25))
        >>> found.lower.layers
        (('2',), ('2',))
    """

    model: str
    input: str
    axes: tuple[str, ...]
    analysed: tuple[int, ...]
    lower: Limit
    productive_from: Sizes
    free: Limit
    upper: Limit
    upper_with_context: Limit
    stride: tuple[int, ...]
    snapped: bool = False
    bounds: tuple[str, ...] = ()
    dependent: tuple[str, ...] = ()

    @property
    def smallest(self) -> Sizes:
        """The extents below which layers are dead weight."""
        return self.lower.extents

    @property
    def uncritical(self) -> Sizes:
        """The least extents at which no layer is critical: the whole expansion is used."""
        return self.free.extents

    @property
    def largest(self) -> Sizes:
        """The largest extents of which a position sees the whole, context left aside."""
        return self.upper.extents

    @property
    def range(self) -> tuple[Sizes, Sizes]:
        """The smallest and the largest feasible extents."""
        return self.smallest, self.largest

    def to_dict(self) -> dict[str, Any]:
        """The limits as plain data, schema `fieldscope.resolution/1`.

        An extent without limit is the text "all".
        """
        limits = {
            "smallest": self.lower,
            "uncritical": self.free,
            "largest": self.upper,
            "largest_with_context": self.upper_with_context,
        }
        return {
            "schema": "fieldscope.resolution/1",
            "version": __version__,
            "model": self.model,
            "input": {
                "name": self.input,
                "axes": list(self.axes),
                "extents": list(self.analysed),
            },
            "stride": list(self.stride),
            "snapped": self.snapped,
            "productive_from": plain(self.productive_from),
            **{
                name: {
                    "extents": plain(limit.extents),
                    "layers": [list(layers) for layers in limit.layers],
                }
                for name, limit in limits.items()
            },
            "exact": not self.bounds,
            **({"bounds": list(self.bounds)} if self.bounds else {}),
            **({"dependent": list(self.dependent)} if self.dependent else {}),
        }


def resolution_of(report: Report, input: str | None = None, *, snapped: bool = False) -> Resolution:
    """Find the feasible extents; see `fieldscope.resolution`.

    Raises:
        InputError: the input doesn't exist or must be named, or no layer has positions.
    """
    info, _ = report.output._input(input)
    steps = [step for step in steps_of(report, info.name) if step.windowed]
    if not steps:
        raise InputError(
            f"no layer of {report.model} has positions along the axes of {info.name!r}, so no "
            "resolution suits it better than another"
        )
    count = len(info.axes)
    strides = _strides(steps, info.name, count)
    grid = strides if snapped else (1,) * count
    received = _most(
        steps, count, lambda step, axis: step.received[axis] if step.widens[axis] else 0
    )
    own = _most(steps, count, lambda step, axis: step.narrowest[axis] if step.widens[axis] else 0)
    size = _largest(_most(steps, count, _seen), steps)
    context = tuple(step.layer.name for step in steps if step.layer.context)
    seen = Limit((math.inf,) * count, (context,) * count) if context else size
    return Resolution(
        model=report.model,
        input=info.name,
        axes=info.axes,
        analysed=tuple(info.shape[axis] for axis in info.spatial),
        lower=Limit(_up(received.extents, grid), received.layers),
        productive_from=_up(
            [
                extent + 1 if layers else extent
                for extent, layers in zip(received.extents, received.layers, strict=True)
            ],
            grid,
        ),
        free=Limit(_up(own.extents, grid), own.layers),
        upper=Limit(_down(size.extents, grid), size.layers),
        upper_with_context=Limit(_down(seen.extents, grid), seen.layers),
        stride=strides,
        snapped=snapped,
        bounds=tuple(step.layer.name for step in steps if not step.layer.exact),
        dependent=tuple(step.layer.name for step in steps if not all(step.periodic)),
    )


def _seen(step: Step, axis: int) -> int | float:
    """The field of a layer, unless it only hands on one that follows the input's extent."""
    own = step.size[axis]
    return own if step.periodic[axis] or own > step.received_size[axis] else 0


def _largest(limit: Limit, steps: Sequence[Step]) -> Limit:
    """The limit as those layers set it that see more than what enters them."""
    adding = {
        step.layer.name
        for step in steps
        if any(a > b for a, b in zip(step.size, step.received_size, strict=True))
    }
    return Limit(
        limit.extents,
        tuple(
            tuple(name for name in names if name in adding) or names[:1] for names in limit.layers
        ),
    )


def _most(steps: Sequence[Step], count: int, measure: Callable[[Step, int], int | float]) -> Limit:
    """The largest of a measure over all layers, at least 1, and the layers that have it.

    A measure of 0 leaves a layer out.
    """
    extents: list[int | float] = []
    layers: list[tuple[str, ...]] = []
    for axis in range(count):
        found = [(measure(step, axis), step.layer.name) for step in steps]
        largest = max((size for size, _ in found), default=0) or 1
        extents.append(largest)
        layers.append(tuple(name for size, name in found if size == largest))
    return Limit(tuple(extents), tuple(layers))


def _up(extents: Sequence[int | float], grid: Sequence[int]) -> Sizes:
    """Each extent rounded up to a multiple.

    >>> _up((75, math.inf), (32, 32)), _down((427, 20), (32, 32))
    ((96, inf), (416, 20))
    """
    return tuple(
        extent if extent == math.inf else -(-int(extent) // step) * step
        for extent, step in zip(extents, grid, strict=True)
    )


def _down(extents: Sequence[int | float], grid: Sequence[int]) -> Sizes:
    """Each extent rounded down to a multiple; one that is below the first stays as it is."""
    return tuple(
        extent if extent == math.inf or extent < step else int(extent) // step * step
        for extent, step in zip(extents, grid, strict=True)
    )


def _strides(steps: Sequence[Step], input: str, count: int) -> tuple[int, ...]:
    """The least common multiple of the layers' strides, per axis; steps below 1 aside."""
    found = [1] * count
    for step in steps:
        for axis, stride in enumerate(step.layer.fields[input].stride):
            if stride is not None and stride:
                found[axis] = math.lcm(found[axis], abs(Fraction(stride).numerator))
    return tuple(found)
