"""The options that training and fine-tuning share, gathered into what is asked for."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import click
from click.core import ParameterSource

from fieldscope.cli import parameters
from fieldscope.cli.options import put_around
from fieldscope.cli.page import width_option
from fieldscope.errors import InputError
from fieldscope.lab.settings import OPTIMIZERS, Kind

Triple = tuple[float, float, float]


def per_channel(text: str) -> Triple:
    """Read a number per channel, or one for all three.

    >>> per_channel("0.5"), per_channel("0.4,0.5,0.6")
    ((0.5, 0.5, 0.5), (0.4, 0.5, 0.6))
    """
    parts = [part for part in re.split(r"[\s,;]+", text.strip("()[] ")) if part]
    try:
        values = [float(part) for part in parts]
    except ValueError:
        values = []
    if len(values) == 1:
        return (values[0], values[0], values[0])
    if len(values) == 3:
        return (values[0], values[1], values[2])
    raise ValueError(f"{text!r} is neither one number nor three, such as 0.485,0.456,0.406")


_positive = click.IntRange(min=1)


def _before(kind: Kind) -> tuple[Callable[..., Any], ...]:
    return (
        click.option(
            "--data",
            metavar="FOLDER",
            help="Photos: a folder per class, or any folder with --labels.",
        ),
        click.option(
            "--labels", metavar="FILE.csv", help="Labels of the photos: a CSV of id and label."
        ),
        click.option(
            "--out",
            metavar="FOLDER",
            required=True,
            help="Folder that is made for the run's files.",
        ),
        click.option("--resume", is_flag=True, help="Go on with the run in --out."),
    )


def _behind(kind: Kind) -> tuple[Callable[..., Any], ...]:
    return (
        click.option(
            "--arg",
            "arguments",
            metavar="NAME=VALUE",
            multiple=True,
            callback=parameters.each(parameters.argument),
            help="Argument for the class or function that builds the model: width=64. Repeatable.",
        ),
        click.option(
            "--resolution",
            type=_positive,
            default=224,
            show_default=True,
            metavar="N",
            help="Extent of both axes of what the model is given.",
        ),
        click.option(
            "--epochs",
            type=_positive,
            default=25,
            show_default=True,
            metavar="N",
            help="How often all photos are trained on.",
        ),
        click.option(
            "--batch-size",
            type=_positive,
            default=32,
            show_default=True,
            metavar="N",
            help="Photos in a batch, on each device.",
        ),
        click.option(
            "--learning-rate",
            type=float,
            default=1e-3,
            show_default=True,
            metavar="RATE",
            help="Of the optimiser.",
        ),
        click.option(
            "--optimizer",
            type=click.Choice(OPTIMIZERS),
            default="adam",
            show_default=True,
            help="What learns; sgd has a momentum of 0.9.",
        ),
        click.option(
            "--seed",
            type=click.IntRange(min=0),
            default=0,
            show_default=True,
            help="Of split, weights, order and augmentation: the same one gives the same run.",
        ),
        click.option(
            "--validation",
            type=float,
            default=0.2,
            show_default=True,
            metavar="SHARE",
            help="Share of each class that is kept for validation.",
        ),
        click.option(
            "--train-per-class",
            type=_positive,
            metavar="N",
            help="Photos of each class to train on, instead; the others are for validation.",
        ),
        click.option(
            "--skip-bad",
            is_flag=True,
            help="Leave out photos that are missing, unreadable or unlabelled.",
        ),
        click.option(
            "--augment/--no-augment",
            default=kind == "train",
            show_default=True,
            help="Vary photos in training: flip, colours, rotation, perspective.",
        ),
        click.option(
            "--flip/--no-flip",
            default=True,
            show_default=True,
            help="Whether augmentation mirrors photos; digits are none to be mirrored.",
        ),
        click.option(
            "--mean",
            metavar="R,G,B",
            callback=parameters.one(per_channel),
            help="What normalisation takes off; otherwise ImageNet's.",
        ),
        click.option(
            "--deviation",
            metavar="R,G,B",
            callback=parameters.one(per_channel),
            help="What it divides by; otherwise ImageNet's.",
        ),
        click.option(
            "--workers",
            type=click.IntRange(min=0),
            default=0,
            show_default=True,
            metavar="N",
            help="Processes that read photos.",
        ),
        click.option(
            "--accelerator",
            default="auto",
            show_default=True,
            help="What it is trained on: cpu, gpu, mps, …",
        ),
        click.option(
            "--devices",
            default="auto",
            show_default=True,
            metavar="N",
            help="How many of them, or which: 2, or 0,3.",
        ),
        click.option(
            "--num-nodes",
            type=_positive,
            default=1,
            show_default=True,
            metavar="N",
            help="Number of machines.",
        ),
        click.option(
            "--strategy",
            default="auto",
            show_default=True,
            help="How several processes share the work, as Lightning names it: ddp, …",
        ),
        click.option(
            "--precision",
            metavar="NAME",
            help="As Lightning names it; otherwise 16-mixed on a GPU of Nvidia, else 32-true.",
        ),
        click.option(
            "--logger",
            "loggers",
            type=click.Choice(["tensorboard", "mlflow", "wandb"]),
            multiple=True,
            help="Whom each epoch is told as well; files go below logs in --out. Repeatable.",
        ),
        width_option,
        click.option("--quiet", "-q", is_flag=True, help="Print nothing but errors."),
        click.option("--debug", is_flag=True, help="Show the traceback of an error."),
    )


_MACHINE = ("workers", "accelerator", "devices", "num_nodes", "strategy", "precision", "loggers")


@dataclass(frozen=True, slots=True)
class Wished:
    """A run as it is asked for on the command line.

    Attributes:
        kind: of the run.
        out: its folder.
        resume: whether it is gone on with.
        values: of the settings and of augmentation, by their names.
        given: names of those that were typed, and are no defaults.
        machine: what it is trained on.
        width: of the page in characters.
        quiet: whether nothing but errors is to be printed.
    """

    kind: Kind
    out: str
    resume: bool
    values: Mapping[str, Any]
    given: frozenset[str]
    machine: Mapping[str, Any]
    width: int | None
    quiet: bool


def of_a_run(kind: Kind) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options of a run, as one argument `wished`."""

    def decorated(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def gathering(**values: Any) -> None:
            context = click.get_current_context()
            given = frozenset(
                name
                for name in values
                if context.get_parameter_source(name) is not ParameterSource.DEFAULT
            )
            del values["debug"]  # read where errors are caught
            wished = Wished(
                kind=kind,
                out=values.pop("out"),
                resume=values.pop("resume"),
                machine={name: values.pop(name) for name in _MACHINE},
                width=values.pop("width"),
                quiet=values.pop("quiet"),
                values=values,
                given=given & values.keys(),
            )
            if not wished.resume and values["data"] is None:
                raise InputError(
                    "there is nothing to train on\nname a folder of photos with --data, or go on "
                    "with a run by --resume"
                )
            command(wished)

        put_around(gathering, command, before=_before(kind), behind=_behind(kind))
        return gathering

    return decorated
