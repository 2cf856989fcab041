"""The command from end to end, on small networks of all kinds."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import fieldscope
from fieldscope.frontends.blame import displayed
from tests.cli.conftest import Run

NETS = """
import torch
from torch import nn

def chain(width=4):
    return nn.Sequential(
        nn.Conv2d(1, width, (5, 3), stride=(3, 2)),
        nn.Conv2d(width, width, (5, 3), stride=2),
        nn.Conv2d(width, width, 3, padding=1),
        nn.Conv2d(width, 2, 3),
    )

class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2), nn.ReLU(), nn.MaxPool2d(2))
        self.head = nn.Linear(8, 10)

    def forward(self, image):
        return self.head(self.features(image).mean((2, 3)))

class Stereo(nn.Module):
    def __init__(self):
        super().__init__()
        self.one = nn.Conv2d(3, 8, 7, 2, 3)
        self.other = nn.Conv2d(3, 8, (3, 9), 2, (1, 4))

    def forward(self, left, right):
        return torch.cat([self.one(left), self.other(right)], 1)

class Stream(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(16, 16, 9, stride=4)

    def forward(self, audio):
        return self.conv(audio.transpose(1, 2))

class Unknown(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)

    def forward(self, x):
        return torch.linalg.svdvals(self.conv(x))

class Branching(nn.Module):
    def forward(self, x):
        return x if x.sum() > 0 else -x

class Failing(nn.Module):
    def forward(self, x):
        return x.no_such_method()

class Talking(nn.Module):
    def forward(self, x):
        print("hello from forward")
        return x * 2

def double(x: torch.Tensor):
    return x * 2
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "nets.py").write_text(NETS)
    monkeypatch.chdir(tmp_path)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if "target" in name:
            del sys.modules[name]


CHAIN = ("analyze", "nets.py:chain", "--input", "1x1x60x90")


def test_the_table_has_a_line_per_layer_and_ends_in_words(run: Run) -> None:
    result = run(*CHAIN, "--width", "80")
    assert result.exit_code == 0, result.stderr
    assert result.stderr == ""
    assert (
        result.stdout
        == """\
nets.py:chain  input 1×1×60×90 (y, x)

layer  operator  shape       size  stride   start  narrowest  context  exact
────────────────────────────────────────────────────────────────────────────
0      window    1×4×19×44    5×3     3×2       0        5×3           yes
1      window    1×4×8×21    17×7     6×4       0       17×7           yes
2      window    1×4×8×21   29×15     6×4  -6, -4      29×15           yes
3      window    1×2×6×19   41×23     6×4  -6, -4      41×23           yes

every field is exact

Each position of the output (3) sees 41×23 elements (y×x) of the input's 60×90:
68% along y and 26% along x.
"""
    )


def test_a_pipe_gets_whole_lines(run: Run) -> None:
    assert run(*CHAIN).stdout.endswith("of the input's 60×90: 68% along y and 26% along x.\n")


@pytest.mark.parametrize("width", [40, 80, 140])
def test_the_table_is_as_wide_as_asked(run: Run, width: int) -> None:
    lines = run(*CHAIN, "--width", str(width)).stdout.splitlines()
    assert max(map(len, lines)) <= width
    assert ("narrowest" in lines[2]) == (width >= 80)


