"""The accuracy of a probe at each layer, over what the analysis says of the layers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from fieldscope.lab.pages import probing as words
from fieldscope.render.pictures import sheet, style
from fieldscope.render.pictures.growth import shortened
from fieldscope.render.pictures.verdicts import LOOKS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from fieldscope.lab.probing.findings import LayerProbe, Probing

_HEIGHT = 2.9
_LEAST_WIDTH, _MOST_WIDTH, _STEP = 5.2, 11.5, 0.34
_SIDE, _END, _ABOVE = 0.78, 0.30, 0.34
_MOST_NAMES, _ROTATED = 36, 45
# Of the height, what stays free above the best probe, for the words there.
_HEADROOM = 0.16


def draw(found: Probing, *, title: str | None = None, notes: Sequence[str] = ()) -> style.Picture:
    """Draw probes: a line with standard errors, over bands in the colours of the verdicts.

    Args:
        found: the probes.
        title: instead of the model's name.
        notes: what stands below, ahead of what follows from the probes.
    """
    layers = found.layers
    width = min(max(_STEP * len(layers), _LEAST_WIDTH), _MOST_WIDTH)
    named = list(range(0, len(layers), -(-len(layers) // _MOST_NAMES)))
    names = [shortened(layers[at].layer or "(model)") for at in named]
    longest = max(map(len, names)) * 0.6 * style.SMALL / 72
    with style.own_style():
        made = sheet.compose(
            [[(width, _HEIGHT)]],
            title=title or found.model,
            subtitle=words.subtitle(found),
            notes=[*notes, *words.closing(found)],
            margins=sheet.Margins(
                left=_SIDE,
                right=_END,
                above=_ABOVE,
                below=0.3 + longest * math.sin(math.radians(_ROTATED)),
            ),
        )
        axes = made.panels[0][0]
        _draw_bands(axes, layers)
        _draw_levels(axes, found)
        _draw_probes(axes, layers)
        _set_limits(axes, found)
        _draw_marks(axes, found)
        axes.set_xlim(-0.5, len(layers) - 0.5)
        axes.set_xticks(named, names)
        axes.tick_params(length=2.5, width=0.6, color=style.QUIET, labelsize=style.SMALL)
        axes.spines[["top", "right"]].set_visible(False)
        for text in axes.get_xticklabels():
            text.set_parse_math(False)
            text.set(ha="right", rotation_mode="anchor", rotation=_ROTATED)
        _legend(axes, layers)
    return made.figure


def _draw_bands(axes: Axes, layers: Sequence[LayerProbe]) -> None:
    for at, one in enumerate(layers):
        look = LOOKS[one.verdict]
        axes.axvspan(
            at - 0.5, at + 0.5, facecolor=look.fill, edgecolor=look.edge, hatch=look.hatch,
            alpha=0.35, linewidth=0, zorder=0, gid=f"{one.verdict}: {one.layer}",
        )  # fmt: skip


def _draw_levels(axes: Axes, found: Probing) -> None:
    """What the photos' averages tell, and what the model itself does."""
    levels = [("the photos' averages", found.baseline, "baseline", (0, (1, 2)), 0)]
    if found.own is not None:
        # At the other end: the two may be alike.
        levels.append(("the model itself", found.own, "own", (0, (6, 2)), 1))
    for name, one, gid, dashes, end in levels:
        height = 100 * one.accuracy
        axes.axhline(height, color=style.QUIET, linewidth=1.0, linestyle=dashes, zorder=1, gid=gid)
        text = axes.annotate(
            name,
            (end, height),
            xycoords=axes.get_yaxis_transform(),
            xytext=(-3 if end else 3, 2),
            textcoords="offset points",
            ha="right" if end else "left",
            fontsize=style.SMALL,
            color=style.QUIET,
        )
        style.haloed(text)


def _draw_probes(axes: Axes, layers: Sequence[LayerProbe]) -> None:
    heights = [100 * one.score.accuracy for one in layers]
    errors = [100 * one.score.error for one in layers]
    axes.plot(
        range(len(layers)), heights, color=style.INK, linewidth=1.6, marker="o", markersize=3.5,
        zorder=3, gid="probes",
    )  # fmt: skip
    bars = axes.errorbar(
        range(len(layers)), heights, yerr=errors, fmt="none", ecolor=style.INK,
        elinewidth=0.9, capsize=3.0, capthick=0.9, zorder=3,
    )  # fmt: skip
    bars[2][0].set_gid("errors")
    axes.set_ylabel("probe's accuracy, %")
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.grid(axis="y", color=style.FAINT, linewidth=0.4)
    axes.set_axisbelow(True)


def _set_limits(axes: Axes, found: Probing) -> None:
    scores = [one.score for one in found.layers] + [found.baseline]
    scores += [found.own] if found.own is not None else []
    low = min(one.accuracy - one.error for one in scores)
    high = min(max(one.accuracy + one.error for one in scores), 1.0)
    room = max(high - low, 0.02)
    axes.set_ylim(100 * max(low - 0.08 * room, 0), 100 * (high + _HEADROOM * room))


def _draw_marks(axes: Axes, found: Probing) -> None:
    """A line in front of the border layer, and a ring around the layer that saturates."""
    places = {one.layer: at for at, one in enumerate(found.layers)}
    if found.border in places:
        at = places[found.border] - 0.5
        axes.axvline(at, color=style.RUST, linewidth=1.6, zorder=2, gid="border")
        _label(axes, at, words.BORDER, left=at > len(places) / 2, down=4)
    at = places[found.saturation]
    height = 100 * found.layers[at].score.accuracy
    axes.plot(
        [at], [height], marker="o", markersize=11, markerfacecolor="none",
        markeredgecolor=style.BLUE, markeredgewidth=1.8, zorder=4, gid="saturation",
    )  # fmt: skip
    text = axes.annotate(
        words.SATURATION,
        (at, height),
        xytext=(0, -10),
        textcoords="offset points",
        ha="center" if 0 < at < len(places) - 1 else "left" if at == 0 else "right",
        va="top",
        fontsize=style.SMALL,
        fontweight="bold",
        color=style.BLUE,
        zorder=5,
    )
    style.haloed(text)


def _label(axes: Axes, at: float, name: str, *, left: bool, down: float) -> None:
    text = axes.annotate(
        name,
        (at, 1),
        xycoords=axes.get_xaxis_transform(),
        xytext=(-4 if left else 4, -down),
        textcoords="offset points",
        ha="right" if left else "left",
        va="top",
        fontsize=style.SMALL,
        fontweight="bold",
        color=style.RUST,
        zorder=5,
    )
    style.haloed(text)


def _legend(axes: Axes, layers: Sequence[LayerProbe]) -> None:
    patches = []
    for verdict, look in LOOKS.items():
        count = sum(one.verdict == verdict for one in layers)
        if count:
            patches.append(
                Patch(
                    facecolor=look.fill,
                    edgecolor=look.edge,
                    hatch=look.hatch * 2,
                    alpha=0.5,
                    linewidth=0.6,
                    label=f"{verdict} ({count})",
                )
            )
    axes.legend(
        handles=patches,
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
