"""Affine fields: fields on an unbounded plane, a stride per factor and a few bounds.

Along a *plane* factor with step S and P phases, position i reads the interval of
phase i mod P, moved by S·(i div P). Along any other factor the bounds array lists
one interval per element, or one for all. Bounds arrays are those of
`fieldscope.geometry.bounds`; kind 1 is the narrowest path.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd, lcm
from typing import NamedTuple

import numpy as np

from fieldscope.geometry.bounds import EMPTY, FAR, GLOBAL, LEADING, Bounds, IndexArray
from fieldscope.geometry.sliding import Sliding


class Affine(NamedTuple):
    """Steps per period of each factor (0 off the plane), and bounds of each phase."""

    steps: tuple[int, ...]
    bounds: Bounds


def shift(amount: IndexArray | int, ndim: int, axis: int) -> Bounds:
    """What moves intervals by an amount, or by one amount per element of an array axis."""
    amount = np.asarray(amount, dtype=np.int64)
    shape = [1] * ndim
    shape[1] = 2
    if amount.ndim:
        shape[axis] = len(amount)
        return np.stack([amount, -amount]).reshape(shape)
    return np.array([amount, -amount]).reshape(shape)


def is_wild(bounds: Bounds) -> bool:
    """Whether every interval is empty or global, so that no step matters."""
    return bool((np.abs(bounds) >= FAR).all())


def globalised(bounds: Bounds) -> Bounds:
    """Every interval that reads anything reads everything."""
    return np.where(bounds >= FAR, EMPTY, GLOBAL)


def extended(bounds: Bounds, axis: int, step: int, phases: int) -> Bounds:
    """Write a periodic axis out to a multiple of its phases."""
    period = bounds.shape[axis]
    if phases == period:
        return bounds
    copies = [bounds + shift(step * k, bounds.ndim, axis) for k in range(phases // period)]
    return np.concatenate(copies, axis)


def simplified(bounds: Bounds, axis: int, step: int) -> tuple[Bounds, int]:
    """The shortest period of an axis, and the step for it.

    Example:
        >>> b = np.array([[[0, 2], [-1, -3]]])
        >>> simplified(b, 2, 4)[1], simplified(b, 2, 4)[0].tolist()
        (2, [[[0], [-1]]])
    """
    period = bounds.shape[axis]
    if period == 1:
        return bounds, step
    far = np.abs(bounds) >= FAR
    if far.any():
        bounds = np.where(far, np.sign(bounds) * EMPTY, bounds)
    for shorter in range(1, period // 2 + 1):
        if period % shorter or step * shorter % period:
            continue
        first = bounds.take(range(shorter), axis)
        moved = extended(first, axis, step * shorter // period, period)
        if np.array_equal(np.where(far, bounds, moved), bounds) and (
            not far.any() or np.array_equal(np.abs(moved) >= FAR, far)
        ):
            return first, step * shorter // period
    return bounds, step


def taken(bounds: Bounds, axis: int, step: int, index: IndexArray) -> Bounds:
    """The intervals of positions `index` (any shape) of a plane axis, written out."""
    period = bounds.shape[axis]
    turns, phase = np.divmod(index, period)
    moved: Bounds = bounds.take(phase, axis)
    offset = np.stack([step * turns, -step * turns])
    shape = (1, 2) + (1,) * (axis - LEADING) + index.shape + (1,) * (bounds.ndim - axis - 1)
    result: Bounds = moved + offset.reshape(shape)
    return result


def window(bounds: Bounds, axis: int, step: int, window: Sliding) -> tuple[Bounds, int]:
    """Slide a window along a plane axis.

    For one phase this is the recursion of a chain: size' = size + d(k − 1)·S,
    S' = S·s, start' = start − p·S (Araujo, Norris, Sim, Distill 2019).
    """
    period = bounds.shape[axis]
    if period == 1:
        if step == 0:
            return bounds, 0
        first, last = -window.before * step, (window.reach - 1 - window.before) * step
        if step < 0:
            first, last = last, first
        moved = np.array([first, -last]).reshape((1, 2) + (1,) * (bounds.ndim - 2))
        return bounds + moved, step * window.stride
    phases = period // gcd(period, window.stride)
    index = (
        np.arange(phases)[:, None] * window.stride
        - window.before
        + np.arange(window.kernel) * window.dilation
    )
    united = taken(bounds, axis, step, index).min(axis=axis + 1)
    return simplified(united, axis, step * (phases * window.stride // period))


def spread(bounds: Bounds, axis: int, step: int, window: Sliding) -> tuple[Bounds, int]:
    """Slide a transposed window along a plane axis: s phases for each one of the operand."""
    period = bounds.shape[axis]
    phases = period * window.stride
    aim = np.arange(phases)[:, None] + window.before - np.arange(window.kernel) * window.dilation
    found = taken(bounds, axis, step, aim // window.stride)
    fits = (aim % window.stride == 0).reshape(
        (1,) * axis + aim.shape + (1,) * (bounds.ndim - axis - 1)
    )
    united = np.where(fits, found, EMPTY).min(axis=axis + 1)
    return simplified(united, axis, step)


def table(
    bounds: Bounds, axis: int, step: int, advance: int, lo: Sequence[int], hi: Sequence[int]
) -> tuple[Bounds, int]:
    """Unite periodic runs [lo, hi) of a plane axis that advance once per len(lo) outputs."""
    period = bounds.shape[axis]
    turns = period // gcd(period, advance)  # periods of the table until both repeat
    starts = [low + advance * k for k in range(turns) for low in lo]
    stops = [high + advance * k for k in range(turns) for high in hi]
    longest = max(b - a for a, b in zip(starts, stops, strict=True))
    index = np.array(starts)[:, None] + np.arange(max(longest, 1))
    found = taken(bounds, axis, step, index)
    fits = (index < np.array(stops)[:, None]).reshape(
        (1,) * axis + index.shape + (1,) * (bounds.ndim - axis - 1)
    )
    united = np.where(fits, found, EMPTY).min(axis=axis + 1)
    return simplified(united, axis, step * (advance * turns // period))


def common_step(
    one: Bounds, step: int, other: Bounds, other_step: int, axis: int
) -> tuple[Bounds, Bounds, int] | None:
    """Bring two plane axes to the same period; None if their strides differ."""
    p, q = one.shape[axis], other.shape[axis]
    if p == q and step == other_step:
        return one, other, step
    if step * q != other_step * p:
        if is_wild(other):
            other, q, other_step = other.min(axis=axis, keepdims=True), p, step
            return (one, other, step) if step * q == other_step * p else None
        if is_wild(one):
            return one.min(axis=axis, keepdims=True), other, other_step
        return None
    phases = lcm(p, q)
    return (
        extended(one, axis, step, phases),
        extended(other, axis, other_step, phases),
        step * (phases // p),
    )
