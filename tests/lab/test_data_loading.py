"""What an epoch gives is a function of seed and epoch, however it is loaded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from fieldscope.errors import InputError
from fieldscope.lab.data import Augmentation, Loaders, Preparation, Split, loaders, split_of
from fieldscope.lab.data import loading as subject
from fieldscope.lab.data.sampling import Loader, Order
from fieldscope.lab.frameworks import lightning
from tests.lab.pictures import catalogue

# Where tests of other frameworks ran in this process, these have threads and say so at each fork.
pytestmark = pytest.mark.filterwarnings(r"ignore:.*fork\(\)")

PREPARATION = Preparation(8, augment=Augmentation())
# Python warns of forks beside threads since 3.12; torch's workers are forked on Linux.
FORKS = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> Split:
    return split_of(catalogue(tmp_path_factory.mktemp("photos"), cat=9, dog=6), seed=0)


def made(split: Split, seed: int = 3, workers: int = 0, cache_bytes: int = 2**20) -> Loaders:
    return loaders(
        split, PREPARATION, batch_size=5, seed=seed, workers=workers, cache_bytes=cache_bytes
    )


def epoch(loader: Loader) -> tuple[torch.Tensor, torch.Tensor]:
    batches = list(loader)
    return torch.cat([inputs for inputs, _ in batches]), torch.cat([rest for _, rest in batches])


def train(batches: Loaders, number: int) -> torch.Tensor:
    batches.set_epoch(number)
    return epoch(batches.train)[0]


def test_batches_have_inputs_and_targets_of_the_classes(split: Split) -> None:
    batches = made(split)
    inputs, targets = epoch(batches.plain)
    assert inputs.shape == (len(split.train), 3, 8, 8)
    assert inputs.dtype == torch.float32
    assert targets.tolist() == [split.classes.index(photo.label) for photo in split.train]
    assert len(epoch(batches.validation)[0]) == len(split.validation)
    assert sorted(epoch(batches.train)[1].tolist()) == sorted(targets.tolist())


@FORKS
def test_neither_workers_nor_the_cache_change_a_number(split: Split) -> None:
    plain, cached, working = made(split, cache_bytes=0), made(split), made(split, workers=2)
    for number in (0, 1, 5):
        wanted = train(plain, number)
        assert torch.equal(train(cached, number), wanted)
        # The same workers, living on.
        assert torch.equal(train(working, number), wanted)
    assert torch.equal(epoch(plain.validation)[0], epoch(cached.validation)[0])


def test_a_later_epoch_needs_no_earlier_one(split: Split) -> None:
    going_on = made(split)
    for number in range(3):
        last = train(going_on, number)
    assert torch.equal(train(made(split), 2), last)


def test_epochs_and_seeds_differ_in_order_and_in_variation(split: Split) -> None:
    batches = made(split)
    first, second = train(batches, 0), train(batches, 1)
    assert not torch.equal(first, second)
    photos = batches.train.dataset
    assert isinstance(photos, subject.Photos)
    assert not torch.equal(photos.input(0, epoch=0), photos.input(0, epoch=1))
    assert not torch.equal(photos.input(0), photos.input(1))
    assert not torch.equal(train(made(split, seed=4), 0), first)


def test_neighbouring_seeds_share_no_order() -> None:
    def order(seed: int, epoch: int) -> tuple[int, ...]:
        order = Order(20, seed=seed)
        order.set_epoch(epoch)
        return tuple(draw.index for draw in order)

    assert len({order(seed, epoch) for seed in range(3) for epoch in range(3)}) == 9


def test_what_is_validated_on_is_never_varied(split: Split) -> None:
    off = loaders(split, replace(PREPARATION, augment=None), batch_size=5, seed=0)
    assert torch.equal(epoch(made(split).validation)[0], epoch(off.validation)[0])
    assert torch.equal(epoch(made(split).plain)[0], epoch(off.plain)[0])


def test_loading_leaves_the_random_numbers_of_training_alone(split: Split) -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    train(made(split), 1)
    assert torch.equal(torch.get_rng_state(), before)


def test_photos_are_kept_only_where_all_of_them_fit(split: Split) -> None:
    def kept(cache_bytes: int) -> bool:
        photos = made(split, cache_bytes=cache_bytes).train.dataset
        assert isinstance(photos, subject.Photos)
        return photos.kept is not None

    assert kept(15 * 3 * 8 * 8)
    assert not kept(15 * 3 * 8 * 8 - 1)


def test_a_batch_of_one_at_the_end_is_dropped_and_others_are_not(split: Split) -> None:
    def sizes(batch_size: int) -> list[int]:
        found = loaders(split, PREPARATION, batch_size=batch_size, seed=0)
        return [len(targets) for _, targets in found.train]

    assert len(split.train) == 12
    assert sizes(11) == [11]
    assert sizes(5) == [5, 5, 2]
    assert sizes(1) == [1] * 12
    assert sizes(20) == [12]


def test_several_processes_have_a_share_each(monkeypatch: pytest.MonkeyPatch) -> None:
    distributed = torch.distributed
    monkeypatch.setattr(distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(distributed, "get_world_size", lambda: 2)
    shares = []
    for rank in range(2):
        monkeypatch.setattr(distributed, "get_rank", lambda rank=rank: rank)
        shares.append([draw.index for draw in Order(6, seed=0)])
    assert [len(share) for share in shares] == [3, 3]
    assert sorted(shares[0] + shares[1]) == list(range(6))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"batch_size": 0}, "the batch size is 0, and must be from 1 on"),
        ({"workers": -1}, "the number of workers is -1, and must be from 0 on"),
        ({"seed": -1}, "the seed is -1, and must be from 0 on"),
    ],
)
def test_settings_that_make_no_sense_are_named(
    split: Split, wrong: dict[str, int], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        loaders(split, PREPARATION, **{"batch_size": 4, "seed": 0, **wrong})  # type: ignore[arg-type]


def test_a_photo_that_is_gone_is_named(tmp_path: Path) -> None:
    found = split_of(catalogue(tmp_path, cat=3, dog=3), seed=0)
    batches = made(found, cache_bytes=0)
    found.train[0].path.unlink()
    with pytest.raises(InputError, match="there is no file"):
        epoch(batches.plain)


class Recorder(lightning.LightningModule):
    """A network that learns next to nothing and remembers what it is shown."""

    def __init__(self, batches: Loaders) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.batches = batches
        self.seen: list[torch.Tensor] = []

    def train_dataloader(self) -> Loader:
        return self.batches.train

    def training_step(self, batch: list[torch.Tensor]) -> torch.Tensor:
        self.seen.append(batch[0].clone())
        return self.weight**2

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


@FORKS
@pytest.mark.filterwarnings("ignore::UserWarning")  # of workers and devices that might be used
@pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")  # Lightning's own use of torch
@pytest.mark.parametrize("workers", [0, 1])
def test_lightning_says_the_epoch_also_after_a_resume(
    split: Split, tmp_path: Path, workers: int
) -> None:
    def fit(epochs: int, resume: Path | None = None) -> torch.Tensor:
        recorder = Recorder(made(split, workers=workers))
        trainer = lightning.Trainer(
            accelerator="cpu",
            max_epochs=epochs,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        trainer.fit(recorder, ckpt_path=resume)
        trainer.save_checkpoint(tmp_path / f"{epochs}.ckpt")
        return torch.cat(recorder.seen)

    whole = fit(3)
    begun = fit(2)
    resumed = fit(3, tmp_path / "2.ckpt")
    assert torch.equal(whole, torch.cat([begun, resumed]))
    assert torch.equal(resumed, train(made(split), 2))
