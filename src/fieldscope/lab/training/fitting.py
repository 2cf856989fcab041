"""A run from its plan to its end, whichever that is: its files tell how far it came."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import platform
from collections.abc import Callable, Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, TypeAlias

import torch

from fieldscope import writing
from fieldscope.errors import FieldscopeError, InputError, TrainingError
from fieldscope.frontends.blame import told as told_of
from fieldscope.lab.curves import Epoch, best_of, write_curves
from fieldscope.lab.data import sheets
from fieldscope.lab.frameworks import lightning
from fieldscope.lab.locking import alone
from fieldscope.lab.models.body import Finetuned
from fieldscope.lab.pictures.curves import save_curves
from fieldscope.lab.processes import is_first
from fieldscope.lab.runs import ANALYSIS, AUGMENTED, FILES, SAMPLES, SPLIT, Run, make_folder
from fieldscope.lab.training.batches import FEATURES, Batches
from fieldscope.lab.training.keeping import Keeping, WholeFiles
from fieldscope.lab.training.learning import Kept, Learning
from fieldscope.lab.training.loggers import loggers_of
from fieldscope.lab.training.machine import Machine, undisturbed
from fieldscope.lab.training.planning import Plan
from fieldscope.photos.catalogue import Told
from fieldscope.version import __version__
from fieldscope.wording import counted

Noted: TypeAlias = Callable[[Epoch], None]

# A SystemExit, too.
_ToldToEnd = lightning.pytorch.utilities.exceptions.SIGTERMException

_STANDS_ON = ("torch", "lightning", "torchmetrics", "torchvision", "timm")


def fit(
    plan: Plan,
    machine: Machine | None = None,
    *,
    told: Told = lambda *_: None,
    noted: Noted = lambda _: None,
) -> Run:
    """Train what was planned, and keep what comes of it in the run's folder.

    Args:
        plan: the run, begun or to be begun.
        machine: what it is trained on.
        told: called with what is being done, and how far it is.
        noted: called with each epoch once it is done.

    Returns:
        The run as its folder tells of it.

    Raises:
        TrainingError: it can't go on: the loss isn't a number, a file can't be written, a photo
            can't be read any more. What was reached is kept.
        KeyboardInterrupt: by Ctrl-C; what was reached is kept.
    """
    machine = machine or Machine()
    run = _run_of(plan)
    learning = Learning(
        plan.assembled.model,
        plan.settings,
        classes=len(plan.catalogue.classes),
        taken_back=lambda curve: _recorded(run, curve),
    )

    def kept(curve: Sequence[Epoch]) -> None:
        _recorded(run, curve)
        noted(curve[-1])

    with undisturbed(), contextlib.ExitStack() as stack:
        trainer = _trainer(plan, machine, learning, told=told, kept=kept)
        if is_first():
            if plan.resumed is None:
                make_folder(plan.folder)
            stack.enter_context(alone(plan.folder))
            _sweep(plan.folder)
            run.write()
        stack.enter_context(_ending(run))
        _begin(plan)
        batches = Batches(plan, workers=machine.workers, told=told)
        trainer.reload_dataloaders_every_n_epochs = int(batches.change)
        resumed = plan.resumed is not None and run.last_checkpoint.is_file()
        try:
            trainer.fit(
                learning,
                datamodule=batches,
                ckpt_path=run.last_checkpoint if resumed else None,
                # A checkpoint may have come from anywhere.
                weights_only=True,
            )
        except SystemExit as error:
            # Lightning's answer to Ctrl-C, which the caller is to know of.
            if trainer.interrupted and not isinstance(error, _ToldToEnd):
                raise KeyboardInterrupt from error
            raise
    return Run.read(run.folder)


def _run_of(plan: Plan) -> Run:
    return Run(
        folder=plan.folder,
        settings=plan.settings,
        classes=plan.catalogue.classes,
        digest=plan.catalogue.digest,
        content=plan.catalogue.content,
        photos=(len(plan.split.train), len(plan.split.validation)),
        counts=plan.assembled.counts(plan.settings),
        versions={"fieldscope": __version__, "Python": platform.python_version(), **_versions()},
    )


def _sweep(folder: Path) -> None:
    """Take away what a killed process was writing, which may be large."""
    for name in (*FILES, FEATURES):
        for path in writing.leftovers(folder / name):
            path.unlink()


def _begin(plan: Plan) -> None:
    """Write down what is going to be done."""
    if not is_first():
        return
    plan.split.save(plan.folder / SPLIT)
    analysis = plan.assembled.analysis
    if analysis is not None:
        with writing.replacing(plan.folder / ANALYSIS) as temporary:
            text = json.dumps(analysis.to_dict(), indent=2, allow_nan=False)
            temporary.write_text(text + "\n", encoding="utf-8")
    if not (plan.folder / SAMPLES).exists():
        sheets.save(sheets.contact_sheet(plan.split), plan.folder / SAMPLES)
    if plan.preparation.augment is not None and not (plan.folder / AUGMENTED).exists():
        sheet = sheets.augmented_sheet(plan.split, plan.preparation, seed=plan.settings.seed)
        sheets.save(sheet, plan.folder / AUGMENTED)


def _versions() -> dict[str, str]:
    found = {}
    for name in _STANDS_ON:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def _recorded(run: Run, curve: Sequence[Epoch]) -> None:
    if is_first():
        write_curves(run.folder, curve)
        run.write()


def _trainer(plan: Plan, machine: Machine, learning: Learning, *, told: Told, kept: Kept) -> Any:
    loggers = loggers_of(machine.loggers, plan.folder)
    try:
        trainer = lightning.Trainer(
            **machine.options(),
            max_epochs=plan.settings.epochs,
            callbacks=[_Telling(told), Keeping(plan.folder, kept)],
            plugins=[WholeFiles()],
            default_root_dir=plan.folder,
            deterministic="warn",
            logger=loggers or False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
        )
    except Exception as error:
        # What Lightning says of devices and strategies that there aren't.
        raise InputError(
            f"there is no such machine to train on: {told_of(error)}\n"
            "name another one by --accelerator, --devices, --strategy or --precision"
        ) from error
    several = trainer.world_size > 1
    if several and isinstance(learning.model, Finetuned) and plan.settings.unfreeze_at is not None:
        raise InputError(
            "--unfreeze-at is for one process: several agree at the start on what learns\n"
            "leave it out, or train on one device by --devices 1"
        )
    return trainer


class _Telling(lightning.Callback):
    """Says how far a run is."""

    def __init__(self, told: Told) -> None:
        self._told = told

    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Say how much of the epoch is done."""
        epoch = f"epoch {trainer.current_epoch + 1} of {trainer.max_epochs}"
        best = best_of(pl_module.curve)
        so_far = "" if best is None else f", best accuracy {best.val_accuracy:.1%}"
        self._told(epoch + so_far, batch_idx + 1, int(trainer.num_training_batches))

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """Say that files are being written."""
        self._told(f"keeping epoch {trainer.current_epoch + 1}", 0, 0)


