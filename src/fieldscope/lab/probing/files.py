"""The files that probes leave in the folder of a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fieldscope import writing

if TYPE_CHECKING:
    from fieldscope.lab.probing.findings import Probing

PROBES = "probe.json"
TABLE = "probe.csv"
PICTURE = "probe.png"
FILES = (PROBES, TABLE, PICTURE)


def save(found: Probing, folder: str | Path) -> tuple[Path, ...]:
    """Write probes as data, table and picture, each whole or not at all.

    Returns:
        The files.

    Raises:
        InputError: one can't be written; what was there still is.
    """
    from fieldscope.lab import shown  # noqa: F401  # registers how findings are drawn
    from fieldscope.render import pictures

    place = Path(folder)
    texts = {PROBES: found.to_json(indent=2) + "\n", TABLE: found.to_csv()}
    for name, text in texts.items():
        with writing.replacing(place / name) as temporary:
            temporary.write_text(text, encoding="utf-8", newline="")
    pictures.save(found.to_image(), place / PICTURE)
    return tuple(place / name for name in FILES)
