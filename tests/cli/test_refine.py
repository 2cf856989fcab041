"""The command refine: proposals on a page, as data and as code that keeps its promises."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console
from rich.text import Text

from fieldscope.cli.main import main
from fieldscope.cli.progress import Progress, _with_bar
from tests.cli.conftest import Run

DEEP = """
from torch import nn

class Deep(nn.Module):
    def __init__(self, width=4, depth=6):
        super().__init__()
        self.stem = nn.Conv2d(1, width, 5, padding=2)
        self.body = nn.Sequential(*(nn.Conv2d(width, width, 3, padding=1) for _ in range(depth)))
        self.head = nn.Linear(width, 3)

    def forward(self, x):
        return self.head(self.body(self.stem(x)).mean((2, 3)))

net = Deep()

def fine():
    return nn.Sequential(nn.Conv2d(1, 1, 3))
"""
CALL = ("refine", "deep.py:Deep", "--input", "1x1x10x14")
RESNET = ("refine", "torchvision:resnet18", "--input", "1x3x32x32")


@pytest.fixture(autouse=True)
def deep(nets: Path) -> Path:
    """The folder of the command, with a network that is too deep for its input."""
    (nets / "deep.py").write_text(DEEP)
    return nets


def figures(target: str, run: Run, shape: str) -> tuple[int, int, int]:
    """Unproductive layers, multiply-accumulates and parameters, as another command finds them."""
    found = run("productivity", target, "--input", shape, "--json", "-")
    assert found.exit_code == 0, found.stderr
    layers = json.loads(found.stdout)["layers"]
    return (
        sum(layer["verdict"] == "unproductive" for layer in layers),
        sum(layer["macs"] for layer in layers),
        sum(layer["parameters"] for layer in layers),
    )


def promised(run: Run, *call: str, number: int = 1) -> tuple[int, int, int]:
    after = json.loads(run(*call, "--json", "-").stdout)["proposals"][number - 1]["after"]
    return after["unproductive"], after["macs"], after["parameters"]


def test_proposals_stand_on_a_page_with_what_is_edited(run: Run) -> None:
    found = run(*CALL)
    assert found.exit_code == 0, found.stderr
    assert "refined for efficiency (less compute, no unproductive layer)" in found.stdout
    assert ": taken out" in found.stdout
    assert "leaves no layer unproductive" in found.stdout


@pytest.mark.parametrize("width", [40, 80, 140])
def test_the_page_is_as_wide_as_asked(run: Run, width: int) -> None:
    lines = run(*CALL, "--width", str(width)).stdout.splitlines()
    assert max(map(len, lines)) <= width


@pytest.mark.parametrize("goal", ["efficiency", "performance"])
def test_the_code_for_a_network_known_by_name_keeps_what_was_promised(run: Run, goal: str) -> None:
    found = run(*RESNET, "--goal", goal, "--write", "refined.py")
    assert found.exit_code == 0, found.stderr
    promise = promised(run, *RESNET, "--goal", goal)
    assert figures("refined.py:build", run, "1x3x32x32") == promise
    report = run("analyze", "refined.py:build", "--input", "1x3x32x32", "--json", "-")
    assert json.loads(report.stdout)["layers"]
    assert "fieldscope" not in Path("refined.py").read_text()


@pytest.mark.parametrize(
    ("target", "write", "arguments"),
    [
        ("deep.py:Deep", "refined.py", ()),
        ("deep.py:Deep", "refined.py", ("--arg", "depth=8")),
        ("deep.py:net", "refined.py", ()),
        ("deep:Deep", "refined.py", ()),
        ("deep.py:Deep", "other/refined.py", ()),
        ("my-deep.py:Deep", "other/refined.py", ()),
    ],
)
def test_the_code_makes_the_model_wherever_it_lies(
    run: Run, deep: Path, target: str, write: str, arguments: tuple[str, ...]
) -> None:
    (deep / "other").mkdir()
    (deep / "my-deep.py").write_text(DEEP)
    call = ("refine", target, "--input", "1x1x10x14", *arguments)
    found = run(*call, "--write", write)
    assert found.exit_code == 0, found.stderr
    assert figures(f"{write}:build", run, "1x1x10x14") == promised(run, *call)


def test_the_code_runs_where_fieldscope_is_not_installed(run: Run, deep: Path) -> None:
    assert run(*CALL, "--write", "refined.py", "-q").exit_code == 0
    program = (
        "import sys, torch; sys.modules['fieldscope'] = None; import refined\n"
        "print(*refined.build()(torch.rand(2, 1, 10, 14)).shape)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=deep, capture_output=True, text=True, check=True
    )
    assert done.stdout == "2 3\n"


def test_another_proposal_than_the_best_is_written_on_request(run: Run) -> None:
    assert run(*RESNET, "--write", "second.py", "--proposal", "2").exit_code == 0
    assert figures("second.py:build", run, "1x3x32x32") == promised(run, *RESNET, number=2)


def test_code_goes_to_stdout_alone(run: Run) -> None:
    found = run(*CALL, "--write", "-")
    compile(found.stdout, "refined.py", "exec")
    assert found.stdout.startswith('"""deep.py:Deep, refined for x 1x1x10x14: ')


