"""The command `fieldscope productivity`."""

from __future__ import annotations

import click

from fieldscope.cli.findings import Wanted, delivered
from fieldscope.cli.target import TARGET_HELP, Asked, of_a_model, subject_of

_HELP = f"""\
Show which layers can add context at an input size, and which are dead weight.

{TARGET_HELP}
\b
fieldscope productivity torchvision:resnet18 --input 1x3x32x32
fieldscope productivity ./mynet.py:build --input 1x3x32x96 --json -
fieldscope productivity model.onnx -o productivity.png

With n the input's extent, a layer that widens the field is

\b
unproductive     where the narrowest field that it receives is n or more
                 already on every axis that it widens: it can add no context;
critical         where its own narrowest field exceeds n on every axis;
partly critical  where it does on some axes only;
productive       otherwise.

Narrowest fields are those along the shortest paths: what a skip connection
hands on can still be widened. Layers of one element (1x1), activations and
norms, and those without positions (global pooling, heads) are not widening.

Exit codes: 0 done; 2 the call or the model is wrong. For a check that fails,
see fieldscope check.
"""


@click.command(help=_HELP, short_help="Show which layers are dead weight at an input size.")
@of_a_model
@click.option("--on", metavar="NAME", help="Which input, where the model has several.")
@click.option("--all", "everything", is_flag=True, help="Show layers that cost nothing, too.")
@delivered
def productivity(asked: Asked, *, on: str | None, everything: bool, wanted: Wanted) -> None:
    """Run `fieldscope productivity`; `_HELP` says what each option means."""
    with subject_of(asked) as (subject, _):
        from fieldscope.analyses.productivity import productivity_of

        found = productivity_of(subject.analyzed(), on)
    from fieldscope.render.productivity import described

    wanted.deliver(found, lambda: described(found, all=everything), quiet=asked.quiet)
