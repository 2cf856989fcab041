"""What each layer receives and hands on, against the input's extent, and what it costs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from fieldscope.errors import InputError
from fieldscope.render import productivity as words
from fieldscope.render.numerals import large, product
from fieldscope.render.pictures import sheet, style
from fieldscope.render.pictures.growth import shortened
from fieldscope.render.pictures.verdicts import LOOKS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from fieldscope.analyses.productivity import LayerProductivity, Productivity

_HEIGHT, _COSTS = 2.6, 1.1
_LEAST_WIDTH, _MOST_WIDTH, _BAR = 4.4, 11.5, 0.26
_SIDE, _END = 0.86, 0.30
# Bars get thin beyond this many, and only some are named.
_MOST_NAMES = 36
_ROTATED = 45


def draw(
    found: Productivity, *, title: str | None = None, notes: Sequence[str] = ()
) -> style.Picture:
    """Draw verdicts; `fieldscope.render.pictures.productivity_picture` says what is shown.

    Args:
        found: the verdicts.
        title: instead of the model's name.
        notes: what stands below them, ahead of what follows from the verdicts.
    """
    layers = found.widening
    if not layers:
        raise InputError(f"no layer of {found.model} widens the field, so there is nothing to draw")
    panels = _panels(found)
    width = min(max(_BAR * len(layers), _LEAST_WIDTH), _MOST_WIDTH)
    named = _named(layers)
    names = [shortened(layers[at].layer) for at in named]
    with style.own_style():
        made = sheet.compose(
            [[(width, _HEIGHT)] for _ in panels] + [[(width, _COSTS)]],
            title=title or f"{found.model} at {product(found.extents)}",
            subtitle=words.subtitle(found),
            notes=[*notes, *words.closing(found)],
            margins=[_margins(above=0.30 if k == 0 else 0.12) for k in range(len(panels))]
            + [_margins(above=0.12, below=_below(names))],
        )
        *fields, (costs,) = made.panels
        for (axes,), (label, places) in zip(fields, panels, strict=True):
            _draw_fields(axes, layers, found.extents[places[0]], places[0], label)
        _draw_costs(costs, layers)
        for (axes,) in made.panels:
            axes.set_xlim(-0.8, len(layers) - 0.2)
            axes.spines[["top", "right"]].set_visible(False)
            axes.xaxis.set_major_locator(FixedLocator(named))
            axes.tick_params(length=2.5, width=0.6, color=style.QUIET, labelsize=style.SMALL)
            axes.tick_params(axis="x", labelbottom=axes is costs)
        costs.set_xticks(named, names)
        for text in costs.get_xticklabels():
            text.set_parse_math(False)
            text.set(ha="right", rotation_mode="anchor", rotation=_ROTATED)
        _legend(fields[0][0], layers)
    return made.figure


def _panels(found: Productivity) -> list[tuple[str, tuple[int, ...]]]:
    """A panel for each axis; axes on which all is alike share one."""
    shared: dict[object, list[int]] = {}
    for axis, extent in enumerate(found.extents):
        numbers = tuple((one.received[axis], one.narrowest[axis]) for one in found.widening)
        shared.setdefault((extent, numbers), []).append(axis)
    return [
        (", ".join(found.axes[axis] for axis in axes) if len(shared) > 1 else "", tuple(axes))
        for axes in shared.values()
    ]


def _named(layers: Sequence[LayerProductivity]) -> list[int]:
    step = -(-len(layers) // _MOST_NAMES)
    return list(range(0, len(layers), step))


def _below(names: Sequence[str]) -> float:
    return 0.3 + max(map(len, names)) * 0.6 * style.SMALL / 72 * math.sin(math.radians(_ROTATED))


def _margins(*, above: float, below: float = 0.10) -> sheet.Margins:
    return sheet.Margins(left=_SIDE, right=_END, above=above, below=below)


def _draw_fields(
    axes: Axes, layers: Sequence[LayerProductivity], extent: int, axis: int, label: str
) -> None:
    """A bar from what a layer receives to what it hands on, and a line at the extent."""
    finite = [
        size
        for one in layers
        for size in (one.received[axis], one.narrowest[axis])
        if size != math.inf
    ]
    high = max([*finite, extent]) * 1.6
    axes.set_yscale("log", base=2)
    axes.set_ylim(0.8, high)
    for at, one in enumerate(layers):
        low, top = min(one.received[axis], high), min(one.narrowest[axis], high)
        look = LOOKS[one.verdict]
        bar = axes.bar(
            at,
            max(top - low, low * 0.04),
            width=0.72,
            bottom=low,
            color=look.fill,
            edgecolor=look.edge,
            hatch=look.hatch * 2,
            linewidth=0.6,
        )
        bar[0].set_gid(f"{one.verdict}: {one.layer}")
    axes.axhline(extent, color=style.INK, linewidth=1.2, gid="extent")
    axes.annotate(
        f"n = {extent}",
        (0, extent),
        xycoords=axes.get_yaxis_transform(),
        xytext=(3, 3),
        textcoords="offset points",
        fontsize=style.SMALL,
        color=style.INK,
        fontweight="bold",
    )
    powers = [2**k for k in range(int(math.log2(high)) + 1)]
    axes.yaxis.set_major_locator(FixedLocator(powers[:: -(-len(powers) // 8)]))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0f}"))
    axes.set_ylabel("narrowest field\nreceived to own" + (f", {label}" if label else ""))
    axes.grid(axis="y", color=style.FAINT, linewidth=0.4)
    axes.set_axisbelow(True)


def _draw_costs(axes: Axes, layers: Sequence[LayerProductivity]) -> None:
    for at, one in enumerate(layers):
        look = LOOKS[one.verdict]
        axes.bar(
            at,
            one.macs,
            width=0.72,
            color=look.fill,
            edgecolor=look.edge,
            hatch=look.hatch * 2,
            linewidth=0.6,
        )
    axes.set_ylabel("MACs")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: large(int(value))))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=3))


def _legend(axes: Axes, layers: Sequence[LayerProductivity]) -> None:
    axes.legend(
        handles=list(_patches(layers)),
        loc="lower left",
        bbox_to_anchor=(-0.01, 1.0),
        ncols=4,
        frameon=False,
        fontsize=style.SMALL,
        handlelength=1.8,
        handleheight=1.1,
        columnspacing=1.4,
        borderaxespad=0.1,
    )


def _patches(layers: Sequence[LayerProductivity]) -> Iterator[Patch]:
    for verdict, look in LOOKS.items():
        count = sum(one.verdict == verdict for one in layers)
        if count:
            yield Patch(
                facecolor=look.fill,
                edgecolor=look.edge,
                hatch=look.hatch * 2,
                linewidth=0.6,
                label=f"{verdict} ({count})",
            )
