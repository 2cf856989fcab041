"""The command `fieldscope operators`."""

from __future__ import annotations

import json as codec

import click

from fieldscope.cli import files
from fieldscope.cli.page import NARROWEST, width_of

SCHEMA = "fieldscope/operators/1"

# As `fieldscope.frontends.supported` has them, which a mistyped call need not import.
FRAMEWORKS = ("torch", "onnx", "tensorflow", "jax")

_HELP = """\
List the operators that have a rule, and what each reads.

PATTERN chooses some: a name (convolution), a part of one (pool), a shell
pattern ('upsample*2d') or a subject (windows).

\b
fieldscope operators
fieldscope operators pool
fieldscope operators --framework onnx resize
fieldscope operators --json -

PyTorch's are those that it calls when a model runs (ATen), whatever the
model's own code calls; in-place and out= forms go with the name. JAX's are
the primitives of a jaxpr, TensorFlow's the operations of a graph; Keras
runs on one of the three. In a pipe each operator has a line of its own.

An operator that isn't here is never guessed: what it returns is a bound, it
may read the whole of every input, and the report says so.

Exit codes: 0 done; 2 no operator has such a name.
"""


@click.command(help=_HELP, short_help="List the operators that have a rule.")
@click.argument("pattern", required=False)
@click.option(
    "--framework",
    type=click.Choice(FRAMEWORKS),
    default="torch",
    show_default=True,
    help="Whose operators.",
)
@click.option("--json", metavar="FILE", help="Write JSON to a file, or to stdout for -.")
@click.option(
    "--width",
    type=click.IntRange(min=NARROWEST),
    metavar="N",
    help="Width of the page in characters; otherwise the terminal's.",
)
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def operators(
    pattern: str | None, framework: str, json: str | None, width: int | None, debug: bool
) -> None:
    """Run `fieldscope operators`; `_HELP` says what each option means."""
    del debug  # read where errors are caught
    files.check("--json", json)
    # Imported here, so that --help answers at once.
    from fieldscope.frontends.supported import CALLED, matching, supported, table_of
    from fieldscope.render.operators import each, grouped
    from fieldscope.render.table import Terminal, print_lines

    subjects = supported(framework)
    if pattern is not None:
        subjects = matching(subjects, pattern, framework)
    if json is not None:
        prefix = table_of(framework).prefix
        rows = [
            {"name": f"{prefix}.{name}", "subject": subject.name, "reads": rule.meaning}
            for subject in subjects
            for rule in subject.rules
            for name in rule.names
        ]
        data = {"schema": SCHEMA, "framework": framework, "operators": rows}
        files.write(json, codec.dumps(data, indent=2, ensure_ascii=False) + "\n")
    if json != files.STDOUT:
        console = Terminal()
        wide = width or width_of(console)
        lines = each(subjects) if wide is None else grouped(subjects, wide, CALLED[framework])
        print_lines(lines, console)
