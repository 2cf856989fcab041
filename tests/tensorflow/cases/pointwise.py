"""Operators that read position for position."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.python.framework import op_def_registry

from fieldscope.frontends.tensorflow.lowering.pointwise import POINTWISE as NAMES
from tests.tensorflow.cases.case import Case

R = tf.raw_ops
TABLE = tf.constant(np.arange(6).reshape(2, 3) + 1, tf.float32)


MASK = tf.constant([[True, False, True], [True, True, False]])
VALUES = tf.constant([[1.0], [2.0], [4.0]])


def attended(scores: tf.Tensor) -> tf.Tensor:
    return tf.einsum("...a,ab->...b", tf.nn.softmax(scores), VALUES)


def whole(x: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.round(x * 10) + 64, tf.int32)


def positive(x: tf.Tensor) -> tf.Tensor:
    return tf.exp(x) + 1.1


def inside(x: tf.Tensor) -> tf.Tensor:
    return tf.tanh(x) * 0.9


BY_HAND: dict[str, Callable[..., Any]] = {
    "AddN": lambda x, y: R.AddN(inputs=[x, y]),
    "Acos": lambda x: R.Acos(x=inside(x)),
    "Acosh": lambda x: R.Acosh(x=positive(x)),
    "Angle": lambda x, y: R.Angle(input=tf.complex(x, y)),
    "ApproximateEqual": lambda x, y: R.ApproximateEqual(x=x, y=y, tolerance=0.5),
    "Asin": lambda x: R.Asin(x=inside(x)),
    "Atanh": lambda x: R.Atanh(x=inside(x)),
    "Betainc": lambda x, y: R.Betainc(a=positive(x), b=positive(y), x=tf.fill((2, 3), 0.5)),
    "BitwiseAnd": lambda x, y: R.BitwiseAnd(x=whole(x), y=whole(y)),
    "BitwiseOr": lambda x, y: R.BitwiseOr(x=whole(x), y=whole(y)),
    "BitwiseXor": lambda x, y: R.BitwiseXor(x=whole(x), y=whole(y)),
    "Bucketize": lambda x: R.Bucketize(input=x, boundaries=[-1.0, 0.0, 1.0]),
    "Cast": lambda x: R.Cast(x=x, DstT=tf.float64),
    "ClipByValue": lambda x, y: R.ClipByValue(t=x, clip_value_min=y, clip_value_max=y + 5),
    "Complex": lambda x, y: R.Real(input=R.Complex(real=x, imag=y)) + y,
    "ComplexAbs": lambda x, y: R.ComplexAbs(x=tf.complex(x, y)),
    "Conj": lambda x, y: R.Imag(input=R.Conj(input=tf.complex(x, y))),
    "Dequantize": lambda x: R.Dequantize(
        input=tf.quantization.quantize(x, -6.0, 6.0, tf.qint8)[0], min_range=-6.0, max_range=6.0
    ),
    "DivNoNan": lambda x, y: R.DivNoNan(x=x, y=y),
    "Equal": lambda x, y: R.Equal(x=x, y=y),
    "Erfinv": lambda x: R.Erfinv(x=inside(x)),
    "FakeQuantWithMinMaxVars": lambda x: R.FakeQuantWithMinMaxVars(inputs=x, min=-9.0, max=9.0),
    "FakeQuantWithMinMaxVarsPerChannel": lambda x: R.FakeQuantWithMinMaxVarsPerChannel(
        inputs=x, min=[-9.0] * 3, max=[9.0] * 3
    ),
    "Igamma": lambda x, y: R.Igamma(a=positive(x), x=positive(y)),
    "Igammac": lambda x, y: R.Igammac(a=positive(x), x=positive(y)),
    "Imag": lambda x, y: R.Imag(input=tf.complex(x, y)) * x,
    "Invert": lambda x: R.Invert(x=whole(x)),
    "LeftShift": lambda x, y: R.LeftShift(x=whole(x), y=whole(y) % 4),
    "Log": lambda x: R.Log(x=positive(x)),
    "Log1p": lambda x: R.Log1p(x=positive(x)),
    "LogicalAnd": lambda x, y: R.LogicalAnd(x=x > 0, y=y > 0),
    "LogicalNot": lambda x: R.LogicalNot(x=x > 0),
    "LogicalOr": lambda x, y: R.LogicalOr(x=x > 0, y=y > 0),
    "Mod": lambda x, y: R.Mod(x=whole(x), y=whole(y) + 1),
    "Ndtri": lambda x: R.Ndtri(x=tf.sigmoid(x)),
    "Polygamma": lambda x: R.Polygamma(a=tf.ones((2, 3)), x=positive(x)),
    "PopulationCount": lambda x: R.PopulationCount(x=whole(x)),
    "Pow": lambda x, y: R.Pow(x=positive(x), y=y),
    "QuantizeAndDequantizeV2": lambda x: R.QuantizeAndDequantizeV2(
        input=x, input_min=-9.0, input_max=9.0, range_given=True
    ),
    "QuantizeAndDequantizeV3": lambda x: R.QuantizeAndDequantizeV3(
        input=x, input_min=-9.0, input_max=9.0, num_bits=16, range_given=True
    ),
    "QuantizeAndDequantizeV4": lambda x: R.QuantizeAndDequantizeV4(
        input=x, input_min=-9.0, input_max=9.0, range_given=True
    ),
    "Real": lambda x, y: R.Real(input=tf.complex(x, y)) * y,
    "RightShift": lambda x, y: R.RightShift(x=whole(x), y=whole(y) % 4),
    "Rsqrt": lambda x: R.Rsqrt(x=positive(x)),
    "Sqrt": lambda x: R.Sqrt(x=positive(x)),
    "TruncateMod": lambda x, y: R.TruncateMod(x=x, y=positive(y)),
    "Xlog1py": lambda x, y: R.Xlog1py(x=x, y=positive(y)),
    "Xlogy": lambda x, y: R.Xlogy(x=x, y=positive(y)),
    "Zeta": lambda x, y: R.Zeta(x=positive(x) + 1, q=positive(y)),
}
"""Operators whose operands aren't just real numbers."""

