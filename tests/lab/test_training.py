"""Training for real on tiny photos: what is learned, and what the folder has of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from PIL import Image

import fieldscope.lab
from fieldscope.errors import InputError, ModelError
from fieldscope.lab.models.assembling import restored
from fieldscope.lab.runs import Run
from fieldscope.lab.training.machine import Machine
from tests.lab.course import EXTENT, NETWORK, lines, network_in, photos_in, settings, trained


def test_a_network_learns_and_its_folder_is_whole(tmp_path: Path) -> None:
    noted: list[int] = []
    run = fieldscope.lab.train(
        photos_in(tmp_path / "photos"),
        out=tmp_path / "run",
        model=network_in(tmp_path),
        arguments={"width": 12},
        resolution=EXTENT,
        epochs=5,
        batch_size=4,
        learning_rate=0.02,
        machine=Machine(accelerator="cpu"),
        noted=lambda epoch: noted.append(epoch.epoch),
    )
    assert run.status == "finished"
    assert noted == [1, 2, 3, 4, 5]
    assert run.curves[-1].train_loss < run.curves[0].train_loss
    assert run.best is not None
    assert run.best.val_accuracy > 0.5
    assert {path.name for path in run.folder.iterdir()} == {
        *("analysis.json", "augmented.png", "best.ckpt", "curves.csv", "curves.png"),
        *("last.ckpt", "run.json", "samples.png", "split.csv"),
    }
    for name in ("curves.png", "samples.png", "augmented.png"):
        with Image.open(run.folder / name) as picture:
            picture.load()
    assert run.counts is not None
    # 3·12·9 and 12·12·9 weights with biases, two of batch norm, 12·3 and 3 of the output.
    assert run.counts.parameters == 336 + 24 + 1308 + 39
    assert run.counts.macs == 3 * 12 * 9 * 144 + 12 * 12 * 9 * 36 + 36
    assert json.loads((run.folder / "analysis.json").read_text())["schema"].endswith("vity/1")


def test_the_best_checkpoint_has_the_accuracy_of_the_best_epoch(tmp_path: Path) -> None:
    wanted = settings(photos_in(tmp_path / "photos"), network_in(tmp_path))
    run: Run = trained(wanted, tmp_path / "run")
    best = torch.load(run.best_checkpoint, weights_only=True)
    assert run.best is not None
    assert best["epoch"] + 1 == run.best.epoch
    model = restored(run)
    assert not model.training
    for name, weights in model.state_dict().items():
        assert torch.equal(weights, best["state_dict"][f"model.{name}"])


def test_the_same_seed_gives_the_same_curve_and_another_gives_another(tmp_path: Path) -> None:
    photos, model = photos_in(tmp_path / "photos"), network_in(tmp_path)
    varied = {"augmentation": fieldscope.lab.Augmentation().to_dict()}
    curves = []
    for number, seed in enumerate((5, 5, 6)):
        torch.manual_seed(number)
        trained(settings(photos, model, seed=seed, **varied), tmp_path / f"run{number}")
        curves.append(lines(tmp_path / f"run{number}"))
    assert curves[0] == curves[1]
    assert curves[0] != curves[2]


def test_random_numbers_and_settings_of_torch_are_given_back(tmp_path: Path) -> None:
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    trained(settings(photos_in(tmp_path / "photos"), network_in(tmp_path)), tmp_path / "run")
    assert torch.equal(torch.rand(1), expected)
    assert not torch.are_deterministic_algorithms_enabled()


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_other_optimisers_learn_too(tmp_path: Path, optimizer: str) -> None:
    wanted = settings(photos_in(tmp_path / "photos"), network_in(tmp_path), optimizer=optimizer)
    run: Run = trained(wanted, tmp_path / "run")
    assert run.curves[-1].train_loss < run.curves[0].train_loss


def test_a_model_that_cannot_be_analysed_is_trained_all_the_same(tmp_path: Path) -> None:
    # A branch on a value, which shapes don't tell.
    code = NETWORK.replace(
        "def build",
        """
class Branching(nn.Module):
    def forward(self, x):
        return x if x.sum() > 1e9 else x * 1


def build""",
    ).replace("nn.Flatten(),", "nn.Flatten(), Branching(),")
    wanted = settings(photos_in(tmp_path / "photos"), network_in(tmp_path, code), epochs=1)
    run: Run = trained(wanted, tmp_path / "run")
    assert run.counts is None
    assert not (run.folder / "analysis.json").exists()
    assert run.status == "finished"


def test_a_model_without_a_score_for_each_class_is_told(tmp_path: Path) -> None:
    fixed = network_in(tmp_path, NETWORK.replace("num_classes", "outputs"))
    with pytest.raises(ModelError, match=r"gives a tensor \[2, 2\] for 2 images 12×12, and \[2, 3"):
        trained(settings(photos_in(tmp_path / "photos"), fixed), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_photos_that_are_broken_are_told_before_anything_is_made(tmp_path: Path) -> None:
    photos = photos_in(tmp_path / "photos")
    (photos / "c0" / "broken.png").write_bytes(b"none")
    wanted = settings(photos, network_in(tmp_path))
    with pytest.raises(InputError, match=r"c0/broken.png"):
        trained(wanted, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    run: Run = trained(settings(photos, network_in(tmp_path), skip_bad=True), tmp_path / "run")
    assert sum(run.photos) == 24


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"learning_rate": 0.0}, "the learning rate is 0.0, and must be above 0"),
        ({"optimizer": "lion"}, "there is no optimiser 'lion'\nknown are 'adam', 'adamw' and 's"),
        ({"seed": -1}, "the seed is -1, and must be from 0 to"),
        ({"mean": (0.5,)}, "normalisation takes three means and deviations, got 1 and 3"),
        ({"validation": 1.5}, "the share to validate on is 1.5"),
    ],
)
def test_settings_that_make_no_sense_are_told(
    tmp_path: Path, wrong: dict[str, object], said: str
) -> None:
    wanted = settings(photos_in(tmp_path / "photos"), network_in(tmp_path), **wrong)
    with pytest.raises(InputError, match=said):
        trained(wanted, tmp_path / "run")


def test_a_machine_that_there_is_not_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"(?s)there is no such machine to train on: .*'abacus'"):
        fieldscope.lab.train(
            photos_in(tmp_path / "photos"),
            out=tmp_path / "run",
            model=network_in(tmp_path),
            resolution=EXTENT,
            machine=Machine(accelerator="abacus"),
        )
