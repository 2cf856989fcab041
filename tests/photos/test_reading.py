"""Photographs are read as a person sees them, or one line says why they can't be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fieldscope.errors import InputError
from fieldscope.photos.reading import array, sized, squared, upright


def saved(image: Image.Image, path: Path, **options: Any) -> Path:
    image.save(path, **options)
    return path


def test_a_photo_taken_with_the_camera_on_its_side_is_turned_upright(tmp_path: Path) -> None:
    lying = Image.new("RGB", (4, 2), (10, 20, 30))
    lying.putpixel((0, 0), (200, 0, 0))
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter: what is top left belongs top right
    found = upright(saved(lying, tmp_path / "a.png", exif=exif))
    assert found.size == (2, 4)
    assert found.getpixel((1, 0)) == (200, 0, 0)


def test_what_is_transparent_lies_on_white(tmp_path: Path) -> None:
    half = Image.new("RGBA", (2, 1), (0, 0, 0, 0))
    half.putpixel((1, 0), (200, 10, 0, 255))
    found = upright(saved(half, tmp_path / "a.png"))
    assert [found.getpixel((x, 0)) for x in (0, 1)] == [(255, 255, 255), (200, 10, 0)]
    palette = Image.new("P", (1, 1), 0)
    assert upright(saved(palette, tmp_path / "b.gif", transparency=0)).getpixel((0, 0)) == (
        255, 255, 255,
    )  # fmt: skip
    clear = saved(Image.new("L", (1, 1), 7), tmp_path / "c.png", transparency=7)
    assert upright(clear).getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize(
    ("values", "name", "wanted"),
    [
        (np.array([[0, 257, 65535]], np.uint16), "a.png", [0, 1, 255]),
        (np.array([[0, 257, 65535]], np.int32), "a.tif", [0, 1, 255]),
        (np.array([[-10, 0, 10]], np.int32), "a.tif", [0, 128, 255]),
        (np.array([[0, 0.5, 1]], np.float32), "a.tif", [0, 128, 255]),
        (np.array([[0, 1, 4]], np.float32), "a.tif", [0, 64, 255]),
        (np.array([[7, 7, 7]], np.uint8), "a.png", [7, 7, 7]),
    ],
)
def test_grey_of_any_depth_becomes_bytes(
    tmp_path: Path,
    values: np.ndarray[tuple[int, int], np.dtype[np.generic]],
    name: str,
    wanted: list[int],
) -> None:
    found = array(upright(saved(Image.fromarray(values), tmp_path / name)))
    assert found.shape == (1, 3, 3)
    assert found[0, :, 0].tolist() == wanted


def test_what_cannot_be_decoded_as_a_whole_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match=r"there is no file .*none.jpg"):
        upright(tmp_path / "none.jpg")
    (tmp_path / "text.jpg").write_text("words")
    with pytest.raises(InputError, match=r"text\.jpg is not an image of a known format"):
        upright(tmp_path / "text.jpg")
    rng = np.random.default_rng(0)
    noise = Image.fromarray(rng.integers(0, 255, (40, 40, 3), dtype=np.uint8))
    whole = saved(noise, tmp_path / "a.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"cannot read the image .*cut.jpg: image file is trunc"):
        upright(tmp_path / "cut.jpg")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(InputError, match=r"cannot read the image .*a.jpg: .*decompression bomb"):
        upright(tmp_path / "a.jpg")


def test_padding_keeps_the_photo_in_the_middle() -> None:
    found = array(squared(Image.new("RGB", (2, 5), (9, 9, 9)), (1, 2, 3)))
    assert found.shape == (5, 5, 3)
    assert found[0, :, 0].tolist() == [1, 9, 9, 1, 1]


def test_extents_are_given_as_y_and_x_and_smaller_photos_are_averaged() -> None:
    stripes = np.zeros((4, 8, 3), np.uint8)
    stripes[:, ::2] = 200
    found = array(sized(Image.fromarray(stripes), (4, 2)))
    assert found.shape == (4, 2, 3)
    assert np.abs(found.astype(int) - 100).max() <= 15
    with_extents = Image.fromarray(stripes)
    assert sized(with_extents, (4, 8)) is with_extents
