"""The command `fieldscope analyze`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from fieldscope.analyses.export import to_csv, to_lines
from fieldscope.cli import files
from fieldscope.cli.page import show, width_option
from fieldscope.cli.target import TARGET_HELP, Asked, of_a_model, subject_of
from fieldscope.errors import BoundError
from fieldscope.render.document import COLUMNS, describe, known_columns
from fieldscope.render.selection import matching
from fieldscope.render.words import bound_lines
from fieldscope.wording import counted

if TYPE_CHECKING:
    from fieldscope.analyses.layers import Report

_HELP = f"""\
Show the receptive field of every layer of a model.

{TARGET_HELP}
\b
fieldscope analyze torchvision:resnet50
fieldscope analyze timm:convnext_tiny --input 1x3x256x320 --json -
fieldscope analyze torchvision:resnet50 --depth 1
fieldscope analyze ./mynet.py:build --input 1x1x16000 --layers 'encoder.*'
fieldscope analyze package.module:Model --arg width=64 --input 1x3x96x96
fieldscope analyze ./stereo.py:Net --input left=1x3x64x96 --input right=1x3x64x96
fieldscope analyze ./router.py:Net --example image.npy
fieldscope analyze model.onnx
fieldscope analyze keras:VGG19 --input 1x32x32x3
fieldscope analyze ./jaxnet.py:apply --input 1x64x64x3

Numbers are in input elements, one per axis where the axes differ. SIZE counts
the elements from the first to the last that a position can read, STRIDE those
from its field to its neighbour's, START is where the field of position 0
begins (negative: in the padding), NARROWEST the size along the shortest path,
CONTEXT where dependence on the whole input enters that all positions share.
Where they don't fit the terminal, columns are left out: exact first, then
context, period, narrowest, start, operator, shape.

Exit codes: 0 done; 1 with --strict, a field is only a bound; 2 the call or
the model is wrong.
"""


@click.command(help=_HELP, short_help="Show the receptive field of every layer of a model.")
@of_a_model
@click.option(
    "--layers",
    "-l",
    "patterns",
    metavar="PATTERN",
    multiple=True,
    help="Only these layers: a name or a pattern such as 'encoder.*'. Repeatable; holds for --json "
    "and --csv, too.",
)
@click.option(
    "--columns",
    "-c",
    metavar="NAMES",
    help=f"Columns of the table, comma-separated: {', '.join(COLUMNS)}.",
)
@click.option(
    "--depth",
    "-d",
    type=click.IntRange(min=1),
    metavar="N",
    help="Fold layers that lie deeper into the row of the module that contains them.",
)
@click.option("--all", "everything", is_flag=True, help="Show layers that only move elements, too.")
@click.option("--json", metavar="FILE", help="Write JSON to a file, or to stdout for -.")
@click.option("--csv", metavar="FILE", help="Write CSV to a file, or to stdout for -.")
@click.option("--strict", is_flag=True, help="Exit with 1 if any field is only a bound.")
@click.option("--fold-context", is_flag=True, help="Add context to the fields.")
@width_option
def analyze(
    asked: Asked,
    *,
    patterns: Sequence[str],
    columns: str | None,
    depth: int | None,
    everything: bool,
    json: str | None,
    csv: str | None,
    strict: bool,
    fold_context: bool,
    width: int | None,
) -> None:
    """Run `fieldscope analyze`; `_HELP` says what each option means."""
    chosen = None
    if columns is not None:
        chosen = known_columns([name.strip() for name in columns.split(",") if name.strip()])
    if json is not None and json == csv:
        where = "stdout" if json == files.STDOUT else json
        raise click.UsageError(f"--json and --csv can't both go to {where}")
    files.check("--json", json)
    files.check("--csv", csv)
    with subject_of(asked) as (subject, _):
        report = subject.analyzed(fold_context=fold_context)
    document = describe(
        report, columns=chosen, patterns=patterns, depth=depth, everything=everything
    )
    _write_data(_filtered(report, patterns), json=json, csv=csv)
    if not asked.quiet and files.STDOUT not in (json, csv):
        show(document, width)
    if strict:
        _judge(report)


def _filtered(report: Report, patterns: Sequence[str]) -> Report:
    """Keep the layers and containers that the patterns name."""
    if not patterns:
        return report
    found = matching(report, patterns)
    return replace(
        report,
        layers=tuple(layer for layer in found if not layer.container),
        containers=tuple(layer for layer in found if layer.container),
    )


def _write_data(report: Report, *, json: str | None, csv: str | None) -> None:
    if json is not None:
        files.write(json, to_lines(report) + "\n")
    if csv is not None:
        files.write(csv, to_csv(report))


def _judge(report: Report) -> None:
    """Say no where a field is only a bound.

    Raises:
        BoundError: All the places where one became so.
    """
    if report.bounds:
        reasons = "\n".join(bound_lines(report.bounds))
        places = counted(len(report.bounds), "place")
        raise BoundError(f"fields of {report.model} are only bounds, from {places} on\n{reasons}")
