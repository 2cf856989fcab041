"""The command `fieldscope lab train`."""

from __future__ import annotations

import click

from fieldscope.cli.lab.options import Wished, of_a_run

_HELP = """\
Train a network on photographs, from weights at random.

\b
fieldscope lab train --data photos/ --labels labels.csv --resolution 64 --out runs/a
fieldscope lab train --data photos/ --model torchvision:resnet18 --resolution 32 --out runs/b
fieldscope lab train --data photos/ --model refined.py:build --resolution 32 --out runs/c
fieldscope lab train --out runs/a --resume

First the photos are checked and split, the model is shown, and what the
analysis says of it at this resolution. Then it is trained with cross-entropy,
and judged after each epoch on the photos that are kept for validation. The
folder holds the curves as a table and as a picture, the split, samples of the
photos, the weights of the best epoch and the state after the last one.

--resume goes on after a kill at any moment from the last epoch that is kept,
with the same curve as without it. Options need not be given again, but for a
--model that is a function of a module, or code in the run's folder: a record
that came from elsewhere isn't to choose what is run.

Ctrl-C ends the run; what was reached is kept.

Exit codes: 0 done; 2 the call, the photos or the model are wrong, or it can't
go on; 130 after Ctrl-C.
"""


@click.command(help=_HELP, short_help="Train a network on photographs, from scratch.")
@of_a_run("train")
@click.option(
    "--model",
    default="small-vgg",
    show_default=True,
    metavar="NAME",
    help="small-vgg, torchvision:NAME, timm:NAME or code that builds one (./file.py:build), "
    "which is given num_classes if it names that.",
)
def train(wished: Wished) -> None:
    """Run `fieldscope lab train`; `_HELP` says what each option means."""
    # Imported here, so that --help answers at once.
    from fieldscope.cli.lab.course import run

    run(wished)
