"""Several networks side by side at one input: what they see, and what they spend on it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from fieldscope.analyses.export import plain
from fieldscope.analyses.inputs import Wanted
from fieldscope.analyses.layers import Report
from fieldscope.analyses.productivity import Productivity, productivity_of
from fieldscope.analyses.resolution import Resolution, resolution_of
from fieldscope.analyses.steps import Sizes
from fieldscope.errors import FieldscopeError, InputError
from fieldscope.media import Result
from fieldscope.version import __version__


@dataclass(frozen=True, slots=True)
class Compared:
    """One network of a comparison.

    Attributes:
        name: what it is called.
        productivity: its layers' verdicts.
        resolution: its feasible extents.
        exact: whether all its fields are exact.
    """

    name: str
    productivity: Productivity
    resolution: Resolution
    exact: bool

    @property
    def largest(self) -> Sizes:
        """The largest field of a layer with positions, context left aside, per axis."""
        return self.resolution.largest

    @property
    def context(self) -> bool:
        """Whether any layer depends on the whole input alike at all positions."""
        return any(layer.context for layer in self.productivity.layers)


@dataclass(frozen=True, repr=False)
class Comparison(Result):
    """Several networks side by side.

    Attributes:
        models: the networks, in the order given.

    Example:
        >>> import fieldscope
        >>> from torch import nn
        >>> found = fieldscope.compare([nn.Conv2d(1, 1, 3), nn.Conv2d(1, 2, 5)], (1, 1, 9, 9))
        >>> [(one.largest, one.productivity.macs) for one in found.models]
        [((3, 3), 441), ((5, 5), 1250)]
    """

    models: tuple[Compared, ...]

    def to_dict(self) -> dict[str, Any]:
        """The figures as plain data, schema `fieldscope.comparison/1`."""
        return {
            "schema": "fieldscope.comparison/1",
            "version": __version__,
            "models": [
                {
                    "name": one.name,
                    "input": {
                        "name": one.productivity.input,
                        "shape": list(one.productivity.shape),
                        "extents": list(one.productivity.extents),
                    },
                    "largest": plain(one.largest),
                    "stride": list(one.resolution.stride),
                    "context": one.context,
                    "exact": one.exact,
                    "widening": len(one.productivity.widening),
                    "critical": len(one.productivity.judged("critical")),
                    "partly_critical": len(one.productivity.judged("partly critical")),
                    "unproductive": [layer.layer for layer in one.productivity.unproductive],
                    "macs": one.productivity.macs,
                    "parameters": one.productivity.parameters,
                    "parameters_counted": one.productivity.counted,
                    "unproductive_share_of_macs": one.productivity.share_of("unproductive"),
                    "unproductive_share_of_parameters": one.productivity.share_of(
                        "unproductive", "parameters"
                    ),
                    "smallest": plain(one.resolution.smallest),
                    "uncritical": plain(one.resolution.uncritical),
                }
                for one in self.models
            ],
        }


@contextlib.contextmanager
def of_model(name: str) -> Iterator[None]:
    """Say in errors which of several models they are about."""
    try:
        yield
    except FieldscopeError as error:
        if name not in str(error):
            error.args = (f"{name}: {error}", *error.args[1:])
        raise


def compared(reports: Sequence[tuple[str, Report]], input: Wanted = None) -> Comparison:
    """Put networks side by side; see `fieldscope.compare`.

    Raises:
        InputError: there are fewer than two.
    """
    if len(reports) < 2:
        raise InputError(f"a comparison takes two models or more, got {len(reports)}")
    found = []
    for name, report in reports:
        with of_model(name):
            verdicts = productivity_of(report, input)
            limits = resolution_of(report, verdicts.input)
        found.append(Compared(name, verdicts, limits, exact=not report.bounds))
    return Comparison(tuple(found))
