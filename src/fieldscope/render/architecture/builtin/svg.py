"""A laid out drawing as SVG: the same bytes for the same drawing, every text escaped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from xml.sax.saxutils import escape

from fieldscope.analyses.architecture import ArchitectureGraph, Box
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
    Entry,
    Weight,
    details,
    look_of,
)

# The class of a text by its weight.
_CLASSES: dict[Weight, str] = {"name": "b", "text": "t", "mark": "m"}
_NAMESPACE = "http://www.w3.org/2000/svg"
_AWAY = f' dx="{AWAY:g}"'
# Under a class of the drawing's own: a page that it is put into keeps its look.
_STYLE = f"""\
.fsg text{{font-family:Helvetica,Arial,sans-serif;fill:{INK}}}
.fsg .b{{font-size:11px;font-weight:bold}}
.fsg .t{{font-size:9px}}
.fsg .m{{font-size:10px;font-weight:bold}}
.fsg .h{{font-size:15px;font-weight:bold}}
.fsg .s{{font-size:10px}}
.fsg .q{{fill:{QUIET}}}
.fsg .c{{text-anchor:middle}}
.fsg .o{{paint-order:stroke;stroke:{GROUND[0]};stroke-width:3px}}
.fsg .e{{fill:none;stroke:{LINE};stroke-width:.9}}
.fsg .a{{fill:{LINE}}}
.fsg .f{{stroke:{FRAME};stroke-width:.6}}
"""
_BORDERS: dict[Border, str] = {
    "thin": f'stroke="{FRAME}" stroke-width="0.6"',
    "plain": f'stroke="{LINE}" stroke-width="0.9"',
    "dashed": f'stroke="{INK}" stroke-width="1.6" stroke-dasharray="5 3"',
    "bold": f'stroke="{INK}" stroke-width="2.4"',
    "double": f'stroke="{INK}" stroke-width="1.1"',
}


def drawn(graph: ArchitectureGraph) -> str:
    """Draw a graph as SVG, by the layout that needs nothing."""
    return _Drawing(graph).text()


class _Drawing:
    def __init__(self, graph: ArchitectureGraph) -> None:
        self._graph = graph
        self._sheet = Sheet(graph)
        self._plan = self._sheet.plan

    def text(self) -> str:
        sheet = self._sheet
        across, down = _n(sheet.width), _n(sheet.height)
        size = f'width="{across}" height="{down}" viewBox="0 0 {across} {down}"'
        return "\n".join(
            [
                '<?xml version="1.0" encoding="UTF-8"?>',
                f'<svg xmlns="{_NAMESPACE}" class="fsg" {size}>',
                f"<title>{escape(sheet.heading[0])}</title>",
                f"<style>{_STYLE}</style>",
                f'<rect width="100%" height="100%" fill="{PAPER}"/>',
                *self._head(),
                f'<g transform="translate({_n(sheet.left)} {_n(sheet.top)})">',
                *self._frames(),
                *self._lines(),
                *self._frame_titles(),
                *self._boxes(),
                "</g>",
                "</svg>",
                "",
            ]
        )

    def _head(self) -> Iterator[str]:
        sheet, y = self._sheet, MARGIN + 12
        yield _spans(MARGIN, y, zip(sheet.heading, ("h", "s q"), strict=True))
        if sheet.measure:
            y += ROW + 3
            yield _spans(MARGIN, y, [(sheet.measure, "s")])
        for entry in sheet.entries:
            y += ROW
            yield from _sample(entry, y)
            yield _spans(MARGIN + SAMPLE[0] + AWAY, y, [(entry.word, "m"), (entry.means, "s q")])

    def _frames(self) -> Iterator[str]:
        for name, depth in self._sheet.depths.items():
            yield _rectangle(self._plan.frames[name], GROUND[depth % 2], 'class="f"')

    def _frame_titles(self) -> Iterator[str]:
        for name, titles in self._sheet.titles.items():
            area = self._plan.frames[name]
            texts = zip(titles, ("m", "s q"), strict=True)
            yield _spans(area.x + PAD_X, area.y + HEAD - 8, texts, around="o")

    def _lines(self) -> Iterator[str]:
        for context in (False, True):
            paths = [_path(one) for one in self._plan.pieces if one.net[1] == context]
            dashed = ' stroke-dasharray="4 3"' if context else ""
            if paths:
                yield f'<path class="e"{dashed} d="{" ".join(paths)}"/>'
        for edge in self._plan.back:
            dashed = ' stroke-dasharray="4 3"' if edge.context else ""
            yield f'<path class="e"{dashed} d="{self._around(edge.source, edge.target)}"/>'
        ends = {one.end for one in self._plan.pieces if one.arrives}
        heads = [_arrow(x, y) for x, y in sorted(ends)]
        for edge in self._plan.back:
            area = self._plan.boxes[edge.target]
            heads.append(_arrow(area.x + area.width, area.y + area.height / 2, aside=True))
        if heads:
            yield f'<path class="a" d="{" ".join(heads)}"/>'

    def _around(self, source: str, target: str) -> str:
        """A line from a box's side back to one above it."""
        one, other = self._plan.boxes[source], self._plan.boxes[target]
        x, y = one.x + one.width, one.y + one.height / 2
        to_x, to_y = other.x + other.width, other.y + other.height / 2
        out = max(x, to_x) + 40
        return f"M{_n(x)} {_n(y)}C{_n(out)} {_n(y)} {_n(out)} {_n(to_y)} {_n(to_x)} {_n(to_y)}"

    def _boxes(self) -> Iterator[str]:
        for box in self._graph.boxes:
            area = self._plan.boxes[box.id]
            yield "<g>"
            yield f"<title>{escape(details(box))}</title>"
            yield from _shape(box, area)
            texts = self._sheet.texts[box.id]
            y = area.y + PAD_Y
            for line in texts.lines:
                size, height = SIZES[line.weight]
                y += height
                middle = area.x + area.width / 2
                yield _spans(
                    middle, y - 0.28 * size, [(line.text, _CLASSES[line.weight])], around="c"
                )
            yield "</g>"


