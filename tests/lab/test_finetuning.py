"""Fine-tuning for real: what of a body changes, and what is worked out once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import fieldscope
from benchmarks.lab.digits import write_table
from fieldscope.errors import InputError, LayerNotFoundError, ModelError
from fieldscope.lab.data import Augmentation
from fieldscope.lab.models.assembling import assembled, restored
from fieldscope.lab.models.body import Finetuned, cut_of, finetuned
from fieldscope.lab.runs import Run
from fieldscope.lab.settings import Settings
from fieldscope.lab.training.batches import FEATURES, Batches
from fieldscope.lab.training.fitting import fit
from fieldscope.lab.training.machine import Machine
from fieldscope.lab.training.planning import planned
from fieldscope.lab.training.starting import finetune
from tests.lab.course import ON_CPU, lines, network_in, photos_in, settings, trained
from tests.shipped import VGG16_OF_CRAFT, text_detector

UNVARIED: dict[str, Any] = {"kind": "finetune", "freeze": True}
VARIED = {**UNVARIED, "augmentation": Augmentation().to_dict()}


def body_of(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    assert isinstance(model, Finetuned)
    return {name: value.clone() for name, value in model.body.state_dict().items()}


def before(wanted: Settings) -> dict[str, torch.Tensor]:
    return body_of(assembled(wanted, classes=3).model)


def changed(run: Run) -> set[str]:
    """Names of the body's values that aren't as they were."""
    first, last = before(run.settings), body_of(restored(run, which="last"))
    return {name for name, value in first.items() if not torch.equal(value, last[name])}


@pytest.mark.parametrize("options", [UNVARIED, VARIED])
def test_a_frozen_body_stays_as_it_is_and_the_head_learns(
    tmp_path: Path, options: dict[str, Any]
) -> None:
    wanted = settings(photos_in(tmp_path / "photos"), network_in(tmp_path), **options)
    run: Run = trained(wanted, tmp_path / "run")
    assert changed(run) == set()
    assert run.curves[-1].train_loss < run.curves[0].train_loss
    assert (run.folder / FEATURES).exists() == (options is UNVARIED)
    assert run.counts is not None
    # The head: 6 features, two layers of 512, 3 classes.
    assert run.counts.trained == 6 * 512 + 512 + 512 * 512 + 512 + 512 * 3 + 3


def test_features_that_are_kept_give_the_curve_of_photos(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = settings(photos_in(tmp_path / "photos"), network_in(tmp_path), **UNVARIED)
    kept: Run = trained(wanted, tmp_path / "kept")
    monkeypatch.setattr(Batches, "_may_be_pooled", False)
    seen: Run = trained(wanted, tmp_path / "seen")
    assert not (seen.folder / FEATURES).exists()
    for one, other in zip(kept.curves, seen.curves, strict=True):
        assert one.train_loss == pytest.approx(other.train_loss, rel=1e-4)
        assert one.val_loss == pytest.approx(other.val_loss, rel=1e-4)
        assert one.val_accuracy == other.val_accuracy


def test_features_are_read_again_only_where_nothing_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos, model = photos_in(tmp_path / "photos"), network_in(tmp_path)
    run: Run = trained(settings(photos, model, epochs=1, **UNVARIED), tmp_path / "run")
    worked_out: list[int] = []
    through = Batches._through

    def counting(self: Batches, *others: Any) -> torch.Tensor:
        worked_out.append(1)
        return through(self, *others)

    monkeypatch.setattr(Batches, "_through", counting)
    trained(settings(photos, model, epochs=2, **UNVARIED), run.folder, resume=True)
    assert not worked_out
    (run.folder / FEATURES).write_bytes(b"broken")
    trained(settings(photos, model, epochs=3, **UNVARIED), run.folder, resume=True)
    assert len(worked_out) == 2
    trained(settings(photos, model, epochs=3, **UNVARIED), tmp_path / "whole")
    assert lines(run.folder) == lines(tmp_path / "whole")


@pytest.mark.parametrize("options", [UNVARIED, VARIED])
def test_a_body_learns_from_the_epoch_on_at_which_it_is_unfrozen(
    tmp_path: Path, options: dict[str, Any]
) -> None:
    photos, model = photos_in(tmp_path / "photos"), network_in(tmp_path)
    wanted = settings(photos, model, unfreeze_at=3, **options)
    run: Run = trained(wanted, tmp_path / "run")
    frozen: Run = trained(settings(photos, model, **options), tmp_path / "frozen")
    # Weights have, statistics of batch norm haven't.
    assert changed(run) >= {"network.0.weight", "network.1.weight", "network.4.weight"}
    assert not {name for name in changed(run) if "running" in name}
    assert lines(run.folder)[:2] == lines(frozen.folder)[:2]
    assert lines(run.folder)[2] != lines(frozen.folder)[2]


def test_a_run_goes_on_to_the_same_curve_across_the_unfreezing(tmp_path: Path) -> None:
    photos, model = photos_in(tmp_path / "photos"), network_in(tmp_path)
    wanted = settings(photos, model, epochs=4, unfreeze_at=3, **UNVARIED)
    whole: Run = trained(wanted, tmp_path / "whole")
    for stop in (2, 3):
        folder = tmp_path / f"stopped{stop}"
        _stopped_at(stop, wanted, folder)
        assert len(Run.read(folder).curves) == stop
        trained(wanted, folder, resume=True)
        assert lines(folder) == lines(whole.folder)


def _stopped_at(stop: int, wanted: Settings, folder: Path) -> None:
    def interrupt(epoch: Any) -> None:
        if epoch.epoch == stop:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(planned(wanted, folder), ON_CPU, noted=interrupt)


def test_a_body_that_is_not_frozen_learns_from_the_first_epoch_on(tmp_path: Path) -> None:
    wanted = settings(
        photos_in(tmp_path / "photos"), network_in(tmp_path), kind="finetune", epochs=1
    )
    run: Run = trained(wanted, tmp_path / "run")
    assert "network.0.weight" in changed(run)


def test_a_body_has_the_weights_that_are_given(tmp_path: Path) -> None:
    photos, model = photos_in(tmp_path / "photos"), network_in(tmp_path)
    own: Run = trained(settings(photos, model, epochs=1), tmp_path / "own")
    weights = str(own.best_checkpoint)
    wanted = settings(photos, model, epochs=1, weights=weights, **UNVARIED)
    run: Run = trained(wanted, tmp_path / "run")
    expected = restored(own).state_dict()
    for name, value in body_of(restored(run)).items():
        assert torch.equal(value, expected[name.removeprefix("network.")])


def test_a_layer_to_cut_behind_is_chosen_by_name(tmp_path: Path) -> None:
    photos, model = photos_in(tmp_path / "photos"), network_in(tmp_path)
    run: Run = trained(settings(photos, model, epochs=1, cut="2", **UNVARIED), tmp_path / "run")
    assert set(before(run.settings)) == {
        *("network.0.weight", "network.0.bias", "network.1.weight", "network.1.bias"),
        *("network.1.running_mean", "network.1.running_var", "network.1.num_batches_tracked"),
    }
    with pytest.raises(LayerNotFoundError, match=r"has no layer 'conv' to cut behind"):
        trained(settings(photos, model, cut="conv", **UNVARIED), tmp_path / "other")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"freeze": False, "unfreeze_at": 2}, "the body isn't frozen, so it can't be unfrozen"),
        ({"freeze": True, "unfreeze_at": 9}, "unfrozen at epoch 9, and must be from 2 to 3"),
    ],
)
def test_an_unfreezing_that_cannot_be_is_told(
    tmp_path: Path, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        trained(settings(tmp_path, "small-vgg", kind="finetune", **options), tmp_path / "run")


def test_several_processes_cannot_unfreeze_a_body(tmp_path: Path) -> None:
    wanted = settings(
        photos_in(tmp_path / "photos"), network_in(tmp_path), unfreeze_at=2, **UNVARIED
    )
    several = Machine(accelerator="cpu", devices=2, strategy="ddp")
    with pytest.raises(InputError, match=r"--unfreeze-at is for one process: .*\nleave it out"):
        fit(planned(wanted, tmp_path / "run"), several)
    assert not (tmp_path / "run").exists()


class _Sequence(nn.Module):
    """Attends over positions that lie in front of the photos: `[position n channel]`."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 8, 4, stride=4)
        self.attention = nn.MultiheadAttention(8, 2)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        tokens = self.patches(image).flatten(2).permute(2, 0, 1)
        scores: torch.Tensor = self.attention(tokens, tokens, tokens)[0].mean(0)
        return scores


