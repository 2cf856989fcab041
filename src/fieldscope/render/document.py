"""The plain document: a finding's table as texts, before any medium; and that of a report.

A document knows what is to be shown and in what order things matter. How
wide a page is, and what bold looks like, is the medium's affair.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from fieldscope.errors import InputError
from fieldscope.render.numerals import ABSENT, NOTHING, WHOLE, extents, places, sizes
from fieldscope.render.selection import select
from fieldscope.render.words import closing
from fieldscope.wording import counted, meant

if TYPE_CHECKING:
    from fieldscope.analyses.fields import Field
    from fieldscope.analyses.layers import Layer, Report

# In the order in which they stand on a page.
COLUMNS = (
    "layer",
    "operator",
    "source",
    "shape",
    "size",
    "stride",
    "period",
    "start",
    "narrowest",
    "context",
    "exact",
)
# The longer a column is worth keeping on a narrow page, the earlier it stands here.
WORTH = (
    "layer",
    "size",
    "stride",
    "shape",
    "operator",
    "start",
    "narrowest",
    "period",
    "context",
    "exact",
    "source",
)
# How far a text may be shortened before a column is left out for it.
_LEAST = {"layer": 20, "source": 16, "context": 10}
BOUND = "≤"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of texts.

    Attributes:
        key: What stands above it.
        group: The input that it is about, where there are several.
        numeric: Whether its texts stand at the right.
        idle: Whether it says the same of every row, so that nobody misses it.
        worth: How long it is kept on a narrow page; the least goes first.
        least: How far its texts may be shortened before a column is left out for them.
        path: Whether its texts are paths, which rows below each other share the front of.
        toned: Whether the row's tone is shown here.
        essential: Whether groups stand below each other rather than do without it.
    """

    key: str
    group: str = ""
    numeric: bool = False
    idle: bool = False
    worth: int = 0
    least: int | None = None
    path: bool = False
    toned: bool = False
    essential: bool = False


Tone: TypeAlias = Literal["", "alarm", "warning"]
"""What a row is to be noticed for."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of texts, one per column.

    Attributes:
        cells: The texts.
        news: Whether it says anything else than the row above.
        tone: What it is to be noticed for.
        remarks: Sentences that stand below it.
    """

    cells: tuple[str, ...]
    news: bool = True
    tone: Tone = ""
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Note:
    """A remark below the table, and the option of the command that it is about."""

    text: str
    option: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """What a medium shows.

    Attributes:
        title: The model's name.
        subtitle: Its inputs.
        columns: In the order of the page.
        rows: One per layer.
        notes: What the texts of the table mean, where that needs saying.
        closing: The findings in words.
        chosen: Whether the reader asked for just these columns.
        room: The options of the command that make room for more.
    """

    title: str
    subtitle: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[Note, ...]
    closing: tuple[str, ...]
    chosen: bool = False
    room: str = "--width"


def describe(
    report: Report,
    *,
    columns: Sequence[str] | None = None,
    patterns: Sequence[str] = (),
    depth: int | None = None,
    everything: bool = False,
) -> Document:
    """Put a report into texts.

    Args:
        report: What was analysed.
        columns: Those to show, in this order; else all but `source`, and
            `period` only where a field has one.
        patterns: Shell patterns on the names of layers.
        depth: Rows whose path is longer are folded into their container's.
        everything: Show layers that only move elements, too.

    Raises:
        InputError: There is no such column, or `depth` is below 1.
        LayerNotFoundError: A pattern fits no layer.
    """
    keys = known_columns(columns) if columns is not None else _default(report)
    selection = select(report, patterns=patterns, depth=depth, everything=everything)
    inputs = [info.name for info in report.inputs if info.axes]
    described = _columns(keys, inputs, idle=_idle(report))
    rows: list[Row] = []
    before: Layer | None = None
    for layer in selection.layers:
        cells = tuple(_cell(layer, column, inputs) for column in described)
        rows.append(Row(cells, before is None or not _alike(layer, before)))
        before = layer
    return Document(
        title=report.model,
        subtitle=_subtitle(report),
        columns=described,
        rows=tuple(rows),
        notes=_notes(report, selection.layers, selection.hidden, keys),
        closing=closing(report),
        chosen=columns is not None,
        room="--columns, --width",
    )


def known_columns(columns: Sequence[str]) -> tuple[str, ...]:
    """Give the columns back, each once, if there are such.

    Raises:
        InputError: There is no such column, or there are none.

    >>> known_columns(["layer", "size", "layer"])
    ('layer', 'size')
    """
    if not columns:
        raise InputError(f"no columns are chosen\ncolumns are {', '.join(COLUMNS)}")
    for column in columns:
        if column not in COLUMNS:
            raise InputError(
                f"there is no column {column!r}{meant(column, COLUMNS)}\n"
                f"columns are {', '.join(COLUMNS)}"
            )
    return tuple(dict.fromkeys(columns))


