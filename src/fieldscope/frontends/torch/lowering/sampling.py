"""Interpolation: which elements a resized position reads.

Source positions follow PyTorch's `area_pixel_compute_source_index`; they are computed
exactly, with rational scales, so that a tap of weight zero (a source position that falls on an
element) isn't read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from math import ceil, floor
from typing import Any

import torch

from fieldscope.frontends.torch.lowering.call import Call
from fieldscope.frontends.torch.lowering.registry import lowers
from fieldscope.graph.operators import Indices, Periodic, Table


@lru_cache(maxsize=512)
def _linear_table(n: int, m: int, taps: int, align_corners: bool, scale: Fraction | None) -> Table:
    if align_corners:
        ratio = Fraction(n - 1, m - 1) if m > 1 else Fraction(0)
    else:
        ratio = scale if scale is not None else Fraction(n, m)

    def source(o: int) -> Fraction:
        return ratio * o if align_corners else ratio * (Fraction(2 * o + 1, 2)) - Fraction(1, 2)

    def run(o: int) -> tuple[int, int]:
        at = source(o)
        if taps == 2 and not align_corners and at < 0:
            at = Fraction(0)
        low = floor(at)
        if low == at:
            return low, low + 1
        return low - taps // 2 + 1, low + taps // 2 + 1

    bounds = [run(o) for o in range(m)]
    lo = [min(max(low, 0), n - 1) for low, _ in bounds]
    hi = [min(max(high - 1, 0), n - 1) + 1 for _, high in bounds]
    plane = None
    phases, advance = ratio.denominator, ratio.numerator
    if _repeats(phases, advance, m):
        far = phases * (ceil(Fraction(1) / ratio) + 1)  # away from the border's clamping
        turns = far // phases
        inner = [run(far + o) for o in range(phases)]
        plane = Periodic(
            advance,
            tuple(low - turns * advance for low, _ in inner),
            tuple(high - turns * advance for _, high in inner),
        )
    return Table(0, Indices(lo), Indices(hi), plane)


def _repeats(phases: int, advance: int, m: int) -> bool:
    """Whether m outputs show a period: a whole factor does, other ratios if seen twice."""
    return advance == 1 or (advance > 0 and (phases == 1 or 2 * phases <= m))


def _resize(call: Call, x: torch.Tensor, tables: Sequence[Table | None], first: int) -> int:
    value = call.value(x)
    for k, table in enumerate(tables):
        if table is not None:
            shape = list(call.shape_of(value))
            shape[first + k] = call.shape[first + k]
            value = call.add(replace(table, axis=first + k), [value], shape)
    return value


def _scales(arguments: Sequence[Any], count: int) -> list[Fraction | None]:
    """Input elements per output element where the caller gave scale factors."""
    given = [a for a in arguments if a is None or isinstance(a, float)]
    factors = next(
        (a for a in arguments if isinstance(a, (list, tuple)) and a and isinstance(a[0], float)),
        None,
    )
    if factors is None:
        factors = given if len(given) == count else [None] * count
    return [
        1 / Fraction(float(factor)).limit_denominator(10**6) if factor else None
        for factor in factors
    ]


def _linear(taps: int, n: int) -> Any:
    def rule(
        call: Call, x: torch.Tensor, size: Any, align: bool, *scales: Any, **named: Any
    ) -> int:
        """The 2 elements beside the source position on each axis, or 4, but none of weight 0."""
        found = _scales((*scales, *named.values()), n)
        tables = [
            None
            # PyTorch copies an axis of equal extents whatever its scale, but not in bicubic.
            if x.shape[2 + k] == call.shape[2 + k] and (align or taps == 2 or found[k] in (None, 1))
            else _linear_table(x.shape[2 + k], call.shape[2 + k], taps, align, found[k])
            for k in range(n)
        ]
        return _resize(call, x, tables, 2)

    return rule


for _name, _taps, _n in (
    ("upsample_linear1d", 2, 1),
    ("upsample_bilinear2d", 2, 2),
    ("upsample_trilinear3d", 2, 3),
    ("upsample_bicubic2d", 4, 2),
):
    lowers(_name)(_linear(_taps, _n))


@lru_cache(maxsize=512)
def _nearest_tables(
    extents: tuple[int, ...],
    out: tuple[int, ...],
    scales: tuple[float | None, ...],
    exact: bool,
) -> tuple[Table, ...]:
    """The framework's own choice of elements, float rounding included.

    The operator itself is run on ramps: its kernels differ in rounding, and some copy an axis
    whose extent doesn't change although a scale is given.
    """
    n = len(extents)
    name = f"_upsample_nearest_exact{n}d" if exact else f"upsample_nearest{n}d"
    operator = getattr(torch.ops.aten, name)
    tables = []
    for axis in range(n):
        ramp = torch.arange(extents[axis], dtype=torch.float64)
        ramp = ramp.reshape([-1 if k == axis else 1 for k in range(n)]).expand(extents)
        found = operator(ramp[None, None].contiguous(), list(out), *scales)[0, 0]
        chosen = found[tuple(slice(None) if k == axis else 0 for k in range(n))]
        low = chosen.to(torch.int64).tolist()
        tables.append(_nearest_table(extents[axis], low, scales[axis]))
    return tuple(tables)


def _nearest_table(n: int, low: list[int], scale: float | None) -> Table:
    m = len(low)
    ratio = Fraction(n, m) if scale is None else 1 / Fraction(scale).limit_denominator(10**6)
    phases, advance = ratio.denominator, ratio.numerator
    plane = None
    if _repeats(phases, advance, m) and all(
        low[o] == low[o % phases] + advance * (o // phases)
        for o in range(m)
        if low[o % phases] + advance * (o // phases) < n
    ):
        plane = Periodic(advance, tuple(low[:phases]), tuple(low[o] + 1 for o in range(phases)))
    return Table(0, Indices(low), Indices([o + 1 for o in low]), plane)


def _nearest(n: int, exact: bool) -> Any:
    def rule(call: Call, x: torch.Tensor, size: Any, *scales: Any, **named: Any) -> int:
        """The element that PyTorch chooses, its rounding included."""
        given: Any = (*scales, *named.values())
        if len(given) == 1 and isinstance(given[0], (list, tuple)):
            given = given[0]
        given = tuple(given) if len(given) == n else (None,) * n
        tables = _nearest_tables(tuple(x.shape[2:]), call.shape[2:], given, exact)
        kept = [
            None if n == m and _copies(table) else table
            for n, m, table in zip(x.shape[2:], call.shape[2:], tables, strict=True)
        ]
        return _resize(call, x, kept, 2)

    return rule


def _copies(table: Table) -> bool:
    """Whether a table reads its own position everywhere."""
    lo = table.lo.array
    return bool((lo == range(lo.size)).all())


for _n in (1, 2, 3):
    lowers(f"upsample_nearest{_n}d")(_nearest(_n, exact=False))
    lowers(f"_upsample_nearest_exact{_n}d")(_nearest(_n, exact=True))


@lru_cache(maxsize=512)
def _antialias_table(n: int, m: int, taps: int, align: bool, scale: Fraction | None) -> Table:
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
    if not align and _repeats(phases, advance, m):
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


def _antialiased(taps: int) -> Any:
    def rule(
        call: Call, x: torch.Tensor, size: Any, align: bool, *scales: Any, **named: Any
    ) -> int:
        """The run under a filter that is as wide as the reduction, but none of weight 0."""
        found = _scales((*scales, *named.values()), 2)
        tables = [
            None
            if x.shape[2 + k] == call.shape[2 + k]  # skipped by PyTorch whatever its scale
            else _antialias_table(x.shape[2 + k], call.shape[2 + k], taps, align, found[k])
            for k in range(2)
        ]
        return _resize(call, x, tables, 2)

    return rule


lowers("_upsample_bilinear2d_aa")(_antialiased(2))
lowers("_upsample_bicubic2d_aa")(_antialiased(4))


@lowers("grid_sampler_2d", "grid_sampler_3d", "cudnn_grid_sampler", "_grid_sampler_2d_cpu_fallback")
def grid_sample(call: Call, x: torch.Tensor, grid: torch.Tensor, *_: Any) -> int | tuple[int, ...]:
    """Where it reads is decided by the grid: any position of its sample may be read."""
    if not call.depends(grid) and call.depends(x):
        return call.opaque([x], "a constant sampling grid isn't followed")
    parts = []
    n = x.dim() - 2
    if call.depends(x):
        value = call.value(x)
        mixed = call.mix(value, range(2, x.dim()), (*x.shape[:2], *call.shape[2:]))
        parts.append(mixed)
    where = call.reduce(call.value(grid), (n + 1,))
    parts.append(call.reshape(where, (call.shape[0], 1, *call.shape[2:])))
    return call.pointwise(*parts)
