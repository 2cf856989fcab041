"""Runs that end early: what they keep, what they say, and that they go on to the same curve."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image, ImageOps

import fieldscope.lab
from fieldscope.errors import InputError, TrainingError
from fieldscope.lab.curves import write_curves
from fieldscope.lab.data import Augmentation
from fieldscope.lab.runs import Run
from tests.lab.course import NETWORK, epoch, lines, network_in, photos_in, settings, trained

# A network that ends its process, or interrupts it, at a moment that a file beside it names.
ENDING = (
    NETWORK
    + """

import os, pathlib, signal

_file = pathlib.Path(__file__).with_name("moment")
_moment = _file.read_text() if _file.exists() else ""
_steps = _writes = 0
_replace = os.replace


def _end(number):
    _file.unlink()
    os.kill(os.getpid(), number)


def _replacing(source, target):
    global _writes
    _writes += str(target).endswith("last.ckpt")
    if _moment == "write" and _writes == 2:
        _end(signal.SIGKILL)
    _replace(source, target)


def _step(module, inputs):
    global _steps
    _steps += module.training
    # The second of four batches in the second epoch.
    if _moment and _moment != "write" and _steps == 6 and _file.exists():
        _end(getattr(signal, _moment))


if _moment == "write":
    os.replace = _replacing
_plain = build


def build(num_classes: int = 2, width: int = 6):
    model = _plain(num_classes, width)
    model.register_forward_pre_hook(_step)
    return model
