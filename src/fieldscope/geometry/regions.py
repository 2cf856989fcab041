"""Sets of elements on a grid, as boolean masks: their box and their gaps."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

BoolArray = npt.NDArray[np.bool_]


def hull(mask: npt.NDArray[Any]) -> tuple[slice, ...]:
    """The box that holds all true elements, half open; empty slices if there are none.

    Example:
        >>> hull(np.array([[0, 1, 0, 1, 0], [0, 0, 0, 0, 0]]))
        (slice(0, 1, None), slice(1, 4, None))
    """
    return tuple(_run(profile(mask, axis)) for axis in range(mask.ndim))


def profile(mask: npt.NDArray[Any], axis: int) -> BoolArray:
    """Whether any element is true at each index of an axis."""
    others = tuple(k for k in range(mask.ndim) if k != axis)
    return np.asarray(mask.any(axis=others), dtype=bool)


def _run(along: BoolArray) -> slice:
    if not along.any():
        return slice(0, 0)
    return slice(int(along.argmax()), len(along) - int(along[::-1].argmax()))


def gaps(mask: npt.NDArray[Any], axis: int) -> tuple[slice, ...]:
    """The runs of an axis, inside the hull, at which no element is true.

    Example:
        >>> gaps(np.array([0, 1, 0, 0, 1, 1, 0]), 0)
        (slice(2, 4, None),)
    """
    along = profile(mask, axis)
    inside = _run(along)
    steps = np.flatnonzero(np.diff(along[inside].astype(np.int8))) + 1 + inside.start
    return tuple(slice(int(lo), int(hi)) for lo, hi in zip(steps[::2], steps[1::2], strict=True))


def density(mask: npt.NDArray[Any]) -> float:
    """Share of the hull's elements that are true; 0 for an empty mask.

    Example:
        >>> density(np.array([0, 1, 0, 1, 1, 0]))
        0.75
    """
    inside = mask[hull(mask)]
    return float(np.count_nonzero(inside) / inside.size) if inside.size else 0.0
