"""The lab's networks: their weights, their seeds, and what is said of those that don't fit."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

import fieldscope
from fieldscope.errors import LayerNotFoundError, ModelError
from fieldscope.frontends.targets import resolve
from fieldscope.lab.models.body import cut_of, finetuned
from fieldscope.lab.models.building import built, scoring
from fieldscope.lab.models.small_vgg import BLOCKS, small_vgg
from tests.lab.course import network_in


def weights_of(model: torch.nn.Module) -> torch.Tensor:
    return torch.cat([one.detach().flatten() for one in model.parameters()])


def test_small_vgg_has_the_weights_that_its_layers_add_up_to() -> None:
    expected, entering = 0, 3
    for width in BLOCKS:
        expected += 9 * entering * width + 9 * width * width + 2 * 2 * width
        entering = width
    expected += 2 * (512 * 512 + 512) + 512 * 10 + 10
    assert expected == 5_217_738
    assert sum(one.numel() for one in small_vgg(10).parameters()) == expected


def test_small_vgg_halves_its_extents_four_times() -> None:
    report = fieldscope.analyze(small_vgg(10), (1, 3, 32, 48))
    pools = [layer.shape for layer in report.layers if layer.source.startswith("aten.max_pool")]
    assert pools == [(1, 64, 16, 24), (1, 128, 8, 12), (1, 256, 4, 6), (1, 512, 2, 3)]


@pytest.mark.parametrize("target", ["small-vgg", "torchvision:squeezenet1_1", "net.py:build"])
def test_weights_are_drawn_from_the_seed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    monkeypatch.chdir(tmp_path)
    network_in(tmp_path)
    one, same, other = (built(target, classes=4, seed=seed).model for seed in (1, 1, 2))
    assert torch.equal(weights_of(one), weights_of(same))
    assert not torch.equal(weights_of(one), weights_of(other))
    assert one.training


def test_builders_get_the_number_of_classes_where_they_name_it(tmp_path: Path) -> None:
    target = network_in(tmp_path)
    found = scoring(target, {"width": 5}, classes=7, resolution=8, seed=0)
    assert found.model(torch.zeros(2, 3, 8, 8)).shape == (2, 7)
    assert found.arguments == {"num_classes": 7, "width": 5}
    with pytest.raises(ModelError, match=r"gives a tensor \[2, 4\] for 2 images 8×8, and \[2, 7\]"):
        scoring(target, {"num_classes": 4}, classes=7, resolution=8, seed=0)


def test_a_model_that_cannot_be_run_at_a_resolution_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"can't be run on images 1×1: .*\ngive a --resolution"):
        scoring(network_in(tmp_path), classes=3, resolution=1, seed=0)


def test_arguments_that_small_vgg_does_not_take_are_told() -> None:
    with pytest.raises(ModelError, match=r"takes no argument 'depth'\nit takes num_classes and ch"):
        built("small-vgg", {"depth": 3}, classes=2, seed=0)


def test_what_is_no_module_is_told(tmp_path: Path) -> None:
    code = "def build():\n    return lambda image: image\n"
    with pytest.raises(ModelError, match=r"is function, and the lab trains PyTorch's modules"):
        built(network_in(tmp_path, code), classes=2, seed=0)


@pytest.mark.parametrize(
    ("target", "cut", "channels"),
    [
        ("torchvision:resnet18", "layer4.1.relu#2", 512),
        ("torchvision:vgg11", "features.20", 512),
        ("torchvision:squeezenet1_1", "classifier.2", 1000),
        ("torchvision:mobilenet_v3_small", "features.12.2", 576),
    ],
)
def test_a_body_ends_behind_its_last_layer_with_positions(
    target: str, cut: str, channels: int
) -> None:
    network = built(target, classes=None, seed=0).model
    layer = cut_of(fieldscope.analyze(network, (1, 3, 64, 64)))
    assert (layer.name, layer.shape[1]) == (cut, channels)


def test_what_lies_behind_the_cut_costs_nothing() -> None:
    network = built("torchvision:vgg11", classes=None, seed=0).model
    convolutions = sum(one.numel() for one in network.get_submodule("features").parameters())
    layer = cut_of(fieldscope.analyze(network, (1, 3, 64, 64)))
    model = finetuned(network, layer, image=(1, 3, 64, 64), classes=5, seed=0)
    assert sum(one.numel() for one in model.body.parameters()) == convolutions
    assert model(torch.zeros(2, 3, 64, 64)).shape == (2, 5)


def test_weights_that_are_used_without_a_call_stay(tmp_path: Path) -> None:
    code = """
from torch import nn
from torch.nn import functional


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.shared = nn.Conv2d(3, 4, 3)
        self.unused = nn.Linear(4, 9)

    def forward(self, x):
        x = functional.conv2d(x, self.shared.weight).relu()
        return self.unused(x.mean((2, 3)))


def build():
    return Net()
"""
    network = built(network_in(tmp_path, code), classes=None, seed=0).model
    layer = cut_of(fieldscope.analyze(network, (1, 3, 8, 8)))
    model = finetuned(network, layer, image=(1, 3, 8, 8), classes=2, seed=0)
    assert {name for name, _ in model.body.named_parameters()} >= {"network.shared.weight"}
    assert model(torch.zeros(2, 3, 8, 8)).shape == (2, 2)


def test_layers_that_a_network_cannot_be_cut_behind_are_told() -> None:
    network = built("torchvision:squeezenet1_1", classes=None, seed=0).model
    report = fieldscope.analyze(network, (1, 3, 64, 64))
    assert cut_of(report, "features.6.expand3x3").shape[1] == 128
    with pytest.raises(LayerNotFoundError, match=r"no layer 'feature.7' to cut behind\ndid you"):
        cut_of(report, "feature.7")
    with pytest.raises(ModelError, match=r"can't be cut behind view_1: its output \[1, 1000\]"):
        cut_of(report, report.output.name)


def test_a_small_vgg_is_named_so_that_other_commands_can_build_it() -> None:
    found = built("small-vgg", classes=None, seed=0)
    other = resolve(found.target, found.arguments).model
    assert isinstance(other, nn.Module)
    assert other.state_dict().keys() == found.model.state_dict().keys()
