"""Calls, branches and loops: their bodies are walked where they are called.

A branch whose condition is a constant is followed alone; of others all are, and the result
reads each of them and the condition. A loop is unrolled while its condition is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from fieldscope.errors import TraceError
from fieldscope.frontends.lowering.call import Call
from fieldscope.frontends.lowering.program import Tensor
from fieldscope.frontends.tensorflow.functions import DEEPEST
from fieldscope.frontends.tensorflow.node import Node
from fieldscope.frontends.tensorflow.states import (
    DEAD,
    Dead,
    Held,
    TensorList,
    Untold,
    Variable,
    depends,
)

if TYPE_CHECKING:
    from fieldscope.frontends.tensorflow.walk import Handler, Walker

MOST_ROUNDS = 2_000
"""Loops of more rounds are bounds."""


def called(
    walker: Walker, operation: tf.Operation, name: str, inputs: Sequence[Held]
) -> list[Held]:
    """The results of a function of the program on operands."""
    functions = walker.functions
    if functions.depth >= DEEPEST:
        raise TraceError(f"function {name} calls itself, or {DEEPEST} others inside each other")
    shapes = [
        one.shape if type(one) is Tensor or isinstance(one, Variable) else None for one in inputs
    ]
    body = functions.body(operation.graph, name, shapes)
    functions.depth += 1
    try:
        env: dict[int, Held] = {id(t): one for t, one in zip(body.inputs, inputs, strict=True)}
        walker.inside(operation, body.graph, env)
    finally:
        functions.depth -= 1
    return [env[id(tensor)] for tensor in body.outputs]


def _call(walker: Walker, operation: tf.Operation, inputs: Sequence[Any]) -> Sequence[Held]:
    return called(walker, operation, operation.get_attr("f").name, inputs)


def _truth(one: Held) -> Any:
    """The value of a condition; None if it isn't known."""
    if not isinstance(one, Tensor) or one.value is not None:
        return None
    known = one.elements()
    if known is None:
        return None
    return known.item() if known.size == 1 else bool(known.size)


def _if(walker: Walker, operation: tf.Operation, inputs: Sequence[Any]) -> Sequence[Held]:
    condition, *rest = inputs
    truth = _truth(condition)
    if truth is not None:
        branch = operation.get_attr("then_branch" if truth else "else_branch").name
        return called(walker, operation, branch, rest)
    names = [operation.get_attr(key).name for key in ("then_branch", "else_branch")]
    return _either(
        walker, operation, condition, [called(walker, operation, n, rest) for n in names]
    )


def _case(walker: Walker, operation: tf.Operation, inputs: Sequence[Any]) -> Sequence[Held]:
    index, *rest = inputs
    names = [one.name for one in operation.get_attr("branches")]
    truth = _truth(index)
    if truth is not None:
        chosen = int(truth) if 0 <= int(truth) < len(names) else len(names) - 1
        return called(walker, operation, names[chosen], rest)
    results = [called(walker, operation, name, rest) for name in names]
    return _either(walker, operation, index, results)


def _either(
    walker: Walker, operation: tf.Operation, condition: Held, branches: list[list[Held]]
) -> list[Held]:
    """Results that may be those of any branch."""
    return [
        _one_of(walker, operation, condition, options) for options in zip(*branches, strict=True)
    ]


def _one_of(
    walker: Walker, operation: tf.Operation, condition: Held, options: Sequence[Held]
) -> Held:
    first = options[0]
    if all(one is first for one in options):
        return first
    if not any(map(depends, (condition, *options))):
        shapes = {one.shape if type(one) is Tensor else None for one in options}
        if len(shapes) == 1 and None not in shapes and isinstance(first, Tensor):
            return Tensor(first.shape, first.dtype)
        return Untold()
    if all(isinstance(one, TensorList) for one in options):
        lengths = {len(one.items) for one in options if isinstance(one, TensorList)}
        if len(lengths) == 1:
            columns = zip(
                *(one.items for one in options if isinstance(one, TensorList)), strict=True
            )
            items: list[Tensor | None] = []
            for column in columns:
                if all(one is None for one in column):
                    items.append(None)
                    continue
                shape = next(one.shape for one in column if one is not None)
                full = [Tensor(shape) if one is None else one for one in column]
                found = _one_of(walker, operation, condition, full)
                items.append(found if isinstance(found, Tensor) else None)
            assert isinstance(first, TensorList)
            return TensorList(tuple(items), first.dtype, first.shape)
    tensors = [one for one in options if isinstance(one, Tensor)]
    if len(tensors) < len(options) or len({one.shape for one in tensors}) > 1:
        raise TraceError(
            f"the branches of {operation.name} ({operation.type}) return different shapes, and "
            "which one is taken depends on the input's values"
        )
    result = Tensor(tensors[0].shape, tensors[0].dtype)
    return walker.lower(operation, _joined, [condition, *tensors], [result])[0]


