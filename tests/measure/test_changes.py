"""Models of which only outputs can be seen: what changes of the input tell of their fields."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import fieldscope
from fieldscope.analyses.layers import Report
from fieldscope.analyses.verification import Verification
from fieldscope.analyses.verification.changing import NOT_RUN, looked_at, verify_by_changes
from fieldscope.errors import InputError, ModelError
from fieldscope.frontends.onnx.trace import trace
from fieldscope.measure.changes import rehearsal_of
from fieldscope.measure.changes.rehearsal import ChangesRehearsal, Run
from fieldscope.render.layout import lines
from fieldscope.render.verification import described

SHAPE = (1, 2, 12, 10)


def chain(kernel: int, dilation: int = 1) -> onnx.ModelProto:
    """A convolution of a size, a pool that is as wide, and another convolution."""
    rng = np.random.default_rng(0)
    pad = dilation * (kernel - 1) // 2

    def conv(name: str, before: str, after: str) -> onnx.NodeProto:
        return helper.make_node(
            "Conv",
            [before, f"{name}.weight"],
            [after],
            name=name,
            pads=[pad] * 4,
            dilations=[dilation] * 2,
        )

    nodes = [
        conv("first", "x", "a"),
        helper.make_node("Tanh", ["a"], ["b"], name="tanh"),
        helper.make_node(
            "AveragePool", ["b"], ["c"], name="pool", kernel_shape=[2, 2], strides=[2, 2]
        ),
        conv("second", "c", "y"),
    ]
    weights = [
        numpy_helper.from_array(
            rng.standard_normal((2, 2, kernel, kernel)).astype(np.float32), f"{name}.weight"
        )
        for name in ("first", "second")
    ]
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "chain",
        [value("x", TensorProto.FLOAT, SHAPE)],
        [value("y", TensorProto.FLOAT, (1, 2, 6, 5))],
        weights,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def verified_by(
    said: onnx.ModelProto, run: onnx.ModelProto | Path, inputs: Any = None, **options: Any
) -> Verification:
    """What is found when one model's report is held against another model."""
    traced = trace(said, inputs)
    report = fieldscope.analyze(traced)
    looked = looked_at(report, **options)
    rehearsal = rehearsal_of("onnx", run, traced, looked)
    return verify_by_changes(report, rehearsal, **options)


def verdicts(found: Verification, test: str) -> set[str]:
    return {one.verdict for check in found.checks for one in check.findings if one.test == test}


@pytest.mark.parametrize(("kernel", "dilation"), [(3, 1), (3, 2), (5, 1)])
def test_a_report_agrees_with_its_own_model(kernel: int, dilation: int) -> None:
    model = chain(kernel, dilation)
    found = verified_by(model, model)
    assert [check.layer for check in found.checks] == ["first", "tanh", "pool", "second"]
    assert found.count("agrees") == 4
    for test in ("probe", "unread", "hull", "plane"):
        assert verdicts(found, test) == {"agrees"}
    assert all(check.measured == check.size for check in found.checks)


def test_a_report_that_says_too_little_disagrees() -> None:
    found = verified_by(chain(3), chain(5))
    assert [check.verdict for check in found.checks] == ["disagrees"] * 4
    assert "outside of the field: an operator reads more" in found.checks[0].why[0]


def test_gaps_that_are_none_are_found_though_the_box_is_the_same() -> None:
    found = verified_by(chain(3, 2), chain(5))
    first = found.checks[0]
    assert {one.verdict for one in first.findings if one.test == "probe"} == {"agrees"}
    assert first.verdict == "disagrees"
    assert any("changing all that the field leaves out" in why for why in first.why)


def test_a_report_that_says_too_much_is_told_as_not_reached() -> None:
    found = verified_by(chain(5), chain(3))
    assert found.agrees
    first = found.checks[0]
    assert (first.size, first.measured) == ((5, 5), (3, 3))
    assert "a box of 3 × 3 only" in first.why[0]
    assert verdicts(found, "reached") == {"not measurable"}


def test_tests_that_need_gradients_are_told_as_not_run() -> None:
    model = chain(3)
    found = verified_by(model, model)
    assert found.not_run == NOT_RUN == ("structure", "channel", "forward", "gradient")
    assert json.loads(found.to_json())["not_run"] == list(NOT_RUN)
    assert not {one.test for check in found.checks for one in check.findings} & set(NOT_RUN)
    text = "\n".join("".join(span.text for span in line) for line in lines(described(found)))
    assert "not run: structure, channel, forward and gradient" in text


def test_layers_and_positions_are_chosen_as_elsewhere(tmp_path: Path) -> None:
    path = tmp_path / "chain.onnx"
    onnx.save(chain(3), path, save_as_external_data=True, location="weights", size_threshold=0)
    found = verified_by(onnx.load(path), path, layers=["second"], positions=1)
    assert [(check.layer, check.verdict) for check in found.checks] == [("second", "agrees")]
    assert {one.position for one in found.checks[0].findings} == {(3, 2)}


def test_a_model_without_its_weights_is_told(tmp_path: Path) -> None:
    path = tmp_path / "chain.onnx"
    onnx.save(chain(3), path, save_as_external_data=True, location="weights", size_threshold=0)
    (tmp_path / "weights").unlink()
    with pytest.raises(ModelError, match=r"can't be read with its weights.*\n.*lie beside it"):
        verified_by(chain(3), path)