def _shape(box: Box, area: Area) -> Iterator[str]:
    look = look_of(box)
    border = _BORDERS[look.border]
    if look.border == "double":
        yield _rectangle(area, PAPER, border)
        area = _grown(area, -DOUBLE)
    yield _rectangle(area, look.fill, border)


def _sample(entry: Entry, baseline: float) -> Iterator[str]:
    area = Area(MARGIN, baseline - SAMPLE[1] + 1, *SAMPLE)
    if entry.look is None:
        y = _n(area.y + area.height / 2)
        yield (
            f'<path class="e" stroke-dasharray="4 3" d="M{_n(area.x)} {y}H'
            f'{_n(area.x + area.width)}"/>'
        )
        return
    border = _BORDERS[entry.look.border]
    if entry.look.border == "double":
        yield _rectangle(area, PAPER, border)
        area = _grown(area, -2)
    yield _rectangle(area, entry.look.fill, border)


def _grown(area: Area, by: float) -> Area:
    return Area(area.x - by, area.y - by, area.width + 2 * by, area.height + 2 * by)


def _rectangle(area: Area, fill: str, border: str) -> str:
    radius = min(ROUND, area.height / 3)
    return (
        f'<rect x="{_n(area.x)}" y="{_n(area.y)}" width="{_n(area.width)}" '
        f'height="{_n(area.height)}" rx="{_n(radius)}" fill="{fill}" {border}/>'
    )


def _path(piece: Piece) -> str:
    (x, y), (to_x, to_y), (begin, end) = piece.start, piece.end, piece.bends
    if piece.arrives:
        to_y -= ARROW[1] * 0.8
    if abs(x - to_x) < 0.5:
        return f"M{_n(x)} {_n(y)}V{_n(to_y)}"
    middle = (begin + end) / 2
    return (
        f"M{_n(x)} {_n(y)}V{_n(begin)}C{_n(x)} {_n(middle)} {_n(to_x)} {_n(middle)} "
        f"{_n(to_x)} {_n(end if not piece.arrives else min(end, to_y))}V{_n(to_y)}"
    )


def _arrow(x: float, y: float, *, aside: bool = False) -> str:
    half, long = ARROW
    if aside:
        return f"M{_n(x)} {_n(y)}l{_n(long)} {_n(-half)}v{_n(2 * half)}z"
    return f"M{_n(x)} {_n(y)}l{_n(-half)} {_n(-long)}h{_n(2 * half)}z"


def _spans(x: float, y: float, texts: Iterable[tuple[str, str]], *, around: str = "") -> str:
    """Texts in a line, each with its classes; those that are empty are left out."""
    shown = [(text, kind) for text, kind in texts if text]
    spans = [
        f'<tspan class="{kind}"{_AWAY if place else ""}>{escape(text)}</tspan>'
        for place, (text, kind) in enumerate(shown)
    ]
    name = f' class="{around}"' if around else ""
    return f'<text x="{_n(x)}" y="{_n(y)}"{name}>{"".join(spans)}</text>'


def _n(number: float) -> str:
    """A number with a digit behind the point, if it has any.

    >>> _n(3.0), _n(2.46), _n(-0.04)
    ('3', '2.5', '0')
    """
    return f"{round(number, 1) + 0:.1f}".removesuffix(".0")
