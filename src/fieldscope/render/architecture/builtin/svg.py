"""A laid out drawing as SVG: the same bytes for the same drawing, every text escaped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from fieldscope.analyses.architecture import ArchitectureGraph, Box
from fieldscope.render.architecture.builtin.nested import HEAD, Area, Piece, planned
from fieldscope.render.architecture.look import (
    FRAME,
    GROUND,
    INK,
    LINE,
    PAPER,
    QUIET,
    Border,
    Entry,
    Line,
    Weight,
    details,
    heading,
    legend,
    lines_of,
    look_of,
    measure_of,
    title_of,
)

_MARGIN = 14.0
_PAD_X, _PAD_Y = 10.0, 6.0
_ROUND = 6.0
_ROW = 15.0
_SAMPLE = (26.0, 10.0)
_ARROW = (2.6, 5.5)
# Font size, height of a line, and the class of a text.
_TEXT: dict[Weight, tuple[float, float, str]] = {
    "name": (11.0, 14.0, "b"),
    "text": (9.0, 11.5, "t"),
    "mark": (10.0, 13.0, "m"),
}
_TITLE, _SUBTITLE = 15.0, 10.0
_NAMESPACE = "http://www.w3.org/2000/svg"
_AWAY = ' dx="8"'
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


# Of Helvetica, in thousandths of the font's size, for what differs much from a usual letter.
_NARROW, _WIDE = "ijlI.,:;'|![]()/ ft", "mwMW@%…×≤"


def wide(text: str, size: float, *, bold: bool = False) -> float:
    """About how wide a text is, rather too wide than too narrow.

    >>> round(wide("layer1", 10)), round(wide("mmmm", 10)), round(wide("illi", 10))
    (34, 36, 13)
    """
    units = sum(0.31 if one in _NARROW else 0.88 if one in _WIDE else 0.6 for one in text)
    far = sum(ord(one) > 0x2E7F for one in text)  # of a script that is as wide as it is high
    return (units + 0.45 * far) * size * (1.07 if bold else 1.02)


@dataclass(frozen=True, slots=True)
class _Texts:
    """The lines of a box, and the room that they take."""

    lines: tuple[Line, ...]
    width: float
    height: float


class _Drawing:
    def __init__(self, graph: ArchitectureGraph) -> None:
        self._graph = graph
        names = {one.id: one.name for one in graph.clusters}
        self._texts = {
            box.id: _measured(lines_of(box, names.get(box.cluster or "", "")))
            for box in graph.boxes
        }
        self._titles = {
            one.id: title_of(one, names.get(one.parent or "", "")) for one in graph.clusters
        }
        self._plan = planned(graph, self._size, self._title_width)

    def _size(self, box: str) -> tuple[float, float]:
        texts = self._texts[box]
        return texts.width + 2 * _PAD_X, texts.height + 2 * _PAD_Y

    def _title_width(self, frame: str) -> float:
        name, source = self._titles[frame]
        return wide(name, 10, bold=True) + 8 + wide(source, 10)

    def text(self) -> str:
        plan, entries = self._plan, legend(self._graph)
        head = list(self._head(entries))
        title, subtitle = heading(self._graph)
        across = (
            max(
                plan.width,
                wide(title, _TITLE, bold=True) + 10 + wide(subtitle, _SUBTITLE),
                *(_SAMPLE[0] + 18 + wide(f"{e.word}  {e.means}", _SUBTITLE) for e in entries),
            )
            + 2 * _MARGIN
        )
        rows = len(entries) + bool(entries and measure_of(self._graph))
        top = _MARGIN + 26 + rows * _ROW
        down = top + plan.height + _MARGIN
        left = (across - plan.width) / 2
        size = f'width="{_n(across)}" height="{_n(down)}" viewBox="0 0 {_n(across)} {_n(down)}"'
        return "\n".join(
            [
                '<?xml version="1.0" encoding="UTF-8"?>',
                f'<svg xmlns="{_NAMESPACE}" class="fsg" {size}>',
                f"<title>{escape(title)}</title>",
                f"<style>{_STYLE}</style>",
                f'<rect width="100%" height="100%" fill="{PAPER}"/>',
                *head,
                f'<g transform="translate({_n(left)} {_n(top)})">',
                *self._frames(),
                *self._lines(),
                *self._frame_titles(),
                *self._boxes(),
                "</g>",
                "</svg>",
                "",
            ]
        )

    def _head(self, entries: Sequence[Entry]) -> Iterator[str]:
        y = _MARGIN + 12
        yield _spans(_MARGIN, y, zip(heading(self._graph), ("h", "s q"), strict=True))
        if entries and (measure := measure_of(self._graph)):
            y += _ROW + 3
            yield _spans(_MARGIN, y, [(measure, "s")])
        for entry in entries:
            y += _ROW
            yield from _sample(entry, y)
            yield _spans(_MARGIN + _SAMPLE[0] + 8, y, [(entry.word, "m"), (entry.means, "s q")])

    def _frames(self) -> Iterator[str]:
        depths: dict[str | None, int] = {None: 0}
        for one in self._graph.clusters:
            depths[one.id] = depths[one.parent] + 1
            ground = GROUND[depths[one.id] % 2]
            yield _rectangle(self._plan.frames[one.id], ground, 'class="f"')

    def _frame_titles(self) -> Iterator[str]:
        for one in self._graph.clusters:
            area = self._plan.frames[one.id]
            texts = zip(self._titles[one.id], ("m", "s q"), strict=True)
            yield _spans(area.x + 10, area.y + HEAD - 8, texts, around="o")

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
            texts = self._texts[box.id]
            y = area.y + _PAD_Y
            for line in texts.lines:
                size, height, kind = _TEXT[line.weight]
                y += height
                middle = area.x + area.width / 2
                yield _spans(middle, y - 0.28 * size, [(line.text, kind)], around="c")
            yield "</g>"


def _measured(lines: tuple[Line, ...]) -> _Texts:
    return _Texts(
        lines,
        max(wide(line.text, _TEXT[line.weight][0], bold=line.weight != "text") for line in lines),
        sum(_TEXT[line.weight][1] for line in lines),
    )


def _shape(box: Box, area: Area) -> Iterator[str]:
    look = look_of(box)
    border = _BORDERS[look.border]
    if look.border == "double":
        yield _rectangle(area, PAPER, border)
        area = _grown(area, -3)
    yield _rectangle(area, look.fill, border)


def _sample(entry: Entry, baseline: float) -> Iterator[str]:
    area = Area(_MARGIN, baseline - _SAMPLE[1] + 1, *_SAMPLE)
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
    radius = min(_ROUND, area.height / 3)
    return (
        f'<rect x="{_n(area.x)}" y="{_n(area.y)}" width="{_n(area.width)}" '
        f'height="{_n(area.height)}" rx="{_n(radius)}" fill="{fill}" {border}/>'
    )


def _path(piece: Piece) -> str:
    (x, y), (to_x, to_y), (begin, end) = piece.start, piece.end, piece.bends
    if piece.arrives:
        to_y -= _ARROW[1] * 0.8
    if abs(x - to_x) < 0.5:
        return f"M{_n(x)} {_n(y)}V{_n(to_y)}"
    middle = (begin + end) / 2
    return (
        f"M{_n(x)} {_n(y)}V{_n(begin)}C{_n(x)} {_n(middle)} {_n(to_x)} {_n(middle)} "
        f"{_n(to_x)} {_n(end if not piece.arrives else min(end, to_y))}V{_n(to_y)}"
    )


def _arrow(x: float, y: float, *, aside: bool = False) -> str:
    half, long = _ARROW
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
