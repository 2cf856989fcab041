"""Operators that read position for position, and choices between values."""

from __future__ import annotations

from typing import Any

from fieldscope.frontends.lowering.call import ADDED
from fieldscope.frontends.lowering.program import Call, Tensor
from fieldscope.frontends.lowering.registry import Rule
from fieldscope.frontends.tensorflow.lowering.registry import lowers
from fieldscope.frontends.tensorflow.lowering.windows import follow_alike
from fieldscope.frontends.tensorflow.node import Node
from fieldscope.graph.operators import Pointwise

POINTWISE = """
Abs Acos Acosh Add AddN Angle ApproximateEqual Asin Asinh Atan Atan2 Atanh BesselI0 BesselI0e
BesselI1 BesselI1e Betainc BitwiseAnd BitwiseOr BitwiseXor Bucketize Cast Ceil ClipByValue
Complex ComplexAbs Conj Cos Cosh Dequantize Digamma Div DivNoNan Elu Equal Erf Erfc Erfinv Exp
Expm1 FakeQuantWithMinMaxArgs FakeQuantWithMinMaxVars FakeQuantWithMinMaxVarsPerChannel Floor
FloorDiv FloorMod Greater GreaterEqual Igamma Igammac Imag Inv Invert IsFinite IsInf IsNan
LeakyRelu LeftShift Less LessEqual Lgamma Log Log1p LogicalAnd LogicalNot LogicalOr Maximum
Minimum Mod MulNoNan Ndtri Neg NextAfter NotEqual Polygamma PopulationCount Pow
QuantizeAndDequantizeV2 QuantizeAndDequantizeV3 QuantizeAndDequantizeV4 Real RealDiv Reciprocal
Relu Relu6 RightShift Rint Round Rsqrt Selu Sigmoid Sign Sin Sinh Softplus Softsign Sqrt Square
SquaredDifference Tan Tanh TruncateDiv TruncateMod Xdivy Xlog1py Xlogy Zeta ReluGrad Relu6Grad
EluGrad SeluGrad SigmoidGrad TanhGrad SqrtGrad RsqrtGrad InvGrad ReciprocalGrad SoftplusGrad
SoftsignGrad LeakyReluGrad
""".split()

ZERO = Pointwise(zero="zero")
SCALED = Pointwise(zero="zero", minus_infinity="minus infinity")
EXPONENTIAL = Pointwise(minus_infinity="zero")

CONSTANTS = {
    "Cast": SCALED,
    "Exp": EXPONENTIAL,
    **dict.fromkeys("Abs LeakyRelu Neg Relu Sign Sqrt Square Tanh".split(), ZERO),
}
"""What becomes of a mask's zero or minus infinity; operators not listed lose it."""

_SPECIAL = ("Add", "RealDiv", "Div")


def _rule(operator: Pointwise) -> Rule:
    def pointwise(call: Call, node: Node, *operands: Tensor) -> int:
        """Each element reads the same position of each operand."""
        result = call.pointwise(*operands, operator=operator)
        follow_alike(call, node, operands, result)
        return result

    return pointwise


for _name in POINTWISE:
    if _name not in _SPECIAL:
        lowers(_name)(_rule(CONSTANTS.get(_name, Pointwise())))


@lowers("AddV2", "Add")
def add(call: Call, node: Node, x: Tensor, y: Tensor) -> int:
    """A sum; where a constant minus infinity is added (a mask), nothing is read."""
    for one, other in ((x, y), (y, x)):
        if one.value is not None and other.value is None:
            result = call.added(one.value, _mask(other))
            follow_alike(call, node, (x, y), result)
            return result
    return call.pointwise(x, y, operator=ADDED)


def _mask(constant: Tensor) -> Any:
    """A constant's elements if it is of a size that masks have."""
    known = constant.elements() if constant.ndim else None
    return None if known is None or known.dtype.kind != "f" else slim(known)


def slim(table: Any) -> Any:
    """A table with extent 1 on the axes along which it doesn't vary, such as those of heads.

    Example:
        >>> import numpy as np
        >>> slim(np.array([[[True, False]], [[True, False]]])).shape
        (1, 1, 2)
    """
    for axis in range(table.ndim):
        first = table.take([0], axis=axis) if table.shape[axis] > 1 else table
        if first is not table and (table == first).all():
            table = first
    return table


