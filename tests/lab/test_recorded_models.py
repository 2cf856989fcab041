"""Records of runs that name code: what is built because they say so, and what isn't."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import fieldscope.lab
from fieldscope.cli.main import main
from fieldscope.errors import InputError
from fieldscope.lab.models.recorded import check_named
from fieldscope.lab.runs import Run
from fieldscope.lab.settings import Settings
from tests.lab.course import network_in, photos_in, settings, trained

SETTINGS = Settings("train", "small-vgg", "photos", resolution=32, epochs=5)


def named(model: str, folder: Path) -> Run:
    asked = dataclasses.replace(SETTINGS, model=model)
    return Run(folder, asked, ("a", "b"), "", (8, 2), None)


def edit(folder: Path, **settings: Any) -> None:
    path = folder / "run.json"
    record = json.loads(path.read_text())
    record["settings"].update(settings)
    path.write_text(json.dumps(record))


@pytest.mark.parametrize(
    "model", ["small-vgg", "torchvision:resnet18", "timm:vit_tiny_patch16_224", "mine/net.py:build"]
)
def test_models_known_by_name_and_code_elsewhere_need_no_naming(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine").mkdir()
    network_in(Path("mine"))
    check_named(named(model, Path("run")), None)


@pytest.mark.parametrize("model", ["os:system", "net:build", "model.pt2", "nothing"])
def test_a_function_of_a_module_has_to_be_named(model: str, tmp_path: Path) -> None:
    run = named(model, tmp_path)
    with pytest.raises(InputError, match=f"if it is yours, name it too: --body {model}"):
        check_named(run, None, option="--body")
    check_named(run, model)
    with pytest.raises(InputError, match=f"has the model {model}, not other:build"):
        check_named(run, "other:build")


def test_code_that_came_with_the_record_has_to_be_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for path in ("run/net.py:build", "run/deep/net.py:build", f"{tmp_path}/run/net.py:build"):
        with pytest.raises(InputError, match=r"which is code that would be run"):
            check_named(named(path, Path("run")), None)
    network_in(tmp_path)
    check_named(named("net.py:build", Path("run")), None)


def test_nothing_that_a_record_names_is_run_by_probing_or_going_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    photos_in(tmp_path / "photos")
    network_in(tmp_path)
    trained(settings(Path("photos"), "net.py:build", epochs=1), tmp_path / "run")
    shutil.copytree("run", "got")
    # Were it called, it would make a folder.
    edit(tmp_path / "got", model="os:mkdir", arguments={"path": "made"})
    for words in (["probe", "--run", "got"], ["train", "--out", "got", "--resume", "--epochs=2"]):
        assert main(["lab", *words]) == 2
        assert "names os:mkdir as what builds its model" in capsys.readouterr().err
    with pytest.raises(InputError, match=r"os:mkdir"):
        fieldscope.lab.probe("got")
    assert not Path("made").exists()
    assert main(["lab", "probe", "--run", "run", "--model", "net.py:build", "--quiet"]) == 0


def test_a_run_goes_on_and_is_probed_from_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    photos_in(tmp_path / "photos")
    network_in(tmp_path)
    trained(settings(Path("photos"), "net.py:build", epochs=1), Path("run"))
    Path("elsewhere").mkdir()
    shutil.move("run", "elsewhere/run")
    monkeypatch.chdir("elsewhere")
    going_on = ["train", "--out", "run", "--resume", "--epochs", "2"]
    for words in (going_on, ["probe", "--run", "run"]):
        model, data = ["--model", "../net.py:build"], ["--data", "../photos"]
        assert main(["lab", *words, *data]) == 2
        assert "no such file from here\n  name where it is by --model" in capsys.readouterr().err
        assert main(["lab", *words, *model]) == 2
        said = "there is no folder photos, which has the photos of the run in run\n  name where it"
        assert said in capsys.readouterr().err
        assert main(["lab", *words, *data, *model, "--quiet"]) == 0
        # What it goes on with from here is written down; the probe starts from the old places.
        edit(Path("run"), model="net.py:build", data="photos")
    assert len(Run.read("run").curves) == 2
