"""Loggers of Lightning are told each epoch, as the run's own table is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from fieldscope.errors import InputError, MissingExtraError
from fieldscope.lab.frameworks import lightning
from fieldscope.lab.runs import Run
from fieldscope.lab.training import loggers
from fieldscope.lab.training.fitting import fit
from fieldscope.lab.training.machine import Machine
from fieldscope.lab.training.planning import planned
from tests.lab.course import network_in, photos_in, settings


class Heard(lightning.pytorch.loggers.logger.Logger):
    """Keeps what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.epochs: list[tuple[int | None, dict[str, float]]] = []

    @property
    def name(self) -> str:
        return "heard"

    @property
    def version(self) -> int:
        return 0

    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        del params, args, kwargs

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        self.epochs.append((step, dict(metrics)))


def test_a_logger_hears_what_the_table_says(tmp_path: Path) -> None:
    heard = Heard()
    wanted = settings(photos_in(tmp_path / "photos"), network_in(tmp_path), epochs=2)
    run: Run = fit(
        planned(wanted, str(tmp_path / "run")), Machine(accelerator="cpu", loggers=[heard])
    )
    assert [step for step, _ in heard.epochs] == [1, 2]
    for (_, told), epoch in zip(heard.epochs, run.curves, strict=True):
        assert told["val_accuracy"] == pytest.approx(epoch.val_accuracy)
        assert told["train_loss"] == pytest.approx(epoch.train_loss)


def test_a_logger_that_there_is_none_of_is_told_before_anything_is_made(tmp_path: Path) -> None:
    wanted = settings(photos_in(tmp_path / "photos"), network_in(tmp_path))
    plan = planned(wanted, str(tmp_path / "run"))
    with pytest.raises(InputError, match="there is no logger 'paper'"):
        fit(plan, Machine(accelerator="cpu", loggers=["paper"]))
    assert not (tmp_path / "run").exists()


def test_a_package_that_is_missing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(**_: Any) -> Any:
        raise ModuleNotFoundError("Neither `tensorboard` nor `tensorboardX` is available.")

    monkeypatch.setattr(lightning.pytorch.loggers, "TensorBoardLogger", missing)
    with pytest.raises(MissingExtraError, match="the logger tensorboard needs tensorboard"):
        loggers.loggers_of(["tensorboard"], tmp_path)


@pytest.mark.parametrize("name", loggers.KNOWN)
def test_every_known_logger_is_one_of_lightnings(name: str) -> None:
    kind, _ = loggers._KINDS[name]
    assert issubclass(
        getattr(lightning.pytorch.loggers, kind), lightning.pytorch.loggers.logger.Logger
    )
