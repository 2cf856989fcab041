"""Images under a field: read, checked against the input, resized when asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from fieldscope.errors import InputError
from fieldscope.render.pictures import field_picture, side_by_side
from fieldscope.render.pictures.images import fitting
from tests.render.drawn import a_mask, box, named

SHAPE = (6, 10)


def fit(image: Any, *, resize: bool = False) -> npt.NDArray[np.float32]:
    return fitting(image, SHAPE, ("y", "x"), owner="input x of net", resize=resize)


def ramp(*shape: int) -> npt.NDArray[np.uint8]:
    return np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)


@pytest.mark.parametrize(
    ("shape", "channels"),
    [
        ((6, 10), 1),
        ((6, 10, 1), 1),
        ((6, 10, 3), 3),
        ((6, 10, 4), 4),
        ((1, 6, 10), 1),
        ((3, 6, 10), 3),
        ((1, 3, 6, 10), 3),
        ((1, 6, 10, 3), 3),
    ],
)
def test_channels_may_stand_first_last_or_not_at_all(shape: tuple[int, ...], channels: int) -> None:
    assert fit(ramp(*shape)).shape == (6, 10, channels)


def test_channels_first_are_moved_and_not_reshaped() -> None:
    image = ramp(3, 6, 10)
    assert np.array_equal(fit(image), np.moveaxis(image, 0, -1).astype(np.float32) / 255)


def test_an_input_of_three_rows_takes_channels_last_as_they_are() -> None:
    image = ramp(3, 10, 3)
    found = fitting(image, (3, 10), ("y", "x"), owner="input", resize=False)
    assert np.array_equal(found, image.astype(np.float32) / 255)


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (np.full(SHAPE, 255, np.uint8), 1.0),
        (np.full(SHAPE, 0.25), 0.25),
        (np.full(SHAPE, True), 1.0),
        (np.where(np.arange(60).reshape(SHAPE) < 30, -2.0, 2.0), 0.0),
        (np.where(np.arange(60).reshape(SHAPE) < 30, 100, 4000).astype(np.uint16), 0.0),
        (np.where(np.arange(60).reshape(SHAPE) < 30, np.nan, 5.0), 0.0),
    ],
)
def test_values_are_brought_between_0_and_1(image: Any, expected: float) -> None:
    found = fit(image)
    assert found[0, 0, 0] == pytest.approx(expected)
    assert 0 <= found.min() <= found.max() <= 1


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "I;16", "F", "HSV"])
def test_pillow_images_of_every_kind_are_taken(mode: str) -> None:
    found = fit(Image.new(mode, (10, 6)))
    assert found.shape[:2] == SHAPE
    assert found.shape[2] in (1, 3)


def test_what_is_transparent_is_white() -> None:
    assert fit(Image.new("RGBA", (10, 6), (255, 0, 0, 0))).min() == 1


def test_a_photograph_taken_sideways_stands_upright(tmp_path: Path) -> None:
    lying = Image.new("L", (6, 10))
    lying.putpixel((0, 9), 255)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter, clockwise
    lying.save(tmp_path / "photo.png", exif=exif)
    assert fit(tmp_path / "photo.png")[0, 0, 0] == 1


def test_files_of_images_and_arrays_are_read(tmp_path: Path) -> None:
    image = ramp(6, 10, 3)
    Image.fromarray(image).save(tmp_path / "photo.png")
    np.save(tmp_path / "photo.npy", image)
    assert np.array_equal(fit(str(tmp_path / "photo.png")), fit(image))
    assert np.array_equal(fit(tmp_path / "photo.npy"), fit(image))


def test_another_size_is_told_with_both_and_what_to_do() -> None:
    with pytest.raises(InputError) as caught:
        field_picture(a_mask(SHAPE, box((1, 4), (2, 7))), image=ramp(8, 12))
    assert str(caught.value) == (
        "the image is 8×12 (y×x), and input x of net is 6×10\n"
        "pass resize=True (--resize) to have it resized"
    )
    with pytest.raises(InputError, match="the image is 8×12"):
        side_by_side([a_mask(SHAPE, box((1, 4), (2, 7)))], image=ramp(8, 12))


def test_an_image_is_resized_when_asked() -> None:
    image = np.zeros((12, 20, 3), dtype=np.uint8)
    image[:, 10:] = 255
    found = fit(image, resize=True)
    assert found.shape == (6, 10, 3)
    assert found[3, 1, 0] < 0.05
    assert found[3, 8, 0] > 0.95
    figure = field_picture(a_mask(SHAPE, box((1, 4), (2, 7))), image=image, resize=True)
    assert named(figure.axes[0], "ground")[0].get_array().shape == (6, 10, 3)


def test_a_signal_is_resized_along_time() -> None:
    found = fitting(np.arange(8.0), (4,), ("t",), owner="input", resize=True)
    assert found[:, 0] * 7 == pytest.approx([0.5, 2.5, 4.5, 6.5])


@pytest.mark.parametrize(("shape", "channels"), [((50,), 1), ((50, 2), 2), ((2, 50), 2)])
def test_signals_may_have_channels_on_either_side(shape: tuple[int, ...], channels: int) -> None:
    found = fitting(np.zeros(shape), (50,), ("t",), owner="input", resize=False)
    assert found.shape == (50, channels)


def test_volumes_are_not_resized() -> None:
    with pytest.raises(InputError, match="volumes aren't resized: give one of the input's size"):
        fitting(np.zeros((4, 4, 4)), (8, 8, 8), ("z", "y", "x"), owner="input", resize=True)


def test_files_that_are_no_images_are_named(tmp_path: Path) -> None:
    (tmp_path / "notes.png").write_text("not an image")
    with pytest.raises(InputError, match=r"notes\.png is not an image of a known format"):
        fit(tmp_path / "notes.png")
    with pytest.raises(InputError, match=r"there is no file .*none\.png"):
        fit(tmp_path / "none.png")
    with pytest.raises(InputError, match="cannot read the image"):
        fit(tmp_path)
    (tmp_path / "objects.npy").write_bytes(b"junk")
    with pytest.raises(InputError, match=r"cannot read the image .*objects\.npy"):
        fit(tmp_path / "objects.npy")


def test_a_file_that_ends_early_is_named(tmp_path: Path) -> None:
    Image.fromarray(ramp(60, 100)).save(tmp_path / "whole.png")
    (tmp_path / "half.png").write_bytes((tmp_path / "whole.png").read_bytes()[:120])
    with pytest.raises(InputError, match=r"cannot read the image .*half\.png"):
        fit(tmp_path / "half.png")


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (object(), "the image must be an array .y x. or .y x channels., a Pillow image or a path"),
        (np.array(["a"]), "got an array of <U1"),
        (np.zeros((6, 10), dtype=complex), "got an array of complex128"),
        (np.zeros(7), "the image has the shape 7; for an input of 2 spatial axes it must be"),
        (np.zeros((6, 10, 7)), "the image has the shape 6×10×7"),
        (np.zeros((2, 2, 2, 2, 2)), "the image has the shape 2×2×2×2×2"),
        (np.zeros((0, 10)), "the image has the shape 0×10"),
        (np.full((6, 10), np.nan), "the image holds no finite number"),
        ([[1, 2], [3]], "the image is no array"),
    ],
)
def test_what_is_no_image_is_refused(image: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        fit(image)


def test_a_tensor_that_carries_gradients_is_taken() -> None:
    torch = pytest.importorskip("torch")
    assert fit(torch.rand(1, 3, *SHAPE, requires_grad=True)).shape == (6, 10, 3)
