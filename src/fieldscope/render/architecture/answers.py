"""What a graph looks like at a prompt, in a notebook and as a file.

Importing this module registers the answers to `fieldscope.media`.
"""

from __future__ import annotations

import base64
import os
import shutil
from html import escape

from fieldscope.analyses.architecture import ArchitectureGraph
from fieldscope.media import Engine, as_drawing, as_figure, as_html, as_saved, as_text
from fieldscope.render.architecture import encoded, save
from fieldscope.render.architecture.page import described
from fieldscope.render.layout import text
from fieldscope.render.pictures import architecture_picture


@as_text.register
def graph_as_text(found: ArchitectureGraph) -> str:
    """Show a graph at a prompt, by its boxes."""
    return text(described(found), max(shutil.get_terminal_size().columns, 40))


@as_html.register
def graph_as_html(found: ArchitectureGraph) -> str:
    """Show a graph in a notebook, as an image: what it says can't act on the page."""
    picture = base64.b64encode(encoded(found, "svg", engine="builtin")).decode("ascii")
    source = f"data:image/svg+xml;base64,{picture}"
    image = f'<img alt="{escape(found.model)}" style="max-width:100%" src="{source}">'
    return f'<div class="fieldscope">{image}</div>'


as_figure.register(ArchitectureGraph)(architecture_picture)


@as_drawing.register(ArchitectureGraph)
def graph_as_drawing(
    found: ArchitectureGraph, format: str, *, engine: Engine | None = None
) -> bytes:
    """Draw a graph as the bytes of a file."""
    return encoded(found, format, engine=engine)


@as_saved.register(ArchitectureGraph)
def graph_as_saved(
    found: ArchitectureGraph,
    path: str | os.PathLike[str],
    *,
    format: str | None = None,
    engine: Engine | None = None,
) -> None:
    """Save the drawing of a graph."""
    save(found, path, format=format, engine=engine)