STEPS = frozenset(
    """
    Angle ApproximateEqual BitwiseAnd BitwiseOr BitwiseXor Bucketize Ceil ClipByValue Dequantize
    DivNoNan Equal FakeQuantWithMinMaxArgs FakeQuantWithMinMaxVars
    FakeQuantWithMinMaxVarsPerChannel Floor FloorDiv FloorMod Greater GreaterEqual Invert IsFinite
    IsInf IsNan LeftShift Less LessEqual LogicalAnd LogicalNot LogicalOr Maximum Minimum Mod
    MulNoNan NextAfter NotEqual PopulationCount QuantizeAndDequantizeV2 QuantizeAndDequantizeV3
    QuantizeAndDequantizeV4 Relu Relu6 Relu6Grad ReluGrad RightShift Rint Round Sign TruncateDiv
    TruncateMod Conj EluGrad SeluGrad LeakyReluGrad SoftplusGrad SoftsignGrad Selu Elu
    Erf Erfc Softplus Igamma Igammac Betainc Zeta Polygamma
    """.split()
)
"""Operators that change by steps, or not at all over a range: perturbation misses some."""


def _plain(name: str) -> Callable[..., Any]:
    operator = getattr(R, name)
    names = [argument.name for argument in op_def_registry.get(name).input_arg]

    def one(x: tf.Tensor) -> Any:
        return operator(**{names[0]: x})

    def two(x: tf.Tensor, y: tf.Tensor) -> Any:
        return operator(**dict(zip(names, (x, y), strict=True)))

    return one if len(names) == 1 else two


def _case(name: str) -> Case:
    function = BY_HAND.get(name) or _plain(name)
    two = function.__code__.co_argcount == 2
    shapes: list[tuple[int, ...]] = [(2, 3), (2, 3)] if two else [(2, 3)]
    return Case(function, shapes, equal=name not in STEPS, rounds=3)


