"""What boxes, frames and the legend of a drawing say and look like, whatever lays them out.

Verdicts differ by colour, by border and by the word that stands in the box, so that a printer
without colours and eyes that see other ones lose nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from fieldscope.analyses.architecture import WORST, ArchitectureGraph, Box, Cluster
from fieldscope.analyses.nesting import plain
from fieldscope.analyses.verdicts import Verdict
from fieldscope.render.document import BOUND
from fieldscope.render.numerals import ABSENT, NOTHING, extents, sizes
from fieldscope.wording import counted, listed

INK = "#1c1c1c"
QUIET = "#555555"
LINE = "#5a5a5a"
FRAME = "#9a9a9a"
PAPER = "#ffffff"
# Of frames, by how deep they stand: paper and a breath of grey, in turns.
GROUND = ("#f7f7f5", "#efefec")

Border: TypeAlias = Literal["thin", "plain", "dashed", "bold", "double"]
Weight: TypeAlias = Literal["name", "text", "mark"]

_MOST_MERGED = 3
# XML knows no other control characters, and no halves of pairs.
_UNWRITABLE = re.compile("[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Look:
    """How what carries a verdict is drawn.

    Attributes:
        fill: colour of the box, lighter than the text by far.
        border: how the line around it is drawn.
        means: what the verdict says, for the legend.
    """

    fill: str
    border: Border
    means: str


LOOKS: Mapping[Verdict, Look] = {
    "unproductive": Look("#f4a59d", "double", "receives n or more already: it can add no context"),
    "critical": Look("#fac585", "bold", "its own narrowest field exceeds n"),
    "partly critical": Look("#fbf0a4", "dashed", "its narrowest field exceeds n on some axes"),
    "productive": Look("#dbe8f4", "plain", "widens the field within n"),
    "not widening": Look("#fbfbfa", "thin", "hands on the field that it receives"),
}
PLAIN = Look("#fbfbfa", "thin", "")
END = Look("#e9e9e4", "plain", "")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text in a box."""

    text: str
    weight: Weight = "text"


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the legend: a sample of a box, or of an arrow, and what it means."""

    look: Look | None
    word: str
    means: str


def look_of(box: Box) -> Look:
    """How a box is drawn."""
    if box.kind in ("input", "output"):
        return END
    return PLAIN if box.verdict is None else LOOKS[box.verdict]


def lines_of(box: Box, within: str = "") -> tuple[Line, ...]:
    """What a box says.

    Args:
        box: the box.
        within: path of the frame that it stands in, which its name need not repeat.
    """
    lines = [Line(clean(name_of(box, within)) or "(model)", "name")]
    ends = box.kind in ("input", "output")
    texts = [*([] if ends else [work_of(box)]), *seen_by(box), extents(box.shape)]
    lines += [Line(clean(text)) for text in texts if text]
    mark = mark_of(box)
    return (*lines, *([Line(mark, "mark")] if mark else []))


def title_of(cluster: Cluster, within: str = "") -> tuple[str, str]:
    """What a frame is called: its path below the frame around it, and its class."""
    return clean(_below(cluster.name, within)), clean(cluster.source)


def heading(graph: ArchitectureGraph) -> tuple[str, str]:
    """The title of a drawing, and what it is of."""
    shown = [f"{clean(info.name)} {extents(info.shape)}" for info in graph.inputs]
    return clean(graph.model), listed(shown)


def legend(graph: ArchitectureGraph) -> tuple[Entry, ...]:
    """What the drawing's looks mean, of those that occur."""
    occurring = {box.verdict for box in graph.boxes if box.verdict is not None}
    judged = [verdict for verdict in WORST if verdict in occurring]
    entries = [Entry(LOOKS[one], one, LOOKS[one].means) for one in judged]
    if any(edge.context for edge in graph.edges):
        entries.append(Entry(None, "context", "read by all positions alike"))
    return tuple(entries)


def measure_of(graph: ArchitectureGraph) -> str:
    """What n is; empty where no input has spatial axes.

    >>> import fieldscope
    >>> from torch import nn
    >>> measure_of(fieldscope.architecture(nn.Conv2d(1, 1, 3), (1, 1, 8, 16)))
    'n = 8×16 (y×x)'
    """
    given = [
        (info, extents(graph.extents[info.name]))
        for info in graph.inputs
        if info.name in graph.extents
    ]
    if not given:
        return ""
    if len(given) == 1:
        ((info, one),) = given
        axes = f" ({'×'.join(map(clean, info.axes))})" if len(info.axes) > 1 else ""
        return f"n = {one}{axes}"
    return f"n: {listed([f'{clean(info.name)} {one}' for info, one in given])}"