def test_columns_tells_the_width_of_a_pipe(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    assert max(map(len, run(*CHAIN).stdout.splitlines())) <= 50


def test_columns_can_be_chosen(run: Run) -> None:
    lines = run(*CHAIN, "--columns", "layer, size,source").stdout.splitlines()
    assert lines[2].split() == ["layer", "size", "source"]
    assert lines[4].split() == ["0", "5×3", "aten.convolution"]


def test_layers_can_be_chosen(run: Run) -> None:
    result = run("analyze", "nets.py:Classifier", "-i", "1x3x32x32", "--layers", "features.*")
    assert "features.0" in result.stdout
    assert "head  " not in result.stdout
    assert "The output (head) reads the whole input" in result.stdout


def test_a_pattern_that_fits_nothing_is_told_with_near_names(run: Run) -> None:
    result = run("analyze", "nets.py:Classifier", "-i", "1x3x32x32", "--layers", "featurs")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith(
        "fieldscope: no layer of nets.py:Classifier is named or matches 'featurs'; "
        "did you mean features"
    )


def test_containers_are_folded(run: Run) -> None:
    result = run("analyze", "nets.py:Classifier", "-i", "1x3x32x32", "--depth", "1")
    names = [line.split()[0] for line in result.stdout.splitlines()[4:7]]
    assert names == ["features", "mean_1", "head"]


def test_moving_layers_are_shown_on_demand(run: Run) -> None:
    command = ("analyze", "nets.py:Stream", "-i", "1x100x16", "--axes", "t:1")
    assert "1 layer that only moves elements not shown (--all)" in run(*command).stdout
    assert "permute" in run(*command, "--all").stdout


def test_axes_are_chosen_and_named(run: Run) -> None:
    result = run("analyze", "nets.py:Stream", "-i", "1x100x16", "--axes", "t:1")
    assert "audio 1×100×16 (t)" in result.stdout
    assert "sees 9 steps, 9% of the input's 100." in result.stdout
    same = run("analyze", "nets.py:Stream", "-i", "1x100x16", "--axes", "audio=1", "--json", "-")
    assert json.loads(same.stdout)["output"]["fields"]["audio"]["size"] == [9]


def test_several_inputs_by_name_and_by_place(run: Run) -> None:
    named = run("analyze", "nets.py:Stereo", "-i", "right=1x3x60x90", "-i", "left=1x3x60x90")
    placed = run("analyze", "nets.py:Stereo", "-i", "1x3x60x90", "-i", "1x3x60x90")
    assert "── left ──" in placed.stdout
    assert "7×7 elements (y×x) of left's 60×90: 12% along y and 8% along x." in placed.stdout
    assert "3×9 elements (y×x) of right's 60×90: 5% along y and 10% along x." in named.stdout


def test_arguments_reach_the_builder(run: Run) -> None:
    result = run(*CHAIN, "--arg", "width=7")
    assert "1×7×19×44" in result.stdout


def test_a_function_of_a_tensor_is_analysed(run: Run) -> None:
    result = run("analyze", "nets.py:double", "-i", "1x3x8x8")
    assert "1×1 elements" in result.stdout


def test_json_on_stdout_is_only_json(run: Run) -> None:
    result = run(*CHAIN, "--json", "-")
    data = json.loads(result.stdout)
    assert result.stderr == ""
    assert data["schema"] == "fieldscope/1"
    assert data["model"] == "nets.py:chain"
    assert data["output"]["fields"]["input"]["size"] == [41, 23]
    assert [entry["name"] for entry in data["layers"]] == ["0", "1", "2", "3"]


def test_json_and_csv_hold_the_layers_chosen(run: Run) -> None:
    arguments = ("analyze", "nets.py:Classifier", "-i", "1x3x32x32", "-l", "features", "-l", "head")
    data = json.loads(run(*arguments, "--json", "-").stdout)
    assert [entry["name"] for entry in data["layers"]] == ["head"]
    assert [entry["name"] for entry in data["containers"]] == ["features"]
    rows = list(csv.DictReader(io.StringIO(run(*arguments, "--csv", "-").stdout)))
    assert [row["layer"] for row in rows] == ["head"]


def test_files_are_written_beside_the_table(run: Run, folder: Path) -> None:
    result = run(*CHAIN, "--json", "out.json", "--csv", "out.csv")
    assert "41×23" in result.stdout
    assert json.loads((folder / "out.json").read_text())["output"]["name"] == "3"
    rows = list(csv.DictReader(io.StringIO((folder / "out.csv").read_text())))
    assert (rows[3]["size_y"], rows[3]["size_x"]) == ("41", "23")
    assert {path.suffix for path in folder.iterdir() if path.is_file()} == {".csv", ".json", ".py"}


def test_quiet_prints_nothing_but_what_goes_to_stdout(run: Run, folder: Path) -> None:
    assert run(*CHAIN, "--quiet", "--json", "out.json").output == ""
    assert (folder / "out.json").exists()
    assert json.loads(run(*CHAIN, "--quiet", "--json", "-").stdout)["model"] == "nets.py:chain"


def test_strict_says_no_where_something_is_a_bound(run: Run) -> None:
    arguments = ("analyze", "nets.py:Unknown", "-i", "1x1x8x8")
    lenient = run(*arguments)
    assert lenient.exit_code == 0
    assert "≤all" in lenient.stdout
    assert "Only a bound for" in lenient.stdout
    strict = run(*arguments, "--strict")
    assert strict.exit_code == 1
    assert strict.stdout == lenient.stdout
    first, *others = strict.stderr.splitlines()
    assert first == "fieldscope: fields of nets.py:Unknown are only bounds, from 1 place on"
    assert others[0].startswith("  aten._linalg_svd at ")
    assert "(nets.py:" in others[0]
    assert run(*CHAIN, "--strict").exit_code == 0


@pytest.mark.parametrize(
    ("target", "shape", "said"),
    [
        ("Branching", "1x3x8x8", "branches on a tensor's value at nets.py:"),
        ("Failing", "1x3x8x8", "'Tensor' object has no attribute 'no_such_method' (at nets.py:"),
        ("Classifier", "1x4x32x32", "(1, 4, 32, 32)"),
        ("Classifier", "1x3x2x2", "(1, 3, 2, 2)"),
        ("Stereo", "1x3x8x8", "1x3x8x8"),
    ],
)
def test_what_the_model_says_no_to_is_told(run: Run, target: str, shape: str, said: str) -> None:
    result = run("analyze", f"nets.py:{target}", "-i", shape)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("fieldscope: ")
    assert said.replace("1x3x8x8", "(1, 3, 8, 8)") in result.stderr
    assert "Traceback" not in result.stderr


def test_what_forward_prints_goes_to_stderr(run: Run) -> None:
    result = run("analyze", "nets.py:Talking", "-i", "1x3x8x8", "--json", "-")
    json.loads(result.stdout)
    assert "hello from forward" in result.stderr
    assert run("analyze", "nets.py:Talking", "-i", "1x3x8x8", "--quiet").output == ""


def test_an_error_that_nobody_foresaw_is_one_message(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the flux capacitor is empty")

    line = broken.__code__.co_firstlineno + 1
    monkeypatch.setattr("fieldscope.api.analyze", broken)
    result = run(*CHAIN)
    assert result.exit_code == 2
    assert result.stderr == (
        "fieldscope: RuntimeError: the flux capacitor is empty "
        f"(at {displayed(__file__)}:{line})\n  --debug shows the traceback\n"
    )


def test_folding_context_makes_it_part_of_the_field(run: Run, folder: Path) -> None:
    (folder / "se.py").write_text(
        "from torch import nn\n"
        "class Gate(nn.Module):\n"
        "    def forward(self, x):\n"
        "        return x * x.mean((2, 3), keepdim=True)\n"
        "net = nn.Sequential(nn.Conv2d(1, 1, 3), Gate())\n"
    )
    plain = run("analyze", "se.py:net", "-i", "1x1x16x16", "--json", "-")
    folded = run("analyze", "se.py:net", "-i", "1x1x16x16", "--json", "-", "--fold-context")
    output = json.loads(plain.stdout)["output"]
    assert (output["fields"]["input"]["size"], output["context"]) == ([3, 3], ["1"])
    assert json.loads(folded.stdout)["output"]["fields"]["input"]["global"] == [True, True]


def test_a_network_of_the_zoo_needs_no_input(run: Run) -> None:
    result = run("analyze", "torchvision:resnet18", "--depth", "1", "--width", "80")
    assert result.exit_code == 0, result.stderr
    assert "layer4   container  1×512×7×7      435      32   -217" in result.stdout
    assert result.stdout.endswith("(what lies beyond it is\npadding).\n")


def test_reports_show_themselves_at_a_prompt_and_in_notebooks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    from torch import nn

    report = fieldscope.analyze(nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU()), (1, 1, 16, 24))
    assert "Each position of the output (1) sees 3×3 elements" in repr(report)
    html = report._repr_html_()
    assert html is not None
    assert html.startswith('<div class="fieldscope">')
    long = fieldscope.analyze(
        nn.Sequential(*(nn.Sequential(nn.Conv2d(1, 1, 3), nn.ReLU()) for _ in range(20))),
        (1, 1, 99, 99),
    )
    assert len(repr(long).splitlines()) < 32
