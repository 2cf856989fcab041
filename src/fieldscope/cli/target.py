"""The model that a command is about: the options that name it, and its analysis."""

from __future__ import annotations

import contextlib
import functools
import io
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fieldscope.cli import parameters
from fieldscope.cli.options import put_around
from fieldscope.cli.parameters import Axes, Shape, gathered, inputs
from fieldscope.errors import InputError
from fieldscope.frontends.detection import FRAMEWORKS, framework_of

if TYPE_CHECKING:
    from fieldscope.analyses.layers import Report

TARGET_HELP = """\
TARGET is a model by name (torchvision:NAME, timm:NAME, keras:NAME), a file
that holds one (.onnx, .pt2, .keras, .h5, .fsg, a SavedModel folder), or Python
code that holds or builds one (./file.py:NAME, package.module:NAME), where
NAME is a class, a function that returns the model, or the model.
"""

_OPTIONS = (
    click.option(
        "--input",
        "-i",
        "shapes",
        metavar="[NAME=]SHAPE",
        multiple=True,
        callback=parameters.each(parameters.named_shape),
        help="Shape of the input with batch: 1x3x224x224. Repeat it, or name the parameters of "
        "forward (left=1x3x64x64), for several inputs. Models known by name have a default.",
    ),
    click.option(
        "--example",
        "-e",
        "examples",
        metavar="[NAME=]FILE",
        multiple=True,
        callback=parameters.each(parameters.named_file),
        help="Run a real input instead of a shape, for a forward that branches on values: an array "
        "in FILE.npy, or several by name in FILE.npz. The report holds for the branches that it "
        "takes.",
    ),
    click.option(
        "--axes",
        metavar="[NAME=]AXES",
        multiple=True,
        callback=parameters.each(parameters.named_axes),
        help="Axes of the input that are spatial: 1,2 for channels-last images, or with names of "
        "your own: y:1,x:2. Otherwise all but batch and channel.",
    ),
    click.option(
        "--framework",
        type=click.Choice(FRAMEWORKS),
        help="What runs the model, where its code doesn't show it.",
    ),
    click.option(
        "--arg",
        "arguments",
        metavar="NAME=VALUE",
        multiple=True,
        callback=parameters.each(parameters.argument),
        help="Argument for the class or function that builds the model: width=64. Repeatable.",
    ),
)
# What TensorFlow says of itself when it is imported is none of the user's business.
_QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0"}
_LAST = (
    click.option("--quiet", "-q", is_flag=True, help="Print nothing but errors, and data for -."),
    click.option("--debug", is_flag=True, help="Show the traceback of an error."),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A model as it is asked for on the command line.

    Attributes:
        target: what names it.
        shapes: shapes of its inputs, with their names or "".
        examples: files of real inputs, with their names or "".
        axes: spatial axes of its inputs, with their names or "".
        arguments: for what builds it.
        framework: what runs it, where that is said.
        quiet: whether nothing but errors is to be printed.
    """

    target: str
    shapes: Sequence[tuple[str, Shape]]
    examples: Sequence[tuple[str, str]]
    axes: Sequence[tuple[str, Axes]]
    arguments: Sequence[tuple[str, object]]
    framework: str | None
    quiet: bool


@dataclass(frozen=True, slots=True)
class Subject:
    """A model and what it is called with, as the functions of `fieldscope` take them.

    `built` tells whether what the target names builds the model, and isn't the model itself.
    """

    name: str
    model: Any
    inputs: Any
    axes: Any
    example: Any
    framework: str | None
    built: bool = True

    def analyzed(self, *, fold_context: bool = False) -> Report:
        """The report of the model."""
        from fieldscope.api import analyze

        return analyze(
            self.model,
            self.inputs,
            axes=self.axes,
            example=self.example,
            fold_context=fold_context,
            name=self.name,
            framework=self.framework,
        )


def of_a_model(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the argument and options that name a model, as one argument `asked`."""

    def one(target: str, **given: Any) -> Asked:
        return Asked(target=target, **given)

    return _gathering(command, click.argument("target"), one)


def of_models(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the argument and options that name models, as one argument `asked`."""

    def each(targets: Sequence[str], **given: Any) -> tuple[Asked, ...]:
        return tuple(Asked(target=target, **given) for target in targets)

    return _gathering(command, click.argument("targets", nargs=-1, required=True), each)


def _gathering(
    command: Callable[..., None],
    argument: Callable[[Callable[..., None]], Callable[..., None]],
    gathered_as: Callable[..., object],
) -> Callable[..., None]:
    """Gather the options of a model into one argument `asked`."""

    @functools.wraps(command)
    def gathering(
        *,
        shapes: Any,
        examples: Any,
        axes: Any,
        arguments: Any,
        framework: str | None,
        quiet: bool,
        debug: bool,
        **others: Any,
    ) -> None:
        del debug  # read where errors are caught
        if shapes and examples:
            raise click.UsageError("an example has a shape of its own: give --example or --input")
        named = {name: others.pop(name) for name in ("target", "targets") if name in others}
        asked = gathered_as(
            **named,
            shapes=shapes,
            examples=examples,
            axes=axes,
            arguments=arguments,
            framework=framework,
            quiet=quiet,
        )
        command(asked, **others)

    put_around(gathering, command, before=(argument, *_OPTIONS), behind=_LAST)
    return gathering


@contextlib.contextmanager
def subject_of(asked: Asked, *, values: bool = False) -> Iterator[tuple[Subject, Any]]:
    """Build the model that is asked for, with a sign of life on stderr.

    Args:
        asked: the model as it is asked for.
        values: build models that are known by name with values for their weights, at random.

    Yields:
        The model, and what shows progress while it is worked on.
    """
    # Imported here, so that --help and a mistyped call answer at once.
    from fieldscope.cli.progress import Progress
    from fieldscope.frontends.examples import read
    from fieldscope.frontends.targets import resolve

    for variable, value in _QUIET.items():
        os.environ.setdefault(variable, value)
    given = inputs(asked.shapes)
    arrays = read(asked.examples) if asked.examples else None
    by_input = gathered("--axes", asked.axes)
    with Progress(quiet=asked.quiet) as progress, _apart(quiet=asked.quiet):
        progress.step(f"building {asked.target}")
        arguments = gathered("--arg", asked.arguments)
        found = resolve(asked.target, arguments, values=values, inputs=given)
        if given is None and arrays is None and not found.tells_inputs:
            shape = "1x224x224x3" if framework_of(found.model) == "jax" else "1x3x224x224"
            raise InputError(
                f"{found.name} has no default input\n"
                f"pass its shape with batch, such as --input {shape}"
            )
        example: Any = None
        if arrays is not None:
            example = _as_tensors(found.model, arrays)
        progress.step(f"analysing {asked.target}")
        yield (
            Subject(
                name=found.name,
                model=found.model,
                inputs=found.inputs if given is None else given,
                axes=by_input.get("", by_input or None),
                example=example,
                framework=asked.framework,
                built=found.built,
            ),
            progress,
        )


def _as_tensors(model: Any, arrays: Any) -> Any:
    """Examples as PyTorch's tensors, where it runs the model; others are read without running."""
    if isinstance(model, Path) or framework_of(model) != "torch":
        return arrays
    # Behind the building of the model, which has told if PyTorch is missing.
    from fieldscope.frontends.torch.examples import tensors

    return tensors(model, arrays)


@contextlib.contextmanager
def _apart(*, quiet: bool) -> Iterator[None]:
    """Keep what the model's own code prints away from stdout, which is for results."""
    with contextlib.ExitStack() as stack:
        if quiet:
            stack.enter_context(warnings.catch_warnings())
            warnings.simplefilter("ignore")
            stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
        else:
            stack.enter_context(contextlib.redirect_stdout(sys.stderr))
        yield
