"""Operators of ONNX Runtime's own domain, against what changes in ONNX Runtime."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
import pytest
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from fieldscope.frontends.onnx.lowering import TABLE
from fieldscope.frontends.onnx.trace import trace
from tests.networks import witness

Constants = dict[str, npt.NDArray[Any]]

FLOAT = np.float32
SCALE, RESULT_SCALE, ZERO = FLOAT(0.05), FLOAT(0.02), np.uint8(128)
SCALES: Constants = {
    "s": np.array(SCALE),
    "z": np.array(ZERO),
    "r": np.array(RESULT_SCALE),
    "one": np.array(FLOAT(1 / 256)),
    "nil": np.array(np.uint8(0)),
}


def _weights(*shape: int) -> npt.NDArray[Any]:
    return np.random.default_rng(0).uniform(0.2, 1, shape).astype(FLOAT)


def _integers(*shape: int) -> npt.NDArray[Any]:
    return np.random.default_rng(0).integers(140, 200, shape).astype(np.uint8)


def _node(op: str, inputs: str, **attributes: Any) -> NodeProto:
    names = ["" if name == "-" else name for name in inputs.split()]
    return helper.make_node(op, names, ["y"], domain="com.microsoft", **attributes)


IMAGE = (1, 2, 5, 6)
ROWS = (1, 4, 6)
MATRIX = (3, 4)

FLOATING: dict[str, tuple[NodeProto, tuple[int, ...], Constants]] = {
    "Gelu": (_node("Gelu", "x"), (2, 3), {}),
    "FastGelu": (_node("FastGelu", "x b"), (2, 3), {"b": _weights(3)}),
    "BiasGelu": (_node("BiasGelu", "x b"), (2, 3), {"b": _weights(3)}),
    "QuickGelu": (_node("QuickGelu", "x"), (2, 3), {}),
    "FusedConv": (
        _node(
            "FusedConv",
            "x w",
            activation="LeakyRelu",
            activation_params=[0.1],
            pads=[1, 0, 1, 2],
            dilations=[1, 2],
        ),
        IMAGE,
        {"w": _weights(3, 2, 3, 2)},
    ),
    "FusedGemm": (
        _node(
            "FusedGemm",
            "x w",
            activation="LeakyRelu",
            activation_alpha=0.1,
            alpha=1.0,
            beta=1.0,
            transA=1,
            transB=1,
        ),
        MATRIX,
        {"w": _weights(5, 3)},
    ),
    "FusedMatMul": (_node("FusedMatMul", "x w", transB=1), (2, 3, 4), {"w": _weights(5, 4)}),
    "TransposeMatMul": (
        _node("TransposeMatMul", "x w", transA=1),
        (2, 3, 4),
        {"w": _weights(2, 3, 5)},
    ),
    "SkipLayerNormalization": (
        _node("SkipLayerNormalization", "x k w b", epsilon=1e-3),
        ROWS,
        {"k": _weights(*ROWS), "w": _weights(6), "b": _weights(6)},
    ),
    "SkipSimplifiedLayerNormalization": (
        _node("SkipSimplifiedLayerNormalization", "x k w", epsilon=1e-3),
        ROWS,
        {"k": _weights(*ROWS), "w": _weights(6)},
    ),
    "Attention": (
        _node("Attention", "x w b", num_heads=2),
        ROWS,
        {"w": _weights(6, 18), "b": _weights(18)},
    ),
    "Attention, causal": (
        _node("Attention", "x w b", num_heads=2, unidirectional=1),
        ROWS,
        {"w": _weights(6, 18), "b": _weights(18)},
    ),
    "MultiHeadAttention": (
        _node("MultiHeadAttention", "x k v", num_heads=3),
        ROWS,
        {"k": _weights(1, 5, 6), "v": _weights(1, 5, 6)},
    ),
    "DynamicQuantizeMatMul": (
        _node("DynamicQuantizeMatMul", "x w s z"),
        MATRIX,
        {"w": _integers(4, 5), "s": SCALES["s"], "z": SCALES["z"]},
    ),
}
"""Nodes that take and return floating-point numbers, the input's shape, and the constants."""

