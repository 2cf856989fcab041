"""The options that fill a model with trained weights, and the filling."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from fieldscope.cli import parameters
from fieldscope.errors import ModelError

Command = TypeVar("Command", bound=Callable[..., object])
HELP = (
    "Trained weights: a file that torch.save wrote or .safetensors, read without unpickling; or "
    "hub for those that torchvision or timm publish."
)


def renaming(text: str) -> tuple[str, str]:
    r"""Read PATTERN=TEXT.

    >>> renaming(r"module\.=")
    ('module\\.', '')
    """
    pattern, equals, replacement = text.rpartition("=")
    if not equals or not pattern:
        raise click.BadParameter(f"{text!r} is not of the form PATTERN=TEXT")
    return pattern, replacement


def rename_option(command: Command) -> Command:
    """Give a command the option `--rename`, as `renamed`."""
    return click.option(
        "--rename",
        "renamed",
        metavar="PATTERN=TEXT",
        multiple=True,
        callback=parameters.each(renaming),
        help="How keys of the weights begin, as a regular expression, and with what the model's "
        r"do: 'module\.=features.'. Repeatable; the first that matches a key counts.",
    )(command)


def fill(
    model: Any, target: str, weights: str, *, renamed: Sequence[tuple[str, str]], quiet: bool
) -> Any:
    """Fill a model with weights, and say on stderr what was loaded and what wasn't.

    Args:
        model: the model that was built.
        target: what named it.
        weights: a file, or "hub".
        renamed: pairs of a pattern and what takes its place.
        quiet: say nothing.

    Returns:
        What was loaded, a `fieldscope.frontends.torch.weights.Loaded`.

    Raises:
        ModelError: the model is no module of PyTorch, or the weights don't fit.
    """
    from fieldscope.frontends.detection import framework_of
    from fieldscope.optional import require

    if framework_of(model) != "torch" or not hasattr(model, "load_state_dict"):
        raise ModelError(
            f"weights are loaded into modules of PyTorch, and {target} is none\nleave --weights out"
        )
    require("torch", extra="torch", purpose="reading weights")
    from fieldscope.frontends.torch.weights import HUB, filled, load_weights, published

    if weights == HUB:
        source = f"hub weights of {target}"
        found = filled(model, published(target), source=source, renamed=renamed)
    else:
        found = load_weights(model, weights, renamed=renamed)
    if not quiet:
        click.echo("\n".join(f"fieldscope: {line}" for line in found.sentences), err=True)
    return found
