"""The list of supported operators from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fieldscope.frontends.torch.lowering import LOWERINGS
from tests.cli.conftest import Run


def test_a_pipe_gets_a_line_per_operator(run: Run) -> None:
    result = run("operators")
    assert result.exit_code == 0, result.stderr
    lines = [line.split(maxsplit=2) for line in result.stdout.splitlines()]
    assert sorted(name for name, _, _ in lines) == sorted(LOWERINGS)
    assert ["flip", "movement", "Axes in reverse order"] in lines


def test_some_operators_are_shown_by_subject(run: Run) -> None:
    assert run("operators", "avg_pool?d", "--width", "60").stdout == (
        "ATen operators  3 with a rule\n"
        "\n"
        "Convolutions, pooling and their transposes (windows)\n"
        "────────────────────────────────────────────────────────────\n"
        "avg_pool1d  avg_pool2d  avg_pool3d\n"
        "    A window on each channel; count_include_pad changes\n"
        "    weights, not what is read\n"
    )


def test_what_is_read_stands_beside_the_names_where_there_is_room(run: Run) -> None:
    lines = run("operators", "unbind", "--width", "120").stdout.splitlines()
    assert lines[-1] == f"{'unbind':48}  Each element of an axis"


@pytest.mark.parametrize("width", [40, 60, 80, 140])
def test_the_list_is_as_wide_as_asked(run: Run, width: int) -> None:
    lines = run("operators", "--width", str(width)).stdout.splitlines()
    longest = max(len(line) for line in lines if " " in line.strip())
    assert longest <= width
    assert [line for line in lines if line != line.rstrip()] == []


def test_json_holds_the_same(run: Run, tmp_path: Path) -> None:
    data = json.loads(run("operators", "--json", "-").stdout)
    assert data["schema"] == "fieldscope/operators/1"
    assert [f"aten.{name}" for name in sorted(LOWERINGS)] == sorted(
        entry["name"] for entry in data["operators"]
    )
    assert run("operators", "flip", "--json", str(tmp_path / "o.json")).stdout != ""
    assert json.loads((tmp_path / "o.json").read_text())["operators"] == [
        {"name": "aten.flip", "subject": "movement", "reads": "Axes in reverse order"}
    ]


def test_a_name_that_fits_nothing_is_told_with_near_ones(run: Run) -> None:
    result = run("operators", "convolutoin")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith(
        "fieldscope: no operator is named or matches 'convolutoin'; did you mean convolution"
    )


def test_help_tells_how_operators_are_chosen(run: Run) -> None:
    assert "fieldscope operators pool" in run("operators", "--help").stdout
    words = " ".join(run("--help").stdout.split())
    assert "operators List the operators that have a rule." in words