@lowers("Sub")
def subtract(call: Call, node: Node, x: Tensor, y: Tensor) -> int:
    """A difference; where a constant infinity is taken away (a mask), nothing is read."""
    known = _mask(y) if y.value is None else None
    if x.value is not None and known is not None:
        return call.added(x.value, -known)
    result = call.pointwise(x, y, operator=ADDED)
    follow_alike(call, node, (x, y), result)
    return result


@lowers("Mul", "RealDiv", "Div")
def scale(call: Call, node: Node, x: Tensor, y: Tensor) -> int:
    """A product or quotient: zero stays, and by a positive number so does minus infinity."""
    known = None
    for one in (y, x) if node.operation.type == "Mul" else (y,):
        if one.value is None and one.ndim == 0:
            known = one.elements()
    positive = known is not None and known.dtype.kind in "fiu" and bool(known > 0)
    result = call.pointwise(x, y, operator=SCALED if positive else ZERO)
    follow_alike(call, node, (x, y), result)
    return result


@lowers("BiasAdd")
def bias_add(call: Call, node: Node, x: Tensor, bias: Tensor) -> int:
    """A number per channel is added."""
    if bias.value is not None and node.channels_first():
        shape = (bias.shape[0], *[1] * (x.ndim - 2))
        return call.pointwise(x, call.reshape(bias.value, shape))
    result = call.pointwise(x, bias, operator=ADDED)
    follow_alike(call, node, (x, bias), result)
    return result


@lowers("SelectV2", "Select")
def select(call: Call, node: Node, condition: Tensor, first: Tensor, second: Tensor) -> int:
    """A constant condition chooses positions; one that depends on the input is read too."""
    rows = node.operation.type == "Select" and condition.ndim == 1 < len(call.shape)
    tail = (1,) * (len(call.shape) - 1) if rows else ()
    known = call.concrete(condition)
    if known is None:
        parts: list[object] = [first, second]
        if condition.value is not None:
            parts.append(call.reshape(condition.value, (*condition.shape, *tail)))
        return call.pointwise(*parts)
    known = slim(known.reshape((*known.shape, *tail)))
    kept = []
    for branch, other, keep in ((first, second, known), (second, first, ~known)):
        if branch.value is not None:
            value = call.expand(branch.value, call.shape)
            kept.append(call.mask(value, keep, filling=_filling(other)))
    return kept[0] if len(kept) == 1 else call.pointwise(*kept)


def _filling(other: Tensor) -> Any:
    """The one number that a constant consists of, if it does."""
    known = other.elements() if other.value is None else None
    if known is None or not known.size or known.dtype.kind not in "fiu":
        return None
    first = known.reshape(-1)[0]
    return first if known.size == 1 or bool((known == first).all()) else None


@lowers("Bitcast")
def bitcast(call: Call, node: Node, x: Tensor) -> int | tuple[int, ...]:
    """The same elements read as another type."""
    value, old, new = call.value(x), x.shape, call.shape
    if old == new:
        return value
    if len(new) == len(old) + 1:
        return call.expand(call.reshape(value, (*old, 1)), new)
    return call.reduce(value, (len(old) - 1,))


@lowers("QuantizeV2", "QuantizedRelu", "QuantizedRelu6")
def quantize(call: Call, node: Node, x: Tensor, *ranges: Tensor) -> tuple[int | None, ...]:
    """Position for position; ranges that depend on the input are read everywhere."""
    given = [
        call.reduce(call.value(r), range(r.ndim)) if r.ndim else call.value(r)
        for r in ranges
        if r.value is not None
    ]
    parts: list[object] = [x, *given]
    others = [call.pointwise(*given, shape=()) if given else None] * (len(call.results) - 1)
    return (call.pointwise(*parts), *others)


@lowers("OneHot")
def one_hot(call: Call, node: Node, indices: Tensor, *rest: Tensor) -> int:
    """Each row reads its index."""
    axis = node["axis"] % len(call.shape)
    parts = []
    if indices.value is not None:
        kept = (*range(axis), -1, *range(axis, indices.ndim))
        parts.append(call.continued(indices.value, kept))
    parts += [call.value(one) for one in rest[1:] if one.value is not None]
    return call.pointwise(*parts)


@lowers("Fill")
def fill(call: Call, node: Node, dims: Tensor, x: Tensor) -> int:
    """One value everywhere."""
    return call.expand(call.value(x), call.shape)


@lowers("LinSpace")
def ramp(call: Call, node: Node, *operands: Tensor) -> int:
    """Every element reads the ends."""
    values = [call.value(one) for one in operands if one.value is not None]
    return call.pointwise(*(call.expand(value, call.shape) for value in values))
