"""Constants of a jaxpr: arrays that are known, that wait to be computed, or that are unknown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
import numpy.typing as npt

from fieldscope.frontends.jax import numerics
from fieldscope.frontends.lowering.program import Tensor

Elements = npt.NDArray[Any]


class Constant(Tensor):
    """A constant of a jaxpr.

    Attributes:
        made: whether the function itself makes it, of literals and shapes alone: then its zeros
            are structure, which those of a weight aren't.
    """

    __slots__ = ("_exactly", "made")

    def __init__(
        self,
        shape: Sequence[int],
        elements: Elements | Callable[[], Elements | None] | None = None,
        *,
        made: bool = False,
        exactly: Callable[[], Elements | None] | None = None,
    ) -> None:
        super().__init__(shape, "", None, elements)
        self.made = made
        self._exactly = exactly

    @property
    def computed(self) -> bool:
        """Whether its elements are there already."""
        return isinstance(self._elements, np.ndarray)

    def exactly(self) -> Elements | None:
        """The elements as double precision has them, in which rounding shows zeros as zeros."""
        if callable(self._exactly):
            found = self._exactly()
            self._exactly = lambda: found
            return found
        known = self.elements()
        return None if known is None else numerics.widened(known)


def literal(value: Any) -> Constant:
    """A constant that is written in the jaxpr."""
    array = np.asarray(value)
    return Constant(array.shape, array, made=True, exactly=lambda: numerics.meant(array))


def given(value: Any) -> Constant:
    """A constant that the function closes over: a weight, or an index.

    Whole numbers, and no more numbers than there are axes of space, are taken for structure.
    """
    shape = tuple(np.shape(value))
    made = shape in ((), (1,), (2,), (3,))
    if _is_plain(value):
        kind = np.asarray(value).dtype if not hasattr(value, "dtype") else np.dtype(value.dtype)
        made = made or kind.kind == "b" or (kind.kind in "iu" and kind.itemsize > 1)
    return Constant(shape, lambda: _elements(value), made=made)


def unknown(shape: Sequence[int]) -> Constant:
    """A constant of which only the shape is known."""
    return Constant(shape)


def derived(
    shape: Sequence[int],
    tensors: Sequence[Tensor],
    function: Callable[[list[Elements]], Elements],
) -> Constant:
    """A constant that a function makes of the elements of others."""

    def compute(*, exact: bool) -> Elements | None:
        known = [
            one.exactly() if exact and isinstance(one, Constant) else one.elements()
            for one in tensors
        ]
        found = [one for one in known if one is not None]
        return function(found) if found and len(found) == len(known) else None

    made = all(isinstance(one, Constant) and one.made for one in tensors)
    return Constant(
        shape, lambda: compute(exact=False), made=made, exactly=lambda: compute(exact=True)
    )


def _elements(value: Any) -> Elements | None:
    return np.asarray(value) if _is_plain(value) else None


def _is_plain(value: Any) -> bool:
    """Whether it is an array of numbers: keys of random numbers and tracers aren't."""
    dtype = getattr(value, "dtype", None)
    if dtype is not None and jax.numpy.issubdtype(dtype, jax.dtypes.extended):
        return False
    return not isinstance(value, jax.core.Tracer)
