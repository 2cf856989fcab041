"""The command's entrance: its name, its version, and what becomes of errors.

Exit codes: 0 done; 1 the analysis says no; 2 the call or the model is wrong.
"""

from __future__ import annotations

import io
import itertools
import os
import platform
import sys
import traceback
from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import Any, NoReturn

import click

from fieldscope.cli.advice import for_the_command
from fieldscope.cli.alignment import alignment
from fieldscope.cli.analyze import analyze
from fieldscope.cli.animate import animate
from fieldscope.cli.check import check
from fieldscope.cli.compare import compare
from fieldscope.cli.coverage import coverage
from fieldscope.cli.effective import effective
from fieldscope.cli.exits import INTERRUPTED, PIPE_CLOSED, SAYS_NO, WRONG
from fieldscope.cli.graph import graph
from fieldscope.cli.growth import growth
from fieldscope.cli.lab import lab
from fieldscope.cli.operators import operators
from fieldscope.cli.productivity import productivity
from fieldscope.cli.refine import refine
from fieldscope.cli.resolution import resolution
from fieldscope.cli.support import support
from fieldscope.cli.verify import verify
from fieldscope.errors import BoundError, CheckError, DisagreementError, FieldscopeError
from fieldscope.frontends.blame import told
from fieldscope.version import __version__

# What --version tells the versions of, where they are installed.
_STANDS_ON = (
    "torch",
    "torchvision",
    "timm",
    "lightning",
    "torchmetrics",
    "onnx",
    "keras",
    "tensorflow",
    "tensorflow-cpu",
    "jax",
)
# By this a shell asks for what could be typed next.
_COMPLETE = "_FIELDSCOPE_COMPLETE"


class Command(click.Group):
    """A group of commands whose errors are one message, and no traceback."""

    def main(self, args: Sequence[str] | None = None, *_: Any, **options: Any) -> NoReturn:
        """Run, and leave the process with the exit code."""
        sys.exit(main(args))

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands in the order in which one meets them."""
        return [str(one.name) for commands in COMMANDS.values() for one in commands]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands under what they are for."""
        widest = max(map(len, self.list_commands(ctx)))
        room = formatter.width - 6 - widest
        for subject, commands in COMMANDS.items():
            with formatter.section(subject):
                formatter.write_dl(
                    [(f"{one.name:{widest}}", one.get_short_help_str(room)) for one in commands]
                )


def _version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    """Print the versions that a report of an error needs."""
    if not wanted or context.resilient_parsing:
        return
    installed = {name: _installed(name) for name in _STANDS_ON}
    found = [f"Python {platform.python_version()}"]
    found += [f"{name} {version}" for name, version in installed.items() if version]
    click.echo(f"fieldscope {__version__} ({', '.join(found)})")
    context.exit()


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


_HELP = """\
Receptive fields of neural networks: exact, at every layer, for any model.

\b
fieldscope analyze torchvision:resnet50
fieldscope analyze ./mynet.py:build --input 1x1x16000
fieldscope analyze model.onnx
fieldscope support torchvision:vgg16 --layer features.28 --at 10,12 -o field.png
fieldscope animate ./mynet.py:build -o growth.gif
fieldscope verify torchvision:resnet18
fieldscope effective torchvision:resnet50 --weights model.pth --images photos/ -l layer4 -o erf.png
fieldscope productivity torchvision:resnet18 --input 1x3x32x32
fieldscope graph torchvision:resnet18 --input 1x3x32x32 -o net.svg
fieldscope refine torchvision:resnet18 --input 1x3x32x32 --goal performance --budget 2x
fieldscope check ./mynet.py:build --input 1x3x32x32 --no-unproductive
fieldscope analyze --help
"""


@click.group(
    name="fieldscope",
    help=_HELP,
    cls=Command,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_version,
    help="Show the versions of fieldscope and of what it stands on, and exit.",
)
@click.pass_context
def fieldscope(context: click.Context) -> None:
    """Show the help where no command is named."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


COMMANDS: Mapping[str, Sequence[click.Command]] = {
    "Fields": (analyze, support, animate, verify, operators),
    "What follows for a design": (productivity, resolution, graph, refine),
    "What is behind a field": (growth, alignment, coverage),
    "Several models, and conditions": (compare, check),
    "Trained networks": (effective, lab),
}
for command in itertools.chain(*COMMANDS.values()):
    fieldscope.add_command(command)


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line and give its exit code.

    >>> main(["analyze", "resnet50.pth"])
    2
    """
    given = list(sys.argv[1:] if args is None else args)
    if _COMPLETE in os.environ:
        click.Group.main(fieldscope, given, prog_name="fieldscope", complete_var=_COMPLETE)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A layer's name that the terminal can't show is no reason to stop.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        return _run(given)
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        # Python would complain once more when it flushes stdout on its way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except Exception as error:
        if "--debug" in given and not isinstance(error, click.ClickException):
            traceback.print_exc()
        _say(*_message(error))
        return SAYS_NO if isinstance(error, (BoundError, CheckError, DisagreementError)) else WRONG


def _run(args: list[str]) -> int:
    """Call the command; not by click's own `main`, whose code for a closed pipe is 1."""
    code = 0
    try:
        with fieldscope.make_context("fieldscope", args) as context:
            fieldscope.invoke(context)
    except click.exceptions.Exit as leaving:
        code = leaving.exit_code
    sys.stdout.flush()
    return code


def _message(error: Exception) -> tuple[str, ...]:
    """Write an error's message and the next step."""
    match error:
        case click.UsageError():
            path = error.ctx.command_path if error.ctx is not None else "fieldscope"
            return (_in_our_form(error), f"{path} --help shows how it is called")
        case click.ClickException():
            return (_in_our_form(error),)
        case FieldscopeError():
            return tuple(for_the_command(str(error)).splitlines())
        case _:
            return (told(error), "--debug shows the traceback")


def _in_our_form(error: click.ClickException) -> str:
    """Begin small and end without a stop, as our own messages do."""
    message = error.format_message()
    return message[:1].lower() + message[1:].removesuffix(".")


def _say(*lines: str) -> None:
    click.echo(
        "\n".join((f"fieldscope: {lines[0]}", *(f"  {line}" for line in lines[1:]))), err=True
    )