POINTWISE: dict[str, Case] = {
    **{name: _case(name) for name in NAMES},
    "add-broadcast": Case(lambda x, y: x + y, [(2, 1, 3), (4, 1)]),
    "Add": Case(lambda x: R.Add(x=x, y=TABLE), (2, 3)),
    "add-mask": Case(
        lambda x: attended(x + tf.constant([[0.0, 0, -1e9], [0, -1e9, 0], [0, 0, 0]])),
        (2, 3, 3),
    ),
    "add-constants": Case(lambda x: tf.constant([1.0, -1e9]) + x * 0.5, (3, 2)),
    "Sub": Case(lambda x: x - TABLE, (2, 3)),
    "sub-from": Case(lambda x: TABLE - x, (2, 3)),
    "sub-mask": Case(lambda x: attended(x - tf.constant([0.0, 1e9, 0.0])), (2, 3)),
    "Mul": Case(lambda x: x * TABLE, (2, 3)),
    "mul-two": Case(lambda x, y: x * y, [(2, 3), (3,)]),
    "mul-mask": Case(lambda x: attended((x + tf.constant([0.0, -1e9, 0.0])) * 0.5), (2, 3)),
    "RealDiv": Case(lambda x: x / TABLE, (2, 3)),
    "Div": Case(lambda x: R.Div(x=x, y=TABLE), (2, 3)),
    "BiasAdd": Case(lambda x: tf.nn.bias_add(x, [1.0, 2.0]), (1, 2, 2, 2)),
    "bias-first": Case(lambda x: tf.nn.bias_add(x, [1.0, 2.0], data_format="NCHW"), (1, 2, 2, 2)),
    "bias-from-input": Case(
        lambda x, b: tf.nn.bias_add(x, b, data_format="NCHW"), [(1, 2, 2, 2), (2,)]
    ),
    "SelectV2": Case(lambda x, y: tf.where(TABLE > 3, x, y), [(2, 3), (2, 3)]),
    "select-by-input": Case(lambda x, y: tf.where(x > 0, y, y * 2), [(2, 3), (2, 3)], rounds=9),
    "select-filling": Case(lambda x: attended(tf.where(MASK, x, -np.inf)), (2, 3)),
    "Select": Case(
        lambda x, y: R.Select(condition=tf.constant([True, False]), x=x, y=y), [(2, 3), (2, 3)]
    ),
    "select-rows-by-input": Case(
        lambda x, y: R.Select(condition=x[:, 0] > 0, x=x, y=y), [(2, 3), (2, 3)], rounds=9
    ),
    "Bitcast": Case(lambda x: tf.bitcast(x, tf.int32), (2, 3)),
    "bitcast-narrow": Case(lambda x: tf.bitcast(x, tf.int8), (2, 3), equal=False),
    "bitcast-wide": Case(lambda x: tf.bitcast(tf.bitcast(x, tf.int32), tf.int64), (3, 2)),
    "QuantizeV2": Case(
        lambda x: tf.cast(tf.quantization.quantize(x, -6.0, 6.0, tf.qint8)[0], tf.int32),
        (2, 3),
        equal=False,
    ),
    "quantize-by-range": Case(
        lambda x: tf.cast(
            tf.quantization.quantize(x, tf.reduce_min(x), tf.reduce_max(x), tf.qint8)[0], tf.int32
        ),
        (2, 3),
        equal=False,
    ),
    "QuantizedRelu": Case(
        lambda x: R.QuantizedRelu(
            features=tf.quantization.quantize(x, -6.0, 6.0, tf.quint8)[0],
            min_features=-6.0,
            max_features=6.0,
        )[0],
        (2, 3),
        equal=False,
    ),
    "QuantizedRelu6": Case(
        lambda x: R.QuantizedRelu6(
            features=tf.quantization.quantize(x, -6.0, 6.0, tf.quint8)[0],
            min_features=-6.0,
            max_features=6.0,
        )[0],
        (2, 3),
        equal=False,
    ),
    "OneHot": Case(lambda x: tf.one_hot(whole(x) % 2, 2), (2, 3), equal=False),
    "one-hot-first": Case(
        lambda x: tf.one_hot([0, 1, 1], 3, on_value=tf.reduce_sum(x), axis=0), (2,), equal=False
    ),
    "Fill": Case(lambda x: tf.fill((2, 2), tf.reduce_sum(x)), (3,)),
    "LinSpace": Case(
        lambda x: R.LinSpace(start=x[0], stop=x[1], num=tf.constant(3)), (2,), equal=False
    ),
}
