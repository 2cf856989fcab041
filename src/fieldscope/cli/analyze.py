"""The command `fieldscope analyze`."""

from __future__ import annotations

import contextlib
import io
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from fieldscope.analyses.export import to_csv, to_lines
from fieldscope.cli import files, parameters
from fieldscope.cli.page import NARROWEST, width_of
from fieldscope.cli.parameters import Axes, Shape, gathered, inputs
from fieldscope.errors import BoundError, InputError
from fieldscope.render.document import COLUMNS, describe, known_columns
from fieldscope.render.selection import matching
from fieldscope.render.words import bound_lines
from fieldscope.wording import counted

if TYPE_CHECKING:
    from fieldscope.analyses.layers import Report

_HELP = """\
Show the receptive field of every layer of a model.

TARGET is a model by name (torchvision:NAME, timm:NAME), or Python code
that holds or builds one (./file.py:NAME, package.module:NAME), where NAME
is a class, a function that returns the model, or the model.

\b
fieldscope analyze torchvision:resnet50
fieldscope analyze timm:convnext_tiny --input 1x3x256x320 --json -
fieldscope analyze torchvision:resnet50 --depth 1
fieldscope analyze ./mynet.py:build --input 1x1x16000 --layers 'encoder.*'
fieldscope analyze package.module:Model --arg width=64 --input 1x3x96x96
fieldscope analyze ./stereo.py:Net --input left=1x3x64x96 --input right=1x3x64x96
fieldscope analyze ./router.py:Net --example image.npy

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
@click.argument("target")
@click.option(
    "--input",
    "-i",
    "shapes",
    metavar="[NAME=]SHAPE",
    multiple=True,
    callback=parameters.each(parameters.named_shape),
    help="Shape of the input with batch: 1x3x224x224. Repeat it, or name the parameters of forward "
    "(left=1x3x64x64), for several inputs. Models known by name have a default.",
)
@click.option(
    "--example",
    "-e",
    "examples",
    metavar="[NAME=]FILE",
    multiple=True,
    callback=parameters.each(parameters.named_file),
    help="Run a real input instead of a shape, for a forward that branches on values: an array in "
    "FILE.npy, or several by name in FILE.npz. The report holds for the branches that it takes.",
)
@click.option(
    "--axes",
    metavar="[NAME=]AXES",
    multiple=True,
    callback=parameters.each(parameters.named_axes),
    help="Axes of the input that are spatial: 1,2 for channels-last images, or with names of your "
    "own: y:1,x:2. Otherwise all but batch and channel.",
)
@click.option(
    "--arg",
    "arguments",
    metavar="NAME=VALUE",
    multiple=True,
    callback=parameters.each(parameters.argument),
    help="Argument for the class or function that builds the model: width=64. Repeatable.",
)
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
@click.option("--quiet", "-q", is_flag=True, help="Print nothing but errors, and data for -.")
@click.option(
    "--width",
    type=click.IntRange(min=NARROWEST),
    metavar="N",
    help="Width of the table in characters; otherwise the terminal's, or no limit in a pipe.",
)
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def analyze(
    target: str,
    shapes: Sequence[tuple[str, Shape]],
    examples: Sequence[tuple[str, str]],
    axes: Sequence[tuple[str, Axes]],
    arguments: Sequence[tuple[str, object]],
    patterns: Sequence[str],
    columns: str | None,
    depth: int | None,
    everything: bool,
    json: str | None,
    csv: str | None,
    strict: bool,
    fold_context: bool,
    quiet: bool,
    width: int | None,
    debug: bool,
) -> None:
    """Run `fieldscope analyze`; `_HELP` says what each option means."""
    del debug  # read where errors are caught
    chosen = None
    if columns is not None:
        chosen = known_columns([name.strip() for name in columns.split(",") if name.strip()])
    if json is not None and json == csv:
        where = "stdout" if json == files.STDOUT else json
        raise click.UsageError(f"--json and --csv can't both go to {where}")
    if shapes and examples:
        raise click.UsageError("an example has a shape of its own: give --example or --input")
    files.check("--json", json)
    files.check("--csv", csv)
    report = _analysed(
        target,
        shapes=shapes,
        examples=examples,
        axes=axes,
        arguments=gathered("--arg", arguments),
        fold_context=fold_context,
        quiet=quiet,
    )
    document = describe(
        report, columns=chosen, patterns=patterns, depth=depth, everything=everything
    )
    _write_data(_filtered(report, patterns), json=json, csv=csv)
    if not quiet and files.STDOUT not in (json, csv):
        # Imported here, where there is something to print: it takes a while.
        from fieldscope.render.table import Terminal, print_table

        console = Terminal()
        print_table(document, console, width or width_of(console))
    if strict:
        _judge(report)


def _analysed(
    target: str,
    *,
    shapes: Sequence[tuple[str, Shape]],
    examples: Sequence[tuple[str, str]],
    axes: Sequence[tuple[str, Axes]],
    arguments: Mapping[str, object],
    fold_context: bool,
    quiet: bool,
) -> Report:
    """Build the model and analyse it, with a sign of life on stderr."""
    # Imported here, so that --help and a mistyped call answer at once.
    from fieldscope.cli.progress import Progress
    from fieldscope.frontends.examples import read
    from fieldscope.frontends.targets import resolve

    given = inputs(shapes)
    arrays = read(examples) if examples else None
    by_input = gathered("--axes", axes)
    with Progress(quiet=quiet) as progress, _apart(quiet=quiet):
        progress.step(f"building {target}")
        found = resolve(target, arguments)
        if given is None and arrays is None and found.inputs is None:
            raise InputError(
                f"{found.name} has no default input\n"
                "pass its shape with batch, such as --input 1x3x224x224"
            )
        progress.step(f"analysing {target}")
        from fieldscope.api import analyze as analysis

        example = None
        if arrays is not None:
            # Behind the building of the model, which has told if PyTorch is missing.
            from fieldscope.frontends.torch.examples import tensors

            example = tensors(found.model, arrays)
        return analysis(
            found.model,
            found.inputs if given is None else given,
            axes=by_input.get("", by_input or None),
            example=example,
            fold_context=fold_context,
            name=found.name,
        )


@contextlib.contextmanager
def _apart(*, quiet: bool) -> Iterator[None]:
    """Keep what the model's own code prints away from stdout, which is for results."""
    with contextlib.ExitStack() as stack:
        if quiet:
            stack.enter_context(warnings.catch_warnings())
            warnings.simplefilter("ignore")
            stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
        else:
            stack.enter_context(contextlib.redirect_stdout(sys.stderr))
        yield


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
