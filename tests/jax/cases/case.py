"""A function of arrays with the shapes that it is tried on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np


class Case(NamedTuple):
    """A function, and its inputs.

    Attributes:
        function: from arrays to an array or several.
        shapes: of the inputs.
        equal: whether everything that is told must be seen to change; where it isn't, values
            hide elements, and what is seen has to be contained.
        exact: whether no result is called a bound.
        scale: what inputs are multiplied with.
        positive: whether inputs are positive.
        integers: places of inputs that are whole numbers below 3, which aren't changed.
    """

    function: Callable[..., Any]
    shapes: tuple[tuple[int, ...], ...]
    equal: bool = True
    exact: bool = True
    scale: float = 1.0
    positive: bool = False
    integers: tuple[int, ...] = ()

    def structs(self) -> list[jax.ShapeDtypeStruct]:
        """The inputs as shapes."""
        return [
            jax.ShapeDtypeStruct(shape, "int32" if k in self.integers else "float32")
            for k, shape in enumerate(self.shapes)
        ]

    def arrays(self, seed: int = 0) -> list[np.ndarray[Any, Any]]:
        """Inputs to begin with."""
        rng = np.random.default_rng(seed)
        made = []
        for k, shape in enumerate(self.shapes):
            if k in self.integers:
                made.append(rng.integers(0, 3, shape).astype("int32"))
                continue
            array = rng.standard_normal(shape).astype("float32")
            made.append((abs(array) + 0.5 if self.positive else array) * self.scale)
        return made


def case(function: Callable[..., Any], *shapes: tuple[int, ...], **options: Any) -> Case:
    """A case."""
    return Case(function, shapes, **options)
