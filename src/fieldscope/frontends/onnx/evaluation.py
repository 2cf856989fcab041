"""Operators on arrays, for constants: NumPy for those that shape arithmetic is made of.

Others are left to ONNX's reference implementation, which is slow to import.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np
from onnx import ModelProto, OperatorSetIdProto, ValueInfoProto

from fieldscope.errors import FieldscopeError
from fieldscope.frontends.onnx.elements import MOST, NAMES, Elements, constant
from fieldscope.frontends.onnx.node import Node

Function = Callable[..., Any]

REFERENCE = frozenset(
    """
    ArgMax ArgMin BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor BlackmanWindow CenterCropPad
    Compress CumSum CumProd DepthToSpace DequantizeLinear Einsum EyeLike Gelu GatherElements
    GatherND Gemm HammingWindow HannWindow Hardmax HardSigmoid HardSwish IsInf IsNaN LeakyRelu
    LogSoftmax LpNormalization
    MatMul MelWeightMatrix OneHot Pad PRelu QuantizeLinear ReverseSequence RotaryEmbedding Round
    ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceSumSquare
    ScatterElements ScatterND Selu Shrink Sign Softmax Softplus Softsign SpaceToDepth
    TensorScatter ThresholdedRelu TopK Trilu Unique AffineGrid BatchNormalization LayerNormalization
    """.split()
)
"""Operators that ONNX's reference implementation computes: none loops as its attributes say."""


def can(op: str) -> bool:
    """Whether an operator can be computed."""
    return op in NUMPY or op in REFERENCE


def run(node: Node, arrays: Sequence[Elements | None]) -> list[Elements] | None:
    """The results of an operator on arrays; None if they can't be computed."""
    function = NUMPY.get(node.op)
    try:
        found = _reference(node, arrays) if function is None else function(node, *arrays)
    except (FieldscopeError, MemoryError):
        raise
    except Exception:
        # Whatever is wrong with it is told where its result matters.
        return None
    several = found if isinstance(found, (list, tuple)) else [found]
    results = [np.asarray(one) for one in several]
    return None if any(one.dtype.kind not in "biufc" for one in results) else results


def _reference(node: Node, arrays: Sequence[Elements | None]) -> Any:
    from onnx.reference import ReferenceEvaluator

    model = ModelProto(ir_version=10)
    model.opset_import.append(OperatorSetIdProto(domain="", version=node.opset))
    model.graph.node.append(node.proto)
    given = {}
    for name, array in zip(node.proto.input, arrays, strict=True):
        if array is not None and name not in given:
            given[name] = array
            model.graph.input.append(ValueInfoProto(name=name))
    model.graph.output.extend(ValueInfoProto(name=name) for name in node.proto.output)
    return ReferenceEvaluator(model).run(None, given)


def _ints(array: Elements | None) -> list[int] | None:
    return None if array is None else [int(one) for one in np.ravel(array)]


def _axes(node: Node, given: Elements | None) -> tuple[int, ...] | None:
    """The axes of an operator: an attribute that became an operand."""
    found = _ints(given) if given is not None else node.integers("axes", None)
    return None if found is None else tuple(found)


def _reduced(function: Function) -> Function:
    def run(node: Node, x: Elements, given: Elements | None = None) -> Elements:
        axes = _axes(node, given)
        if not axes and node.integer("noop_with_empty_axes", 0) != 0:
            return x
        keep: int = node.integer("keepdims", 1)
        found: Elements = function(x, axis=axes or None, keepdims=bool(keep))
        return found.astype(x.dtype)

    return run


def _reshape(node: Node, x: Elements, shape: Elements) -> Elements:
    wanted = [int(n) for n in shape]
    if not node.integer("allowzero", 0):
        wanted = [x.shape[k] if n == 0 else n for k, n in enumerate(wanted)]
    return x.reshape(wanted)


def _squeeze(node: Node, x: Elements, given: Elements | None = None) -> Elements:
    return np.squeeze(x, _axes(node, given))


def _unsqueeze(node: Node, x: Elements, given: Elements | None = None) -> Elements:
    return np.expand_dims(x, _axes(node, given) or ())


def _slice(
    node: Node,
    x: Elements,
    starts: Elements | None = None,
    ends: Elements | None = None,
    axes: Elements | None = None,
    steps: Elements | None = None,
) -> Elements:
    first: list[int] = _ints(starts) or node.integers("starts", None) or []
    last: list[int] = _ints(ends) or node.integers("ends", None) or []
    places = _ints(axes) or node.integers("axes", None) or range(len(first))
    strides = _ints(steps) or [1] * len(first)
    index = [slice(None)] * x.ndim
    for axis, lo, hi, step in zip(places, first, last, strides, strict=True):
        stop = None if step < 0 and hi <= -x.shape[axis] - 1 else hi
        index[axis] = slice(lo, stop, step)
    return x[tuple(index)]


