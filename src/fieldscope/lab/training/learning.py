"""How a model learns, epoch by epoch; a function of the seed and the epoch's number alone."""

from __future__ import annotations

import dataclasses
import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from fieldscope.errors import FieldscopeError, InputError, ModelError, TrainingError
from fieldscope.frontends.blame import told
from fieldscope.lab.curves import Epoch
from fieldscope.lab.data.sampling import mixed
from fieldscope.lab.frameworks import lightning, torchmetrics
from fieldscope.lab.models.body import Finetuned
from fieldscope.lab.models.building import logits
from fieldscope.lab.settings import Settings

# A body has learned already: its weights are to be moved less than those of a new head.
BODY_SHARE = 0.1
# On a GPU, looking at a loss waits for it.
_LOOK_EVERY = 20
_CHANCE = 4
_CURVE = "fieldscope_curve"

Kept: TypeAlias = Callable[[Sequence[Epoch]], None]
"""Called with the epochs that are done."""

_OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "sgd": lambda groups, lr: torch.optim.SGD(groups, lr=lr, momentum=0.9),
}


def _first(error: RuntimeError) -> str:
    """The first thing that torch says of weights, behind its heading."""
    lines = [line.strip() for line in str(error).splitlines()]
    return next((line for line in lines[1:] if line), lines[0]).rstrip(".")


def _mean() -> torchmetrics.MeanMetric:
    # By default it leaves out what is no number, which is just what is looked for.
    return torchmetrics.MeanMetric(nan_strategy="disable")


