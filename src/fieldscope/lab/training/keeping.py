"""Checkpoints that are whole at every moment, whatever ends the run."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

import torch

from fieldscope import writing
from fieldscope.errors import InputError
from fieldscope.lab.curves import best_of
from fieldscope.lab.frameworks import lightning
from fieldscope.lab.runs import BEST, LAST
from fieldscope.lab.training.learning import Kept, Learning


class WholeFiles(lightning.pytorch.plugins.TorchCheckpointIO):
    """Writes a checkpoint beside its place, and moves it there once it is on the disk."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None
    ) -> None:
        """Write a checkpoint.

        Raises:
            InputError: it can't be written; what was there still is.
        """
        del storage_options  # for places other than folders
        # Into memory first: torch tells of a full disk in its own words, and Python by a number.
        content = io.BytesIO()
        torch.save(checkpoint, content)
        with writing.replacing(path) as temporary:
            temporary.write_bytes(content.getbuffer())

    def load_checkpoint(self, path: Any, *others: Any, **options: Any) -> dict[str, Any]:
        """Read a checkpoint.

        Raises:
            InputError: it can't be read, or holds more than tensors, numbers and texts.
        """
        try:
            with warnings.catch_warnings():
                # What torch says of files that others wrote; those that it can't read are told.
                warnings.simplefilter("ignore")
                return super().load_checkpoint(path, *others, **options)
        except Exception as error:
            raise InputError(
                f"{path} can't be read as a checkpoint: {type(error).__name__}: "
                f"{str(error).partition('. ')[0]}\n"
                "begin another run with --out, or put back the file that was written"
            ) from error


class Keeping(lightning.pytorch.callbacks.Checkpoint):
    """Keeps the last epoch and the best one, and tells of each that is kept.

    Lightning's own callback keeps the best by a score of its own, which it forgets where the
    folder has been moved; this one goes by the curve, which the checkpoint holds.
    """

    def __init__(self, folder: Path, kept: Kept) -> None:
        self._best = folder / BEST
        self._last = folder / LAST
        self._kept = kept

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Write both; the best first, since it can be had again from the last but one."""
        assert isinstance(pl_module, Learning)
        if best_of(pl_module.curve) == pl_module.curve[-1]:
            trainer.save_checkpoint(self._best)
        trainer.save_checkpoint(self._last)
        if trainer.is_global_zero:
            self._kept(pl_module.curve)
