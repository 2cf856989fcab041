"""Whom a run tells its epochs, beside its own table: the loggers of Lightning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fieldscope.errors import InputError, MissingExtraError
from fieldscope.lab.frameworks import lightning
from fieldscope.wording import listed, meant

FOLDER = "logs"
"""Where in a run's folder those write that write files."""

# Lightning's class for each, and the package that it needs.
_KINDS: Mapping[str, tuple[str, str]] = {
    "tensorboard": ("TensorBoardLogger", "tensorboard"),
    "mlflow": ("MLFlowLogger", "mlflow"),
    "wandb": ("WandbLogger", "wandb"),
}
KNOWN = tuple(_KINDS)


def loggers_of(wanted: Sequence[Any], folder: Path) -> list[Any]:
    """Make the loggers of a run.

    Args:
        wanted: names out of `KNOWN`, or loggers of Lightning.
        folder: of the run.

    Raises:
        InputError: there is no such logger.
        MissingExtraError: the package that it stands on isn't installed.

    Example:
        >>> loggers_of(["tensorbord"], Path("run"))
        Traceback (most recent call last):
        fieldscope.errors.InputError: there is no logger 'tensorbord'; did you mean tensorboard?
        loggers are tensorboard, mlflow and wandb
    """
    return [_made(one, folder) if isinstance(one, str) else one for one in wanted]


def _made(name: str, folder: Path) -> Any:
    if name not in _KINDS:
        raise InputError(
            f"there is no logger {name!r}{meant(name, KNOWN)}\nloggers are {listed(KNOWN)}"
        )
    kind, package = _KINDS[name]
    try:
        return getattr(lightning.pytorch.loggers, kind)(save_dir=folder / FOLDER)
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"the logger {name} needs {package}, which isn't installed\n"
            f"install {package}: pip install {package}",
            name=package,
        ) from error
