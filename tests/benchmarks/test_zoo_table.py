"""The table of the zoo and its page."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.zoo_page import page
from benchmarks.zoo_row import Row
from benchmarks.zoo_table import made_with, read_made_with, read_rows, replaced, sidecar, write

ROWS = [
    Row("timm:b", "timm/resnet", "timeout", error="stopped after 3 s"),
    Row(
        "timm:a",
        "timm/resnet",
        "ok",
        exact="no",
        bounds="aten.foo(2)",
        seconds="0.0200",
        ratio="1.50",
    ),
    Row(
        "torchvision:c",
        "torchvision/classification",
        "ok",
        output="layer4",
        field="427x427",
        exact="yes",
        seconds="0.0100",
        ratio="1.10",
    ),
]


def test_a_table_comes_back_as_it_was_written(tmp_path: Path) -> None:
    table = tmp_path / "new" / "zoo.csv"
    write(table, ROWS, {"torch": "1"})
    assert {row.model: row for row in read_rows(table)} == {row.model: row for row in ROWS}
    assert [row.model for row in read_rows(table)] == ["timm:a", "timm:b", "torchvision:c"]
    assert read_made_with(table) == {"torch": "1"}
    assert sorted(path.name for path in table.parent.iterdir()) == ["zoo.csv", "zoo.json"]


def test_there_may_be_no_table_or_one_with_other_columns(tmp_path: Path) -> None:
    table = tmp_path / "zoo.csv"
    assert read_rows(table) == []
    assert read_made_with(table) == {}
    table.write_text("model,size\nx,1\n")
    assert read_rows(table) == []


def test_a_table_that_fails_half_way_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "zoo.csv"
    path.write_text("old")

    def fail() -> None:
        with replaced(path) as file:
            file.write("new")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_table_is_made_with_names_the_libraries_and_the_source() -> None:
    assert made_with().keys() == {
        "fieldscope",
        "source",
        "python",
        "torch",
        "torchvision",
        "timm",
        "numpy",
    }


def test_the_sidecar_stands_beside_the_table() -> None:
    assert sidecar(Path("docs/zoo.csv")) == Path("docs/zoo.json")


def test_the_page_tells_what_failed_and_what_is_a_bound() -> None:
    text = page(ROWS, {"torch": "1", "source": "abc"})
    assert "with torch 1. All rows" in text
    assert "| 3 | 2 | 1 (33.3 %) | 1.30 | 1.50 | 0.015 | 0.02 |" in text
    assert "| `timm:b` | timeout | stopped after 3 s |" in text
    assert "| `timm:a` | aten.foo(2) |" in text
    assert "| timm/resnet | 2 | 1 | 0 | 1.50 | 0.020 |" in text
    assert "| c |  | `layer4` | 427x427 |" in text


def test_the_page_has_no_list_of_exceptions_where_there_are_none() -> None:
    text = page(ROWS[2:], {})
    assert "Not analysed" not in text
    assert "Bounds" not in text
