"""Tables of labels: a CSV with the name of each image and the class that it shows."""

from __future__ import annotations

import csv
import io
import os
from dataclasses import dataclass
from pathlib import Path

from fieldscope.errors import InputError
from fieldscope.wording import listed

# Where several would do, the one that is the rarest inside of names.
_DELIMITERS = ("\t", ";", ",")
_ID = ("id", "image", "image_id", "file", "filename", "file_name", "path", "name")
_LABEL = ("label", "class", "breed", "species", "category", "target")
_STEP = "a table of labels has two columns, id and label, and one image a line"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a table: the image that it names, and its label, empty where it has none."""

    number: int
    id: str
    label: str


def labels_in(path: str | os.PathLike[str]) -> tuple[Line, ...]:
    r"""Read a table of labels, with a header or without.

    The delimiter is a comma, a semicolon or a tab. A header names the columns `id` and
    `label`, in any case and order, others may stand beside them; without one there are two
    columns, the id first.

    Raises:
        InputError: it can't be read, or a line isn't of that form.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     _ = Path(folder, "labels.csv").write_text("Label;ID\ncat;a.jpg\n")
        ...     labels_in(f"{folder}/labels.csv")
        (Line(number=2, id='a.jpg', label='cat'),)
    """
    text = _text(Path(path))
    rows = _rows(text, path)
    if not rows:
        raise InputError(f"{path} has no lines\n{_STEP}")
    first = [cell.lower() for cell in rows[0][1]]
    at_id, at_label = _column(first, _ID), _column(first, _LABEL)
    if at_id is not None and at_label is not None:
        rows = rows[1:]
    elif len(first) == 2:
        at_id, at_label = 0, 1
    else:
        found = f"{len(first)} columns, {listed(rows[0][1], most=6)}" if first[1:] else "one column"
        raise InputError(f"{path} has {found}, and none are called id and label\n{_STEP}")
    lines = []
    for number, cells in rows:
        if len(cells) != len(first):
            raise InputError(
                f"{path}, line {number}: {len(cells)} columns, and the first line has "
                f"{len(first)}\n{_STEP}"
            )
        if not cells[at_id]:
            raise InputError(f"{path}, line {number}: a label without an id\n{_STEP}")
        lines.append(Line(number, cells[at_id], cells[at_label]))
    if not lines:
        raise InputError(f"{path} has a header, and no line behind it\n{_STEP}")
    return tuple(lines)


def _text(path: Path) -> str:
    if not path.exists():
        raise InputError(f"there is no file {path}")
    try:
        # Spreadsheets begin UTF-8 with a mark.
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path} is not text in UTF-8: byte {error.start} is no part of a letter\n"
            "save the table as CSV in UTF-8"
        ) from error
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error


def _rows(text: str, path: str | os.PathLike[str]) -> list[tuple[int, list[str]]]:
    """Give the lines that aren't blank, with their numbers, by the delimiter that fits best."""

    def parsed(delimiter: str) -> list[tuple[int, list[str]]]:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        return [
            (reader.line_num, [cell.strip() for cell in cells])
            for cells in reader
            if any(cell.strip() for cell in cells)
        ]

    def fit(rows: list[tuple[int, list[str]]]) -> tuple[bool, int]:
        counts = [len(cells) for _, cells in rows]
        return len(set(counts)) == 1 and counts[0] > 1, sum(count > 1 for count in counts)

    try:
        return max((parsed(delimiter) for delimiter in _DELIMITERS), key=fit)
    except csv.Error as error:
        raise InputError(f"{path} is not a CSV: {error}\n{_STEP}") from error


def _column(names: list[str], known: tuple[str, ...]) -> int | None:
    return next((names.index(name) for name in known if name in names), None)
