"""One map as a picture: over the whole input, and enlarged where that shows too little."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from matplotlib.cm import ScalarMappable
from matplotlib.patches import ConnectionPatch, Rectangle
from matplotlib.ticker import FuncFormatter

from fieldscope.analyses.support import SupportMask
from fieldscope.errors import InputError
from fieldscope.geometry.maps import InputMap
from fieldscope.render import maps as words
from fieldscope.render.pictures import content, images, line, plane, sheet, style
from fieldscope.render.pictures.plane import Box, Plane, extent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# A hull below this share of the input, on its longer axis, is shown enlarged, too.
_SMALL = 0.5
# Pixels of the screen that an element needs for a gap to be seen; elements that a panel
# has room for; and those of the middle of a hull that is larger.
_SEEN = 5
_ROOM = 72
_MIDDLE = 48
_BAR = 0.95


def draw(
    found: InputMap,
    *,
    image: Any,
    resize: bool,
    log: bool,
    title: str | None,
    centre: Sequence[float] | None,
    zoom: bool | None,
) -> style.Picture:
    """Draw a map; `fieldscope.render.pictures.field_picture` says what the options mean."""
    content.check(found)
    own = _own(found, centre)
    scale = content.scale([found], log=log)
    shown = None
    if image is not None:
        shown = images.fitting(
            image, found.mask.shape, found.axes, owner=words.owner(found), resize=resize
        )
    with style.own_style():
        if len(found.axes) == 1:
            return line.draw(found, shown, scale, title=title, own=own, zoom=zoom)
        return _draw_planes(found, shown, scale, title=title, own=own, zoom=zoom)


def _own(found: InputMap, centre: Sequence[float] | None) -> tuple[float, ...] | None:
    """The position's own centre, where it isn't the hull's: at a border, or in a gap."""
    if centre is None:
        known = found.centre
        inside = known and all(
            0 <= at <= extent - 1 for at, extent in zip(known, found.mask.shape, strict=True)
        )
        return known if inside and known != content.middle(found) else None
    own = tuple(float(at) for at in centre)
    if len(own) != len(found.axes):
        raise InputError(
            f"centre {own} has {len(own)} numbers; "
            f"{words.over(found)} needs one per axis, {len(found.axes)}"
        )
    return own


@dataclass(frozen=True, slots=True)
class _Panel:
    """What one panel shows: a part of a plane, a caption, and whether sizes stand beside it."""

    plane: Plane
    view: Box
    caption: str
    sizes: bool

    @property
    def whole(self) -> bool:
        return self.view == self.plane.whole


def _draw_planes(
    found: InputMap,
    image: images.Floats | None,
    scale: content.Scale | None,
    *,
    title: str | None,
    own: tuple[float, ...] | None,
    zoom: bool | None,
) -> style.Picture:
    volume = len(found.axes) == 3
    wide = content.planes(found, image, scale, own=own, in_colours=image is None)
    close = content.planes(found, image, scale, own=own)
    # All of a volume's slices are drawn to one scale.
    room = (2.5, 2.5) if volume else (4.4, 4.2)
    spans = [max(found.mask.shape)] * 2 if volume else list(found.mask.shape)
    # An image lit by a heat map has no colours to read a strength from.
    both = scale is not None and image is not None
    rows = _rows(wide, close, room=room, spans=spans, zoom=zoom, both=both)
    made = sheet.compose(
        [[_inches(panel, room, spans if panel.whole else None) for panel in row] for row in rows],
        title=title or words.subject(found),
        subtitle=f"of {found.model}, over {words.over(found)}",
        notes=list(_notes(found, lit=image is not None, own=own is not None)),
        margins=sheet.Margins(
            above=sheet.ABOVE if any(p.caption for r in rows for p in r) else 0.4
        ),
        spare=_BAR if scale is not None else 0,
    )
    for panel, axes in _pairs(rows, made.panels):
        plane.draw(axes, panel.plane, panel.view, sizes=panel.sizes)
        if volume:
            _cross(axes, found, panel.plane)
        caption(axes, panel.caption)
    if len(rows[0]) == 2:
        _tie(made.panels[0][0], made.panels[0][1], rows[0][1])
    if scale is not None:
        colour_bar(made, scale)
    return made.figure


