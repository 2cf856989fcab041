"""A small function of tensors, and how it is judged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

Shapes = tuple[int, ...] | list[tuple[int, ...]]


class Case(NamedTuple):
    """A function, the shapes of its inputs, and what holds of the analysis.

    Attributes:
        function: of float32 tensors.
        shapes: of one input, or of several in a list.
        equal: whether perturbation finds all that is read (not where values hide elements).
        rounds: how many random inputs perturbation tries.
        exact: whether no bound may be on the way.
    """

    function: Callable[..., Any]
    shapes: Shapes
    equal: bool = True
    rounds: int = 2
    exact: bool = True

    @property
    def inputs(self) -> list[tuple[int, ...]]:
        """The shapes of all inputs."""
        if isinstance(self.shapes, list):
            return self.shapes
        return [self.shapes]
