"""The command `fieldscope compare`."""

from __future__ import annotations

from collections.abc import Sequence

import click

from fieldscope.cli.findings import Wanted, delivered
from fieldscope.cli.target import TARGET_HELP, Asked, of_models, subject_of
from fieldscope.errors import InputError

_HELP = f"""\
Put models side by side: what they see, and what they spend on it.

{TARGET_HELP}
\b
fieldscope compare torchvision:resnet18 torchvision:resnet50 --input 1x3x64x64
fieldscope compare ./before.py:Net ./after.py:Net --input 1x3x32x32 -o compare.png

All models get the same options; without --input each gets its own default. What
the verdicts mean is told by fieldscope productivity --help, the limits by
fieldscope resolution --help.

Exit codes: 0 done; 2 the call or a model is wrong.
"""


@click.command(help=_HELP, short_help="Put models side by side.")
@of_models
@click.option("--on", metavar="NAME", help="Which input, where the models have several.")
@delivered
def compare(asked: Sequence[Asked], *, on: str | None, wanted: Wanted) -> None:
    """Run `fieldscope compare`; `_HELP` says what each option means."""
    if len(asked) < 2:
        raise InputError(
            f"a comparison takes two models or more, got {asked[0].target} alone\n"
            "name another one behind it"
        )
    from fieldscope.analyses.comparison import compared, of_model

    reports = []
    for one in asked:
        with of_model(one.target), subject_of(one) as (subject, _):
            reports.append((subject.name, subject.analyzed()))
    from fieldscope.render.comparison import described

    found = compared(reports, on)
    wanted.deliver(found, lambda: described(found), quiet=asked[0].quiet)
