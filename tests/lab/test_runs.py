"""A run's folder: what it tells, and what is said where it tells nothing."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from fieldscope.errors import InputError
from fieldscope.lab.curves import Epoch, best_of, read_curves, write_curves
from fieldscope.lab.runs import Counts, Run, held, make_folder
from fieldscope.lab.settings import Settings
from tests.lab.course import epoch

SETTINGS = Settings(
    "finetune",
    "timm:resnet18",
    "photos",
    resolution=48,
    epochs=4,
    arguments={"in_chans": 3, "sizes": (1, 2)},
    augmentation={"flip": False},
    renamed=((r"module\.", ""),),
    unfreeze_at=3,
)


def run_in(folder: Path) -> Run:
    counts = Counts(900, 80, 30, widening=5, unproductive=2, unproductive_macs=300)
    return Run(folder, SETTINGS, ("cat", "dog"), "abc", (8, 2), counts, versions={"torch": "2"})


def test_a_run_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    curve = (epoch(1, 0.5), epoch(2, 1 / 3))
    write_curves(make_folder(tmp_path / "runs" / "a"), curve)
    run_in(tmp_path / "runs" / "a").write()
    found = Run.read(tmp_path / "runs" / "a")
    assert found.curves == curve
    assert found.best == curve[0]
    assert found.settings.differing(SETTINGS) == ()
    assert found.counts == run_in(tmp_path).counts
    assert (found.classes, found.photos, found.status) == (("cat", "dog"), (8, 2), "running")
    assert held(tmp_path / "runs" / "a")


def test_the_record_names_the_best_epoch_and_how_many_are_done(tmp_path: Path) -> None:
    write_curves(tmp_path, [epoch(1, 0.25), epoch(2, 0.75), epoch(3, 0.75)])
    dataclasses.replace(run_in(tmp_path), status="failed", reason="no room").write()
    record = json.loads((tmp_path / "run.json").read_text())
    assert record["schema"] == "fieldscope.run/1"
    assert record["epochs_done"] == 3
    assert record["best"] == {"epoch": 2, "accuracy": 0.75}
    assert (record["status"], record["reason"]) == ("failed", "no room")


def test_numbers_of_a_curve_come_back_exactly(tmp_path: Path) -> None:
    curve = (Epoch(1, 0.1 + 0.2, 1 / 3, 1e-17, 2 / 3, 3e-4, 12.345),)
    write_curves(tmp_path, curve)
    assert read_curves(tmp_path) == curve


def test_there_is_no_best_of_nothing(tmp_path: Path) -> None:
    assert best_of(()) is None
    assert read_curves(tmp_path) == ()


def test_a_folder_with_a_run_is_not_taken_for_another(tmp_path: Path) -> None:
    run_in(tmp_path).write()
    with pytest.raises(InputError, match=r"there is a run in .* already\ngo on with it by --resu"):
        make_folder(tmp_path)


def test_a_folder_with_other_files_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / ".DS_Store").touch()
    assert make_folder(tmp_path) == tmp_path
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(InputError, match=r"isn't empty: it has thesis.tex\nname a new folder"):
        make_folder(tmp_path)
    with pytest.raises(InputError, match=r"cannot make the folder .*thesis.tex: it is a file"):
        make_folder(tmp_path / "thesis.tex")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", r"run.json can't be read as a run: JSONDecodeError"),
        ("[]", r"can't be read as a run: TypeError"),
        ('{"schema": "fieldscope.run/9"}', r"of the schema 'fieldscope.run/9', and 'fieldsc"),
        ('{"schema": "fieldscope.run/1"}', r"can't be read as a run: KeyError: 'status'"),
    ],
)
def test_a_broken_record_is_told(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(InputError, match=said):
        Run.read(tmp_path)


def test_a_record_with_settings_that_are_none_is_told(tmp_path: Path) -> None:
    run_in(tmp_path).write()
    record = json.loads((tmp_path / "run.json").read_text())
    record["settings"]["colour"] = "red"
    (tmp_path / "run.json").write_text(json.dumps(record))
    with pytest.raises(InputError, match=r"unexpected keyword argument 'colour'"):
        Run.read(tmp_path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", "5"), ("epochs", True), ("learning_rate", None), ("mean", ["a", "b", "c"]),
        ("renamed", [["a", 3]]), ("arguments", [1]), ("unfreeze_at", "never"), ("kind", "tune"),
    ],
)  # fmt: skip
def test_a_setting_of_another_type_is_told(tmp_path: Path, name: str, value: object) -> None:
    run_in(tmp_path).write()
    record = json.loads((tmp_path / "run.json").read_text())
    record["settings"][name] = value
    (tmp_path / "run.json").write_text(json.dumps(record))
    with pytest.raises(InputError, match=rf"can't be read as a run: .*{name.replace('_', ' ')} "):
        Run.read(tmp_path)


def test_counts_that_are_none_are_told(tmp_path: Path) -> None:
    run_in(tmp_path).write()
    record = json.loads((tmp_path / "run.json").read_text())
    record["counts"]["macs"] = "many"
    (tmp_path / "run.json").write_text(json.dumps(record))
    with pytest.raises(InputError, match=r"can't be read as a run: ValueError: .*'many'"):
        Run.read(tmp_path)


def test_an_accuracy_that_is_none_is_told(tmp_path: Path) -> None:
    write_curves(tmp_path, [epoch(1, float("nan"))])
    with pytest.raises(InputError, match=r"ValueError: the accuracy of epoch 1 is nan"):
        read_curves(tmp_path)


@pytest.mark.parametrize("text", ["epoch,loss\n1,2\n", "epoch,train_loss\nx,1\n"])
def test_a_broken_curve_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "curves.csv").write_text(text)
    with pytest.raises(InputError, match=r"curves.csv can't be read as a curve.*\nits first line"):
        read_curves(tmp_path)


def test_settings_that_differ_are_named_with_both_values() -> None:
    other = dataclasses.replace(SETTINGS, resolution=64, batch_size=8, epochs=99, data="moved")
    assert SETTINGS.differing(other) == ("resolution is 48, not 64", "batch size is 32, not 8")