def _rows(
    wide: tuple[tuple[Plane, str], ...],
    close: tuple[tuple[Plane, str], ...],
    *,
    room: tuple[float, float],
    spans: Sequence[int],
    zoom: bool | None,
    both: bool,
) -> list[list[_Panel]]:
    """Decide on the panels: the whole input, and beside or below it what is enlarged."""
    views = [_enlarged(one, room, spans, zoom=zoom) for one, _ in close]
    if not both and not any(views):
        return [[_Panel(one, one.whole, text, sizes=True) for one, text in wide]]
    boxes = [view or one.whole for view, (one, _) in zip(views, close, strict=True)]
    covered = [_covers(box, one.hull) for box, (one, _) in zip(boxes, close, strict=True)]
    # Sizes stand where the hull is seen at its largest.
    first = [
        _Panel(
            one, one.whole, text or ("light: where it is read" if both else "whole input"), not seen
        )
        for (one, text), seen in zip(wide, covered, strict=True)
    ]
    second = [
        _Panel(one, box, _part(one, box, text, both=both), seen)
        for (one, text), box, seen in zip(close, boxes, covered, strict=True)
    ]
    return [first, second] if len(wide) > 1 else [first + second]


def _part(one: Plane, view: Box, text: str, *, both: bool) -> str:
    """Say which part of the plane a panel shows beside the whole."""
    what = text or ("strength" if both else "")
    if view == one.whole:
        return what or "whole input"
    if _covers(view, one.hull):
        return f"{what}, enlarged" if what else "enlarged"
    rows, columns = view
    part = f"{one.names[0]} {rows.start}:{rows.stop}, {one.names[1]} {columns.start}:{columns.stop}"
    return f"{what}, the middle: {part}" if what else f"the middle: {part}"


def _covers(view: Box, hull: Box) -> bool:
    return all(
        all_.start <= run.start and run.stop <= all_.stop
        for run, all_ in zip(hull, view, strict=True)
    )


def _enlarged(
    one: Plane, room: tuple[float, float], spans: Sequence[int], *, zoom: bool | None
) -> Box | None:
    """Choose what to enlarge; None where the whole input shows it all."""
    lengths = [extent(run) for run in one.hull]
    if zoom is False or not all(lengths):
        return None
    pixels = min(room[0] / spans[1], room[1] / spans[0]) * style.DPI
    gappy = not one.mask[one.hull].all()
    largest = max(length / extent(run) for length, run in zip(lengths, one.whole, strict=True))
    # A small input is seen well enough as it is.
    small = largest < _SMALL and pixels < 2 * _SEEN
    if not (zoom or small or (gappy and pixels < _SEEN)):
        return None
    if gappy and max(lengths) > _ROOM:
        return content.centred(one.hull, one.whole, _MIDDLE)
    return content.around(one.hull, one.whole)


def _inches(
    panel: _Panel, room: tuple[float, float], spans: Sequence[int] | None
) -> tuple[float, float]:
    rows, columns = (extent(run) for run in panel.view)
    across, down = room
    if spans is not None:
        scale = min(across / spans[1], down / spans[0])
        across, down = min(across, columns * scale), min(down, rows * scale)
    return sheet.panel_size(rows, columns, widest=across, tallest=down)


def _pairs(
    rows: Sequence[Sequence[_Panel]], panels: Sequence[Sequence[Axes]]
) -> Iterator[tuple[_Panel, Axes]]:
    for row, axes in zip(rows, panels, strict=True):
        yield from zip(row, axes, strict=True)