@contextlib.contextmanager
def _ending(run: Run) -> Iterator[None]:
    """Write down how a run ended, and tell of it so that one knows how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        _ended(run, status="interrupted", reason="by Ctrl-C")
        raise
    except _ToldToEnd as error:
        # As from a cluster whose time is up.
        _ended(run, status="interrupted", reason="by SIGTERM")
        raise TrainingError(_reached(run, "the run was told to end, by SIGTERM")) from error
    except torch.OutOfMemoryError as error:
        message = "the device has too little memory\ngo on with a smaller --batch-size elsewhere"
        _ended(run, status="failed", reason="out of memory")
        raise TrainingError(_reached(run, message)) from error
    except (FieldscopeError, OSError) as error:
        reason = str(error).partition("\n")[0]
        _ended(run, status="failed", reason=reason)
        raise TrainingError(_reached(run, str(error))) from error
    except Exception as error:
        _ended(run, status="failed", reason=told_of(error))
        raise
    else:
        _ended(run, status="finished")


def _ended(run: Run, *, status: Any, reason: str = "") -> None:
    if not is_first():
        return
    ended = dataclasses.replace(run, status=status, reason=reason)
    if status == "finished":
        # The picture first: a run that is finished has all of its files.
        save_curves(run)
        ended.write()
        return
    # What ended the run may keep this from being written, too.
    with contextlib.suppress(Exception):
        ended.write()
        save_curves(run)


def _reached(run: Run, message: str) -> str:
    """Say what a run came to before it ended, between what ended it and the next step."""
    first, _, step = message.partition("\n")
    return "\n".join((first, reached(run), step or go_on(run)))


def reached(run: Run) -> str:
    """Say in a phrase how far a run has come.

    >>> from pathlib import Path
    >>> from fieldscope.lab.settings import Settings
    >>> settings = Settings("train", "small-vgg", "photos", resolution=32, epochs=5)
    >>> reached(Run(Path("/nowhere"), settings, ("a", "b"), "", (8, 2), None))
    'no epoch of 5 is done'
    """
    curve = run.curves
    best = best_of(curve)
    if best is None:
        return f"no epoch of {run.settings.epochs} is done"
    return (
        f"{len(curve)} of {counted(run.settings.epochs, 'epoch')} done, the best of validation "
        f"accuracy {best.val_accuracy:.1%} (epoch {best.epoch})"
    )


def go_on(run: Run) -> str:
    """Say how to go on with a run.

    >>> from pathlib import Path
    >>> from fieldscope.lab.settings import Settings
    >>> settings = Settings("train", "small-vgg", "photos", resolution=32, epochs=5)
    >>> go_on(Run(Path("runs/a"), settings, ("a", "b"), "", (8, 2), None))
    'go on by: fieldscope lab train --out runs/a --resume'
    """
    return f"go on by: fieldscope lab {run.settings.kind} --out {run.folder} --resume"
