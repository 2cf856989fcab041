"""What the built-in layout places: boxes with their lines, frames with their titles, the head."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from fieldscope.analyses.architecture import ArchitectureGraph
from fieldscope.render.architecture.builtin.nested import Plan, planned
from fieldscope.render.architecture.look import (
    Entry,
    Line,
    Weight,
    heading,
    legend,
    lines_of,
    measure_of,
    title_of,
)

MARGIN = 14.0
PAD_X, PAD_Y = 10.0, 6.0
ROUND = 6.0
# A row of the legend, the sample in it, and the gap between it and its words.
ROW = 15.0
SAMPLE = (26.0, 10.0)
AWAY = 8.0
ARROW = (2.6, 5.5)
# Of a box with a double border, from the outer line to the inner one.
DOUBLE = 3.0
# Font size, and height of a line.
SIZES: dict[Weight, tuple[float, float]] = {
    "name": (11.0, 14.0),
    "text": (9.0, 11.5),
    "mark": (10.0, 13.0),
}
TITLE, SUBTITLE = 15.0, 10.0

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
class Texts:
    """The lines of a box, and the room that they take."""

    lines: tuple[Line, ...]
    width: float
    height: float


class Sheet:
    """A drawing laid out, in units of a point."""

    def __init__(self, graph: ArchitectureGraph) -> None:
        self.graph = graph
        names = {one.id: one.name for one in graph.clusters}
        self.texts = {
            box.id: _measured(lines_of(box, names.get(box.cluster or "", "")))
            for box in graph.boxes
        }
        self.titles = {
            one.id: title_of(one, names.get(one.parent or "", "")) for one in graph.clusters
        }
        self.plan: Plan = planned(graph, self._size, self._title_width)
        self.heading = heading(graph)
        self.entries: tuple[Entry, ...] = legend(graph)
        self.measure = measure_of(graph) if self.entries else ""

    def _size(self, box: str) -> tuple[float, float]:
        texts = self.texts[box]
        return texts.width + 2 * PAD_X, texts.height + 2 * PAD_Y

    def _title_width(self, frame: str) -> float:
        name, source = self.titles[frame]
        return wide(name, 10, bold=True) + AWAY + wide(source, 10)

    @cached_property
    def width(self) -> float:
        """Of the whole, with its margins."""
        title, subtitle = self.heading
        return 2 * MARGIN + max(
            self.plan.width,
            wide(title, TITLE, bold=True) + AWAY + wide(subtitle, SUBTITLE),
            *(SAMPLE[0] + 18 + wide(f"{e.word}  {e.means}", SUBTITLE) for e in self.entries),
        )

    @cached_property
    def top(self) -> float:
        """Where what is planned begins, below the title and the legend."""
        return MARGIN + 26 + (len(self.entries) + bool(self.measure)) * ROW

    @property
    def left(self) -> float:
        """Where what is planned begins."""
        return (self.width - self.plan.width) / 2

    @property
    def height(self) -> float:
        """Of the whole, with its margins."""
        return self.top + self.plan.height + MARGIN

    @cached_property
    def depths(self) -> dict[str, int]:
        """How deep each frame stands; 1 for the outermost."""
        found: dict[str | None, int] = {None: 0}
        for one in self.graph.clusters:
            found[one.id] = found[one.parent] + 1
        return {name: depth for name, depth in found.items() if name is not None}


def _measured(lines: tuple[Line, ...]) -> Texts:
    return Texts(
        lines,
        max(wide(line.text, SIZES[line.weight][0], bold=line.weight != "text") for line in lines),
        sum(SIZES[line.weight][1] for line in lines),
    )
