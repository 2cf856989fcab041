"""What each layer adds to the field: what it receives, what it hands on, and at what cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from fieldscope.analyses.costs import Cost, costs_of, trace_of
from fieldscope.analyses.fields import axis_field
from fieldscope.analyses.layers import Layer, Report
from fieldscope.domains.affine import LOST
from fieldscope.graph.trace import Trace
from fieldscope.interpret import ValueFields

Sizes = tuple[int | float, ...]


@dataclass(frozen=True)
class Step:
    """A layer as a step of the field along one input.

    Attributes:
        layer: the layer.
        received: narrowest field of what enters it, per axis: the least of all operands.
        received_size: largest field of what enters it, per axis.
        narrowest: its own narrowest field, per axis.
        size: its own field, per axis.
        cost: what it costs.
        windowed: whether it has positions that could see more: a layer without spatial axes
            (global pooling, a classifier's head, squeeze-and-excitation) has none, and those of
            pooling to a fixed number of positions follow the input's extent.
        periodic: per axis, whether its field is that of an unbounded plane, and so doesn't
            depend on the input's extent.
    """

    layer: Layer
    received: Sizes
    received_size: Sizes
    narrowest: Sizes
    size: Sizes
    cost: Cost
    windowed: bool
    periodic: tuple[bool, ...]

    @cached_property
    def widens(self) -> tuple[bool, ...]:
        """Per axis, whether the layer widens the narrowest field that it receives."""
        return tuple(
            self.windowed and own > given
            for own, given in zip(self.narrowest, self.received, strict=True)
        )


def steps_of(report: Report, input: str | None = None) -> tuple[Step, ...]:
    """Every layer as a step of the field along one input, in execution order.

    Layers that read nothing of that input, context aside, are left out.

    Args:
        report: what was analysed.
        input: name of the input, where the model has several.

    Raises:
        InputError: the input doesn't exist or must be named, has no spatial axes, or the report
            was not made by an analysis.

    Example:
        >>> import fieldscope
        >>> from torch import nn
        >>> net = nn.Sequential(nn.Conv1d(1, 4, 5, stride=2), nn.ReLU(), nn.Conv1d(4, 1, 3))
        >>> report = fieldscope.analyze(net, (1, 1, 100))
        >>> [(one.layer.name, one.received, one.narrowest, one.widens) for one in steps_of(report)]
        [('0', (1,), (5,), (True,)), ('1', (5,), (5,), (False,)), ('2', (5,), (9,), (True,))]
    """
    return tuple(_Steps(report, input).all())


class _Steps:
    """Makes steps of one report along one input."""

    def __init__(self, report: Report, input: str | None) -> None:
        self._report = report
        self._trace: Trace = trace_of(report)
        # Any layer knows the inputs; the output is one that every report has.
        self._info, self._first = report.output._input(input)
        self._costs = costs_of(report)
        self._entering = self._trace.entering()
        self._known: dict[int, tuple[Sizes, Sizes] | None] = {}

    def all(self) -> Iterator[Step]:
        for layer in self._report.layers:
            own = self._sizes(layer._value)
            if own is None:
                continue
            found = [self._sizes(value) for value in self._entering.get(layer.name, ())]
            given = [sizes for sizes in found if sizes is not None] or [own]
            narrowest, largest = (zip(*sizes, strict=True) for sizes in zip(*given, strict=True))
            periodic = self._periodic(layer._value)
            yield Step(
                layer=layer,
                received=tuple(map(min, narrowest)),
                received_size=tuple(map(max, largest)),
                narrowest=own[0],
                size=own[1],
                cost=self._costs[layer.name],
                windowed=bool(layer.spatial) and (layer.operator != "table" or any(periodic)),
                periodic=periodic,
            )

    def _sizes(self, value: int) -> tuple[Sizes, Sizes] | None:
        """The narrowest field and the field of a value per axis; None if it reads nothing."""
        if value not in self._known:
            self._known[value] = self._measured(value)
        return self._known[value]

    def _fields(self, value: int) -> ValueFields:
        interpretation = self._report._interpretation
        assert interpretation is not None, "a report with a trace has its interpretation"
        return interpretation.fields[value]

    def _periodic(self, value: int) -> tuple[bool, ...]:
        affines = self._fields(value).affines
        return tuple(affines[self._first + k] is not LOST for k in range(len(self._info.axes)))

    def _measured(self, value: int) -> tuple[Sizes, Sizes] | None:
        fields = self._fields(value)
        axes = [
            axis_field(fields, self._first + k, self._info.shape[axis])
            for k, axis in enumerate(self._info.spatial)
        ]
        if all(axis.size == 0 for axis in axes):
            return None
        return tuple(axis.narrowest for axis in axes), tuple(axis.size for axis in axes)
