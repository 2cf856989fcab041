"""Growth of the field from layer to layer, with its stride, against the input's extent."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from fieldscope.errors import InputError
from fieldscope.render import maps as words
from fieldscope.render.numerals import extents, number
from fieldscope.render.pictures import sheet, style
from fieldscope.render.pictures.curves import Curve, curves_of, labelled, tail
from fieldscope.wording import counted, listed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from fieldscope.analyses.layers import InputInfo, Layer, Report

_WIDTH, _SIZES, _STRIDES = 8.6, 3.5, 1.15
_SIDE, _END = 0.76, 0.55
_SIZE_MARGINS = sheet.Margins(left=_SIDE, right=_END, above=0.16, below=0.10)
# Letters that a layer's name may have, and those that it may have to be written level.
_LONGEST, _LEVEL, _ROTATED = 26, 4, 40
# Sizes this many times apart from the input's extent need a logarithm to be seen beside it.
_APART = 4
# Lines of several axes differ in dashes and brightness before they differ in colour.
_LINES: tuple[dict[str, Any], ...] = (
    {"color": style.BLUE, "linestyle": "solid"},
    {"color": style.RUST, "linestyle": (0, (5, 1.5))},
    {"color": "#8a8f2a", "linestyle": (0, (1.5, 1.2))},
)


def draw(
    report: Report, *, input: str | None, log: bool | None, title: str | None
) -> style.Picture:
    """Draw a report; `fieldscope.render.pictures.growth_curve` says what the options mean."""
    info = _info(report, input)
    layers = [layer for layer in report.layers if not layer.movement] or list(report.layers)
    curves = curves_of(layers, info)
    shown = labelled(layers, curves)
    names = [shortened(layers[at].name or "output") for at in shown]
    level = max(map(len, names)) <= _LEVEL
    with style.own_style():
        made = sheet.compose(
            [[(_WIDTH, _SIZES)], [(_WIDTH, _STRIDES)]],
            title=title or report.model,
            subtitle=f"{counted(len(layers), 'layer')} in the order of execution, "
            f"{words.named(info.name)} {extents(info.shape)}",
            notes=list(_notes(curves, layers)),
            margins=[_SIZE_MARGINS, _stride_margins(names, level=level)],
        )
        (above,), (below,) = made.panels
        _draw_sizes(above, curves, shown, log=_is_log(curves) if log is None else log)
        _draw_strides(below, curves)
        for axes in (above, below):
            axes.set_xlim(-max(0.8, 0.035 * len(layers)), max(len(layers) - 0.2, 1))
            axes.spines[["top", "right"]].set_visible(False)
            for at in shown:
                axes.axvline(at, color=style.FAINT, linewidth=0.5, zorder=0)
            axes.xaxis.set_major_locator(FixedLocator(shown))
            axes.tick_params(length=2.5, width=0.6, color=style.QUIET, labelsize=style.SMALL)
        above.tick_params(labelbottom=False)
        below.set_xticks(shown, names)
        if not level:
            below.tick_params(axis="x", labelrotation=_ROTATED)
        for label in below.get_xticklabels():
            label.set_parse_math(False)
            if not level:
                label.set(ha="right", rotation_mode="anchor")
    return made.figure


def shortened(name: str) -> str:
    """Shorten a path from its front: what tells layers of one network apart is behind.

    >>> shortened("features.denseblock4.denselayer32.conv2")
    '…block4.denselayer32.conv2'
    """
    return name if len(name) <= _LONGEST else f"…{name[-_LONGEST + 1 :]}"


def _stride_margins(names: Sequence[str], *, level: bool) -> sheet.Margins:
    inches = max(map(len, names)) * 0.6 * style.SMALL / 72
    below = 0.0 if level else inches * math.sin(math.radians(_ROTATED))
    return sheet.Margins(left=_SIDE, right=_END, above=0.10, below=0.36 + below)


def _is_log(curves: Sequence[Curve]) -> bool:
    for curve in curves:
        most = float(np.nanmax(curve.sizes[curve.finite], initial=1.0))
        lengths = curve.extents.values()
        if most > _APART * max(lengths) or most * _APART < min(lengths):
            return True
    return False


def _draw_sizes(axes: Axes, curves: Sequence[Curve], shown: Sequence[int], *, log: bool) -> None:
    most = max(float(curve.sizes[curve.finite].max(initial=1.0)) for curve in curves)
    most = max(most, *(extent for curve in curves for extent in curve.extents.values()))
    whole = any(curve.whole.size for curve in curves)
    low = 0.8 if log else 0.0
    high = most * 1.25 if log else most * 1.08
    # The band of what reads everything lies above all numbers.
    band = high * (high / low) ** 0.10 if log else high * 1.12
    axes.set_ylim(low, band if whole else high)
    if log:
        axes.set_yscale("log", base=2)
        powers = range(int(math.log2(high)) + 1)
        axes.yaxis.set_major_locator(FixedLocator([2**k for k in powers][:: -(-len(powers) // 9)]))
        axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0f}"))
    axes.set_ylabel("size, in elements" + (" (log)" if log else ""))
    if whole:
        axes.axhspan(high, band, color="#e4e4de", linewidth=0, gid="whole")
        axes.set_yticks([at for at in axes.get_yticks() if low <= at <= high])
        axes.text(
            -0.008,
            math.sqrt(high * band) if log else (high + band) / 2,
            "whole\ninput",
            transform=axes.get_yaxis_transform(),
            ha="right",
            va="center",
            fontsize=style.SMALL,
            color=style.INK,
            linespacing=1.0,
        )
    middle = math.sqrt(high * band) if log else (high + band) / 2
    for curve, look in zip(curves, _LINES, strict=False):
        _draw_curve(axes, curve, look, several=len(curves) > 1)
        axes.plot(
            curve.whole,
            np.full(curve.whole.shape, middle),
            linestyle="none",
            marker="|",
            markersize=7,
            markeredgewidth=1.2,
            color=look["color"],
            gid="reads-whole",
        )
    _draw_extents(axes, curves)
    _draw_numbers(axes, curves, shown)
    if len(axes.get_legend_handles_labels()[1]) > 1:
        axes.legend(
            loc="lower right",
            bbox_to_anchor=(1.0, 1.0),
            ncols=4,
            fontsize=style.SMALL,
            frameon=False,
            handlelength=3,
            borderaxespad=0.1,
        )


def _draw_curve(axes: Axes, curve: Curve, look: dict[str, Any], *, several: bool) -> None:
    few = len(curve.sizes) <= 60
    axes.plot(
        curve.finite,
        curve.sizes[curve.finite],
        drawstyle="steps-mid",
        linewidth=1.8,
        marker="o" if few else "none",
        markersize=3,
        label=f"size along {curve.name}" if several else "size",
        gid=f"size-{curve.name}" if several else "size-all",
        zorder=3,
        **look,
    )
    known = np.flatnonzero(np.isfinite(curve.narrowest))
    if not np.array_equal(curve.narrowest[curve.finite], curve.sizes[curve.finite]):
        axes.plot(
            known,
            curve.narrowest[known],
            drawstyle="steps-mid",
            linewidth=0.8,
            color="#8c8c8c",
            linestyle=(0, (1, 1)),
            label=f"along the shortest path{f', {curve.name}' if several else ''}",
            gid=f"narrowest-{curve.name}",
        )


def _draw_extents(axes: Axes, curves: Sequence[Curve]) -> None:
    """Draw the input's extent as a level line, named at its right end."""
    names: dict[int, list[str]] = {}
    for curve in curves:
        for name, extent in curve.extents.items():
            names.setdefault(extent, []).append(name)
    to_share = axes.transData + axes.transAxes.inverted()
    last = -1.0
    for length in sorted(names):
        axes.axhline(length, color=style.INK, linewidth=0.9, linestyle=(0, (6, 3)), gid="extent")
        at = max(float(to_share.transform((0, length))[1]), last + 0.075)
        last = at
        named = "input" if len(names) == 1 else f"input {', '.join(names[length])}"
        axes.text(
            1.006,
            at,
            f"{named}\n{length}",
            transform=axes.transAxes,
            va="center",
            fontsize=style.SMALL,
            color=style.INK,
            linespacing=1.0,
        )


