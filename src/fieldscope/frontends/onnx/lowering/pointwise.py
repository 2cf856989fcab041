"""Operators that read position for position."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from fieldscope.frontends.lowering.call import ADDED, Call
from fieldscope.frontends.lowering.program import Tensor
from fieldscope.frontends.lowering.registry import Rule
from fieldscope.frontends.onnx.lowering.registry import like_first, lowers
from fieldscope.frontends.onnx.node import Node
from fieldscope.graph.operators import Pointwise

POINTWISE = """
Acos Acosh And Asin Asinh Atan Atanh Bernoulli BitCast BitShift BitwiseAnd BitwiseNot
BitwiseOr BitwiseXor Ceil Celu Clip Cos Cosh Elu Equal Erf Floor Gelu Greater
GreaterOrEqual HardSigmoid HardSwish IsInf IsNaN Less LessOrEqual Log Mish Mod Not Or
PRelu Pow Reciprocal Round Selu Shrink Sigmoid Sign Sin Sinh Softplus Softsign Swish
Tan ThresholdedRelu Xor
""".split()
"""Operators of ONNX's own domain whose every result element reads one position of each operand."""

ZERO = Pointwise(zero="zero")
SCALED = Pointwise(zero="zero", minus_infinity="minus infinity")
EXPONENTIAL = Pointwise(minus_infinity="zero")

KEEP_ZERO = "Abs Neg Relu LeakyRelu Sqrt Tanh".split()
"""Operators that keep zero, of which a mask may be made, zero."""

CONSTANTS = {
    "Exp": EXPONENTIAL,
    "Sub": ADDED,
    **dict.fromkeys(KEEP_ZERO, ZERO),
}
"""What becomes of a mask's zero or minus infinity; operators not listed lose it."""

JOINS = ["Max", "Mean", "Min", "Sum"]

QUANTISED = "QLinearAdd QLinearLeakyRelu QLinearMul QLinearSigmoid".split()
"""Operators on integers with a scale and a zero point, in the domain com.microsoft."""

ACTIVATIONS = "BiasGelu FastGelu Gelu QuickGelu".split()
"""Activations in the domain com.microsoft, of which some add a bias."""


def _rule(operator: Pointwise) -> Rule:
    def pointwise(call: Call, _: Node, *tensors: Tensor | None) -> int:
        """Each element reads the same position of each operand."""
        return call.pointwise(*tensors, operator=operator)

    return pointwise


for _name in (*POINTWISE, *JOINS, *CONSTANTS):
    lowers(_name)(_rule(CONSTANTS.get(_name, Pointwise())))
for _name in ACTIVATIONS:
    lowers(f"com.microsoft.{_name}", shapes=like_first)(_rule(Pointwise()))


def _broadcast(_: Node, *tensors: Any) -> list[tuple[tuple[int | None, ...] | None, str]]:
    shapes = [one.shape for one in tensors if one is not None]
    return [(np.broadcast_shapes(*shapes), tensors[0].dtype)]


for _name in QUANTISED:
    lowers(f"com.microsoft.{_name}", shapes=_broadcast)(_rule(Pointwise()))


@lowers("Cast")
def cast(call: Call, _: Node, x: Tensor) -> int:
    """The same position; zero and infinity stay what they are."""
    return call.pointwise(x, operator=SCALED)


@lowers("CastLike")
def cast_like(call: Call, _: Node, x: Tensor, like: Tensor) -> int:
    """The same position; of the other operand only the type counts."""
    return call.pointwise(x, operator=SCALED)


@lowers("Identity")
def identity(call: Call, _: Node, x: Tensor) -> int:
    """The same elements."""
    return call.value(x)


@lowers("Dropout")
def dropout(call: Call, _: Node, x: Tensor, *__: Tensor | None) -> tuple[int | None, ...]:
    """The same position; which elements are dropped doesn't depend on the input."""
    return (call.pointwise(x, operator=SCALED), *(None for _ in call.results[1:]))


@lowers("RandomNormalLike", "RandomUniformLike")
def random(call: Call, _: Node, x: Tensor) -> None:
    """Nothing: of the operand only the shape counts."""


