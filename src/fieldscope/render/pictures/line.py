"""A map over one axis: the signal, and below it the steps that are read, as on a time line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.patches import ConnectionPatch
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from fieldscope.analyses.support import SupportMask
from fieldscope.geometry.maps import InputMap
from fieldscope.geometry.regions import BoolArray
from fieldscope.render import maps as words
from fieldscope.render.pictures import content, sheet, style
from fieldscope.render.pictures.images import Floats
from fieldscope.render.pictures.plane import extent, measure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WIDTH = 7.4
_SIGNAL, _STRIP, _HEAT = 1.3, 0.5, 1.1
_SMALL = 0.5
# Steps that a panel shows apart from each other, and those of the middle of a longer hull.
_ROOM = 380
_MIDDLE = 160
# A hull below this share of the input is enlarged even if it has no gaps.
_TINY = 0.05
_LEAST_SHARE = 0.03
_MOST_SIGNALS = 8
_MARGINS = sheet.Margins(left=0.62, right=0.3, above=0.40, below=0.38)
_SIGNAL_MARGINS = sheet.Margins(left=0.62, right=0.3, above=0.2, below=0.02)


def draw(
    found: InputMap,
    signal: Floats | None,
    scale: content.Scale | None,
    *,
    title: str | None,
    own: Sequence[float] | None,
    zoom: bool | None,
) -> style.Picture:
    """Draw a map over one axis; a panel for the signal, the whole input, and the hull."""
    whole = slice(0, len(found.mask))
    views = [whole, *views_of(found, zoom=zoom)]
    strip = _STRIP if scale is None else _HEAT
    rows = [[(_WIDTH, _SIGNAL)]] if signal is not None else []
    margins = [_SIGNAL_MARGINS] if signal is not None else []
    made = sheet.compose(
        rows + [[(_WIDTH, strip)] for _ in views],
        title=title or words.subject(found),
        subtitle=f"of {found.model}, over {words.over(found)}",
        notes=list(_notes(found, own=own is not None)),
        margins=margins + [_MARGINS] * len(views),
    )
    panels = [row[0] for row in made.panels]
    if signal is not None:
        _signal(panels.pop(0), signal, found)
    largest = views[-1] if len(views) == 1 or not _covers(views[1], found) else views[1]
    for axes, view in zip(panels, views, strict=True):
        strip_of(axes, found, view, scale=scale, own=own, sizes=view == largest)
        if view != whole:
            _label(axes, "enlarged" if _covers(view, found) else "the middle, enlarged")
    for wide, close, view in zip(panels, panels[1:], views[1:], strict=False):
        _tie(wide, close, view)
    panels[-1].set_xlabel(found.axes[0], labelpad=1)
    return made.figure


def _covers(view: slice, found: InputMap) -> bool:
    (hull,) = found.hull
    return bool(view.start <= hull.start and hull.stop <= view.stop)


def _tie(wide: Axes, close: Axes, view: slice) -> None:
    """Show which part of one line is enlarged in the next."""
    figure = wide.get_figure(root=True)
    assert figure is not None
    for at, corner in ((view.start - 0.5, 0), (view.stop - 0.5, 1)):
        joint = ConnectionPatch(
            (at, 0),
            (corner, 1),
            wide.get_xaxis_transform(),
            "axes fraction",
            axesA=wide,
            axesB=close,
            color=style.FAINT,
            linewidth=0.8,
            zorder=0,
        )
        figure.add_artist(joint)


def views_of(found: InputMap, *, zoom: bool | None) -> Iterator[slice]:
    """Choose what is shown enlarged: the hull, and its middle where its gaps are too fine."""
    hull, length = found.hull[0], len(found.mask)
    wide = extent(hull)
    if zoom is False or not wide:
        return
    margin = max(wide // 10, 2)
    near = slice(max(hull.start - margin, 0), min(hull.stop + margin, length))
    even = isinstance(found, SupportMask) and found.count == wide
    small = wide < (_TINY if even else _SMALL) * length
    if zoom or (small and length > _ROOM // 3):
        yield near
    if found.count < wide and wide > _ROOM:
        start = (hull.start + hull.stop - _MIDDLE) // 2
        yield slice(start, start + _MIDDLE)


def runs(mask: BoolArray) -> list[tuple[int, int]]:
    """Give the runs of elements that are read, half open.

    >>> runs(np.array([1, 1, 0, 1, 0], dtype=bool))
    [(0, 2), (3, 4)]
    """
    steps = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
    return [(int(lo), int(hi)) for lo, hi in zip(steps[::2], steps[1::2], strict=True)]


def strip_of(
    axes: Axes,
    found: InputMap,
    view: slice,
    *,
    scale: content.Scale | None,
    own: Sequence[float] | None = None,
    sizes: bool = True,
) -> None:
    """Draw the part of a line inside `view`: what is read in dark bars, strengths as heights.

    Step i lies between i - ½ and i + ½.
    """
    mask, hull = found.mask, found.hull[0]
    axes.set_xlim(view.start - 0.5, view.stop - 0.5)
    axes.set_facecolor(_colour(style.OUTSIDE))
    style.bare_ticks(axes, most=8)
    if extent(hull):
        gap = axes.axvspan(hull.start - 0.5, hull.stop - 0.5, color=_colour(style.GAP), lw=0)
        gap.set_gid("hull")
    if scale is None or not found.graded:
        bars = [
            [(lo - 0.5, 0.0), (lo - 0.5, 1.0), (hi - 0.5, 1.0), (hi - 0.5, 0.0)]
            for lo, hi in runs(mask[view])
        ]
        moved = [[(x + view.start, y) for x, y in bar] for bar in bars]
        read = PolyCollection(moved, facecolors=_colour(style.READ), linewidths=0)
        read.set_gid("read")
        axes.add_collection(read, autolim=False)
        axes.set_ylim(0, 1)
        axes.set_yticks([])
    else:
        _heights(axes, found, view, scale)
    low, high = max(hull.start, view.start), min(hull.stop, view.stop)
    if sizes and high > low:
        measure(axes, low - 0.5, high - 0.5, f"{extent(hull)}", across=True)
    # In a hull as small as a cross, the cross would hide it, and the hull marks the place.
    seen = extent(hull) > _LEAST_SHARE * extent(view)
    centre = content.middle(found) if seen else None
    for kind, marker, at in (("centre", "+", centre), ("own", "o", own)):
        if at is not None and view.start - 0.5 <= at[0] <= view.stop - 0.5:
            (mark,) = axes.plot(
                [at[0]],
                [0.5],
                transform=axes.get_xaxis_transform(),
                marker=marker,
                markersize=9 if kind == "centre" else 8,
                markerfacecolor="none",
                markeredgecolor=style.INK,
                markeredgewidth=1.4,
                path_effects=style.cased(style.PAPER, width=3.2),
                linestyle="none",
                zorder=5,
                scalex=False,
                scaley=False,
            )
            mark.set_gid(kind)


def _heights(axes: Axes, found: InputMap, view: slice, scale: content.Scale) -> None:
    values = np.where(found.mask, found.intensity, np.nan)[view]
    edges = np.arange(view.start, view.stop + 1) - 0.5
    # Heights have room for the strongest, which colours leave out.
    most = float(found.intensity.max(initial=0.0)) or 1.0
    floor = scale.low if scale.log else 0.0
    steps = axes.stairs(
        np.nan_to_num(values, nan=floor),
        edges,
        baseline=floor,
        fill=True,
        color=_colour(style.READ),
    )
    steps.set_gid("read")
    if scale.log:
        axes.set_yscale("log")
        # Five or fewer, evenly apart.
        powers = list(content.decades(floor, most))
        axes.yaxis.set_major_locator(FixedLocator(powers[:: -(-len(powers) // 4)]))
        axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}"))
    axes.set_ylim(floor, most * (2 if scale.log else 1.05))
    axes.set_xlim(view.start - 0.5, view.stop - 0.5)


def _signal(axes: Axes, signal: Floats, found: InputMap) -> None:
    hull = found.hull[0]
    steps = np.arange(len(signal))
    count = min(signal.shape[1], _MOST_SIGNALS)
    if extent(hull):
        axes.axvspan(hull.start - 0.5, hull.stop - 0.5, color=_colour(style.GAP), lw=0)
    for channel in range(count):
        # Darker ones first: lines of several channels differ in brightness.
        shade = 0.1 + 0.6 * channel / max(count, 2)
        axes.plot(steps, signal[:, channel], color=str(shade), linewidth=0.8)
    axes.set_xlim(-0.5, len(signal) - 0.5)
    axes.margins(y=0.08)
    style.bare_ticks(axes, most=8)
    axes.set_yticks([])
    axes.tick_params(labelbottom=False)
    _label(axes, "signal")


def _label(axes: Axes, text: str) -> None:
    label = axes.annotate(
        text,
        (0, 1),
        xycoords="axes fraction",
        xytext=(0, 4),
        textcoords="offset points",
        fontsize=style.SMALL,
        color=style.QUIET,
        annotation_clip=False,
        gid="caption",
    )
    style.haloed(label)


def _notes(found: InputMap, *, own: bool) -> Iterator[str]:
    yield words.facts(found)
    if not found.count:
        return
    keys = ["dark: read" if not found.graded else "height: |d output / d input|"]
    keys += ["grey: hull", "+: its centre", *(["○: centre of the position"] if own else [])]
    yield "  ·  ".join(keys)
    yield from words.remarks(found)


def _colour(levels: tuple[int, int, int]) -> tuple[float, float, float]:
    red, green, blue = (level / 255 for level in levels)
    return red, green, blue
