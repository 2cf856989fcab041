"""Runs side by side: figures, groups of seeds, what doesn't compare, picture and command."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from matplotlib.colors import to_hex

import fieldscope.lab
from fieldscope.cli.lab import lab
from fieldscope.cli.main import main
from fieldscope.errors import InputError
from fieldscope.lab.curves import CURVES, Epoch, write_curves
from fieldscope.lab.pages.comparing import closing, described
from fieldscope.lab.runs import RECORD, SPLIT, Counts, Run, make_folder
from fieldscope.lab.settings import Settings
from fieldscope.render.layout import text
from tests.render.drawn import named

COUNTS = Counts(
    macs=1_000_000,
    parameters=5000,
    trained=4000,
    widening=8,
    unproductive=2,
    unproductive_macs=250_000,
)


def written(
    folder: Path,
    accuracies: tuple[float, ...] = (0.25, 0.75, 0.5),
    *,
    split: str = "same",
    digest: str = "d",
    counts: Counts | None = COUNTS,
    losses: tuple[float, ...] | None = None,
    **settings: Any,
) -> Path:
    """Write the folder of a run by hand."""
    usual: dict[str, Any] = {"kind": "train", "model": "small-vgg", "resolution": 32, "epochs": 4}
    make_folder(folder)
    curves = [
        Epoch(number, 1 / number, accuracy, loss, accuracy, 0.001, 2.0 * number)
        for number, (accuracy, loss) in enumerate(
            zip(accuracies, losses or [1 - one for one in accuracies], strict=True), start=1
        )
    ]
    write_curves(folder, curves)
    (folder / SPLIT).write_text(split)
    Run(
        folder=folder,
        settings=Settings(**{**usual, "data": "photos", **settings}),
        classes=("a", "b"),
        digest=digest,
        photos=(400, 100),
        counts=counts,
        status="finished",
    ).write()
    return folder


def row(page: str, name: str) -> list[str]:
    """The cells of a row of a table, which two blanks or more divide."""
    (line,) = (one for one in page.splitlines() if one.strip().startswith(f"{name}  "))
    return re.split(r"\s{2,}", line.strip())[1:]


def test_the_table_has_a_column_per_run_and_a_row_per_figure(tmp_path: Path) -> None:
    cheap = dataclasses.replace(COUNTS, macs=400_000, unproductive=0, unproductive_macs=0)
    one = written(tmp_path / "one")
    other = written(
        tmp_path / "other", (0.5, 0.7), counts=cheap, model="torchvision:resnet18", kind="finetune"
    )
    (one / "probe.json").write_text(
        json.dumps({"border": None, "saturation": "conv4", "agreement": 0.75})
    )
    page = text(described(fieldscope.lab.compare([one, other])), 100)
    assert row(page, "figure") == ["one", "other"]
    assert row(page, "model") == ["small-vgg", "resnet18"]
    assert row(page, "kind") == ["train", "finetune"]
    assert row(page, "epochs done") == ["3", "2"]
    assert row(page, "best validation accuracy") == ["75.0 %", "70.0 %"]
    assert row(page, "at epoch") == ["2", "2"]
    assert row(page, "final training loss") == ["0.333", "0.500"]
    assert row(page, "final validation loss") == ["0.500", "0.300"]
    assert row(page, "MACs") == ["1M", "400k"]
    assert row(page, "in unproductive layers") == ["25 %", "0 %"]
    assert row(page, "unproductive layers") == ["2 of 8", "0 of 8"]
    assert row(page, "parameters") == ["5k", "5k"]
    assert row(page, "trained") == ["4k", "4k"]
    assert row(page, "seconds per epoch") == ["4.0", "3.0"]
    assert row(page, "border layer") == ["none", "–"]
    assert row(page, "probes saturate at") == ["conv4", "–"]
    assert row(page, "agreement") == ["0.75", "–"]


def test_sentences_say_who_is_best_and_whether_that_is_more_than_chance(tmp_path: Path) -> None:
    cheap = dataclasses.replace(COUNTS, macs=400_000)
    runs = [
        written(tmp_path / "a", (0.9,)),
        written(tmp_path / "b", (0.88,), counts=cheap, model="thin"),
        written(tmp_path / "c", (0.5,), model="bad"),
    ]
    first, second = closing(fieldscope.lab.compare(runs))
    # The errors for 90 and 88 of 100 are 3.1 and 3.3 points; together 4.5.
    assert first == (
        "a has the best validation accuracy, 90.0 %; b follows 2.0 points behind, not more than "
        "chance explains: two standard errors of the difference, for 100 validation photos, are "
        "9.0."
    )
    assert second == "b spends least, 40 % of the compute of a, and is 2.0 points behind it."
    (alone,) = closing(fieldscope.lab.compare([runs[0], runs[2]]))
    assert "c follows 40.0 points behind, more than chance explains" in alone


def test_runs_that_differ_only_by_their_seed_are_grouped_by_mean_and_spread(
    tmp_path: Path,
) -> None:
    runs = [
        written(tmp_path / "a0", (0.5, 0.7), seed=0),
        written(tmp_path / "b0", (0.5, 0.6), seed=0, resolution=64),
        written(tmp_path / "a1", (0.5, 0.8, 0.6), seed=1, data="elsewhere"),
        written(tmp_path / "b1", (0.4, 0.6), seed=1, resolution=64),
    ]
    found = fieldscope.lab.compare(runs, group=True)
    assert [[Path(run.name).name for run in group.runs] for group in found.groups] == [
        ["a0", "a1"],
        ["b0", "b1"],
    ]
    group = found.groups[0]
    assert group.accuracy == pytest.approx(0.75)
    assert group.spread == pytest.approx(math.sqrt(0.005))
    # As far as both go: two epochs.
    assert [line.val_accuracy for line in group.mean_curve] == pytest.approx([0.5, 0.75])
    page = text(described(found), 100)
    assert row(page, "figure") == ["small-vgg 32 (2)", "small-vgg 64 (2)"]
    assert row(page, "seed") == ["0, 1", "0, 1"]
    assert row(page, "best validation accuracy") == ["75.0 ± 7.1 %", "60.0 %"]
    assert "two standard errors of the difference, by the spread from seed to seed" in (
        " ".join(page.split())
    )
    alone = fieldscope.lab.compare(runs)
    assert "some runs differ only by their seed (--group)" in text(described(alone), 100)


def test_one_option_more_makes_another_group(tmp_path: Path) -> None:
    runs = [
        written(tmp_path / "a"),
        written(tmp_path / "b", learning_rate=0.1),
        written(tmp_path / "c", arguments={"width": 3}),
        written(tmp_path / "d", digest="other"),
    ]
    found = fieldscope.lab.compare(runs, group=True)
    assert len(found.groups) == 4
    page = text(described(found), 120)
    assert row(page, "figure") == ["a … (1)", "b … (1)", "c … (1)", "d … (1)"]


def test_runs_on_other_photos_are_told_and_none_is_said_to_be_best(tmp_path: Path) -> None:
    runs = [written(tmp_path / "a"), written(tmp_path / "b", digest="other")]
    found = fieldscope.lab.compare(runs)
    assert not found.same_photos
    page = " ".join(text(described(found), 100).split())
    assert "the runs are on different photos or labels: their accuracies don't compare" in page
    assert "No run is said to be the best, since they are on different photos." in page


@pytest.mark.parametrize("other", ["another", None])
def test_other_splits_of_the_same_photos_are_told(tmp_path: Path, other: str | None) -> None:
    runs = [written(tmp_path / "a"), written(tmp_path / "b", split=other or "")]
    if other is None:
        (runs[1] / SPLIT).unlink()
    found = fieldscope.lab.compare(runs)
    assert (found.same_photos, found.same_split) == (True, False)
    assert "the runs have different splits of the same photos" in text(described(found), 100)
    same = fieldscope.lab.compare([runs[0], written(tmp_path / "c")])
    assert same.same_split
    assert "different splits" not in text(described(same), 100)


def test_runs_without_epochs_or_counts_have_gaps(tmp_path: Path) -> None:
    runs = [written(tmp_path / "a", ()), written(tmp_path / "b", counts=None)]
    found = fieldscope.lab.compare(runs)
    page = text(described(found), 100)
    assert row(page, "best validation accuracy") == ["–", "75.0 %"]
    assert row(page, "MACs") == ["1M", "–"]
    assert "Only b has finished an epoch: 75.0 %." in page
    assert len(found.to_image().axes) == 2
    data = json.loads(found.to_json())
    assert data["runs"][0]["best"] is None
    assert data["runs"][1]["counts"] is None


def test_losses_that_are_not_finite_are_no_numbers_in_the_data(tmp_path: Path) -> None:
    runs = [written(tmp_path / "a", losses=(1.0, 2.0, math.inf)), written(tmp_path / "b")]
    found = fieldscope.lab.compare(runs)
    assert json.loads(found.to_json())["runs"][0]["final"]["val_loss"] is None
    (loss,) = named(found.to_image().axes[1], f"loss: {runs[0]}")
    assert np.isnan(loss.get_ydata()).tolist() == [False, False, True]


def test_the_picture_has_curves_of_all_runs_and_accuracy_by_compute(tmp_path: Path) -> None:
    cheap = dataclasses.replace(COUNTS, macs=400_000)
    runs = [
        written(tmp_path / "a0", (0.5, 0.7), seed=0),
        written(tmp_path / "a1", (0.5, 0.8), seed=1),
        written(tmp_path / "b", (0.6,), model="thin", counts=cheap),
    ]
    accuracy, loss, costs = fieldscope.lab.compare(runs).to_image().axes
    lines = [named(accuracy, f"accuracy: {run}")[0] for run in runs]
    np.testing.assert_allclose(lines[0].get_xydata(), [(1, 50), (2, 70)])
    np.testing.assert_allclose(
        named(loss, f"loss: {runs[1]}")[0].get_xydata(), [(1, 0.5), (2, 0.2)]
    )
    # A colour per model; its seeds are told apart by their dashes.
    colours = [to_hex(line.get_color()) for line in lines]
    assert colours[0] == colours[1] != colours[2]
    assert lines[0].get_linestyle() != lines[1].get_linestyle()
    points = [named(costs, f"point: {at}")[0].get_xydata().tolist() for at in range(3)]
    np.testing.assert_allclose(points, [[[1e6, 70]], [[1e6, 80]], [[4e5, 60]]])

    accuracy, _, costs = fieldscope.lab.compare(runs, group=True).to_image().axes
    (mean,) = named(accuracy, "mean accuracy: 0")
    np.testing.assert_allclose(mean.get_xydata(), [(1, 50), (2, 75)])
    (thin,) = named(accuracy, f"accuracy: {runs[0]}")
    assert thin.get_linewidth() < mean.get_linewidth()
    np.testing.assert_allclose(named(costs, "point: 0")[0].get_xydata(), [(1e6, 75)])


def test_what_cannot_be_compared_is_told(tmp_path: Path) -> None:
    run = written(tmp_path / "a")
    other = written(tmp_path / "b")
    with pytest.raises(InputError, match="a comparison takes two runs or more, got none\n"):
        fieldscope.lab.compare([])
    with pytest.raises(InputError) as told:
        fieldscope.lab.compare([run, f"{tmp_path}/b/../a"])
    assert str(told.value) == f"the run {run} is named twice\nname each run once"
    (other / "probe.json").write_text("{")
    with pytest.raises(
        InputError, match=r"can't be read as probes: JSONDecodeError: (.|\n)*lab probe"
    ):
        fieldscope.lab.compare([run, other])
    (other / CURVES).write_text("nonsense\n1\n")
    with pytest.raises(InputError, match="can't be read as a curve"):
        fieldscope.lab.compare([run, other])
    (other / RECORD).write_text("{}")
    with pytest.raises(InputError, match="can't be read as a run"):
        fieldscope.lab.compare([run, other])


def test_the_command_prints_writes_and_draws(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = [str(written(tmp_path / name, seed=seed)) for seed, name in enumerate("ab")]
    picture, data = tmp_path / "runs.png", tmp_path / "runs.json"
    result = CliRunner().invoke(
        lab, ["compare", *runs, "--group", "-o", str(picture), "--json", str(data), "--width", "90"]
    )
    assert (result.exit_code, result.stderr) == (0, "")
    assert "All runs differ by their seed alone: 75.0 % on average." in result.stdout
    assert json.loads(data.read_text())["schema"] == "fieldscope.run-comparison/1"
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert main(["lab", "compare", runs[0]]) == 2
    assert capsys.readouterr().err == (
        f"fieldscope: a comparison takes two runs or more, got {runs[0]} alone\n"
        "  name another one behind it\n"
    )
