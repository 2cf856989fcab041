"""The command `fieldscope growth`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fieldscope.cli.growth import supposed
from fieldscope.cli.main import main

NET = """
from torch import nn

def build():
    return nn.Sequential(
        nn.Conv2d(1, 2, 7, stride=2, padding=3), nn.ReLU(), nn.Conv2d(2, 2, (3, 5)),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 3),
    )
"""


@pytest.fixture
def net(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "mynet.py").write_text(NET)
    monkeypatch.chdir(tmp_path)
    return "mynet.py:build"


ARGUMENTS = ["--input", "1x1x32x48"]


def test_the_table_goes_to_stdout(net: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["growth", net, *ARGUMENTS, "--width", "90"]) == 0
    out = capsys.readouterr().out
    assert "the field of 2, 11×15 of input (y, x)" in out
    assert "2 layers make the 11 elements of 2 along y; 1 of them makes half of it: 0." in out


def test_figures_and_picture_go_to_files(net: str, tmp_path: Path) -> None:
    asked = ["growth", net, *ARGUMENTS, "--json", "found.json", "-o", "found.png", "--quiet"]
    assert main([*asked, "--if", "0:kernel=3,stride=1x2"]) == 0
    data = json.loads((tmp_path / "found.json").read_text())
    assert data["schema"] == "fieldscope.growth/1"
    assert data["size"] == [11, 15]
    assert data["layers"][0]["changes"][-1] == {
        "what": "kernel 3, stride 1×2",
        "kind": "given",
        "size": [5, 11],
        "delta": [-6, -4],
    }
    assert (tmp_path / "found.png").read_bytes()[1:4] == b"PNG"


def test_a_layer_can_be_asked_about_without_changes(
    net: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["growth", net, *ARGUMENTS, "--layer", "0", "--no-changes", "--json", "-"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert (data["layer"], data["size"]) == ("0", [7, 7])
    assert [layer["changes"] for layer in data["layers"]] == [[]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--if", "0"], "name a layer and its window: conv1:kernel=3,stride=1"),
        (["--if", "0:width=3"], "'width=3' is none of kernel=3, stride=2 and dilation=1"),
        (["--if", "0:kernel=3,kernel=5"], "kernel comes twice"),
        (["--if", "0:kernel=3x3x3"], "kernel (3, 3, 3) doesn't fit 0, whose window has 2 axes"),
        (["--if", "conv:kernel=3"], "'conv' is no layer with a share in the field of '2'"),
        (["--layer", "5"], "the field of '5' is the whole input"),
        (["--layer", "nine"], "has no layer 'nine'"),
        (["--on", "left"], "there is no input 'left'"),
        (["-o", "found.txt"], "cannot save a picture as .txt"),
        (["-o", "nowhere/found.png"], "there is no folder"),
    ],
)
def test_what_is_wrong_is_told(
    net: str, options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["growth", net, *ARGUMENTS, *options]) == 2
    assert message in capsys.readouterr().err


def test_windows_are_read_by_axis() -> None:
    assert supposed("a:b:kernel=3×5, dilation = 2") == (
        "a:b",
        {"kernel": (3, 5), "dilation": (2,)},
    )