def _split(node: Node, x: Elements, given: Elements | None = None) -> list[Elements]:
    axis = node.integer("axis", 0)
    sizes = _ints(given) or node.integers("split", None)
    if sizes is None:
        count = len(node.proto.output)
        size = -(-x.shape[axis] // count)
        return list(np.split(x, [size * k for k in range(1, count)], axis))
    return list(np.split(x, np.cumsum(sizes)[:-1], axis))


def _of_shape(node: Node, shape: Elements) -> Elements:
    value = node.tensor("value")
    filling = np.zeros(1, np.float32) if value is None else constant(value).elements()
    extents = [int(n) for n in shape]
    if filling is None or prod(extents) > MOST:
        raise ValueError("its elements aren't known")
    return np.full(extents, filling.reshape(-1)[0])


def _range(_: Node, start: Elements, limit: Elements, delta: Elements) -> Elements:
    if abs((limit.item() - start.item()) / delta.item()) > MOST:
        raise ValueError("it is too long")
    return np.arange(start.item(), limit.item(), delta.item(), dtype=start.dtype)


def _cast(node: Node, x: Elements) -> Elements:
    return x.astype(NAMES[node.integer("to", 0)])


def _divide(_: Node, x: Elements, y: Elements) -> Elements:
    if x.dtype.kind not in "iu":
        found: Elements = np.divide(x, y)
        return found
    # Towards zero, as in C.
    sign = np.sign(x) * np.sign(y) if x.dtype.kind == "i" else 1
    return np.asarray(sign * (np.abs(x) // np.abs(y))).astype(x.dtype)


def _modulo(node: Node, x: Elements, y: Elements) -> Elements:
    found: Elements = np.fmod(x, y) if node.integer("fmod", 0) else np.mod(x, y)
    return found


def _gather(node: Node, x: Elements, index: Elements) -> Elements:
    axis = node.integer("axis", 0)
    if (index.size // max(x.shape[axis], 1)) * x.size > MOST * 4:
        raise ValueError("it is too large")
    return np.take(x, index, axis)


def _concat(node: Node, *arrays: Elements) -> Elements:
    return np.concatenate(arrays, node.integer("axis", 1))


def _transpose(node: Node, x: Elements) -> Elements:
    return np.transpose(x, node.integers("perm", None))


def _expand(_: Node, x: Elements, shape: Elements) -> Elements:
    wanted = np.broadcast_shapes(x.shape, tuple(_ints(shape) or ()))
    return np.broadcast_to(x, wanted)


def _tile(_: Node, x: Elements, repeats: Elements) -> Elements:
    if prod(x.shape) * prod(_ints(repeats) or [1]) > MOST:
        raise ValueError("it is too large")
    return np.tile(x, repeats)


def _flatten(node: Node, x: Elements) -> Elements:
    axis = node.integer("axis", 1)
    axis = axis + x.ndim if axis < 0 else axis
    return x.reshape(prod(x.shape[:axis]), -1)


def _clip(
    node: Node, x: Elements, low: Elements | None = None, high: Elements | None = None
) -> Elements:
    lo = node.number("min", None) if low is None else low
    hi = node.number("max", None) if high is None else high
    found: Elements = x if lo is None and hi is None else np.clip(x, lo, hi)
    return found.astype(x.dtype)


def _shape(node: Node, x: Elements) -> Elements:
    return np.array(x.shape[slice(node.integer("start", 0), node.integer("end", None))], np.int64)


def _non_zero(_: Node, x: Elements) -> Elements:
    return np.array(np.nonzero(np.atleast_1d(x)), np.int64)


def _unary(function: Function) -> Function:
    def run(_: Node, x: Elements) -> Elements:
        return np.asarray(function(x)).astype(x.dtype)

    return run


def _binary(function: Function) -> Function:
    return lambda _, x, y: function(x, y)


def _several(function: Function) -> Function:
    def run(_: Node, *arrays: Elements) -> Elements:
        found = arrays[0]
        for other in arrays[1:]:
            found = function(found, other)
        return found

    return run


NUMPY: dict[str, Function] = {
    "Abs": _unary(np.abs),
    "Add": _binary(np.add),
    "And": _binary(np.logical_and),
    "Cast": _cast,
    "CastLike": lambda _, x, like: x.astype(like.dtype),
    "Ceil": _unary(np.ceil),
    "Clip": _clip,
    "Concat": _concat,
    "ConstantOfShape": _of_shape,
    "Cos": _unary(np.cos),
    "Div": _divide,
    "Equal": _binary(np.equal),
    "Exp": _unary(np.exp),
    "Expand": _expand,
    "Flatten": _flatten,
    "Floor": _unary(np.floor),
    "Gather": _gather,
    "Greater": _binary(np.greater),
    "GreaterOrEqual": _binary(np.greater_equal),
    "Identity": lambda _, x: x,
    "Less": _binary(np.less),
    "LessOrEqual": _binary(np.less_equal),
    "Log": _unary(np.log),
    "Max": _several(np.maximum),
    "Min": _several(np.minimum),
    "Mod": _modulo,
    "Mul": _binary(np.multiply),
    "Neg": _unary(np.negative),
    "NonZero": _non_zero,
    "Not": lambda _, x: np.logical_not(x),
    "Or": _binary(np.logical_or),
    "Pow": lambda _, x, y: np.power(x, y).astype(x.dtype),
    "Range": _range,
    "Reciprocal": _unary(np.reciprocal),
    "ReduceMax": _reduced(np.max),
    "ReduceMean": _reduced(np.mean),
    "ReduceMin": _reduced(np.min),
    "ReduceProd": _reduced(np.prod),
    "ReduceSum": _reduced(np.sum),
    "Relu": _unary(lambda x: np.maximum(x, 0)),
    "Reshape": _reshape,
    "Shape": _shape,
    "Sin": _unary(np.sin),
    "Size": lambda _, x: np.array(x.size, np.int64),
    "Slice": _slice,
    "Split": _split,
    "Sqrt": _unary(np.sqrt),
    "Squeeze": _squeeze,
    "Sub": _binary(np.subtract),
    "Sum": _several(np.add),
    "Tanh": _unary(np.tanh),
    "Tile": _tile,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
    "Where": lambda _, c, x, y: np.where(c, x, y),
    "Xor": _binary(np.logical_xor),
}
"""Operators that NumPy computes."""
