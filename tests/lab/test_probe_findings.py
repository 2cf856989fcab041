"""What probes say beside the prediction: numbers by hand, sentences, table and picture."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Sequence

import numpy as np
import pytest
from matplotlib.colors import to_hex

from fieldscope.analyses.verdicts import Verdict
from fieldscope.errors import InputError
from fieldscope.lab import shown  # noqa: F401  # registers how findings are shown
from fieldscope.lab.pages.probing import closing, described
from fieldscope.lab.probing.classifier import Score, probed_score, score
from fieldscope.lab.probing.findings import LayerProbe, Probing, border_of
from fieldscope.render.layout import text
from fieldscope.render.pictures.verdicts import LOOKS
from tests.render.drawn import named, texts

ERROR = 0.01


def handmade(
    accuracies: Sequence[float],
    productive: int,
    *,
    probed: Sequence[int] | None = None,
    own: float | None = 0.9,
) -> Probing:
    """Layers a, b, c, …, of which so many are productive, one critical, the others neither."""
    verdicts: list[Verdict] = [
        "productive" if at < productive else "critical" if at == productive else "unproductive"
        for at in range(len(accuracies))
    ]
    names = "abcdefgh"[: len(accuracies)]
    probes = [
        LayerProbe(name, f"{name}.relu", verdict, 8, Score(accuracy, ERROR))
        for name, verdict, accuracy in zip(names, verdicts, accuracies, strict=True)
    ]
    return Probing(
        model="net",
        run="runs/a",
        extents=(16, 16),
        photos=(400, 100),
        classes=3,
        widening=tuple(names),
        border=border_of([(one.layer, one.verdict) for one in probes]),
        layers=tuple(probes if probed is None else [probes[at] for at in probed]),
        baseline=Score(0.4, ERROR),
        own=None if own is None else Score(own, ERROR),
    )


@pytest.mark.parametrize(
    ("accuracies", "productive", "border", "saturation", "agreement"),
    [
        # The best is 0.9: from 0.89 on a layer saturates.
        ((0.5, 0.7, 0.9, 0.9), 2, "c", "c", 1.0),
        ((0.5, 0.7, 0.891, 0.9), 2, "c", "c", 1.0),
        ((0.5, 0.7, 0.889, 0.9), 2, "c", "d", 0.75),
        ((0.9, 0.7, 0.8, 0.9), 2, "c", "a", 0.5),
        ((0.9, 0.9, 0.9, 0.9), 4, None, "a", 0.0),
        ((0.5, 0.7, 0.8, 0.9), 4, None, "d", 0.75),
        ((0.5, 0.7, 0.8, 0.9), 0, "a", "d", 0.25),
        ((0.5,), 0, "a", "a", 1.0),
    ],
)
def test_agreement_is_the_distance_of_border_and_saturation_in_layers(
    accuracies: Sequence[float],
    productive: int,
    border: str | None,
    saturation: str,
    agreement: float,
) -> None:
    found = handmade(accuracies, productive)
    assert (found.border, found.saturation, found.agreement) == (border, saturation, agreement)


@pytest.mark.parametrize(
    ("verdicts", "border"),
    [
        (("productive", "critical", "unproductive"), 1),
        (("critical", "productive", "unproductive"), 2),
        (("unproductive", "critical"), 0),
        (("partly critical", "productive"), None),
        (("productive",), None),
        (("critical",), 0),
    ],
)
def test_the_border_is_the_first_layer_from_which_on_none_is_productive(
    verdicts: Sequence[Verdict], border: int | None
) -> None:
    found = border_of([(str(at), verdict) for at, verdict in enumerate(verdicts)])
    assert found == (None if border is None else str(border))


def test_gains_are_over_the_best_before() -> None:
    found = handmade((0.5, 0.7, 0.6, 0.9), 2)
    assert found.gains == pytest.approx((0.1, 0.2, -0.1, 0.2))
    assert found.mean_gain(productive=True) == pytest.approx(0.15)
    assert found.mean_gain(productive=False) == pytest.approx(0.05)
    assert handmade((0.5, 0.7), 2).mean_gain(productive=False) is None


@pytest.mark.parametrize(
    ("found", "sentences"),
    [
        (
            handmade((0.5, 0.7, 0.9, 0.9), 2),
            """
            Predicted: at 16×16, from c on (layer 3 of 4) no layer is productive.
            Probed: accuracy stops growing at c (layer 3 of 4), with 90.0 ± 1.0 %, the best of all.
            Agreement 1.00: the probes saturate at the border layer itself.
            On average a productive layer gains +15.0 points and one that isn't productive gains
            +10.0 points over the best before it.
            """,
        ),
        (
            handmade((0.5, 0.7, 0.8, 0.9), 1),
            """
            Predicted: at 16×16, from b on (layer 2 of 4) no layer is productive.
            Probed: accuracy stops growing at d (layer 4 of 4), with 90.0 ± 1.0 %, the best of all.
            Agreement 0.50: accuracy grows until 2 layers behind the border, where no context can
            be added, and gains 40.0 points there.
            """,
        ),
        (
            handmade((0.895, 0.7, 0.8, 0.9), 2),
            """
            Predicted: at 16×16, from c on (layer 3 of 4) no layer is productive.
            Probed: accuracy stops growing at a (layer 1 of 4), with 89.5 ± 1.0 %; the best is
            90.0 %, at d.
            Agreement 0.50: the probes saturate 2 layers before the border: what those between can
            still add tells a linear probe nothing more.
            """,
        ),
        (
            handmade((0.5, 0.9, 0.9, 0.9), 2),
            "Agreement 0.75: the probes saturate at the layer right before the border.",
        ),
        (
            handmade((0.5, 0.7, 0.9), 3),
            """
            Predicted: at 16×16 layers add context up to the last of 3 that widen the field.
            Probed: accuracy stops growing at c (layer 3 of 3), with 90.0 ± 1.0 %, the best of all.
            Agreement 0.67: accuracy grows up to the last layer, as predicted.
            On average a productive layer gains +16.7 points over the best before it.
            """,
        ),
        (
            handmade((0.5, 0.9, 0.9), 3),
            """
            Agreement 0.33: the probes saturate 1 layer before the last one: what those behind can
            still add tells a linear probe nothing more.
            """,
        ),
    ],
)
def test_sentences_say_whether_prediction_and_probes_agree(found: Probing, sentences: str) -> None:
    assert " ".join(sentences.split()) in " ".join(closing(found))


def test_the_table_has_a_row_per_layer_with_what_the_model_itself_tells() -> None:
    page = text(described(handmade((0.5, 0.7, 0.9), 1)), 100)
    assert (
        "\n".join(page.splitlines()[:9])
        == """\
