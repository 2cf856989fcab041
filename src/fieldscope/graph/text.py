"""A text form of graphs that prints and parses.

One line per node: the value, its operator, its operands, its shape:

    %0 = Input(index=0) : 1x3x8
    %1 = Window(axes=(2,), windows=(Sliding(kernel=3),), channels=Channels(axis=1)) %0 : 1x4x6

Where it is asked for, the number of the node's origin stands behind it: `@0`. Parsing builds
operators from literals only; nothing is executed.
"""

from __future__ import annotations

import ast
import re
from dataclasses import MISSING, fields
from typing import Any

from fieldscope.errors import GraphError
from fieldscope.geometry.sliding import Sliding
from fieldscope.graph.graph import Graph, Node
from fieldscope.graph.operators import OPERATORS, Channels, Indices, Pairs, Periodic

_CLASSES: dict[str, Any] = {
    kind.__name__: kind for kind in (*OPERATORS, Sliding, Channels, Periodic, Pairs, Indices)
}

_SHOWN = 120
"""Characters of a faulty line that a message shows."""

_LINE = re.compile(
    r"%(\d{1,9}) = (\w+\(.*\))((?: %\d{1,9})*) : (scalar|\d{1,18}(?:x\d{1,18})*)(?: @(\d{1,9}))?"
)


def print_graph(graph: Graph, *, origins: bool = False) -> str:
    """The text form of a graph.

    Args:
        graph: what to print.
        origins: whether the numbers of the nodes' origins are part of it.

    Example:
        >>> from fieldscope.graph.graph import GraphBuilder
        >>> builder = GraphBuilder()
        >>> _ = builder.input((1, 3, 8))
        >>> print_graph(builder.build())
        '%0 = Input(index=0) : 1x3x8'
    """
    return "\n".join(
        f"%{value} = {_written(node.operator)}"
        f"{''.join(f' %{operand}' for operand in node.operands)}"
        f" : {'x'.join(map(str, node.shape)) or 'scalar'}"
        f"{f' @{node.origin}' if origins and node.origin >= 0 else ''}"
        for value, node in enumerate(graph.nodes)
    )


def _written(part: Any) -> str:
    """A literal, or a constructor call without the arguments that are at their default."""
    if isinstance(part, Indices):
        return repr(part)
    if isinstance(part, tuple):
        return f"({', '.join(map(_written, part))}{',' if len(part) == 1 else ''})"
    if type(part).__name__ not in _CLASSES:
        return repr(part)
    shown = [
        f"{field.name}={_written(getattr(part, field.name))}"
        for field in fields(part)
        if field.default is MISSING or getattr(part, field.name) != field.default
    ]
    return f"{type(part).__name__}({', '.join(shown)})"


def parse_graph(text: str, *, first: int = 1) -> Graph:
    """The graph that a text describes.

    Args:
        text: a line for each node; empty ones don't count.
        first: number of the first line, for messages.

    Raises:
        GraphError: a line isn't a node, or refers to a value that isn't there yet.

    Example:
        >>> len(parse_graph("%0 = Input(index=0) : 1x3x8"))
        1
    """
    nodes: list[Node] = []
    for number, line in enumerate(text.strip().splitlines(), start=first):
        if not line.strip():
            continue
        found = _LINE.fullmatch(line.strip())
        if found is None or int(found[1]) != len(nodes):
            raise GraphError(
                f"line {number} of the graph is not a node: {_short(line.strip())}\n"
                f"wanted '%{len(nodes)} = Operator(…) %operands : shape'"
            )
        operands = tuple(int(word[1:]) for word in found[3].split())
        if any(operand >= len(nodes) for operand in operands):
            raise GraphError(f"line {number} of the graph reads a value that comes later")
        try:
            operator = _read(ast.parse(found[2], mode="eval").body)
        except (ArithmeticError, SyntaxError, TypeError, ValueError) as error:
            raise GraphError(f"line {number} of the graph: {_short(str(error))}") from error
        except (MemoryError, RecursionError) as error:
            raise GraphError(f"line {number} of the graph is nested too deeply") from error
        if not isinstance(operator, OPERATORS):
            raise GraphError(f"line {number} of the graph: {_short(found[2])} is not an operator")
        shape = () if found[4] == "scalar" else tuple(map(int, found[4].split("x")))
        nodes.append(Node(operator, operands, shape, -1 if found[5] is None else int(found[5])))
    return Graph(tuple(nodes))


def _short(text: str) -> str:
    return repr(text) if len(text) <= _SHOWN else f"{text[:_SHOWN]!r}…"


def _read(node: ast.expr) -> Any:
    match node:
        case ast.Call(func=ast.Name(id=name), args=args, keywords=keywords) if name in _CLASSES:
            named = {str(keyword.arg): _read(keyword.value) for keyword in keywords}
            return _CLASSES[name](*map(_read, args), **named)
        case ast.Tuple(elts=parts):
            return tuple(map(_read, parts))
        case _:
            return ast.literal_eval(node)
