"""The command `fieldscope lab compare`."""

from __future__ import annotations

import click

from fieldscope.cli.findings import Wanted, delivered

_HELP = """\
Put runs side by side: what they reached, and what it costs.

\b
fieldscope lab compare runs/a runs/b
fieldscope lab compare runs/seed-* --group -o runs.png
fieldscope lab compare runs/a runs/b --json -

The picture has the curves of all runs over each other, and their best accuracy
against their multiply-accumulates. With --group, runs that differ only by their
seed stand together, by mean and standard deviation. Runs on other photos, or on
another split of the same ones, are told of.

Exit codes: 0 done; 2 the call or a run is wrong.
"""


@click.command(help=_HELP, short_help="Put runs side by side.")
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@click.option("--group", is_flag=True, help="Show runs together that differ only by their seed.")
@delivered
@click.option("--quiet", "-q", is_flag=True, help="Print nothing but errors, and data for -.")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def compare(
    *, runs: tuple[str, ...], group: bool, wanted: Wanted, quiet: bool, debug: bool
) -> None:
    """Run `fieldscope lab compare`; `_HELP` says what each option means."""
    del debug  # read where errors are caught
    from fieldscope.lab.comparing.reading import compare as compare_runs
    from fieldscope.lab.pages.comparing import described

    found = compare_runs(runs, group=group)
    wanted.deliver(found, lambda: described(found), quiet=quiet)
