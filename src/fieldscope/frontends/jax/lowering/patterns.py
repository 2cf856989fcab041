"""Products with constant matrices that are mostly zeros: which elements they really read.

Interpolation is written so: `jax.image.resize` multiplies each axis with a matrix of weights that
it makes of positions. Its zeros are structure, and the rest are runs that repeat along the axis.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import numpy.typing as npt

from fieldscope.frontends.lowering.program import Call
from fieldscope.frontends.lowering.tables import repeats
from fieldscope.graph.operators import Collect, Indices, Periodic, Table

Keep = npt.NDArray[np.bool_]

LEAST = 1e-9
"""Weights smaller than this part of the largest are rounding errors."""

MOST_PHASES = 64
"""Periods up to this are looked for."""


def nonzero(weights: npt.NDArray[np.float64]) -> Keep:
    """Which weights aren't zero but for rounding."""
    size = np.abs(weights)
    return np.asarray(size > LEAST * size.max(initial=0))


def by_pattern(call: Call, value: int, axis: int, keep: Keep) -> int:
    """Output o of an axis reads the elements that `keep[o]` lists.

    Args:
        call: the call.
        value: what is read.
        axis: the axis that is read along.
        keep: what counts, [out, in].
    """
    m, n = keep.shape
    shape = list(call.shape_of(value))
    shape[axis] = m
    counts = keep.sum(axis=1)
    lo = np.where(counts, keep.argmax(axis=1), 0)
    hi = np.where(counts, n - keep[:, ::-1].argmax(axis=1), 0)
    plane = periodic(lo, hi, n)
    gaps = int((hi - lo - counts).max(initial=0))
    if gaps and plane is None:
        order = np.argsort(~keep, axis=1, kind="stable")[:, : int(counts.max(initial=0))]
        listed = np.where(np.take_along_axis(keep, order, 1), order, -1)
        return call.add(Collect(axis, Indices(listed)), [value], shape)
    skipped = None
    if gaps:
        places = np.arange(n)
        hole = ~keep & (places >= lo[:, None]) & (places < hi[:, None])
        order = np.argsort(~hole, axis=1, kind="stable")[:, :gaps]
        skipped = Indices(np.where(np.take_along_axis(hole, order, 1), order, -1))
    return call.add(Table(axis, Indices(lo), Indices(hi), plane, skipped), [value], shape)


def periodic(lo: npt.NDArray[np.int64], hi: npt.NDArray[np.int64], n: int) -> Periodic | None:
    """The runs of a table on the unbounded plane, where they repeat; None if they don't.

    Runs that touch a border may be cut off there, so that each phase is told by others.

    Args:
        lo: first element that each output reads.
        hi: element behind the last one.
        n: extent of the input.

    Example:
        >>> lo, hi = np.array([0, 0, 0, 1, 1, 2, 2, 3]), np.array([1, 2, 2, 3, 3, 4, 4, 4])
        >>> periodic(lo, hi, 4)
        Periodic(advance=1, lo=(-1, 0), hi=(1, 2))
    """
    m = len(lo)
    if not m or (lo >= hi).any():
        return None
    index = np.arange(m)
    likely = Fraction(n, m)
    candidates = [(likely.denominator, likely.numerator)]
    for phases in range(1, min(MOST_PHASES, m // 2) + 1):
        inner = [int(hi[o + phases] - hi[o]) for o in range(m - phases) if hi[o + phases] < n]
        inner += [int(lo[o + phases] - lo[o]) for o in range(m - phases) if lo[o] > 0]
        if len(set(inner)) == 1:
            candidates.append((phases, inner[0]))
    for phases, advance in candidates:
        if advance < 1 or not repeats(phases, advance, m):
            continue
        shift = advance * (index // phases)
        starts, stops = [], []
        for phase in range(phases):
            own = index % phases == phase
            left = set((lo - shift)[own & (lo > 0)].tolist())
            right = set((hi - shift)[own & (hi < n)].tolist())
            if len(left) != 1 or len(right) != 1:
                break
            starts.append(left.pop())
            stops.append(right.pop())
        else:
            first = np.array(starts)[index % phases] + shift
            last = np.array(stops)[index % phases] + shift
            if (first.clip(0) == lo).all() and (last.clip(None, n) == hi).all():
                return Periodic(advance, tuple(starts), tuple(stops))
    return None