def test_a_network_that_is_fine_needs_no_proposal(run: Run) -> None:
    files = ("--write", "refined.py", "--output", "refined.png")
    found = run("refine", "deep.py:fine", "--input", "1x1x10x14", *files)
    assert found.exit_code == 0
    assert "There is no proposal: " in found.stdout
    assert found.stderr == (
        "fieldscope: there is no proposal, so nothing was written to refined.py and refined.png\n"
    )
    assert not Path("refined.py").exists()
    assert not Path("refined.png").exists()


def test_a_budget_that_is_none_is_told_before_the_model_is_built(run: Run) -> None:
    found = run("refine", "deep.py:nothing", "--input", "1x1x10x14", "--budget", "0")
    assert found.stderr.startswith("fieldscope: the budget is '0'")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--budget", "0"), "the budget is '0'; it must be a factor of today's compute"),
        (("--seed", "9" * 30), f"the seed is {'9' * 30}"),
        (("--budget", "2x"), "the budget is '2x', and efficiency never takes more compute than n"),
        (("--goal", "fun"), "invalid value for '--goal': 'fun' is not one of 'efficiency', 'perf"),
        (("--write", "deep.py"), "--write deep.py would replace the code of the model"),
        (("--write", "./deep.py"), "--write ./deep.py would replace the code of the model"),
        (("--write", "refined.txt"), "--write refined.txt is no file of Python code"),
        (("--write", "no/refined.py"), "cannot write --write no/refined.py: there is no folder"),
        (("--write", "a.py", "--json", "a.py"), "--write and --json can't both go to a.py"),
        (("--write", "-", "--json", "-"), "--write and --json can't both go to stdout"),
        (("--proposal", "2"), "--proposal is for --write: say where the code goes"),
        (("--write", "a.py", "--proposal", "99"), "there is no proposal 99 to write: "),
    ],
)
def test_what_is_wrong_with_a_call_is_told(
    capsys: pytest.CaptureFixture[str], options: tuple[str, ...], message: str
) -> None:
    before = Path("deep.py").read_text()
    assert main([*CALL, *options]) == 2
    assert capsys.readouterr().err.startswith(f"fieldscope: {message}")
    assert Path("deep.py").read_text() == before
    assert not Path("a.py").exists()


def test_the_code_of_an_imported_model_is_not_replaced(capsys: pytest.CaptureFixture[str]) -> None:
    # Of a name that no other test imports: modules stay in memory.
    Path("imported_net.py").write_text(DEEP)
    call = ["refine", "imported_net:Deep", "--input", "1x1x10x14", "--write", "imported_net.py"]
    assert main(call) == 2
    assert "would replace the code of the model" in capsys.readouterr().err
    assert Path("imported_net.py").read_text() == DEEP


def test_no_code_can_be_written_for_files_of_other_frameworks(
    capsys: pytest.CaptureFixture[str],
) -> None:
    onnx = pytest.importorskip("onnx")
    make, floats = onnx.helper, onnx.TensorProto.FLOAT
    convolutions = [
        make.make_node("Conv", [f"v{k}", "w"], [f"v{k + 1}"], name=f"conv{k}", pads=[2, 2, 2, 2])
        for k in range(5)
    ]
    graph = make.make_graph(
        convolutions,
        "net",
        [make.make_tensor_value_info("v0", floats, [1, 1, 9, 9])],
        [make.make_tensor_value_info("v5", floats, [1, 1, 9, 9])],
        [make.make_tensor("w", floats, [1, 1, 5, 5], [0.1] * 25)],
    )
    onnx.save(make.make_model(graph), "deep.onnx")
    assert main(["refine", "deep.onnx", "--write", "refined.py"]) == 2
    assert "no code can be written for deep.onnx: it is read from a file" in capsys.readouterr().err
    assert main(["refine", "deep.onnx"]) == 0
    assert "figures are predicted, not measured: it is read from a file" in capsys.readouterr().out


def interrupt(monkeypatch: pytest.MonkeyPatch, *at: tuple[str, int]) -> None:
    """Press Ctrl-C when a stage of the work is so far."""

    def step(_: Progress, text: str, done: int = 0, count: int = 0) -> None:
        del count
        if (text.partition(" ")[0], done) in at:
            raise KeyboardInterrupt

    monkeypatch.setattr(Progress, "step", step)


def test_ctrl_c_shows_the_best_so_far(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupt(monkeypatch, ("searching", 8))
    found = run(*RESNET, "--most", "1", "--write", "refined.py")
    assert found.exit_code == 0
    assert "the search was stopped: only what it had found until then is proposed" in found.stdout
    assert Path("refined.py").exists()


def test_a_second_ctrl_c_ends_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    interrupt(monkeypatch, ("searching", 8), ("verifying", 0))
    assert main([*RESNET, "--write", "refined.py"]) == 130
    assert not Path("refined.py").exists()


def test_progress_shows_how_much_is_done() -> None:
    console = Console(width=60, file=io.StringIO(), record=True)
    console.print(_with_bar(Text("searching"), 3, 12))
    assert console.export_text().strip().endswith("3 of 12 searching")
    assert _with_bar(Text("analysing"), 0, 0) == Text("analysing")
