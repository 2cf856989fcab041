"""The commands `fieldscope lab train` and `finetune`: what they print, refuse, and leave with."""

from __future__ import annotations

import dataclasses
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from fieldscope.cli.main import main
from fieldscope.lab.curves import write_curves
from fieldscope.lab.data import Augmentation
from fieldscope.lab.runs import Run
from fieldscope.lab.settings import Settings
from tests.lab.course import NETWORK, epoch, lines, network_in, photos_in, settings, trained
from tests.lab.test_stopping import ENDING

SMALL = ["--resolution", "12", "--epochs", "2", "--batch-size", "6", "--accelerator", "cpu"]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that commands run in: photos, and a network."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COLUMNS", raising=False)
    photos_in(tmp_path / "photos")
    network_in(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("train", ["--data", "--labels", "--model", "--skip-bad", "--no-augment", "--no-flip"]),
        ("train", ["--strategy", "--num-nodes", "--devices", "--precision", "--resume"]),
        ("finetune", ["--body", "--weights", "--rename", "--no-freeze", "--unfreeze-at", "--cut"]),
    ],
)
def test_help_names_every_option(
    command: str, options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["lab", command, "--help"]) == 0
    printed = capsys.readouterr().out
    for option in options:
        assert option in printed


def test_the_group_names_its_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lab"]) == 0
    printed = capsys.readouterr().out
    assert printed.index("train ") < printed.index("finetune ")
    assert main([]) == 0
    assert "\n  lab " in capsys.readouterr().out


