"""Images below a folder: which files, in which order, and what is said where there are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from fieldscope.errors import InputError
from fieldscope.photos.files import images_in, naturally


def names(folder: Path, *paths: str) -> Path:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(b"")
    return folder


def test_images_are_found_at_any_depth_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    names(tmp_path, "10.jpg", "2.JPEG", "b/1.webp", "b/c/d.tiff", "notes.txt", "a.ppm", "x.png.zip")
    found = [path.relative_to(tmp_path).as_posix() for path in images_in(tmp_path)]
    assert found == ["2.JPEG", "10.jpg", "a.ppm", "b/1.webp", "b/c/d.tiff"]


def test_hidden_files_and_folders_are_left_out(tmp_path: Path) -> None:
    names(tmp_path, "a.png", "._a.png", ".cache/b.png")
    assert [path.name for path in images_in(tmp_path)] == ["a.png"]


def test_links_to_folders_are_followed_once_however_they_lead(tmp_path: Path) -> None:
    names(tmp_path, "top/cat/a.png", "elsewhere/b.png")
    (tmp_path / "top" / "cat" / "back").symlink_to(tmp_path / "top")
    (tmp_path / "top" / "dog").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "top" / "wolf").symlink_to(tmp_path / "elsewhere")
    found = [path.relative_to(tmp_path / "top").as_posix() for path in images_in(tmp_path / "top")]
    assert found == ["cat/a.png", "dog/b.png"]


def test_folders_without_images_say_what_is_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no folder .*/none"):
        images_in(tmp_path / "none")
    with pytest.raises(InputError, match=r"there are no images in .*, which has no files\nimages "):
        images_in(tmp_path)
    names(tmp_path, "a.txt", "b.csv", "LICENSE")
    with pytest.raises(InputError, match=r"which has 3 other files \(\.csv, \.txt and no exten"):
        images_in(tmp_path)
    with pytest.raises(InputError, match=r"a\.txt is a file, and a folder of images is wanted"):
        images_in(tmp_path / "a.txt")


def test_natural_order_is_total_and_takes_any_number() -> None:
    assert sorted(["a1", "a01", "a", "1a", "", "9" * 5000, "2"], key=naturally) == [
        "", "1a", "2", "9" * 5000, "a", "a01", "a1",
    ]  # fmt: skip
