"""Calls that go wrong before a model is analysed, and what may end a command."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fieldscope.cli.main import fieldscope
from tests.cli.conftest import Run

SOURCE = Path(__file__).parents[2] / "src"


def started(*arguments: str, stdout: int = subprocess.PIPE) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    return subprocess.Popen(
        [sys.executable, "-m", "fieldscope", *arguments],
        env=environment,
        stderr=subprocess.PIPE,
        stdout=stdout,
        text=True,
    )


def test_no_command_shows_the_help(run: Run) -> None:
    result = run()
    assert result.exit_code == 0
    assert "Usage: fieldscope [OPTIONS] [COMMAND]" in result.stdout
    assert "fieldscope analyze torchvision:resnet50" in result.stdout
    heads = [line for line in result.stdout.splitlines() if line.endswith(":") and line[0] != " "]
    assert heads == [
        "Options:", "Fields:", "What follows for a design:", "What is behind a field:",
        "Several models, and conditions:", "Trained networks:",
    ]  # fmt: skip
    for command in fieldscope.commands:
        assert f"\n  {command} " in result.stdout


def test_help_has_examples_and_every_option(run: Run) -> None:
    result = run("analyze", "--help")
    assert result.exit_code == 0
    assert "fieldscope analyze ./mynet.py:build --input 1x1x16000 --layers 'encoder.*'" in (
        result.stdout
    )
    for option in (
        "--input", "--example", "--axes", "--arg", "--layers", "--columns", "--depth", "--all",
        "--json", "--csv", "--strict", "--fold-context", "--quiet", "--width", "--debug",
    ):  # fmt: skip
        assert option in result.stdout


def test_the_version_tells_what_it_stands_on(run: Run) -> None:
    result = run("--version")
    assert result.exit_code == 0
    assert result.stdout.startswith("fieldscope 0.")
    assert "Python 3." in result.stdout
    assert "torch 2." in result.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["analyze"], "missing argument 'TARGET'"),
        (["analyse"], "no such command 'analyse'"),
        (["analyze", "a:b", "--jsno", "x"], "no such option"),
        (["analyze", "a:b", "--input", "1x3xfoo"], "'1x3xfoo': 'foo' is not a whole number"),
        (["analyze", "a:b", "--input", "1x3x0"], "'1x3x0': an extent is 1 or more, got 0"),
        (["analyze", "a:b", "--input", "1x3x-2"], "'1x3x-2': an extent is 1 or more, got -2"),
        (["analyze", "a:b", "--input", "7"], "'7' has one axis, and the first is the batch"),
        (["analyze", "a:b", "--arg", "width"], "'width': an argument is given as name=value"),
        (["analyze", "a:b", "--axes", "y"], "'y': axes are numbers"),
        (["analyze", "a:b", "--depth", "0"], "0 is not in the range x>=1"),
        (["analyze", "a:b", "--json", "-", "--csv", "-"], "--json and --csv can't both go to"),
        (["analyze", "a:b", "--json", "o", "--csv", "o"], "--json and --csv can't both go to o"),
        (["analyze", "a:b", "--arg", "a=1", "--arg", "a=2"], "--arg is given for a more than on"),
        (["analyze", "x", "-i", "a=1x2", "-i", "1x3"], "give every --input a name (NAME=...)"),
    ],
)
def test_a_wrong_call_is_one_message_and_the_next_step(
    run: Run, arguments: list[str], said: str
) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    first, second = result.stderr.splitlines()
    assert first.startswith("fieldscope: ")
    assert said in first
    assert (
        second
        == f"  fieldscope{' analyze' * (arguments[0] == 'analyze')} --help shows how it is called"
    )


def test_a_wrong_target_is_one_message_without_traceback(run: Run) -> None:
    result = run("analyze", "weights.pth")
    assert result.exit_code == 2
    assert result.stderr.startswith("fieldscope: weights.pth holds weights")
    assert "Traceback" not in result.stderr


def test_debug_shows_the_traceback_and_the_message(run: Run) -> None:
    result = run("analyze", "weights.pth", "--debug")
    assert result.exit_code == 2
    assert "Traceback (most recent call last)" in result.stderr
    assert "\nfieldscope: weights.pth holds weights" in result.stderr


def test_an_unknown_column_is_told_before_the_model_is_built(run: Run, tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text("raise AssertionError('was built')")
    result = run("analyze", f"{tmp_path}/net.py:Net", "--columns", "layer,sizes")
    assert result.exit_code == 2
    assert result.stderr == (
        "fieldscope: there is no column 'sizes'; did you mean size?\n"
        "  columns are layer, operator, source, shape, size, stride, period, start, narrowest, "
        "context, exact\n"
    )


@pytest.mark.parametrize("option", ["--json", "--csv"])
def test_a_place_that_cannot_be_written_is_told_before_the_model_is_built(
    run: Run, tmp_path: Path, option: str
) -> None:
    (tmp_path / "net.py").write_text("raise AssertionError('was built')")
    place = tmp_path / "nowhere" / "out"
    result = run("analyze", f"{tmp_path}/net.py:Net", option, str(place))
    assert result.exit_code == 2
    assert result.stderr == (
        f"fieldscope: cannot write {option} {place}: there is no folder {place.parent}\n"
    )


def test_a_model_without_a_default_input_asks_for_one(run: Run, tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text("class Net:\n    def __call__(self, x): return x\n")
    result = run("analyze", f"{tmp_path}/net.py:Net")
    assert result.exit_code == 2
    assert result.stderr == (
        f"fieldscope: {tmp_path}/net.py:Net has no default input\n"
        "  pass its shape with batch, such as --input 1x3x224x224\n"
    )


def test_what_the_models_code_prints_does_not_mix_with_results(run: Run, tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text("print('loading the configuration')\nnet = 3\n")
    result = run("analyze", f"{tmp_path}/net.py:net")
    assert result.stdout == ""
    assert result.stderr.startswith("loading the configuration\nfieldscope: ")
    quiet = run("analyze", f"{tmp_path}/net.py:net", "--quiet")
    assert quiet.stderr.startswith("fieldscope: ")


@pytest.mark.skipif(sys.platform == "win32", reason="signals differ")
def test_a_closed_pipe_ends_the_command_quietly() -> None:
    read, write = os.pipe()
    os.close(read)
    process = started("analyze", "--help", stdout=write)
    os.close(write)
    assert process.communicate(timeout=60)[1] == ""
    assert process.returncode == 141


@pytest.mark.skipif(sys.platform == "win32", reason="signals differ")
def test_ctrl_c_ends_the_command_quietly(tmp_path: Path) -> None:
    # The interrupt comes from the file itself, while the command waits for its import.
    (tmp_path / "slow.py").write_text(
        "import os, signal\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "os.kill(os.getpid(), signal.SIGINT)\n"
    )
    process = started("analyze", f"{tmp_path}/slow.py:Net")
    assert process.communicate(timeout=60) == ("", "")
    assert process.returncode == 130


@pytest.mark.skipif(sys.platform == "win32", reason="signals differ")
def test_ctrl_c_at_the_very_start_shows_no_traceback(tmp_path: Path) -> None:
    # The interrupt comes while the command itself is imported.
    (tmp_path / "click.py").write_text(
        "import os, signal\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "os.kill(os.getpid(), signal.SIGINT)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(SOURCE)])}
    done = subprocess.run(
        [sys.executable, "-m", "fieldscope", "--version"],
        env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