def _default(report: Report) -> tuple[str, ...]:
    periodic = any(
        period is not None and period > 1
        for layer in report.layers
        for field in layer.fields.values()
        for period in field.period
    )
    left_out = {"source"} if periodic else {"source", "period"}
    return tuple(key for key in COLUMNS if key not in left_out)


def _subtitle(report: Report) -> str:
    inputs = [
        f"{info.name} {extents(info.shape)}" + (f" ({', '.join(info.axes)})" if info.axes else "")
        for info in report.inputs
    ]
    return "; ".join(inputs)


_MEASURES: dict[str, Callable[[Field], str]] = {
    "size": lambda field: sizes(field.size),
    "stride": lambda field: sizes(field.stride),
    "period": lambda field: sizes(field.period),
    "start": lambda field: places(field.start),
    "narrowest": lambda field: sizes(field.narrowest),
}


def _idle(report: Report) -> frozenset[str]:
    idle = set()
    if not any(layer.context for layer in report.layers):
        idle.add("context")
    if all(layer.exact for layer in report.layers):
        idle.add("exact")
    return frozenset(idle)


def _columns(
    keys: Sequence[str], inputs: Sequence[str], *, idle: frozenset[str]
) -> tuple[Column, ...]:
    """Repeat the measures for each input, at the place of the first of them."""
    groups = list(inputs) if len(inputs) > 1 else [""]
    measures = [key for key in keys if key in _MEASURES]
    described: list[Column] = []
    for key in keys:
        if key not in _MEASURES:
            described.append(_column(key, idle=key in idle))
        elif key == measures[0]:
            described += [_column(k, group=group) for group in groups for k in measures]
    return tuple(described)


def _column(key: str, *, group: str = "", idle: bool = False) -> Column:
    return Column(
        key,
        group,
        numeric=key in _MEASURES,
        idle=idle,
        worth=-WORTH.index(key),
        least=_LEAST.get(key),
        path=key == "layer",
        essential=key in ("size", "stride"),
    )


def _cell(layer: Layer, column: Column, inputs: Sequence[str]) -> str:
    match column.key:
        case "layer":
            return layer.name or "(model)"
        case "operator":
            return layer.operator
        case "source":
            return layer.source
        case "shape":
            return extents(layer.shape)
        case "context":
            more = f" +{len(layer.context) - 1}" if len(layer.context) > 1 else ""
            return f"{layer.context[0] or '(model)'}{more}" if layer.context else ""
        case "exact":
            return "yes" if layer.exact else "no"
        case measure:
            name = column.group or (inputs[0] if inputs else "")
            field = layer.fields.get(name)
            if field is None:
                return NOTHING if measure == "size" and inputs else ABSENT
            text = _MEASURES[measure](field)
            return BOUND + text if measure == "size" and not layer.exact else text


def _alike(layer: Layer, other: Layer) -> bool:
    return (
        layer.fields == other.fields
        and layer.context == other.context
        and layer.exact == other.exact
    )


def _notes(
    report: Report, layers: Sequence[Layer], hidden: int, keys: Sequence[str]
) -> tuple[Note, ...]:
    """Explain the signs that do occur, and say what is not shown."""
    notes: list[Note] = []
    fields = [field for layer in layers for field in layer.fields.values()]
    shown = {*keys}
    if shown & {"size", "narrowest"} and any(math.inf in field.size for field in fields):
        notes.append(Note(f"{WHOLE}: reads the whole input along that axis"))
    if "size" in shown and any(not layer.exact for layer in layers):
        notes.append(Note(f"{BOUND}: a bound; the true field lies inside it"))
    if "size" in shown and any(0 in field.size for field in fields):
        notes.append(Note(f"{NOTHING}: reads nothing of that input, context aside"))
    irregular = any(
        stride is None and size not in (0, math.inf)
        for field in fields
        for stride, size in zip(field.stride, field.size, strict=True)
    )
    if shown & {"stride", "start"} and irregular:
        notes.append(Note(f"{ABSENT}: the field does not repeat from position to position"))
    if all(layer.exact for layer in report.layers):
        notes.append(Note("every field is exact"))
    if hidden:
        verb = "moves" if hidden == 1 else "move"
        notes.append(
            Note(f"{counted(hidden, 'layer')} that only {verb} elements not shown", "--all")
        )
    return tuple(notes)
