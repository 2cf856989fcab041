"""The command `fieldscope coverage`."""

from __future__ import annotations

import click

from fieldscope.cli.findings import Wanted, delivered
from fieldscope.cli.target import TARGET_HELP, Asked, of_a_model, subject_of

_HELP = f"""\
Show which input elements no position of a layer reads, and how evenly others
are read.

{TARGET_HELP}
\b
fieldscope coverage torchvision:alexnet --layer features
fieldscope coverage ./generator.py:build --input 1x64x8x8 -o coverage.png
fieldscope coverage net.fsg --layer enc.3 --json -

Elements that strides larger than kernels and cropping leave out are found
exactly. How often others are read is counted in ways: from all positions of
the layer through all windows on the way. Far from the borders counts repeat:
PERIOD says after how many elements, LEAST and MOST how they differ. Ways to
each position show the checkerboard of transposed convolutions, and the share
that one position reads of its own box the gridding of dilated ones.

Exit codes: 0 done; 2 the call or the model is wrong.
"""


@click.command(help=_HELP, short_help="Show which input elements are read, and how evenly.")
@of_a_model
@click.option(
    "--layer",
    "-l",
    metavar="NAME",
    help="Layer, by its name in the table of `fieldscope analyze`; otherwise the output.",
)
@click.option("--on", metavar="NAME", help="Which input, where the model has several.")
@delivered
def coverage(asked: Asked, *, layer: str | None, on: str | None, wanted: Wanted) -> None:
    """Run `fieldscope coverage`; `_HELP` says what each option means."""
    with subject_of(asked) as (subject, _):
        from fieldscope.analyses.coverage import coverage_of

        found = coverage_of(subject.analyzed(), layer, on)
    from fieldscope.render.coverage import described

    wanted.deliver(found, lambda: described(found), quiet=asked.quiet)
