"""Photos become inputs as it is written down, and what is written down reads back."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from fieldscope.errors import InputError
from fieldscope.lab.data import IMAGENET_MEAN, Augmentation, Preparation, normalised, shown
from fieldscope.lab.data.augmentation import varying
from fieldscope.lab.data.preparing import square

NONE = dict.fromkeys(("rotation", "brightness", "contrast", "saturation", "hue", "perspective"), 0)


def halves() -> Image.Image:
    """A square, 16 by 16, grey on its left and light on its right."""
    pixels = np.full((16, 16, 3), 100, np.uint8)
    pixels[:, 8:] = 200
    return Image.fromarray(pixels)


def varied(augmentation: Augmentation, times: int = 12) -> list[np.ndarray[Any, Any]]:
    torch.manual_seed(0)
    vary = varying(augmentation)
    return [np.asarray(vary(halves())) for _ in range(times)]


def test_a_photo_is_padded_to_a_square_before_it_is_resized(tmp_path: Path) -> None:
    Image.new("RGB", (8, 32), (255, 0, 0)).save(tmp_path / "tall.png")
    pixels = square(tmp_path / "tall.png", 8)
    assert pixels.shape == (8, 8, 3)
    assert pixels[4, :, 0].tolist()[0] == 0
    assert pixels[4, 3:5, 0].min() > 200
    assert pixels[:, 4, 0].min() > 200


def test_the_mean_becomes_0_and_a_deviation_1() -> None:
    image = Image.new("RGB", (3, 2), (51, 102, 204))
    found = normalised(image, Preparation(2, mean=(0.2, 0.2, 0.2), deviation=(0.1, 0.2, 0.3)))
    assert found.shape == (3, 2, 3)
    assert found.dtype == torch.float32
    assert found.is_contiguous()
    torch.testing.assert_close(found[:, 0, 0], torch.tensor([0.0, 1.0, 2.0]))


def test_an_input_is_shown_as_the_image_that_it_was_made_of() -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)
    back = shown(normalised(pixels, Preparation(16)), Preparation(16))
    assert np.array_equal(np.asarray(back), pixels)


def test_each_way_of_varying_can_be_left_out() -> None:
    still = np.asarray(halves())
    assert all(np.array_equal(one, still) for one in varied(Augmentation(flip=False, **NONE)))


def test_flipping_mirrors_about_half_of_the_photos_left_for_right() -> None:
    still, mirrored = np.asarray(halves()), np.asarray(halves())[:, ::-1]
    found = varied(Augmentation(flip=True, **NONE), times=40)
    flipped = [np.array_equal(one, mirrored) for one in found]
    assert all(np.array_equal(one, still) or was for one, was in zip(found, flipped, strict=True))
    assert 10 < sum(flipped) < 30


@pytest.mark.parametrize(
    ("name", "value"),
    [("rotation", 30.0), ("perspective", 0.5), ("brightness", 0.5), ("contrast", 0.5)],
)
def test_each_setting_varies_the_photo(name: str, value: float) -> None:
    still = np.asarray(halves())
    found = varied(Augmentation(flip=False, **{**NONE, name: value}))
    assert any(not np.array_equal(one, still) for one in found)
    corner_is_black = [one[0, 0].max() == 0 for one in found]
    assert any(corner_is_black) == (name in ("rotation", "perspective"))


@pytest.mark.parametrize("name", ["hue", "saturation"])
def test_settings_of_colours_change_colours_and_leave_grey(name: str) -> None:
    torch.manual_seed(0)
    vary = varying(Augmentation(flip=False, **{**NONE, name: 0.5}))
    assert np.array_equal(np.asarray(vary(halves())), np.asarray(halves()))
    red = Image.new("RGB", (2, 2), (200, 60, 60))
    assert vary(red).getpixel((0, 0)) != (200, 60, 60)


def test_settings_come_back_from_a_file_of_plain_data() -> None:
    preparation = Preparation(64, (0.5, 0.4, 0.3), (0.1, 0.2, 0.3), Augmentation(flip=False, hue=0))
    assert Preparation.from_dict(json.loads(json.dumps(preparation.to_dict()))) == preparation
    assert Preparation(64).mean == IMAGENET_MEAN


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Augmentation(rotation=181),
            "augmentation: rotation is 181, and must be from 0 to",
        ),
        (lambda: Augmentation(brightness=-0.1), "brightness is -0.1, and must be from 0 to 1"),
        (lambda: Augmentation(hue=float("nan")), "hue is nan, and must be from 0 to 0.5"),
        (lambda: Augmentation.from_dict({"flip": True}), "brightness is missing or isn't known"),
        (
            lambda: Augmentation.from_dict(Augmentation().to_dict() | {"hue": "a"}),
            "augmentation: hue is 'a', and must be a number",
        ),
        (lambda: Preparation(True), "the resolution is True, and must be a whole number"),
        (
            lambda: Preparation(8, deviation=(0.1, 0, 0.1)),
            "the deviation is (0.1, 0, 0.1), and must",
        ),
        (lambda: Preparation(8, mean=(0.1, 0.1, float("inf"))), "the mean is (0.1, 0.1, inf), and"),
        (lambda: Preparation.from_dict({}), "preparation: augment is missing or isn't known"),
        (
            lambda: Preparation.from_dict(Preparation(8).to_dict() | {"mean": [1, 2]}),
            "the mean is [1, 2], and must be three numbers, one a channel",
        ),
    ],
)
def test_settings_that_make_no_sense_are_named(make: Callable[[], object], message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        make()
