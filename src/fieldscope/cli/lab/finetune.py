"""The command `fieldscope lab finetune`."""

from __future__ import annotations

import click

from fieldscope.cli.lab.options import Wished, of_a_run
from fieldscope.cli.weights import HELP as WEIGHTS_HELP
from fieldscope.cli.weights import rename_option

_HELP = """\
Train a new head on the body of a network, on photographs.

\b
fieldscope lab finetune --data photos/ --body torchvision:vgg16 --weights vgg16.pth --out runs/a
fieldscope lab finetune --data photos/ --body torchvision:resnet18 --weights hub \\
    --augment --epochs 20 --unfreeze-at 11 --out runs/b
fieldscope lab finetune --out runs/a --resume

The body is the network up to its last layer with positions, or up to --cut.
The head averages the body's channels over all positions, and has two layers of
512 units with ReLU and the output. A frozen body stays as it is; where photos
aren't varied (--no-augment, as usual here), what it makes of them is worked
out once and kept. From --unfreeze-at on it is trained too, at a tenth of the
learning rate and with the statistics of its batch norms as they are.

All else is as fieldscope lab train says.

Exit codes: 0 done; 2 the call, the photos or the model are wrong, or it can't
go on; 130 after Ctrl-C.
"""


@click.command(help=_HELP, short_help="Train a new head on the body of a network.")
@of_a_run("finetune")
@click.option(
    "--body",
    "model",
    metavar="NAME",
    help="The network: torchvision:NAME, timm:NAME or code that builds one (./file.py:build).",
)
@click.option("--weights", metavar="FILE", help=WEIGHTS_HELP)
@rename_option
@click.option("--cut", metavar="LAYER", help="The layer behind which the body ends.")
@click.option(
    "--freeze/--no-freeze",
    default=True,
    show_default=True,
    help="Whether the body stays as it is.",
)
@click.option(
    "--unfreeze-at",
    type=click.IntRange(min=2),
    metavar="N",
    help="The first epoch that trains the body after all.",
)
def finetune(wished: Wished) -> None:
    """Run `fieldscope lab finetune`; `_HELP` says what each option means."""
    # Imported here, so that --help answers at once.
    from fieldscope.cli.lab.course import run

    run(wished)
