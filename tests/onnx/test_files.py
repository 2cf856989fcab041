"""Files that are damaged, hostile, too large or of another kind: an answer or a clear error."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import ModelProto, helper, save_model

from fieldscope.errors import FieldscopeError, InputError, ModelError
from fieldscope.frontends.onnx.files import load
from fieldscope.frontends.onnx.trace import trace
from tests.onnx.reports import model, reported

SHAPE: list[int | str | None] = [1, 3, 32, 32]


def _conv(channels: int = 3, **attributes: Any) -> ModelProto:
    weight = np.zeros((4, channels, 3, 3), np.float32)
    node = helper.make_node("Conv", ["x", "w"], ["y"], name="conv", **attributes)
    return model([node], SHAPE, constants={"w": weight})


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="can't be read"):
        trace(tmp_path / "no.onnx")


def test_something_else_than_a_model_is_told(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    for content in (b"", b"\x80\x02}q\x00.", b"not a model at all"):
        path.write_bytes(content)
        with pytest.raises(ModelError, match=r"isn't an ONNX model|has no nodes"):
            trace(path)


def test_versions_outside_of_what_is_known_are_told() -> None:
    found = _conv()
    found.opset_import[0].version = 999
    with pytest.raises(ModelError, match=r"version 999 of ONNX's operators.*\n.*upgrade"):
        trace(found)
    found.opset_import[0].version = 6
    with pytest.raises(ModelError, match="those from 7 on are read"):
        trace(found)


def test_channels_that_do_not_fit_are_told_with_the_node() -> None:
    with pytest.raises(ModelError, match=r"node 'conv' \(Conv\) takes 5 channels, and is given 3"):
        trace(_conv(5))


def test_open_axes_are_asked_for_by_name() -> None:
    node = helper.make_node("Relu", ["x"], ["y"])
    found = model([node], ["batch", 3, "height", None])
    with pytest.raises(
        InputError, match=r"'height' \(axis 2\) and axis 3.*\n.*--input 1x3x224x224"
    ):
        trace(found)
    assert trace(found, (2, 3, 8, 9)).inputs[0].shape == (2, 3, 8, 9)
    assert trace(model([node], ["batch", 3, 8, 8])).inputs[0].shape == (1, 3, 8, 8)
    with pytest.raises(InputError, match="has 4 axes"):
        trace(found, (3, 8, 9))
    with pytest.raises(InputError, match="no input 'z'"):
        trace(found, {"z": (1, 3, 8, 8)})


def test_names_that_nothing_makes_are_told() -> None:
    with pytest.raises(ModelError, match="reads 'gone', which nothing in front of it makes"):
        trace(model([helper.make_node("Relu", ["gone"], ["y"], name="r")], SHAPE))


def test_a_function_that_calls_itself_is_told() -> None:
    call = helper.make_node("Again", ["a"], ["b"], domain="own")
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    function = helper.make_function("own", "Again", ["a"], ["b"], [call], opsets)
    node = helper.make_node("Again", ["x"], ["y"], domain="own")
    with pytest.raises(ModelError, match="nested more than"):
        trace(model([node], SHAPE, functions=[function]))


@pytest.mark.parametrize("op", ["ConstantOfShape", "Expand", "Tile"])
def test_giant_constants_are_not_made(op: str) -> None:
    assert reported(_with_giant(op)).output.size == (1, 1)


def test_giant_axes_are_told() -> None:
    with pytest.raises(ModelError, match="extents lie between"):
        trace(_with_giant("Range"))


def _with_giant(op: str) -> ModelProto:
    huge = np.array([1 << 20, 1 << 20], np.int64)
    operands = {
        "ConstantOfShape": ["huge"],
        "Expand": ["one", "huge"],
        "Tile": ["one", "huge"],
        "Range": ["zero", "many", "step"],
    }[op]
    constants = {
        "huge": huge,
        "one": np.ones((1, 1), np.float32),
        "zero": np.array(0, np.int64),
        "many": np.array(1 << 40, np.int64),
        "step": np.array(1, np.int64),
    }
    nodes = [
        helper.make_node(op, operands, ["c"]),
        helper.make_node("Cast", ["c"], ["f"], to=1),
        helper.make_node("ReduceMax", ["f"], ["m"], keepdims=0),
        helper.make_node("Add", ["x", "m"], ["y"]),
    ]
    return model(nodes, SHAPE, constants=constants)


def test_weights_in_other_files_are_not_read(tmp_path: Path) -> None:
    weight = np.zeros((64, 3, 3, 3), np.float32)
    node = helper.make_node("Conv", ["x", "w"], ["y"])
    path = tmp_path / "net.onnx"
    save_model(
        model([node], SHAPE, constants={"w": weight}),
        str(path),
        save_as_external_data=True,
        location="w.bin",
        size_threshold=0,
    )
    (tmp_path / "w.bin").unlink()
    assert reported(path).output.size == (3, 3)


def test_large_tensors_stay_in_the_file_until_they_are_asked_for(tmp_path: Path) -> None:
    index = np.arange(20_000, dtype=np.int64)[::-1].copy()
    nodes = [helper.make_node("Gather", ["x", "i"], ["y"], axis=1)]
    path = tmp_path / "net.onnx"
    path.write_bytes(model(nodes, [1, 20_000, 4], constants={"i": index}).SerializeToString())
    found, stored = load(path)
    assert found.ByteSize() < 1_000
    assert list(stored.places) == ["i"]
    assert reported(path, axes=(1,)).output.box((3,)) == (slice(19_996, 19_997),)


def _damaged(data: bytes, turn: int, rng: random.Random) -> bytes:
    if turn % 2:
        return data[: rng.randrange(len(data))]
    found = bytearray(data)
    for _ in range(rng.choice([1, 3, 20])):
        found[rng.randrange(len(found))] ^= 1 << rng.randrange(8)
    return bytes(found)


def test_damaged_files_give_an_answer_or_an_error(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"], strides=[2, 2], pads=[1, 1, 1, 1]),
        helper.make_node("MaxPool", ["a"], ["b"], kernel_shape=[3, 3], ceil_mode=1),
        helper.make_node("Reshape", ["b", "s"], ["c"]),
        helper.make_node("Softmax", ["c"], ["y"], axis=-1),
    ]
    constants = {"w": np.zeros((4, 3, 3, 3), np.float32), "s": np.array([1, 4, -1])}
    data = model(nodes, SHAPE, constants=constants).SerializeToString()
    rng, path, answers = random.Random(0), tmp_path / "net.onnx", 0
    for turn in range(400):
        path.write_bytes(_damaged(data, turn, rng))
        try:
            reported(path)
        except FieldscopeError:
            continue
        answers += 1
    assert answers > 20
