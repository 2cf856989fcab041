"""Drawing a network as a graph: SVG, PDF, PNG, or Graphviz's own language."""

from __future__ import annotations

import os
from pathlib import Path
from typing import get_args

from fieldscope import writing
from fieldscope.analyses.architecture import ArchitectureGraph
from fieldscope.errors import InputError
from fieldscope.media import Engine
from fieldscope.render.architecture import program
from fieldscope.render.architecture.builtin.svg import drawn
from fieldscope.render.architecture.dot import written
from fieldscope.wording import listed, meant

FORMATS = ("svg", "pdf", "png", "dot")
ENGINES: tuple[Engine, ...] = get_args(Engine)
_SAME = {"gv": "dot"}
# With more Graphviz takes minutes for what the built-in layout draws in a second.
_MOST_ARROWS = 600


def encoded(graph: ArchitectureGraph, format: str, *, engine: Engine | None = None) -> bytes:
    """Draw a graph as the bytes of a file of one of `FORMATS`.

    Raises:
        InputError: there is no such engine, it can't draw such a file, or Graphviz fails.
        MissingExtraError: Graphviz is needed and isn't installed.
    """
    if not drawable(format, engine):
        return written(graph).encode("utf-8")
    if format == "svg" and engine is None:
        known = program.is_there() and len(graph.edges) <= _MOST_ARROWS
        engine = "dot" if known else "builtin"
    if engine == "builtin":
        return drawn(graph).encode("utf-8")
    return program.run(written(graph), format)


def drawable(format: str, engine: Engine | None) -> bool:
    """Whether a format is laid out at all; told if it can't be.

    Raises:
        InputError: there is no such engine, or it can't draw such a file.
        MissingExtraError: Graphviz is needed and isn't installed.
    """
    if engine is not None and engine not in ENGINES:
        raise InputError(
            f"there is no engine {engine!r}{meant(str(engine), ENGINES)}\n"
            f"engines are {listed(ENGINES)}"
        )
    if format == "dot":
        return False
    if engine == "builtin" and format != "svg":
        raise InputError(
            f"the built-in layout draws .svg, not .{format}\n"
            "save it as .svg, or have Graphviz draw it"
        )
    if format != "svg" or engine == "dot":
        program.require_program(format)
    return True


def save(
    graph: ArchitectureGraph,
    path: str | os.PathLike[str],
    *,
    format: str | None = None,
    engine: Engine | None = None,
) -> None:
    """Save a drawing, whole or not at all; see `ArchitectureGraph.save`."""
    kind = format_of(path, format)
    writing.check(path)
    # Drawn before the folder is touched: what fails here leaves nothing behind.
    content = encoded(graph, kind, engine=engine)
    with writing.replacing(path) as temporary:
        temporary.write_bytes(content)


def format_of(path: str | os.PathLike[str], format: str | None = None) -> str:
    """Tell the format by the file's extension, unless it is given.

    Raises:
        InputError: it is none of `FORMATS`.

    Example:
        >>> format_of("net.GV"), format_of("net.txt", "dot")
        ('dot', 'dot')
        >>> format_of("net.sgv")
        Traceback (most recent call last):
        fieldscope.errors.InputError: cannot save a graph as .sgv; did you mean .svg?
        known extensions: .svg, .pdf, .png and .dot
    """
    if format is not None:
        if format not in FORMATS:
            raise InputError(
                f"there is no format {format!r}{meant(format, FORMATS)}\n"
                f"formats are {listed(FORMATS)}"
            )
        return format
    found = Path(path).suffix[1:].lower()
    found = _SAME.get(found, found)
    if found in FORMATS:
        return found
    every = f"known extensions: {listed([f'.{one}' for one in FORMATS])}"
    if not found:
        raise InputError(f"cannot save a graph as {path}: it has no extension\n{every}")
    guess = meant(f".{found}", [f".{one}" for one in FORMATS], most=1)
    raise InputError(f"cannot save a graph as .{found}{guess}\n{every}")
