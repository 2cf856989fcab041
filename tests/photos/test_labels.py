"""Tables of labels in the forms that people save them in."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fieldscope.errors import InputError
from fieldscope.photos.labels import labels_in


@pytest.mark.parametrize(
    "content",
    [
        b"id,label\na.jpg,cat\nb.jpg,dog\n",
        b"a.jpg,cat\nb.jpg,dog",
        b"LABEL;Id\r\ncat;a.jpg\r\ndog;b.jpg\r\n",
        b"\xef\xbb\xbfid\tlabel\na.jpg\tcat\n\n  \nb.jpg\tdog\n",
        b"label, note ,image\n cat ,x,a.jpg\ndog,,b.jpg\n",
        b'id;label\n"a.jpg";"cat"\n"b.jpg";dog\n',
        b"filename,breed\na.jpg,cat\nb.jpg,dog\n",
    ],
)
def test_the_same_labels_are_read_from_all_usual_forms(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "labels.csv").write_bytes(content)
    found = labels_in(tmp_path / "labels.csv")
    assert [(line.id, line.label) for line in found] == [("a.jpg", "cat"), ("b.jpg", "dog")]


def test_a_comma_inside_a_label_is_no_delimiter(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("a;cat, small\nb;dog, big\n")
    assert [line.label for line in labels_in(tmp_path / "labels.csv")] == ["cat, small", "dog, big"]


def test_lines_are_numbered_as_in_the_file(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("id,label\n\na,cat\nb,\n")
    found = labels_in(tmp_path / "labels.csv")
    assert [(line.number, line.label) for line in found] == [(3, "cat"), (4, "")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "labels.csv has no lines"),
        (b"id,label\n", "labels.csv has a header, and no line behind it"),
        (b"a.jpg\nb.jpg\n", "labels.csv has one column, and none are called id and label"),
        (b"a,b,c\n1,2,3\n", "labels.csv has 3 columns, a, b and c, and none are called"),
        (
            b"id,label\na,cat\nb,dog,big\n",
            "labels.csv, line 3: 3 columns, and the first line has 2",
        ),
        (b"id,label\n,cat\n", "labels.csv, line 2: a label without an id"),
        (b"id,label\n\xff\xfe,cat\n", "labels.csv is not text in UTF-8: byte 9 is no part"),
    ],
)
def test_what_is_no_table_of_labels_is_named_with_its_line(
    tmp_path: Path, content: bytes, message: str
) -> None:
    (tmp_path / "labels.csv").write_bytes(content)
    with pytest.raises(InputError, match=re.escape(message)):
        labels_in(tmp_path / "labels.csv")


def test_a_table_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no file .*/labels.csv"):
        labels_in(tmp_path / "labels.csv")
    with pytest.raises(InputError, match=r"cannot read .*: Is a directory"):
        labels_in(tmp_path)
