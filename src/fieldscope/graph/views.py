"""Views as chains of movement operators that can be read again and written through.

A view step is a movement operator with the shapes before and after it. Reading again
puts the same steps on a new base; writing puts a changed view back into its base.
"""

from __future__ import annotations

from typing import NamedTuple

from fieldscope.graph.graph import GraphBuilder, Shape
from fieldscope.graph.operators import (
    Expand,
    Opaque,
    Operator,
    Overwrite,
    Permute,
    Reshape,
    Slice,
)


class ViewStep(NamedTuple):
    """A movement operator on the way from a base to a view of it."""

    operator: Operator
    before: Shape
    after: Shape


def steps_between(builder: GraphBuilder, base: int, view: int) -> tuple[ViewStep, ...] | None:
    """The steps that lead from one value to another; None if they aren't a chain."""
    steps: list[ViewStep] = []
    while view != base:
        node = builder.node(view)
        if len(node.operands) != 1:
            return None
        (operand,) = node.operands
        steps.append(ViewStep(node.operator, builder.shape(operand), node.shape))
        view = operand
    return tuple(reversed(steps))


def read(builder: GraphBuilder, base: int, steps: tuple[ViewStep, ...]) -> int:
    """The view of a base through some steps."""
    value = base
    for step in steps:
        value = builder.add(step.operator, (value,), step.after)
    return value


def write(builder: GraphBuilder, base: int, steps: tuple[ViewStep, ...], update: int) -> int:
    """The base with the part that the steps show replaced by `update`.

    Example:
        >>> builder = GraphBuilder()
        >>> x, y = builder.input((1, 4)), builder.input((1, 2))
        >>> new = write(builder, x, (ViewStep(Slice(1, 2), (1, 4), (1, 2)),), y)
        >>> builder.operator(new)
        Overwrite(axis=1, start=2, step=1)
    """
    if not steps:
        return update
    parents = [base]
    for step in steps[:-1]:
        parents.append(builder.add(step.operator, (parents[-1],), step.after))
    for step, parent in zip(reversed(steps), reversed(parents), strict=True):
        match step.operator:
            case Reshape(kept=kept):
                back = None if kept is None else _inverse(kept, len(step.before))
                update = builder.add(Reshape(back), (update,), step.before)
            case Permute(order=order):
                inverse = tuple(order.index(axis) for axis in range(len(order)))
                update = builder.add(Permute(inverse), (update,), step.before)
            case Slice(axis=axis, start=start, step=stride):
                overwrite = Overwrite(axis, start, stride)
                update = builder.add(overwrite, (parent, update), step.before)
            case Expand() if step.before == step.after[len(step.after) - len(step.before) :]:
                update = builder.add(Reshape(), (update,), step.before)
            case operator:
                reason = f"it writes through a {type(operator).__name__.lower()} view"
                update = builder.add(Opaque(reason), (parent, update), step.before)
    return update


def _inverse(kept: tuple[int, ...], count: int) -> tuple[int, ...]:
    return tuple(kept.index(axis) if axis in kept else -1 for axis in range(count))
