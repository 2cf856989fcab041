"""Check a graph that comes from outside: that every operator's parts are what they have to be.

`fieldscope.graph.verify` takes operators for well formed, as front ends make them, and asks
whether they fit their operands. A text may hold anything.
"""

from __future__ import annotations

import types
from dataclasses import fields, is_dataclass
from functools import lru_cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np

from fieldscope.errors import GraphError
from fieldscope.graph.graph import Graph, Node, Shape
from fieldscope.graph.operators import (
    Collect,
    Concat,
    Constant,
    Contract,
    Flip,
    Gather,
    Indices,
    Input,
    Mask,
    Mix,
    Overwrite,
    Pad,
    Pairs,
    Periodic,
    Permute,
    Reduce,
    Reshape,
    Roll,
    Slice,
    Spread,
    Table,
    Window,
)
from fieldscope.graph.verify import problem_of

LARGEST = 1 << 31
"""No number in an operator, and no extent, may be larger."""

WIDEST = 1 << 20
"""No number of a window may be larger."""


def check(graph: Graph) -> None:
    """Check every part of a graph.

    Raises:
        GraphError: a node isn't what it has to be; the message names it.

    Example:
        >>> from fieldscope.graph.text import parse_graph
        >>> check(parse_graph("%0 = Input(index=0) : 1x3x8"))
        >>> check(parse_graph("%0 = Input(index='a') : 1x3x8"))
        Traceback (most recent call last):
        fieldscope.errors.GraphError: node %0, Input: index is 'a', not a whole number
    """
    for value, node in enumerate(graph.nodes):
        shapes = [graph.shape(operand) for operand in node.operands]
        problem = complaint(node, shapes)
        if problem:
            raise GraphError(f"node %{value}, {type(node.operator).__name__}: {problem}")
    indices = [n.operator.index for n in graph.nodes if isinstance(n.operator, Input)]
    if sorted(indices) != list(range(len(indices))):
        raise GraphError(f"the graph's inputs are numbered {indices}\nnumber them from 0 on")
    if not indices:
        raise GraphError(
            "the graph has no inputs\nit begins with '%0 = Input(index=0) : 1x3x64x64'"
        )


def complaint(node: Node, shapes: list[Shape]) -> str | None:
    """What is wrong with a node, if anything."""
    if any(extent > LARGEST for extent in node.shape):
        return f"its shape {node.shape} has an extent over {LARGEST:,}"
    return (
        _of_type(node.operator)
        or _apart(node, shapes)
        or _of_numbers(node, shapes)
        or problem_of(node, shapes)
    )


@lru_cache(maxsize=64)
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def _of_type(part: Any) -> str | None:
    """Whether the fields of a dataclass hold what they are annotated as."""
    hints = _hints(part.__class__)
    for field in fields(part):
        value, wanted = getattr(part, field.name), hints[field.name]
        if not _fits(value, wanted):
            told = "a whole number" if wanted is int else "what it has to be"
            return f"{field.name} is {str(value)[:60]!r}, not {told}"
        for inner in value if isinstance(value, tuple) else (value,):
            if is_dataclass(inner) and not isinstance(inner, type):
                found = _of_type(inner)
                if found:
                    return found
    return None


def _fits(value: Any, wanted: Any) -> bool:
    origin, inner = get_origin(wanted), get_args(wanted)
    if origin in (Union, types.UnionType):
        return any(_fits(value, one) for one in inner)
    if origin is Literal:
        return isinstance(value, str) and value in inner
    if origin is tuple:
        return isinstance(value, tuple) and all(_fits(one, inner[0]) for one in value)
    if wanted is int:
        return type(value) is int and abs(value) <= LARGEST
    if wanted is type(None):
        return value is None
    return type(value) is wanted


def _apart(node: Node, shapes: list[Shape]) -> str | None:
    """Whether axes and labels exist, and none is named twice."""
    operator, ndim = node.operator, len(shapes[0]) if shapes else 0
    if isinstance(operator, (Input, Constant)):
        return None
    if not shapes:
        return "it needs an operand"
    if isinstance(operator, (Table, Gather, Collect, Slice, Roll, Pad, Concat, Overwrite)):
        axes: tuple[int, ...] = (operator.axis,)
    elif isinstance(operator, (Window, Spread)):
        axes = (*operator.axes, *((operator.channels.axis,) if operator.channels else ()))
    elif isinstance(operator, (Mix, Reduce, Flip)):
        axes = operator.axes
    elif isinstance(operator, Permute):
        axes = operator.order
    elif isinstance(operator, Contract):
        named = (*operator.operands, operator.result)
        twice = any(len(set(labels)) != len(labels) for labels in named)
        return "a label stands twice on one tensor" if twice else None
    else:
        return None
    if any(not 0 <= axis < ndim for axis in axes) or len(set(axes)) != len(axes):
        return f"axes {axes} of an operand of shape {shapes[0]}"
    kept_rank = not isinstance(operator, (Reduce, Gather))
    if kept_rank and len(node.shape) != ndim:
        return f"it turns {shapes[0]} into {node.shape}"
    return None


