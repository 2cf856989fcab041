"""What goes wrong around a run: other processes, leftovers, models that fail once they train."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from fieldscope import writing
from fieldscope.cli.main import main
from fieldscope.errors import InputError, ModelError, TrainingError
from fieldscope.lab.checking import ready
from fieldscope.lab.curves import write_curves
from fieldscope.lab.locking import alone
from fieldscope.lab.models.assembling import assembled
from fieldscope.lab.runs import Run
from fieldscope.lab.training import fitting
from tests.lab.course import NETWORK, epoch, network_in, photos_in, settings, trained

# Networks that are fine until they train.
FUSSY = (
    NETWORK
    + """

class Fussy(nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        self.net = build(num_classes)

    def forward(self, image):
        scores = self.net(image)
        return (scores, scores) if self.training else scores


class Failing(Fussy):
    def forward(self, image):
        if self.training:
            raise ValueError("not in the mood")
        return self.net(image)


class Still(Fussy):
    def __init__(self, num_classes):
        super().__init__(num_classes)
        self.requires_grad_(False)


class Half(Failing):
    def __init__(self, num_classes):
        super().__init__(num_classes)
        self.net[0].requires_grad_(False)
"""
)
HOLDING = """
import sys, pathlib
from fieldscope.lab.locking import alone
with alone(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_folder_that_another_process_trains_into_is_left_alone(tmp_path: Path) -> None:
    wanted = settings(photos_in(tmp_path / "photos"), network_in(tmp_path), epochs=1)
    trained(wanted, tmp_path / "run")
    holding = subprocess.Popen(
        [sys.executable, "-c", HOLDING, str(tmp_path / "run")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holding.stdout is not None
    assert holding.stdout.readline() == "held\n"
    more = settings(photos_in(tmp_path / "again"), wanted.model, epochs=2)
    with pytest.raises(InputError, match=r"another process is training the run in .*\nwait until"):
        ready(more, tmp_path / "run", resume=True)
    holding.communicate("")
    assert holding.returncode == 0
    assert ready(more, tmp_path / "run", resume=True) is not None
    assert not (tmp_path / "run" / ".lock").exists()


def test_what_a_killed_process_was_writing_is_taken_away(tmp_path: Path) -> None:
    photos, model = photos_in(tmp_path / "photos"), network_in(tmp_path)
    trained(settings(photos, model, epochs=1), tmp_path / "run")
    left = [tmp_path / "run" / name for name in (".last.ab12cd_e.ckpt", ".samples.abcdefgh.png")]
    kept = tmp_path / "run" / ".last.notes.ckpt"
    for path in (*left, kept):
        path.touch()
    assert writing.leftovers(tmp_path / "run" / "last.ckpt") == left[:1]
    trained(settings(photos, model, epochs=2), tmp_path / "run", resume=True)
    assert not any(path.exists() for path in left)
    assert kept.exists()


def test_fewer_epochs_than_are_done_are_told(tmp_path: Path) -> None:
    photos, model = photos_in(tmp_path / "photos"), network_in(tmp_path)
    run: Run = trained(settings(photos, model), tmp_path / "run")
    record = (run.folder / "run.json").read_text()
    (run.folder / "run.json").write_text(record.replace("finished", "interrupted"))
    with pytest.raises(InputError, match=r"has done 3 epochs already, more than 2\ngive 3 --epo"):
        ready(settings(photos, model, epochs=2), run.folder, resume=True)


def test_a_place_for_the_run_that_is_none_is_told_before_anything_is_loaded(tmp_path: Path) -> None:
    wanted = settings(tmp_path, network_in(tmp_path))
    with pytest.raises(InputError, match=r"cannot make the folder .*net.py/a/b: Not a directory"):
        ready(wanted, tmp_path / "net.py" / "a" / "b", resume=False)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Fussy", r"on a batch \[6, 3, 12, 12\], gives a value of type tuple, and \[6, 3\] is w"),
        ("Failing", r"in training, on a batch .* fails: ValueError: not in the mood \(at"),
    ],
)
def test_a_model_that_is_wrong_in_training_only_is_told_with_how_far_the_run_came(
    tmp_path: Path, name: str, said: str
) -> None:
    model = network_in(tmp_path, FUSSY).replace(":build", f":{name}")
    wanted = settings(photos_in(tmp_path / "photos"), model)
    with pytest.raises(TrainingError, match=rf"{said}.*\nno epoch of 3 is done\n"):
        trained(wanted, tmp_path / "run")
    assert Run.read(tmp_path / "run").status == "failed"


def test_a_model_that_learns_nothing_is_refused_and_what_does_not_learn_is_not_counted(
    tmp_path: Path,
) -> None:
    model = network_in(tmp_path, FUSSY)
    asked = settings(tmp_path, model.replace(":build", ":Still"))
    with pytest.raises(ModelError, match=r"Still has no parameters that learn\nleave requires_gr"):
        assembled(asked, classes=3)
    asked = settings(tmp_path, model.replace(":build", ":Half"))
    counts = assembled(asked, classes=3).counts(asked)
    assert counts is not None
    assert counts.parameters - counts.trained == 3 * 6 * 9 + 6


def test_checkpoints_of_another_network_or_of_another_program_are_told(tmp_path: Path) -> None:
    photos, model = photos_in(tmp_path / "photos"), network_in(tmp_path)
    run: Run = trained(settings(photos, model, epochs=1), tmp_path / "run")
    network_in(tmp_path, NETWORK.replace("width: int = 6", "width: int = 5"))
    with pytest.raises(TrainingError, match=r"don't fit .*: size mismatch for .*\n1 of .*\nput ba"):
        trained(settings(photos, model), run.folder, resume=True)
    network_in(tmp_path)
    state = torch.load(run.last_checkpoint, weights_only=True)
    torch.save({name: one for name, one in state.items() if "curve" not in name}, run.folder / "x")
    (run.folder / "x").replace(run.last_checkpoint)
    with pytest.raises(TrainingError, match=r"holds no curve, so it isn't one of this run\n1 of"):
        trained(settings(photos, model), run.folder, resume=True)


def test_random_numbers_of_the_caller_are_given_back(tmp_path: Path) -> None:
    random.seed(3)
    np.random.seed(3)  # noqa: NPY002  # what other code may draw from
    expected = random.Random(3).random(), np.random.RandomState(3).rand()
    trained(settings(photos_in(tmp_path / "photos"), network_in(tmp_path)), tmp_path / "run")
    assert (random.random(), np.random.rand()) == expected  # noqa: NPY002  # as above


def test_an_interrupted_run_that_had_finished_is_not_said_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    photos_in(Path("photos"))
    network_in(Path())
    whole = fitting.fit

    def interrupted(*plan: object, **others: object) -> Run:
        whole(*plan, **others)  # type: ignore[arg-type]  # handed through
        raise KeyboardInterrupt

    monkeypatch.setattr(fitting, "fit", interrupted)
    words = ["lab", "train", "--data", "photos", "--model", "net.py:build", "--out", "run"]
    assert main([*words, "--resolution", "12", "--epochs", "1", "--accelerator", "cpu"]) == 130
    printed = capsys.readouterr().err
    assert "fieldscope: interrupted; 1 of 1 epoch done" in printed
    assert "go on by" not in printed


def test_two_locks_after_each_other_are_fine(tmp_path: Path) -> None:
    for _ in range(2):
        with alone(tmp_path):
            write_curves(tmp_path, [epoch(1, 0.5)])
    with pytest.raises(InputError, match=r"cannot write into the folder .*: No such file"):
        alone(tmp_path / "none").__enter__()