net  linear probes at 16×16, fitted to 400 photos of 3 classes, tried on 100

layer                   read at  features  verdict           accuracy   gain  mark
───────────────────────────────────────────────────────────────────────────────────────
(the photos' averages)                                   40.0 ± 1.0 %
a                       a.relu          8  productive    50.0 ± 1.0 %  +10.0
b                       b.relu          8  critical      70.0 ± 1.0 %  +20.0  border
c                       c.relu          8  unproductive  90.0 ± 1.0 %  +20.0  saturates
(the model itself)                                       90.0 ± 1.0 %"""
    )


def test_layers_that_were_not_probed_are_counted() -> None:
    found = handmade((0.5, 0.7, 0.9), 1, probed=[0, 2])
    assert found.border == "b"
    assert "1 layer that widens the field not probed" in text(described(found), 100)


def test_data_hold_all_that_the_table_does() -> None:
    found = handmade((0.5, 0.7, 0.9), 1)
    data = json.loads(found.to_json())
    assert data["schema"] == "fieldscope.probing/1"
    assert (data["border"], data["saturation"], data["agreement"]) == ("b", "c", 1 - 1 / 3)
    assert data["photos"] == {"train": 400, "validation": 100}
    assert data["own"] == {"accuracy": 0.9, "error": 0.01}
    assert [one["layer"] for one in data["layers"]] == ["a", "b", "c"]
    rows = list(csv.DictReader(io.StringIO(found.to_csv())))
    assert [row["verdict"] for row in rows] == ["productive", "critical", "unproductive"]
    assert [float(row["gain"]) for row in rows] == list(found.gains)


def test_the_picture_has_bands_probes_errors_and_both_marks() -> None:
    found = handmade((0.5, 0.7, 0.9), 1)
    figure = found.to_image()
    (axes,) = figure.axes
    (probes,) = named(axes, "probes")
    np.testing.assert_allclose(probes.get_xydata(), [(0, 50), (1, 70), (2, 90)])
    (errors,) = named(axes, "errors")
    heights = [[low[1], high[1]] for low, high in errors.get_segments()]
    np.testing.assert_allclose(heights, [[49, 51], [69, 71], [89, 91]])
    for one in found.layers:
        (band,) = named(axes, f"{one.verdict}: {one.layer}")
        assert to_hex(band.get_facecolor()) == LOOKS[one.verdict].fill
    (border,) = named(axes, "border")
    assert border.get_xdata()[0] == 0.5
    (saturation,) = named(axes, "saturation")
    assert saturation.get_xydata().tolist() == [[2, 90]]
    assert [named(axes, gid)[0].get_ydata()[0] for gid in ("baseline", "own")] == [40, 90]
    assert {"border", "saturates", "the model itself", "the photos' averages"} <= {*texts(figure)}


def test_levels_that_are_alike_are_named_at_both_ends_and_no_tick_is_above_all() -> None:
    found = handmade([1.0, 1.0, 0.9], 2, own=0.4)
    picture = found.to_image()
    (axes,) = picture.axes
    assert axes.get_ylim()[1] < 112
    picture.canvas.draw()
    boxes = [
        text.get_window_extent()
        for text in axes.texts
        if text.get_text() in ("the photos' averages", "the model itself")
    ]
    assert len(boxes) == 2
    assert not boxes[0].overlaps(boxes[1])


def test_the_picture_of_chosen_layers_leaves_out_a_border_that_is_not_among_them() -> None:
    (axes,) = handmade((0.5, 0.7, 0.9), 1, probed=[0, 2], own=None).to_image().axes
    assert named(axes, "border") == []
    assert named(axes, "own") == []
    assert len(named(axes, "saturation")) == 1


def test_an_error_is_never_none_and_near_the_binomial_one() -> None:
    assert score(100, 100).error > 0
    assert score(0, 100).error == pytest.approx(score(100, 100).error)
    assert score(300, 1000).error == pytest.approx(math.sqrt(0.3 * 0.7 / 1000), rel=0.01)


def test_a_probe_finds_what_a_straight_cut_tells_and_no_more() -> None:
    chance = np.random.default_rng(0)
    points = chance.uniform(-1, 1, (300, 2)).astype(np.float32)
    points = points[np.abs(points).min(axis=1) > 0.2]
    points = points[np.abs(points.sum(axis=1)) > 0.2]
    straight = (points.sum(axis=1) > 0).astype(np.int64)
    crossed = (points.prod(axis=1) > 0).astype(np.int64)
    half = len(points) // 2
    scores = [
        probed_score((points[:half], labels[:half]), (points[half:], labels[half:]), seed=0)
        for labels in (straight, crossed)
    ]
    assert scores[0].accuracy > 0.95
    assert scores[1].accuracy < 0.65


def test_the_same_photos_and_seed_give_the_same_score() -> None:
    chance = np.random.default_rng(0)
    features = chance.normal(size=(60, 100)).astype(np.float32)
    labels = (np.arange(60) % 3).astype(np.int64)
    scores = [
        probed_score((features[:40], labels[:40]), (features[40:], labels[40:]), seed=7)
        for _ in range(2)
    ]
    assert scores[0] == scores[1]


def test_classes_of_one_photo_are_fitted() -> None:
    features = np.array([[0.0], [1.0], [2.0]], dtype=np.float32)
    labels = np.array([0, 1, 2])
    assert probed_score((features, labels), (features[[0, 2]], labels[[0, 2]]), seed=0).accuracy > 0


def test_features_of_any_scale_and_constant_ones_are_fitted() -> None:
    labels = (np.arange(20) % 2).astype(np.int64)
    features = np.stack([1e6 * labels, np.ones(20), 1e-6 * labels], 1).astype(np.float32)
    assert probed_score((features, labels), (features, labels), seed=0).accuracy == 1.0


def test_photos_of_one_class_are_told() -> None:
    features, labels = np.ones((4, 2), dtype=np.float32), np.zeros(4, dtype=np.int64)
    with pytest.raises(InputError) as told:
        probed_score((features, labels), (features, labels), seed=0)
    assert str(told.value) == (
        "all photos that a probe is fitted to are of one class\ngive photos of two classes or more"
    )
