"""A run from the command line: what is asked for, what is shown before, and what comes of it."""

from __future__ import annotations

import dataclasses
import shlex
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fieldscope.cli.exits import INTERRUPTED
from fieldscope.cli.lab.options import Wished
from fieldscope.cli.parameters import gathered
from fieldscope.cli.progress import Progress
from fieldscope.errors import InputError
from fieldscope.lab.checking import ready
from fieldscope.lab.models.recorded import check_named
from fieldscope.lab.processes import is_first
from fieldscope.lab.runs import Run
from fieldscope.lab.settings import Settings
from fieldscope.wording import counted, listed

if TYPE_CHECKING:
    from fieldscope.lab.curves import Epoch
    from fieldscope.lab.training.planning import Plan

_MOST_CLASSES = 12
_TUNING = ("weights", "renamed", "cut", "freeze", "unfreeze_at")


def run(wished: Wished) -> None:
    """Train or fine-tune as is asked for, and tell of it.

    Raises:
        InputError: photos, options or the folder aren't fit for it.
        TrainingError: it can't go on; what was reached is kept.

    Example:
        >>> run.__name__
        'run'
    """
    quiet = wished.quiet or not is_first()
    settings = asked_for(wished)
    # Before what takes seconds to load.
    ready(settings, Path(wished.out), resume=wished.resume)
    with Progress(quiet=quiet) as progress:
        progress.step("loading Lightning")
        from fieldscope.lab.training.fitting import fit
        from fieldscope.lab.training.machine import Machine
        from fieldscope.lab.training.planning import planned

        plan = planned(settings, wished.out, resume=wished.resume, told=progress.step)
    if not quiet:
        _show(plan, wished.width)
    try:
        with Progress(quiet=quiet) as progress, warnings.catch_warnings():
            if quiet:
                warnings.simplefilter("ignore")
            found = fit(
                plan,
                Machine(**wished.machine),
                told=progress.step,
                noted=lambda epoch: _note(epoch, settings.epochs, quiet=quiet),
            )
    except KeyboardInterrupt:
        _say_how_far(wished, quiet=quiet)
        raise click.exceptions.Exit(INTERRUPTED) from None
    if not quiet:
        click.echo("\n".join(_closing(found)))


def asked_for(wished: Wished) -> Settings:
    """Give the settings of a run: those typed, and behind them its own or the defaults.

    Raises:
        InputError: there is no run to go on with, or it is of the other kind.
        click.UsageError: options don't fit together.
    """
    values = dict(wished.values)
    values["arguments"] = gathered("--arg", values["arguments"])
    names = {one.name for one in dataclasses.fields(Settings)}
    before = _before(wished) if wished.resume else None
    if wished.kind == "finetune" and values["model"] is None and before is None:
        raise InputError("there is no body\nname one with --body, such as torchvision:resnet18")
    augmentation = _augmentation(wished, before)
    if before is None:
        settings = {name: one for name, one in values.items() if name in names and one is not None}
        return Settings(kind=wished.kind, augmentation=augmentation, **settings)
    typed = {name: values[name] for name in wished.given if name in names}
    return dataclasses.replace(before, augmentation=augmentation, **typed)


def _before(wished: Wished) -> Settings:
    found = Run.read(wished.out)
    settings = found.settings
    if settings.kind != wished.kind:
        raise InputError(
            f"the run in {wished.out} is no fieldscope lab {wished.kind}\n"
            f"go on by: fieldscope lab {settings.kind} --out {wished.out} --resume"
        )
    if "model" not in wished.given:
        check_named(found, None, option="--body" if wished.kind == "finetune" else "--model")
    return settings


def _augmentation(wished: Wished, before: Settings | None) -> Mapping[str, Any] | None:
    given = wished.given & {"augment", "flip"}
    if before is not None and not given:
        return before.augmentation
    kept = None if before is None else before.augmentation
    augment = wished.values["augment"] if before is None or "augment" in given else kept is not None
    if not augment:
        return None
    # Imported here, since it loads PyTorch, which takes a while.
    from fieldscope.lab.data.augmentation import Augmentation

    found = Augmentation() if kept is None else Augmentation.from_dict(kept)
    if kept is None or "flip" in given:
        found = dataclasses.replace(found, flip=wished.values["flip"])
    return found.to_dict()


