"""Control flow, functions, folding, names and versions of operators."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnx import AttributeProto, NodeProto, TensorProto, helper

from tests.onnx.reports import model, reported

SIGNAL: list[int | str | None] = [1, 2, 32]
WEIGHT = np.zeros((2, 2, 3), np.float32)


def _node(op: str, inputs: list[str], outputs: list[str], **attributes: Any) -> NodeProto:
    return helper.make_node(op, inputs, outputs, **attributes)


def _graph(nodes: list[NodeProto], inputs: list[str], outputs: list[str]) -> Any:
    def told(name: str) -> Any:
        kind = {"i": TensorProto.INT64, "c": TensorProto.BOOL, "d": TensorProto.BOOL}
        return helper.make_tensor_value_info(name, kind.get(name, TensorProto.FLOAT), None)

    return helper.make_graph(nodes, "body", list(map(told, inputs)), list(map(told, outputs)))


def _loop(count: Any) -> Any:
    """A loop around one convolution of kernel 3."""
    body = _graph(
        [
            _node("Conv", ["h", "w"], ["g"], pads=[1, 1]),
            _node("Identity", ["c"], ["d"]),
        ],
        ["i", "c", "h"],
        ["d", "g"],
    )
    constants = {"w": WEIGHT, "n": np.array(count, np.int64), "t": np.array(True)}
    node = _node("Loop", ["n", "t", "x"], ["y"], body=body)
    return model([node], SIGNAL, constants=constants)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_loop_is_followed_turn_by_turn(count: int) -> None:
    report = reported(_loop(count))
    assert report.output.size == (2 * count + 1,)
    assert report.output.exact


def test_a_loop_too_long_to_follow_is_a_bound() -> None:
    report = reported(_loop(1 << 40))
    assert not report.output.exact
    assert "too often to follow" in report.bounds[0].reason


@pytest.mark.parametrize(("condition", "size"), [(True, 3), (False, 1)])
def test_a_constant_condition_takes_its_branch(condition: bool, size: int) -> None:
    then = _graph([_node("Conv", ["x", "w"], ["a"], pads=[1, 1])], [], ["a"])
    other = _graph([_node("Relu", ["x"], ["b"])], [], ["b"])
    node = _node("If", ["k"], ["y"], then_branch=then, else_branch=other)
    constants = {"w": WEIGHT, "k": np.array(condition)}
    assert reported(model([node], SIGNAL, constants=constants)).output.size == (size,)


def test_a_scan_reads_what_came_before() -> None:
    body = _graph(
        [_node("Add", ["h", "e"], ["g"]), _node("Identity", ["g"], ["o"])],
        ["h", "e"],
        [
            "g",
            "o",
        ],
    )
    node = _node(
        "Scan",
        ["s", "x"],
        ["last", "y"],
        body=body,
        num_scan_inputs=1,
        scan_input_axes=[2],
        scan_output_axes=[2],
    )
    constants = {"s": np.zeros((1, 2), np.float32)}
    report = reported(model([node], [1, 2, 6], constants=constants), axes=(2,))
    assert report.output.exact
    assert report.output.box((3,)) == (slice(0, 4),)


def test_sequences_are_followed() -> None:
    nodes = [
        _node("SplitToSequence", ["x", "two"], ["s"], axis=2),
        _node("SequenceAt", ["s", "one"], ["e"]),
        _node("Conv", ["e", "w"], ["y"]),
    ]
    constants = {"w": WEIGHT, "one": np.array(1, np.int64), "two": np.array(16, np.int64)}
    report = reported(model(nodes, SIGNAL, constants=constants))
    assert report.output.box((0,)) == (slice(16, 19),)


def test_shapes_computed_in_the_graph_are_known() -> None:
    nodes = [
        _node("Shape", ["x"], ["s"]),
        _node("Gather", ["s", "two"], ["n"], axis=0),
        _node("Div", ["n", "two"], ["half"]),
        _node("Unsqueeze", ["half", "zero"], ["end"]),
        _node("Slice", ["x", "zero", "end", "two1"], ["h"]),
        _node("Conv", ["h", "w"], ["y"]),
    ]
    constants = {
        "w": WEIGHT,
        "two": np.array(2, np.int64),
        "two1": np.array([2], np.int64),
        "zero": np.array([0], np.int64),
    }
    report = reported(model(nodes, SIGNAL, constants=constants))
    assert report.output.shape == (1, 2, 14)
    assert report.output.exact


def test_functions_of_the_model_are_followed() -> None:
    conv = _node("Conv", ["a", "b"], ["c"])
    kind = AttributeProto.INTS
    conv.attribute.append(AttributeProto(name="dilations", ref_attr_name="d", type=kind))
    opsets = [helper.make_opsetid("", 17)]
    function = helper.make_function("own", "Wide", ["a", "b"], ["c"], [conv], opsets, ["d"])
    node = _node("Wide", ["x", "w"], ["y"], domain="own", d=[4])
    report = reported(model([node], SIGNAL, constants={"w": WEIGHT}, functions=[function]))
    assert report.output.size == (9,)


def test_an_unknown_operator_is_a_bound_that_names_its_domain() -> None:
    node = _node("Mystery", ["x"], ["y"], domain="com.example")
    report = reported(model([node], SIGNAL))
    assert report.bounds[0].reason == "operator Mystery of domain com.example isn't known"


def test_torchscript_names_become_paths() -> None:
    nodes = [
        _node("Conv", ["x", "w"], ["/l/l.0/conv/Conv_output_0"], name="/l/l.0/conv/Conv"),
        _node("Relu", ["/l/l.0/conv/Conv_output_0"], ["r"], name="/l/l.0/Relu"),
        _node("Add", ["r", "r"], ["y"], name="/Add"),
    ]
    report = reported(model(nodes, SIGNAL, constants={"w": WEIGHT}))
    assert [layer.name for layer in report.layers] == ["l.0.conv", "l.0.Relu", "Add"]
    assert report["/l/l.0/conv/Conv"].size == report["/l/l.0/conv/Conv_output_0"].size == (3,)


@pytest.mark.parametrize("opset", [9, 12, 13, 18])
def test_slices_pads_and_squeezes_hold_in_all_versions(opset: int) -> None:
    constants = {
        "w": WEIGHT,
        "s": np.array([4], np.int64),
        "e": np.array([20], np.int64),
        "a": np.array([2], np.int64),
        "p": np.array([0, 0, 2, 0, 0, 0], np.int64),
        "f": np.array([0], np.int64),
    }
    cut = (
        _node("Slice", ["x"], ["c"], starts=[4], ends=[20], axes=[2])
        if opset < 10
        else _node("Slice", ["x", "s", "e", "a"], ["c"])
    )
    padded = (
        _node("Pad", ["c"], ["q"], pads=[0, 0, 2, 0, 0, 0])
        if opset < 11
        else _node("Pad", ["c", "p"], ["q"])
    )
    squeezed = (
        _node("Squeeze", ["v"], ["y"], axes=[0])
        if opset < 13
        else _node("Squeeze", ["v", "f"], ["y"])
    )
    nodes = [cut, padded, _node("Conv", ["q", "w"], ["v"]), squeezed]
    report = reported(model(nodes, SIGNAL, constants=constants, opset=opset))
    assert report.output.box((1,)) == (slice(4, 6),)


@pytest.mark.parametrize(("opset", "size"), [(11, 32), (13, 1)])
def test_softmax_flattens_before_opset_13(opset: int, size: int) -> None:
    node = _node("Softmax", ["x"], ["y"], axis=1)
    report = reported(model([node], SIGNAL, opset=opset))
    assert report.output.box((3,)) == (slice(0, 32) if size == 32 else slice(3, 4),)


def test_empty_operands_add_nothing_to_a_concatenation() -> None:
    nodes = [
        _node("Slice", ["x", "z", "z", "a"], ["e"]),
        _node("Concat", ["e", "e"], ["f"], axis=1),
        _node("Concat", ["f", "x", "e"], ["g"], axis=1),
        _node("Conv", ["g", "w"], ["y"]),
    ]
    constants = {"w": WEIGHT, "z": np.array([0], np.int64), "a": np.array([1], np.int64)}
    assert reported(model(nodes, SIGNAL, constants=constants)).output.size == (3,)
