"""The command `fieldscope support`."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from fieldscope.analyses.export import in_lines
from fieldscope.analyses.support import Position
from fieldscope.cli import files, pictures
from fieldscope.cli.options import position_options
from fieldscope.cli.page import width_of
from fieldscope.cli.target import TARGET_HELP, Asked, of_a_model, subject_of

if TYPE_CHECKING:
    from fieldscope.analyses.support import SupportMask

# Behind the words that a map's lines begin with.
_INDENT = 9

_HELP = f"""\
Show exactly which input elements a position of a layer reads.

{TARGET_HELP}
\b
fieldscope support torchvision:vgg16 --layer features.28 --at 10,12
fieldscope support torchvision:vgg16 --layer features.28 --image photo.jpg --resize -o field.png
fieldscope support ./mynet.py:build --layer enc.3 --at center --json -
fieldscope support torchvision:resnet18 -l layer1 -l layer2 -l layer3 -o fields.svg

The set follows from the model's structure, not from its weights: nothing vanishes,
cancels or dies. SIZE is that of the hull, the box from the first to the last element
read; of the hull, the share that is READ tells the gaps that dilation and stride leave.
Padding reads nothing, so at the border the hull is smaller.

Exit codes: 0 done; 2 the call or the model is wrong.
"""


@click.command(help=_HELP, short_help="Show exactly which input elements a position reads.")
@of_a_model
@click.option(
    "--layer",
    "-l",
    "layers",
    metavar="NAME",
    multiple=True,
    help="Layer, by its name in the table of `fieldscope analyze`; otherwise the output. Repeat it "
    "for several side by side.",
)
@position_options
@click.option("--on", metavar="NAME", help="Which input, where the model has several.")
@click.option("--fold-context", is_flag=True, help="Count what all positions read alike, too.")
@pictures.image_options
@click.option(
    "--output",
    "-o",
    metavar="FILE",
    help=f"Draw the field into a picture: {pictures.KNOWN}.",
)
@click.option("--json", metavar="FILE", help="Write the figures to a file, or to stdout for -.")
def support(
    asked: Asked,
    *,
    layers: Sequence[str],
    position: Position,
    channel: int | None,
    on: str | None,
    fold_context: bool,
    image: str | None,
    resize: bool,
    output: str | None,
    json: str | None,
) -> None:
    """Run `fieldscope support`; `_HELP` says what each option means."""
    files.check("--json", json)
    pictures.check(output, image=image, resize=resize, json=json)
    with subject_of(asked) as (subject, progress):
        from fieldscope.api import support as found_by

        report = subject.analyzed()
        masks = [
            found_by(
                report,
                layer=layer,
                position=position,
                channel=channel,
                input=on,
                fold_context=fold_context,
            )
            for layer in layers or (None,)
        ]
        if output is not None:
            progress.step("drawing")
            pictures.draw(masks, output, image=image, resize=resize)
    if json is not None:
        texts = [in_lines(mask.to_dict()) for mask in masks]
        text = texts[0] if len(texts) == 1 else "[\n" + ",\n".join(texts) + "\n]"
        files.write(json, text + "\n")
    if not asked.quiet and json != files.STDOUT:
        _show(masks)


def _show(masks: Sequence[SupportMask]) -> None:
    """Print the masks one below the other, with the signs and the width that the console has."""
    # Imported here, where there is something to print: it takes a while.
    from fieldscope.render.layout import Span
    from fieldscope.render.table import Terminal, print_lines

    console = Terminal()
    width = width_of(console)
    lines = "\n\n".join(map(repr, masks)).splitlines()
    if width is not None:
        lines = [part for line in lines for part in _wrapped(line, width)]
    print_lines(((Span(line),) for line in lines), console)


def _wrapped(line: str, width: int) -> list[str]:
    if len(line) <= width:
        return [line]
    return textwrap.wrap(
        line,
        width,
        subsequent_indent=" " * _INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )
