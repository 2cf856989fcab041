"""The commands `alignment` and `coverage`, and files .fsg, from end to end."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import fieldscope
from fieldscope.cli.main import main
from fieldscope.frontends.builder.files import FORMS, Form
from tests.cli.conftest import Run

NET = """
import fieldscope

def build(kernel=2):
    b = fieldscope.Builder("two")
    x = b.conv(b.input((1, 1, 12, 17)), 3, padding=1, name="first")
    y = b.conv(x, (kernel, 3), padding=((0, kernel - 1), 1), name="even")
    b.max_pool(b.add(x, y, name="join"), 2, stride=4, name="sparse")
    return b

built = build(4)
"""


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hand.py").write_text(NET)
    monkeypatch.chdir(tmp_path)


def test_a_join_that_is_shifted_is_told(run: Run) -> None:
    result = run("alignment", "hand.py:build", "--width", "90")
    assert (result.exit_code, result.stderr) == (0, "")
    assert (
        result.stdout
        == """\
hand.py:build  joins, along y and x of input

join  source  branch  stride  centre   offset  verdict
──────────────────────────────────────────────────────
join  add     first        1       0        0  shifted
              even         1  1/2, 0  +1/2, 0

centre: of position 0 on the input, where element k is centred at k; offset: from the
first branch, in input elements

The only join isn't aligned; 1 shifted (join).
The largest offset is 1/2 input elements, at join: position i of its branches sees places
that far apart.
"""
    )


def test_aligned_joins_are_told_in_a_sentence_and_shown_on_request(run: Run) -> None:
    arguments = ("alignment", "hand.py:build", "--arg", "kernel=1")
    assert run(*arguments).stdout.endswith(
        "\nThe only join is aligned: the branches see the same places of the input.\n"
    )
    assert "aligned\n" in run(*arguments, "--all").stdout
    assert json.loads(run(*arguments, "--json", "-").stdout)["misaligned"] == 0


def test_coverage_tells_what_is_left_out(run: Run) -> None:
    result = run("coverage", "hand.py:build", "--layer", "sparse")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("hand.py:build  how sparse covers input 12×17 (y, x)\n")
    assert "elements (8 %) are read by no position of sparse" not in result.stdout
    assert "Far from the borders, reads repeat every 4×4 elements" in result.stdout
    data = json.loads(run("coverage", "hand.py:build", "-l", "sparse", "--json", "-").stdout)
    assert data["layer"] == "sparse"
    assert data["reads"]["period"] == [4, 4]


def test_pictures_are_written(run: Run) -> None:
    for command in ("alignment", "coverage"):
        result = run(command, "hand.py:built", "-o", f"{command}.png", "--quiet")
        assert (result.exit_code, result.stdout) == (0, "")
        with Image.open(f"{command}.png") as picture:
            assert picture.width > 300


@pytest.mark.parametrize("form", FORMS)
def test_every_command_takes_a_file_of_a_network(run: Run, form: Form) -> None:
    own: dict[str, Any] = {}
    exec(NET, own)
    fieldscope.save(own["build"](), "net.fsg", form=form)
    shown = run("analyze", "net.fsg").stdout
    assert shown.splitlines()[1:] == run("analyze", "hand.py:build").stdout.splitlines()[1:]
    for command in ("alignment", "coverage", "productivity", "support"):
        result = run(command, "net.fsg", "--json", "-")
        assert result.exit_code == 0, result.stderr
        assert json.loads(result.stdout)["model"] == "net.fsg"


def test_mistakes_with_files_of_networks_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    def said(*arguments: str) -> str:
        assert main(arguments) == 2
        return capsys.readouterr().err

    b = fieldscope.Builder("net")
    b.conv(b.input((1, 3, 32)), 5, name="stem")
    fieldscope.save(b, "calls.fsg")
    fieldscope.save(b, "graph.fsg", form="text")
    Path("bad.fsg").write_text("%0 = Input(index=0) : 1x3x8\n%1 = Flip((7,)) %0 : 1x3x8\n")
    assert said("analyze", "bad.fsg") == (
        "fieldscope: bad.fsg: node %1, Flip: axes (7,) of an operand of shape (1, 3, 8)\n"
    )
    assert said("analyze", "graph.fsg", "--input", "1x3x64") == (
        "fieldscope: graph.fsg holds a graph whose input 'input' has the shape (1, 3, 32), and "
        "(1, 3, 64) is asked for\n"
        "  shapes are fixed in a graph: save the model again at the other one, or the calls of a "
        "fieldscope.Builder\n"
    )
    assert said("analyze", "calls.fsg", "--input", "1x3x4") == (
        "fieldscope: the window of layer 'stem' reaches over 5 elements, and spatial axis 0 has 4\n"
        "  give a larger input, padding or a smaller kernel\n"
    )
    assert said("analyze", "calls.fsg:stem").startswith(
        "fieldscope: calls.fsg holds one model, so it is named without :stem\n"
    )
    assert said("analyze", "callz.fsg") == (
        "fieldscope: there is no file callz.fsg; did you mean calls.fsg or bad.fsg?\n"
    )
    assert said("verify", "calls.fsg").startswith(
        "fieldscope: a network that was described by hand, or saved as a graph, has no values"
    )
    assert said("analyze", "calls.fsg", "--framework", "torch") == (
        "fieldscope: calls.fsg holds a graph, which needs no framework, not a model of torch\n"
        "  leave the framework out, which is for functions\n"
    )
    assert said("analyze", "hand.py:built", "--arg", "kernel=3").startswith(
        "fieldscope: hand.py:built is a network already, so kernel can't be passed to it\n"
    )
    assert said("coverage", "calls.fsg", "-l", "steam") == (
        "fieldscope: calls.fsg has no layer 'steam'\n  did you mean 'stem'?\n"
    )
    assert said("coverage", "calls.fsg", "-o", "out.txt").startswith(
        "fieldscope: cannot save a picture as .txt\n"
    )


def test_a_file_needs_no_framework_to_be_analysed(tmp_path: Path) -> None:
    b = fieldscope.Builder("net")
    b.conv(b.input((1, 3, 32)), 5)
    fieldscope.save(b, "net.fsg", form="text")
    code = (
        "import sys, fieldscope; fieldscope.analyze('net.fsg'); fieldscope.coverage('net.fsg')\n"
        "assert not {'torch', 'onnx', 'jax', 'tensorflow', 'keras', 'matplotlib'} & {*sys.modules}"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)
