"""Probes of real, tiny runs: on their own photos, and from the command line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from PIL import Image

import fieldscope.lab
from fieldscope.cli.lab import lab
from fieldscope.cli.main import main
from fieldscope.errors import InputError, LayerNotFoundError, ModelError
from fieldscope.lab.runs import Run
from tests.lab.course import network_in, photos_in, settings, trained


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with photos, a run that trained on them, and one that tuned a new head."""
    folder = tmp_path_factory.mktemp("probes")
    photos, model = photos_in(folder / "photos"), network_in(folder)
    trained(settings(photos, model), folder / "run")
    body = settings(photos, model, kind="finetune", freeze=True, epochs=1, arguments={"width": 5})
    trained(body, folder / "tuned")
    return folder


@pytest.fixture
def run(place: Path, tmp_path: Path) -> Path:
    """A copy of the run, which a test may change."""
    return Path(shutil.copytree(place / "run", tmp_path / "run"))


def command(*arguments: str) -> Result:
    return CliRunner().invoke(lab, ["probe", *arguments])


def test_a_run_is_probed_on_its_own_photos(run: Path) -> None:
    found = fieldscope.lab.probe(run)
    assert [(one.layer, one.place) for one in found.layers] == [("0", "2"), ("3", "3"), ("4", "5")]
    assert found.photos == Run.read(run).photos
    assert found.classes == 3
    # The model itself is as good as training said of the best epoch.
    best = Run.read(run).best
    assert best is not None
    assert found.own is not None
    assert found.own.accuracy == pytest.approx(best.val_accuracy)
    # Classes are colours, which the photos' averages tell already.
    assert found.baseline.accuracy == 1.0
    assert json.loads((run / "probe.json").read_text()) == found.to_dict()
    assert (run / "probe.csv").read_text() == found.to_csv()
    Image.open(run / "probe.png").verify()
    assert fieldscope.lab.probe(run).to_dict() == found.to_dict()


def test_the_last_epoch_can_be_probed(run: Path) -> None:
    found = fieldscope.lab.probe(run, checkpoint="last", save=False)
    assert found.own is not None
    assert found.own.accuracy == pytest.approx(Run.read(run).curves[-1].val_accuracy)
    assert not (run / "probe.json").exists()


def test_a_tuned_body_is_probed_under_its_own_names_with_the_score_of_its_head(
    place: Path,
) -> None:
    found = fieldscope.lab.probe(place / "tuned", save=False)
    assert [one.layer for one in found.layers] == ["0", "3", "4"]
    assert {one.features for one in found.layers} == {5}
    best = Run.read(place / "tuned").best
    assert best is not None
    assert found.own is not None
    assert found.own.accuracy == pytest.approx(best.val_accuracy)


def test_chosen_layers_leave_what_was_written_as_it_was(run: Path) -> None:
    (run / "probe.json").write_text("kept")
    found = fieldscope.lab.probe(run, layers=["4"])
    assert [one.layer for one in found.layers] == ["4"]
    assert (run / "probe.json").read_text() == "kept"
    with pytest.raises(LayerNotFoundError, match="that widens the field is named 'conv'"):
        fieldscope.lab.probe(run, layers=["conv"])


def test_photos_that_have_moved_are_named(run: Path, place: Path, tmp_path: Path) -> None:
    moved = Path(shutil.copytree(place / "photos", tmp_path / "elsewhere"))
    expected = fieldscope.lab.probe(run, save=False).to_dict()
    assert fieldscope.lab.probe(run, data=moved, save=False).to_dict() == expected
    (moved / "c0" / "0.png").unlink()
    with pytest.raises(InputError) as told:
        fieldscope.lab.probe(run, data=moved)
    assert str(told.value) == (
        f"the photos or labels of {moved} aren't those that the run in {run} was trained on\n"
        "name the folder that has those with --data"
    )


def test_a_run_without_a_checkpoint_is_told(run: Path) -> None:
    (run / "best.ckpt").unlink()
    with pytest.raises(ModelError, match="there is no checkpoint"):
        fieldscope.lab.probe(run)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "the batch size is 0, and must be from 1 on"),
        (
            {"device": "nowhere"},
            "the model can't run on a device 'nowhere' here\nname another one: cpu, cuda, cuda:1",
        ),
    ],
)
def test_options_that_cannot_be_met_are_told(
    run: Path, options: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError) as told:
        fieldscope.lab.probe(run, **options)  # type: ignore[arg-type]  # as they may be given
    assert str(told.value) == message


def test_the_command_prints_the_table_and_where_its_files_are(run: Path, tmp_path: Path) -> None:
    picture, data = tmp_path / "out.svg", tmp_path / "out.json"
    result = command("--run", str(run), "--width", "100", "-o", str(picture), "--json", str(data))
    assert (result.exit_code, result.stderr) == (0, "")
    assert "(the model itself)" in result.stdout
    assert ": probe.json, probe.csv and probe.png." in " ".join(result.stdout.split())
    assert json.loads(data.read_text()) == json.loads((run / "probe.json").read_text())
    assert 'id="saturation"' in picture.read_text()


def test_the_command_gives_data_alone_for_a_dash(run: Path) -> None:
    result = command("--run", str(run), "--layers", "4", "--json", "-")
    assert [one["layer"] for one in json.loads(result.stdout)["layers"]] == ["4"]


def test_the_command_tells_what_is_wrong_and_leaves_with_two(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["lab", "probe", "--run", str(place)]) == 2
    assert capsys.readouterr().err == (
        f"fieldscope: there is no run in {place}: it has no file run.json\n"
        "  name a folder that fieldscope lab train or finetune has written with --out\n"
    )
    run = str(place / "run")
    assert main(["lab", "probe", "--run", run, "-o", "/nowhere/a.png"]) == 2
    assert "there is no folder /nowhere" in capsys.readouterr().err