class Learning(lightning.LightningModule):
    """A model that learns to tell classes apart, by cross-entropy.

    Attributes:
        model: what learns.
        settings: of the run.
        curve: the epochs that are done.
    """

    def __init__(
        self,
        model: nn.Module,
        settings: Settings,
        *,
        classes: int,
        taken_back: Kept = lambda _: None,
    ) -> None:
        super().__init__()
        self.model = model
        self.settings = settings
        self.curve: list[Epoch] = []
        self._classes = classes
        self._taken_back = taken_back
        self._began = time.perf_counter()
        counted = torchmetrics.classification.MulticlassAccuracy
        self._train = nn.ModuleDict(
            {"loss": _mean(), "accuracy": counted(classes, average="micro")}
        )
        self._validation = nn.ModuleDict(
            {"loss": _mean(), "accuracy": counted(classes, average="micro")}
        )

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> Any:
        """Take the weights of a checkpoint.

        Raises:
            InputError: they are those of another network.
        """
        try:
            return super().load_state_dict(state_dict, strict, assign)
        except RuntimeError as error:
            raise InputError(
                f"the weights of the checkpoint don't fit {self.settings.model}: {_first(error)}\n"
                "put back the code that the run began with, or begin another run with --out"
            ) from error

    def body_is_frozen(self, epoch: int) -> bool:
        """Whether an epoch, counted from 1, leaves the body as it is."""
        settings = self.settings
        if not isinstance(self.model, Finetuned) or not settings.freeze:
            return False
        return settings.unfreeze_at is None or epoch < settings.unfreeze_at

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Give the optimiser; a body learns more slowly than its head."""
        rate = self.settings.learning_rate
        groups: list[dict[str, Any]] = [{"params": list(self.model.parameters()), "lr": rate}]
        if isinstance(self.model, Finetuned):
            groups = [
                {"params": list(self.model.head.parameters()), "lr": rate},
                {"params": list(self.model.body.parameters()), "lr": rate * BODY_SHARE},
            ]
        return _OPTIMIZERS[self.settings.optimizer](groups, lr=rate)

    def on_fit_start(self) -> None:
        """Say what can learn, before processes agree on it."""
        self._set_modes()

    def on_train_epoch_start(self) -> None:
        """Begin an epoch as it would begin in any run of this seed."""
        self._began = time.perf_counter()
        chance = mixed(self.settings.seed, _CHANCE, self.current_epoch, self.global_rank) % 2**32
        torch.manual_seed(chance)
        random.seed(chance)
        np.random.seed(chance)  # noqa: NPY002  # what a model's own code may draw from
        self._set_modes()
        for metric in (*self._train.values(), *self._validation.values()):
            metric.reset()  # type: ignore[operator]  # a ModuleDict knows only modules

    def _set_modes(self) -> None:
        self.model.train()
        if not isinstance(self.model, Finetuned):
            return
        body, frozen = self.model.body, self.body_is_frozen(self.current_epoch + 1)
        body.requires_grad_(not frozen)
        for module in body.modules():
            # Statistics of many photos aren't given up for those of a few batches.
            if frozen or isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.eval()

    def training_step(self, batch: Any, batch_idx: int) -> torch.Tensor:
        """Learn from a batch: photos `[n c y x]` or features of the frozen body `[n c]`."""
        loss = self._met(batch, self._train)
        if loss.device.type == "cpu" or batch_idx % _LOOK_EVERY == 0:
            self._check(loss, "training loss")
        return loss

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        """Judge a batch."""
        del batch_idx
        self._met(batch, self._validation)

    def _met(self, batch: Any, metrics: nn.ModuleDict) -> torch.Tensor:
        inputs, targets = batch
        scores = self._scores(inputs)
        self._check_scores(scores, inputs)
        loss = functional.cross_entropy(scores.float(), targets)
        metrics["loss"].update(loss.detach(), len(targets))  # type: ignore[operator]  # as above
        metrics["accuracy"].update(scores.detach(), targets)  # type: ignore[operator]  # as above
        return loss

    def _scores(self, inputs: torch.Tensor) -> Any:
        try:
            return self._run(inputs)
        except (FieldscopeError, torch.OutOfMemoryError):
            raise
        except Exception as error:
            # A model that runs may fail in training still, as batch norm does on a single photo.
            raise ModelError(
                f"{self._told(inputs)} fails: {told(error)}\n"
                "give another --batch-size or --resolution, or mend the model, and begin anew"
            ) from error

    def _run(self, inputs: torch.Tensor) -> Any:
        if not isinstance(self.model, Finetuned):
            return logits(self.model(inputs))
        if inputs.ndim > 2:
            with torch.set_grad_enabled(
                torch.is_grad_enabled() and not self.body_is_frozen(self.current_epoch + 1)
            ):
                inputs = self.model.body(inputs)
        return self.model.head(inputs)

    def _check_scores(self, scores: Any, inputs: torch.Tensor) -> None:
        """Say what is wrong with scores that were fine before training, such as a tuple of them."""
        shape = list(scores.shape) if isinstance(scores, torch.Tensor) else None
        wanted = [len(inputs), self._classes]
        if shape == wanted:
            return
        came = f"a tensor {shape}" if shape else f"a value of type {type(scores).__name__}"
        raise ModelError(
            f"{self._told(inputs)} gives {came}, and {wanted} is wanted: a score for each class\n"
            "let it return the scores alone, or beside others as what is called logits"
        )

    def _told(self, inputs: torch.Tensor) -> str:
        while_ = "in training" if self.model.training else "in validation"
        return f"{self.settings.model} {while_}, on a batch {list(inputs.shape)},"

    def _check(self, loss: torch.Tensor, what: str) -> None:
        """End the run where nothing can be learned any more, in all processes alike."""
        finite = bool(torch.isfinite(loss))
        if not self.trainer.strategy.reduce_boolean_decision(finite, all=True):
            raise TrainingError(
                f"the {what} is {loss.item():g}\n"
                f"try a --learning-rate below {self.settings.learning_rate:g} in another folder; "
                "checkpoints are of the last epoch before"
            )

    def on_train_epoch_end(self) -> None:
        """Add the epoch to the curve."""
        train = {name: metric.compute() for name, metric in self._train.items()}  # type: ignore[operator]  # as above
        validation = {name: one.compute() for name, one in self._validation.items()}  # type: ignore[operator]  # as above
        self._check(train["loss"], "training loss")
        self._check(validation["loss"], "validation loss")
        self.curve.append(
            Epoch(
                epoch=self.current_epoch + 1,
                train_loss=float(train["loss"]),
                train_accuracy=float(train["accuracy"]),
                val_loss=float(validation["loss"]),
                val_accuracy=float(validation["accuracy"]),
                learning_rate=self.settings.learning_rate,
                seconds=round(time.perf_counter() - self._began, 3),
            )
        )
        told = dataclasses.asdict(self.curve[-1])
        epoch = told.pop("epoch")
        for logger in self.trainer.loggers:
            logger.log_metrics(told, step=epoch)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the curve beside the weights: the two can't disagree."""
        checkpoint[_CURVE] = [list(dataclasses.astuple(one)) for one in self.curve]

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take the curve back, without what came behind the checkpoint."""
        try:
            self.curve = [Epoch(*row) for row in checkpoint[_CURVE]]
        except (KeyError, TypeError) as error:
            raise InputError(
                "the checkpoint holds no curve, so it isn't one of this run\n"
                "put back the file last.ckpt that was written"
            ) from error
        self._taken_back(self.curve)
