"""The table of the zoo on disk: rows, and what they were made with."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import importlib.metadata
import json
import os
import platform
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from benchmarks.zoo_row import COLUMNS, Row

ROOT = Path(__file__).resolve().parent.parent
_VERSIONS_OF = ("torch", "torchvision", "timm", "numpy")


def made_with() -> dict[str, str]:
    """Tell what rows made now are made with.

    Rows are comparable, and a run can be continued, only where all of this is
    equal; so the digest is over fieldscope's own source, not its version.
    """
    import fieldscope

    digest = hashlib.sha256()
    for path in sorted((ROOT / "src").rglob("*.py")):
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return {
        "fieldscope": fieldscope.__version__,
        "source": digest.hexdigest()[:16],
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in _VERSIONS_OF},
    }


def sidecar(table: Path) -> Path:
    """Name the file beside a table that says what it was made with."""
    return table.with_suffix(".json")


def read_rows(table: Path) -> list[Row]:
    """Read a table; there may be none."""
    if not table.exists():
        return []
    with table.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        if tuple(reader.fieldnames or ()) != COLUMNS:
            return []
        return [Row(**row) for row in reader]


def read_made_with(table: Path) -> dict[str, str]:
    """Read what a table was made with; nothing where that isn't known."""
    path = sidecar(table)
    if not path.exists():
        return {}
    versions: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return versions


def write(table: Path, rows: Iterable[Row], versions: dict[str, str]) -> None:
    """Write a table and its sidecar, each whole or not at all."""
    ordered = sorted(rows, key=lambda row: (row.model.partition(":")[0], row.family, row.model))
    with replaced(table) as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(row.as_dict() for row in ordered)
    with replaced(sidecar(table)) as file:
        json.dump(versions, file, indent=2)
        file.write("\n")


@contextlib.contextmanager
def replaced(path: Path) -> Iterator[IO[str]]:
    """Write to a file that takes the place of `path` once all is written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", text=True)
    try:
        with open(handle, "w", encoding="utf-8", newline="") as file:
            yield file
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
