"""The command `animate` from end to end: films, where they go, and what can't be one."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from matplotlib import rc_context
from PIL import Image

from fieldscope.analyses.support import SupportMask
from fieldscope.render.pictures.animation import Film
from tests.cli.conftest import Run

pytestmark = pytest.mark.usefixtures("nets")

CHAIN = ("animate", "nets.py:chain", "-i", "1x1x24x32")
STEREO = ("animate", "nets.py:Stereo", "-i", "1x3x16x16", "-i", "1x3x16x16", "-o", "a.gif")
USAGE = "  fieldscope animate --help shows how it is called\n"
KNOWN = "  known extensions: .gif and .mp4\n"


def frames(path: Path) -> int:
    with Image.open(path) as film:
        return getattr(film, "n_frames", 1)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[SupportMask]:
    """What the frames of the films show."""
    found: list[SupportMask] = []
    make = Film.__init__

    def watched(film: Film, maps: Any, **options: Any) -> None:
        found.extend(maps)
        make(film, maps, **options)

    monkeypatch.setattr(Film, "__init__", watched)
    return found


def test_a_film_has_a_frame_for_each_layer_whose_field_grows(
    run: Run, nets: Path, drawn: list[SupportMask]
) -> None:
    result = run(*CHAIN, "-o", "growth.gif")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "growth.gif written\n"
    assert frames(nets / "growth.gif") == 3
    assert [(one.layer, one.size) for one in drawn] == [
        ("0", (3, 3)),
        ("2", (4, 4)),
        ("3", (20, 6)),
    ]
    assert [one.position for one in drawn] == [(11, 15), (5, 7), (1, 7)]


def test_quiet_prints_nothing(run: Run, nets: Path) -> None:
    assert run(*CHAIN, "-o", "growth.gif", "--quiet").output == ""
    assert frames(nets / "growth.gif") == 3


@pytest.mark.parametrize(
    ("place", "positions"),
    [
        ("center", [(11, 15), (5, 7), (1, 7)]),
        ("12,16", [(11, 15), (5, 7), (1, 7)]),
        ("0,0", [(0, 0), (0, 0), (0, 0)]),
        ("-1,-1", [(21, 29), (10, 14), (2, 13)]),
        (" 5 , 20 ", [(4, 19), (2, 9), (0, 9)]),
    ],
)
def test_each_frame_is_over_the_same_point_of_the_input(
    run: Run, drawn: list[SupportMask], place: str, positions: list[tuple[int, int]]
) -> None:
    assert run(*CHAIN, "-o", "growth.gif", "--point", place).exit_code == 0
    assert [one.position for one in drawn] == positions


def test_layers_can_be_chosen_and_come_in_the_order_given(
    run: Run, nets: Path, drawn: list[SupportMask]
) -> None:
    assert run(*CHAIN, "-o", "growth.gif", "-l", "3", "-l", "1").exit_code == 0
    assert [one.layer for one in drawn] == ["3", "1"]
    assert frames(nets / "growth.gif") == 2


def test_the_seconds_are_those_of_a_layer(run: Run, nets: Path) -> None:
    assert run(*CHAIN, "-o", "growth.gif", "--seconds", "0.2").exit_code == 0
    with Image.open(nets / "growth.gif") as film:
        assert film.info["duration"] == 200


def test_an_image_lies_underneath(run: Run, nets: Path) -> None:
    assert run(*CHAIN, "-o", "bare.gif").exit_code == 0
    assert run(*CHAIN, "-o", "over.gif", "--image", "photo.png").exit_code == 0
    assert (nets / "bare.gif").read_bytes() != (nets / "over.gif").read_bytes()
    wrong = run(*CHAIN, "-o", "small.gif", "--image", "small.png")
    assert wrong.exit_code == 2
    assert wrong.stderr == (
        "fieldscope: small.png is 9×12 (y×x), and input of nets.py:chain is 24×32\n"
        "  pass --resize to have it resized\n"
    )
    assert not (nets / "small.gif").exists()
    assert run(*CHAIN, "-o", "small.gif", "--image", "small.png", "--resize").exit_code == 0


def test_of_several_inputs_one_is_named(run: Run, nets: Path, drawn: list[SupportMask]) -> None:
    asked = run(*STEREO)
    assert asked.exit_code == 2
    assert asked.stderr == (
        "fieldscope: say which with --on; the inputs with spatial axes are 'left', 'right'\n"
    )
    assert run(*STEREO, "--on", "right").exit_code == 0
    assert [(one.layer, one.input, one.size) for one in drawn] == [("other", "right", (3, 5))]


@pytest.mark.parametrize(
    ("target", "shape", "count"), [("Stream", "1x1x64", 2), ("volume", "1x1x8x9x10", 2)]
)
def test_lines_and_volumes_have_films_too(
    run: Run, nets: Path, target: str, shape: str, count: int
) -> None:
    assert run("animate", f"nets.py:{target}", "-i", shape, "-o", "growth.gif").exit_code == 0
    assert frames(nets / "growth.gif") == count


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["--point", "24,0"],
            "point (24, 0) lies outside input 'input', whose axes (y, x) have the",
        ),
        (
            ["--point", "5"],
            "point (5,) lies outside input 'input', whose axes (y, x) have the exten",
        ),
        (
            ["-l", "zzzz"],
            "nets.py:chain has no layer 'zzzz'\n  fieldscope analyze lists them all\n",
        ),
        (
            ["--on", "image"],
            "there is no input 'image'; the inputs with spatial axes are 'input'\n",
        ),
    ],
)
def test_what_the_model_has_not_is_told(
    run: Run, nets: Path, arguments: list[str], said: str
) -> None:
    result = run(*CHAIN, "-o", "growth.gif", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"fieldscope: {said}")
    assert not (nets / "growth.gif").exists()


def test_a_network_without_positions_asks_for_layers(run: Run, nets: Path) -> None:
    (nets / "head.py").write_text(
        "from torch import nn\nnet = nn.Sequential(nn.Flatten(), nn.Linear(64, 5))\n"
    )
    result = run("animate", "head.py:net", "-i", "1x1x8x8", "-o", "growth.gif")
    assert result.exit_code == 2
    assert result.stderr == (
        "fieldscope: no layer of head.py:net has positions whose field could grow\n"
        "  name the layers to show with --layer\n"
    )
    named = run("animate", "head.py:net", "-i", "1x1x8x8", "-o", "growth.gif", "--layer", "1")
    assert named.exit_code == 0, named.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], f"missing option '--output' / '-o'\n{USAGE}"),
        (["-o", "-"], f"a film can't go to stdout: name a file with --output\n{USAGE}"),
        (["-o", "a"], f"cannot save an animation as a: it has no extension\n{KNOWN}"),
        (["-o", "a.avi"], f"cannot save an animation as .avi\n{KNOWN}"),
        (["-o", "a.gfi"], f"cannot save an animation as .gfi; did you mean .gif?\n{KNOWN}"),
        (
            ["-o", "a.png"],
            f"cannot save an animation as .png, which is for a still picture\n{KNOWN}",
        ),
        (["-o", "a.gif", "--resize"], f"--resize is for an image: give one with --image\n{USAGE}"),
        (["-o", "a.gif", "--image", "none.png"], "there is no image none.png\n"),
        (
            ["-o", "a.gif", "--point", "1;2"],
            (
                "invalid value for '--point': '1;2' is neither center nor indices, one per "
                f"spatial axis, such as 10,12\n{USAGE}"
            ),
        ),
        (
            ["-o", "a.gif", "--seconds", "0"],
            f"invalid value for '--seconds': 0.0 is not in the range x>0\n{USAGE}",
        ),
    ],
)
def test_a_film_that_cannot_be_is_told_before_the_model_is_built(
    run: Run, nets: Path, arguments: list[str], said: str
) -> None:
    before = sorted(nets.iterdir())
    result = run("animate", "raising.py:Net", "-i", "1x1x8x8", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"fieldscope: {said}"
    assert sorted(nets.iterdir()) == before


def test_a_folder_that_does_not_exist_is_told(run: Run, nets: Path) -> None:
    result = run("animate", "raising.py:Net", "-o", "nowhere/a.gif")
    assert result.exit_code == 2
    assert result.stderr == (
        f"fieldscope: cannot write --output nowhere/a.gif: there is no folder {nets / 'nowhere'}\n"
    )


def test_a_read_only_file_stays_as_it_was(
    run: Run, nets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = nets / "growth.gif"
    old.write_bytes(b"before")
    allowed = os.access
    monkeypatch.setattr(os, "access", lambda at, mode: Path(at) != old and allowed(at, mode))
    result = run("animate", "raising.py:Net", "-o", "growth.gif")
    assert result.exit_code == 2
    assert result.stderr == (
        "fieldscope: cannot write --output growth.gif: the file is read-only\n"
    )
    assert old.read_bytes() == b"before"


def test_without_ffmpeg_an_mp4_names_what_to_do(run: Run, nets: Path) -> None:
    with rc_context({"animation.ffmpeg_path": str(nets / "no-ffmpeg")}):
        result = run(*CHAIN, "-o", "growth.mp4")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        "fieldscope: saving an animation as .mp4 needs ffmpeg, which isn't found\n"
        "  install ffmpeg (or name it in matplotlib's setting animation.ffmpeg_path), or save as "
        ".gif\n"
    )
    assert not (nets / "growth.mp4").exists()


def test_without_matplotlib_it_names_what_to_install(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = run("animate", "raising.py:Net", "-o", "growth.gif")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        "fieldscope: drawing a film needs matplotlib, which isn't installed\n"
        '  install fieldscope[plot]: pip install "fieldscope[plot]"\n'
    )


def test_help_has_examples_and_every_option(run: Run) -> None:
    shown = run("animate", "--help").stdout
    assert "fieldscope animate ./mynet.py:build -o growth.gif" in shown
    for option in (
        "--input", "--example", "--axes", "--arg", "--point", "--layer", "--on", "--image",
        "--resize", "--seconds", "--output", "--quiet", "--debug",
    ):  # fmt: skip
        assert option in shown