@lowers("Mul", "Div")
def scale(call: Call, _: Node, x: Tensor, y: Tensor) -> int:
    """A product or quotient: zero stays, and by a positive number so does minus infinity."""
    positive = False
    if not call.depends(y) and len(y.shape) < 2 and y.shape in ((), (1,)):
        known = call.concrete(y)
        positive = known is not None and bool((known > 0).all())
    return call.pointwise(x, y, operator=SCALED if positive else ZERO)


@lowers("Add")
def add(call: Call, _: Node, x: Tensor, y: Tensor) -> int:
    """A sum; where a constant minus infinity is added (a mask), nothing is read."""
    for one, other in ((x, y), (y, x)):
        if call.depends(one) and not call.depends(other):
            known = call.concrete(other) if "float" in other.dtype else None
            return call.added(call.value(one), known)
    return call.pointwise(x, y, operator=ADDED)


@lowers("Where")
def where(call: Call, _: Node, condition: Tensor, first: Tensor, second: Tensor) -> int | None:
    """A constant condition chooses positions; one that depends on the input is read too."""
    known = call.concrete(condition)
    if known is None:
        return call.pointwise(condition, first, second)
    fillings = [call.concrete(one) if prod(one.shape) == 1 else None for one in (second, first)]
    return _chosen(call, known, (first, second), fillings)


def _chosen(
    call: Call,
    known: npt.NDArray[Any],
    branches: tuple[Tensor, Tensor],
    fillings: Sequence[object] = (None, None),
) -> int:
    """The first of two where a constant is true, else the second; each with what fills it."""
    parts = []
    for branch, filling, keep in zip(branches, fillings, (known, ~known), strict=True):
        if call.depends(branch):
            value = call.expand(call.value(branch), call.shape)
            parts.append(call.mask(value, keep, filling=filling))
    return call.pointwise(*parts) if len(parts) > 1 else parts[0]


@lowers(
    "com.microsoft.QLinearWhere",
    shapes=lambda _, *t: [(np.broadcast_shapes(t[0].shape, t[1].shape, t[4].shape), t[1].dtype)],
)
def quantised_where(call: Call, _: Node, condition: Tensor, *tensors: Tensor) -> int:
    """A constant condition chooses positions; one that depends on the input is read too."""
    first, second, scales = tensors[0], tensors[3], (*tensors[1:3], *tensors[4:])
    known = call.concrete(condition)
    if known is None or any(call.depends(one) for one in scales):
        return call.pointwise(condition, *tensors)
    return _chosen(call, known, (first, second))


def along_axis(call: Call, tensor: Tensor | None, axis: int, ndim: int) -> int | None:
    """A parameter for each index of an axis, as it broadcasts; None for a constant."""
    if tensor is None or not call.depends(tensor):
        return None
    count = prod(tensor.shape)
    shape = [1] * ndim
    if count != 1:
        shape[axis] = count
    return call.reshape(call.value(tensor), shape)


def _quantised_shapes(_: Node, x: Tensor, scale: Tensor, *zero: Tensor | None) -> list[Any]:
    return [(x.shape, zero[0].dtype if zero and zero[0] is not None else "uint8")]


@lowers("QuantizeLinear", "DequantizeLinear")
@lowers("com.microsoft.QuantizeLinear", shapes=_quantised_shapes)
@lowers(
    "com.microsoft.DequantizeLinear",
    shapes=lambda _, x, scale, *zero: [(x.shape, scale.dtype)],
)
def quantize(
    call: Call, node: Node, x: Tensor, scale: Tensor, zero: Tensor | None = None
) -> int | tuple[int, ...]:
    """The same position, and its scale and zero point."""
    if (call.depends(scale) or call.depends(zero)) and len(scale.shape) > 1:
        return call.opaque([x, scale, zero], "its scales by blocks depend on the input")
    axis = node.integer("axis", 1)
    ndim = len(call.shape)
    return call.pointwise(x, *(along_axis(call, one, axis, ndim) for one in (scale, zero)))


@lowers("DynamicQuantizeLinear")
def dynamic_quantize(call: Call, _: Node, x: Tensor) -> tuple[int, ...]:
    """The same position and the range of all elements, of which scale and zero point are made."""
    value = call.value(x)
    extremes = call.reduce(value, range(x.ndim)) if x.ndim else value
    spread = call.reshape(extremes, (1,) * x.ndim)
    return (call.pointwise(value, spread, shape=x.shape), extremes, extremes)[: len(call.results)]
