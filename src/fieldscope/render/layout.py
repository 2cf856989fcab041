"""Fitting a document on a page of fixed-width characters.

Columns that don't fit are left out, the least worth first. Names are shortened before a column
is left out. Where the essential columns of several inputs don't fit side by
side, each input gets a table of its own. A line never wraps, but for prose.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from fieldscope.render.document import Column, Document, Note, Row
from fieldscope.wording import listed

Line = tuple["Span", ...]

_GAP = 2
_PROSE = 100
# Of sentences, whatever the page.
_NARROWEST = 20
_ELLIPSIS = "…"


@dataclass(frozen=True, slots=True)
class Span:
    """A run of text and its part on the page, which a medium gives a look.

    The parts are title, subtitle, group, head, rule, path (the part of a name
    that the row above has, too), name, text, number, quiet (a row without
    news), loose (a bound), alarm and warning (a row's tone), remark, note, closing
    and the empty one.
    """

    text: str
    part: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """Columns that stand side by side, with the width of each.

    Attributes:
        columns: Each with its index into the cells of a row.
        widths: In characters.
        left_out: Keys of the columns for which there was no room.
    """

    columns: tuple[tuple[int, Column], ...]
    widths: tuple[int, ...]
    left_out: tuple[str, ...]


def lines(document: Document, width: int | None = None) -> Iterator[Line]:
    """Lay a document out, line by line.

    Args:
        document: What to show.
        width: Of the page in characters; None for one without end.
    """
    yield from _titled(document, width)
    sheets = fit(document, width) if document.columns else ()
    for sheet in sheets:
        yield ()
        if len(sheets) > 1:
            group = next(column.group for _, column in sheet.columns if column.group)
            yield (Span(group, "group"),)
            sheet = _ungrouped(sheet)
        yield from _table(document.rows, sheet, width)
    yield ()
    missing = tuple(dict.fromkeys(key for sheet in sheets for key in sheet.left_out))
    notes = list(document.notes)
    if missing:
        notes.append(Note(f"no room for {listed(missing)}", document.room))
    if notes:
        for text in _noted(notes, width):
            yield (Span(text, "note"),)
        yield ()
    for paragraph in document.closing:
        for text in _wrapped(paragraph, width):
            yield (Span(text, "closing"),)


def _titled(document: Document, width: int | None) -> Iterator[Line]:
    title, subtitle = document.title, f"  {document.subtitle}"
    if width is None or len(title) + len(subtitle) <= width:
        yield (Span(title, "title"), Span(subtitle, "subtitle"))
        return
    yield (Span(_middle(title, width) if len(title) > width else title, "title"),)
    for line in _wrapped(subtitle, width):
        yield (Span(line, "subtitle"),)


def text(document: Document, width: int | None = None) -> str:
    """Lay a document out as plain text, without a newline at its end."""
    return "\n".join(
        "".join(span.text for span in line).rstrip() for line in lines(document, width)
    )


def fit(document: Document, width: int | None) -> tuple[Sheet, ...]:
    """Choose what stands side by side: all inputs, else one sheet per input."""
    columns = tuple(enumerate(document.columns))
    groups = dict.fromkeys(column.group for column in document.columns if column.group)
    whole = _fit(document, columns, width)
    essential = {column.key for column in document.columns if column.essential}
    if not groups or not essential & {*whole.left_out}:
        return (whole,)
    return tuple(
        _fit(document, tuple(pair for pair in columns if pair[1].group in ("", group)), width)
        for group in groups
    )


def _fit(document: Document, columns: tuple[tuple[int, Column], ...], width: int | None) -> Sheet:
    natural = {
        at: max(len(column.key), *(len(row.cells[at]) for row in document.rows), 0)
        for at, column in columns
    }
    least = {
        at: min(natural[at], max(column.least or natural[at], len(column.key)))
        for at, column in columns
    }
    kept = list(columns)
    left_out: list[str] = []
    while width is not None and len(kept) > 1 and _total(least[at] for at, _ in kept) > width:
        worst = _least_worth(kept, chosen=document.chosen)
        # What says the same everywhere is not missed, unless it was asked for.
        if document.chosen or any(c.key == worst and not c.idle for _, c in kept):
            left_out.append(worst)
        kept = [pair for pair in kept if pair[1].key != worst]
    widths = _spread(kept, natural, least, width)
    return Sheet(tuple(kept), widths, tuple(reversed(left_out)))


def _least_worth(kept: Sequence[tuple[int, Column]], *, chosen: bool) -> str:
    # Whoever chose the columns put the ones that matter first.
    if chosen:
        return kept[-1][1].key
    return max((column.idle, -column.worth, column.key) for _, column in kept)[2]


def _total(widths: Iterator[int] | Sequence[int]) -> int:
    many = list(widths)
    return sum(many) + _GAP * (len(many) - 1)


def _spread(
    kept: Sequence[tuple[int, Column]],
    natural: dict[int, int],
    least: dict[int, int],
    width: int | None,
) -> tuple[int, ...]:
    """Give the room that is left to the texts that were shortened, first to names."""
    if width is None:
        return tuple(natural[at] for at, _ in kept)
    given = {at: least[at] for at, _ in kept}
    spare = width - _total(list(given.values()))
    for at, _ in sorted(kept, key=lambda pair: -pair[1].worth):
        more = max(min(natural[at] - given[at], spare), 0)
        given[at] += more
        spare -= more
    if len(given) == 1:
        return tuple(min(wide, max(width, 1)) for wide in given.values())
    return tuple(given.values())


def _ungrouped(sheet: Sheet) -> Sheet:
    return replace(
        sheet, columns=tuple((at, replace(column, group="")) for at, column in sheet.columns)
    )


def _table(rows: Sequence[Row], sheet: Sheet, width: int | None) -> Iterator[Line]:
    if any(column.group for _, column in sheet.columns):
        yield _groups(sheet)
    heads = [
        _aligned(column.key, wide, numeric=column.numeric)
        for (_, column), wide in zip(sheet.columns, sheet.widths, strict=True)
    ]
    yield (Span((" " * _GAP).join(heads), "head"),)
    yield (Span("─" * _total(sheet.widths), "rule"),)
    above = ""
    for row in rows:
        line: list[Span] = []
        for (at, column), wide in zip(sheet.columns, sheet.widths, strict=True):
            cell = shortened(row.cells[at], wide)
            if line:
                line.append(Span(" " * _GAP))
            if column.path:
                shared = _shared(cell, above)
                above = cell
                line.append(Span(cell[:shared], "path"))
                line.append(Span(cell[shared:].ljust(wide - shared), "name"))
            else:
                part = _part(column, cell, row)
                line.append(Span(_aligned(cell, wide, numeric=column.numeric), part))
        yield tuple(line)
        for remark in row.remarks:
            for text in _wrapped(remark, width, indent=" " * 4):
                yield (Span(text, "remark"),)


def _part(column: Column, cell: str, row: Row) -> str:
    if cell.startswith("≤") or (column.key == "exact" and cell == "no"):
        return "loose"
    if column.toned and row.tone:
        return row.tone
    if not row.news:
        return "quiet"
    return "number" if column.numeric else "text"


def _groups(sheet: Sheet) -> Line:
    """Write each input's name above its columns, with a line as wide as they are."""
    spans: list[Span] = []
    at = 0
    columns = [column for _, column in sheet.columns]
    while at < len(columns):
        end = at
        while end < len(columns) and columns[end].group == columns[at].group:
            end += 1
        wide = _total(sheet.widths[at:end])
        if spans:
            spans.append(Span(" " * _GAP))
        if name := columns[at].group:
            head = shortened(name, wide - 2)
            spans.append(Span(f" {head} ".center(wide, "─"), "group"))
        else:
            spans.append(Span(" " * wide))
        at = end
    return tuple(spans)


def _aligned(text: str, width: int, *, numeric: bool) -> str:
    return text.rjust(width) if numeric else text.ljust(width)


def _shared(name: str, above: str) -> int:
    """Count the characters of the path that two names begin with."""
    end = 0
    for at, (ours, theirs) in enumerate(zip(name, above, strict=False)):
        if ours != theirs:
            break
        if ours == ".":
            end = at + 1
    return end


def _noted(notes: Sequence[Note], width: int | None) -> Iterator[str]:
    for note in notes:
        yield from _wrapped(f"{note.text} ({note.option})" if note.option else note.text, width)


def _wrapped(paragraph: str, width: int | None, indent: str = "") -> list[str]:
    if width is None and not indent:
        return [paragraph]
    width = _PROSE if width is None else width
    item = indent or paragraph.startswith("  ")
    return textwrap.wrap(
        paragraph,
        max(min(width, _PROSE), _NARROWEST),
        initial_indent=indent,
        subsequent_indent=f"{indent or '  '}  " if item else "",
        break_long_words=False,
        break_on_hyphens=False,
    )


def shortened(name: str, width: int) -> str:
    """Shorten a path in its middle, so that it still tells rows apart.

    The last part is kept; the longest of the others loses letters first, never
    the number at its end.

    >>> shortened("features.denseblock4.denselayer16.conv2", 26)
    'feat….dens…4.dens…16.conv2'
    >>> shortened("layer4.2.conv3", 20)
    'layer4.2.conv3'
    >>> shortened("a_very_long_name_without_parts", 13)
    'a_very…_parts'
    """
    if len(name) <= width:
        return name
    parts = name.split(".")
    heads, tails = zip(*(_digits(part) for part in parts), strict=True)
    cuts = [len(head) for head in heads]
    while len(found := _joined(heads, tails, cuts)) > width:
        # The last part is what a reader looks for.
        longest = max(range(len(parts) - 1), key=lambda at: cuts[at], default=-1)
        if longest < 0 or cuts[longest] <= 1:
            return _middle(name, width)
        # A sign for two letters is no gain, so the first cut takes two.
        whole = cuts[longest] == len(heads[longest])
        cuts[longest] -= 2 if whole and cuts[longest] > 2 else 1
    return found


def _digits(part: str) -> tuple[str, str]:
    head = re.sub(r"\d+(#\d+)?$", "", part)
    return head, part[len(head) :]


def _joined(heads: Sequence[str], tails: Sequence[str], cuts: Sequence[int]) -> str:
    return ".".join(
        head + tail if cut >= len(head) else head[:cut] + _ELLIPSIS + tail
        for head, tail, cut in zip(heads, tails, cuts, strict=True)
    )


def _middle(text: str, width: int) -> str:
    if width < 2:
        return text[:width]
    tail = (width - 1) // 2
    return f"{text[: width - 1 - tail]}{_ELLIPSIS}{text[len(text) - tail :]}"
