"""Operations on variables: what they hold at first is a constant that isn't read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from fieldscope.frontends.lowering.program import Tensor
from fieldscope.frontends.tensorflow.folding import shape_of
from fieldscope.frontends.tensorflow.lowering.registry import TABLE
from fieldscope.frontends.tensorflow.states import Held, Untold, Variable, depends

if TYPE_CHECKING:
    from fieldscope.frontends.tensorflow.walk import Handler, Walker


def _handle(walker: Walker, operation: tf.Operation, inputs: Sequence[Any]) -> Sequence[Held]:
    del walker, inputs
    return [Variable() for _ in operation.outputs]


def _unknown(operation: tf.Operation) -> Tensor:
    output = operation.outputs[0]
    shape = shape_of(output)
    return Untold() if shape is None else Tensor(shape, output.dtype.name)


def _read(walker: Walker, operation: tf.Operation, inputs: Sequence[Any]) -> Sequence[Held]:
    del walker
    variable = inputs[0]
    held = variable.held if isinstance(variable, Variable) else None
    return [_unknown(operation) if held is None else held]


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
        ["VarHandleOp", "VariableV2", "Variable", "MutableHashTableV2", "HashTableV2", "HashTable"],
        _handle,
    ),
    "ReadVariableOp": _read,
    "AssignVariableOp": _assign,
    "AssignAddVariableOp": _assign_more,
    "AssignSubVariableOp": _assign_more,
    "ResourceGather": _gather,
    "ResourceGatherNd": _gather,
}
