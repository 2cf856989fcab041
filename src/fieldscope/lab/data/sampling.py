"""In which order photographs are trained on: by seed and epoch alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch.distributed
from torch.utils.data import DataLoader, DistributedSampler


@dataclass(frozen=True, slots=True)
class Draw:
    """A photo that is asked for: in which epoch, and which one.

    The epoch goes with the question, so that workers that live on from epoch to epoch know it.
    """

    epoch: int
    index: int


Batch: TypeAlias = list[torch.Tensor]
"""Inputs `[n c y x]` and targets `[n]`."""


class Order(DistributedSampler[Any]):
    """The order of an epoch's photos, a function of seed and epoch; each process has its share.

    Lightning calls `set_epoch` at each epoch's start, and leaves the sampler in its place, since
    it is one for several processes already. Their number is asked for here, so loaders are made
    where training runs: in the hook `train_dataloader`.

    >>> order = Order(4, seed=0)
    >>> first = list(order)
    >>> order.set_epoch(1)
    >>> sorted(draw.index for draw in first), {draw.epoch for draw in order}
    ([0, 1, 2, 3], {1})
    """

    def __init__(self, count: int, *, seed: int) -> None:
        several = torch.distributed.is_available() and torch.distributed.is_initialized()
        super().__init__(
            range(count),  # type: ignore[arg-type]  # only its length is asked for
            num_replicas=torch.distributed.get_world_size() if several else 1,
            rank=torch.distributed.get_rank() if several else 0,
            # The sampler adds the epoch to the seed: neighbouring seeds would share orders.
            seed=mixed(seed, _ORDER) % 2**62,
        )

    def __iter__(self) -> Iterator[Draw]:
        epoch = self.epoch
        return (Draw(epoch, index) for index in super().__iter__())


class Loader(DataLoader[Any]):
    """A loader that draws nothing before its first batch is asked for.

    Lightning makes the iterator of a run's first epoch before it calls `set_epoch`, and workers
    begin at once with what the sampler gives then: after a resume, another epoch's photos.
    """

    def __iter__(self) -> Iterator[Batch]:  # type: ignore[override]  # a generator, to be lazy
        yield from super().__iter__()


_ORDER, VARIATION, WORKERS = 1, 2, 3


def mixed(*numbers: int) -> int:
    """Make one seed of several numbers, such that near ones give unlike seeds.

    >>> mixed(0, 1) == mixed(0, 1), mixed(0, 1) == mixed(1, 0)
    (True, False)
    """
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0])
