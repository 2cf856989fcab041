"""The command `verify` from end to end: the page, the findings, and its three exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from fieldscope.cli.main import fieldscope
from tests.cli.conftest import Run

pytestmark = pytest.mark.usefixtures("nets")

CHAIN = ("verify", "nets.py:chain", "-i", "1x1x24x32")
LYING = ("verify", "nets.py:Lying", "-i", "1x1x8x8")
STEREO = ("verify", "nets.py:Stereo", "-i", "left=1x3x16x16", "-i", "right=1x3x16x16")
USAGE = "  fieldscope verify --help shows how it is called\n"
ADVICE = (
    "  a lowering is wrong, or the model reads what its operators don't say; please report it "
    "with the model's code\n"
)


def findings(run: Run, *arguments: str) -> dict[str, list[dict[str, Any]]]:
    """What the tests found, by layer."""
    data = json.loads(run(*arguments, "--json", "-").stdout)
    return {layer["name"]: layer["findings"] for layer in data["layers"]}


def kinds(found: list[dict[str, Any]]) -> set[str]:
    return {one["test"] for one in found}


def test_a_model_that_agrees_has_a_line_per_layer_and_the_code_0(run: Run) -> None:
    result = run(*CHAIN)
    assert (result.exit_code, result.stderr) == (0, "")
    assert (
        result.stdout
        == """\
nets.py:chain  verified on input

layer  shape      theory  measured  verdict
───────────────────────────────────────────
0      1×4×22×30     3×3       3×3  agrees
1      1×4×22×30     3×3       3×3  agrees
2      1×4×11×15     4×4       4×4  agrees
3      1×2×3×14     20×6      20×6  agrees