def branching() -> onnx.ModelProto:
    """A layer inside of a branch, which has no output of its own in the file."""
    value = helper.make_tensor_value_info
    branches = [
        helper.make_graph(
            [
                helper.make_node("Abs", ["x"], [f"inner{k}"], name=f"abs{k}"),
                helper.make_node("Neg", [f"inner{k}"], [f"y{k}"], name=f"neg{k}"),
            ],
            f"branch{k}",
            [],
            [value(f"y{k}", TensorProto.FLOAT, SHAPE)],
        )
        for k in range(2)
    ]
    nodes = [
        helper.make_node("ReduceSum", ["x"], ["sum"], keepdims=0, name="sum"),
        helper.make_node("Cast", ["sum"], ["taken"], to=TensorProto.BOOL, name="cast"),
        helper.make_node(
            "If", ["taken"], ["y"], name="if", then_branch=branches[0], else_branch=branches[1]
        ),
    ]
    graph = helper.make_graph(
        nodes, "g", [value("x", TensorProto.FLOAT, SHAPE)], [value("y", TensorProto.FLOAT, SHAPE)]
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_layers_inside_of_branches_are_not_measurable() -> None:
    model = branching()
    found = {check.layer: check for check in verified_by(model, model).checks}
    inside = [check for name, check in found.items() if "abs" in name]
    assert inside
    assert {check.verdict for check in inside} == {"not measurable"}
    assert "inside of a function or branch" in inside[0].why[0]


def test_frameworks_and_inputs_that_do_not_fit_are_told() -> None:
    model = chain(3)
    traced = trace(model)
    with pytest.raises(ModelError, match="models of caffe can't be run layer by layer"):
        rehearsal_of("caffe", model, traced, {})
    with pytest.raises(ModelError, match=r"can't be run\nverify the module that was exported"):
        rehearsal_of("torch", model, traced, {})
    with pytest.raises(InputError, match="say which input is changed: input= one of 'x'"):
        rehearsal_of("onnx", model, traced, {}, input="z")
    with pytest.raises(InputError, match="positions is 0"):
        looked_at(fieldscope.analyze(traced), positions=0)


def _played(function: Any, shape: tuple[int, ...], dtype: str = "float64") -> ChangesRehearsal:
    def arrays(number: int) -> dict[str, Any]:
        return {"x": np.random.default_rng(number).standard_normal(shape).astype(dtype)}

    def run(given: Mapping[str, Any]) -> dict[str, Any]:
        return {"layer": function(given["x"])}

    looked = {"layer": [(None, place) for place in range(shape[1])]}
    return ChangesRehearsal(Run(run, arrays, {}), "x", (1,), looked)


def test_boxes_are_what_changes() -> None:
    rehearsal = _played(lambda x: x + np.roll(x, 2, axis=1), (1, 6))
    for place, low in ((5, 3), (3, 1)):
        found = rehearsal.probed("layer", (None, place)).elements
        assert found is not None
        assert np.flatnonzero(found[0]).tolist() == [low, low + 1, low + 2]
    elements = np.zeros((1, 6), bool)
    elements[0, 4] = True  # between the two that are read
    assert rehearsal.changes("layer", (None, 5), elements) is False
    elements[0, 3] = True
    assert rehearsal.changes("layer", (None, 5), elements) is True


def test_rounding_is_touched_but_not_changed() -> None:
    rehearsal = _played(lambda x: x + 1e-7 * x.sum(axis=1, keepdims=True), (1, 4))
    touched = rehearsal.touched("layer", (None, 1)).elements
    probed = rehearsal.probed("layer", (None, 1)).elements
    assert touched is not None
    assert probed is not None
    assert (touched.sum(), probed.sum()) == (4, 1)


def test_what_can_not_be_measured_is_told() -> None:
    integers = _played(lambda x: x, (1, 4), "int64")
    assert "int64, which can't be changed" in integers.probed("layer", (None, 0)).why
    assert integers.changes("layer", (None, 0), np.ones((1, 4), bool)) is None
    long = _played(lambda x: x, (1, 5000))
    assert "5,000 slices" in long.touched("layer", (None, 0)).why

    def failing(_: Any) -> Any:
        raise ModelError("it fails\nand says why")

    broken = _played(failing, (1, 4))
    assert broken.probed("layer", (None, 0)).why == "it fails"
    assert broken.changes("layer", (None, 0), np.ones((1, 4), bool)) is None


MODELS = {
    "ch_ppocr_mobile_v2.0_cls_infer.onnx": (1, 3, 48, 96),
    "ch_PP-OCRv4_det_infer.onnx": (1, 3, 64, 64),
    "ch_PP-OCRv4_rec_infer.onnx": (1, 3, 48, 32),
}


@pytest.mark.zoo
@pytest.mark.parametrize("name", MODELS)
def test_networks_that_read_text_agree(name: str) -> None:
    try:
        package = metadata.distribution("rapidocr-onnxruntime")
    except metadata.PackageNotFoundError:
        pytest.skip("rapidocr-onnxruntime isn't installed")
    path = Path(str(package.locate_file(f"rapidocr_onnxruntime/models/{name}")))
    traced = trace(path, MODELS[name])
    report: Report = fieldscope.analyze(traced)
    found = verify_by_changes(
        report, rehearsal_of("onnx", path, traced, looked_at(report, positions=2)), positions=2
    )
    # A saturated sigmoid shows nothing, whatever is changed.
    assert found.agrees
    assert found.count("agrees") >= len(found.checks) - 4 > 200
