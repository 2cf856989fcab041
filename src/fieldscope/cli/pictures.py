"""What the commands that draw share: the image underneath, and where the picture goes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from fieldscope.cli import files
from fieldscope.errors import InputError
from fieldscope.optional import require

if TYPE_CHECKING:
    from fieldscope.geometry.maps import InputMap

KNOWN = "png, svg, pdf, jpg or webp"
Command = TypeVar("Command", bound=Callable[..., object])


def image_options(command: Command) -> Command:
    """Give a command the options `--image` and `--resize`."""
    command = click.option(
        "--resize", is_flag=True, help="Resize an image that hasn't the extents of the input."
    )(command)
    return click.option(
        "--image",
        metavar="FILE",
        help="Image of the input to draw over: a picture, or an array in FILE.npy.",
    )(command)


def check(
    output: str | None,
    *,
    image: str | None,
    resize: bool,
    film: bool = False,
    json: str | None = None,
) -> None:
    """Say at once what would otherwise come to light after the work is done.

    Args:
        output: where the picture goes.
        image: what it is drawn over.
        resize: whether that may be resized.
        film: whether it is a film and not a still picture.
        json: where figures go, which can't be the same file.

    Raises:
        click.UsageError: The options don't fit together.
        InputError: Nothing can be written or read there.
    """
    what = "a film" if film else "a picture"
    if output is None:
        if image is not None or resize:
            option = "--image" if image is not None else "--resize"
            raise click.UsageError(f"{option} is for a picture: say where it goes with --output")
        return
    if output == files.STDOUT:
        raise click.UsageError(f"{what} can't go to stdout: name a file with --output")
    if resize and image is None:
        raise click.UsageError("--resize is for an image: give one with --image")
    # Imported here, where a picture is asked for.
    from fieldscope.render.pictures.files import ANIMATIONS, FORMATS, known

    if film:
        known(output, ANIMATIONS, otherwise=tuple(FORMATS), what="an animation")
    else:
        known(output, tuple(FORMATS), otherwise=ANIMATIONS, what="a picture")
    files.check("--output", output)
    if json is not None and files.same(output, json):
        raise click.UsageError(f"--output and --json can't both go to {output}")
    if image is not None and not Path(image).is_file():
        raise InputError(f"there is no image {image}")
    if image is not None and files.same(output, image):
        raise click.UsageError(f"--output {output} would replace the image that is drawn over")
    require("matplotlib", extra="plot", purpose=f"drawing {what}")


def draw(masks: Sequence[InputMap], output: str, *, image: str | None, resize: bool) -> None:
    """Draw one map, or several side by side, into a file."""
    from fieldscope.render.pictures import field_picture, save, side_by_side

    if len(masks) == 1:
        figure = field_picture(masks[0], image=image, resize=resize)
    else:
        figure = side_by_side(masks, image=image, resize=resize)
    save(figure, output)
