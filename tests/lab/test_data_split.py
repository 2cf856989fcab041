"""Photos are split by seed, each class alike, and a saved split is the split."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from fieldscope.errors import InputError
from fieldscope.lab.data import Split, read_split, split_of
from fieldscope.photos import Catalogue, Photo

COUNTS = {"a": 20, "b": 7, "c": 2}


def catalogue(**counts: int) -> Catalogue:
    photos = [
        Photo(Path(label, f"{number}.png"), f"{label}/{number}.png", label, 9)
        for label, count in (counts or COUNTS).items()
        for number in range(count)
    ]
    return Catalogue(Path("photos"), tuple(photos), tuple(counts or COUNTS))


def validated(split: Split) -> Counter[str]:
    return Counter(photo.label for photo in split.validation)


def ids(split: Split) -> tuple[list[str], list[str]]:
    return [photo.id for photo in split.train], [photo.id for photo in split.validation]


def test_each_class_is_in_both_parts_in_proportion() -> None:
    split = split_of(catalogue(), seed=0)
    assert validated(split) == {"a": 4, "b": 1, "c": 1}
    assert {*split.train, *split.validation} == {*catalogue().photos}
    assert len(split.train) + len(split.validation) == 29
    assert validated(split_of(catalogue(), seed=0, share=0.99)) == {"a": 19, "b": 6, "c": 1}


def test_few_photos_of_each_class_may_be_trained_on_and_all_others_validate() -> None:
    split = split_of(catalogue(a=20, b=7), seed=0, train_per_class=3)
    assert validated(split) == {"a": 17, "b": 4}


def test_the_seed_decides_and_the_order_of_the_files_does_not() -> None:
    found = catalogue()
    turned = replace(found, photos=found.photos[::-1])
    assert split_of(found, seed=4) == split_of(turned, seed=4)
    assert split_of(found, seed=4) != split_of(found, seed=5)


def test_a_class_is_split_the_same_without_the_others() -> None:
    alone = {photo.id for photo in split_of(catalogue(a=20, d=3), seed=1).validation}
    among = {photo.id for photo in split_of(catalogue(), seed=1).validation}
    assert {id for id in alone if id[0] == "a"} == {id for id in among if id[0] == "a"}


@pytest.mark.parametrize(
    ("split", "message"),
    [
        (lambda: split_of(catalogue(), seed=0, share=1.0), "the share to validate on is 1.0, and"),
        (lambda: split_of(catalogue(), seed=0, train_per_class=0), "train_per_class is 0, and"),
        (lambda: split_of(catalogue(), seed=-1), "the seed is -1, and must be from 0 on"),
        (lambda: split_of(catalogue(a=5, b=1), seed=0), "class b has 1 photo, and 2 are needed, 1"),
        (
            lambda: split_of(catalogue(), seed=0, train_per_class=7),
            "class b has 7 photos, and 8 are needed, 7 to train on and one to validate on",
        ),
    ],
)
def test_what_cannot_be_split_is_refused(split: Callable[[], Split], message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        split()


def test_a_saved_split_is_read_back_and_readable(tmp_path: Path) -> None:
    split = split_of(catalogue(), seed=2)
    split.save(tmp_path / "split.csv")
    assert read_split(tmp_path / "split.csv", catalogue()) == split
    lines = (tmp_path / "split.csv").read_text().splitlines()
    assert lines[0] == "id,label,part"
    assert lines[1] == f"{split.train[0].id},a,train"
    assert len(lines) == 30


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text + "a/99.png,a,train\n", "line 31: a/99.png (a) is not among the photos"),
        (lambda text: text.replace("b/0.png,b", "b/0.png,a"), "of photos, but as b\nthe photos"),
        (lambda text: text + "a/0.png,a,train\n", "line 31: a/0.png comes a second time"),
        (lambda text: text.replace("c/0.png,c,", "d,d,"), "d (d) is not among the photos of"),
        (lambda text: text + "a/0.png,a,test\n", "line 31: a/0.png, a and test, and an id, a lab"),
        (lambda text: text.replace("id,", "name,"), "is no split: its first line isn't id,label"),
        (lambda text: text[: text.rindex("c/")], "lacks 1 photo of photos: c/"),
        (lambda text: "", "is no split"),
    ],
)
def test_a_split_of_other_photos_is_refused(
    tmp_path: Path, change: Callable[[str], str], message: str
) -> None:
    path = tmp_path / "split.csv"
    split_of(catalogue(), seed=2).save(path)
    path.write_text(change(path.read_text()))
    with pytest.raises(InputError, match=re.escape(message)):
        read_split(path, catalogue())


def test_a_split_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read .*split\.csv: No such file"):
        read_split(tmp_path / "split.csv", catalogue())