def details(box: Box) -> str:
    """What a box is, in full, for a hint that appears over it."""
    names = box.repeats or (box.name,)
    many = f"{counted(len(box.layers), 'layer')}, " if len(box.layers) > 1 else ""
    cost = f"{box.macs:,} multiply-accumulates, {counted(box.parameters, 'parameter')}"
    return clean(f"{listed(names, most=3)}: {many}{cost}" if box.layers else box.name)


def clean(text: str) -> str:
    r"""A text in one line, without what can't stand in a drawing's file.

    >>> clean("a\x00b\nc")
    'a�b c'
    """
    return " ".join(_UNWRITABLE.sub("\ufffd", text).split())


def bare(source: str) -> str:
    """A foreign operator's name without its framework's.

    >>> bare("aten.native_batch_norm"), bare("tensorflow.Conv2D"), bare("aten._softmax")
    ('batch_norm', 'Conv2D', 'softmax')
    """
    name = source.rpartition(".")[2].strip("_")
    return name.removeprefix("native_").removesuffix("_with_indices") or source


def name_of(box: Box, within: str = "") -> str:
    """What a box is called: its path below that of a frame; of alike blocks the first and last."""
    name = _below(box.name, within)
    if not box.repeats:
        return name
    return f"{name} … {box.repeats[-1].rpartition('.')[2]}  ×{len(box.repeats)}"


def _below(name: str, within: str) -> str:
    """A path without that of the frame; calls of a module count apart from those of its parts.

    >>> _below("block.conv#2", "block#2"), _below("block", "")
    ('conv#2', 'block')
    """
    if not within or not plain(name).startswith(f"{plain(within)}."):
        return name
    return ".".join(name.split(".")[len(within.split(".")) :])


def work_of(box: Box) -> str:
    """What a box does: its class, or its operator with its window, and what is merged with it."""
    if box.kind == "container":
        text = box.source
    else:
        text = " ".join(filter(None, (_named(box), _window(box))))
    if not box.merged:
        return text
    names = list(dict.fromkeys(map(bare, box.merged)))
    more = ", …" if len(names) > _MOST_MERGED else ""
    return f"{text} + {', '.join(names[:_MOST_MERGED])}{more}".lstrip()


def _named(box: Box) -> str:
    """An operator's name; that of ATen doesn't tell transposed convolutions from others."""
    name = bare(box.source)
    plainly = name.lower().startswith("conv") and "transpose" not in name.lower()
    return f"transposed {name}" if box.operator == "spread" and plainly else name


def _window(box: Box) -> str:
    if not box.window:
        return ""
    parts = ["×".join(str(one.kernel) for one in box.window)]
    for word, numbers in (
        ("stride", [one.stride for one in box.window]),
        ("dilation", [one.dilation for one in box.window]),
    ):
        if any(number != 1 for number in numbers):
            parts.append(f"{word} {sizes(numbers)}")
    return ", ".join(parts)


def seen_by(box: Box) -> list[str]:
    """What a box sees of each input: its field, the narrowest where it differs, its stride."""
    several = len(box.fields) > 1
    found = []
    for name, field in box.fields.items():
        if all(size == 0 for size in field.size):
            continue
        size, narrowest, stride = numbers_of(box, name)
        text = f"field {size}"
        if field.narrowest != field.size:
            text += f", narrowest {narrowest}"
        if any(step is not None for step in field.stride):
            text += f", stride {stride}"
        found.append(f"{name}: {text}" if several else text)
    return found


def numbers_of(box: Box, name: str) -> tuple[str, str, str]:
    """Size, narrowest and stride of what a box sees of an input; of alike blocks first to last."""
    field = box.fields.get(name)
    if field is None or all(size == 0 for size in field.size):
        return NOTHING, ABSENT, ABSENT
    first = field if box.first is None else box.first.get(name, field)
    size = _range(first.size, field.size)
    narrowest = _range(first.narrowest, field.narrowest)
    return size if box.exact else BOUND + size, narrowest, sizes(field.stride)


def _range(first: Sequence[float], last: Sequence[float]) -> str:
    return sizes(last) if first == last else f"{sizes(first)} … {sizes(last)}"


def mark_of(box: Box) -> str:
    """The verdict in words, for what is to be noticed."""
    counts = box.verdicts or {}
    bad = [verdict for verdict in WORST[:3] if counts.get(verdict)]
    if not bad:
        return ""
    if len(box.layers) == 1 or box.kind == "layer":
        return bad[0]
    widening = sum(number for verdict, number in counts.items() if verdict != "not widening")
    if len(bad) == 1 and counts[bad[0]] == widening:
        return bad[0] if widening == 1 else f"all {widening} {bad[0]}"
    told: Sequence[str] = [f"{counts[verdict]} {verdict}" for verdict in bad]
    return f"{listed(told)} of {widening} widening layers"
