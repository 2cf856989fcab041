"""The command `fieldscope operators`."""

from __future__ import annotations

import json as codec

import click

from fieldscope.cli import files
from fieldscope.cli.page import NARROWEST, width_of
from fieldscope.optional import require

SCHEMA = "fieldscope/operators/1"

_HELP = """\
List the operators that have a rule, and what each reads.

PATTERN chooses some: a name (convolution), a part of one (pool), a shell
pattern ('upsample*2d') or a subject (windows).

\b
fieldscope operators
fieldscope operators pool
fieldscope operators --json -

Operators are those that PyTorch calls when a model runs (ATen), whatever the
model's own code calls; in-place and out= forms go with the name. In a pipe
each operator has a line of its own.

An operator that isn't here is never guessed: what it returns is a bound, it
may read the whole of every input, and the report says so.

Exit codes: 0 done; 2 no operator has such a name.
"""


@click.command(help=_HELP, short_help="List the operators that have a rule.")
@click.argument("pattern", required=False)
@click.option("--json", metavar="FILE", help="Write JSON to a file, or to stdout for -.")
@click.option(
    "--width",
    type=click.IntRange(min=NARROWEST),
    metavar="N",
    help="Width of the page in characters; otherwise the terminal's.",
)
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def operators(pattern: str | None, json: str | None, width: int | None, debug: bool) -> None:
    """Run `fieldscope operators`; `_HELP` says what each option means."""
    del debug  # read where errors are caught
    files.check("--json", json)
    require("torch", extra="torch", purpose="listing PyTorch's operators")
    # Imported here, so that --help answers at once.
    from fieldscope.frontends.torch.supported import matching, supported
    from fieldscope.render.operators import each, grouped
    from fieldscope.render.table import Terminal, print_lines

    subjects = supported()
    if pattern is not None:
        subjects = matching(subjects, pattern)
    if json is not None:
        rows = [
            {"name": f"aten.{name}", "subject": subject.name, "reads": rule.meaning}
            for subject in subjects
            for rule in subject.rules
            for name in rule.names
        ]
        data = {"schema": SCHEMA, "framework": "torch", "operators": rows}
        files.write(json, codec.dumps(data, indent=2, ensure_ascii=False) + "\n")
    if json != files.STDOUT:
        console = Terminal()
        wide = width or width_of(console)
        print_lines(each(subjects) if wide is None else grouped(subjects, wide), console)
