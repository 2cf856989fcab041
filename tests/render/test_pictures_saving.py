"""Saving pictures and films: whole or not at all, the same bytes for the same picture."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib import rc_context
from matplotlib.figure import Figure
from PIL import Image

from fieldscope.errors import InputError
from fieldscope.render.pictures import field_picture, growth_animation, save, side_by_side
from fieldscope.render.pictures.animation import Film
from tests.render.drawn import a_heat, a_mask, box, texts
from tests.render.handmade import Layer, Made, Report, image, square

STARTS = {
    "png": b"\x89PNG",
    "svg": b"<?xml",
    "pdf": b"%PDF",
    "jpg": b"\xff\xd8",
    "jpeg": b"\xff\xd8",
    "webp": b"RIFF",
    "tif": b"II*",
    "tiff": b"II*",
}


def a_figure() -> Figure:
    return field_picture(
        a_mask((24, 24), box((4, 13), (6, 15)), step=2), image=np.full((24, 24), 0.5)
    )


def known() -> Made:
    """A report that knows one of the layers."""

    class Known(Report):
        def __contains__(self, name: object) -> bool:
            return name == "conv0"

        def __getitem__(self, name: str) -> Layer:
            return self.layers[0]

    layer = Layer("conv0", "window", "aten.convolution", (1, 1, 8, 8), {"x": square(2, 4, 0, 2)})
    return Known("net", (image(32, 32),), (layer,))


def growing(count: int, *, extent: int = 32) -> list[Any]:
    middle = extent // 2
    return [
        a_mask((extent, extent), box(*[(middle - k - 1, middle + k + 1)] * 2), layer=f"conv{k}")
        for k in range(count)
    ]


@pytest.mark.parametrize("kind", STARTS)
def test_the_extension_says_the_format(tmp_path: Path, kind: str) -> None:
    save(a_figure(), tmp_path / f"field.{kind.upper()}")
    assert (tmp_path / f"field.{kind.upper()}").read_bytes().startswith(STARTS[kind])
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("kind", STARTS)
def test_the_same_picture_gives_the_same_bytes(tmp_path: Path, kind: str) -> None:
    for name in ("one", "two"):
        save(a_figure(), tmp_path / f"{name}.{kind}")
    one, two = ((tmp_path / f"{name}.{kind}").read_bytes() for name in ("one", "two"))
    assert one == two


def test_dots_per_inch_give_the_pixels(tmp_path: Path) -> None:
    figure = Figure(figsize=(3, 2))
    save(figure, tmp_path / "a.png", dpi=100)
    with Image.open(tmp_path / "a.png") as saved:
        assert saved.size == (300, 200)
    with pytest.raises(InputError, match="dpi must be above 0, got 0"):
        save(figure, tmp_path / "a.png", dpi=0)


def test_the_users_settings_change_nothing(tmp_path: Path) -> None:
    save(a_figure(), tmp_path / "one.png")
    with rc_context({"savefig.transparent": True, "savefig.bbox": "tight", "savefig.dpi": 20}):
        save(a_figure(), tmp_path / "two.png")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "field.pgn",
            r"cannot save a picture as .pgn; did you mean .png\?\nknown extensions: .png,",
        ),
        (
            "field",
            r"cannot save a picture as .*field: it has no extension\nknown extensions: .png,",
        ),
        ("field.gif", r"cannot save a picture as .gif, which is for an animation"),
        ("none/field.png", r"cannot write .*field.png: there is no folder .*none"),
    ],
)
def test_where_nothing_can_be_saved_is_told(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        save(a_figure(), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_and_a_read_only_file_are_told(tmp_path: Path) -> None:
    (tmp_path / "field.png").mkdir()
    with pytest.raises(InputError, match="it is a folder"):
        save(a_figure(), tmp_path / "field.png")


def test_what_was_there_survives_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "field.png"
    target.write_bytes(b"before")

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(InputError, match=r"cannot write .*field.png: No space left on device"):
            save(a_figure(), target)
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        with pytest.raises(InputError, match="No space left on device"):
            growth_animation(growing(2), tmp_path / "growth.gif")
    assert target.read_bytes() == b"before"
    assert [path.name for path in tmp_path.iterdir()] == ["field.png"]


def test_a_new_file_has_the_usual_permissions_and_an_old_one_keeps_its_own(tmp_path: Path) -> None:
    (tmp_path / "usual").write_text("")
    save(a_figure(), tmp_path / "new.png")
    assert (tmp_path / "new.png").stat().st_mode == (tmp_path / "usual").stat().st_mode
    (tmp_path / "new.png").chmod(0o640)
    save(a_figure(), tmp_path / "new.png")
    assert stat.S_IMODE((tmp_path / "new.png").stat().st_mode) == 0o640


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "there.png").write_bytes(b"before")
    (tmp_path / "link.png").symlink_to(tmp_path / "there.png")
    save(a_figure(), tmp_path / "link.png")
    assert (tmp_path / "link.png").is_symlink()
    assert (tmp_path / "there.png").read_bytes().startswith(STARTS["png"])


def frames(path: Path) -> list[Image.Image]:
    with Image.open(path) as film:
        found = []
        for number in range(getattr(film, "n_frames", 1)):
            film.seek(number)
            found.append(film.convert("L").copy())
    return found


@pytest.mark.parametrize("count", [1, 2, 7])
def test_a_film_has_a_frame_for_every_map(tmp_path: Path, count: int) -> None:
    growth_animation(growing(count), tmp_path / "growth.gif")
    assert len(frames(tmp_path / "growth.gif")) == count


def test_maps_that_are_alike_have_frames_of_their_own(tmp_path: Path) -> None:
    growth_animation([a_mask((16, 16), box((4, 9), (4, 9)))] * 4, tmp_path / "growth.gif")
    assert len(frames(tmp_path / "growth.gif")) == 4


def test_a_film_loops_and_rests_on_its_last_frame(tmp_path: Path) -> None:
    growth_animation(growing(3), tmp_path / "growth.gif", seconds_per_frame=0.2)
    durations = []
    with Image.open(tmp_path / "growth.gif") as film:
        assert film.info["loop"] == 0
        for number in range(3):
            film.seek(number)
            durations.append(film.info["duration"])
    assert durations == [200, 200, 800]


def test_what_is_read_grows_and_the_bar_runs_to_the_end(tmp_path: Path) -> None:
    growth_animation(growing(8), tmp_path / "growth.gif", image=np.full((32, 32), 0.9))
    shown = [np.asarray(frame) for frame in frames(tmp_path / "growth.gif")]
    lit = [int((frame[90:500] > 210).sum()) for frame in shown]
    assert lit == sorted(lit)
    height = shown[0].shape[0]
    filled = [int((frame[height - 20] < 120).sum()) for frame in shown]
    width = filled[-1]
    assert [round(8 * one / width) for one in filled] == list(range(1, 9))


def test_a_film_has_one_geometry_and_white_paper(tmp_path: Path) -> None:
    growth_animation(growing(4), tmp_path / "growth.gif")
    found = frames(tmp_path / "growth.gif")
    assert {frame.size for frame in found} == {found[0].size}
    assert all(size % 2 == 0 for size in found[0].size)
    assert all(frame.getpixel((2, 2)) == 255 for frame in found)


def test_the_same_film_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one.gif", "two.gif"):
        growth_animation(growing(3), tmp_path / name)
    assert (tmp_path / "one.gif").read_bytes() == (tmp_path / "two.gif").read_bytes()


def test_frames_tell_layer_size_and_stride() -> None:
    film = Film(growing(2), image=None, resize=False, log=False, report=known(), title=None)
    film.show(0)
    assert "net  ·  size 2×2  ·  stride 4  ·  input x 32×32" in texts(film.figure)
    film.show(1)
    assert {"conv1 at (1, 1)", "net  ·  size 4×4  ·  input x 32×32", "2 of 2"} <= set(
        texts(film.figure)
    )


@pytest.mark.parametrize("shape", [(60,), (12, 14, 16)])
def test_lines_and_volumes_have_films_too(tmp_path: Path, shape: tuple[int, ...]) -> None:
    maps = [a_mask(shape, tuple(slice(4, 6 + k) for _ in shape), layer=f"l{k}") for k in range(3)]
    growth_animation(maps, tmp_path / "growth.gif")
    assert len(frames(tmp_path / "growth.gif")) == 3
    heats = [a_heat(shape, tuple(slice(3, 8 + k) for _ in shape)) for k in range(2)]
    growth_animation(heats, tmp_path / "heat.gif", log=True)
    assert len(frames(tmp_path / "heat.gif")) == 2


def test_what_can_be_no_film_is_told(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"cannot save an animation as \.png, which is for a still"
    ):
        growth_animation(growing(2), tmp_path / "growth.png")
    with pytest.raises(InputError, match="there are no maps to draw"):
        growth_animation([], tmp_path / "growth.gif")
    with pytest.raises(InputError, match="seconds per frame must be above 0, got 0"):
        growth_animation(growing(2), tmp_path / "growth.gif", seconds_per_frame=0)
    with pytest.raises(InputError, match="there is no folder"):
        growth_animation(growing(2), tmp_path / "none" / "growth.gif")
    with pytest.raises(InputError, match="the image is 5×5"):
        growth_animation(growing(2), tmp_path / "growth.gif", image=np.zeros((5, 5)))
    assert list(tmp_path.iterdir()) == []


def test_without_ffmpeg_an_mp4_names_what_to_do(tmp_path: Path) -> None:
    with (
        rc_context({"animation.ffmpeg_path": str(tmp_path / "no-ffmpeg")}),
        pytest.raises(InputError) as caught,
    ):
        growth_animation(growing(2), tmp_path / "growth.mp4")
    assert str(caught.value).splitlines()[0] == (
        "saving an animation as .mp4 needs ffmpeg, which isn't found"
    )
    assert "install ffmpeg" in str(caught.value)
    assert "save as .gif" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_of_ffmpeg_leaves_nothing_behind(tmp_path: Path) -> None:
    program = tmp_path / "ffmpeg"
    program.write_text("#!/bin/sh\ncat > /dev/null\necho broken coder >&2\nexit 3\n")
    program.chmod(0o755)
    with (
        rc_context({"animation.ffmpeg_path": str(program)}),
        pytest.raises(InputError, match=r"ffmpeg could not make growth\.mp4: broken coder"),
    ):
        growth_animation(growing(2), tmp_path / "growth.mp4")
    assert [path.name for path in tmp_path.iterdir()] == ["ffmpeg"]


def test_ffmpeg_makes_an_mp4(tmp_path: Path) -> None:
    program = shutil.which("ffmpeg") or pytest.importorskip("imageio_ffmpeg").get_ffmpeg_exe()
    with rc_context({"animation.ffmpeg_path": program}):
        growth_animation(growing(3), tmp_path / "growth.mp4", seconds_per_frame=0.1)
    assert (tmp_path / "growth.mp4").read_bytes()[4:8] == b"ftyp"


def test_svg_holds_texts_that_can_be_searched(tmp_path: Path) -> None:
    save(side_by_side(growing(2)), tmp_path / "field.svg")
    assert "conv1" in (tmp_path / "field.svg").read_text(encoding="utf-8")
