"""What a probe is asked: an input of some shape, a position in a result; checked."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from fieldscope.errors import InputError, PositionError
from fieldscope.measure.blackbox import Array, array
from fieldscope.measure.narrowing import Index

Position: TypeAlias = int | Sequence[int] | Literal["center"]
"""An index on each position axis, or "center": half of each extent, rounded down."""


def shape(given: Sequence[int]) -> tuple[int, ...]:
    """The input's shape; InputError for what is none."""
    try:
        found = tuple(index(extent) for extent in given)
    except TypeError:
        found = ()
    if not found or any(extent < 1 for extent in found):
        raise InputError(
            f"shape is {given!r}; want the input's extents with batch, whole numbers of 1 or "
            "more, such as (1, 3, 224, 224)"
        )
    return found


def axes(given: Sequence[int] | None, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The spatial axes of the input, by default all behind batch and channels."""
    if given:
        return _checked(given, len(shape), "axes", f"an input of shape {shape}")
    if given is not None or len(shape) < 3:
        none = "axes is (); a box needs one" if given is not None else ""
        raise InputError(
            (none or f"an input of shape {shape} has no axes behind batch and channels") + "\n"
            "say which are spatial: axes=(0,) for those of a vector"
        )
    return tuple(range(2, len(shape)))


def _checked(axes: Sequence[int], count: int, word: str, what: str) -> tuple[int, ...]:
    found = tuple(axis + count if axis < 0 else axis for axis in axes)
    if any(not 0 <= axis < count for axis in found) or len(set(found)) < len(found):
        raise InputError(
            f"{word} is {tuple(axes)}; {what} has axes 0 to {count - 1}, each to be named once"
        )
    return found


def dtype(
    asked: npt.DTypeLike | None, example: Any, session: np.dtype[Any] | None
) -> np.dtype[Any]:
    """The type of input: the one asked for, the session's, the example's or float32."""
    if asked is not None:
        found = np.dtype(asked)
    elif session is not None:
        found = session
    else:
        found = np.dtype("float32") if example is None else array(example).dtype
    if found.kind != "f":
        raise InputError(
            f"the input is {found}; a probe changes floating-point numbers\n"
            'pass dtype="float32" for a function that takes them too, or probe the part behind '
            "the integers, such as a model from its embedding on"
        )
    return found


def clean(
    shape: tuple[int, ...],
    example: Any,
    dtype: np.dtype[Any],
    draws: int,
    rng: np.random.Generator,
) -> Array:
    """The clean inputs, one per draw: [draws, *shape]."""
    if example is None:
        return rng.standard_normal((draws, *shape)).astype(dtype)
    given = array(example)
    if given.shape != shape or not np.isfinite(given).all():
        found = f"has shape {given.shape}" if given.shape != shape else "holds NaN or infinity"
        raise InputError(f"example {found}; want a finite input of shape {shape}")
    return np.stack([given.astype(dtype)] * draws)


def position_axes(
    given: Sequence[int] | None, spatial: tuple[int, ...], result: Array, count: int
) -> tuple[int, ...]:
    """The axes of the result that a position is on; the input's, where both have `count`."""
    if given is not None:
        return _checked(given, result.ndim, "position_axes", f"a result of shape {result.shape}")
    if result.ndim != count:
        raise InputError(
            f"the function returns shape {result.shape}, of {result.ndim} axes "
            f"where the input has {count}, so the position's aren't clear\n"
            "say which they are: position_axes=(1,) for (batch, time), () for none"
        )
    return spatial


def places(given: Position, axes: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    """The position as indices from 0 on, in a result of that shape.

    Raises:
        PositionError: it lies outside.
    """
    extents = tuple(shape[axis] for axis in axes)
    if isinstance(given, str):
        if given != "center":
            raise InputError(f'position {given!r} is neither "center" nor indices, one per axis')
        indices = tuple(extent // 2 for extent in extents)
    else:
        indices = (given,) if isinstance(given, int) else tuple(given)
    if len(indices) != len(axes):
        raise PositionError(
            f"position {indices} has {len(indices)} numbers; the function's result of shape "
            f"{shape} has {len(axes)} position axes, of extents {extents}"
        )
    return tuple(
        _place(place, "position", axis, shape) for place, axis in zip(indices, axes, strict=True)
    )


def _place(place: int, word: str, axis: int, shape: tuple[int, ...]) -> int:
    if not -shape[axis] <= place < shape[axis]:
        raise PositionError(
            f"{word} {place} lies outside the function's result of shape {shape}: "
            f"axis {axis} has extent {shape[axis]}"
        )
    return place % shape[axis]


def where(
    places: tuple[int, ...], axes: tuple[int, ...], channel: int | None, shape: tuple[int, ...]
) -> Index:
    """The position as an index into the result; slices along batch and united channels."""
    where: list[int | slice] = [slice(None)] * len(shape)
    for axis, place in zip(axes, places, strict=True):
        where[axis] = place
    if channel is not None:
        free = [axis for axis in range(1, len(shape)) if axis not in axes]
        if not free:
            raise PositionError(f"the function's result has no channels: shape {shape}")
        where[free[0]] = _place(channel, "channel", free[0], shape)
    return tuple(where)