def _draw_numbers(axes: Axes, curves: Sequence[Curve], shown: Sequence[int]) -> None:
    for at in shown:
        sizes = [curve.sizes[at] for curve in curves]
        if not all(map(math.isfinite, sizes)):
            continue
        text = axes.annotate(
            "×".join(f"{size:.0f}" for size in sizes),
            (at, max(sizes)),
            xytext=(-2, 4),
            textcoords="offset points",
            ha="right",
            fontsize=style.SMALL,
            fontweight="bold",
            color=style.INK,
            zorder=5,
            gid="number",
        )
        style.haloed(text)


def _draw_strides(axes: Axes, curves: Sequence[Curve]) -> None:
    values: set[float] = set()
    for curve, look in zip(curves, _LINES, strict=False):
        known = np.flatnonzero(np.isfinite(curve.strides))
        values.update(map(float, curve.strides[known]))
        axes.plot(
            known,
            curve.strides[known],
            drawstyle="steps-mid",
            linewidth=1.5,
            gid=f"stride-{curve.name}" if len(curves) > 1 else "stride-all",
            **look,
        )
    axes.set_ylabel("stride")
    if not values:
        axes.set_yticks([])
        return
    least, most = min(values), max(values)
    if most > 4 * least:
        axes.set_yscale("log", base=2)
        axes.set_ylim(least / 1.5, most * 1.5)
        axes.yaxis.set_minor_locator(NullLocator())
    else:
        axes.set_ylim(0, most * 1.25)
    ticks = sorted(values)
    axes.set_yticks(ticks if len(ticks) <= 6 else [*ticks[: -1 : -(-len(ticks) // 5)], ticks[-1]])
    axes.yaxis.set_major_formatter(
        FuncFormatter(lambda value, _: number(Fraction(value).limit_denominator(1024)))
    )


def _info(report: Report, name: str | None) -> InputInfo:
    found = [info for info in report.inputs if info.axes]
    if not found:
        raise InputError(
            f"no input of {report.model} has spatial axes, so no field grows\n"
            "name some with axes= of analyze"
        )
    if name is None and len(found) == 1:
        return found[0]
    for info in found:
        if info.name == name:
            return info
    names = listed([repr(info.name) for info in found])
    asked = "say which with input=" if name is None else f"there is no input {name!r}"
    raise InputError(f"{asked}; the inputs with spatial axes are {names}")


def _notes(curves: Sequence[Curve], layers: Sequence[Layer]) -> Iterator[str]:
    texts = []
    for curve in curves:
        along = f" along {curve.name}" if len(curves) > 1 else ""
        sizes = curve.sizes[curve.finite]
        if sizes.size:
            top = int(curve.finite[sizes.argmax()])
            texts.append(f"largest size{along} {sizes.max():.0f}, first at {layers[top].name}")
            for extent in sorted(set(curve.extents.values())):
                beyond = curve.finite[sizes > extent]
                if beyond.size:
                    first = layers[int(beyond[0])].name
                    texts.append(f"first beyond the input's {extent} at {first}")
        at = tail(curve)
        if at is not None:
            texts.append(f"whole input{along} from {layers[at].name} on")
    yield sheet.BETWEEN.join(texts)
    yield sheet.BETWEEN.join(
        ["dashed: the input's extent", "names: layers at which something changes"]
    )
