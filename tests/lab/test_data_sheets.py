"""Contact sheets have their photos and labels where they should be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fieldscope.errors import InputError
from fieldscope.lab.data import (
    Augmentation,
    Preparation,
    Split,
    augmented_sheet,
    contact_sheet,
    save_sheet,
    split_of,
)
from tests.lab.pictures import catalogue

MARGIN, GUTTER = 24, 6


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> Split:
    return split_of(catalogue(tmp_path_factory.mktemp("photos"), cat=5, dog=3), seed=0)


def is_blank(sheet: Image.Image, box: tuple[int, int, int, int]) -> bool:
    return bool((np.asarray(sheet.crop(box)) == 255).all())


def test_a_class_has_a_strip_of_samples_with_its_label_beneath(split: Split) -> None:
    sheet = contact_sheet(split, tile=40)
    strip = 4 * 40 + 3 * GUTTER
    assert sheet.size == (2 * MARGIN + 2 * strip + 20, 2 * MARGIN + 40 + 24)
    for place in range(3):
        x = MARGIN + place * (40 + GUTTER)
        assert not is_blank(sheet, (x, MARGIN, x + 40, MARGIN + 40))
        assert is_blank(sheet, (x + 40, MARGIN, x + 40 + GUTTER, MARGIN + 40))
    assert not is_blank(sheet, (MARGIN, MARGIN + 40, MARGIN + strip, MARGIN + 64))
    # Of the dogs there are only three.
    assert is_blank(sheet, (sheet.width - MARGIN - 40, MARGIN, sheet.width, MARGIN + 40))


def test_long_labels_stay_in_their_strip(tmp_path: Path) -> None:
    long = "Leiopelma_archeyi_of_the_Coromandel_peninsula"
    found = split_of(catalogue(tmp_path, **{long: 2, "dog": 2}), seed=0)
    sheet = contact_sheet(found, tile=40)
    strip = 2 * 40 + GUTTER
    under = (MARGIN + strip, MARGIN + 40, MARGIN + strip + 20, sheet.height)
    assert is_blank(sheet, under)


def test_of_very_many_classes_the_rest_is_counted(split: Split) -> None:
    classes = tuple(f"{number}" for number in range(98))
    photo = split.train[0]
    many = [type(photo)(photo.path, label, label, 1) for label in classes]
    found = Split(tuple(many), tuple(many), classes)
    sheet = contact_sheet(found, tile=16)
    rows = 12 * (16 + 24 + 20) - 20
    assert sheet.size == (2 * MARGIN + 8 * 16 + 7 * 20, 2 * MARGIN + rows + 24)
    assert not is_blank(sheet, (MARGIN, MARGIN + rows, sheet.width, sheet.height))


def test_a_row_begins_with_the_photo_as_it_is_and_goes_on_varied(split: Split) -> None:
    sheet = augmented_sheet(
        split, Preparation(40, augment=Augmentation()), seed=0, versions=3, rows=2, tile=40
    )
    assert sheet.size == (2 * MARGIN + 60 + 3 * 46 - 6, 2 * MARGIN + 24 + 2 * 70 - 6)
    y = MARGIN + 24
    lefts = [MARGIN, *(MARGIN + 60 + version * 46 for version in range(3))]
    tiles = [np.asarray(sheet.crop((x, y, x + 40, y + 40))) for x in lefts]
    assert all(not np.array_equal(tiles[0], tile) for tile in tiles[1:])
    assert not np.array_equal(tiles[1], tiles[2])
    again = augmented_sheet(
        split, Preparation(40, augment=Augmentation()), seed=0, versions=3, rows=2, tile=40
    )
    assert again.tobytes() == sheet.tobytes()


def test_a_sheet_of_what_is_not_varied_is_refused(split: Split) -> None:
    with pytest.raises(InputError, match="no augmented samples to draw: augmentation is off"):
        augmented_sheet(split, Preparation(8), seed=0)


def test_a_sheet_is_written_as_png(split: Split, tmp_path: Path) -> None:
    sheet = contact_sheet(split, tile=16)
    save_sheet(sheet, tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as read:
        assert (read.format, read.size) == ("PNG", sheet.size)
    assert [path.name for path in tmp_path.iterdir()] == ["sheet.png"]