def test_help_and_mistakes_load_no_framework() -> None:
    program = (
        "import sys\nfrom fieldscope.cli.main import main\n"
        "main(['lab', 'finetune', '--help'])\n"
        "main(['lab', 'train', '--out', '/nowhere', '--resume'])\n"
        "import fieldscope.lab\n"
        "print('LOADED', *{'torch', 'lightning', 'sklearn', 'matplotlib'} & {*sys.modules})"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert ended.stdout.splitlines()[-1] == "LOADED"


def test_a_run_is_shown_before_and_after_it_is_trained(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--model", "net.py:build", "--arg", "width=5", "--no-augment", *SMALL]
    assert main(["lab", "train", "--data", "photos", "--out", "runs/a", *options]) == 0
    printed, progress = capsys.readouterr()
    assert "photos: 24 photos of 3 classes: c0 8, c1 8 and c2 8\n" in printed
    assert "18 to train on and 6 for validation, seed 0\n" in printed
    assert "net.py:build  input 1×3×12×12" in printed
    assert "each of the 3 layers that widen the field can add context" in printed
    assert "The best of 2 epochs is epoch " in printed
    assert "runs/a has the weights of that epoch (best.ckpt)" in printed
    assert "refine" not in printed
    assert "--all" not in printed
    assert [line[:12] for line in progress.splitlines()] == ["epoch 1 of 2", "epoch 2 of 2"]
    assert Run.read("runs/a").settings.arguments == {"width": 5}


def test_the_command_that_refines_is_printed_and_works(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    deep = NETWORK.replace("nn.Dropout(0.2)", "nn.Identity()").replace(
        "nn.AdaptiveAvgPool2d(1),",
        "nn.Conv2d(width, width, 5, padding=2), nn.ReLU()," * 3 + "nn.AdaptiveAvgPool2d(1),",
    )
    network_in(place, deep, name="deeper.py")
    options = ["--data", "photos", "--out", "a", "--model", "deeper.py:build", *SMALL]
    assert main(["lab", "train", *options]) == 0
    printed = capsys.readouterr().out
    (command,) = [line.strip() for line in printed.splitlines() if "fieldscope refine" in line]
    assert command == (
        "fieldscope refine deeper.py:build --input 1x3x12x12 --arg num_classes=3 --write refined.py"
    )
    assert main([*shlex.split(command)[1:], "--quiet"]) == 0
    again = ["--data", "photos", "--out", "b", "--model", "refined.py:build", *SMALL]
    assert main(["lab", "train", *again, "--quiet"]) == 0
    counts, before = Run.read("b").counts, Run.read("a").counts
    assert counts is not None
    assert before is not None
    assert before.unproductive > counts.unproductive == 0


def test_a_run_goes_on_without_its_options(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "net.py").write_text(ENDING)
    (place / "moment").write_text("SIGINT")
    options = ["--model", "net.py:build", "--no-flip", "--seed", "3", *SMALL]
    assert main(["lab", "train", "--data", "photos", "--out", "a", *options]) == 130
    said = capsys.readouterr().err
    assert "fieldscope: interrupted; 1 of 2 epochs done, the best of validation accuracy " in said
    assert "  go on by: fieldscope lab train --out a --resume\n" in said
    assert main(["lab", "train", "--out", "a", "--resume", "--accelerator", "cpu"]) == 0
    assert main(["lab", "train", "--data", "photos", "--out", "b", *options, "--quiet"]) == 0
    assert lines(place / "a") == lines(place / "b")
    augmentation = Run.read("a").settings.augmentation
    assert augmentation is not None
    assert augmentation["flip"] is False


def test_quiet_prints_nothing(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--body", "net.py:build", "--unfreeze-at", "2", *SMALL, "--quiet"]
    assert main(["lab", "finetune", "--data", "photos", "--out", "a", *options]) == 0
    assert capsys.readouterr() == ("", "")


def test_a_body_and_its_weights_are_shown(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--model", "net.py:build", "--no-augment", *SMALL, "--quiet"]
    assert main(["lab", "train", "--data", "photos", "--out", "a", *options]) == 0
    options = ["--weights", "a/best.ckpt", "--rename", r"model\.=", *SMALL]
    options += ["--body", "net.py:build", "--learning-rate", "0.01"]
    assert main(["lab", "finetune", "--data", "photos", "--out", "b", *options]) == 0
    printed = capsys.readouterr().out
    assert "a/best.ckpt: " in printed
    assert "head.4" in printed
    assert Run.read("b").settings.renamed == ((r"model\.", ""),)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("train --out a", "there is nothing to train on\n  name a folder of photos with --data"),
        ("train --out a --data nowhere --model net.py:build", "nowhere"),
        ("train --out photos --data photos", "the folder photos isn't empty: it has c0, c1 and c2"),
        ("train --out a --resume", "there is no run in a: it has no file run.json"),
        ("train --out a --data photos --epochs 0", "0 is not in the range x>=1"),
        ("train --out a --data photos --mean 1,2", "'1,2' is neither one number nor three"),
        ("finetune --out a --data photos", "there is no body\n  name one with --body, such as"),
        ("finetune --out a --data photos --body net.py:build --unfreeze-at 99", "at epoch 99, and"),
        ("train --out a --data photos --model net.py:biuld", "did you mean build?"),
    ],
)
def test_a_wrong_call_is_one_message(
    place: Path, capsys: pytest.CaptureFixture[str], options: str, said: str
) -> None:
    assert main(["lab", *options.split()]) == 2
    printed = capsys.readouterr()
    assert said in printed.err
    assert printed.err.startswith("fieldscope: ")
    assert "Traceback" not in printed.err
    assert not (place / "a").exists()


def test_a_run_of_the_other_kind_is_told(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = place / "a"
    folder.mkdir()
    write_curves(folder, [epoch(1, 0.5)])
    wanted = Settings("finetune", "net.py:build", "photos", resolution=12, epochs=3)
    Run(folder, wanted, ("c0", "c1"), "", (8, 2), None).write()
    assert main(["lab", "train", "--out", "a", "--resume"]) == 2
    said = capsys.readouterr().err
    assert "the run in a is no fieldscope lab train\n" in said
    assert "go on by: fieldscope lab finetune --out a --resume" in said
    assert main(["lab", "finetune", "--out", "a", "--resume", "--seed", "4"]) == 2
    assert "its seed is 0, not 4" in capsys.readouterr().err
    other = dataclasses.replace(wanted, data="nowhere")
    Run(folder, other, ("c0", "c1"), "", (8, 2), None).write()
    assert main(["lab", "finetune", "--out", "a", "--resume", "--data", "photos"]) == 2
    assert "aren't those that it began with" in capsys.readouterr().err


def test_a_loss_that_is_no_number_is_one_message(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--model", "net.py:build", *SMALL, "--learning-rate", "1e30", "--quiet"]
    assert main(["lab", "train", "--data", "photos", "--out", "a", *options]) == 2
    said = capsys.readouterr().err
    assert said.startswith("fieldscope: the training loss is ")
    assert "no epoch of 2 is done" in said


def test_a_run_begun_from_python_goes_on_with_its_own_augmentation(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    varied = Augmentation(rotation=5, hue=0).to_dict()
    asked = settings(Path("photos"), "net.py:build", epochs=1, augmentation=varied)
    trained(asked, place / "run")
    going_on = ["lab", "train", "--out", "run", "--resume", "--epochs", "2", "--quiet"]
    assert main([*going_on, "--no-flip"]) == 2
    assert "its augmentation is" in capsys.readouterr().err
    assert main([*going_on, "--no-augment"]) == 2
    assert main(going_on) == 0
    assert Run.read("run").settings.augmentation == varied
