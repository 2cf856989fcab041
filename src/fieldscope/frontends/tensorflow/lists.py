"""Lists of tensors, which loops collect their results in, as Python's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from fieldscope.frontends.lowering.call import Call
from fieldscope.frontends.lowering.program import Tensor
from fieldscope.frontends.tensorflow.folding import shape_of
from fieldscope.frontends.tensorflow.node import Node
from fieldscope.frontends.tensorflow.states import Held, TensorList, Untold, Variable

if TYPE_CHECKING:
    from fieldscope.frontends.tensorflow.walk import Handler, Walker

LONGEST = 1 << 16
"""Lists of more elements are refused."""


def flat(inputs: Sequence[Held]) -> list[Tensor]:
    """All tensors that operands hold."""
    found: list[Tensor] = []
    for one in inputs:
        if isinstance(one, Tensor):
            found.append(one)
        elif isinstance(one, TensorList):
            found += [item for item in one.items if item is not None]
        elif isinstance(one, Variable) and one.held is not None:
            found += flat([one.held])
    return found


def _number(one: Any) -> int | None:
    known = one.elements() if isinstance(one, Tensor) and one.value is None else None
    return int(known.reshape(-1)[0]) if known is not None and known.size == 1 else None


def _dims(one: Any) -> tuple[int, ...] | None:
    known = one.elements() if isinstance(one, Tensor) and one.value is None else None
    if known is None or known.ndim != 1 or (known < 0).any():
        return None
    return tuple(int(extent) for extent in known)


def _reserve(walker: Walker, operation: tf.Operation, inputs: Sequence[Any]) -> Sequence[Held]:
    count = 0 if operation.type == "EmptyTensorList" else _number(inputs[1])
    if count is None or not 0 <= count <= LONGEST:
        return [Untold()]
    dtype = operation.get_attr("element_dtype").name
    return [TensorList((None,) * count, dtype, _dims(inputs[0]))]


def _from_tensor(walker: Walker, operation: tf.Operation, inputs: Sequence[Any]) -> Sequence[Held]:
    whole = inputs[0]
    dtype = operation.get_attr("element_dtype").name
    if isinstance(whole, Untold) or whole.ndim == 0 or whole.shape[0] > LONGEST:
        return [Untold()]
    count, *rest = whole.shape
    if whole.value is None:

        def item(k: int) -> Any:
            known = whole.elements()
            return None if known is None else known[k]

        items = tuple(Tensor(rest, dtype, elements=_bound(item, k)) for k in range(count))
    else:
        items = walker.lower(
            operation,
            lambda call, _, x: tuple(call.select(call.value(x), 0, k) for k in range(count)),
            [whole],
            [Tensor(rest, dtype)] * count,
        )
    return [TensorList(items, dtype, tuple(rest))]


def _bound(item: Any, k: int) -> Any:
    return lambda: item(k)


def _item(listed: TensorList, k: int, shape: tuple[int, ...] | None) -> Tensor:
    """An element; zeros where none was set."""
    found = listed.items[k]
    if found is not None:
        return found
    shape = (
        shape
        if shape is not None
        else next((one.shape for one in listed.items if one is not None), listed.shape)
    )
    if shape is None:
        return Untold()
    return Tensor(shape, listed.dtype, elements=lambda: np.zeros(shape))


def _get(walker: Walker, operation: tf.Operation, inputs: Sequence[Any]) -> Sequence[Held]:
    listed, index = inputs[:2]
    shape = shape_of(operation.outputs[0]) or (_dims(inputs[2]) if len(inputs) > 2 else None)
    place = _number(index)
    if isinstance(listed, TensorList) and place is not None and 0 <= place < len(listed.items):
        return [_item(listed, place, shape)]
    return _any_of(walker, operation, inputs, shape)


def _any_of(
    walker: Walker, operation: tf.Operation, inputs: Sequence[Any], shape: Any
) -> Sequence[Held]:
    given = flat(inputs)
    if shape is None:
        shape = next(
            (
                one.shape
                for one in inputs[:1]
                if isinstance(one, TensorList) and one.shape is not None
            ),
            None,
        )
    if shape is None:
        shape = next(
            (one.shape for one in given if one.dtype == operation.outputs[0].dtype.name), None
        )
    if shape is None or not any(one.value is not None for one in given):
        return [Untold() if shape is None else Tensor(shape, operation.outputs[0].dtype.name)]
    result = Tensor(shape, operation.outputs[0].dtype.name)
    return walker.bound(operation, inputs, [result], "its index depends on the input's values")


def _set(walker: Walker, operation: tf.Operation, inputs: Sequence[Any]) -> Sequence[Held]:
    listed, index, item = inputs
    place = _number(index)
    if not isinstance(listed, TensorList):
        return [Untold()]
    items = list(listed.items)
    if place is None:
        # Any of them may have become this one: all hold both.
        merged = (
            walker.bound(
                operation,
                inputs,
                [Tensor(item.shape, item.dtype)],
                "it writes where the input's values say",
            )[0]
            if any(one.value is not None for one in flat(inputs))
            else item
        )
        return [TensorList((merged,) * len(items), listed.dtype, item.shape)]
    if place >= LONGEST:
        return [Untold()]
    items += [None] * (place + 1 - len(items))
    items[place] = item
    return [TensorList(tuple(items), listed.dtype, listed.shape or item.shape)]


def _push(walker: Walker, operation: tf.Operation, inputs: Sequence[Any]) -> Sequence[Held]:
    listed, item = inputs
    if not isinstance(listed, TensorList):
        return [Untold()]
    return [TensorList((*listed.items, item), listed.dtype, listed.shape)]


def _pop(walker: Walker, operation: tf.Operation, inputs: Sequence[Any]) -> Sequence[Held]:
    listed = inputs[0]
    if not isinstance(listed, TensorList) or not listed.items:
        return [Untold(), Untold()]
    last = _item(listed, len(listed.items) - 1, _dims(inputs[1]))
    return [TensorList(listed.items[:-1], listed.dtype, listed.shape), last]


def _stack(walker: Walker, operation: tf.Operation, inputs: Sequence[Any]) -> Sequence[Held]:
    listed = inputs[0]
    if not isinstance(listed, TensorList):
        return [Untold()]
    return _joined(
        walker, operation, [_item(listed, k, _dims(inputs[1])) for k in range(len(listed.items))]
    )


def _gathered(walker: Walker, operation: tf.Operation, inputs: Sequence[Any]) -> Sequence[Held]:
    listed, indices = inputs[:2]
    known = indices.elements() if isinstance(indices, Tensor) and indices.value is None else None
    if not isinstance(listed, TensorList) or known is None:
        return _any_of(walker, operation, inputs, shape_of(operation.outputs[0]))
    return _joined(walker, operation, [_item(listed, int(k), None) for k in known.reshape(-1)])


def _joined(walker: Walker, operation: tf.Operation, items: list[Tensor]) -> Sequence[Held]:
    if not items or any(isinstance(one, Untold) for one in items):
        return [Untold()]
    dtype = operation.outputs[0].dtype.name
    result = Tensor((len(items), *items[0].shape), dtype)
    if not any(one.value is not None for one in items):

        def whole() -> Any:
            found = [one.elements() for one in items]
            return None if any(one is None for one in found) else np.stack(found)  # type: ignore[arg-type]

        return [Tensor(result.shape, dtype, elements=whole)]
    return walker.lower(operation, _stacked, [items], [result])


def _stacked(call: Call, node: Node, items: list[Tensor]) -> int:
    """The elements one after another along a new axis."""
    del node
    kept = (-1, *range(items[0].ndim))
    return call.concat([call.continued(call.value(one), kept) for one in items], 0)


def _length(walker: Walker, operation: tf.Operation, inputs: Sequence[Any]) -> Sequence[Held]:
    listed = inputs[0]
    if not isinstance(listed, TensorList):
        return [Tensor((), "int32")]
    return [Tensor.of(np.asarray(len(listed.items), np.int32))]


def _resize(walker: Walker, operation: tf.Operation, inputs: Sequence[Any]) -> Sequence[Held]:
    listed, size = inputs
    count = _number(size)
    if not isinstance(listed, TensorList) or count is None or not 0 <= count <= LONGEST:
        return [Untold()]
    items = (listed.items + (None,) * count)[:count]
    return [TensorList(items, listed.dtype, listed.shape)]


HANDLERS: dict[str, Handler] = {
    "TensorListReserve": _reserve,
    "EmptyTensorList": _reserve,
    "TensorListFromTensor": _from_tensor,
    "TensorListGetItem": _get,
    "TensorListSetItem": _set,
    "TensorListPushBack": _push,
    "TensorListPopBack": _pop,
    "TensorListStack": _stack,
    "TensorListGather": _gathered,
    "TensorListLength": _length,
    "TensorListResize": _resize,
}
