"""The command `fieldscope animate`."""

from __future__ import annotations

from collections.abc import Sequence

import click

from fieldscope.analyses.support import Position
from fieldscope.cli import parameters, pictures
from fieldscope.cli.target import TARGET_HELP, Asked, of_a_model, subject_of

_HELP = f"""\
Show the field growing through the layers, as a film.

{TARGET_HELP}
\b
fieldscope animate ./mynet.py:build -o growth.gif
fieldscope animate torchvision:vgg16 --image photo.jpg --resize -o growth.gif
fieldscope animate torchvision:resnet18 --point 60,100 --layer layer1 --layer layer2 -o growth.mp4

A frame shows one layer: the elements that its position over one point of the input
reads. The layers are those whose field is larger than that of all before.

Exit codes: 0 done; 2 the call or the model is wrong.
"""


@click.command(help=_HELP, short_help="Show the field growing through the layers.")
@of_a_model
@click.option(
    "--point",
    metavar="PLACE",
    default="center",
    show_default=True,
    callback=parameters.one(parameters.place),
    help="Element of the input to look from: an index on each of its spatial axes, such as 60,100 "
    "(negative from the end), or center.",
)
@click.option(
    "--layer", "-l", "layers", metavar="NAME", multiple=True, help="A layer to show; repeatable."
)
@click.option("--on", metavar="NAME", help="Which input, where the model has several.")
@pictures.image_options
@click.option(
    "--seconds",
    type=click.FloatRange(min=0, min_open=True),
    default=0.5,
    show_default=True,
    metavar="S",
    help="How long a layer is shown.",
)
@click.option(
    "--output",
    "-o",
    metavar="FILE",
    required=True,
    help="Where to: a .gif, or a .mp4 where ffmpeg is there.",
)
def animate(
    asked: Asked,
    *,
    point: Position,
    layers: Sequence[str],
    on: str | None,
    image: str | None,
    resize: bool,
    seconds: float,
    output: str,
) -> None:
    """Run `fieldscope animate`; `_HELP` says what each option means."""
    pictures.check(output, image=image, resize=resize, film=True)
    with subject_of(asked) as (subject, progress):
        from fieldscope.api import animate as film

        report = subject.analyzed()
        progress.step("drawing")
        film(
            report,
            path=output,
            point=point,
            layers=layers or None,
            input=on,
            image=image,
            resize=resize,
            seconds_per_frame=seconds,
        )
    if not asked.quiet:
        click.echo(f"{output} written", err=True)