def _notes(found: InputMap, *, lit: bool, own: bool) -> Iterator[str]:
    yield words.facts(found)
    if not found.count:
        return
    keys = ["bright: read, dim: not" if lit else "dark: read, light: not"]
    if found.graded:
        keys = ["light grey: no gradient"]
        keys += ["brightness of the image: strength"] if lit else []
    exact = not isinstance(found, SupportMask) or found.exact
    keys += ["frame: hull" if exact else "dashed frame: hull of a bound", "+: its centre"]
    keys += ["○: centre of the position"] if own else []
    if len(found.axes) == 3:
        at = ", ".join(
            f"{axis} {place}" for axis, place in zip(found.axes, content.cut(found), strict=True)
        )
        keys.append(f"lines: the other slices, all through {at}")
    yield sheet.BETWEEN.join(keys)
    yield from words.remarks(found)


def caption(axes: Axes, text: str) -> None:
    """Write what a panel shows, in its upper left corner, above its sizes."""
    if text:
        axes.annotate(
            text,
            (0, 1),
            xycoords="axes fraction",
            xytext=(0, 27),
            textcoords="offset points",
            fontsize=style.SMALL,
            color=style.QUIET,
            va="bottom",
            annotation_clip=False,
            gid="caption",
        )


def _cross(axes: Axes, found: InputMap, one: Plane) -> None:
    """Mark where the other two slices go through this one."""
    at = dict(zip(found.axes, content.cut(found), strict=True))
    colour, _ = plane.line_look(dark=one.dark)
    look: dict[str, Any] = {
        "color": colour,
        "linewidth": 0.7,
        "linestyle": (0, (1, 2)),
        "alpha": 0.9,
    }
    axes.axhline(at[one.names[0]], gid="cross", **look)
    axes.axvline(at[one.names[1]], gid="cross", **look)


def _tie(wide: Axes, close: Axes, panel: _Panel) -> None:
    """Show which part of the whole is enlarged beside it."""
    if panel.whole:
        return
    rows, columns = panel.view
    left, right, top, bottom = (
        at - 0.5 for at in (columns.start, columns.stop, rows.start, rows.stop)
    )
    wide.add_patch(
        Rectangle(
            (left, top),
            right - left,
            bottom - top,
            fill=False,
            linewidth=0.9,
            linestyle=(0, (1, 1.2)),
            edgecolor=style.PAPER if panel.plane.dark else style.QUIET,
            zorder=3,
            gid="enlarged",
        )
    )
    figure = wide.get_figure(root=True)
    assert figure is not None
    # Lines from a part of the hull would run through the hull's sizes.
    ends = (((right, top), (0, 1)), ((right, bottom), (0, 0))) if panel.sizes else ()
    for here, there in ends:
        figure.add_artist(
            ConnectionPatch(
                here,
                there,
                "data",
                "axes fraction",
                axesA=wide,
                axesB=close,
                color=style.QUIET,
                linewidth=0.7,
                alpha=0.8,
            )
        )


def colour_bar(
    made: sheet.Sheet, scale: content.Scale, *, what: str = "|d output / d input|"
) -> None:
    """Put a colour bar at the right of the first row of panels, which says what is shown."""
    figure = made.figure
    beside = max((axes.get_position() for axes in made.panels[0]), key=lambda box: box.height)
    height = float(figure.get_size_inches()[1])
    top = (1 - beside.y1) * height
    axes = style.place(figure, made.right + 0.12, top, 0.14, beside.height * height)
    beyond = "max" if scale.clipped else "neither"
    bar = figure.colorbar(ScalarMappable(scale.norm, plane.HEAT), cax=axes, extend=beyond)
    bar.outline.set_linewidth(0.6)
    if scale.log:
        bar.set_ticks(list(content.decades(scale.low, scale.top)))
        bar.minorticks_off()
    bar.formatter = FuncFormatter(lambda value, _: f"{value:.3g}")
    bar.update_ticks()
    axes.tick_params(labelsize=style.SMALL, labelcolor=style.QUIET, length=2.5, width=0.6)
    log = ", logarithmic" if scale.log else ""
    bar.set_label(f"{what}{log}", fontsize=style.SMALL, color=style.INK)
    axes.set_gid("colours")
