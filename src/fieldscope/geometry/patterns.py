"""Patterns: arrays that repeat along every axis without end, given by one period of each.

An axis along which all elements are alike has period 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd, lcm, prod
from typing import NoReturn

import numpy as np
import numpy.typing as npt

Pattern = npt.NDArray[np.float64]
LARGEST = 1 << 20
"""Patterns of more elements than this are none."""


def lost() -> NoReturn:
    """Say that nothing repeats.

    Raises:
        NotImplementedError: always.
    """
    message = "nothing repeats along the plane"
    raise NotImplementedError(message)


def joined(one: Pattern, other: Pattern) -> Pattern:
    """The sum of two patterns, over the periods that both have.

    Example:
        >>> joined(np.array([1.0, 2.0]), np.array([0.0, 1.0, 0.0])).tolist()
        [1.0, 3.0, 1.0, 2.0, 2.0, 2.0]
    """
    periods = [lcm(a, b) for a, b in zip(one.shape, other.shape, strict=True)]
    return shrunk(tiled(one, periods) + tiled(other, periods))


def tiled(pattern: Pattern, periods: Sequence[int]) -> Pattern:
    """A pattern repeated to multiples of its periods; alike along an axis, it stays so.

    Raises:
        NotImplementedError: that is too much to be a pattern.
    """
    if prod(periods) > LARGEST:
        lost()
    return np.tile(pattern, [n // m for n, m in zip(periods, pattern.shape, strict=True)])


def shrunk(pattern: Pattern) -> Pattern:
    """The pattern with its shortest period along each axis.

    Example:
        >>> shrunk(np.array([1.0, 2.0, 1.0, 2.0])).tolist()
        [1.0, 2.0]
    """
    if pattern.size > LARGEST:
        lost()
    for axis, period in enumerate(pattern.shape):
        for shorter in range(1, period // 2 + 1):
            if period % shorter:
                continue
            first = pattern.take(range(shorter), axis)
            many = [period // shorter if k == axis else 1 for k in range(pattern.ndim)]
            if np.allclose(np.tile(first, many), pattern, rtol=1e-9, atol=0):
                pattern = first
                break
    return pattern


def pulled(pattern: Pattern, axis: int, stride: int, offsets: Sequence[int]) -> Pattern:
    """At n, the sum of the pattern at n·stride + offset over all offsets.

    Example:
        >>> pulled(np.array([1.0, 5.0]), 0, 1, [0, 1, 2]).tolist()
        [7.0, 11.0]
    """
    period = pattern.shape[axis]
    phases = np.arange(period // gcd(period, stride)) * stride
    weights = np.bincount(np.mod(offsets, period), minlength=period)
    return sum(
        (weights[k] * pattern.take((phases + k) % period, axis) for k in np.flatnonzero(weights)),
        np.zeros((*pattern.shape[:axis], len(phases), *pattern.shape[axis + 1 :])),
    )


def pushed(pattern: Pattern, axis: int, stride: int, offsets: Sequence[int]) -> Pattern:
    """At m, the sum of the pattern at n over all n and offsets with n·stride + offset = m.

    Example:
        >>> pushed(np.ones(1), 0, 2, [0, 1, 2]).tolist()
        [2.0, 1.0]
    """
    period = pattern.shape[axis] * stride
    if period > LARGEST:
        lost()
    moved = np.moveaxis(pattern, axis, 0)
    found = np.zeros((period, *moved.shape[1:]))
    places = np.arange(pattern.shape[axis]) * stride
    weights = np.bincount(np.mod(offsets, period), minlength=period)
    for k in np.flatnonzero(weights):
        found[(places + k) % period] += weights[k] * moved
    return np.moveaxis(found, 0, axis)


def left(pattern: Pattern, axis: int, step: int, start: int) -> Pattern:
    """The pattern without every step-th element.

    Example:
        >>> left(np.ones(1), 0, 3, 1).tolist()
        [1.0, 0.0, 1.0]
    """
    periods = list(pattern.shape)
    periods[axis] = lcm(periods[axis], step)
    kept = tiled(pattern, periods).copy()
    kept[(*(slice(None),) * axis, slice(start % step, None, step))] = 0
    return kept


def reshaped(pattern: Pattern, old: Sequence[int], new: Sequence[int]) -> Pattern:
    """A pattern under another shape: the outermost of the axes that merge goes on without end.

    Raises:
        NotImplementedError: the elements are put in an order that doesn't repeat.

    Example:
        >>> reshaped(np.array([1.0, 2.0]), (8,), (4, 2)).tolist()
        [[1.0, 2.0]]
        >>> reshaped(np.array([[1.0, 2.0]]), (4, 2), (8,)).tolist()
        [1.0, 2.0]
    """
    if 0 in old:
        lost()
    done = 0
    for mine, theirs in _groups(old, new):
        block = pattern.shape[done : done + len(mine)]
        lead, rest = pattern.shape[:done], pattern.shape[done + len(mine) :]
        if max(block, default=1) == 1:
            pattern = pattern.reshape((*lead, *(1,) * len(theirs), *rest))
        else:
            pattern = _regrouped(pattern, done, [old[k] for k in mine], [new[k] for k in theirs])
        done += len(theirs)
    return pattern


def _regrouped(pattern: Pattern, at: int, old: Sequence[int], new: Sequence[int]) -> Pattern:
    """Merge and split the axes from `at` on, of extents `old`, to axes of extents `new`."""
    lead, rest = pattern.shape[:at], pattern.shape[at + len(old) :]
    block = list(pattern.shape[at : at + len(old)])
    wide, wider = ([k for k, n in enumerate(one) if n != 1] for one in (old, new))
    if len(wide) > 1:
        for k in wide[1:]:  # inside the outermost axis, real extents count
            period = block[k]
            index = np.arange(old[k]) % period
            pattern, block[k] = pattern.take(index, at + k), old[k]
    flat = prod(block)
    inner = prod(new[k] for k in wider[1:])
    if flat * inner > LARGEST:
        lost()
    pattern = pattern.reshape((*lead, flat, *rest))
    whole = lcm(flat, inner)
    pattern = tiled(pattern, [*lead, whole, *rest])
    sizes = list(new)
    if wider:
        sizes[wider[0]] = whole // inner
    return pattern.reshape((*lead, *sizes, *rest))


def _groups(old: Sequence[int], new: Sequence[int]) -> list[tuple[list[int], list[int]]]:
    """The axes that merge or split into each other."""
    found, a, b = [], 0, 0
    while a < len(old) or b < len(new):
        mine, theirs = [], []
        one = other = 1
        if a < len(old):
            mine, one, a = [a], old[a], a + 1
        if b < len(new):
            theirs, other, b = [b], new[b], b + 1
        while one != other:
            if one < other:
                mine, one, a = [*mine, a], one * old[a], a + 1
            else:
                theirs, other, b = [*theirs, b], other * new[b], b + 1
        found.append((mine, theirs))
    return found
