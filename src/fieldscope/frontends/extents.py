"""Extents that nobody asked for: a file may declare any, and work grows with them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from math import prod

from fieldscope.errors import InputError
from fieldscope.graph.graph import Graph, Shape
from fieldscope.graph.operators import Input

DECLARED = 1 << 18
"""No axis of an input may be longer, unless the user gives its shape."""

GROWN = 1 << 20
"""Axes up to this length may come of shorter ones."""

_TIMES = 16


_unasked: ContextVar[bool] = ContextVar("unasked", default=False)


@contextlib.contextmanager
def as_declared(*, unasked: bool) -> Iterator[None]:
    """Trace a model on the shapes that it declares, if the user gives none."""
    token = _unasked.set(unasked)
    try:
        yield
    finally:
        _unasked.reset(token)


def check_declared(name: str, shape: Shape) -> None:
    """Check an input of a model, before any work is done on it.

    Raises:
        InputError: the user gives no shapes, and an axis is too long to be taken from a file.
    """
    if not _unasked.get() or max(shape, default=0) <= DECLARED:
        return
    option = "x".join(map(str, shape))
    raise InputError(
        f"the model says that its input {name!r} has the shape {shape}; axes of more than "
        f"{DECLARED:,} elements aren't taken from it unasked\n"
        f"if the file isn't damaged, give its shape: --input {name}={option}, or "
        f"inputs={{{name!r}: {shape}}}"
    )


def check_grown(what: str, made: Shape, operands: list[Shape], longest: int) -> None:
    """Check that an operator makes no axis out of all proportion to what it reads.

    Args:
        what: what messages call it.
        made: the shape of its result.
        operands: the shapes of what it reads.
        longest: the longest axis of the model's inputs.

    Raises:
        InputError: it does, as with padding or repeats of millions of elements.

    Example:
        >>> check_grown("Reshape", (1, 3 << 20), [(1, 3, 1024, 1024)], 1024)
    """
    axis = max(made, default=0)
    if axis <= max(GROWN, _TIMES * longest):
        return
    if axis <= sum(max(one, default=0) for one in operands):
        return
    if prod(made) in map(prod, operands):
        return
    raise InputError(
        f"{what} makes an axis of {axis:,} elements, out of operands of shapes "
        f"{', '.join(map(str, operands))}: too many to follow\n"
        "is the model damaged, or meant for other inputs?"
    )


def too_large(graph: Graph | None) -> InputError:
    """What to say of a model for which memory doesn't suffice."""
    if graph is None:
        where = ""
    else:
        node = max(graph.nodes, key=lambda one: max(one.shape, default=0))
        kind = "input" if isinstance(node.operator, Input) else "value"
        where = f": its longest axis has {max(node.shape, default=0):,} elements, in the {kind} of "
        where += f"shape {node.shape}"
    return InputError(
        f"there isn't enough memory to analyse the model on such inputs{where}\n"
        "give smaller inputs; fields hardly depend on their extents"
    )
