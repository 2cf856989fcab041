"""Extents that nobody asked for, and memory that doesn't suffice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
import onnx.parser
import pytest

import fieldscope
from fieldscope.errors import InputError, ModelError
from fieldscope.frontends.onnx import walk

MODEL = """
<ir_version: 9, opset_import: ["" : 17]>
agraph (float[1, 3, {extent}] sound) => (float[1, 3, A] out) {{
    {nodes}
    out = MaxPool <kernel_shape = [3]> (x)
}}
"""


def saved(folder: Path, nodes: str, extent: int = 32) -> Path:
    path = folder / "net.onnx"
    onnx.save(onnx.parser.parse_model(MODEL.format(nodes=nodes, extent=extent)), path)
    return path


def test_giant_inputs_are_taken_from_a_user_and_not_from_a_file(tmp_path: Path) -> None:
    path = saved(tmp_path, "x = Relu (sound)", 1 << 19)
    with pytest.raises(InputError, match=r"input 'sound' has the shape \(1, 3, 524288\)"):
        fieldscope.analyze(path)
    report = fieldscope.analyze(path, {"sound": (1, 3, 1 << 19)})
    assert report.output.size == (3,)


@pytest.mark.parametrize(
    "nodes",
    [
        "pads = Constant <value_ints = [0, 0, 0, 0, 0, 4194304]> () x = Pad (sound, pads)",
        "times = Constant <value_ints = [1, 1, 400000]> () x = Tile (sound, times)",
        "scale = Constant <value_floats = [1.0, 1.0, 3e5]> () x = Resize (sound, , scale)",
    ],
)
def test_constants_that_make_giant_axes_are_refused(tmp_path: Path, nodes: str) -> None:
    with pytest.raises(InputError, match=r"makes an axis of .* elements, out of operands"):
        fieldscope.analyze(saved(tmp_path, nodes))


def test_memory_that_does_not_suffice_is_told_with_the_longest_axis(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise MemoryError

    path = saved(tmp_path, "x = Relu (sound)")
    monkeypatch.setattr("fieldscope.interpret.interpret", full)
    with pytest.raises(InputError, match="longest axis has 32 elements, in the input of shape"):
        fieldscope.analyze(path)
    monkeypatch.setattr("fieldscope.frontends.dispatch.traced", full)
    with pytest.raises(InputError, match="there isn't enough memory"):
        fieldscope.analyze(path)


@pytest.mark.parametrize("name", ["results_of", "place_of"])
def test_mistakes_of_our_own_are_not_blamed_on_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise KeyError("oops")

    monkeypatch.setattr(walk, name, broken)
    with pytest.raises(ModelError, match=r"node 'x' \(Relu\)") as raised:
        fieldscope.analyze(saved(tmp_path, "x = Relu (sound)"))
    assert ("please report it" in str(raised.value)) == (name == "place_of")
