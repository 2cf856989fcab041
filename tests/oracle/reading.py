"""What a stand-in is given: one call of the tape, with shadows for tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from tests.oracle.shadows import Shadows
from tests.oracle.tape import Call

# A stand-in returns the shadow of the first result, or one for each.
Results = Tensor | None | Sequence[Tensor | None]
# A shadow, None where another input's, and whether the value is a statistic:
# has no extent along the map any more.
Told = tuple[Tensor | None, bool]
StandIn = Callable[["Reading"], Results]


class OracleError(Exception):
    """The oracle has no stand-in: a gap in the tests, not in fieldscope."""


class Reading:
    """A call of the tape as a stand-in sees it."""

    def __init__(self, call: Call, shadows: Shadows) -> None:
        self.call = call
        self.shadows = shadows
        self.real = call.results()[0] if call.results() else None

    @property
    def shape(self) -> torch.Size:
        """Shape of the (first) result."""
        return self.call.forms[0].shape

    def value(self, name: str, default: Any = None) -> Any:
        """An argument that isn't a tensor, or the default of the schema."""
        if name in self.call.values:
            return self.call.values[name]
        for argument in self.call.func._schema.arguments:
            if argument.name == name and argument.has_default_value():
                return argument.default_value
        return default

    def shadow(self, name: str) -> Tensor | None:
        """Shadow of a tensor argument, None for a constant or a number."""
        real = self.call.values.get(name)
        return self.shadows.of(real) if isinstance(real, Tensor) else None

    def need(self, name: str) -> Tensor:
        """Shadow of a tensor argument, zeros for a constant."""
        real = self.call.values[name]
        shadow = self.shadows.of(real)
        return torch.zeros(real.shape, dtype=torch.float64) if shadow is None else shadow

    def constant(self, name: str) -> Tensor | None:
        """A real tensor argument that must not depend on the input."""
        real = self.call.values.get(name)
        if not isinstance(real, Tensor):
            return None
        if self.shadows.varies(real):
            raise OracleError(f"{self.call.func}: {name} depends on the input")
        return real

    def axes(self, name: str, rank: int) -> list[int]:
        """Axes of an argument such as `dim`, non-negative; all for None or []."""
        value = self.value(name)
        given = [value] if isinstance(value, int) else list(value or range(rank))
        return sorted(axis % max(rank, 1) for axis in given) if rank else []

    def told(self, real: Tensor) -> Told:
        """What there is to know of a tensor that depends on some input."""
        return self.shadows.of(real), self.shadows.is_statistic(real)

    def live(self, name: str) -> Tensor | None:
        """0 where a tensor argument is a constant 0, else 1; None if all are 1."""
        real = self.call.values.get(name)
        return self.shadows.live(real) if isinstance(real, Tensor) else None

    def per_axis(self, name: str, count: int, default: Sequence[int] | None = None) -> list[int]:
        """A list argument with one entry for each of `count` axes."""
        value = self.value(name)
        given = [value] if isinstance(value, int) else list(value or default or [])
        return [int(v) for v in (given * count if len(given) == 1 else given)]


def without_context(reading: Reading, operands: Sequence[Told]) -> list[Tensor]:
    """The operands but those that are context to the others.

    (All of them where the oracle was asked for the field with context.)
    """
    maps = [shadow for shadow, statistic in operands if not statistic]
    return [
        shadow
        for shadow, statistic in operands
        if shadow is not None and not (statistic and reading.shadows.covers(shadow, maps))
    ]


def join(reading: Reading, operands: Sequence[Told], shape: torch.Size) -> Tensor:
    """Add operands that broadcast to `shape`, but for those that are context."""
    told = [
        (shadow, statistic or (shadow is not None and spread(shadow.shape, shape)))
        for shadow, statistic in operands
    ]
    total = torch.zeros(shape, dtype=torch.float64)
    for operand in without_context(reading, told):
        total = total + operand
    return total


def spread(own: Sequence[int], shape: Sequence[int]) -> bool:
    """Whether broadcasting puts a map of one position at all positions [n c *spatial]."""
    own = (*[1] * (len(shape) - len(own)), *own)
    return len(shape) > 2 and set(own[2:]) == {1} and set(shape[2:]) != {1}
