"""The primitives that masks, indices and interpolation weights are made of, in NumPy.

JAX compiles a program for every operator that it runs by itself; these take microseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

Elements = npt.NDArray[Any]


def widened(array: Elements) -> Elements:
    """Floating-point numbers in double precision; others as they are."""
    inexact = array.dtype.kind == "f" or array.dtype.name in ("bfloat16",)
    return array.astype(np.float64) if inexact else array


def meant(array: Elements) -> Elements:
    """A number in double precision: the fraction that was rounded to it, if it is a simple one.

    Example:
        >>> bool(meant(np.asarray(3 / 7, "float32")) == 3 / 7)
        True
    """
    if array.size != 1 or array.dtype.kind != "f" or not np.isfinite(array).all():
        return widened(array)
    number = float(array.reshape(())[()])
    simple = float(Fraction(number).limit_denominator(4096))
    same = array.dtype.type(simple) == array.dtype.type(number)
    return np.full(array.shape, simple if same else number)


def typed(array: Any, dtype: Any, *, exact: bool) -> Elements:
    """A result in the type that the jaxpr gives it, or wider."""
    found = np.asarray(array)
    if exact and np.dtype(dtype).kind not in "biu":
        return widened(found) if found.dtype.kind == "f" else found.astype(np.float64)
    return found.astype(dtype, copy=False)


def _broadcast(x: Elements, *, shape: Sequence[int], broadcast_dimensions: Any, **_: Any) -> Any:
    places = [int(place) for place in broadcast_dimensions]
    full = [1] * len(shape)
    for axis, place in enumerate(places):
        full[place] = x.shape[axis]
    return np.broadcast_to(x.reshape(full), shape)


def _iota(*, shape: Sequence[int], dimension: int, **_: Any) -> Any:
    extents = [1] * len(shape)
    extents[dimension] = shape[dimension]
    return np.broadcast_to(np.arange(shape[dimension]).reshape(extents), shape)


def _slice(
    x: Elements, *, start_indices: Any, limit_indices: Any, strides: Any = None, **_: Any
) -> Any:
    steps = strides or (1,) * x.ndim
    return x[tuple(map(slice, start_indices, limit_indices, steps))]


def _dynamic_slice(x: Elements, *starts: Elements, slice_sizes: Sequence[int], **_: Any) -> Any:
    first = [
        min(max(int(start), 0), extent - size)
        for start, extent, size in zip(starts, x.shape, slice_sizes, strict=True)
    ]
    return x[tuple(slice(a, a + size) for a, size in zip(first, slice_sizes, strict=True))]


def _pad(x: Elements, filling: Elements, *, padding_config: Any, **_: Any) -> Any:
    for axis, (low, high, inner) in enumerate(padding_config):
        if inner:
            shape = list(x.shape)
            shape[axis] = max(shape[axis] + (shape[axis] - 1) * inner, 0)
            wide = np.full(shape, filling, x.dtype)
            wide[(slice(None),) * axis + (slice(None, None, inner + 1),)] = x
            x = wide
        x = np.take(x, range(max(-low, 0), x.shape[axis] - max(-high, 0)), axis)
        amounts = [(0, 0)] * x.ndim
        amounts[axis] = (max(low, 0), max(high, 0))
        x = np.pad(x, amounts, constant_values=filling)
    return x


def _clamp(low: Elements, x: Elements, high: Elements, **_: Any) -> Any:
    return np.minimum(np.maximum(x, low), high)


def _select(which: Elements, *cases: Elements, **_: Any) -> Any:
    if len(cases) == 2:
        return np.where(which, cases[1], cases[0])
    return np.choose(which, cases)


def _div(x: Elements, y: Elements, **_: Any) -> Any:
    if x.dtype.kind in "iu":
        return np.where(y == 0, -1, np.trunc(x / np.where(y == 0, 1, y))).astype(x.dtype)
    return x / y


def _rem(x: Elements, y: Elements, **_: Any) -> Any:
    return np.fmod(x, np.where(y == 0, 1, y)) if x.dtype.kind in "iu" else np.fmod(x, y)


def _round(x: Elements, *, rounding_method: Any, **_: Any) -> Any:
    if int(rounding_method) == 1:
        return np.rint(x)
    return np.trunc(x + np.copysign(0.5, x))


def _convert(x: Elements, *, new_dtype: Any, **_: Any) -> Any:
    return np.trunc(x) if np.dtype(new_dtype).kind in "iu" and x.dtype.kind == "f" else x


def _positional(function: Any) -> Callable[..., Any]:
    return lambda *operands, **_: function(*operands)


def _reducing(function: Any) -> Callable[..., Any]:
    return lambda x, *, axes, **_: function(x, axis=tuple(int(axis) for axis in axes))


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "broadcast_in_dim": _broadcast,
    "iota": _iota,
    "slice": _slice,
    "dynamic_slice": _dynamic_slice,
    "pad": _pad,
    "clamp": _clamp,
    "select_n": _select,
    "div": _div,
    "rem": _rem,
    "round": _round,
    "convert_element_type": _convert,
    "reshape": lambda x, *, new_sizes, **_: x.reshape(new_sizes),
    "squeeze": lambda x, *, dimensions, **_: np.squeeze(x, tuple(dimensions)),
    "expand_dims": lambda x, *, dimensions, **_: np.expand_dims(x, tuple(dimensions)),
    "transpose": lambda x, *, permutation, **_: x.transpose(permutation),
    "rev": lambda x, *, dimensions, **_: np.flip(x, tuple(dimensions)),
    "concatenate": lambda *xs, dimension, **_: np.concatenate(xs, dimension),
    "integer_pow": lambda x, *, y, **_: x**y if y >= 0 else 1 / x**-y,
    **{
        name: _positional(function)
        for name, function in {
            "add": np.add,
            "add_any": np.add,
            "sub": np.subtract,
            "mul": np.multiply,
            "max": np.maximum,
            "min": np.minimum,
            "pow": np.power,
            "neg": np.negative,
            "abs": np.abs,
            "sign": np.sign,
            "floor": np.floor,
            "ceil": np.ceil,
            "sqrt": np.sqrt,
            "square": np.square,
            "rsqrt": lambda x: 1 / np.sqrt(x),
            "exp": np.exp,
            "log": np.log,
            "sin": np.sin,
            "cos": np.cos,
            "eq": np.equal,
            "ne": np.not_equal,
            "lt": np.less,
            "le": np.less_equal,
            "gt": np.greater,
            "ge": np.greater_equal,
            "and": np.bitwise_and,
            "or": np.bitwise_or,
            "xor": np.bitwise_xor,
            "not": np.invert,
            "stop_gradient": np.asarray,
            "copy": np.asarray,
        }.items()
    },
    **{
        name: _reducing(function)
        for name, function in {
            "reduce_sum": np.sum,
            "reduce_max": np.max,
            "reduce_min": np.min,
            "reduce_prod": np.prod,
            "reduce_and": np.all,
            "reduce_or": np.any,
        }.items()
    },
}
"""What computes a primitive on NumPy arrays, by its name."""
