"""Effective fields side by side: the maps, and a curve of their widths or of how they fill."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matplotlib import colormaps
from matplotlib.colors import to_hex

from fieldscope.analyses.effective import EffectiveComparison
from fieldscope.measure.effective import EffectiveField
from fieldscope.render import effective as words
from fieldscope.render import maps
from fieldscope.render.pictures import content, effective, images, plane, sheet, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_TILE = 1.75
_MOST = 12
_CURVE = 2.3
_NAME = 1.45
_COLOURS = "viridis"


def draw(
    found: EffectiveComparison, *, image: Any, resize: bool, log: bool, title: str | None
) -> style.Picture:
    """Draw effective fields; `effective_fields_picture` says what is shown."""
    for one in found.fields:
        content.check(one)
    if image is not None:
        content.alike(found.fields)
    tiles = _shown(found)
    # Lines and volumes have no tiles.
    columns = content.columns_for(len(tiles), most=6) or 1
    rows = [tiles[k : k + columns] for k in range(0, len(tiles), columns)]
    sizes = [[_size(one) for _, one in row] for row in rows]
    small = sheet.Margins(left=0.18, right=0.1, above=0.42, below=0.16)
    wide = max((sum(x + 0.28 for x, _ in row) for row in sizes), default=0.0)
    # Layers that follow one another need room for their names below.
    below = 0.35 + 0.075 * max(map(len, map(_below, found.names))) if found.is_curve else 0.5
    curve = sheet.Margins(left=0.6, right=1.5, above=0.4, below=below)
    panel = (max(wide - 0.9, 4.2), _CURVE)
    page = words.compared(found)
    with style.own_style():
        made = sheet.compose(
            [*sizes, [panel]],
            title=title or page.title,
            subtitle=page.subtitle,
            notes=list(page.closing),
            margins=[*(small for _ in rows), curve],
        )
        for axes, (name, one) in zip(
            (axes for row in made.panels[:-1] for axes in row), tiles, strict=True
        ):
            _draw_tile(axes, name, one, image=image, resize=resize, log=log)
        ((last,),) = made.panels[-1:]
        if found.is_curve:
            _draw_widths(last, found)
        else:
            fields = dict(zip(found.names, found.fields, strict=True))
            spread = colormaps[_COLOURS].resampled(max(2, len(fields) + 1))
            colours = [to_hex(spread(k / max(1, len(fields)))) for k in range(len(fields))]
            effective.draw_filling(last, fields, colours=colours)
            last.legend(
                loc="upper left",
                bbox_to_anchor=(1.01, 1.02),
                frameon=False,
                fontsize=style.SMALL,
                handlelength=1.6,
            )
    return made.figure


def _shown(found: EffectiveComparison) -> list[tuple[str, EffectiveField]]:
    """The fields that get a map: of many, some evenly among them, the last one included."""
    pairs = [pair for pair in zip(found.names, found.fields, strict=True) if len(pair[1].axes) == 2]
    if len(pairs) <= _MOST:
        return pairs
    return [pairs[round(k * (len(pairs) - 1) / (_MOST - 1))] for k in range(_MOST)]


def _size(one: EffectiveField) -> tuple[float, float]:
    rows, columns = one.mask.shape
    return sheet.panel_size(rows, columns, widest=_TILE, tallest=_TILE)


def _draw_tile(
    axes: Axes, name: str, one: EffectiveField, *, image: Any, resize: bool, log: bool
) -> None:
    """One map; each to its own scale, since strengths of different layers don't compare."""
    scale = content.scale([one], log=log)
    shown = None
    if image is not None:
        shown = images.fitting(
            image, one.mask.shape, one.axes, owner=maps.owner(one), resize=resize
        )
    ((panel, _),) = content.planes(one, shown, scale, in_colours=shown is None)
    plane.draw(axes, panel, panel.whole, sizes=False, ticks=False)
    for mark in axes.findobj(lambda artist: artist.get_gid() in ("hull", "centre")):
        mark.remove()
    effective.frames(axes, one, dark=panel.dark or not log)
    inches = float(axes.get_position().width * style_width(axes))
    axes.set_title(
        style.fitted(name, inches, style.SMALL), fontsize=style.SMALL, loc="left", pad=12
    )
    axes.annotate(
        f"50 % in {words.area(one, 0.5)}",
        (0, 1),
        xycoords="axes fraction",
        xytext=(0, 3),
        textcoords="offset points",
        fontsize=style.SMALL - 1,
        color=style.QUIET,
        annotation_clip=False,
    )


def style_width(axes: Axes) -> float:
    """Width of the figure that axes are on, in inches."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    return float(figure.get_size_inches()[0])


def _below(name: str) -> str:
    """A layer's name as it stands below the curve, where there is little room."""
    return style.fitted(name, _NAME, style.SMALL)


def _draw_widths(axes: Axes, found: EffectiveComparison) -> None:
    """The theoretical and the effective field's width, layer after layer."""
    at = range(len(found.fields))
    theory = [one.theoretical_size or float("nan") for one in found.fields]
    lines = (
        ("theory", theory, style.QUIET, "s"),
        ("effective", [one.effective_size for one in found.fields], style.BLUE, "o"),
        (
            "two deviations",
            [sum(one.radius) / len(one.radius) for one in found.fields],
            style.RUST,
            "^",
        ),
    )
    for name, heights, colour, marker in lines:
        axes.plot(
            at, heights, color=colour, marker=marker, markersize=3.5, linewidth=1.2, label=name,
            gid=name,
        )  # fmt: skip
    axes.set_xlim(-0.5, len(at) - 0.5)
    axes.set_ylim(bottom=0)
    step = max(1, -(-len(at) // 40))
    axes.set_xticks(list(at)[::step], list(map(_below, found.names))[::step], rotation=90)
    axes.set_title("elements", fontsize=style.SMALL, loc="left", color=style.QUIET)
    effective.bare(axes)
    for label in axes.get_xticklabels():
        label.set_parse_math(False)
    axes.legend(
        loc="upper left", bbox_to_anchor=(1.01, 1.02), frameon=False, fontsize=style.SMALL,
        handlelength=1.6,
    )  # fmt: skip