4 layers: 4 agree
"""
    )


def test_a_disagreement_is_explained_and_has_the_code_1(run: Run) -> None:
    result = run(*LYING)
    assert result.exit_code == 1
    assert "conv    1×2×6×6     3×3       3×3  agrees\n" in result.stdout
    assert "roll_1  1×2×6×6     3×3       3×3  disagrees\n" in result.stdout
    explained = " ".join(result.stdout.split())
    assert (
        "structure: at (3, 3) the neutralised model reads 6 elements outside of the field: an "
        "operator reads more than its lowering says" in explained
    )
    assert "gradient: at (3, 3) the model depends on 9 elements outside of the field" in explained
    assert result.stdout.endswith("\n2 layers: 1 agree, 1 disagree\n")
    assert result.stderr == (
        "fieldscope: theory and measurement disagree in nets.py:Lying: "
        f"2 layers: 1 agree, 1 disagree\n{ADVICE}"
    )


def test_what_agrees_before_a_disagreement_has_the_code_0(run: Run) -> None:
    assert run(*LYING, "--layer", "conv").exit_code == 0
    assert run(*LYING, "--layer", "conv", "--layer", "roll_1").exit_code == 1


def test_a_disagreement_is_in_the_json_as_well(run: Run) -> None:
    result = run(*LYING, "--json", "-")
    assert result.exit_code == 1
    data = json.loads(result.stdout)
    assert data["schema"] == "fieldscope.verification/1"
    assert (data["model"], data["input"], data["agrees"]) == ("nets.py:Lying", "x", False)
    conv, roll = data["layers"]
    assert (conv["name"], conv["verdict"]) == ("conv", "agrees")
    assert (roll["name"], roll["verdict"], roll["shape"]) == ("roll_1", "disagrees", [1, 2, 6, 6])
    assert (roll["size"], roll["measured"]) == ([3, 3], [3, 3])
    wrong = {one["test"] for one in roll["findings"] if one["verdict"] == "disagrees"}
    assert wrong == {"structure", "channel", "gradient"}
    assert all(one["why"] for one in roll["findings"] if one["verdict"] == "disagrees")
    assert result.stderr.startswith("fieldscope: theory and measurement disagree in nets.py:Lying")


def test_json_goes_to_a_file_beside_the_page(run: Run, nets: Path) -> None:
    result = run(*CHAIN, "--json", "found.json")
    assert result.stdout.endswith("\n4 layers: 4 agree\n")
    data = json.loads((nets / "found.json").read_text())
    assert data["agrees"] is True
    assert [(one["name"], one["size"]) for one in data["layers"]][2:] == [
        ("2", [4, 4]),
        ("3", [20, 6]),
    ]


def test_quiet_prints_nothing_but_what_is_wrong(run: Run) -> None:
    assert run(*CHAIN, "--quiet").output == ""
    wrong = run(*LYING, "--quiet")
    assert (wrong.exit_code, wrong.stdout) == (1, "")
    assert wrong.stderr.startswith("fieldscope: theory and measurement disagree in nets.py:Lying")
    assert json.loads(run(*CHAIN, "--quiet", "--json", "-").output)["agrees"] is True


def test_layers_that_are_named_are_probed_as_well(run: Run) -> None:
    every = findings(run, *CHAIN)
    assert list(every) == ["0", "1", "2", "3"]
    assert all("probe" not in kinds(found) for found in every.values())
    named = findings(run, *CHAIN, "--layer", "2", "--layer", "3")
    assert list(named) == ["2", "3"]
    assert kinds(named["3"]) == {
        *("hull", "plane", "structure", "channel", "forward", "gradient", "probe")
    }


@pytest.mark.parametrize(("number", "places"), [(1, 1), (2, 2), (5, 5), (99, 13)])
def test_so_many_positions_are_looked_at_or_all_that_there_are(
    run: Run, number: int, places: int
) -> None:
    stream = ("verify", "nets.py:Stream", "-i", "1x1x64", "--layer", "fast")
    found = findings(run, *stream, "--positions", str(number))["fast"]
    looked = [one["position"] for one in found if one["test"] == "structure"]
    assert len({*map(tuple, looked)}) == len(looked) == places
    assert looked[:3] == [[6], [0], [12]][:number]


def test_the_seed_chooses_the_positions(run: Run) -> None:
    found = [
        findings(run, *CHAIN, "--layer", "0", "--positions", "6", "--seed", seed)["0"]
        for seed in ("0", "0", "1")
    ]
    looked = [[one["position"] for one in one if one["test"] == "structure"] for one in found]
    assert looked[0] == looked[1]
    assert looked[0][:3] == looked[2][:3]
    assert looked[0] != looked[2]


def test_models_known_by_name_get_weights(run: Run) -> None:
    result = run(
        "verify", "torchvision:alexnet", "-i", "1x3x64x64", "-l", "features.3", "--positions", "1"
    )
    assert (result.exit_code, result.stderr) == (0, "")
    assert "features.3  1×192×7×7   51×51     51×51  agrees\n" in result.stdout


def test_of_several_inputs_one_is_named(run: Run) -> None:
    asked = run(*STEREO)
    assert asked.exit_code == 2
    assert asked.stderr == (
        "fieldscope: the model has several inputs with spatial axes: 'left' and 'right'\n"
        "  say which with --on, such as --on left\n"
    )
    result = run(*STEREO, "--on", "left", "--layer", "one")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("nets.py:Stereo  verified on left\n")
    assert "one    1×4×8×8     5×5       5×5  agrees\n" in result.stdout
    wrong = run(*STEREO, "--on", "image")
    assert wrong.exit_code == 2
    assert "'image'" in wrong.stderr
    assert "'left'" in wrong.stderr


def test_context_is_no_disagreement(run: Run) -> None:
    result = run("verify", "nets.py:Attentive", "-i", "1x1x12x14", "--positions", "1")
    assert (result.exit_code, result.stderr) == (0, "")
    assert " disagree" not in result.stdout


def test_a_bound_that_holds_is_no_disagreement(run: Run) -> None:
    result = run("verify", "nets.py:Unknown", "-i", "1x1x8x8")
    assert (result.exit_code, result.stderr) == (0, "")
    assert " disagree" not in result.stdout


def test_an_example_is_what_the_model_is_run_on(run: Run) -> None:
    np.save("image.npy", np.random.default_rng(0).random((1, 1, 24, 32)))
    result = run("verify", "nets.py:chain", "--example", "image.npy")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == run(*CHAIN).stdout


@pytest.mark.parametrize(
    ("sign", "layer"),
    [
        (1, "near"),
        (-1, "far"),
    ],
)
def test_an_example_takes_its_branch(run: Run, sign: int, layer: str) -> None:
    np.save("image.npy", sign * np.random.default_rng(0).random((1, 1, 12, 12), np.float32))
    result = run("verify", "nets.py:Router", "-e", "image.npy")
    assert (result.exit_code, result.stderr) == (0, "")
    assert {"near", "far"} & set(result.stdout.split()) == {layer}


@pytest.mark.parametrize("width", [30, 80, 140])
@pytest.mark.parametrize("asked", ["option", "terminal"])
def test_the_page_is_as_wide_as_asked(
    run: Run, monkeypatch: pytest.MonkeyPatch, width: int, asked: str
) -> None:
    if asked == "terminal":
        monkeypatch.setenv("COLUMNS", str(width))
    option = ["--width", str(width)] if asked == "option" else []
    for target in (LYING, ("verify", "nets.py:Attentive", "-i", "1x1x12x14", "--positions", "1")):
        lines = run(*target, *option).stdout.splitlines()
        assert max(map(len, lines)) <= width
        assert any(line.split()[:2] == ["layer", "shape"] for line in lines) == (width >= 80)


def test_an_old_code_page_gets_signs_that_it_has(run: Run) -> None:
    run(*CHAIN)
    shown = CliRunner(charset="ascii").invoke(fieldscope, CHAIN).stdout
    assert "\n3      1x2x3x14     20x6      20x6  agrees\n" in shown


def test_what_forward_prints_does_not_mix_with_the_findings(run: Run) -> None:
    result = run("verify", "nets.py:Talking", "-i", "1x1x8x8", "--json", "-")
    assert json.loads(result.stdout)["agrees"] is True
    assert "hello from forward" in result.stderr
    assert run("verify", "nets.py:Talking", "-i", "1x1x8x8", "--quiet").output == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((*CHAIN, "-l", "zzzz"), "nets.py:chain has no layer 'zzzz'\n  fieldscope analyze lists"),
        ((*LYING, "-l", "cnv"), "nets.py:Lying has no layer 'cnv'\n  did you mean 'conv'?\n"),
        (
            (*CHAIN, "--positions", "0"),
            f"invalid value for '--positions': 0 is not in the range x>=1\n{USAGE}",
        ),
        ((*CHAIN, "--width", "29"), "invalid value for '--width': 29 is not in the range x>=30\n"),
        (("verify", "nets.py:chain"), "nets.py:chain has no default input\n  pass its shape with"),
        (
            ("verify", "nets.py:chain", "-i", "1x2x24x32"),
            "the model fails on inputs input (1, 2, 24, 32) at 0: ",
        ),
        (
            ("verify", "nets.py:chain", "-i", "1x1x6x6"),
            "the model fails on inputs input (1, 1, 6, 6) at 3: ",
        ),
        (
            ("verify", "raising.py:Net", "--json", "nowhere/found.json"),
            "cannot write --json nowhere/found.json: there is no folder ",
        ),
    ],
)
def test_a_wrong_call_has_the_code_2(run: Run, arguments: tuple[str, ...], said: str) -> None:
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"fieldscope: {said}")
    assert "Traceback" not in result.stderr


def test_weights_without_values_cannot_be_measured(run: Run) -> None:
    result = run("verify", "nets.py:empty", "-i", "1x1x8x8")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        "fieldscope: no gradient can be measured: the model was built without values for its "
        "weights, such as 0.weight\n  build it with values\n"
    )


def test_help_has_examples_and_every_option(run: Run) -> None:
    shown = run("verify", "--help").stdout
    assert "fieldscope verify ./mynet.py:build --input 1x1x64x96 --json -" in shown
    assert "Exit codes: 0 nothing disagrees; 1 something does;" in " ".join(shown.split())
    for option in (
        "--input", "--example", "--axes", "--arg", "--layer", "--positions", "--on", "--seed",
        "--json", "--width", "--quiet", "--debug",
    ):  # fmt: skip
        assert option in shown
