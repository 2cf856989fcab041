"""Published networks verified as a user would: theory against the model run for real."""

from __future__ import annotations

import pytest
import torch

import fieldscope
from benchmarks.networks import UNet
from fieldscope.frontends.torch import zoo

pytestmark = pytest.mark.zoo

# Small enough for minutes, large enough for the deepest map to have positions.
NETWORKS = {
    "vgg16": 64,
    "resnet50": 64,
    "mobilenet_v3_small": 64,
    "densenet121": 64,
    "swin_t": 64,
    "convnext_tiny": 64,
}


@pytest.mark.parametrize("name", NETWORKS)
def test_theory_and_the_real_network_agree(name: str) -> None:
    model = zoo.build("torchvision", name, values=True).model
    extent = NETWORKS[name]
    found = fieldscope.verify(model, (1, 3, extent, extent + 32), positions=1, name=name)
    assert found.count("agrees") == len(found.checks) > 30, found


def test_theory_and_a_real_network_on_volumes_agree() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = UNet(3, channels=4, levels=3)
    found = fieldscope.verify(model, (1, 1, 16, 24, 32), positions=4)
    assert found.count("agrees") == len(found.checks) > 30, found
