"""Compare rfa-toolbox with fieldscope layer by layer, and write docs/rfa-toolbox.md.

    python -m benchmarks.rfa

The tool is installed from the package index into a folder that is gone afterwards. All rows go
to docs/rfa-toolbox.csv, by which the tests hold fieldscope to them without the tool.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks import peers
from benchmarks.rfa_answers import NETWORKS, Both, Compared, Pair, compared
from benchmarks.rfa_page import page
from benchmarks.workers import Limits, outcomes
from benchmarks.zoo_table import ROOT, made_with, replaced

TABLE = ROOT / "docs" / "rfa-toolbox.csv"
COLUMNS = ("network", "layer", "source", "kernel", "minimal", "maximal", "narrowest", "size")
SECONDS = 300.0


def written(extents: Pair) -> str:
    """Write both axes of an extent, once where they agree.

    >>> written((7, 7)), written((5, math.inf))
    ('7', '5xinf')
    """
    texts = [f"{extent}" for extent in extents]
    return texts[0] if len(set(texts)) == 1 else "x".join(texts)


def read(text: str) -> Pair:
    """Read what `written` wrote.

    >>> read("7"), read("5xinf")
    ((7, 7), (5, inf))
    """
    parts = [math.inf if part == "inf" else int(part) for part in text.split("x")]
    return parts[0], parts[-1]


def read_rows(table: Path = TABLE) -> list[Both]:
    """Read the table of layers."""
    with table.open(newline="", encoding="utf-8") as file:
        return [
            Both(
                row["network"],
                row["layer"],
                row["source"],
                row["kernel"] == "yes",
                *(read(row[column]) for column in COLUMNS[4:]),
            )
            for row in csv.DictReader(file)
        ]


def write(table: Path, networks: Sequence[Compared], versions: dict[str, str]) -> None:
    """Write the table, what it was made with and the page, each whole or not at all."""
    with replaced(table) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(_cells(layer) for network in networks for layer in network.layers)
    with replaced(table.with_suffix(".json")) as file:
        found = {"made_with": versions, "networks": [one.summary() for one in networks]}
        json.dump(found, file, indent=2)
        file.write("\n")
    with replaced(table.with_suffix(".md")) as file:
        file.write(page(networks, versions))


def _cells(layer: Both) -> Iterable[str]:
    yield from (layer.network, layer.layer, layer.source, "yes" if layer.kernel else "no")
    yield from map(written, (layer.minimal, layer.maximal, layer.narrowest, layer.size))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.rfa", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--out", metavar="CSV", type=Path, default=TABLE, help="table to write")
    options = parser.parse_args(arguments)
    console = Console(soft_wrap=True)
    found: dict[str, Compared] = {}
    with tempfile.TemporaryDirectory() as folder:
        with console.status("installing rfa-toolbox"):
            reason = peers.install(Path(folder))
        if reason:
            console.print(f"rfa-toolbox could not be installed: {reason}", highlight=False)
            return 2
        tasks: list[Any] = [(name, folder) for name in NETWORKS]
        for outcome in outcomes(compared, tasks, jobs=1, limits=Limits(SECONDS)):
            name, _ = outcome.task
            if outcome.status != "ok":
                console.print(f"{name}: {outcome.status}: {outcome.value}", highlight=False)
                return 2
            found[name] = outcome.value
            differ = sum(not layer.agrees for layer in found[name].layers)
            console.print(f"{name}: {len(found[name].layers)} layers, {differ} differ")
    versions = {"rfa-toolbox": peers.VERSION, **made_with()}
    write(options.out, [found[name] for name in NETWORKS], versions)
    console.print(f"wrote {options.out} and what stands beside it")
    return 0


if __name__ == "__main__":
    sys.exit(main())
