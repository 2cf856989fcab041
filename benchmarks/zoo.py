"""Analyse all networks of timm and torchvision, and write docs/zoo.csv.

    python -m benchmarks.zoo                          all of them, to docs/zoo.csv and docs/zoo.md
    python -m benchmarks.zoo --models 'timm:swin*'    some, printed only
    python -m benchmarks.zoo --one-per-family         one small network per family, printed only

A run that is stopped goes on where it was, as long as neither fieldscope nor
the libraries changed. Each network has a time limit of its own, and runs in a
worker process that it can take down without harm to others.
"""

from __future__ import annotations

import argparse
import fnmatch
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from benchmarks import zoo_row
from benchmarks.workers import Limits, Outcome, outcomes
from benchmarks.zoo_page import write_page
from benchmarks.zoo_row import Row
from benchmarks.zoo_table import ROOT, made_with, read_made_with, read_rows, write
from fieldscope.frontends.torch import zoo
from fieldscope.frontends.torch.zoo import Source

_TABLE = ROOT / "docs" / "zoo.csv"
_SAVE_EVERY_SECONDS = 10.0

Task = tuple[Source, str]


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    console = Console(soft_wrap=True)
    tasks = _tasks(options)
    if not tasks:
        console.print(f"no network's name matches {options.models}")
        return 2
    partial = bool(options.models or options.limit or options.one_per_family)
    table: Path | None = options.out or (None if partial else _TABLE)
    versions = made_with()
    kept: dict[str, Row] = {}
    if table and not options.fresh and read_made_with(table) == versions:
        kept = {row.model: row for row in read_rows(table)}
    wanted = [task for task in tasks if ":".join(task) not in kept]
    if kept:
        console.print(f"{table} holds {len(kept)} rows made with the same versions; kept")
    rows = dict(kept)
    begin = time.perf_counter()
    _run(wanted, rows, table, versions, options, console)
    if table:
        write(table, rows.values(), versions)
        write_page(table.with_suffix(".md"), list(rows.values()), versions)
        console.print(f"wrote {table} and {table.with_suffix('.md')}")
    asked = {":".join(task) for task in tasks}
    _print_figures([row for row in rows.values() if row.model in asked], console)
    if wanted:
        console.print(f"{len(wanted)} analysed in {time.perf_counter() - begin:.0f} s", style="dim")
    return 0


def _run(
    tasks: list[Task],
    rows: dict[str, Row],
    table: Path | None,
    versions: dict[str, str],
    options: argparse.Namespace,
    console: Console,
) -> None:
    limits = Limits(options.seconds, options.memory * 2**30 if options.memory else None)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    saved = time.monotonic()
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task("analysing", total=len(tasks))
        for outcome in outcomes(
            zoo_row.row, tasks, jobs=options.jobs, limits=limits, prepare=zoo_row.prepare
        ):
            row = _row(outcome)
            rows[row.model] = row
            progress.update(bar, advance=1, description=f"{row.model:<40.40}")
            if row.status != "ok" or row.exact == "no" or options.verbose:
                _print_row(row, console)
            if table and time.monotonic() - saved > _SAVE_EVERY_SECONDS:
                write(table, rows.values(), versions)
                saved = time.monotonic()


def _row(outcome: Outcome) -> Row:
    if outcome.status == "ok":
        row: Row = outcome.value
        return row
    source, name = outcome.task
    family = zoo.family(source, name)
    return Row(
        model=f"{source}:{name}",
        family=f"{source}/{family}",
        status=outcome.status,
        error=str(outcome.value),
    )


def _tasks(options: argparse.Namespace) -> list[Task]:
    """List the networks to analyse, torchvision's first."""
    tasks = [
        (source, name)
        for source in zoo.SOURCES
        for name in zoo.names(source)
        if not options.models
        or any(fnmatch.fnmatchcase(f"{source}:{name}", pattern) for pattern in options.models)
    ]
    if options.one_per_family:
        families: dict[tuple[str, str], list[Task]] = {}
        for source, name in tasks:
            families.setdefault((source, zoo.family(source, name)), []).append((source, name))
        tasks = [min(family, key=_weight) for family in families.values()]
    return tasks[: options.limit] if options.limit else tasks


def _weight(task: Task) -> tuple[int, int, str]:
    """Order networks of a family so that a small one comes first, by its name."""
    small = ("test_", "nano", "tiny", "_xs", "small", "_s", "18", "b0", "base")
    name = task[1]
    rank = next((index for index, word in enumerate(small) if word in name), len(small))
    return (rank, len(name), name)


def _print_row(row: Row, console: Console) -> None:
    if row.status != "ok":
        console.print(f"{row.model}: {row.status}: {row.error}", markup=False, highlight=False)
    else:
        console.print(
            f"{row.model}: field {row.field} stride {row.stride} of {row.output}, "
            f"{row.seconds} s, ratio {row.ratio} {row.bounds and 'bounds: ' + row.bounds}",
            markup=False,
            highlight=False,
        )


def _print_figures(rows: list[Row], console: Console) -> None:
    done = [row for row in rows if row.status == "ok"]
    exact = [row for row in done if row.exact == "yes"]
    console.print(f"networks      {len(rows)}")
    console.print(f"analysed      {len(done)}")
    console.print(f"not analysed  {len(rows) - len(done)}")
    if done:
        ratios = sorted(float(row.ratio) for row in done)
        seconds = sorted(float(row.seconds) for row in done)
        console.print(f"exact         {len(exact)} = {100 * len(exact) / len(rows):.1f} %")
        console.print(
            f"ratio         median {statistics.median(ratios):.2f}, largest {ratios[-1]:.2f} "
            "(analysis over a bare forward on the meta device)"
        )
        console.print(
            f"seconds       median {statistics.median(seconds):.3f}, largest {seconds[-1]:.2f}"
        )


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.zoo",
        description=(__doc__ or "").partition("\n")[0],
    )
    add = parser.add_argument
    add("--models", metavar="GLOB", action="append", help="only names like this, 'timm:swin*'")
    add("--one-per-family", action="store_true", help="one small network per family")
    add("--limit", metavar="N", type=int, help="only the first N")
    add("--out", metavar="CSV", type=Path, help="table to write; the page goes beside it")
    add("--jobs", metavar="N", type=int, default=1, help="worker processes (default 1)")
    add("--seconds", metavar="S", type=float, default=120.0, help="limit per network (default 120)")
    add("--memory", metavar="GIB", type=int, default=12, help="limit per worker; 0 for none")
    add("--fresh", action="store_true", help="keep no row of an earlier run")
    add("--verbose", action="store_true", help="print every row")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
