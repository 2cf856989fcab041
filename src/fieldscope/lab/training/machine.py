"""What a run is trained on, handed through to Lightning, and what it is told to be quiet about."""

from __future__ import annotations

import contextlib
import logging
import random
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch


@dataclass(frozen=True, slots=True)
class Machine:
    """What a run is trained on; `auto` leaves it to Lightning.

    Attributes:
        accelerator: "cpu", "gpu", "mps", …
        devices: how many of them, or which: 2, "0,3", "auto".
        num_nodes: number of machines.
        strategy: how several processes share the work: "ddp", "fsdp", …
        precision: of numbers: "32-true", "16-mixed", "bf16-mixed", …; None for 16-mixed on a GPU
            of Nvidia and 32-true elsewhere.
        workers: processes that read photos.
        loggers: whom each epoch is told, beside the run's own table: "tensorboard", "mlflow" or
            "wandb", which write below `logs` in its folder, or any logger of Lightning.
    """

    accelerator: str = "auto"
    devices: str | int = "auto"
    num_nodes: int = 1
    strategy: str = "auto"
    precision: str | None = None
    workers: int = 0
    loggers: Sequence[Any] = ()

    def options(self) -> dict[str, Any]:
        """The same as Lightning's Trainer takes it.

        >>> Machine(accelerator="cpu", devices="2").options()["precision"]
        '32-true'
        >>> Machine(devices="2").options()["devices"]
        2
        """
        on_gpu = self.accelerator in ("auto", "gpu", "cuda") and torch.cuda.is_available()
        devices = self.devices
        return {
            "accelerator": self.accelerator,
            # To Lightning "2" is the device of that number, and 2 are two of them.
            "devices": int(devices)
            if isinstance(devices, str) and devices.removeprefix("-").isdecimal()
            else devices,
            "num_nodes": self.num_nodes,
            "strategy": self.strategy,
            "precision": self.precision or ("16-mixed" if on_gpu else "32-true"),
        }


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Keep Lightning's remarks away, and give settings and random numbers back."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    deterministic = torch.are_deterministic_algorithms_enabled()
    only_warns = torch.is_deterministic_algorithms_warn_only_enabled()
    benchmark = torch.backends.cudnn.benchmark
    # A model's own code may draw from any of these, so each epoch seeds all.
    drawn, numpys = random.getstate(), np.random.get_state()  # noqa: NPY002
    with warnings.catch_warnings(), torch.random.fork_rng():
        # Advice on workers, loggers and the like, which isn't about what the user did.
        warnings.filterwarnings("ignore", module=r"lightning\.")
        warnings.filterwarnings("ignore", message=".*deterministic.*")
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(deterministic, warn_only=only_warns)
            torch.backends.cudnn.benchmark = benchmark
            random.setstate(drawn)
            np.random.set_state(numpys)  # noqa: NPY002
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