def _of_numbers(node: Node, shapes: list[Shape]) -> str | None:
    operator = node.operator
    match operator:
        case Input() if 0 in node.shape:
            return f"its shape is {node.shape}, and every extent is 1 or more"
        case (
            Window(windows=windows, channels=channels) | Spread(windows=windows, channels=channels)
        ):
            if any(min(one.kernel, one.stride, one.dilation) < 1 for one in windows):
                return "kernel, stride and dilation are 1 or more"
            if any(
                max(one.kernel, one.stride, one.dilation, abs(one.before)) > WIDEST
                for one in windows
            ):
                return f"a number of its windows is over {WIDEST:,}"
            if channels is not None and (
                channels.groups < 1
                or shapes[0][channels.axis] % channels.groups
                or node.shape[channels.axis] % channels.groups
            ):
                return f"{channels.groups} groups don't divide the channels"
        case Slice(step=step) | Overwrite(step=step) if step < 1:
            return f"its step is {step}, and 1 is the least"
        case Table():
            return _of_table(operator, shapes[0][operator.axis])
        case Gather(axis=axis, index=index) | Collect(axis=axis, index=index):
            wanted = 2 if isinstance(operator, Collect) else max(index.array.ndim, 1)
            return _of_index(index, shapes[0][axis], wanted)
        case Mask(keep=keep):
            shape = keep.array.shape
            if len(shape) > len(node.shape) or any(
                n not in (1, m) for n, m in zip(shape[::-1], node.shape[::-1], strict=False)
            ):
                return f"a mask of shape {shape} for a value of shape {node.shape}"
        case Reshape(kept=kept) if kept is not None:
            return _of_kept(kept, shapes[0], node.shape)
        case Contract(pairs=pairs) if pairs is not None:
            return _of_pairs(pairs, operator, shapes)
        case Pad(mode="reflect" | "circular", before=before, axis=axis):
            extent, after = shapes[0][axis], node.shape[axis] - shapes[0][axis] - before
            if max(before, after) > extent:
                return f"it pads {max(before, after)} elements of an axis of {extent} by its mode"
        case _:
            return None
    return None


def _of_table(table: Table, extent: int) -> str | None:
    lo, hi = table.lo.array, table.hi.array
    if lo.ndim != 1 or lo.shape != hi.shape:
        return "its runs aren't one lo and hi for each output"
    if lo.dtype == bool or hi.dtype == bool or (lo > hi).any():
        return "a run ends before it begins"
    plane: Periodic | None = table.plane
    if plane is not None and (
        not plane.lo
        or len(plane.lo) != len(plane.hi)
        or plane.advance < 1
        or any(
            not 0 <= b - a <= max(2 * extent, 64) for a, b in zip(plane.lo, plane.hi, strict=True)
        )
        or len(plane.lo) > max(len(lo), 64)
    ):
        return "its runs on the plane are no period"
    if table.skipped is not None and table.skipped.array.shape[:1] != lo.shape:
        return "what its runs skip isn't told for each output"
    if table.skipped is not None:
        return _of_index(table.skipped, extent, 2)
    return None


def _of_index(index: Indices, extent: int, ndim: int) -> str | None:
    array = index.array
    if array.ndim != ndim or array.dtype == bool:
        return f"its index has {array.ndim} axes, not {ndim}"
    if (array < -1).any() or (array >= extent).any():
        return f"its index reads outside of an axis of extent {extent}"
    return None


def _of_kept(kept: tuple[int, ...], given: Shape, shape: Shape) -> str | None:
    used = [axis for axis in kept if axis >= 0]
    wide = [axis for axis, extent in enumerate(given) if extent != 1]
    if (
        len(kept) != len(shape)
        or used != sorted(set(used))
        or any(not -1 <= axis < len(given) for axis in kept)
        or not set(wide) <= set(used)
        or any((given[axis] if axis >= 0 else 1) != n for axis, n in zip(kept, shape, strict=True))
    ):
        return f"kept {kept} doesn't turn {given} into {shape}"
    return None


def _of_pairs(pairs: Pairs, operator: Contract, shapes: list[Shape]) -> str | None:
    extents: dict[int, int] = {}
    for labels, shape in zip(operator.operands, shapes, strict=False):
        for label, extent in zip(labels, shape, strict=False):
            extents[label] = max(extents.get(label, 1), extent)
    if pairs.kept not in extents or pairs.contracted not in extents:
        return "its pairs are of labels that no operand has"
    rows, columns = extents[pairs.kept], extents[pairs.contracted]
    if pairs.index is not None:
        return _of_index(pairs.index, columns, 2) or (
            None if len(pairs.index.array) == rows else "its pairs aren't told for each row"
        )
    if pairs.lo is None or pairs.hi is None:
        return "its pairs have no table"
    lo, hi = pairs.lo.array, pairs.hi.array
    if lo.shape != (rows,) or hi.shape != (rows,) or np.any(lo < 0) or np.any(hi > columns):
        return "its pairs aren't a run for each row"
    return None
