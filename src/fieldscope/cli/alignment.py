"""The command `fieldscope alignment`."""

from __future__ import annotations

import click

from fieldscope.cli.findings import Wanted, delivered
from fieldscope.cli.target import TARGET_HELP, Asked, of_a_model, subject_of

_HELP = f"""\
Show the joins whose branches don't see the same place of the input.

{TARGET_HELP}
\b
fieldscope alignment timm:hrnet_w18_small
fieldscope alignment ./unet.py:build --input 1x3x64x96 --all
fieldscope alignment net.fsg --json -

Where maps are added, multiplied or concatenated, position i of each is taken
for the same place. It is one if their strides are the same, and the centres of
their fields. CENTRE is that of position 0, where element k is centred at k;
OFFSET how far it lies from the first branch's, in input elements. Even kernels,
padding on one side, crops, and upsampling by transposed convolutions or nearest
neighbours behind strides that start elsewhere shift it.

Exit codes: 0 done; 2 the call or the model is wrong.
"""


@click.command(help=_HELP, short_help="Show joins whose branches see different places.")
@of_a_model
@click.option("--on", metavar="NAME", help="Which input, where the model has several.")
@click.option("--all", "everything", is_flag=True, help="Show joins that are aligned, too.")
@delivered
def alignment(asked: Asked, *, on: str | None, everything: bool, wanted: Wanted) -> None:
    """Run `fieldscope alignment`; `_HELP` says what each option means."""
    with subject_of(asked) as (subject, _):
        from fieldscope.analyses.alignment import alignment_of

        found = alignment_of(subject.analyzed(), on)
    from fieldscope.render.alignment import described

    wanted.deliver(found, lambda: described(found, all=everything), quiet=asked.quiet)