def _joined(call: Call, node: Node, condition: Tensor, *options: Tensor) -> int:
    """Any of the branches, and the condition, which every element reads."""
    del node
    parts = [call.value(one) for one in options if call.depends(one)]
    if call.depends(condition):
        whole = (
            call.reduce(call.value(condition), range(condition.ndim))
            if condition.ndim
            else call.value(condition)
        )
        parts.append(call.expand(whole, call.shape))
    return call.pointwise(*parts)


def _while(walker: Walker, operation: tf.Operation, inputs: Sequence[Any]) -> Sequence[Held]:
    condition = operation.get_attr("cond").name
    body = operation.get_attr("body").name
    held = list(inputs)
    for _ in range(MOST_ROUNDS):
        truth = _truth(called(walker, operation, condition, held)[0])
        if truth is None:
            return _any_number(walker, operation, body, held)
        if not truth:
            return held
        if walker.left < 0:
            return _bounds(walker, operation, held, "its loop runs too many operations to unroll")
        held = called(walker, operation, body, held)
    return _bounds(walker, operation, held, "its loop runs too many rounds to unroll")


def _any_number(
    walker: Walker, operation: tf.Operation, body: str, held: list[Held]
) -> Sequence[Held]:
    """A loop whose number of rounds isn't known."""
    return _bounds(walker, operation, held, "how often its loop runs depends on the input's values")


def _bounds(
    walker: Walker, operation: tf.Operation, held: list[Held], reason: str
) -> Sequence[Held]:
    """What any number of rounds may make of the values of a loop: everything."""
    results: list[Held] = []
    for one in held:
        if isinstance(one, Tensor) and not isinstance(one, Untold):
            # What the loop changes isn't known: a constant may depend on the input behind it.
            results += walker.bound(operation, held, [Tensor(one.shape, one.dtype)], reason)
        elif isinstance(one, TensorList):
            shape = one.shape or next((t.shape for t in one.items if t is not None), None)
            if shape is None:
                results.append(Untold())
                continue
            item = walker.bound(operation, held, [Tensor(shape, one.dtype)], reason)[0]
            results.append(TensorList((item,) * len(one.items), one.dtype, shape))
        else:
            results.append(one)
    return results


def _switch(walker: Walker, operation: tf.Operation, inputs: Sequence[Any]) -> Sequence[Held]:
    """Control flow of TensorFlow 1: the data goes to one of two places."""
    data, condition = inputs
    truth = _truth(condition)
    if truth is None:
        return [data, data]
    return [DEAD, data] if truth else [data, DEAD]


def _merge(walker: Walker, operation: tf.Operation, inputs: Sequence[Any]) -> Sequence[Held]:
    alive = [one for one in inputs if not isinstance(one, Dead)]
    index = Tensor((), "int32")
    if not alive:
        return [DEAD, index]
    if len(alive) == 1:
        return [alive[0], index]
    if not any(map(depends, alive)):
        return [
            alive[0] if isinstance(alive[0], Untold) else Tensor(alive[0].shape, alive[0].dtype),
            index,
        ]
    # Which one arrives is decided by a condition that isn't an operand.
    shape = alive[0].shape
    bound = walker.bound(
        operation, alive, [Tensor(shape, alive[0].dtype)], "which branch is taken isn't known"
    )
    return [bound[0], index]


HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(["PartitionedCall", "StatefulPartitionedCall", "TPUPartitionedCall"], _call),
    **dict.fromkeys(["If", "StatelessIf"], _if),
    **dict.fromkeys(["Case", "StatelessCase"], _case),
    **dict.fromkeys(["While", "StatelessWhile"], _while),
    "Switch": _switch,
    "RefSwitch": _switch,
    "Merge": _merge,
    "RefMerge": _merge,
}
