"""The drawing in Graphviz's language.

Names never reach it as they are: nodes are called n0 on, and every text is escaped inside an
HTML-like label. Source: https://graphviz.org/doc/info/lang.html and doc/info/shapes.html#html.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape

from fieldscope.analyses.architecture import ArchitectureGraph, Box, Cluster
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
    clean,
    details,
    heading,
    legend,
    lines_of,
    look_of,
    measure_of,
    title_of,
)

_FONT = "Helvetica,Arial,sans-serif"
_BORDERS: Mapping[Border, str] = {
    "thin": f'penwidth=0.6, color="{FRAME}"',
    "plain": "penwidth=0.9",
    "dashed": 'penwidth=1.6, style="filled,rounded,dashed"',
    "bold": "penwidth=2.4",
    "double": "penwidth=1.2, peripheries=2",
}
# Of a sample in the legend: width of the line, its style, and whether it is drawn twice.
_SAMPLES: Mapping[Border, tuple[int, str, bool]] = {
    "thin": (1, "", False),
    "plain": (1, "", False),
    "dashed": (2, ' STYLE="dashed"', False),
    "bold": (3, "", False),
    "double": (1, "", True),
}


def written(graph: ArchitectureGraph) -> str:
    """Write a drawing as a text that `dot` lays out."""
    return "\n".join(_lines(graph)) + "\n"


def _lines(graph: ArchitectureGraph) -> Iterator[str]:
    yield f"digraph {_quoted(heading(graph)[0])} {{"
    yield f"  graph [{_graph(graph)}]"
    yield (
        f'  node [shape=box, style="filled,rounded", fontname="{_FONT}", fontsize=10, '
        f'fontcolor="{INK}", color="{LINE}", margin="0.11,0.055", height=0.3]'
    )
    yield f'  edge [color="{LINE}", arrowsize=0.6, penwidth=0.9]'
    frames: dict[str | None, list[Cluster]] = {}
    for cluster in graph.clusters:
        frames.setdefault(cluster.parent, []).append(cluster)
    boxes: dict[str | None, list[Box]] = {}
    for box in graph.boxes:
        boxes.setdefault(box.cluster, []).append(box)
    yield from _inside(None, "", frames, boxes, 1)
    for edge in graph.edges:
        # A flow back to what ran before must not turn the drawing over.
        back = int(edge.source[1:]) > int(edge.target[1:])
        looks = [*(["style=dashed"] * edge.context), *(["constraint=false"] * back)]
        yield f"  {edge.source} -> {edge.target}" + (f" [{', '.join(looks)}]" if looks else "")
    yield "}"


def _graph(graph: ArchitectureGraph) -> str:
    return (
        f'label=<{_head(graph)}>, labelloc=t, labeljust=l, fontname="{_FONT}", fontsize=10, '
        f'fontcolor="{INK}", bgcolor="{PAPER}", rankdir=TB, nodesep=0.22, ranksep=0.3, '
        'compound=true, tooltip=" "'
    )


def _inside(
    cluster: Cluster | None,
    within: str,
    frames: Mapping[str | None, list[Cluster]],
    boxes: Mapping[str | None, list[Box]],
    depth: int,
) -> Iterator[str]:
    key = None if cluster is None else cluster.id
    space = "  " * depth
    for box in boxes.get(key, ()):
        yield f"{space}{box.id} [{_node(box, within)}]"
    for frame in frames.get(key, ()):
        name, source = title_of(frame, within)
        kind = f'  <FONT COLOR="{QUIET}">{escape(source)}</FONT>' if source else ""
        yield f"{space}subgraph cluster_{frame.id} {{"
        yield (
            f'{space}  graph [label=<<B>{escape(name)}</B>{kind}>, style="filled,rounded", '
            f'fillcolor="{GROUND[depth % 2]}", color="{FRAME}", penwidth=0.6, margin=9, '
            f"tooltip={_quoted(clean(frame.name))}]"
        )
        yield from _inside(frame, frame.name, frames, boxes, depth + 1)
        yield f"{space}}}"


def _node(box: Box, within: str) -> str:
    look = look_of(box)
    label = "<BR/>".join(map(_text, lines_of(box, within)))
    ends = ', shape=box, margin="0.16,0.06"' if box.kind in ("input", "output") else ""
    return (
        f'label=<{label}>, fillcolor="{look.fill}", {_BORDERS[look.border]}{ends}, '
        f"tooltip={_quoted(details(box))}"
    )


def _text(line: Line) -> str:
    text = escape(line.text)
    match line.weight:
        case "name":
            return f'<FONT POINT-SIZE="11"><B>{text}</B></FONT>'
        case "mark":
            return f"<B>{text}</B>"
        case _:
            return f'<FONT POINT-SIZE="9">{text}</FONT>'


def _head(graph: ArchitectureGraph) -> str:
    title, subtitle = heading(graph)
    name = f'<FONT POINT-SIZE="15"><B>{escape(title)}</B></FONT>'
    shown = f'<FONT COLOR="{QUIET}">{escape(subtitle)}</FONT>'
    rows = [f'<TR><TD ALIGN="LEFT" COLSPAN="2">{name}  {shown}</TD></TR>']
    entries = legend(graph)
    measure = measure_of(graph)
    if measure and entries:
        rows.append(f'<TR><TD ALIGN="LEFT" COLSPAN="2">{escape(measure)}</TD></TR>')
    rows += [
        f'<TR><TD>{_sample(entry)}</TD><TD ALIGN="LEFT"><B>{escape(entry.word)}</B>'
        f'  <FONT COLOR="{QUIET}">{escape(entry.means)}</FONT></TD></TR>'
        for entry in entries
    ]
    return (
        f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="2" CELLPADDING="1">{"".join(rows)}</TABLE>'
    )


def _sample(entry: Entry) -> str:
    if entry.look is None:
        return "– – –"
    width, style, twice = _SAMPLES[entry.look.border]
    inner = (
        f'<TABLE BORDER="{width}" CELLBORDER="0" COLOR="{LINE}" BGCOLOR="{entry.look.fill}"'
        f'{style} CELLSPACING="0" CELLPADDING="0"><TR><TD WIDTH="22" HEIGHT="9"></TD></TR></TABLE>'
    )
    if not twice:
        return inner
    return (
        f'<TABLE BORDER="1" CELLBORDER="0" COLOR="{LINE}" BGCOLOR="{entry.look.fill}" '
        f'CELLSPACING="2" CELLPADDING="0"><TR><TD>{inner}</TD></TR></TABLE>'
    )


def _quoted(text: str) -> str:
    r"""A text as a quoted string, in which a backslash begins an escape of Graphviz's own.

    >>> print(_quoted(r'a"b\N'))
    "a\"b\\N"
    """
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
