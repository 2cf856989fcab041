"""Sequences and optional values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fieldscope.errors import ModelError
from fieldscope.frontends.lowering.program import Tensor
from fieldscope.frontends.onnx.control import Unsure, all_of, bound, control, run, scalar
from fieldscope.frontends.onnx.node import Node
from fieldscope.frontends.onnx.shells import Vague

if TYPE_CHECKING:
    from fieldscope.frontends.onnx.walk import Environment, Walker

_MOST = 1 << 14
_WHICH = "the input's values decide which tensor of a sequence it is"
_LENGTH = "the length of a sequence depends on the input's values"


def _place(node: Node, tensor: Any, count: int) -> int | None:
    """A place in a sequence; None if it isn't known."""
    found = scalar(tensor)
    if found is None:
        return None
    if not -count <= found < max(count, 1):
        raise ModelError(f"{node.what} asks for place {found} of a sequence of {count} tensors")
    return int(found)


def _sequence(node: Node, given: Any) -> list[Tensor]:
    if isinstance(given, list):
        return given
    raise ModelError(f"{node.what} takes a sequence of tensors, and is given something else")


@control("SequenceEmpty")
def empty(*_: Any) -> Sequence[Any]:
    """No tensors."""
    return [[]]


@control("SequenceConstruct")
def construct(walker: Walker, node: Node, operands: list[Any], env: Environment) -> Sequence[Any]:
    """The operands."""
    return [list(operands)]


@control("SequenceLength")
def length(walker: Walker, node: Node, operands: list[Any], env: Environment) -> Sequence[Any]:
    """How many tensors there are."""
    if isinstance(operands[0], Unsure):
        shell = Tensor((), "int64")
        return bound(walker, node, env, _LENGTH, *operands, shells=[shell])
    return [Tensor.of(np.array(len(_sequence(node, operands[0])), np.int64))]


@control("SequenceAt")
def at(walker: Walker, node: Node, operands: list[Any], env: Environment) -> Sequence[Any]:
    """The tensor at a place."""
    sequence = operands[0]
    if not isinstance(sequence, Unsure):
        sequence = _sequence(node, sequence)
        place = _place(node, operands[1], len(sequence))
        if place is not None and sequence:
            return [sequence[place]]
    return bound(walker, node, env, _WHICH, *operands)


def _changed(change: Callable[[list[Any], int | None, list[Any]], None]) -> Any:
    def rule(walker: Walker, node: Node, operands: list[Any], env: Environment) -> Sequence[Any]:
        """A copy of a sequence, changed at a place."""
        sequence, place = operands[0], None
        if isinstance(sequence, Unsure):
            return [Unsure(all_of(*operands))]
        sequence = list(_sequence(node, sequence))
        given = operands[2 if node.op == "SequenceInsert" else 1 :]
        if given and given[0] is not None:
            place = _place(node, given[0], len(sequence) + (node.op == "SequenceInsert"))
            if place is None:
                return [Unsure(all_of(*operands))]
        change(sequence, place, operands)
        return [sequence]

    return rule


def _insert(sequence: list[Any], place: int | None, operands: list[Any]) -> None:
    sequence.insert(len(sequence) if place is None else place, operands[1])


def _erase(sequence: list[Any], place: int | None, _: list[Any]) -> None:
    del sequence[-1 if place is None else place]


control("SequenceInsert")(_changed(_insert))
control("SequenceErase")(_changed(_erase))


@control("SplitToSequence")
def split(walker: Walker, node: Node, operands: list[Any], env: Environment) -> Sequence[Any]:
    """Runs of an axis, each a tensor of the sequence."""
    x, given = operands[0], operands[1] if len(operands) > 1 else None
    if isinstance(x, Vague) or not x.shape:
        return [Unsure(bound(walker, node, env, _LENGTH, *operands))]
    axis = node.integer("axis", 0)
    if not -x.ndim <= axis < x.ndim:
        raise ModelError(f"{node.what} splits axis {axis} of a tensor of shape {x.shape}")
    axis, extent = axis % x.ndim, x.shape[axis]
    known = None if given is None else given.elements()
    if given is not None and known is None:
        return [Unsure(bound(walker, node, env, _LENGTH, *operands))]
    if known is None:
        sizes = [1] * extent
    elif known.ndim:
        sizes = [int(size) for size in known]
    else:
        size = max(int(known), 1)
        sizes = [min(size, extent - first) for first in range(0, extent, size)]
    if len(sizes) > _MOST:
        return [Unsure(bound(walker, node, env, "its sequence is too long", *operands))]
    parts, first = [], 0
    for size in sizes:
        bounds = [Tensor.of(np.array([n], np.int64)) for n in (first, first + size, axis)]
        part = walker.make("Slice", [x, *bounds], node, env)
        if known is None and not node.integer("keepdims", 1):
            part = walker.make("Squeeze", [part, bounds[2]], node, env)
        parts.append(part)
        first += size
    return [parts]


@control("ConcatFromSequence")
def concat(walker: Walker, node: Node, operands: list[Any], env: Environment) -> Sequence[Any]:
    """The tensors of a sequence one after another, or along a new axis."""
    if isinstance(operands[0], Unsure):
        return bound(walker, node, env, _LENGTH, *operands)
    parts = _sequence(node, operands[0])
    axis = node.integer("axis", 0)
    if not parts:
        raise ModelError(f"{node.what} joins a sequence of no tensors")
    if node.integer("new_axis", 0):
        axis = axis % (parts[0].ndim + 1)
        place = Tensor.of(np.array([axis], np.int64))
        parts = [walker.make("Unsqueeze", [part, place], node, env) for part in parts]
    return [walker.make("Concat", parts, node, env, axis=axis)]


@control("SequenceMap")
def mapped(walker: Walker, node: Node, operands: list[Any], env: Environment) -> Sequence[Any]:
    """A graph applied to each tensor of a sequence."""
    first, *rest = operands
    if any(isinstance(one, Unsure) for one in operands):
        found = bound(walker, node, env, _LENGTH, *operands)
        return [Unsure([one]) for one in found]
    body = node.graph("body")
    columns: list[list[Any]] = [[] for _ in node.proto.output]
    for k, one in enumerate(_sequence(node, first)):
        others = [part[k] if isinstance(part, list) else part for part in rest]
        found = run(walker, node, body, env, [one, *others])
        for column, result in zip(columns, found, strict=True):
            column.append(result)
    return columns


@control("Optional")
def optional(walker: Walker, node: Node, operands: list[Any], env: Environment) -> Sequence[Any]:
    """The operand, or nothing."""
    return operands[:1] or [None]


@control("OptionalHasElement")
def holds(walker: Walker, node: Node, operands: list[Any], env: Environment) -> Sequence[Any]:
    """Whether there is something."""
    return [Tensor.of(np.array(bool(operands) and operands[0] is not None))]


@control("OptionalGetElement")
def element(walker: Walker, node: Node, operands: list[Any], env: Environment) -> Sequence[Any]:
    """What an optional holds."""
    if not operands or operands[0] is None:
        raise ModelError(f"{node.what} takes what an optional holds, which is nothing")
    return operands[:1]
