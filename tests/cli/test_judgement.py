"""The commands productivity, resolution, compare and check, as they are called."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run

CHAIN = ("nets.py:chain", "--input", "1x1x24x32")
COMMANDS = [
    ("productivity", *CHAIN),
    ("resolution", *CHAIN),
    ("compare", "nets.py:chain", "nets.py:Attentive", "--input", "1x1x24x32"),
    ("check", *CHAIN, "--max-stride", "2"),
]


@pytest.mark.usefixtures("nets")
@pytest.mark.parametrize("command", COMMANDS, ids=[command[0] for command in COMMANDS])
def test_a_finding_goes_to_the_page_to_json_and_to_a_picture(
    run: Run, command: tuple[str, ...]
) -> None:
    plain = run(*command)
    assert plain.exit_code == 0, plain.stderr
    assert "chain" in plain.stdout
    data = run(*command, "--json", "-")
    assert json.loads(data.stdout)["schema"].startswith("fieldscope.")
    assert run(*command, "--json", "found.json", "-q").stdout == ""
    assert Path("found.json").read_text() == data.stdout
    drawn = run(*command, "-o", "found.png", "-q")
    assert (drawn.exit_code, drawn.stdout) == (0, "")
    assert Path("found.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.usefixtures("nets")
@pytest.mark.parametrize("command", COMMANDS, ids=[command[0] for command in COMMANDS])
@pytest.mark.parametrize("width", [40, 80, 140])
def test_a_page_is_as_wide_as_asked(run: Run, command: tuple[str, ...], width: int) -> None:
    lines = run(*command, "--width", str(width)).stdout.splitlines()
    assert max(map(len, lines)) <= width


@pytest.mark.usefixtures("nets")
@pytest.mark.parametrize("command", COMMANDS, ids=[command[0] for command in COMMANDS])
@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("nowhere/found.png", "cannot write --output nowhere/found.png: there is no folder"),
        ("found.pgn", "cannot save a picture as .pgn; did you mean .png?"),
    ],
)
def test_a_picture_that_cannot_be_written_is_told_before_the_work(
    run: Run, command: tuple[str, ...], output: str, message: str
) -> None:
    name, _, *options = command
    found = run(name, "raising.py:Net", *options, "-o", output)
    assert found.exit_code == 2
    assert message in found.stderr


@pytest.mark.usefixtures("nets")
def test_productivity_marks_what_is_dead_weight(run: Run) -> None:
    found = run("productivity", "nets.py:Branches", "--input", "1x1x5")
    rows = {line.split()[0]: line for line in found.stdout.splitlines() if line}
    assert "productive" in rows["narrow"]
    assert "critical" in rows["wide"]
    assert "1 layer that neither widens the field nor multiplies not shown (--all)" in found.stdout
    assert "aten.relu" in run("productivity", *CHAIN, "--all", "--width", "200").stdout


@pytest.mark.usefixtures("nets")
def test_resolution_snaps_on_request(run: Run) -> None:
    data = json.loads(run("resolution", *CHAIN, "--json", "-").stdout)
    snapped = json.loads(run("resolution", *CHAIN, "--snap", "--json", "-").stdout)
    assert data["smallest"]["extents"] == [4, 4]
    assert data["largest"]["extents"] == [20, 6]
    assert data["largest"]["layers"] == [["3"], ["3"]]
    assert (snapped["stride"], snapped["productive_from"]) == ([2, 2], [6, 6])


@pytest.mark.usefixtures("nets")
@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--no-unproductive"], 0, ""),
        (["--min-field", "21x6"], 1, "field at least 21×6: the largest field is 20×6, of 3"),
        (
            ["--min-field", "5", "--max-stride", "1"],
            1,
            "stride at most 1×1: the total stride is 2×2",
        ),
        (["--max-macs", "1k"], 1, "MACs at most 1,000: there are"),
        ([], 2, "there is no condition to check: ask for some, such as --no-unproductive"),
        (["--min-field", "9", "--max-field", "8"], 2, "at least 9 and at most 8 at once"),
        (["--min-field", "0"], 2, "'0' is neither a whole number of 1 or more"),
        (["--max-macs", "many"], 2, "'many' is no count"),
        (["--max-stride", "2", "--allow", "x"], 2, "--allow lets verdicts pass"),
    ],
)
def test_check_says_why_by_its_exit_code(
    run: Run, options: list[str], code: int, message: str
) -> None:
    found = run("check", *CHAIN, *options)
    assert found.exit_code == code, found.stderr
    assert message in found.stderr


@pytest.mark.usefixtures("nets")
def test_a_comparison_needs_two_models(run: Run) -> None:
    found = run("compare", "nets.py:chain", "--input", "1x1x24x32")
    assert found.exit_code == 2
    assert "takes two models or more, got nets.py:chain alone" in found.stderr
    assert run("compare").exit_code == 2


@pytest.mark.usefixtures("nets")
def test_a_comparison_says_which_of_its_models_fails(run: Run) -> None:
    found = run("compare", "nets.py:chain", "nets.py:volume", "--input", "1x1x24x32")
    assert found.exit_code == 2
    assert found.stderr.startswith("fieldscope: nets.py:volume: the model fails on inputs ")


@pytest.mark.usefixtures("nets")
@pytest.mark.parametrize("name", ["productivity", "resolution", "check"])
def test_a_resolution_of_0_is_told(run: Run, name: str) -> None:
    more = ["--no-unproductive"] if name == "check" else []
    found = run(name, "nets.py:chain", "--input", "1x1x0x32", *more)
    assert found.exit_code == 2
    assert "an extent is 1 or more, got 0" in found.stderr


@pytest.mark.usefixtures("nets")
@pytest.mark.parametrize("name", ["productivity", "resolution", "check"])
def test_one_of_several_inputs_is_asked_about_with_on(run: Run, name: str) -> None:
    stereo = ("nets.py:Stereo", "--input", "left=1x3x16x16", "--input", "right=1x3x16x16")
    more = ["--no-unproductive"] if name == "check" else []
    found = run(name, *stereo, *more)
    assert found.exit_code == 2
    assert "say which with --on; the inputs with spatial axes are 'left', 'right'" in found.stderr
    assert run(name, *stereo, *more, "--on", "right").exit_code == 0
