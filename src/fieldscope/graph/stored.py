"""A trace as text and as JSON: the graph with the names that users know its values by.

    fieldscope graph 1
    model {"name": "net", "framework": "torch"}
    input {"name": "input", "axes": {"y": 2, "x": 3}}
    output {"name": "output", "value": 1}
    layer {"name": "conv1", "value": 1, "node": 1, "source": "aten.convolution", "depth": 0}
    origin {"source": "aten.convolution", "layer": "conv1", "scope": ""}
    %0 = Input(index=0) : 1x3x64x64
    %1 = Window(axes=(2, 3), …) %0 : 1x16x32x32 @0

Empty lines and those that begin with # don't count. A text without the head, as `print_graph`
writes it, is a graph whose layers are named after their operators. The JSON form holds the same
entries in lists.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from fieldscope.errors import GraphError
from fieldscope.graph.checking import check
from fieldscope.graph.graph import Graph, Node
from fieldscope.graph.operators import Constant, Input
from fieldscope.graph.text import parse_graph, print_graph
from fieldscope.graph.trace import Origin, Trace, TracedInput, TracedLayer

HEAD = "fieldscope graph 1"
SCHEMA = "fieldscope.graph/1"
_KINDS = ("model", "input", "output", "layer", "container", "alias", "origin")


class _Entry(NamedTuple):
    """A line of the head: where it stands and what it holds."""

    where: str
    kind: str
    data: dict[str, Any]


def to_text(trace: Trace) -> str:
    """A trace as text; `from_text` gives it back.

    Example:
        >>> from fieldscope.graph.graph import GraphBuilder
        >>> builder = GraphBuilder()
        >>> x = builder.input((1, 1, 8))
        >>> inputs = (TracedInput("signal", (1, 1, 8), (2,), ("time",)),)
        >>> trace = Trace("net", "", builder.build(), inputs, (), (), (), (("output", x),), ())
        >>> print(to_text(trace))
        fieldscope graph 1
        model {"name": "net", "framework": ""}
        input {"name": "signal", "axes": {"time": 2}}
        output {"name": "output", "value": 0}
        %0 = Input(index=0) : 1x1x8
    """
    lines = [f"{kind} {json.dumps(data)}" for kind, data in _entries(trace)]
    return "\n".join([HEAD, *lines, print_graph(trace.graph, origins=True)])


def to_dict(trace: Trace) -> dict[str, Any]:
    """A trace as plain data, schema `fieldscope.graph/1`; `from_dict` gives it back."""
    found: dict[str, Any] = {"schema": SCHEMA}
    for kind, data in _entries(trace):
        if kind == "model":
            found[kind] = data
        else:
            found.setdefault(_many(kind), []).append(data)
    found["nodes"] = print_graph(trace.graph, origins=True).splitlines()
    return found


def _many(kind: str) -> str:
    return "aliases" if kind == "alias" else f"{kind}s"


def _entries(trace: Trace) -> Iterator[tuple[str, dict[str, Any]]]:
    parameters = trace.parameters
    model: dict[str, Any] = {"name": trace.model, "framework": trace.framework}
    if parameters is not None:
        known = {one.name for one in trace.layers}
        model["parameters"] = sum(n for name, n in parameters.items() if name not in known)
    yield "model", model
    for given in trace.inputs:
        yield (
            "input",
            {"name": given.name, "axes": dict(zip(given.axes, given.spatial, strict=True))},
        )
    for name, value in trace.outputs:
        yield "output", {"name": name, "value": value}
    for kind, layers in (
        ("layer", trace.layers),
        ("container", trace.containers),
        ("alias", trace.aliases),
    ):
        for one in layers:
            entry = {"name": one.name, "value": one.value, "node": one.node, "source": one.source}
            entry["depth"] = one.depth
            if kind == "layer" and parameters is not None and one.name in parameters:
                entry["parameters"] = parameters[one.name]
            yield kind, entry
    for origin in trace.origins:
        entry = {"source": origin.source, "layer": origin.layer, "scope": origin.scope}
        if origin.location is not None:
            entry["location"] = origin.location
        yield "origin", entry


def from_text(text: str, name: str = "graph") -> Trace:
    r"""The trace that a text describes.

    Args:
        text: what `to_text` or `print_graph` gave.
        name: of the model, where the text tells none.

    Raises:
        GraphError: a line is malformed, or doesn't fit the graph; the message tells which.

    Example:
        >>> trace = from_text("%0 = Input(index=0) : 1x3x8\n%1 = Flip(axes=(2,)) %0 : 1x3x8")
        >>> [one.name for one in trace.layers]
        ['flip_1']
    """
    entries: list[_Entry] = []
    nodes: list[str] = []
    first = 0
    for number, line in enumerate(text.splitlines(), start=1):
        line = line.strip()
        if not line or line.startswith("#"):
            if nodes:
                nodes.append("")
            continue
        if line.startswith("%"):
            first = first or number
            nodes.append(line)
        elif number == 1 and line.startswith("fieldscope graph"):
            if line != HEAD:
                raise GraphError(
                    f"the file is of another form: {line[:60]!r}, and {HEAD!r} is known\n"
                    "was it written by a later version of fieldscope?"
                )
        elif nodes:
            raise GraphError(f"line {number} stands between nodes and is none: {line[:60]!r}")
        else:
            entries.append(_line(number, line))
    graph = _graph(nodes, first)
    return _trace(graph, entries, name) if entries else bare(graph, name)


def _line(number: int, line: str) -> _Entry:
    kind, _, rest = line.partition(" ")
    where = f"line {number}"
    if kind not in _KINDS:
        raise GraphError(
            f"{where} begins with {kind[:40]!r}\nlines begin with {', '.join(_KINDS)} or %"
        )
    try:
        data = json.loads(rest)
    except (ValueError, RecursionError) as error:
        raise GraphError(f"{where}, {kind}: {error}") from error
    return _entry(where, kind, data)


def _entry(where: str, kind: str, data: Any) -> _Entry:
    if not isinstance(data, dict):
        raise GraphError(f'{where}, {kind}: wanted an object such as {{"name": …}}')
    return _Entry(where, kind, data)


def _graph(lines: list[str], first: int) -> Graph:
    graph = parse_graph("\n".join(lines), first=first)
    check(graph)
    return graph


def from_dict(data: Mapping[str, Any], name: str = "graph") -> Trace:
    """The trace that plain data describe.

    Raises:
        GraphError: an entry is malformed, or doesn't fit the graph.
    """
    lines = data.get("nodes")
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        raise GraphError("nodes: wanted a list of texts such as '%0 = Input(index=0) : 1x3x64x64'")
    if any("\n" in line.strip() or not line.strip() for line in lines):
        raise GraphError("nodes: each is one line")
    graph = _graph(lines, 1)
    entries = [_entry("model", "model", data["model"])] if "model" in data else []
    for kind in _KINDS[1:]:
        listed = data.get(_many(kind), [])
        if not isinstance(listed, list):
            raise GraphError(f"{_many(kind)}: wanted a list")
        entries += [_entry(f"{kind} {k}", kind, one) for k, one in enumerate(listed)]
    return _trace(graph, entries, name) if entries else bare(graph, name)


def _trace(graph: Graph, entries: Iterable[_Entry], name: str) -> Trace:
    by_kind: dict[str, list[_Entry]] = {kind: [] for kind in _KINDS}
    for entry in entries:
        by_kind[entry.kind].append(entry)
    model = by_kind["model"][0] if by_kind["model"] else _Entry("model", "model", {})
    origins = tuple(_origin(one) for one in by_kind["origin"])
    last = max(node.origin for node in graph.nodes)
    if last >= len(origins):
        raise GraphError(f"a node is of origin @{last}, and there are {len(origins)} origins")
    layers = tuple(_layer(one, graph) for one in by_kind["layer"])
    outputs = tuple(
        (_get(one, "name", str), _value(one, "value", graph)) for one in by_kind["output"]
    )
    if not outputs:
        raise GraphError(
            'no output is named\nadd a line such as output {"name": "output", "value": 1}'
        )
    _once("outputs", [one for one, _ in outputs])
    return Trace(
        model=_get(model, "name", str, name),
        framework=_get(model, "framework", str, "fieldscope"),
        graph=graph,
        inputs=_inputs(by_kind["input"], graph),
        layers=layers,
        containers=tuple(_layer(one, graph) for one in by_kind["container"]),
        aliases=tuple(_layer(one, graph) for one in by_kind["alias"]),
        outputs=outputs,
        # A node of no origin is looked up as the last one.
        origins=(*origins, Origin("", "", "", None)) if _lacks(graph, origins) else origins,
        parameters=_parameters(model, by_kind["layer"]),
    )


def _lacks(graph: Graph, origins: tuple[Origin, ...]) -> bool:
    return not origins and any(node.operands for node in graph.nodes)


def _get(entry: _Entry, key: str, kind: type, default: Any = None) -> Any:
    found = entry.data.get(key, default)
    if type(found) is not kind:
        word = {str: "a text", int: "a whole number", dict: "an object"}[kind]
        raise GraphError(f"{entry.where}, {entry.kind}: {key} is {str(found)[:60]!r}, not {word}")
    return found


def _value(entry: _Entry, key: str, graph: Graph) -> int:
    value: int = _get(entry, key, int)
    if not 0 <= value < len(graph):
        raise GraphError(
            f"{entry.where}, {entry.kind}: {key} is {value}, and the graph has {len(graph)} nodes"
        )
    return value


def _origin(entry: _Entry) -> Origin:
    place = None if entry.data.get("location") is None else _get(entry, "location", str)
    source, layer, scope = (_get(entry, key, str, "") for key in ("source", "layer", "scope"))
    return Origin(source, layer, scope, place)


def _layer(entry: _Entry, graph: Graph) -> TracedLayer:
    node = None if entry.data.get("node") is None else _value(entry, "node", graph)
    name, source = _get(entry, "name", str), _get(entry, "source", str, "")
    return TracedLayer(
        name, _value(entry, "value", graph), node, source, _get(entry, "depth", int, 0)
    )


def _inputs(entries: list[_Entry], graph: Graph) -> tuple[TracedInput, ...]:
    values = graph.inputs
    if len(entries) != len(values):
        raise GraphError(f"{len(entries)} inputs are named, and the graph has {len(values)}")
    found = []
    for entry, value in zip(entries, values, strict=True):
        shape, axes = graph.shape(value), _get(entry, "axes", dict, {})
        places = tuple(axes.values())
        known = all(type(axis) is int and 0 <= axis < len(shape) for axis in places)
        if not known or len(set(places)) != len(places):
            raise GraphError(f"{entry.where}, input: axes {axes} of a shape {shape}")
        found.append(TracedInput(_get(entry, "name", str), shape, places, tuple(axes)))
    _once("inputs", [one.name for one in found])
    return tuple(found)


def _once(what: str, names: list[str]) -> None:
    twice = next((name for place, name in enumerate(names) if name in names[:place]), None)
    if twice is not None:
        raise GraphError(f"two {what} are called {twice!r}\ngive each a name of its own")


def _parameters(model: _Entry, layers: list[_Entry]) -> dict[str, int] | None:
    if "parameters" not in model.data:
        return None
    others = _get(model, "parameters", int)
    found = {"": others} if others else {}
    for entry in layers:
        if "parameters" in entry.data:
            found[_get(entry, "name", str)] = _get(entry, "parameters", int)
    return found


def bare(graph: Graph, name: str) -> Trace:
    """A graph as a trace of which nothing is known but the graph.

    Layers are named after their operators, in order; the results are the values that nobody
    reads. The inputs have no spatial axes yet.
    """
    counts: dict[str, int] = {}
    layers: list[TracedLayer] = []
    origins: list[Origin] = []
    nodes: list[Node] = []
    for value, node in enumerate(graph.nodes):
        if not isinstance(node.operator, (Input, Constant)):
            kind = type(node.operator).__name__.lower()
            counts[kind] = counts.get(kind, 0) + 1
            layer = f"{kind}_{counts[kind]}"
            node = Node(node.operator, node.operands, node.shape, len(origins))
            origins.append(Origin(kind, layer, "", None))
            layers.append(TracedLayer(layer, value, value, kind))
        nodes.append(node)
    read = {operand for node in nodes for operand in node.operands}
    results = [one.value for one in layers if one.value not in read] or [len(graph) - 1]
    names = ["output"] if len(results) == 1 else [f"output[{k}]" for k in range(len(results))]
    inputs = [graph.shape(value) for value in graph.inputs]
    called = ["input"] if len(inputs) == 1 else [f"input_{k + 1}" for k in range(len(inputs))]
    return Trace(
        model=name,
        framework="fieldscope",
        graph=Graph(tuple(nodes)),
        inputs=tuple(
            TracedInput(one, shape, (), ()) for one, shape in zip(called, inputs, strict=True)
        ),
        layers=tuple(layers),
        containers=(),
        aliases=(),
        outputs=tuple(zip(names, results, strict=True)),
        origins=tuple(origins),
    )
