"""Extents and fields of pooling and interpolation, as ONNX Runtime has them.

Where ONNX's own shape functions count otherwise, or refuse, what runs is right.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
import pytest
from onnx import ModelProto, NodeProto, helper

from fieldscope.frontends.onnx.trace import trace
from tests.networks.witness import changed, disagreements
from tests.onnx.reports import model

Attributes = dict[str, Any]


def _runner(proto: ModelProto) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    data = proto.SerializeToString()
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    return lambda array: session.run(None, {"x": array})


def _agrees(node: NodeProto, shape: Sequence[int], equal: bool = True, **constants: Any) -> None:
    """Compare a node on an input with what runs, extents and fields."""
    proto = model([node], list(shape), opset=22, constants=constants)
    axes = {"x": tuple(range(len(shape)))}
    traced, run = trace(proto, axes=axes), _runner(proto)
    array = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    assert traced.graph.shape(traced.outputs[0][1]) == run(array)[0].shape
    assert not list(disagreements(traced, changed(run, [array]), equal=equal))


def _pools() -> list[tuple[str, int, Attributes]]:
    found: list[tuple[str, int, Attributes]] = []
    for n, kernel, stride, pads in product((4, 5), (1, 2), (2, 3, 4), ((0, 0), (1, 1))):
        if max(pads) < kernel:
            own = {"kernel_shape": [kernel], "strides": [stride]}
            found.append(("AveragePool", n, {**own, "pads": pads, "ceil_mode": 1}))
            found.append(("MaxPool", n, {**own, "pads": pads, "ceil_mode": 1}))
    for n, stride, auto in product((4, 6), (2, 3, 4), ("SAME_UPPER", "SAME_LOWER", "VALID")):
        one: Attributes = {"kernel_shape": [1], "strides": [stride], "auto_pad": auto}
        found.append(("AveragePool", n, one))
        found.append(("LpPool", n, {**one, "ceil_mode": 1}))
    return found


def test_pooling_has_as_many_windows_as_run() -> None:
    for op, n, attributes in _pools():
        node = helper.make_node(op, ["x"], ["y"], **attributes)
        _agrees(node, (1, 1, n), equal=op != "MaxPool")


@pytest.mark.parametrize(("n", "scale"), [(10, 0.7), (5, 1.4), (10, 1.4), (9, 1 / 3), (2, 0.1)])
def test_scaled_extents_are_counted_in_single_precision(n: int, scale: float) -> None:
    node = helper.make_node("Resize", ["x", "", "s"], ["y"], mode="linear")
    proto = model([node], [1, 1, n], constants={"s": np.array([1, 1, scale], np.float32)})
    traced = trace(proto)
    shape = _runner(proto)(np.zeros((1, 1, n), np.float32))[0].shape
    assert traced.graph.shape(traced.outputs[0][1]) == shape


@pytest.mark.parametrize("mode", ["linear", "cubic"])
@pytest.mark.parametrize("transform", ["half_pixel", "pytorch_half_pixel"])
def test_one_anti_aliased_position_reads_all(mode: str, transform: str) -> None:
    node = helper.make_node(
        "Resize",
        ["x", "", "", "m"],
        ["y"],
        mode=mode,
        antialias=1,
        coordinate_transformation_mode=transform,
    )
    _agrees(node, (1, 1, 4, 3), m=np.array([1, 1, 1, 3], np.int64))


def test_a_transposed_convolution_may_be_cut_below_its_input() -> None:
    weight = np.ones((1, 1, 2), np.float32)
    node = helper.make_node("ConvTranspose", ["x", "w"], ["y"], output_shape=[3])
    _agrees(node, (1, 1, 5), w=weight)


def test_a_crop_may_have_a_period_longer_than_itself() -> None:
    node = helper.make_node(
        "Resize",
        ["x", "r", "", "m"],
        ["y"],
        mode="nearest",
        coordinate_transformation_mode="tf_crop_and_resize",
    )
    crop = np.array([0, 0, 0.25, 1, 1, 0.75], np.float32)
    _agrees(node, (1, 1, 3), r=crop, m=np.array([1, 1, 5], np.int64))


def test_a_crop_of_scale_1_is_a_bound() -> None:
    node = helper.make_node(
        "Resize",
        ["x", "r", "s"],
        ["y"],
        mode="nearest",
        coordinate_transformation_mode="tf_crop_and_resize",
    )
    crop = np.array([0, 0, 0.5, 1, 1, 1], np.float32)
    _agrees(node, (1, 1, 6), r=crop, s=np.ones(3, np.float32))
