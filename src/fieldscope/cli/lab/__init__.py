"""The commands `fieldscope lab …`: networks are trained, and predictions put to the test."""

from __future__ import annotations

import click

from fieldscope.cli.lab.compare import compare
from fieldscope.cli.lab.finetune import finetune
from fieldscope.cli.lab.probe import probe
from fieldscope.cli.lab.train import train

_HELP = """\
Train networks on photographs, and put what the analysis predicts to the test.

\b
fieldscope lab train --data photos/ --labels labels.csv --resolution 64 --out runs/a
fieldscope lab train --data photos/ --model torchvision:resnet18 --resolution 32 --out runs/b
fieldscope lab finetune --data photos/ --body torchvision:vgg16 --weights vgg16.pth --out runs/c
fieldscope lab train --out runs/a --resume
fieldscope lab probe --run runs/a
fieldscope lab compare runs/a runs/b
"""

# In the order in which one meets them.
_COMMANDS: tuple[click.Command, ...] = (
    train,
    finetune,
    probe,
    compare,
)


class _InOrder(click.Group):
    """A group that names its commands in the order in which one meets them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands in the order in which one meets them."""
        return list(self.commands)


@click.pass_context
def _shown(context: click.Context) -> None:
    """Show the help where no command is named."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


lab = _InOrder(
    name="lab",
    help=_HELP,
    short_help="Train networks, and put the predictions to the test.",
    commands={str(one.name): one for one in _COMMANDS},
    invoke_without_command=True,
    callback=_shown,
)
