"""A network's graph as a figure, by the layout that needs no Graphviz."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from matplotlib.patches import FancyBboxPatch, PathPatch, Polygon
from matplotlib.path import Path

from fieldscope.render.architecture.builtin.nested import HEAD, Area, Piece
from fieldscope.render.architecture.builtin.sheet import (
    ARROW,
    AWAY,
    DOUBLE,
    MARGIN,
    PAD_X,
    PAD_Y,
    ROUND,
    ROW,
    SAMPLE,
    SIZES,
    SUBTITLE,
    TITLE,
    Sheet,
)
from fieldscope.render.architecture.look import (
    FRAME,
    GROUND,
    INK,
    LINE,
    PAPER,
    QUIET,
    Border,
    Look,
    look_of,
)
from fieldscope.render.pictures import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from fieldscope.analyses.architecture import ArchitectureGraph

_POINTS = 72.0
# Letters of matplotlib's own font are wider than those that the sheet has room for.
_SHRUNK = 0.86
_DASHES = (0, (4, 3))
# Colour, width and dashes of a border.
_BORDERS: dict[Border, tuple[str, float, bool]] = {
    "thin": (FRAME, 0.6, False),
    "plain": (LINE, 0.9, False),
    "dashed": (INK, 1.6, True),
    "bold": (INK, 2.4, False),
    "double": (INK, 1.1, False),
}


def draw(found: ArchitectureGraph) -> style.Picture:
    """Draw a graph; `fieldscope.render.pictures.architecture_picture` says what is shown."""
    sheet = Sheet(found)
    with style.own_style():
        figure = style.blank(sheet.width / _POINTS, sheet.height / _POINTS)
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_axis_off()
        axes.set_xlim(0, sheet.width)
        axes.set_ylim(sheet.height, 0)
        _Drawing(axes, sheet).draw()
    return figure


class _Drawing:
    def __init__(self, axes: Axes, sheet: Sheet) -> None:
        self._axes = axes
        self._sheet = sheet

    def draw(self) -> None:
        self._head()
        plan = self._sheet.plan
        for name, depth in self._sheet.depths.items():
            ground = Look(GROUND[depth % 2], "thin", "")
            self._box(self._placed(plan.frames[name]), ground)
        for piece in plan.pieces:
            self._line(piece)
        for edge in plan.back:
            self._around(plan.boxes[edge.source], plan.boxes[edge.target], dashed=edge.context)
        for name, titles in self._sheet.titles.items():
            area = self._placed(plan.frames[name])
            self._titles(area.x + PAD_X, area.y + HEAD - 8, titles, 10, 10)
        for box in self._sheet.graph.boxes:
            area = self._placed(plan.boxes[box.id])
            self._box(area, look_of(box))
            y = area.y + PAD_Y
            for line in self._sheet.texts[box.id].lines:
                size, height = SIZES[line.weight]
                y += height
                bold = line.weight != "text"
                self._write(area.x + area.width / 2, y - 0.28 * size, line.text, size, bold=bold)

    def _head(self) -> None:
        sheet, y = self._sheet, MARGIN + 12
        self._titles(MARGIN, y, sheet.heading, TITLE, SUBTITLE)
        if sheet.measure:
            y += ROW + 3
            self._write(MARGIN, y, sheet.measure, SUBTITLE, left=True)
        for entry in sheet.entries:
            y += ROW
            area = Area(MARGIN, y - SAMPLE[1] + 1, *SAMPLE)
            if entry.look is None:
                middle = area.y + area.height / 2
                points = [(area.x, middle), (area.x + area.width, middle)]
                self._path(points, [Path.MOVETO, Path.LINETO], dashed=True)
            else:
                self._box(area, entry.look)
            left = MARGIN + SAMPLE[0] + AWAY
            self._titles(left, y, (entry.word, entry.means), 10, SUBTITLE)

    def _placed(self, area: Area) -> Area:
        return Area(area.x + self._sheet.left, area.y + self._sheet.top, area.width, area.height)

    def _box(self, area: Area, look: Look) -> None:
        if look.border == "double":
            self._rounded(area, PAPER, look.border)
            by = min(DOUBLE, area.height / 5)
            area = Area(area.x + by, area.y + by, area.width - 2 * by, area.height - 2 * by)
        self._rounded(area, look.fill, look.border)

    def _rounded(self, area: Area, fill: str, border: Border) -> None:
        colour, width, dashed = _BORDERS[border]
        self._axes.add_patch(
            FancyBboxPatch(
                (area.x, area.y),
                area.width,
                area.height,
                boxstyle=f"round,pad=0,rounding_size={min(ROUND, area.height / 3)}",
                facecolor=fill,
                edgecolor=colour,
                linewidth=width,
                linestyle=_DASHES if dashed else "solid",
            )
        )

    def _line(self, piece: Piece) -> None:
        (x, y), (to_x, to_y), (begin, end) = piece.start, piece.end, piece.bends
        dx, dy = self._sheet.left, self._sheet.top
        tip = to_y
        if piece.arrives:
            to_y -= ARROW[1] * 0.8
            end = min(end, to_y)
        middle = (piece.bends[0] + piece.bends[1]) / 2
        points = [(x, y), (x, begin), (x, middle), (to_x, middle), (to_x, end), (to_x, to_y)]
        codes = [Path.MOVETO, Path.LINETO, *[Path.CURVE4] * 3, Path.LINETO]
        self._path([(a + dx, b + dy) for a, b in points], codes, dashed=piece.net[1])
        if piece.arrives:
            half, long = ARROW
            self._arrow([(to_x, tip), (to_x - half, tip - long), (to_x + half, tip - long)])

    def _around(self, source: Area, target: Area, *, dashed: bool) -> None:
        x, y = source.x + source.width, source.y + source.height / 2
        to_x, to_y = target.x + target.width, target.y + target.height / 2
        out = max(x, to_x) + 40
        dx, dy = self._sheet.left, self._sheet.top
        points = [(a + dx, b + dy) for a, b in ((x, y), (out, y), (out, to_y), (to_x, to_y))]
        self._path(points, [Path.MOVETO, *[Path.CURVE4] * 3], dashed=dashed)
        half, long = ARROW
        self._arrow([(to_x, to_y), (to_x + long, to_y - half), (to_x + long, to_y + half)])

    def _path(
        self, points: Iterable[tuple[float, float]], codes: Iterable[Any], *, dashed: bool
    ) -> None:
        self._axes.add_patch(
            PathPatch(
                Path(list(points), list(codes)),
                facecolor="none",
                edgecolor=LINE,
                linewidth=0.9,
                linestyle=_DASHES if dashed else "solid",
            )
        )

    def _arrow(self, points: list[tuple[float, float]]) -> None:
        dx, dy = self._sheet.left, self._sheet.top
        moved = [(x + dx, y + dy) for x, y in points]
        self._axes.add_patch(Polygon(moved, closed=True, facecolor=LINE, edgecolor="none"))

    def _titles(
        self, x: float, y: float, texts: tuple[str, str], size: float, other: float
    ) -> None:
        title, subtitle = texts
        first = self._axes.annotate(
            title,
            (x, y),
            fontsize=size * _SHRUNK,
            fontweight="bold",
            color=INK,
            va="baseline",
            annotation_clip=False,
            parse_math=False,
        )
        self._axes.annotate(
            subtitle,
            (1, 0),
            xycoords=first,
            xytext=(AWAY, 0),
            textcoords="offset points",
            fontsize=other * _SHRUNK,
            color=QUIET,
            va="bottom",
            annotation_clip=False,
            parse_math=False,
        )

    def _write(
        self, x: float, y: float, text: str, size: float, *, bold: bool = False, left: bool = False
    ) -> None:
        self._axes.text(
            x,
            y,
            text,
            fontsize=size * _SHRUNK,
            fontweight="bold" if bold else "normal",
            color=INK,
            ha="left" if left else "center",
            va="baseline",
            parse_math=False,
        )
