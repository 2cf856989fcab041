"""Which axes of an input are spatial, as the network itself treats them.

Formats differ in where channels stand, and a file doesn't say: a network that was exported from
channels-last code begins with a transpose. The first window that slides over the input tells.
"""

from __future__ import annotations

from collections.abc import Sequence

from fieldscope.frontends.inputs import Default, Places, Spec
from fieldscope.graph.graph import Graph, Node
from fieldscope.graph.operators import (
    Concat,
    Expand,
    Flip,
    Mask,
    Mix,
    Pad,
    Permute,
    Pointwise,
    Reshape,
    Roll,
    Slice,
    Spread,
    Table,
    Window,
)

_KEEPS = (Concat, Flip, Mask, Mix, Pad, Roll, Slice, Table)


def slid_over(graph: Graph) -> dict[int, Places]:
    """The axes of each input that the first window on the way from it slides over, by index.

    Inputs that no window is reached from through operators that keep, order, add or drop whole
    axes are left out.

    Example:
        >>> from fieldscope.geometry.sliding import Sliding
        >>> from fieldscope.graph.graph import GraphBuilder
        >>> from fieldscope.graph.operators import Channels
        >>> builder = GraphBuilder()
        >>> x = builder.input((1, 8, 9, 3))
        >>> x = builder.add(Permute((0, 3, 1, 2)), (x,), (1, 3, 8, 9))
        >>> three = Sliding(3, before=1)
        >>> _ = builder.add(Window((2, 3), (three, three), Channels(1)), (x,), (1, 4, 8, 9))
        >>> slid_over(builder.build())
        {0: (1, 2)}
    """
    inputs = graph.inputs
    found: dict[int, Places] = {}
    # For each value: the input that it comes from, and which of its axes each axis is (-1: none).
    sources: dict[int, tuple[int, tuple[int, ...]]] = {
        value: (index, tuple(range(len(graph.shape(value))))) for index, value in enumerate(inputs)
    }
    for value, node in enumerate(graph.nodes):
        for operand in node.operands:
            if operand not in sources:
                continue
            index, axes = sources[operand]
            if isinstance(node.operator, (Window, Spread)):
                places = tuple(sorted(axes[axis] for axis in node.operator.axes))
                if index not in found and min(places, default=-1) >= 0:
                    found[index] = places
            else:
                moved = _moved(node, axes, graph.shape(operand))
                if moved is not None:
                    sources.setdefault(value, (index, moved))
    return dict(sorted(found.items()))


def _moved(node: Node, axes: tuple[int, ...], shape: Sequence[int]) -> tuple[int, ...] | None:
    operator = node.operator
    if isinstance(operator, Permute):
        return tuple(axes[k] for k in operator.order)
    if isinstance(operator, Reshape):
        if operator.kept is not None:
            return tuple(axes[k] if k >= 0 else -1 for k in operator.kept)
        return axes if tuple(shape) == node.shape else None
    if isinstance(operator, (Pointwise, Expand)):
        if len(axes) > len(node.shape):
            return None
        return (-1,) * (len(node.shape) - len(axes)) + axes
    if isinstance(operator, _KEEPS) and len(axes) == len(node.shape):
        return axes
    return None


def by_windows(graph: Graph, names: Sequence[str], otherwise: Default) -> Default:
    """A rule for spatial axes: what the network slides over, and another rule elsewhere."""
    slid = {names[index]: places for index, places in slid_over(graph).items()}

    def default(name: str, spec: Spec) -> Places:
        return slid[name] if name in slid else otherwise(name, spec)

    return default
