"""Options that several commands share, among a command's own or put around them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, TypeVar

import click

from fieldscope.cli import parameters

Command = TypeVar("Command", bound=Callable[..., object])
Option: TypeAlias = Callable[[Callable[..., None]], object]


def put_around(
    gathering: Callable[..., None],
    command: Callable[..., None],
    *,
    before: Sequence[Option] = (),
    behind: Sequence[Option] = (),
) -> None:
    """Give a function that wraps a command the command's options, and shared ones around them.

    Args:
        gathering: what is called in the command's place, and takes the shared options apart.
        command: what it wraps.
        before: options that help names before the command's own.
        behind: options that help names behind them.
    """
    # click collects options in this attribute, the last one first.
    own: list[Any] = list(getattr(command, "__click_params__", []))
    collected: list[Any] = []
    gathering.__click_params__ = collected  # type: ignore[attr-defined]  # click's own way
    for option in reversed(behind):
        option(gathering)
    collected += own
    for option in reversed(before):
        option(gathering)


def position_options(command: Command) -> Command:
    """Give a command the options `--at` and `--channel`: which elements of a layer it is about."""
    command = click.option(
        "--channel", type=int, metavar="N", help="One channel of the layer; otherwise all together."
    )(command)
    return click.option(
        "--at",
        "position",
        metavar="PLACE",
        default="center",
        show_default=True,
        callback=parameters.one(parameters.place),
        help="Position in the layer: an index on each of its spatial axes, such as 10,12 (negative "
        "from the end), or center.",
    )(command)