"""
)
VARIED = {"augmentation": Augmentation().to_dict()}


@pytest.mark.parametrize("moment", ["SIGKILL", "write"])
def test_a_killed_run_goes_on_to_the_very_same_curve(tmp_path: Path, moment: str) -> None:
    photos, model = photos_in(tmp_path / "photos"), network_in(tmp_path, ENDING)
    options = ["--model", model, "--resolution", "12", "--epochs", "3", "--batch-size", "6"]
    options += ["--learning-rate", "0.01", "--accelerator", "cpu", "--quiet"]
    (tmp_path / "moment").write_text(moment)
    ended = subprocess.run(
        [sys.executable, "-m", "fieldscope", "lab", "train", "--data", str(photos)]
        + ["--out", str(tmp_path / "run"), *options],
        capture_output=True,
        text=True,
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert not (tmp_path / "moment").exists()
    stopped = Run.read(tmp_path / "run")
    assert stopped.status == "running"
    kept = torch.load(stopped.last_checkpoint, weights_only=True)
    assert kept["epoch"] == 0
    wanted = settings(photos, model, **VARIED)
    trained(wanted, tmp_path / "run", resume=True)
    trained(wanted, tmp_path / "whole")
    assert lines(tmp_path / "run") == lines(tmp_path / "whole")
    same = [
        torch.load(tmp_path / name / "last.ckpt", weights_only=True) for name in ("run", "whole")
    ]
    for name, weights in same[0]["state_dict"].items():
        assert torch.equal(weights, same[1]["state_dict"][name]), name


def test_ctrl_c_keeps_what_was_reached_and_is_passed_on(tmp_path: Path) -> None:
    photos, model = photos_in(tmp_path / "photos"), network_in(tmp_path, ENDING)
    (tmp_path / "moment").write_text("SIGINT")
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        trained(settings(photos, model, **VARIED), tmp_path / "run")
    assert signal.getsignal(signal.SIGINT) is before
    stopped = Run.read(tmp_path / "run")
    assert (stopped.status, stopped.reason) == ("interrupted", "by Ctrl-C")
    assert len(stopped.curves) == 1
    assert (stopped.folder / "curves.png").exists()
    trained(settings(photos, model, **VARIED), tmp_path / "run", resume=True)
    trained(settings(photos, model, **VARIED), tmp_path / "whole")
    assert lines(tmp_path / "run") == lines(tmp_path / "whole")
    assert Run.read(tmp_path / "run").status == "finished"


def test_a_run_that_is_told_to_end_keeps_what_was_reached(tmp_path: Path) -> None:
    photos, model = photos_in(tmp_path / "photos"), network_in(tmp_path, ENDING)
    (tmp_path / "moment").write_text("SIGTERM")
    with pytest.raises(
        TrainingError, match=r"by SIGTERM\n[12] of 3 epochs done, .*\ngo on by: fieldsc"
    ):
        trained(settings(photos, model), tmp_path / "run")
    assert Run.read(tmp_path / "run").status == "interrupted"


def test_a_loss_that_is_no_number_ends_the_run(tmp_path: Path) -> None:
    wanted = settings(
        photos_in(tmp_path / "photos"), network_in(tmp_path), learning_rate=1e30, optimizer="sgd"
    )
    with pytest.raises(TrainingError) as caught:
        trained(wanted, tmp_path / "run")
    said = str(caught.value).splitlines()
    assert said[0] in ("the training loss is nan", "the training loss is inf")
    assert said[1] == "no epoch of 3 is done"
    assert said[2].startswith("try a --learning-rate below 1e+30 in another folder")
    assert Run.read(tmp_path / "run").status == "failed"


def test_a_full_disk_ends_the_run_and_leaves_whole_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = []
    write = Path.write_bytes

    def full(path: Path, data: Any) -> int:
        written.append(path.name)
        if sum(name.startswith(".last.") for name in written) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(path, data)

    wanted = settings(photos_in(tmp_path / "photos"), network_in(tmp_path))
    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", full)
        with pytest.raises(TrainingError) as caught:
            trained(wanted, tmp_path / "run")
    said = str(caught.value)
    assert "last.ckpt: No space left on device" in said
    assert "1 of 3 epochs done, the best of validation accuracy" in said
    assert len(Run.read(tmp_path / "run").curves) == 1
    assert f"go on by: fieldscope lab train --out {tmp_path / 'run'} --resume" in said
    assert torch.load(tmp_path / "run" / "last.ckpt", weights_only=True)["epoch"] == 0
    assert not [path for path in (tmp_path / "run").iterdir() if path.name.startswith(".")]
    trained(wanted, tmp_path / "run", resume=True)
    trained(wanted, tmp_path / "whole")
    assert lines(tmp_path / "run") == lines(tmp_path / "whole")


def test_a_run_that_is_finished_goes_on_where_more_epochs_are_wanted(tmp_path: Path) -> None:
    photos, model = photos_in(tmp_path / "photos"), network_in(tmp_path)
    trained(settings(photos, model, epochs=1), tmp_path / "run")
    with pytest.raises(InputError, match=r"has all of its 1 epoch\ngive more --epochs to go on"):
        trained(settings(photos, model, epochs=1), tmp_path / "run", resume=True)
    trained(settings(photos, model), tmp_path / "run", resume=True)
    trained(settings(photos, model), tmp_path / "whole")
    assert lines(tmp_path / "run") == lines(tmp_path / "whole")


def test_lines_behind_the_checkpoint_are_cut_back(tmp_path: Path) -> None:
    photos, model = photos_in(tmp_path / "photos"), network_in(tmp_path)
    run: Run = trained(settings(photos, model, epochs=1), tmp_path / "run")
    write_curves(run.folder, [*run.curves, epoch(2, 0.99), epoch(3, 0.98)])
    trained(settings(photos, model), tmp_path / "run", resume=True)
    trained(settings(photos, model), tmp_path / "whole")
    assert lines(tmp_path / "run") == lines(tmp_path / "whole")


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"resolution": 16}, r"than it began: its resolution is 12, not 16\nleave these options"),
        ({"batch_size": 8, "seed": 1}, r"its batch size is 6, not 8 and seed is 0, not 1"),
        ({"arguments": {"width": 3}}, r"its arguments is \{\}, not \{'width': 3\}"),
    ],
)
def test_a_run_is_not_gone_on_with_otherwise(
    tmp_path: Path, other: dict[str, Any], said: str
) -> None:
    photos, model = photos_in(tmp_path / "photos"), network_in(tmp_path)
    trained(settings(photos, model, epochs=1), tmp_path / "run")
    with pytest.raises(InputError, match=said):
        trained(settings(photos, model, **other), tmp_path / "run", resume=True)


def test_a_run_is_not_gone_on_with_on_other_photos(tmp_path: Path) -> None:
    photos, model = photos_in(tmp_path / "photos"), network_in(tmp_path)
    trained(settings(photos, model, epochs=1), tmp_path / "run")
    (photos / "c0" / "0.png").rename(photos / "c1" / "new.png")
    with pytest.raises(InputError, match=r"aren't those that it began with\ngive back those"):
        trained(settings(photos, model), tmp_path / "run", resume=True)


def test_a_photo_that_was_changed_is_noticed_though_its_file_is_as_long(tmp_path: Path) -> None:
    photos, model = photos_in(tmp_path / "photos"), network_in(tmp_path)
    for path in photos.rglob("*.png"):
        Image.open(path).save(path.with_suffix(".bmp"))
        path.unlink()
    run: Run = trained(settings(photos, model, epochs=1), tmp_path / "run")
    changed = photos / "c0" / "0.bmp"
    length = changed.stat().st_size
    ImageOps.invert(Image.open(changed)).save(changed)
    assert changed.stat().st_size == length
    with pytest.raises(InputError, match=r"aren't those that it began with"):
        trained(settings(photos, model), run.folder, resume=True)
    with pytest.raises(InputError, match=r"aren't those that the run in .* was trained on"):
        fieldscope.lab.probe(run)
    # A record of before sums were kept tells lengths only.
    record = json.loads((run.folder / "run.json").read_text())
    del record["content"]
    (run.folder / "run.json").write_text(json.dumps(record))
    assert len(trained(settings(photos, model), run.folder, resume=True).curves) == 3


def test_a_checkpoint_with_code_in_it_is_not_run(tmp_path: Path) -> None:
    photos, model = photos_in(tmp_path / "photos"), network_in(tmp_path)
    run: Run = trained(settings(photos, model, epochs=1), tmp_path / "run")
    torch.save({"epoch": _Trap(tmp_path / "sprung")}, run.last_checkpoint)
    with pytest.raises(TrainingError, match=r"last.ckpt can't be read"):
        trained(settings(photos, model), tmp_path / "run", resume=True)
    assert not (tmp_path / "sprung").exists()


class _Trap:
    def __init__(self, file: Path) -> None:
        self._file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self._file,))