QUANTISED: dict[str, tuple[NodeProto, tuple[int, ...], Constants]] = {
    "QLinearAdd": (_node("QLinearAdd", "q s z c s z r z"), (2, 3), {"c": _integers(2, 3)}),
    "QLinearMul": (_node("QLinearMul", "q s z c s z r z"), (2, 3), {"c": _integers(1, 3)}),
    "QLinearLeakyRelu": (_node("QLinearLeakyRelu", "q s z r z", alpha=0.5), (2, 3), {}),
    "QLinearSigmoid": (_node("QLinearSigmoid", "q s z one nil"), (2, 3), {}),
    "QLinearWhere": (
        _node("QLinearWhere", "k q s z c s z r z"),
        (2, 3),
        {"c": _integers(2, 3), "k": np.array([[True, False, True], [False, True, True]])},
    ),
    "QLinearConcat": (
        _node("QLinearConcat", "r z q s z c s z", axis=1),
        (2, 3),
        {"c": _integers(2, 2)},
    ),
    "QLinearAveragePool": (
        _node("QLinearAveragePool", "q s z r z", kernel_shape=[2, 3], strides=[2, 1], ceil_mode=1),
        IMAGE,
        {},
    ),
    "QLinearGlobalAveragePool": (_node("QLinearGlobalAveragePool", "q s z one z"), IMAGE, {}),
    "QLinearSoftmax": (_node("QLinearSoftmax", "q s z one nil", axis=1, opset=13), (2, 3), {}),
    "QGemm": (
        _node("QGemm", "q s z w s z b s z", transB=1),
        MATRIX,
        {"w": _integers(5, 4), "b": np.arange(5, dtype=np.int32)},
    ),
}
"""Nodes that take and return quantised numbers."""


def _model(node: NodeProto, shape: tuple[int, ...], constants: Constants, quantised: bool) -> Any:
    nodes, made = [node], dict(constants)
    if quantised:
        made = {**SCALES, **constants}
        node = NodeProto.FromString(node.SerializeToString())
        node.output[0] = "p"
        step, zero = node.input[:2] if node.op_type == "QLinearConcat" else node.input[-2:]
        nodes = [
            helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"]),
            node,
            helper.make_node("DequantizeLinear", ["p", step, zero], ["y"]),
        ]
    return _of(nodes, shape, made)


def _of(nodes: Sequence[NodeProto], shape: tuple[int, ...], constants: Constants) -> ModelProto:
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9)


SCALED = _of(
    [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"], domain="com.microsoft"),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["d"], domain="com.microsoft"),
        helper.make_node("QuantizeLinear", ["d", "s", "z"], ["p"]),
        _node("MatMulIntegerToFloat", "p w s s z z b"),
    ],
    MATRIX,
    {**SCALES, "w": _integers(4, 5), "b": _weights(5)},
)

MODELS: dict[str, ModelProto] = {
    **{name: _model(*one, quantised=False) for name, one in FLOATING.items()},
    **{name: _model(*one, quantised=True) for name, one in QUANTISED.items()},
    "MatMulIntegerToFloat, QuantizeLinear, DequantizeLinear": SCALED,
}


@pytest.mark.parametrize("name", list(MODELS))
def test_what_is_told_equals_what_is_seen(name: str) -> None:
    model = MODELS[name]
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    shape = tuple(one.dim_value for one in model.graph.input[0].type.tensor_type.shape.dim)
    array = np.random.default_rng(1).standard_normal(shape).astype(FLOAT)
    seen = witness.changed(lambda x: session.run(None, {"x": x}), [array], rounds=4)
    traced = trace(model, axes=tuple(range(len(shape))))
    assert traced.graph.shape(traced.outputs[0][1]) == session.run(None, {"x": array})[0].shape
    assert witness.exact(traced, 0)
    assert not list(witness.disagreements(traced, seen))


UNSEEN = {
    "LayerNormalization",
    "NhwcConv",
    "NhwcFusedConv",
    "QAttention",
    "SimplifiedLayerNormalization",
}
"""What ONNX Runtime has on some processors only, or under another domain by now."""


def test_every_operator_of_the_domain_is_seen() -> None:
    known = {name.rpartition(".")[2] for name in TABLE.rules if name.startswith("com.microsoft.")}
    seen = {node.op_type for model in MODELS.values() for node in model.graph.node}
    assert known - seen == UNSEEN
