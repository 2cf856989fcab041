"""The size of a field, stacked up layer by layer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from matplotlib.ticker import FixedLocator, MaxNLocator

from fieldscope.errors import InputError
from fieldscope.render import growth as words
from fieldscope.render.numerals import number, product
from fieldscope.render.pictures import sheet, style
from fieldscope.render.pictures.growth import shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from fieldscope.analyses.growth import Growth, LayerGrowth

_HEIGHT = 2.9
_LEAST_WIDTH, _MOST_WIDTH, _BAR = 4.4, 11.5, 0.26
_SIDE, _END = 0.72, 0.62
# Bars get thin beyond this many, and only some are named.
_MOST_NAMES = 40
_ROTATED = 45


def draw(found: Growth, *, title: str | None = None) -> style.Picture:
    """Draw shares; `fieldscope.render.pictures.shares_picture` says what is shown."""
    layers = found.layers
    if not layers:
        raise InputError(f"no layer widens the field of {found.layer}, so there is nothing to draw")
    panels = _panels(found)
    width = min(max(_BAR * len(layers), _LEAST_WIDTH), _MOST_WIDTH)
    named = list(range(0, len(layers), -(-len(layers) // _MOST_NAMES)))
    names = [shortened(layers[at].layer or "(between layers)") for at in named]
    below = 0.3 + max(map(len, names)) * 0.6 * style.SMALL / 72 * math.sin(math.radians(_ROTATED))
    beside = any(not any(one.share) for one in layers)
    with style.own_style():
        made = sheet.compose(
            [[(width, _HEIGHT)] for _ in panels],
            title=title or f"{found.model}: {found.layer}, {product(found.size)}",
            subtitle=f"what each layer adds to the size, in elements of {found.input}",
            notes=[*words.closing(found), *["a level line: beside the longest path"] * beside],
            margins=[
                sheet.Margins(
                    left=_SIDE,
                    right=_END,
                    above=0.16,
                    below=below if k == len(panels) - 1 else 0.10,
                )
                for k in range(len(panels))
            ],
        )
        for (axes,), (label, axis) in zip(made.panels, panels, strict=True):
            _draw_bars(axes, layers, axis, int(found.size[axis]), label)
            axes.set_xlim(-0.8, len(layers) - 0.2)
            axes.spines[["top", "right"]].set_visible(False)
            axes.xaxis.set_major_locator(FixedLocator(named))
            axes.tick_params(length=2.5, width=0.6, color=style.QUIET, labelsize=style.SMALL)
            axes.tick_params(axis="x", labelbottom=axes is made.panels[-1][0])
        last = made.panels[-1][0]
        last.set_xticks(named, names)
        for text in last.get_xticklabels():
            text.set_parse_math(False)
            text.set(ha="right", rotation_mode="anchor", rotation=_ROTATED)
    return made.figure


def _panels(found: Growth) -> list[tuple[str, int]]:
    """An axis for each panel; axes on which all is alike share one."""
    shared: dict[object, list[int]] = {}
    for axis, divided in enumerate(found.divided):
        if divided:
            shares = tuple(layer.share[axis] for layer in found.layers)
            shared.setdefault((found.size[axis], shares), []).append(axis)
    several = len(found.axes) > 1 and len(shared) < len(found.axes)
    return [
        (", ".join(found.axes[axis] for axis in axes) if len(shared) > 1 or not several else "",
         axes[0])
        for axes in shared.values()
    ]  # fmt: skip


def _draw_bars(axes: Axes, layers: Sequence[LayerGrowth], axis: int, size: int, label: str) -> None:
    """A bar from the size before to the size behind each layer; they end at the field's."""
    reached = 1.0
    for at, one in enumerate(layers):
        share = float(one.share[axis] or 0)
        if share:
            bar = axes.bar(
                at,
                share,
                width=0.74,
                bottom=reached,
                color="#8fb9dd" if share > 0 else "#f5a34a",
                edgecolor=style.BLUE if share > 0 else "#7a4300",
                hatch="" if share > 0 else "//",
                linewidth=0.6,
            )
            bar[0].set_gid(f"share: {one.layer}")
            if len(layers) <= _MOST_NAMES:
                text = axes.annotate(
                    number(one.share[axis]),
                    (at, max(reached, reached + share)),
                    xytext=(0, 1.5),
                    textcoords="offset points",
                    ha="center",
                    va="bottom",
                    fontsize=style.SMALL - 1,
                    color=style.INK,
                )
                style.haloed(text)
            reached += share
        else:
            axes.plot(
                [at - 0.37, at + 0.37],
                [reached, reached],
                color=style.QUIET,
                linewidth=1.2,
                gid=f"beside: {one.layer}",
            )
    axes.axhline(size, color=style.INK, linewidth=0.9, linestyle=(0, (6, 3)), gid="size")
    axes.text(
        1.006,
        size,
        f"{size}",
        transform=axes.get_yaxis_transform(),
        va="center",
        fontsize=style.SMALL,
        fontweight="bold",
        color=style.INK,
    )
    axes.set_ylim(0, size * 1.10)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    axes.set_ylabel("size" + (f" along {label}" if label else ""))
    axes.grid(axis="y", color=style.FAINT, linewidth=0.4)
    axes.set_axisbelow(True)
