"""Networks side by side: compute by verdict, and the extents that suit each."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from fieldscope.render import comparison as words
from fieldscope.render.numerals import large
from fieldscope.render.pictures import sheet, style
from fieldscope.render.pictures.growth import shortened
from fieldscope.render.pictures.verdicts import LOOKS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from fieldscope.analyses.comparison import Comparison

_WIDTH, _ROW = 3.7, 0.42
_LETTER = 0.62 * style.NORMAL / 72


def draw(found: Comparison, *, title: str | None = None) -> style.Picture:
    """Draw networks; `fieldscope.render.pictures.comparison_picture` says what is shown."""
    page = words.described(found)
    names = [shortened(column.key) for column in page.columns[1:]]
    height = max(_ROW * len(names), 0.9)
    left = 0.3 + max(map(len, names)) * _LETTER
    with style.own_style():
        made = sheet.compose(
            [[(_WIDTH, height), (_WIDTH, height)]],
            title=title or page.title,
            subtitle=page.subtitle,
            notes=list(page.closing),
            margins=sheet.Margins(left=left, right=0.3, above=0.42, below=0.62),
        )
        ((costs, ranges),) = made.panels
        _draw_costs(costs, found)
        _draw_ranges(ranges, found)
        for axes in (costs, ranges):
            axes.set_ylim(len(names) - 0.4, -0.6)
            axes.set_yticks(range(len(names)), names)
            axes.tick_params(length=2.5, width=0.6, color=style.QUIET, labelsize=style.SMALL)
            axes.tick_params(axis="y", length=0, labelsize=style.NORMAL)
            axes.spines[["top", "right", "left"]].set_visible(False)
            for text in axes.get_yticklabels():
                text.set_parse_math(False)
    return made.figure


def _draw_costs(axes: Axes, found: Comparison) -> None:
    """The multiply-accumulates of each network, stacked by verdict."""
    shown = []
    for at, one in enumerate(found.models):
        left = 0
        for verdict, look in LOOKS.items():
            macs = sum(layer.macs for layer in one.productivity.judged(verdict))
            if macs:
                axes.barh(
                    at, macs, left=left, height=0.6, color=look.fill, edgecolor=look.edge,
                    hatch=look.hatch * 2, linewidth=0.6, gid=f"{verdict}-{at}",
                )  # fmt: skip
                shown.append(verdict)
            left += macs
    axes.set_xlabel("multiply-accumulates")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: large(int(value))))
    axes.legend(
        handles=[
            Patch(facecolor=look.fill, edgecolor=look.edge, hatch=look.hatch * 2, label=verdict)
            for verdict, look in LOOKS.items()
            if verdict in shown
        ],
        loc="lower left",
        bbox_to_anchor=(-0.02, 1.0),
        ncols=5,
        frameon=False,
        fontsize=style.SMALL,
        handlelength=1.5,
        columnspacing=1.1,
    )


def _draw_ranges(axes: Axes, found: Comparison) -> None:
    """The feasible extents of each network along the axis that limits it most."""
    sizes = []
    for one in found.models:
        limits = (one.resolution.productive_from, one.largest, one.productivity.extents)
        sizes += [size for limit in limits for size in limit if size != math.inf]
    low, high = max(0.5, min(sizes) / 2), max(sizes) * 2
    axes.set_xscale("log", base=2)
    axes.set_xlim(low, high)
    for at, one in enumerate(found.models):
        first = max(one.resolution.productive_from)
        last = min(min(one.largest), high)
        if last > first:
            axes.barh(
                at, last - first, left=first, height=0.5, color="#8fb9dd",
                edgecolor=style.BLUE, linewidth=0.8, gid=f"range-{at}",
            )  # fmt: skip
        extents = one.productivity.extents
        axes.plot(
            extents, [at] * len(extents), linestyle="none", marker="D", markersize=4.5,
            color=style.INK, markeredgecolor=style.PAPER,
        )  # fmt: skip
    powers = [2**k for k in range(math.ceil(math.log2(low)), int(math.log2(high)) + 1)]
    axes.xaxis.set_major_locator(FixedLocator(powers[:: -(-len(powers) // 8)]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0f}"))
    axes.set_xlabel("feasible extents (◆ the input)")
