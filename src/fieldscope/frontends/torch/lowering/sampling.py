"""Interpolation: which elements a resized position reads.

Source positions follow PyTorch's `area_pixel_compute_source_index`; they are computed
exactly, with rational scales, so that a tap of weight zero (a source position that falls on an
element) isn't read.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any

import torch

from fieldscope.frontends.lowering.tables import (
    antialias_table,
    copies,
    linear_table,
    nearest_table,
    resized,
)
from fieldscope.frontends.torch.lowering.call import Call
from fieldscope.frontends.torch.lowering.registry import lowers
from fieldscope.graph.operators import Table


@lru_cache(maxsize=512)
def _linear_table(n: int, m: int, taps: int, align_corners: bool, scale: Fraction | None) -> Table:
    if align_corners:
        ratio = Fraction(n - 1, m - 1) if m > 1 else Fraction(0)
        return linear_table(n, m, taps, lambda o: ratio * o, ratio)
    ratio = scale if scale is not None else Fraction(n, m)
    half = Fraction(1, 2)
    return linear_table(n, m, taps, lambda o: ratio * (o + half) - half, ratio)


def _resize(call: Call, x: torch.Tensor, tables: Sequence[Table | None]) -> int:
    by_axis = {2 + k: table for k, table in enumerate(tables) if table is not None}
    return resized(call, call.value(x), by_axis)


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
        return _resize(call, x, tables)

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
        scale = scales[axis]
        ratio = (
            Fraction(extents[axis], out[axis])
            if scale is None
            else 1 / Fraction(scale).limit_denominator(10**6)
        )
        tables.append(nearest_table(extents[axis], low, ratio))
    return tuple(tables)


def _nearest(n: int, exact: bool) -> Any:
    def rule(call: Call, x: torch.Tensor, size: Any, *scales: Any, **named: Any) -> int:
        """The element that PyTorch chooses, its rounding included."""
        given: Any = (*scales, *named.values())
        if len(given) == 1 and isinstance(given[0], (list, tuple)):
            given = given[0]
        given = tuple(given) if len(given) == n else (None,) * n
        tables = _nearest_tables(tuple(x.shape[2:]), call.shape[2:], given, exact)
        kept = [
            None if n == m and copies(table) else table
            for n, m, table in zip(x.shape[2:], call.shape[2:], tables, strict=True)
        ]
        return _resize(call, x, kept)

    return rule


for _n in (1, 2, 3):
    lowers(f"upsample_nearest{_n}d")(_nearest(_n, exact=False))
    lowers(f"_upsample_nearest_exact{_n}d")(_nearest(_n, exact=True))


def _antialiased(taps: int) -> Any:
    def rule(
        call: Call, x: torch.Tensor, size: Any, align: bool, *scales: Any, **named: Any
    ) -> int:
        """The run under a filter that is as wide as the reduction, but none of weight 0."""
        found = _scales((*scales, *named.values()), 2)
        tables = [
            None
            if x.shape[2 + k] == call.shape[2 + k]  # skipped by PyTorch whatever its scale
            else antialias_table(x.shape[2 + k], call.shape[2 + k], taps, align, found[k])
            for k in range(2)
        ]
        return _resize(call, x, tables)

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
