"""The command `effective` from end to end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import nn

from fieldscope.measure.torch import effective
from fieldscope.wording import listed
from tests.cli.conftest import Run
from tests.effective.nets import photographs

pytestmark = pytest.mark.usefixtures("nets")

CHAIN = ("effective", "nets.py:chain", "-i", "1x1x24x32", "--count", "4")


@pytest.fixture
def weights() -> str:
    """A file of weights for the chain, which draws its own anew each time."""
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 2, (3, 2), dilation=(4, 1))
    )
    torch.save(net.state_dict(), "weights.pth")
    return "weights.pth"


def data(run: Run, *arguments: str) -> Any:
    result = run(*arguments, "--json", "-")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_a_field_is_told_as_a_table_and_sentences(run: Run) -> None:
    result = run(*CHAIN, "--layer", "0", "--at", "5,7")
    assert (result.exit_code, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[0].startswith(
        "nets.py:chain  0 at (5, 7)  over input 24×32 (y, x), 4 images of noise, sizes of gradients"
    )
    assert lines[2].split() == ["contribution", "area", "square"]
    assert [line.split()[0] for line in lines[4:8]] == ["20", "30", "50", "99"]
    assert "99 %  1.2 %     3×3" in result.stdout
    assert "100 % of the theoretical one inside the input (3)" in result.stdout


def test_figures_are_the_same_for_any_batch_size(run: Run, weights: str) -> None:
    asked = (*CHAIN, "--weights", weights, "--batch-size")
    one, other = (data(run, *asked, size) for size in ("1", "4"))
    assert one["areas"] == other["areas"]
    assert one["theory"] == [[2, 22], [14, 20]]


def test_several_layers_make_a_table(run: Run) -> None:
    found = data(run, *CHAIN, "-l", "0", "-l", "3")
    assert [one["name"] for one in found["fields"]] == ["0", "3"]
    every = data(run, *CHAIN, "--every")
    assert [one["name"] for one in every["fields"]] == ["0", "2", "3"]
    shown = run(*CHAIN, "--every", "--width", "80")
    assert "Of its theoretical field" in shown.stdout
    assert max(map(len, shown.stdout.splitlines())) <= 80


def test_models_stand_side_by_side_with_what_is_expected(run: Run) -> None:
    found = data(
        run, "effective", "nets.py:chain", "nets.py:chain", "-i", "1x1x24x32", "--count", "2",
        "--beside", "expected",
    )  # fmt: skip
    assert [one["images"] for one in found["fields"]] == [2, 0, 2, 0]


def test_weights_are_loaded_and_put_beside_the_untrained_network(run: Run, nets: Path) -> None:
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 2, (3, 2), dilation=(4, 1))
    )
    for weight in net.parameters():
        nn.init.ones_(weight)
    torch.save({f"body.{key}": one for key, one in net.state_dict().items()}, nets / "w.pth")
    asked = (*CHAIN, "--weights", "w.pth", "--rename", r"body\.=", "--beside", "untrained")
    result = run(*asked, "-l", "0")
    assert result.exit_code == 0, result.stderr
    assert result.stderr == "fieldscope: w.pth: 4 of 4 weights loaded\n"
    assert [line.split()[0] for line in result.stdout.splitlines()[4:6]] == ["chain", "chain"]
    assert run(*asked, "--quiet").stderr == ""
    trained, untrained = data(run, *asked, "-l", "0")["fields"]
    # Of weights that are all alike each tap contributes as much.
    assert trained["areas"]["0.5"] == 9 / (24 * 32)
    assert trained["gaussian"] is None or trained["gaussian"]["fit"] < 0.5
    assert untrained["model"] == "nets.py:chain untrained"


def test_photographs_are_measured_and_drawn_over(run: Run, nets: Path) -> None:
    folder = photographs(nets / "photos", (40, 30), (20, 50))
    result = run(
        "effective", "nets.py:chain", "-i", "1x1x24x32", "--images", str(folder), "--over",
        "small.png", "--log", "-o", "erf.png",
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    assert "2 photographs of" in result.stdout
    with Image.open("erf.png") as picture:
        assert picture.width > 500
    several = run(*CHAIN, "--every", "-o", "curve.svg")
    assert several.exit_code == 0, several.stderr
    assert "<svg" in Path("curve.svg").read_text()


def test_a_state_is_gone_on_with(run: Run, weights: str) -> None:
    asked = (*CHAIN[:-1], "4", "--weights", weights)
    first = data(run, *asked, "--state", "erf.npz")
    assert first["images"] == 4
    asked = (*CHAIN[:-1], "10", "--weights", weights)
    more = data(run, *asked, "--state", "erf.npz")
    assert more["images"] == 10
    assert more["areas"] == data(run, *asked)["areas"]
    other = run(*asked, "--state", "erf.npz", "--seed", "1")
    assert (other.exit_code, "holds the mean of something else" in other.stderr) == (2, True)
    drawn_anew = run(*CHAIN, "--state", "erf.npz")
    assert "weights is" in drawn_anew.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--weights", "a", "--weights", "b"), "--weights is given 2 times for 1 models"),
        (("--rename", "a=b"), "--rename is for --weights: give a file of them"),
        (("--weights", "-", "--rename", "a=b"), "--rename is for --weights"),
        (("--beside", "untrained"), "--beside untrained is for --weights"),
        (("--weights", "photo.png"), "photo.png"),
        (("--weights", "nowhere.pth"), "there is no file of weights nowhere.pth"),
        (("--weights", "hub"), "no hub has weights of nets.py:chain"),
        (("--images", "nowhere"), "there is no folder or file nowhere of images"),
        (("--images", "nets.py"), "nets.py"),
        (("--state", "erf.txt"), "--state erf.txt is no .npz file"),
        (("--state", "no/erf.npz"), "there is no folder"),
        (("--every", "-l", "0"), "--every stands for all layers: leave --layer out"),
        (("--log",), "--log is for a picture: say where it goes with --output"),
        (("--over", "photo.png"), "--over is for a picture"),
        (("-o", "photo.png", "--over", "photo.png"), "would replace the image"),
        (("-o", "a.png", "--over", "nowhere.png"), "there is no image nowhere.png"),
        (("--rename", "ab", "--weights", "a"), "'ab' is not of the form PATTERN=TEXT"),
        (("--mean", "a"), "'a' is no number"),
        (("--mean", "0.5"), "mean and deviation go together"),
        (("--device", "cuda:7"), "device 'cuda:7' can't be used"),
        (("--layer", "7"), "has no layer '7'"),
        (("--at", "99,99"), "position"),
        (("--count", "0"), "0 is not in the range"),
    ],
)
def test_what_is_asked_wrongly_is_told(run: Run, arguments: tuple[str, ...], message: str) -> None:
    before = sorted(path.name for path in Path().iterdir())
    result = run(*CHAIN[:4], *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""
    assert sorted(path.name for path in Path().iterdir()) == before


def test_files_of_weights_are_looked_for_before_the_first_model_is_run(
    run: Run, weights: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(effective, "measured")
    result = run(
        "effective", "nets.py:chain", "nets.py:chain", "-i", "1x1x24x32", "--weights", weights,
        "--weights", "nowhere.pth",
    )  # fmt: skip
    assert result.exit_code == 2
    assert result.stderr.startswith("fieldscope: there is no file of weights nowhere.pth\n")


def test_models_of_other_frameworks_are_refused_with_what_serves_them(run: Run) -> None:
    Path("net.fsg").write_text("fieldscope 1\n")
    result = run("effective", "net.fsg")
    assert result.exit_code == 2


@pytest.mark.parametrize(("after", "images"), [(1, [1]), (3, [3, 0]), (5, [3, 0, 2])])
def test_ctrl_c_ends_it_with_all_that_was_measured(
    run: Run, monkeypatch: pytest.MonkeyPatch, after: int, images: list[int]
) -> None:
    batches = iter(range(99))
    add = effective._Pass.add

    def interrupted(self: Any, batch: torch.Tensor, *, number: int) -> Any:
        if next(batches) == after:
            raise KeyboardInterrupt
        return add(self, batch, number=number)

    monkeypatch.setattr(effective._Pass, "add", interrupted)
    result = run(
        "effective", "nets.py:chain", "nets.py:chain", "nets.py:chain", "-i", "1x1x24x32",
        "--count", "3", "--batch-size", "1", "--beside", "expected", "--json", "-",
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    left = listed(["nets.py:chain"] * (3 - len([n for n in images if n])))
    assert result.stderr == f"fieldscope: interrupted before {left} was measured\n"
    found = json.loads(result.stdout)
    fields = found.get("fields", [found])
    assert [one["images"] for one in fields][: len(images)] == images
    assert len([one for one in fields if one["images"]]) == len([n for n in images if n])
