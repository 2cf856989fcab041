"""The page docs/zoo.md, made from the rows of docs/zoo.csv."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from pathlib import Path

from benchmarks.zoo_row import Row
from benchmarks.zoo_table import replaced

_HEAD = """\
# Published networks

Made by `python -m benchmarks.zoo` with {versions}. All rows: [zoo.csv](zoo.csv).

Each network was built without weights and analysed at its default input, every layer's numbers
read. A detector is its backbone. **Field**, stride and narrowest belong to the network's output
where that reads a part of the input (segmentation, detection); otherwise to the output of the last
module that does: the map before global pooling, or before the first global attention. **Exact**
means that every layer of the network is; **ratio** is the processor time of the analysis over that
of a bare forward pass on the meta device.

| networks | analysed | exact | ratio, median | largest | seconds, median | largest |
|--:|--:|--:|--:|--:|--:|--:|
| {networks} | {analysed} | {exact} | {ratio} | {largest_ratio} | {seconds} | {largest_seconds} |
"""


def write_page(path: Path, rows: list[Row], versions: dict[str, str]) -> None:
    """Write the page."""
    with replaced(path) as file:
        file.write(page(rows, versions))


def page(rows: list[Row], versions: dict[str, str]) -> str:
    """Make the page: figures, exceptions, families, torchvision's classifiers."""
    done = [row for row in rows if row.status == "ok"]
    ratios = [float(row.ratio) for row in done] or [0.0]
    seconds = [float(row.seconds) for row in done] or [0.0]
    exact = sum(row.exact == "yes" for row in done)
    named = {name: version for name, version in versions.items() if name != "source"}
    head = _HEAD.format(
        versions=", ".join(f"{name} {version}" for name, version in named.items()),
        networks=f"{len(rows):,}",
        analysed=f"{len(done):,}",
        exact=f"{exact:,} ({100 * exact / max(len(rows), 1):.1f} %)",
        ratio=f"{statistics.median(ratios):.2f}",
        largest_ratio=f"{max(ratios):.2f}",
        seconds=f"{statistics.median(seconds):.3f}",
        largest_seconds=f"{max(seconds):.2f}",
    )
    parts = [head, _exceptions(rows), _families(rows), _classifiers(rows)]
    return "\n".join(part for part in parts if part)


def _exceptions(rows: list[Row]) -> str:
    failed = [row for row in rows if row.status != "ok"]
    loose = [row for row in rows if row.status == "ok" and row.exact != "yes"]
    parts = []
    if failed:
        parts.append("## Not analysed\n")
        parts.append(
            _table(
                ("network", "status", "error"),
                "l l l",
                ((f"`{row.model}`", row.status, _cell(row.error)) for row in failed),
            )
        )
    if loose:
        parts.append("## Bounds\n\nOperators through which a field is only a bound.\n")
        parts.append(
            _table(
                ("network", "operators"),
                "l l",
                ((f"`{row.model}`", row.bounds) for row in loose),
            )
        )
    return "\n".join(parts)


def _families(rows: list[Row]) -> str:
    families: dict[str, list[Row]] = {}
    for row in rows:
        families.setdefault(row.family, []).append(row)
    lines = []
    for family, members in sorted(families.items()):
        done = [row for row in members if row.status == "ok"]
        exact = sum(row.exact == "yes" for row in done)
        ratio = f"{statistics.median(float(row.ratio) for row in done):.2f}" if done else ""
        seconds = f"{statistics.median(float(row.seconds) for row in done):.3f}" if done else ""
        lines.append((family, str(len(members)), str(len(done)), str(exact), ratio, seconds))
    return "## Families\n\n" + _table(
        ("family", "networks", "analysed", "exact", "ratio, median", "seconds, median"),
        "l r r r r r",
        lines,
    )


def _classifiers(rows: list[Row]) -> str:
    shown = [
        row for row in rows if row.family == "torchvision/classification" and row.status == "ok"
    ]
    if not shown:
        return ""
    return "## torchvision's classifiers\n\n" + _table(
        ("network", "input", "last map", "field", "stride", "narrowest", "context", "exact"),
        "l l l r r r l l",
        (
            (
                row.model.partition(":")[2],
                row.input,
                f"`{row.output}`",
                row.field,
                row.stride,
                row.narrowest,
                row.context,
                row.exact,
            )
            for row in shown
        ),
    )


def _table(head: tuple[str, ...], alignment: str, lines: Iterable[tuple[str, ...]]) -> str:
    rule = "|".join("--:" if letter == "r" else "--" for letter in alignment.split())
    body = [f"| {' | '.join(line)} |" for line in lines]
    return "\n".join([f"| {' | '.join(head)} |", f"|{rule}|", *body]) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
