"""Probes of networks with known weights: they grow until the field covers what tells classes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import fieldscope
from fieldscope.errors import InputError, LayerNotFoundError, ModelError
from fieldscope.lab.probing.features import Reader
from fieldscope.lab.probing.findings import Probing
from fieldscope.lab.probing.layers import probed
from fieldscope.lab.probing.places import readings_of
from tests.lab.seeing import Batches, batched, dots, edges, searching, stripes

DISTANCES = (4, 20)


def probing(net: nn.Module, train: Batches, validation: Batches, **options: object) -> Probing:
    shape = (1, *train[0][0].shape[1:])
    report = fieldscope.analyze(net, shape, name="net")
    return probed(net, report, train, validation, **options)  # type: ignore[arg-type]


def accuracies(found: Probing) -> list[float]:
    return [one.score.accuracy for one in found.layers]


def test_probes_are_at_chance_until_the_field_covers_both_dots() -> None:
    train, validation = (
        dots(count, distances=DISTANCES, width=64, seed=seed) for seed, count in enumerate((40, 30))
    )
    found = probing(searching(7), train, validation)
    assert accuracies(found) == [0.5, 0.5, 0.5, 1.0, 1.0, 1.0, 1.0]
    # Layer 4, counted from 1, is the first that reaches over 4 elements.
    assert (found.saturation, found.saturation_at) == ("6", 3)
    # Fields of up to 15 elements are far from the extent, so all layers were said to be of use.
    assert (found.border, found.border_at) == (None, 7)
    assert found.agreement == 1 - 4 / 7


def test_where_the_extent_ends_what_can_be_told_border_and_saturation_are_near() -> None:
    train, validation = (
        dots(count, distances=(3, 4), width=10, seed=seed) for seed, count in enumerate((40, 30))
    )
    found = probing(searching(7), train, validation)
    # Narrowest fields are 3, 5, 7, 9, 11, ... of 10 elements: the fifth layer exceeds them.
    assert [one.verdict for one in found.layers] == [
        *["productive"] * 4,
        "critical",
        *2 * ["unproductive"],
    ]
    assert found.border_at == 4
    assert accuracies(found) == [0.5, 0.5, 1.0, 1.0, 1.0, 1.0, 1.0]
    assert found.saturation_at == 2
    assert found.agreement == 1 - 2 / 7


def test_texture_is_told_by_the_first_layer_but_not_by_the_photos_averages() -> None:
    found = probing(edges(), stripes(40, seed=0), stripes(30, seed=1))
    assert accuracies(found) == [1.0, 1.0, 1.0]
    assert found.baseline.accuracy == 0.5
    assert found.saturation == "0"


def test_a_convolution_is_read_behind_its_activation_without_which_averages_tell_nothing() -> None:
    train, validation = stripes(40, seed=0), stripes(30, seed=1)
    behind = probing(edges(), train, validation)
    assert behind.layers[0].place == "1"
    linear = probing(edges()[:1], train, validation)
    assert linear.layers[0].place == "0"
    # Steps up and down are as many, so their sum says nothing of their number.
    assert (accuracies(linear), accuracies(behind)[0]) == ([0.5], 1.0)


def test_features_do_not_depend_on_the_size_of_batches() -> None:
    class Moved(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.norm = nn.Conv2d(1, 4, 3), nn.LayerNorm(4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            tokens = self.norm(self.conv(x).flatten(2).transpose(1, 2))
            return torch.relu(tokens.reshape(len(x), 6, 6, 4)).mean((1, 2))

    torch.manual_seed(0)
    net, photos, labels = Moved(), torch.rand(10, 1, 8, 8), torch.arange(10) % 2
    report = fieldscope.analyze(net, (1, 1, 8, 8))
    expected = net.conv(photos).mean((2, 3)).detach().numpy()
    for size in (1, 3, 10):
        reader = Reader(net, report.inputs[0], readings_of(report, ["conv"]), output="output")
        found = reader.features(batched(photos, labels, size))
        assert found.layers["conv"].shape == (10, 4)
        assert found.output is not None
        np.testing.assert_allclose(found.output, net(photos).detach().numpy(), atol=1e-6)
        assert found.labels.tolist() == labels.tolist()
        assert found.places == {"conv": "conv"}
        np.testing.assert_allclose(found.layers["conv"], expected, atol=1e-6)


def test_features_are_averages_over_positions_in_eval_mode() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.Dropout())
    before = {name: value.clone() for name, value in net.state_dict().items()}
    photos = torch.rand(6, 1, 5, 7)
    report = fieldscope.analyze(net, (1, 1, 5, 7))
    reader = Reader(net, report.inputs[0], readings_of(report, ["0"]), output=None)
    found = reader.features([(photos, [0, 1, 0, 1, 0, 1])])
    assert net.training
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    expected = net.eval()(photos).mean((2, 3)).detach().numpy()
    np.testing.assert_allclose(found.layers["0"], expected, atol=1e-6)
    np.testing.assert_allclose(found.inputs, photos.mean((2, 3)).numpy(), atol=1e-6)


def test_two_layers_that_are_summed_are_read_at_their_sum() -> None:
    class Sum(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.near, self.far = nn.Conv2d(1, 2, 3, padding=1), nn.Conv2d(1, 2, 5, padding=2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.relu(self.near(x) + self.far(x)).mean((2, 3))

    found = probing(Sum(), stripes(20, seed=0), stripes(10, seed=1))
    assert [(one.layer, one.place) for one in found.layers] == [
        ("near", "relu_1"),
        ("far", "relu_1"),
    ]
    assert found.layers[0].score == found.layers[1].score


def test_the_model_itself_is_scored_where_it_returns_a_number_per_class() -> None:
    class Told(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.edges = edges()[:2]

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            steps = self.edges(x).mean((1, 2, 3))
            return torch.stack([0.1 - steps, steps - 0.1], 1)

    train, validation = stripes(20, seed=0), stripes(10, seed=1)
    own = probing(Told(), train, validation).own
    assert own is not None
    assert own.accuracy == 1.0
    assert probing(edges(), train, validation).own is None


def test_layers_behind_the_last_that_counts_are_left_out() -> None:
    found = probing(searching(6), *_two(), until="5", scorer=lambda photos: photos.sum(1)[:, :2])
    assert found.widening == ("0", "2", "4")
    assert found.last is not None
    assert found.last.layer == "5"
    assert found.own is not None


def test_layers_can_be_chosen_by_patterns_and_keep_their_places() -> None:
    found = probing(searching(6), *_two(), layers=["6", "1?"])
    assert [one.layer for one in found.layers] == ["6", "10"]
    assert len(found.widening) == 6
    assert found.saturation_at == 3


def test_a_pattern_that_fits_no_widening_layer_is_told() -> None:
    with pytest.raises(LayerNotFoundError) as told:
        probing(searching(2), *_two(), layers=["1"])
    assert str(told.value) == (
        "no layer of net that widens the field is named '1'\n"
        "fieldscope productivity lists these layers"
    )


def test_a_model_that_widens_nothing_has_nothing_to_probe() -> None:
    with pytest.raises(InputError) as told:
        probing(nn.Sequential(nn.Conv1d(1, 2, 1), nn.ReLU()), *_two())
    assert str(told.value) == (
        "no layer of net widens the field, so there is nothing to probe\n"
        "name a model with convolutions or pooling over more than one position"
    )


def test_photos_of_another_shape_than_the_analysed_one_are_told() -> None:
    net = searching(2)
    with pytest.raises(InputError) as told:
        probed(net, fieldscope.analyze(net, (1, 1, 32)), *_two())
    assert str(told.value) == (
        "photos of shape (1, 64) don't fit the analysis, which is for (1, 32)\n"
        "analyse the model at the photos' own shape"
    )


def test_no_photos_are_told() -> None:
    train, _ = _two()
    with pytest.raises(InputError, match=r"there are no validation photos to run the model on\n"):
        probing(searching(2), train, [])


def test_photos_of_one_class_are_told() -> None:
    train, validation = _two()
    alike = [(photos, torch.zeros_like(labels)) for photos, labels in train]
    with pytest.raises(InputError, match="all photos that a probe is fitted to are of one class"):
        probing(searching(2), alike, validation)


def test_numbers_that_are_not_finite_are_told_with_their_layer() -> None:
    net = searching(3)
    with torch.no_grad():
        next(net[2].parameters()).fill_(float("nan"))
    with pytest.raises(ModelError) as told:
        probing(net, *_two())
    assert str(told.value) == (
        "layer 3 holds numbers that aren't finite, so nothing can be fitted to it\n"
        "take weights of an earlier epoch, before training diverged"
    )


def test_a_model_that_fails_on_a_batch_is_told() -> None:
    class Full(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv1d(1, 2, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if len(x) == 8:
                raise ValueError("eight are too few")
            seen: torch.Tensor = self.conv(x)
            return seen

    with pytest.raises(ModelError) as told:
        probing(Full(), *_two())
    assert str(told.value).startswith(
        "the model fails on photos of shape (8, 1, 64): ValueError: eight are too few (at "
    )


def test_progress_is_told() -> None:
    steps: list[tuple[str, int, int]] = []
    probing(searching(2), *_two(), told=lambda *step: steps.append(step))
    assert ("running the model on the training photos", 1, 3) in steps
    assert ("fitting a probe to 2", 1, 3) in steps


def _two() -> tuple[Batches, Batches]:
    return (
        dots(40, distances=DISTANCES, width=64, seed=0),
        dots(20, distances=DISTANCES, width=64, seed=1),
    )


class Windows(nn.Module):
    """Reads windows of a photo apart, as Swin transformers do: photos and windows on one axis."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 4, 3, padding=1)
        self.within = nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        value = self.first(image).relu()
        count, channels, height, width = value.shape
        cut = value.view(count, channels, 2, height // 2, 2, width // 2).permute(0, 2, 4, 1, 3, 5)
        windows = self.within(cut.reshape(-1, channels, height // 2, width // 2))
        means: torch.Tensor = windows.view(count, -1, *windows.shape[1:]).mean((1, 3, 4))
        return means


def test_photos_that_share_an_axis_with_windows_are_told_apart() -> None:
    torch.manual_seed(0)
    net = Windows()
    report = fieldscope.analyze(net, (1, 1, 8, 8), name="net")
    reading, reading_within = readings_of(report, ["first", "within"])
    assert reading.apart
    assert not reading_within.apart
    photos = torch.rand(5, 1, 8, 8)
    reader = Reader(net, report.inputs[0], [reading, reading_within], output=None)
    found = reader.features([(photos, torch.arange(5))])
    assert found.layers["first"].shape == (5, 4)
    # The mean over windows and positions is what the network itself returns.
    with torch.no_grad():
        np.testing.assert_allclose(found.layers["within"], net(photos).numpy(), atol=1e-6)


class Attending(nn.Module):
    """A convolution, and attention over all positions."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.last = nn.Conv1d(1, 4, 3), nn.Conv1d(4, 4, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        tokens = torch.relu(self.conv(x))
        weights = (tokens.transpose(1, 2) @ tokens).softmax(-1)
        found: torch.Tensor = self.last(tokens @ weights.transpose(1, 2))
        return found


def test_attention_is_probed_at_what_it_weighs_not_at_its_weights() -> None:
    train, validation = _two()
    report = fieldscope.analyze(Attending(), tuple(train[0][0][:1].shape))
    judged = fieldscope.productivity(report)
    assert any("softmax" in one.layer for one in judged.widening)
    found = probing(Attending(), train, validation)
    assert not any("softmax" in name for name in found.widening)
    assert len(found.widening) == len(judged.widening) - 1
