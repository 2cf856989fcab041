"""Catalogues of photos: both layouts, and every fault is listed before anything is done."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image

from fieldscope.errors import InputError
from fieldscope.photos import Catalogue, catalogue_of


def photos(folder: Path, *names: str) -> Path:
    for number, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 3), (number, 0, 0)).save(folder / name)
    return folder


def table(folder: Path, text: str) -> Path:
    path = folder / "labels.csv"
    path.write_text(text, encoding="utf-8")
    return path


def labelled(catalogue: Catalogue) -> dict[str, str]:
    return {photo.id: photo.label for photo in catalogue.photos}


def test_folders_are_classes_at_any_depth_and_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    photos(tmp_path, "10/b.png", "10/a.png", "2/x/y/c.jpg", "2/d.bmp")
    found = catalogue_of(tmp_path).checked(skip_bad=False)
    assert found.classes == ("2", "10")
    assert labelled(found) == {
        "2/d.bmp": "2",
        "2/x/y/c.jpg": "2",
        "10/a.png": "10",
        "10/b.png": "10",
    }
    assert found.targets == (0, 0, 1, 1)
    assert found.counts == {"2": 2, "10": 2}
    assert found.skipped == ()


def test_ids_of_a_table_are_names_or_paths_with_extension_or_without(tmp_path: Path) -> None:
    photos(tmp_path, "a.png", "b.jpg", "in/c.png", "in/d.png", "in/é.png")
    csv = table(tmp_path, "id,label\na,x\nb.jpg,y\nin/c,x\n./in\\d.png,y\ne\u0301,x\n")
    found = catalogue_of(tmp_path, csv).checked(skip_bad=False)
    assert labelled(found) == {
        "a.png": "x", "b.jpg": "y", "in/c.png": "x", "in/d.png": "y", "in/é.png": "x",
    }  # fmt: skip


def test_the_fuller_name_of_two_counts_first(tmp_path: Path) -> None:
    photos(tmp_path, "a.png", "in/a.png", "b.png", "c.png")
    csv = table(tmp_path, "a.png,x\nin/a,y\nb,x\nc,y\n")
    assert labelled(catalogue_of(tmp_path, csv))["in/a.png"] == "y"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,x\na.png,y\n", "labels.csv, line 2: a.png is y, and x on line 1\ngive each image one"),
        ("a,x\na,\n", "labels.csv, line 2: a is without a label, and x on line 1"),
        ("c,x\n", "labels.csv, line 1: the id c may be c.jpg or c.png\ngive the path below"),
        ("z,x\n", "names an image in"),
    ],
)
def test_tables_that_contradict_themselves_are_errors(
    tmp_path: Path, text: str, message: str
) -> None:
    photos(tmp_path, "a.png", "b.png", "c.jpg", "c.png")
    with pytest.raises(InputError, match=re.escape(message)):
        catalogue_of(tmp_path, table(tmp_path, text))


def test_the_same_label_twice_counts_once(tmp_path: Path) -> None:
    photos(tmp_path, "a.png", "b.png", "c.png", "d.png")
    found = catalogue_of(tmp_path, table(tmp_path, "a,x\na.png,x\nb,x\nc,y\nd,y\n"))
    assert found.checked(skip_bad=False).counts == {"x": 2, "y": 2}


@pytest.fixture
def faulty(tmp_path: Path) -> Catalogue:
    photos(tmp_path, "a.png", "b.png", "c.png", "d.png", "e.png", "new.png", "blank.png")
    (tmp_path / "e.png").write_bytes((tmp_path / "e.png").read_bytes()[:40])
    (tmp_path / "f.png").write_text("words")
    csv = table(tmp_path, "a,x\nb,x\nc,y\nd,y\ne,x\nf,z\ngone,y\nblank,\n")
    return catalogue_of(tmp_path, csv)


def test_every_fault_is_listed_and_nothing_is_skipped_unasked(faulty: Catalogue) -> None:
    assert faulty.missing == ("gone",)
    assert faulty.unlabelled == ("blank.png", "new.png")
    assert [id for id, _ in faulty.unreadable] == ["e.png", "f.png"]
    with pytest.raises(InputError) as caught:
        faulty.checked(skip_bad=False)
    message = str(caught.value)
    assert "1 image that the table names and that isn't there: gone\n" in message
    assert "2 files that can't be read: e.png (" in message
    assert "f.png (is not an image of a known format)\n" in message
    assert "2 images without a label: blank.png and new.png\n" in message
    assert message.endswith("pass skip_bad=True (--skip-bad) to leave them out")


def test_what_is_skipped_is_told(faulty: Catalogue) -> None:
    good = faulty.checked(skip_bad=True)
    assert list(labelled(good)) == ["a.png", "b.png", "c.png", "d.png"]
    assert good.classes == ("x", "y")
    assert len(good.skipped) == 4
    assert good.skipped[-1] == "left out 1 class of which no photo is left: z"
    assert good.checked(skip_bad=False) == good


def test_of_many_faults_some_are_named_and_all_counted(tmp_path: Path) -> None:
    photos(tmp_path, "a.png", "b.png", "c.png", "d.png")
    lines = "".join(f"gone{number},x\n" for number in range(50))
    found = catalogue_of(tmp_path, table(tmp_path, f"a,x\nb,x\nc,y\nd,y\n{lines}"))
    with pytest.raises(InputError, match=r"50 images .* gone0, gone1, .*, gone7 and 42 more\n"):
        found.checked(skip_bad=False)


def test_images_beside_the_folders_and_folders_without_images_are_faults(tmp_path: Path) -> None:
    photos(tmp_path, "x/1.png", "x/2.png", "y/1.png", "y/2.png", "stray.png")
    (tmp_path / "empty").mkdir()
    found = catalogue_of(tmp_path)
    assert (found.unlabelled, found.empty) == (("stray.png",), ("empty",))
    with pytest.raises(InputError, match="1 folder without images: empty"):
        found.checked(skip_bad=False)
    assert found.checked(skip_bad=True).classes == ("x", "y")


def test_photos_of_a_kind_that_is_not_read_are_faults_and_notes_are_not(tmp_path: Path) -> None:
    photos(tmp_path, "x/1.png", "x/2.png", "y/1.png", "y/2.png")
    (tmp_path / "x" / "3.HEIC").write_bytes(b"")
    (tmp_path / "x" / "notes.txt").write_text("of 2021")
    found = catalogue_of(tmp_path)
    assert found.unreadable == (("x/3.HEIC", "photos of the kind .heic aren't read"),)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["x/1.png", "x/2.png"], "has photos of one class, x, and a classifier needs at least two"),
        (["x/1.png", "x/2.png", "y/1.png"], "has only one photo of y\neach class needs at least"),
        (["1.png", "2.png"], "have no labels: 2 images and no folder per class\ngive each class a"),
        (["train/x/1.png", "val/x/1.png"], "are train and val, which are parts of a data set, not"),
    ],
)
def test_folders_that_cannot_be_learnt_from_are_refused(
    tmp_path: Path, names: list[str], message: str
) -> None:
    photos(tmp_path, *names)
    with pytest.raises(InputError, match=re.escape(message)):
        catalogue_of(tmp_path).checked(skip_bad=True)


def test_the_digest_knows_ids_labels_and_files_but_not_where_they_lie(tmp_path: Path) -> None:
    names = ("x/1.png", "x/2.png", "y/1.png", "y/2.png")
    before = catalogue_of(photos(tmp_path / "a", *names)).digest
    assert catalogue_of(photos(tmp_path / "b", *names)).digest == before
    Image.new("RGB", (400, 300)).save(tmp_path / "b" / "x" / "1.png")
    assert catalogue_of(tmp_path / "b").digest != before
    (tmp_path / "a" / "y").rename(tmp_path / "a" / "z")
    assert catalogue_of(tmp_path / "a").digest != before


def test_reading_is_told_file_by_file(tmp_path: Path) -> None:
    heard: list[tuple[str, int, int]] = []
    catalogue_of(photos(tmp_path, "x/1.png", "y/1.png"), told=lambda *said: heard.append(said))
    assert heard == [("reading photos", 1, 2), ("reading photos", 2, 2)]
