"""Files `.fsg`: a network that was described by hand, or the graph of any model.

Three forms are told apart by how they begin: the calls of a builder and a graph with its names,
both as JSON, and a graph as text. Nothing of them is executed.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Literal, TypeAlias

from fieldscope import writing
from fieldscope.errors import GraphError, InputError
from fieldscope.frontends.blame import displayed
from fieldscope.frontends.builder import stored as calls
from fieldscope.frontends.builder.builder import Builder
from fieldscope.frontends.extents import check_grown
from fieldscope.graph import stored
from fieldscope.graph.trace import Trace
from fieldscope.wording import listed, meant

SUFFIX = ".fsg"
Form: TypeAlias = Literal["calls", "text", "json"]
FORMS: tuple[Form, ...] = ("calls", "text", "json")
LARGEST = 64 << 20
"""Files of more bytes than this aren't read."""


def written(model: Builder | Trace, form: Form | None) -> str:
    """A model in one of the forms; by default a builder as its calls, others as text."""
    chosen = form or ("calls" if isinstance(model, Builder) else "text")
    if chosen == "calls" and isinstance(model, Builder):
        return calls.to_text(model)
    trace = model.trace() if isinstance(model, Builder) else model
    return stored.to_text(trace) if chosen == "text" else _lines(stored.to_dict(trace))


def _lines(data: dict[str, Any]) -> str:
    members = []
    for key, value in data.items():
        if isinstance(value, list) and value:
            entries = ",\n".join(json.dumps(one) for one in value)
            members.append(f"{json.dumps(key)}: [\n{entries}\n]")
        else:
            members.append(f"{json.dumps(key)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(members) + "\n}"


def check(path: str | os.PathLike[str], form: Form | None, *, calls: bool) -> None:
    """Say before any work if a model can't be saved so.

    Args:
        path: where to.
        form: the form that is asked for.
        calls: whether the model is a builder, which has calls.

    Raises:
        InputError: the file has another suffix or can't be written, or the form doesn't fit.
    """
    if form is not None and form not in FORMS:
        raise InputError(
            f"there is no form {form!r}{meant(str(form), FORMS)}\nforms are {listed(list(FORMS))}"
        )
    if form == "calls" and not calls:
        raise InputError(
            "only a Builder has calls to save, and this is another model\n"
            'give form="text" or form="json"'
        )
    if Path(path).suffix.lower() != SUFFIX:
        raise InputError(
            f"cannot save a network as {path}: files of networks end in {SUFFIX}\n"
            f"give {Path(path).with_suffix(SUFFIX)}"
        )
    writing.check(path)


def write(path: str | os.PathLike[str], model: Builder | Trace, form: Form | None = None) -> None:
    """Write a model to a file, whole or not at all.

    Raises:
        InputError: the file has another suffix or can't be written, or the form doesn't fit.
    """
    check(path, form, calls=isinstance(model, Builder))
    text = written(model, form)
    with writing.replacing(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8", newline="")


def read(path: str | os.PathLike[str]) -> Builder | Trace:
    """What a file holds: a builder, where it holds calls, else a graph with its names.

    Raises:
        GraphError: the file is damaged, or of another form; the message tells the line.
        InputError: it can't be read, or is too large.
    """
    shown = displayed(Path(path))
    try:
        size = Path(path).stat().st_size
        if size > LARGEST:
            raise InputError(f"{shown} has {size:,} bytes, and {LARGEST:,} is the most")
        text = Path(path).read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"cannot read {shown}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise GraphError(f"{shown} is no text: {error}") from error
    try:
        return parsed(text, Path(path).stem)
    except GraphError as error:
        raise GraphError(f"{shown}: {error}") from error


def parsed(text: str, name: str) -> Builder | Trace:
    """What a text in one of the forms describes.

    Raises:
        GraphError: it is malformed.
    """
    if not text.strip():
        raise GraphError("the file is empty")
    if not text.lstrip().startswith("{"):
        return _grown(stored.from_text(text, name))
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise GraphError(f"it is no JSON: {error}") from error
    schema = data.get("schema", calls.SCHEMA if "calls" in data else stored.SCHEMA)
    if schema == calls.SCHEMA:
        return calls.from_dict(data)
    if schema != stored.SCHEMA:
        raise GraphError(
            f"its schema is {str(schema)[:60]!r}, and {calls.SCHEMA} and {stored.SCHEMA} are known"
        )
    return _grown(stored.from_dict(data, name))


def _grown(trace: Trace) -> Trace:
    """Refuse a graph that makes giant axes out of small ones."""
    graph = trace.graph
    longest = max(max(one.shape, default=0) for one in trace.inputs)
    for value, node in enumerate(graph.nodes):
        if node.operands:
            given = [graph.shape(operand) for operand in node.operands]
            try:
                check_grown(f"node %{value}", node.shape, given, longest)
            except InputError as error:
                raise GraphError(str(error)) from error
    return trace
