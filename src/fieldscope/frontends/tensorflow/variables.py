"""Operations on variables: what they hold at first is a constant that isn't read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from fieldscope.frontends.lowering.program import Tensor
from fieldscope.frontends.tensorflow.folding import shape_of
from fieldscope.frontends.tensorflow.lowering.registry import TABLE
from fieldscope.frontends.tensorflow.states import Held, Untold, Variable, depends
from fieldscope.graph.graph import Shape

SHAPED = frozenset(["VarHandleOp"])

if TYPE_CHECKING:
    from fieldscope.frontends.tensorflow.walk import Handler, Walker


def _handle(walker: Walker, operation: tf.Operation, inputs: Sequence[Any]) -> Sequence[Held]:
    del walker, inputs
    shape = known_shape(operation.get_attr("shape")) if operation.type in SHAPED else None
    return [Variable(shape)]


def known_shape(shape: Any) -> Shape | None:
    """A shape that a protocol buffer tells; None where some of it is open."""
    if shape.unknown_rank or any(one.size < 0 for one in shape.dim):
        return None
    return tuple(one.size for one in shape.dim)


def held_shape(handle: tf.Tensor) -> Shape | None:
    """The shape of what a handle's variable holds, where TensorFlow tells it."""
    data = getattr(handle, "_handle_data", None)
    if data is None or not data.is_set or len(data.shape_and_type) != 1:
        return None
    return known_shape(data.shape_and_type[0].shape)


def _unknown(operation: tf.Operation, shape: Shape | None = None) -> Tensor:
    output = operation.outputs[0]
    shape = shape_of(output) or shape
    return Untold() if shape is None else Tensor(shape, output.dtype.name)


def _read(walker: Walker, operation: tf.Operation, inputs: Sequence[Any]) -> Sequence[Held]:
    del walker
    variable = inputs[0]
    held = variable.held if isinstance(variable, Variable) else None
    if held is not None:
        return [held]
    return [_unknown(operation, variable.shape if isinstance(variable, Variable) else None)]


def _assign(walker: Walker, operation: tf.Operation, inputs: Sequence[Any]) -> Sequence[Held]:
    del walker
    variable, value = inputs[:2]
    if isinstance(variable, Variable):
        variable.held = value
    return [value] * len(operation.outputs)


def _assign_more(walker: Walker, operation: tf.Operation, inputs: Sequence[Any]) -> Sequence[Held]:
    variable, value = inputs[:2]
    if isinstance(variable, Variable) and (depends(variable) or depends(value)):
        if isinstance(value, Tensor):
            old = variable.held if isinstance(variable.held, Tensor) else Tensor(value.shape)
            result = Tensor(old.shape or value.shape, value.dtype)
            [joined] = walker.lower(operation, TABLE.find("AddV2"), [old, value], [result])
            variable.held = joined
    elif isinstance(variable, Variable):
        variable.held = None
    return [value] * len(operation.outputs)


def _gather(walker: Walker, operation: tf.Operation, inputs: Sequence[Any]) -> Sequence[Held]:
    """Rows of a variable: an embedding."""
    variable, *indices = inputs
    held = variable.held if isinstance(variable, Variable) else None
    table = held if held is not None else Tensor((), "")
    if not any(map(depends, (table, *indices))):
        return [_unknown(operation)]
    return walker.lower(operation, TABLE.find(operation.type), [table, *indices])


HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(
        ["VarHandleOp", "MutableHashTableV2", "HashTableV2", "HashTable"],
        _handle,
    ),
    "ReadVariableOp": _read,
    "AssignVariableOp": _assign,
    "AssignAddVariableOp": _assign_more,
    "AssignSubVariableOp": _assign_more,
    "ResourceGather": _gather,
    "ResourceGatherNd": _gather,
}
