"""Check that a graph is well formed: operands, axes and extents fit their operators."""

from __future__ import annotations

from math import prod

from fieldscope.errors import GraphError
from fieldscope.graph.graph import Graph, Node, Shape
from fieldscope.graph.operators import (
    Collect,
    Concat,
    Constant,
    Contract,
    Expand,
    Flip,
    Gather,
    Input,
    Mask,
    Mix,
    Opaque,
    Overwrite,
    Pad,
    Permute,
    Pointwise,
    Reduce,
    Reshape,
    Roll,
    Slice,
    Spread,
    Table,
    Window,
)


def verify(graph: Graph) -> None:
    """Check every node of a graph.

    Raises:
        GraphError: a node doesn't fit; the message names it.

    Example:
        >>> from fieldscope.graph.text import parse_graph
        >>> verify(parse_graph("%0 = Input(index=0) : 1x3x8"))
    """
    for value, node in enumerate(graph.nodes):
        if any(not 0 <= operand < value for operand in node.operands):
            raise GraphError(f"node %{value} reads a value that comes later: {node.operands}")
        problem = problem_of(node, [graph.shape(operand) for operand in node.operands])
        if problem:
            raise GraphError(f"node %{value}, {type(node.operator).__name__}: {problem}")


def problem_of(node: Node, shapes: list[Shape]) -> str | None:
    """What is wrong with a node, if anything."""
    operator, shape = node.operator, node.shape
    if any(extent < 0 for extent in shape):
        return f"its shape {shape} has a negative extent"
    if isinstance(operator, (Input, Constant)):
        return "it takes no operands" if shapes else None
    if not shapes:
        return "it needs an operand"
    if isinstance(operator, (Pointwise, Concat, Contract, Opaque)):
        return _several(operator, shapes, shape)
    if isinstance(operator, Overwrite):
        return _overwrite(operator, shapes, shape)
    if len(shapes) != 1:
        return f"it takes one operand, not {len(shapes)}"
    return _single(node, shapes[0], shape)


def _several(
    operator: Pointwise | Concat | Contract | Opaque, shapes: list[Shape], shape: Shape
) -> str | None:
    match operator:
        case Pointwise():
            bad = [given for given in shapes if not _broadcasts(given, shape)]
            return f"operands of shapes {bad} don't broadcast to {shape}" if bad else None
        case Concat(axis=axis):
            if any(len(given) != len(shape) for given in shapes) or not 0 <= axis < len(shape):
                return f"operands of shapes {shapes} don't join on axis {axis}"
            total = sum(given[axis] for given in shapes)
            rest = {given[:axis] + given[axis + 1 :] for given in shapes}
            if total != shape[axis] or rest != {shape[:axis] + shape[axis + 1 :]}:
                return f"operands of shapes {shapes} don't join to {shape} on axis {axis}"
            return None
        case Contract(operands=operands, result=result):
            if len(operands) != len(shapes) or len(result) != len(shape):
                return "labels and axes differ in number"
            for labels, given in zip(operands, shapes, strict=True):
                if len(labels) != len(given):
                    return f"labels {labels} for an operand of shape {given}"
                for label, extent in zip(labels, given, strict=True):
                    if label in result and extent not in (1, shape[result.index(label)]):
                        return f"label {label} has extents {extent} and {shape}"
            return None
        case _:
            return None


def _overwrite(operator: Overwrite, shapes: list[Shape], shape: Shape) -> str | None:
    if len(shapes) != 2 or shapes[0] != shape or len(shapes[1]) != len(shape):
        return f"it takes a base and an update, not operands of shapes {shapes}"
    last = operator.start + operator.step * (shapes[1][operator.axis] - 1)
    if operator.start < 0 or last >= shape[operator.axis]:
        return f"it writes to {operator.start}..{last} of an axis of extent {shape[operator.axis]}"
    return None


def _single(node: Node, given: Shape, shape: Shape) -> str | None:
    operator, axes = node.operator, range(len(given))
    changed = None
    match operator:
        case Window() | Spread():
            used = (*operator.axes, *([operator.channels.axis] if operator.channels else ()))
            if any(axis not in axes for axis in used) or len(operator.axes) != len(
                operator.windows
            ):
                return f"axes {used} of an operand of shape {given}"
            changed = set(used)
        case Table(axis=axis, lo=lo, hi=hi):
            if axis not in axes or lo.array.shape != hi.array.shape:
                return f"axis {axis} of an operand of shape {given}"
            if (lo.array < 0).any() or (hi.array > given[axis]).any():
                return f"it reads outside of axis {axis}, of extent {given[axis]}"
            if len(lo.array) != shape[axis]:
                return f"{len(lo.array)} runs for an extent of {shape[axis]}"
            changed = {axis}
        case Gather(axis=axis, index=index) | Collect(axis=axis, index=index):
            if axis not in axes or (index.array >= given[axis]).any():
                return f"it reads outside of axis {axis} of an operand of shape {given}"
            made = index.array.shape[:1] if isinstance(operator, Collect) else index.array.shape
            wanted = given[:axis] + made + given[axis + 1 :]
            return None if wanted == shape else f"it makes {wanted}, not {shape}"
        case Reshape():
            same = prod(given) == prod(shape)
            return None if same else f"{given} and {shape} differ in number of elements"
        case Permute(order=order):
            if sorted(order) != list(axes) or tuple(given[a] for a in order) != shape:
                return f"order {order} doesn't turn {given} into {shape}"
            return None
        case Expand() | Mask():
            return None if _broadcasts(given, shape) else f"{given} doesn't broadcast to {shape}"
        case Reduce(axes=gone, keep=keep):
            if keep:
                wanted = tuple(1 if k in gone else n for k, n in enumerate(given))
            else:
                wanted = tuple(n for k, n in enumerate(given) if k not in gone)
            return None if wanted == shape else f"it makes {wanted}, not {shape}"
        case Flip() | Roll():
            changed = set()
        case Slice(axis=axis, start=start, step=step):
            if start < 0 or start + step * (shape[axis] - 1) >= max(given[axis], 1):
                return f"it reads outside of axis {axis}, of extent {given[axis]}"
            changed = {axis}
        case Pad(axis=axis):
            changed = {axis}
        case Mix(axes=mixed):
            changed = set(mixed)
        case _:
            return f"{type(operator).__name__} isn't an operator"
    if len(shape) != len(given) or any(
        given[axis] != shape[axis] for axis in axes if axis not in changed
    ):
        return f"it turns {given} into {shape}"
    return None


def _broadcasts(given: Shape, shape: Shape) -> bool:
    return len(given) <= len(shape) and all(
        a in (1, b) for a, b in zip(reversed(given), reversed(shape), strict=False)
    )
