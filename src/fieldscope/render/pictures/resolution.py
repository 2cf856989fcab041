"""Feasible extents as bands on a line of extents, one per axis of the input."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from fieldscope.render import resolution as words
from fieldscope.render.numerals import product
from fieldscope.render.pictures import sheet, style

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from fieldscope.analyses.resolution import Resolution

_WIDTH, _ROW = 6.8, 0.85
_GOOD, _WASTE, _BLIND = "#8fb9dd", "#d94841", "#d8d8d2"


def draw(found: Resolution, *, title: str | None = None) -> style.Picture:
    """Draw limits; `fieldscope.render.pictures.resolution_picture` says what is shown."""
    rows = _rows(found)
    with style.own_style():
        made = sheet.compose(
            [[(_WIDTH, _ROW * len(rows) + 0.25)]],
            title=title or found.model,
            subtitle=f"feasible extents of {found.input}, which was analysed at "
            f"{product(found.analysed)} (◆)",
            notes=[*words.closing(found)],
            margins=sheet.Margins(left=0.6, right=0.4, above=0.2, below=0.62),
        )
        ((axes,),) = made.panels
        low, high = _ends(found)
        axes.set_xscale("log", base=2)
        axes.set_xlim(low, high)
        axes.set_ylim(len(rows) - 0.25, -0.75)
        for at, (_, axis) in enumerate(rows):
            _draw_row(axes, found, axis, at, (low, high))
        axes.set_yticks(range(len(rows)), [name for name, _ in rows])
        powers = [2**k for k in range(math.ceil(math.log2(low)), int(math.log2(high)) + 1)]
        axes.xaxis.set_major_locator(FixedLocator(powers[:: -(-len(powers) // 12)]))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0f}"))
        axes.tick_params(length=2.5, width=0.6, color=style.QUIET, labelsize=style.SMALL)
        axes.tick_params(axis="y", length=0, labelsize=style.NORMAL)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.set_xlabel("extent, in elements (log)")
    return made.figure


def _rows(found: Resolution) -> Sequence[tuple[str, int]]:
    """A row per axis; axes with the same limits and extent share one."""
    shared: dict[object, list[int]] = {}
    for axis, extent in enumerate(found.analysed):
        limits = (found.productive_from, found.uncritical, found.largest)
        shared.setdefault((extent, *(limit[axis] for limit in limits)), []).append(axis)
    return [(", ".join(found.axes[axis] for axis in axes), axes[0]) for axes in shared.values()]


def _ends(found: Resolution) -> tuple[float, float]:
    limits = (found.productive_from, found.uncritical, found.largest, found.analysed)
    sizes = [size for limit in limits for size in limit if size != math.inf]
    return max(0.5, min(sizes) / 3), max(sizes) * 3


def _draw_row(axes: Axes, found: Resolution, axis: int, at: int, ends: tuple[float, float]) -> None:
    low, high = ends
    first, free, last = (
        min(limit[axis], high) for limit in (found.productive_from, found.uncritical, found.largest)
    )
    for start, stop, colour, hatch, gid in (
        (low, first, _WASTE, "xxx", "unproductive"),
        (first, last, _GOOD, "", "feasible"),
        (last, high, _BLIND, "...", "not seen whole"),
    ):
        if stop > start:
            axes.barh(
                at,
                stop - start,
                left=start,
                height=0.42,
                color=colour,
                hatch=hatch,
                edgecolor=style.PAPER if hatch else style.BLUE,
                linewidth=0.0 if hatch else 0.8,
                gid=gid,
            )
    marks = [(first, "productive from"), (last, "largest")]
    for size, name in marks:
        if low < size < high:
            axes.text(
                size,
                at + 0.25,
                f"{size:.0f}\n{name}",
                ha="center",
                va="top",
                fontsize=style.SMALL,
                color=style.INK,
                linespacing=1.15,
            )
    if low < free < high and free not in (first, last):
        axes.plot([free, free], [at - 0.21, at + 0.21], color=style.BLUE, linewidth=1.1)
        axes.text(
            free,
            at - 0.25,
            f"uncritical from {free:.0f}",
            ha="center",
            va="bottom",
            fontsize=style.SMALL,
            color=style.BLUE,
        )
    axes.plot(
        found.analysed[axis],
        at,
        marker="D",
        markersize=5.5,
        color=style.INK,
        markeredgecolor=style.PAPER,
        gid="analysed",
    )
