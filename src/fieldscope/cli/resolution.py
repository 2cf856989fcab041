"""The command `fieldscope resolution`."""

from __future__ import annotations

import click

from fieldscope.cli.findings import Wanted, delivered
from fieldscope.cli.target import TARGET_HELP, Asked, of_a_model, subject_of

_HELP = f"""\
Show which input sizes suit a model, and the layers that set the limits.

{TARGET_HELP}
\b
fieldscope resolution torchvision:resnet50
fieldscope resolution torchvision:efficientnet_b0 --snap
fieldscope resolution ./mynet.py:build --input 1x3x128x256 --json -

\b
smallest         the largest field, along the shortest path, that a layer
                 receives which widens it: below, layers are dead weight;
productive from  the least size at which no layer is unproductive;
uncritical from  the least size at which no layer reaches beyond the input
                 along its shortest path;
largest          the largest field of a layer with positions: above, no
                 position sees the whole input. Context (squeeze-and-
                 excitation and the like) is left aside, or has its own row.

Limits are per axis. They are those of the unbounded plane, and so don't depend
on the size that the model is analysed at.

Exit codes: 0 done; 2 the call or the model is wrong.
"""


@click.command(help=_HELP, short_help="Show which input sizes suit a model.")
@of_a_model
@click.option("--on", metavar="NAME", help="Which input, where the model has several.")
@click.option("--snap", is_flag=True, help="Round the limits to multiples of the total stride.")
@delivered
def resolution(asked: Asked, *, on: str | None, snap: bool, wanted: Wanted) -> None:
    """Run `fieldscope resolution`; `_HELP` says what each option means."""
    with subject_of(asked) as (subject, _):
        from fieldscope.analyses.resolution import resolution_of

        found = resolution_of(subject.analyzed(), on, snapped=snap)
    from fieldscope.render.resolution import described

    wanted.deliver(found, lambda: described(found), quiet=asked.quiet)
