"""The command `graph` from end to end: drawings, data, and what is asked wrongly."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Run

pytestmark = pytest.mark.usefixtures("nets")

CHAIN = ("graph", "nets.py:chain", "-i", "1x1x24x32")
USAGE = "  fieldscope graph --help shows how it is called\n"


def test_a_graph_is_drawn_into_a_file_and_told_as_a_table(run: Run) -> None:
    result = run(*CHAIN, "-o", "net.svg", "--engine", "builtin")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "conv" in Path("net.svg").read_text(encoding="utf-8")
    assert "The drawing has 5 boxes and 4 arrows." in result.stdout
    assert run(*CHAIN, "-o", "net.svg", "--engine", "builtin", "-q").stdout == ""


def test_without_a_file_there_is_the_table(run: Run) -> None:
    result = run(*CHAIN, "--width", "60")
    assert result.exit_code == 0
    assert max(map(len, result.stdout.splitlines())) <= 60


def test_dot_goes_to_stdout(run: Run) -> None:
    result = run(*CHAIN, "-o", "-")
    assert result.stdout.startswith('digraph "nets.py:chain" {\n')
    assert result.stdout.endswith("}\n")
    drawn = run(*CHAIN, "-o", "-", "--format", "svg", "--engine", "builtin")
    assert drawn.stdout.startswith("<?xml")


def test_the_file_may_end_in_anything_if_the_format_is_said(run: Run) -> None:
    assert run(*CHAIN, "-o", "net.txt", "--format", "dot").exit_code == 0
    assert Path("net.txt").read_text(encoding="utf-8") == run(*CHAIN, "-o", "-").stdout


def test_the_data_goes_to_a_file_or_to_stdout(run: Run) -> None:
    assert run(*CHAIN, "--json", "net.json", "--all").exit_code == 0
    data = json.loads(run(*CHAIN, "--json", "-", "--all").stdout)
    assert data == json.loads(Path("net.json").read_text(encoding="utf-8"))
    assert [node["name"] for node in data["nodes"]] == ["input", "0", "1", "2", "3", "output"]


def test_verdicts_are_for_the_input_that_is_named(run: Run) -> None:
    data = json.loads(run(*CHAIN, "--json", "-", "--on", "input").stdout)
    assert data["inputs"][0]["extents"] == [24, 32]
    result = run(*CHAIN, "--on", "other")
    assert result.exit_code == 2
    assert "there is no input 'other'" in result.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--format", "svg"), "--format is for a drawing: say where it goes with --output"),
        (("--engine", "dot"), "--engine is for a drawing: say where it goes with --output"),
        (("-o", "-", "--json", "-"), "--output and --json can't both go to stdout"),
        (("-o", "-", "--format", "png"), "png can't go to stdout: name a file with --output"),
        (("-o", "a.svg", "--json", "a.svg"), "--output and --json can't both go to a.svg"),
        (("--depth", "0"), "invalid value for '--depth': 0 is not in the range x>=1"),
    ],
)
def test_options_that_don_t_fit_together(run: Run, options: tuple[str, ...], message: str) -> None:
    result = run("graph", "raising.py:net", *options)
    assert result.exit_code == 2
    assert result.stderr == f"fieldscope: {message}\n{USAGE}"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("-o", "a.sgv"), "cannot save a graph as .sgv; did you mean .svg?"),
        (("-o", "none/a.svg"), "cannot write --output none/a.svg: there is no folder"),
        (("-o", "a.pdf", "--engine", "builtin"), "the built-in layout draws .svg, not .pdf"),
    ],
)
def test_what_can_t_be_drawn_is_said_before_the_model_is_built(
    run: Run, options: tuple[str, ...], message: str
) -> None:
    result = run("graph", "raising.py:net", *options)
    assert result.exit_code == 2
    assert message in result.stderr


def test_without_graphviz_the_way_out_is_told(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    result = run("graph", "raising.py:net", "-o", "net.pdf")
    assert result.exit_code == 2
    assert result.stderr == (
        "fieldscope: drawing a graph as pdf needs Graphviz's program dot, which isn't installed\n"
        "  install Graphviz (apt-get install graphviz, brew install graphviz, or "
        "https://graphviz.org/download); .dot and .svg work without it\n"
    )
    assert run(*CHAIN, "-o", "net.svg").exit_code == 0


@pytest.mark.skipif(shutil.which("dot") is None, reason="needs Graphviz's dot")
def test_what_was_there_stays_if_drawing_fails(run: Run, tmp_path: Path) -> None:
    Path("net.png").write_text("before")
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "dot").write_text("#!/bin/sh\nexit 3\n")
    (folder / "dot").chmod(0o755)
    path = os.environ["PATH"]
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PATH", f"{folder}:{path}")
        result = run(*CHAIN, "-o", "net.png")
    assert result.exit_code == 2
    assert "dot cannot draw the graph: exit code 3" in result.stderr
    assert result.stderr.endswith("as .svg with the built-in layout: --engine builtin\n")
    assert Path("net.png").read_text() == "before"
