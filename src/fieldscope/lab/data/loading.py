"""Prepared photographs as torch's data sets and loaders, the same in every run.

What an epoch gives depends on seed and epoch alone: not on the number of workers, on what is
kept in memory, or on whether the run was interrupted before it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import torch
from PIL import Image
from torch.utils.data import Dataset

from fieldscope.errors import InputError
from fieldscope.lab.data.augmentation import varying
from fieldscope.lab.data.preparing import Preparation, normalised, square
from fieldscope.lab.data.sampling import VARIATION, WORKERS, Draw, Loader, Order, mixed
from fieldscope.lab.data.split import Split
from fieldscope.photos import Photo
from fieldscope.photos.catalogue import Told
from fieldscope.photos.reading import Pixels

CACHE_BYTES = 2**30


class Photos(Dataset[tuple[torch.Tensor, int]]):
    """Prepared photos with their targets: inputs `[c y x]` and indices of classes.

    A photo is asked for by its index, or by a `Draw`, which says the epoch too. How it is
    varied is a function of seed, epoch and index.
    """

    def __init__(
        self,
        photos: Sequence[Photo],
        classes: Sequence[str],
        *,
        preparation: Preparation,
        seed: int = 0,
        kept: Pixels | None = None,
    ) -> None:
        """Take photos, and what was kept of them.

        Args:
            photos: in the order of their indices.
            classes: labels in the order of the targets.
            preparation: what is done to them; only photos to train on are augmented.
            seed: of how they are varied.
            kept: the photos read already, bytes `[n y x c]`; see `keep`.
        """
        index = {label: number for number, label in enumerate(classes)}
        self.photos = tuple(photos)
        self.targets = tuple(index[photo.label] for photo in photos)
        self.preparation = preparation
        self.kept = kept
        self._seed = seed
        self._vary = None if preparation.augment is None else varying(preparation.augment)

    def __len__(self) -> int:
        return len(self.photos)

    def __getitem__(self, which: int | Draw) -> tuple[torch.Tensor, int]:
        draw = which if isinstance(which, Draw) else Draw(0, which)
        return self.input(draw.index, epoch=draw.epoch), self.targets[draw.index]

    def input(self, index: int, *, epoch: int = 0) -> torch.Tensor:
        """Give one photo as a network's input `[c y x]`, as it is in an epoch."""
        pixels = self._square(index)
        if self._vary is None:
            return normalised(pixels, self.preparation)
        with _chance(mixed(self._seed, VARIATION, epoch, index)):
            return normalised(self._vary(Image.fromarray(pixels)), self.preparation)

    def _square(self, index: int) -> Pixels:
        if self.kept is None:
            return square(self.photos[index].path, self.preparation.resolution)
        pixels: Pixels = self.kept[index]
        return pixels


@dataclass(frozen=True, slots=True)
class Loaders:
    """Batches of inputs `[n c y x]` and targets `[n]`.

    Attributes:
        train: varied and shuffled, anew in each epoch.
        plain: the photos to train on as those to validate on, in the order of the split.
        validation: in the order of the split.
    """

    train: Loader
    plain: Loader
    validation: Loader

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch comes next; Lightning does so by itself."""
        order = self.train.sampler
        assert isinstance(order, Order)
        order.set_epoch(epoch)


def keep(photos: Sequence[Photo], resolution: int, *, told: Told = lambda *_: None) -> Pixels:
    """Read photos once and for all: bytes `[n y x c]`, padded to squares and resized.

    Raises:
        InputError: one can't be read.

    >>> keep([], 8).shape
    (0, 8, 8, 3)
    """
    kept = np.zeros((len(photos), resolution, resolution, 3), np.uint8)

    def read(index: int) -> None:
        kept[index] = square(photos[index].path, resolution)

    with ThreadPoolExecutor(max_workers=min(16, os.cpu_count() or 1)) as pool:
        try:
            for done, _ in enumerate(pool.map(read, range(len(photos))), start=1):
                told("reading photos", done, len(photos))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return kept


def loaders(
    split: Split,
    preparation: Preparation,
    *,
    batch_size: int,
    seed: int,
    workers: int = 0,
    cache_bytes: int = CACHE_BYTES,
    told: Told = lambda *_: None,
) -> Loaders:
    """Make the loaders of a run.

    Where training runs in several processes they are made in each, in Lightning's hooks.

    Args:
        split: the photos.
        preparation: what is done to them; those that are validated on aren't augmented.
        batch_size: photos of a batch, in each process.
        seed: of the order and of how photos are varied.
        workers: processes that read photos; 0 reads them where training runs.
        cache_bytes: photos stay in memory, resized, if all of them take no more; 0 for never.
        told: called as photos are read into memory.

    Raises:
        InputError: a setting makes no sense, or a photo can't be read.

    >>> loaders(Split((), (), ()), Preparation(8), batch_size=0, seed=0)
    Traceback (most recent call last):
    fieldscope.errors.InputError: the batch size is 0, and must be from 1 on
    """
    for name, value, least in (("batch size", batch_size, 1), ("number of workers", workers, 0)):
        if value < least:
            raise InputError(f"the {name} is {value}, and must be from {least} on")
    if seed < 0:
        raise InputError(f"the seed is {seed}, and must be from 0 on")
    plain = replace(preparation, augment=None)
    both = split.train + split.validation
    kept = None
    if len(both) * 3 * preparation.resolution**2 <= cache_bytes:
        kept = keep(both, preparation.resolution, told=told)
    count = len(split.train)

    def photos(part: Sequence[Photo], preparation: Preparation, which: slice) -> Photos:
        mine = None if kept is None else kept[which]
        return Photos(part, split.classes, preparation=preparation, seed=seed, kept=mine)

    def loader(photos: Photos, order: Order | None = None) -> Loader:
        return Loader(
            photos,
            batch_size=batch_size,
            sampler=order,
            num_workers=workers,
            persistent_workers=workers > 0,
            pin_memory=torch.cuda.is_available(),
            # Batch norm can't take the deviation of a batch of one.
            drop_last=order is not None and len(order) > batch_size > len(order) % batch_size == 1,
            # Of its own, so that loading doesn't move the random numbers of training.
            generator=torch.Generator().manual_seed(mixed(seed, WORKERS)),
        )

    train = photos(split.train, preparation, slice(count))
    return Loaders(
        loader(train, Order(count, seed=seed)),
        loader(photos(split.train, plain, slice(count))),
        loader(photos(split.validation, plain, slice(count, None))),
    )


@contextmanager
def _chance(seed: int) -> Iterator[None]:
    """Draw torch's random numbers from a seed, and leave them as they were.

    Only those of the processor: `torch.manual_seed` would set a GPU's back too, and dropout there
    would drop the same in every step.
    """
    before = torch.get_rng_state()
    torch.default_generator.manual_seed(seed)
    try:
        yield
    finally:
        torch.set_rng_state(before)
