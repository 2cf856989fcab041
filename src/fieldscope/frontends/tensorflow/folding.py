"""What is computed from constants alone, computed by TensorFlow itself where it is asked for.

Only operators from a list of pure ones are run: none that reads or writes files, calls Python
or draws numbers. No result of more than a number of elements is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy.typing as npt
import tensorflow as tf
from tensorflow.python.eager import context, execute

from fieldscope.frontends.lowering.program import Tensor
from fieldscope.graph.graph import Shape

MOST_ELEMENTS = 1 << 24
"""Constants of more elements are left unknown."""

PURE = frozenset(
    """
    Abs Acos Acosh Add AddN AddV2 All Any ApproximateEqual ArgMax ArgMin Asin Asinh Atan Atan2
    Atanh AvgPool BatchMatMul BatchMatMulV2 BatchToSpaceND BiasAdd Bitcast BitwiseAnd BitwiseOr
    BitwiseXor BroadcastArgs BroadcastTo Bucketize Cast Ceil CheckNumerics ClipByValue Complex
    Concat ConcatOffset ConcatV2 Conj Cos Cosh Cross Cumprod Cumsum DepthToSpace
    DiagPart Diag Digamma Div DivNoNan DynamicStitch Einsum Elu EnsureShape Equal Erf Erfc Erfinv
    Exp ExpandDims Expm1 ExtractImagePatches Fill Floor FloorDiv FloorMod Gather GatherNd
    GatherV2 Greater GreaterEqual Identity IdentityN Imag InvertPermutation Invert IsFinite
    IsInf IsNan L2Loss LeakyRelu LeftShift Less LessEqual Lgamma LinSpace ListDiff Log Log1p
    LogicalAnd LogicalNot LogicalOr MatMul MatrixBandPart MatrixDiag MatrixDiagPart
    MatrixDiagPartV2 MatrixDiagPartV3 MatrixDiagV2 MatrixDiagV3 MatrixSetDiag MatrixSetDiagV2
    MatrixSetDiagV3 Max Maximum Mean Min Minimum MirrorPad Mod Mul MulNoNan Neg NextAfter
    NotEqual OneHot OnesLike Pack Pad PadV2 ParallelConcat Pow PreventGradient Prod Range Rank
    Real RealDiv Reciprocal Relu Relu6 Reshape ResizeArea ResizeBicubic ResizeBilinear
    ResizeNearestNeighbor Reverse ReverseSequence ReverseV2 RightShift Rint Roll Round Rsqrt
    ScaleAndTranslate ScatterNd Select SelectV2 Selu Shape ShapeN Sigmoid Sign Sin Sinh Size
    Slice Snapshot Softmax Softplus Softsign SpaceToBatchND SpaceToDepth Split SplitV Sqrt
    Square SquaredDifference Squeeze StopGradient StridedSlice Sub Sum Tan Tanh
    TensorScatterAdd TensorScatterMax TensorScatterMin TensorScatterSub TensorScatterUpdate
    Tile TopKV2 Transpose TruncateDiv TruncateMod UnravelIndex Unique UniqueV2
    Unpack UnsortedSegmentMax UnsortedSegmentSum Where Xdivy Xlog1py Xlogy ZerosLike
    """.split()
)
"""Operators that do nothing but compute, with results no larger than their shapes say."""

_BOUNDED = frozenset(["Where", "Unique", "UniqueV2", "ListDiff"])
"""Operators whose results' extents aren't inferred, but no larger than their operands."""


class Folded:
    """The results of an operation on constants, computed when one of them is asked for."""

    __slots__ = ("_done", "_found", "_inputs", "_operation")

    def __init__(self, operation: tf.Operation, inputs: Sequence[Tensor]) -> None:
        self._operation: tf.Operation | None = operation
        self._inputs: Sequence[Tensor] = inputs
        self._found: list[npt.NDArray[Any]] | None = None

    def output(self, place: int) -> npt.NDArray[Any] | None:
        """The elements of a result; None if they can't be known."""
        if self._operation is not None:
            self._found = computed(self._operation, self._inputs)
            self._operation, self._inputs = None, ()
        return None if self._found is None else self._found[place]


def computed(operation: tf.Operation, inputs: Sequence[Tensor]) -> list[npt.NDArray[Any]] | None:
    """Run an operator of the list on constants; None if it isn't in it, or one isn't known."""
    kind = operation.type
    if kind == "Const":
        return _written(operation)
    if kind not in PURE:
        return None
    arrays = []
    for one in inputs:
        array = one.elements()
        if array is None or array.dtype.kind in "OSU":
            return None
        arrays.append(array)
    if kind not in _BOUNDED:
        shapes = [_shape(output) for output in operation.outputs]
        if None in shapes or any(
            one.shape != _shape(t) for one, t in zip(arrays, operation.inputs, strict=True)
        ):
            shapes = inferred(operation, inputs)
        if any(shape is None or prod(shape) > MOST_ELEMENTS for shape in shapes):
            return None
    attributes: list[Any] = []
    for name in operation.op_def.attr:
        attributes += [name.name, operation.get_attr(name.name)]
    try:
        with context.eager_mode(), tf.device("CPU:0"):
            dtypes = [given.dtype for given in operation.inputs]
            results = execute.execute(
                kind,
                len(operation.outputs),
                [tf.constant(a, t) for a, t in zip(arrays, dtypes, strict=True)],
                tuple(attributes),
                context.context(),
            )
            return [result.numpy() for result in results]
    except (tf.errors.OpError, ValueError, TypeError):
        return None


def _written(operation: tf.Operation) -> list[npt.NDArray[Any]] | None:
    shape = _shape(operation.outputs[0])
    if shape is None or prod(shape) > MOST_ELEMENTS or operation.outputs[0].dtype == tf.string:
        return None
    return [tf.make_ndarray(operation.get_attr("value"))]


def _shape(tensor: tf.Tensor) -> Shape | None:
    return shape_of(tensor)


def shape_of(tensor: tf.Tensor) -> Shape | None:
    """The shape of a tensor of a graph; None if some of it isn't known."""
    shape = tensor.shape
    if shape.rank is None:
        return None
    found = tuple(shape)
    return None if None in found else found


_WRITTEN_OUT = 1 << 14
"""Constants of more elements don't tell shapes."""


def inferred(operation: tf.Operation, inputs: Sequence[Tensor]) -> list[Shape | None]:
    """The shapes of an operation's results, from its operands' shapes and constants."""
    graph = tf.Graph()
    with graph.as_default():
        given = []
        for one, tensor in zip(inputs, operation.inputs, strict=True):
            known = (
                one.elements() if one.value is None and prod(one.shape) <= _WRITTEN_OUT else None
            )
            if known is not None and known.dtype.kind not in "OSU":
                given.append(tf.constant(known, tensor.dtype))
            else:
                given.append(tf.compat.v1.placeholder(tensor.dtype, one.shape))
        try:
            again = graph._create_op_internal(
                operation.type,
                given,
                [output.dtype for output in operation.outputs],
                attrs=dict(operation.node_def.attr),
            )
        except (tf.errors.OpError, ValueError, TypeError):
            return [None] * len(operation.outputs)
    return [shape_of(output) for output in again.outputs]
