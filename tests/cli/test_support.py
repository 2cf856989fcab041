"""The command `support` from end to end: text, figures, pictures, and what is asked wrongly."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from fieldscope.cli.main import fieldscope
from tests.cli.conftest import Run

pytestmark = pytest.mark.usefixtures("nets")

CHAIN = ("support", "nets.py:chain", "-i", "1x1x24x32")
KNOWN = "  known extensions: .png, .svg, .pdf, .jpg, .jpeg, .webp, .tif and .tiff\n"
USAGE = "  fieldscope support --help shows how it is called\n"


def figures(run: Run, *arguments: str) -> Any:
    result = run(*arguments, "--json", "-")
    assert result.exit_code == 0, result.stderr
    assert result.stderr == ""
    return json.loads(result.stdout)


def test_a_field_is_told_in_a_few_lines(run: Run) -> None:
    result = run(*CHAIN, "--layer", "3", "--at", "0,-1")
    assert (result.exit_code, result.stderr) == (0, "")
    assert (
        result.stdout
        == """\
nets.py:chain  3 at (0, 13)
over     input 24×32 (y, x)
size     20×6
hull     y 0:20, x 26:32
density  60% (72 elements)
gaps     2 gaps along y (4:8, 12:16)
exact    yes
"""
    )


def test_without_a_layer_it_is_the_output_at_its_centre(run: Run) -> None:
    assert run(*CHAIN).stdout.startswith("nets.py:chain  3 at (1, 7)\n")
    assert run(*CHAIN, "--layer", "output").stdout == run(*CHAIN).stdout


def test_several_layers_are_told_one_below_the_other(run: Run) -> None:
    shown = run(*CHAIN, "-l", "0", "-l", "2").stdout
    one, other = run(*CHAIN, "-l", "0").stdout, run(*CHAIN, "-l", "2").stdout
    assert shown == f"{one}\n{other}"


@pytest.mark.parametrize(
    ("place", "position"),
    [
        ("1,12", [1, 12]),
        (" 1 , 12 ", [1, 12]),
        ("(1, 12)", [1, 12]),
        ("-1,-1", [2, 13]),
        ("+1,-14", [1, 0]),
        ("center", [1, 7]),
        (" centre", [1, 7]),
    ],
)
def test_a_position_may_be_written_in_several_ways(
    run: Run, place: str, position: list[int]
) -> None:
    assert figures(run, *CHAIN, "--at", place)["position"] == position
    assert figures(run, *CHAIN, f"--at={place}")["position"] == position


@pytest.mark.parametrize("place", ["nonsense", "", "1;2", "1x2", "1 2", "1,", "1.5,2", "middle,1"])
def test_a_nonsense_position_is_told_what_is_wrong(run: Run, place: str) -> None:
    result = run("support", "raising.py:Net", "--at", place)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        f"fieldscope: invalid value for '--at': {place!r} is neither center nor indices, one per "
        f"spatial axis, such as 10,12\n{USAGE}"
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--at", "1,14"], "position 14 lies outside layer '3': axis 3 has extent 14\n"),
        (["--at", "-4,0"], "position -4 lies outside layer '3': axis 2 has extent 3\n"),
        (["--at", "1"], "layer '3' takes an index on each of its spatial axes, of extents (3"),
        (["--channel", "2"], "channel 2 lies outside layer '3': axis 1 has extent 2\n"),
        (["-l", "zzzz"], "nets.py:chain has no layer 'zzzz'\n  fieldscope analyze lists them all"),
        (["-l", ""], "nets.py:chain has no layer ''\n"),
        (["--on", "image"], "there is no input 'image'; the inputs with spatial axes are 'input'"),
    ],
)
def test_what_the_model_has_not_is_told(run: Run, arguments: list[str], said: str) -> None:
    result = run(*CHAIN, *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"fieldscope: {said}")


def test_an_unknown_layer_is_told_with_near_names(run: Run) -> None:
    result = run("support", "nets.py:Branches", "-i", "1x1x20", "--layer", "narow")
    assert result.exit_code == 2
    assert result.stderr == (
        "fieldscope: nets.py:Branches has no layer 'narow'\n  did you mean 'narrow'?\n"
    )


def test_a_layer_without_positions_reads_what_all_of_its_elements_read(run: Run) -> None:
    flat = ("support", "nets.py:flat", "-i", "1x1x8x8", "--layer", "2")
    assert figures(run, *flat)["size"] == [8, 8]
    assert run(*flat).stdout.startswith(
        "nets.py:flat  2\nover     input 8×8 (y, x)\nsize     8×8\n"
    )
    wrong = run(*flat, "--at", "1,1")
    assert wrong.exit_code == 2
    assert wrong.stderr == (
        "fieldscope: layer '2' has no spatial axes, and so no positions: its shape is (1, 5)\n"
        "  leave --at out\n"
    )


def test_a_channel_has_a_field_of_its_own(run: Run) -> None:
    branches = ("support", "nets.py:Branches", "-i", "1x1x20")
    sizes = [figures(run, *branches, "--channel", str(k))["size"] for k in (0, 3, -1)]
    assert sizes == [[3], [7], [7]]
    assert figures(run, *branches)["size"] == [7]
    assert "at 10, channel 3\n" in run(*branches, "--channel", "3").stdout


def test_of_several_inputs_one_is_named(run: Run) -> None:
    stereo = ("support", "nets.py:Stereo", "-i", "left=1x3x16x16", "-i", "right=1x3x16x16")
    assert figures(run, *stereo, "--on", "left")["size"] == [5, 5]
    assert figures(run, *stereo, "--on", "right")["size"] == [3, 5]
    nothing = run(*stereo, "--on", "right", "--layer", "one")
    assert "size     0: it reads nothing of this input\n" in nothing.stdout
    asked = run(*stereo)
    assert asked.exit_code == 2
    assert asked.stderr == (
        "fieldscope: say which with --on; the inputs with spatial axes are 'left', 'right'\n"
    )


def test_context_is_noted_and_counts_if_asked_for(run: Run) -> None:
    attentive = ("support", "nets.py:Attentive", "-i", "1x1x24x24")
    assert figures(run, *attentive)["size"] == [7, 7]
    assert figures(run, *attentive, "--fold-context")["size"] == [24, 24]
    assert "note     and, alike for all positions, context from a_block" in run(*attentive).stdout


def test_a_bound_says_so(run: Run) -> None:
    result = run("support", "nets.py:Unknown", "-i", "1x1x8x8")
    assert result.exit_code == 0
    assert "exact    no\nnote     only a bound, through " in result.stdout
    data = figures(run, "support", "nets.py:Unknown", "-i", "1x1x8x8")
    assert (data["exact"], len(data["bounds"])) == (False, 1)


@pytest.mark.parametrize("width", [30, 80, 140])
def test_lines_are_as_wide_as_the_page(
    run: Run, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    attentive = ("support", "nets.py:Attentive", "-i", "1x1x24x24", "--at", "3,3")
    piped = run(*attentive).stdout
    assert max(map(len, piped.splitlines())) > 140
    monkeypatch.setenv("COLUMNS", str(width))
    shown = run(*attentive).stdout
    assert shown.split() == piped.split()
    names = [line for line in shown.splitlines() if len(line) > width]
    assert all(len(line.split()) == 1 for line in names)  # a name alone isn't broken
    if width > 30:
        assert not names


def test_an_old_code_page_gets_signs_that_it_has(run: Run) -> None:
    assert "24×32" in run(*CHAIN).stdout
    shown = CliRunner(charset="ascii").invoke(fieldscope, CHAIN).stdout
    assert "over     input 24x32 (y, x)\nsize     20x6\n" in shown


def test_json_of_one_layer_is_one_object(run: Run) -> None:
    data = figures(run, *CHAIN, "--layer", "3", "--at", "0,0")
    assert data["schema"] == "fieldscope.support/1"
    assert (data["model"], data["layer"]) == ("nets.py:chain", "3")
    assert (data["position"], data["channel"]) == ([0, 0], None)
    assert data["input"] == {"name": "input", "shape": [1, 1, 24, 32], "axes": ["y", "x"]}
    assert (data["hull"], data["size"]) == ([[0, 20], [0, 6]], [20, 6])
    assert (data["elements"], data["density"]) == (72, 0.6)
    assert data["gaps"] == [[[4, 8], [12, 16]], []]
    assert (data["exact"], data["context"]) == (True, None)


def test_json_of_several_layers_is_a_list(run: Run) -> None:
    data = figures(run, *CHAIN, "-l", "2", "-l", "0")
    assert [(one["layer"], one["size"]) for one in data] == [("2", [4, 4]), ("0", [3, 3])]


def test_json_goes_to_a_file_beside_the_text(run: Run, nets: Path) -> None:
    result = run(*CHAIN, "--json", "field.json")
    assert "size     20×6" in result.stdout
    assert json.loads((nets / "field.json").read_text())["size"] == [20, 6]


def test_quiet_prints_nothing_but_what_goes_to_stdout(run: Run, nets: Path) -> None:
    assert run(*CHAIN, "--quiet", "-o", "field.png").output == ""
    assert (nets / "field.png").exists()
    assert json.loads(run(*CHAIN, "--quiet", "--json", "-").output)["size"] == [20, 6]


def test_what_forward_prints_does_not_mix_with_the_figures(run: Run) -> None:
    result = run("support", "nets.py:Talking", "-i", "1x1x8x8", "--json", "-")
    assert json.loads(result.stdout)["size"] == [3, 3]
    assert "hello from forward" in result.stderr


@pytest.mark.parametrize(
    ("name", "start"), [("a.png", b"\x89PNG"), ("a.svg", b"<?xml"), ("A.PDF", b"%PDF")]
)
def test_the_extension_says_which_picture(run: Run, nets: Path, name: str, start: bytes) -> None:
    result = run(*CHAIN, "-o", name)
    assert (result.exit_code, result.stderr) == (0, "")
    assert "size     20×6" in result.stdout
    assert (nets / name).read_bytes().startswith(start)


def test_an_image_of_the_inputs_size_lies_underneath(run: Run, nets: Path) -> None:
    np.save("photo.npy", np.linspace(0, 1, 24 * 32).reshape(24, 32))
    for name, image in (("bare", None), ("pixels", "photo.png"), ("array", "photo.npy")):
        chosen = [] if image is None else ["--image", image]
        assert run(*CHAIN, *chosen, "-o", f"{name}.png").exit_code == 0
    drawn = {(nets / f"{name}.png").read_bytes() for name in ("bare", "pixels", "array")}
    assert len(drawn) == 3


def test_an_image_of_another_size_is_resized_only_if_asked_for(run: Run, nets: Path) -> None:
    arguments = (*CHAIN, "--image", "small.png", "-o", "field.png")
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        "fieldscope: small.png is 9×12 (y×x), and input of nets.py:chain is 24×32\n"
        "  pass --resize to have it resized\n"
    )
    assert not (nets / "field.png").exists()
    assert run(*arguments, "--resize").exit_code == 0
    assert (nets / "field.png").exists()


def test_several_layers_stand_side_by_side_in_one_picture(run: Run, nets: Path) -> None:
    layers = ("-l", "0", "-l", "2", "-l", "3")
    result = run(*CHAIN, *layers, "--at", "1,1", "--image", "photo.png", "-o", "fields.svg")
    assert result.exit_code == 0, result.stderr
    drawn = (nets / "fields.svg").read_text(encoding="utf-8")
    assert "position (1, 1) of each layer" in drawn
    assert all(f">{text}" in drawn for text in ("0<", "2<", "3<", "3×3", "4×4", "20×6"))


@pytest.mark.parametrize(
    ("target", "shape", "more"),
    [
        ("Stream", "1x1x64", ["--image", "signal.npy"]),
        ("volume", "1x1x8x9x10", []),
        ("flat", "1x1x8x8", []),
        ("Stereo", "1x3x16x16", ["-i", "1x3x16x16", "--on", "right", "-l", "one"]),
    ],
)
def test_lines_volumes_and_empty_fields_have_pictures_too(
    run: Run, nets: Path, target: str, shape: str, more: list[str]
) -> None:
    np.save("signal.npy", np.sin(np.arange(64.0)))
    result = run("support", f"nets.py:{target}", "-i", shape, *more, "-o", "field.png")
    assert (result.exit_code, result.stderr) == (0, "")
    with Image.open(nets / "field.png") as drawn:
        assert min(drawn.size) > 100


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["--image", "photo.png"],
            f"--image is for a picture: say where it goes with --output\n{USAGE}",
        ),
        (["--resize"], f"--resize is for a picture: say where it goes with --output\n{USAGE}"),
        (["-o", "a.png", "--resize"], f"--resize is for an image: give one with --image\n{USAGE}"),
        (["-o", "-"], f"a picture can't go to stdout: name a file with --output\n{USAGE}"),
        (["-o", "field"], f"cannot save a picture as field: it has no extension\n{KNOWN}"),
        (["-o", "f.pgn"], f"cannot save a picture as .pgn; did you mean .png?\n{KNOWN}"),
        (["-o", "f.docx"], f"cannot save a picture as .docx\n{KNOWN}"),
        (["-o", "f.gif"], f"cannot save a picture as .gif, which is for an animation\n{KNOWN}"),
        (
            ["-o", "f.png", "--json", "./f.png"],
            f"--output and --json can't both go to f.png\n{USAGE}",
        ),
        (["-o", "f.png", "--image", "none.png"], "there is no image none.png\n"),
        (
            ["-o", "photo.png", "--image", "./photo.png"],
            f"--output photo.png would replace the image that is drawn over\n{USAGE}",
        ),
    ],
)
def test_a_picture_that_cannot_be_is_told_before_the_model_is_built(
    run: Run, nets: Path, arguments: list[str], said: str
) -> None:
    before = sorted(nets.iterdir())
    result = run("support", "raising.py:Net", "-i", "1x1x8x8", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"fieldscope: {said}"
    assert sorted(nets.iterdir()) == before


@pytest.mark.parametrize("option", ["-o", "--json"])
def test_a_folder_that_does_not_exist_is_told(run: Run, nets: Path, option: str) -> None:
    result = run("support", "raising.py:Net", option, "nowhere/f.png")
    assert result.exit_code == 2
    assert result.stderr == (
        f"fieldscope: cannot write {option.replace('-o', '--output')} nowhere/f.png: there is no "
        f"folder {nets / 'nowhere'}\n"
    )


def test_a_read_only_file_stays_as_it_was(
    run: Run, nets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = nets / "field.png"
    old.write_bytes(b"before")
    allowed = os.access
    monkeypatch.setattr(os, "access", lambda at, mode: Path(at) != old and allowed(at, mode))
    result = run("support", "raising.py:Net", "-o", "field.png")
    assert result.exit_code == 2
    assert result.stderr == ("fieldscope: cannot write --output field.png: the file is read-only\n")
    assert old.read_bytes() == b"before"


def test_what_was_there_survives_a_wrong_call(run: Run, nets: Path) -> None:
    (nets / "field.png").write_bytes(b"before")
    assert run(*CHAIN, "--at", "99,99", "-o", "field.png").exit_code == 2
    assert run(*CHAIN, "--image", "small.png", "-o", "field.png").exit_code == 2
    assert (nets / "field.png").read_bytes() == b"before"
    assert run(*CHAIN, "-o", "field.png").exit_code == 0
    assert (nets / "field.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"two words", "image.png is not an image of a known format"),
        (b"\x89PNG\r\n\x1a\n", "image.png is not an image of a known format"),
    ],
)
def test_a_file_that_is_no_image_is_told(run: Run, nets: Path, content: bytes, said: str) -> None:
    (nets / "image.png").write_bytes(content)
    result = run(*CHAIN, "--image", "image.png", "-o", "field.png")
    assert result.exit_code == 2
    assert result.stderr == f"fieldscope: {said}\n"


def test_a_picture_without_matplotlib_names_what_to_install(
    run: Run, nets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = run("support", "raising.py:Net", "-o", "field.png")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        "fieldscope: drawing a picture needs matplotlib, which isn't installed\n"
        '  install fieldscope[plot]: pip install "fieldscope[plot]"\n'
    )
    assert run(*CHAIN).exit_code == 0  # figures and text need none


def test_help_has_examples_and_every_option(run: Run) -> None:
    shown = run("support", "--help").stdout
    assert "fieldscope support ./mynet.py:build --layer enc.3 --at center --json -" in shown
    for option in (
        "--input", "--example", "--axes", "--arg", "--layer", "--at", "--channel", "--on",
        "--fold-context", "--image", "--resize", "--output", "--json", "--quiet", "--debug",
    ):  # fmt: skip
        assert option in shown