def _show(plan: Plan, width: int | None) -> None:
    """Print what is known before anything is trained."""
    from fieldscope.cli.page import show
    from fieldscope.render.productivity import described

    click.echo("\n".join(_of_photos(plan)))
    click.echo()
    analysis = plan.assembled.analysis
    if analysis is not None:
        page = described(analysis)
        # There is no option here that shows more.
        notes = tuple(dataclasses.replace(note, option="") for note in page.notes)
        show(dataclasses.replace(page, notes=notes), width)
    click.echo("\n".join(_of_model(plan)))
    click.echo()


def _of_photos(plan: Plan) -> Iterator[str]:
    counts = [f"{label} {number:,}" for label, number in plan.catalogue.counts.items()]
    yield (
        f"{plan.settings.data}: {counted(len(plan.catalogue.photos), 'photo')} of "
        f"{len(plan.catalogue.classes)} classes: {listed(counts, most=_MOST_CLASSES)}"
    )
    yield from plan.catalogue.skipped
    yield (
        f"{len(plan.split.train):,} to train on and {len(plan.split.validation):,} for validation, "
        f"seed {plan.settings.seed}"
    )


def _of_model(plan: Plan) -> Iterator[str]:
    made, settings = plan.assembled, plan.settings
    if made.loaded is not None:
        yield from made.loaded.sentences
    counts = made.counts(settings)
    if counts is None:
        yield f"{settings.model} can't be analysed, and is trained all the same: {made.unanalysed}"
        return
    yield (
        f"{counted(counts.parameters, 'parameter')}, {counts.trained:,} of them trained; "
        f"{counts.macs:,} multiply-accumulates for a photo."
    )
    if not counts.unproductive:
        return
    yield "What to do about it, before anything is trained:"
    yield f"  {_refining(plan)}"


def _refining(plan: Plan) -> str:
    """Write the command that proposes a network without layers that add nothing."""
    made, extent = plan.assembled, plan.settings.resolution
    words = ["fieldscope", "refine", made.target, "--input", f"1x3x{extent}x{extent}"]
    for name, value in made.arguments.items():
        words += ["--arg", f"{name}={value}"]
    return shlex.join([*words, "--write", "refined.py"])


def _note(epoch: Epoch, epochs: int, *, quiet: bool) -> None:
    if quiet:
        return
    click.echo(
        f"epoch {epoch.epoch:{len(str(epochs))}} of {epochs}   "
        f"loss {epoch.train_loss:.3f}, validation {epoch.val_loss:.3f}   "
        f"accuracy {epoch.train_accuracy:6.1%}, validation {epoch.val_accuracy:6.1%}   "
        f"{epoch.seconds:.1f} s",
        err=True,
    )


def _closing(found: Run) -> Iterator[str]:
    best = found.best
    assert best is not None  # a run that ends well has an epoch
    yield (
        f"The best of {counted(len(found.curves), 'epoch')} is epoch {best.epoch}: validation "
        f"accuracy {best.val_accuracy:.1%}, loss {best.val_loss:.3f}."
    )
    yield (
        f"{found.folder} has the weights of that epoch (best.ckpt), the last state (last.ckpt) and "
        "the curves (curves.csv, curves.png)."
    )


def _say_how_far(wished: Wished, *, quiet: bool) -> None:
    from fieldscope.lab.training.fitting import go_on, reached

    if quiet:
        return
    # Ctrl-C may come before there is a run.
    try:
        found = Run.read(wished.out)
    except InputError:
        return
    click.echo(f"fieldscope: interrupted; {reached(found)}", err=True)
    if found.status != "finished":
        click.echo(f"  {go_on(found)}", err=True)
