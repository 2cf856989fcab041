"""The document as an HTML fragment that brings its own style.

Colours are mixtures of the page's own text colour, so that the table reads on
light and on dark pages alike. Nothing is loaded, nothing runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby

from fieldscope.render.document import BOUND, Column, Document, Row

_STYLE = """\
.fieldscope{font:13px/1.45 system-ui,sans-serif;color:inherit}
.fieldscope .fs-scroll{max-height:32em;overflow:auto;display:inline-block;max-width:100%}
.fieldscope table{border-collapse:collapse;border:0;margin:.4em 0;font-variant-numeric:tabular-nums}
.fieldscope th,.fieldscope td{padding:.15em .7em;text-align:left;white-space:nowrap;border:0;\
background:none;color:inherit}
.fieldscope th{font-weight:600;border-bottom:1px solid rgba(128,128,128,.6)}
.fieldscope th.fs-group{text-align:center}
.fieldscope tr{background:none}
.fieldscope tbody tr:hover{background:rgba(128,128,128,.15)}
.fieldscope .fs-number{text-align:right}
.fieldscope .fs-quiet td{opacity:.55}
.fieldscope .fs-quiet td:first-child{opacity:.8}
.fieldscope .fs-loose,.fieldscope .fs-warning{color:#c77700;opacity:1}
.fieldscope .fs-alarm{color:#c62828;font-weight:600;opacity:1}
.fieldscope .fs-remark td{opacity:.7;font-size:90%;white-space:normal;padding-left:2.5em}
.fieldscope p{margin:.3em 0;max-width:60em}
.fieldscope .fs-note{opacity:.7;font-size:90%}
"""


def page(document: Document) -> str:
    """Give the document as a `div` with a style of its own.

    All texts are escaped: a layer may be called anything.
    """
    return "\n".join(_pieces(document))


def _pieces(document: Document) -> Iterator[str]:
    yield '<div class="fieldscope">'
    yield f"<style>{_STYLE}</style>"
    yield f"<p><strong>{escape(document.title)}</strong> {escape(document.subtitle)}</p>"
    yield '<div class="fs-scroll"><table>'
    yield "<thead>"
    yield from _heads(document.columns)
    yield "</thead>"
    yield "<tbody>"
    for row in document.rows:
        yield _row(row, document.columns)
    yield "</tbody>"
    yield "</table></div>"
    notes = "; ".join(note.text for note in document.notes)
    if notes:
        yield f'<p class="fs-note">{escape(notes)}</p>'
    yield from _paragraphs(document.closing)
    yield "</div>"


def _heads(columns: Sequence[Column]) -> Iterator[str]:
    if any(column.group for column in columns):
        cells = [
            f'<th class="fs-group" colspan="{len(list(members))}">{escape(group)}</th>'
            for group, members in groupby(columns, key=lambda column: column.group)
        ]
        yield f"<tr>{''.join(cells)}</tr>"
    cells = [f"<th{_class(column, '')}>{escape(column.key)}</th>" for column in columns]
    yield f"<tr>{''.join(cells)}</tr>"


def _row(row: Row, columns: Sequence[Column]) -> str:
    cells = [
        f"<td{_class(column, cell, row)}>{escape(cell)}</td>"
        for column, cell in zip(columns, row.cells, strict=True)
    ]
    quiet = "" if row.news else ' class="fs-quiet"'
    remarks = [
        f'<tr class="fs-remark"><td colspan="{len(columns)}">{escape(remark)}</td></tr>'
        for remark in row.remarks
    ]
    return f"<tr{quiet}>{''.join(cells)}</tr>{''.join(remarks)}"


def _class(column: Column, cell: str, row: Row | None = None) -> str:
    names = [
        *(["fs-number"] if column.numeric else []),
        *(["fs-loose"] if cell.startswith(BOUND) else []),
        *([f"fs-{row.tone}"] if row is not None and row.tone and column.toned else []),
    ]
    return f' class="{" ".join(names)}"' if names else ""


def _paragraphs(closing: Sequence[str]) -> Iterator[str]:
    for items, members in groupby(closing, key=lambda text: text.startswith("  ")):
        if items:
            yield f"<ul>{''.join(f'<li>{escape(text.strip())}</li>' for text in members)}</ul>"
        else:
            yield from (f"<p>{escape(text)}</p>" for text in members)