def test_a_body_ends_where_photos_have_an_axis_of_their_own() -> None:
    report = fieldscope.analyze(_Sequence(), (1, 3, 16, 16), name="net")
    cut = cut_of(report)
    assert cut.shape[0] == 1
    model = finetuned(_Sequence(), cut, image=(1, 3, 16, 16), classes=5, seed=0)
    assert model(torch.zeros(3, 3, 16, 16)).shape == (3, 5)
    mixed = next(layer for layer in report.layers if 0 in layer.spatial)
    with pytest.raises(ModelError, match=r"has no positions beside batch and channel"):
        cut_of(report, mixed.name)


def test_features_that_cannot_be_read_are_worked_out_again(tmp_path: Path) -> None:
    wanted = settings(photos_in(tmp_path / "photos"), network_in(tmp_path), **UNVARIED)
    run: Run = trained(wanted, tmp_path / "run")
    (run.folder / FEATURES).write_bytes(b"")
    trained(replace(wanted, epochs=wanted.epochs + 1), run.folder, resume=True)
    assert (run.folder / FEATURES).stat().st_size > 0


def test_the_body_of_a_trained_text_detector_tells_digits(tmp_path: Path) -> None:
    """CRAFT's VGG16, frozen, on MNIST's digits: better than the same body at random."""
    table = write_table(tmp_path / "digits", per_class=24)
    asked: dict[str, Any] = {
        "data": table.parent / "photos",
        "body": "torchvision:vgg16_bn",
        "labels": table,
        "cut": "features.39",
        "resolution": 32,
        "epochs": 6,
        "batch_size": 16,
        "train_per_class": 16,
        "machine": ON_CPU,
    }
    given: dict[str, Any] = {"weights": text_detector(), "renamed": VGG16_OF_CRAFT}
    runs = [
        finetune(out=tmp_path / name, **asked, **weights)
        for name, weights in (("trained", given), ("random", dict[str, Any]()))
    ]
    trained_one, at_random = (one.best.val_accuracy if one.best else 0 for one in runs)
    assert trained_one > 0.3
    assert trained_one > at_random + 0.1
    state = restored(runs[0], which="last").state_dict()
    checkpoint = torch.load(text_detector(), weights_only=True, map_location="cpu")
    for key in ("0.weight", "1.running_mean", "37.weight"):
        (theirs,) = [one for name, one in checkpoint.items() if name.endswith(f".{key}")][:1]
        (ours,) = [one for name, one in state.items() if name.endswith(f"features.{key}")]
        assert torch.equal(ours, theirs)
