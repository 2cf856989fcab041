"""The domain *narrowest*: the field along the shortest path.

It is the affine field with joins (sums, channels, branches) that take the smallest field
instead of the union, and rides along as kind 1 of every affine bounds array: windows and
movements treat it alike, `fieldscope.geometry.bounds.join` and `over(paths=True)` differ. A
sum over positions (a window, a softmax) is no join, since no path leads around it. Where
the affine field is lost, kind 1 goes on in the hull.
"""

from __future__ import annotations

import numpy as np

from fieldscope.domains import affine
from fieldscope.domains.hull import Hull
from fieldscope.geometry.bounds import EMPTY, FAR, LEADING, Bounds
from fieldscope.geometry.layout import Kind, Layout
from fieldscope.geometry.planes import Affine


def carried_over(
    field: Hull | None, other: affine.Field, layout: Layout, extent: int
) -> Hull | None:
    """The hull with kind 1, the narrowest path, taken over from the affine field."""
    if field is None or len(field[0]) > 1 or not isinstance(other, Affine):
        return field
    narrow = clipped(other, layout, 1, extent)
    first = np.broadcast_shapes(field[0].shape[LEADING:], narrow.shape[1:])
    parts = [
        np.concatenate(
            [
                np.broadcast_to(field[0], (1, 2, *first)),
                np.broadcast_to(narrow, (2, *first))[None],
            ]
        )
    ]
    parts.extend(np.concatenate([part, np.full_like(part, EMPTY)]) for part in field[1:])
    return tuple(parts)


def clipped(field: Affine, layout: Layout, kind: int, extent: int) -> Bounds:
    """An affine field written out per position and cut off at the input's borders.

    Returns bounds [2, *factors].
    """
    bounds = field.bounds[kind]
    for k, factor in enumerate(layout.factors):
        step, period = field.steps[k], bounds.shape[1 + k]
        if factor.kind is Kind.PLANE and (step or period > 1):
            turns, phase = np.divmod(np.arange(factor.extent), period)
            shape = [2] + [1] * (bounds.ndim - 1)
            shape[1 + k] = factor.extent
            bounds = bounds.take(phase, 1 + k) + np.stack([step * turns, -step * turns]).reshape(
                shape
            )
    low, high = bounds[0].clip(0, extent), (-bounds[1]).clip(0, extent)
    empty = (low >= high) | (bounds[0] >= FAR)
    return np.stack([np.where(empty, EMPTY, low), np.where(empty, EMPTY, -high)])
