"""Real inputs from files, for a forward that branches on values."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from fieldscope.frontends.examples import read
from tests.cli.conftest import Run

NETS = """
import torch
from torch import nn

class Router(nn.Module):
    def __init__(self):
        super().__init__()
        self.near = nn.Conv2d(1, 1, (3, 5))
        self.far = nn.Conv2d(1, 1, 7)

    def forward(self, image):
        return self.far(image) if image.sum() > 0 else self.near(image)

class Chosen(nn.Module):
    def forward(self, x):
        return torch.masked_select(x, x > 0)

class Stereo(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(1, 1, 3)

    def forward(self, left, right):
        return self.conv(left) if left.sum() > right.sum() else self.conv(right)

def shapeless():
    with torch.device("meta"):
        return Router()
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "nets.py").write_text(NETS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def sizes(run: Run, *arguments: str) -> dict[str, list[int]]:
    result = run("analyze", *arguments, "--json", "-")
    assert result.exit_code == 0, result.stderr
    fields = json.loads(result.stdout)["output"]["fields"]
    return {name: field["size"] for name, field in fields.items()}


@pytest.mark.parametrize("target", ["Router", "Chosen"])
def test_a_branch_on_values_is_told_with_the_option_that_follows_it(run: Run, target: str) -> None:
    result = run("analyze", f"nets.py:{target}", "--input", "1x1x16x16")
    assert result.exit_code == 2
    first, second = result.stderr.splitlines()
    assert first.startswith("fieldscope: cannot trace model: ")
    assert " at nets.py:" in first
    assert second.startswith("  pass a real input, --example FILE.npy, to ")


# NumPy makes doubles, where the weights are single: that is the usual case.
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", ">f4"])
@pytest.mark.parametrize(("sign", "size"), [(1, [7, 7]), (-1, [3, 5])])
def test_an_array_takes_its_branch(run: Run, dtype: str, sign: int, size: list[int]) -> None:
    np.save("image.npy", sign * np.ones((1, 1, 16, 16), dtype))
    assert sizes(run, "nets.py:Router", "--example", "image.npy") == {"image": size}
    assert sizes(run, "nets.py:Router", "-e", "image=image.npy") == {"image": size}


def test_several_arrays_go_by_place_by_name_or_by_their_own_names(run: Run) -> None:
    low, high = np.zeros((1, 1, 20)), np.ones((1, 1, 20))
    np.save("low.npy", low)
    np.save("high.npy", high)
    np.savez("placed.npz", high, low)
    np.savez("named.npz", right=low, left=high)
    read, unread = {"left": [3], "right": [0]}, {"left": [0], "right": [3]}
    target = "nets.py:Stereo"
    assert sizes(run, target, "-e", "high.npy", "-e", "low.npy") == read
    assert sizes(run, target, "-e", "low.npy", "-e", "high.npy") == unread
    assert sizes(run, target, "-e", "right=low.npy", "-e", "left=high.npy") == read
    assert sizes(run, target, "-e", "placed.npz") == read
    assert sizes(run, target, "-e", "named.npz") == read


def test_arrays_without_names_keep_their_order_past_ten() -> None:
    np.savez("many.npz", *(np.full(1, k) for k in range(12)))
    arrays = read([("", "many.npz")])
    assert isinstance(arrays, tuple)
    assert [array.item() for array in arrays] == list(range(12))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-e", "nowhere.npy"], "there is no file nowhere.npy"),
        (["-e", "imag.npy"], "there is no file imag.npy; did you mean image.npy"),
        (["-e", "nets.py"], "the example nets.py is neither a .npy nor a .npz file\n  write it wi"),
        (["-e", "text.npy"], "cannot read the example text.npy: "),
        (["-e", "text.npz"], "cannot read the example text.npz: "),
        (["-e", "short.npy"], "cannot read the example short.npy: "),
        (["-e", "empty.npz"], "the example empty.npz holds no array"),
        (["-e", "words.npy"], "the example words.npy holds elements of type <U2, not numbers"),
        (["-e", "w.npz"], "array 'w' of the example w.npz holds elements of type <U2, not numbers"),
        (
            ["-e", "objects.npy"],
            "the example objects.npy: it is not an array of numbers, and nothing is unpickled",
        ),
        (
            ["-e", "left=named.npz"],
            "the example for input 'left' must be one array, and named.npz holds 'a' and 'b'\n",
        ),
        (["-e", "image.npy", "-e", "x=image.npy"], "some of the examples have the name of an inp"),
        (["-e", "x=image.npy", "-e", "x=image.npy"], "there is more than one example for input x"),
        (["-e", "image="], "'image=': there is no file behind the ="),
        (["-e", "=image.npy"], "'=image.npy': there is no name before the ="),
        (["-e", "image.npy", "-i", "1x1x8x8"], "an example has a shape of its own: give --example"),
        (["-e", "flat.npy"], "no input has spatial axes: image (16, 16)\n"),
        (["-e", "twelve.npy"], "the model fails on inputs image (1, 12, 16, 16)"),
        (["-e", "picture=image.npy"], "picture"),
    ],
)
def test_an_example_that_is_wrong_is_one_message(
    run: Run, folder: Path, arguments: list[str], said: str
) -> None:
    np.save("image.npy", np.ones((1, 1, 16, 16)))
    np.save("flat.npy", np.ones((16, 16)))
    np.save("twelve.npy", np.ones((1, 12, 16, 16)))
    np.save("words.npy", np.array(["ab"]))
    np.savez("w.npz", w=np.array(["ab"]))
    np.save("objects.npy", np.array([{}, []], dtype=object), allow_pickle=True)
    np.savez("empty.npz")
    np.savez("named.npz", a=np.ones(2), b=np.ones(2))
    (folder / "text.npy").write_text("one two")
    (folder / "text.npz").write_text("one two")
    (folder / "short.npy").write_bytes((folder / "image.npy").read_bytes()[:200])
    result = run("analyze", "nets.py:Router", *arguments)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert result.stderr.startswith("fieldscope: ")
    assert said in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("target", ["torchvision:resnet18", "nets.py:shapeless"])
def test_a_model_whose_weights_have_no_values_runs_no_example(run: Run, target: str) -> None:
    np.save("image.npy", np.ones((1, 3, 64, 64)))
    result = run("analyze", target, "--example", "image.npy")
    assert result.exit_code == 2
    assert result.stderr.startswith(
        "fieldscope: no example can be run: the model was built without values for its weights"
    )
    assert result.stderr.endswith("name code that builds it with values, such as ./file.py:build\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nets.py:Router", "-i", "4x16"], "for others pass --axes, for example --axes 1 for ("),
        (["nets.py:Stereo", "-i", "1x1x9"], "give each input that its forward needs with --input"),
        (
            ["nets.py:Stereo", "-i", "1x1x9", "-i", "1x1x9", "--axes", "2"],
            "which input it is for; give --axes NAME=AXES, for the inputs 'left', 'right'",
        ),
    ],
)
def test_advice_is_given_in_options(run: Run, arguments: list[str], said: str) -> None:
    result = run("analyze", *arguments)
    assert result.exit_code == 2
    assert said in result.stderr
