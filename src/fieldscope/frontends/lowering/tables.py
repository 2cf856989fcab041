"""Which elements of an axis a resized or pooled position reads, as tables.

Source positions are exact fractions, so that a tap of weight zero (a source position that falls
on an element) isn't read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from math import floor, lcm

import numpy as np

from fieldscope.frontends.lowering.call import Call
from fieldscope.graph.operators import Indices, Periodic, Table


def linear_table(
    n: int, m: int, taps: int, source: Callable[[int], Fraction], ratio: Fraction
) -> Table:
    """The elements beside each source position, 2 or 4 `taps`, but none of weight 0.

    Args:
        n: extent of the input.
        m: extent of the result.
        taps: 2 for linear interpolation, 4 for cubic.
        source: position in the input of an output index, where element k is at k; from index
            to index it moves by the same step. Positions outside repeat the border.
        ratio: input elements per output element.

    Example:
        >>> table = linear_table(4, 8, 2, lambda o: Fraction(2 * o - 1, 4), Fraction(1, 2))
        >>> table.lo, table.hi
        (Indices([0, 0, 0, 1, 1, 2, 2, 3]), Indices([1, 2, 2, 3, 3, 4, 4, 4]))
    """
    first, step = source(0), source(1) - source(0)
    # Integers over one denominator: exact as fractions, and as fast as NumPy.
    unit = lcm(first.denominator, step.denominator)
    phases, advance = ratio.denominator, ratio.numerator
    periodic = repeats(phases, advance, m)
    count = max(m, phases) if periodic else m
    wide = abs(first * unit) + abs(step * unit) * count >= 1 << 62  # by a fraction of a float
    index = np.arange(count, dtype=object if wide else np.int64)
    numerators = int(first * unit) + index * int(step * unit)
    low = (numerators // unit).astype(np.int64)
    inside = (numerators % unit).astype(bool)
    beside = taps // 2
    lo, hi = np.where(inside, low - beside + 1, low), np.where(inside, low + beside, low) + 1
    plane = None
    if periodic:
        plane = Periodic(advance, tuple(lo[:phases].tolist()), tuple(hi[:phases].tolist()))
    lo, hi = np.clip(lo[:m], 0, n - 1), np.clip(hi[:m] - 1, 0, n - 1) + 1
    return Table(0, Indices(lo), Indices(hi), plane)


def repeats(phases: int, advance: int, m: int) -> bool:
    """Whether m outputs show a period: a whole factor does, other ratios if seen twice."""
    return advance == 1 or (advance > 0 and (phases == 1 or 2 * phases <= m))


def nearest_table(n: int, low: Sequence[int], ratio: Fraction) -> Table:
    """One element for each output index.

    Args:
        n: extent of the input.
        low: the element that each output index reads.
        ratio: input elements per output element.

    Example:
        >>> nearest_table(2, [0, 0, 1, 1], Fraction(1, 2)).plane
        Periodic(advance=1, lo=(0, 0), hi=(1, 1))
    """
    m = len(low)
    phases, advance = ratio.denominator, ratio.numerator
    plane = None
    if (
        phases <= m
        and repeats(phases, advance, m)
        and all(
            low[o] == low[o % phases] + advance * (o // phases)
            for o in range(m)
            if low[o % phases] + advance * (o // phases) < n
        )
    ):
        plane = Periodic(advance, tuple(low[:phases]), tuple(low[o] + 1 for o in range(phases)))
    return Table(0, Indices(low), Indices([o + 1 for o in low]), plane)


def copies(table: Table) -> bool:
    """Whether a table reads its own position everywhere."""
    lo, hi = table.lo.array, table.hi.array
    return bool((lo == range(lo.size)).all() and (hi == lo + 1).all())


@lru_cache(maxsize=512)
def antialias_table(n: int, m: int, taps: int, align: bool, scale: Fraction | None) -> Table:
    """Runs of the anti-aliased filters: the filter is as wide as the reduction.

    Follows `_compute_indices_min_size_weights_aa` of PyTorch: centre c = ratio·(o + ½), support
    taps/2·max(ratio, 1), elements ⌊c − support + ½⌋ to ⌊c + support + ½⌋, weights of a
    triangle or a cubic at the elements' centres; elements of weight zero aren't read.
    """
    if align:
        ratio = Fraction(n - 1, m - 1) if m > 1 else Fraction(0)
    else:
        ratio = scale if scale is not None else Fraction(n, m)
    width = max(ratio, Fraction(1))
    support = Fraction(taps, 2) * width
    half = Fraction(1, 2)

    skipped: dict[int, list[int]] = {}

    def read(o: int, *, clamped: bool) -> tuple[int, int]:
        centre = ratio * (o + half)
        low, high = floor(centre - support + half), floor(centre + support + half)
        if clamped:
            low, high = max(low, 0), min(high, n)
        used = [j for j in range(low, high) if _weight((j + half - centre) / width, taps)]
        if not used:
            return low, low
        if clamped:
            skipped[o] = sorted({*range(used[0], used[-1])} - {*used})
        return used[0], used[-1] + 1

    runs = [read(o, clamped=True) for o in range(m)]
    plane = None
    phases, advance = ratio.denominator, ratio.numerator
    if not align and repeats(phases, advance, m):
        inner = [read(o, clamped=False) for o in range(phases)]
        plane = Periodic(advance, tuple(lo for lo, _ in inner), tuple(hi for _, hi in inner))
    most = max((len(places) for places in skipped.values()), default=0)
    inside = [skipped.get(o, []) for o in range(m)]
    return Table(
        0,
        Indices([lo for lo, _ in runs]),
        Indices([hi for _, hi in runs]),
        plane,
        Indices([places + [-1] * (most - len(places)) for places in inside]) if most else None,
    )


def _weight(x: Fraction, taps: int) -> bool:
    """Whether a triangle (2 taps) or cubic (4) filter differs from zero at x."""
    if taps == 2:
        return abs(x) < 1
    return abs(x) < 2 and abs(x) != 1


def adaptive_table(axis: int, n: int, m: int) -> Table:
    """The runs of adaptive pooling from n to m elements; periodic if gcd(n, m) > 1.

    Example:
        >>> adaptive_table(2, 5, 3).lo, adaptive_table(2, 5, 3).hi
        (Indices([0, 1, 3]), Indices([2, 4, 5]))
    """
    index = np.arange(m)
    lo, hi = index * n // m, -(-(index + 1) * n // m)
    common = int(np.gcd(n, m))
    plane = None
    if common > 1:
        phases = m // common
        plane = Periodic(n // common, tuple(lo[:phases].tolist()), tuple(hi[:phases].tolist()))
    return Table(axis, Indices(lo), Indices(hi), plane)


def resized(call: Call, value: int, tables: Mapping[int, Table]) -> int:
    """A value with axes read by tables (their own axis doesn't count)."""
    for axis, table in tables.items():
        shape = list(call.shape_of(value))
        shape[axis] = table.lo.array.size
        value = call.add(replace(table, axis=axis), [value], shape)
    return value
