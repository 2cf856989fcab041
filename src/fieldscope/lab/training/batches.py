"""What is learned from in each epoch: photos, or what a frozen body makes of them."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from torch.utils.data import Dataset

from fieldscope import writing
from fieldscope.lab.data import Loaders, loaders
from fieldscope.lab.data.sampling import Draw, Loader, Order
from fieldscope.lab.frameworks import lightning
from fieldscope.lab.models.body import Body, Finetuned
from fieldscope.lab.training.learning import Learning
from fieldscope.lab.training.planning import Plan
from fieldscope.photos.catalogue import Told

FEATURES = "features.npz"
_PARTS = ("train", "validation")

Features: TypeAlias = "dict[str, torch.Tensor]"


class Pooled(Dataset[tuple[torch.Tensor, int]]):
    """Features of photos `[c]` with their targets."""

    def __init__(self, features: torch.Tensor, targets: tuple[int, ...]) -> None:
        self.features = features
        self.targets = targets

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, which: int | Draw) -> tuple[torch.Tensor, int]:
        # Nothing is varied here, so the epoch makes no difference.
        index = which.index if isinstance(which, Draw) else which
        return self.features[index], self.targets[index]


class Batches(lightning.LightningDataModule):
    """The batches of a run; those of a frozen body's features where nothing varies them."""

    def __init__(self, plan: Plan, *, workers: int, told: Told) -> None:
        super().__init__()
        self._plan = plan
        self._workers = workers
        self._told = told
        self._photos: Loaders | None = None
        self._features: tuple[Loader, Loader] | None = None

    @property
    def change(self) -> bool:
        """Whether there are others from some epoch on."""
        settings = self._plan.settings
        return self._may_be_pooled and settings.unfreeze_at is not None

    @property
    def _may_be_pooled(self) -> bool:
        frozen = isinstance(self._plan.assembled.model, Finetuned) and self._plan.settings.freeze
        return frozen and self._plan.preparation.augment is None

    def setup(self, stage: str) -> None:
        """Make the loaders, where the processes know of each other."""
        del stage
        if self._photos is None:
            self._photos = loaders(
                self._plan.split,
                self._plan.preparation,
                batch_size=self._plan.settings.batch_size,
                seed=self._plan.settings.seed,
                workers=self._workers,
                told=self._told,
            )

    def train_dataloader(self) -> Loader:
        """Give what the epoch learns from."""
        pooled = self._pooled()
        return self._loaders.train if pooled is None else pooled[0]

    def val_dataloader(self) -> Loader:
        """Give what it is judged by."""
        pooled = self._pooled()
        return self._loaders.validation if pooled is None else pooled[1]

    @property
    def _loaders(self) -> Loaders:
        assert self._photos is not None  # Lightning sets up first
        return self._photos

    def _pooled(self) -> tuple[Loader, Loader] | None:
        trainer: Any = self.trainer
        learning = trainer.lightning_module
        assert isinstance(learning, Learning)
        # Several processes would each pool all photos.
        if not self._may_be_pooled or trainer.world_size > 1:
            return None
        if not learning.body_is_frozen(trainer.current_epoch + 1):
            return None
        if self._features is None:
            found = self._found(learning, trainer)
            sources = {"train": self._loaders.plain, "validation": self._loaders.validation}
            photos = {name: source.dataset for name, source in sources.items()}
            sets = {name: Pooled(found[name], photos[name].targets) for name in _PARTS}  # type: ignore[attr-defined]  # Photos, which the loaders hold
            size, seed = self._plan.settings.batch_size, self._plan.settings.seed
            order = Order(len(sets["train"]), seed=seed)
            self._features = (
                Loader(
                    sets["train"],
                    batch_size=size,
                    sampler=order,
                    # As with photos, so that the same batches are learned from.
                    drop_last=self._loaders.train.drop_last,
                ),
                Loader(sets["validation"], batch_size=size),
            )
        return self._features

    def _found(self, learning: Learning, trainer: Any) -> Features:
        """Read the features if they were kept, else work them out and keep them."""
        assert isinstance(learning.model, Finetuned)
        body, path = learning.model.body, self._plan.folder / FEATURES
        key = _key(body, self._plan, str(trainer.precision))
        kept = _read(path, key)
        if kept is not None:
            return kept
        body.eval()  # as it is in all epochs in which it is frozen
        with torch.no_grad(), trainer.precision_plugin.forward_context():
            found = {
                "train": self._through(body, self._loaders.plain, learning.device),
                "validation": self._through(body, self._loaders.validation, learning.device),
            }
        _write(path, found, key)
        return found

    def _through(self, body: Body, source: Loader, device: torch.device) -> torch.Tensor:
        features = []
        for done, (photos, _) in enumerate(source, start=1):
            features.append(body(photos.to(device)).float().cpu())
            self._told("features of the frozen body", done, len(source))
        return torch.cat(features)


def _key(body: Body, plan: Plan, precision: str) -> str:
    """Digest what the features depend on: weights, photos, and how these are prepared."""
    digest = hashlib.sha256(f"{body.cut} {precision} {plan.catalogue.digest}".encode())
    digest.update(plan.catalogue.content.encode())
    digest.update(json.dumps(plan.preparation.to_dict()).encode())
    for part in (plan.split.train, plan.split.validation):
        digest.update(json.dumps([photo.id for photo in part]).encode())
    for name, value in body.state_dict().items():
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _read(path: Path, key: str) -> Features | None:
    try:
        with np.load(path, allow_pickle=False) as file:
            if str(file["key"]) != key:
                return None
            return {name: torch.from_numpy(file[name]) for name in _PARTS}
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile):
        return None  # they can be had again


def _write(path: Path, features: Features, key: str) -> None:
    with writing.replacing(path) as temporary, temporary.open("wb") as file:
        train, validation = (features[name].numpy() for name in _PARTS)
        np.savez(file, key=np.array(key), train=train, validation=validation)
