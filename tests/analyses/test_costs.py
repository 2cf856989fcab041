"""Multiply-accumulates and parameters, by hand and against PyTorch's own counts."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import fieldscope
from fieldscope.analyses.costs import Cost, are_counted, costs_of
from fieldscope.frontends.torch import zoo


def costs(model: nn.Module, shape: tuple[int, ...]) -> dict[str, Cost]:
    return costs_of(fieldscope.analyze(model, shape))


@pytest.mark.parametrize(
    ("layer", "shape", "macs"),
    [
        (nn.Conv2d(3, 8, (3, 5)), (2, 3, 10, 12), 2 * 8 * 8 * 8 * 3 * 15),
        (nn.Conv2d(6, 6, 3, groups=6), (1, 6, 8, 9), 6 * 6 * 7 * 9),
        (nn.Conv2d(6, 12, 1, groups=2), (1, 6, 4, 5), 12 * 20 * 3),
        (nn.Conv1d(4, 6, 3, stride=2, dilation=2), (1, 4, 20), 6 * 8 * 4 * 3),
        (nn.Conv3d(1, 2, (1, 2, 3)), (1, 1, 4, 5, 6), 2 * 4 * 4 * 4 * 6),
        (nn.ConvTranspose2d(4, 6, 2, stride=2), (1, 4, 5, 3), 4 * 15 * 6 * 4),
        (nn.ConvTranspose1d(4, 6, 3, groups=2), (1, 4, 5), 4 * 5 * 3 * 3),
    ],
)
def test_a_layer_costs_what_its_definition_says(
    layer: nn.Module, shape: tuple[int, ...], macs: int
) -> None:
    ((_, found),) = costs(layer, shape).items()
    assert found.macs == macs
    assert found.parameters == sum(one.numel() for one in layer.parameters())


def test_norms_pooling_and_activations_cost_no_products_but_have_parameters() -> None:
    net = nn.Sequential(nn.BatchNorm2d(5), nn.MaxPool2d(2), nn.AvgPool2d(2), nn.PReLU(5))
    assert costs(net, (1, 5, 8, 8)) == {
        "0": Cost(0, 10),
        "1": Cost(0, 0),
        "2": Cost(0, 0),
        "3": Cost(0, 5),
    }


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(8, 24)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = self.qkv(x).chunk(3, -1)
        return nn.functional.scaled_dot_product_attention(q, k, v)


def test_fused_attention_costs_its_scores_and_what_they_weigh() -> None:
    found = costs(Attention(), (2, 7, 8))
    assert found["qkv"].macs == 2 * 7 * 8 * 24
    assert sum(one.macs for one in found.values()) == 2 * 7 * 8 * 24 + 2 * (2 * 7 * 7 * 8)


class Shared(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(2, 2, 3)
        self.scale = nn.Parameter(torch.ones(2, 1))
        self.unused = nn.Linear(3, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.conv(self.conv(x) * self.scale)
        return found


def test_shared_weights_count_once_and_own_ones_with_the_operator_that_reads_them() -> None:
    report = fieldscope.analyze(Shared(), (1, 2, 20))
    found = costs_of(report)
    assert found["conv"].parameters == 2 * 2 * 3 + 2
    assert found["conv#2"] == Cost(2 * 16 * 2 * 3, 0)
    assert found["mul_1"].parameters == 2
    assert sum(one.parameters for one in found.values()) == 14 + 2  # the unused layer isn't run


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2", "densenet121", "swin_t"])
def test_networks_cost_what_pytorch_counts(name: str) -> None:
    model, shape = zoo.build("torchvision", name)[:2]
    report = fieldscope.analyze(model, shape)
    found = costs_of(report)
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        model.to("meta").eval()(torch.empty(*shape, device="meta"))
    total = sum(one.macs for one in found.values())
    # PyTorch counts a product and its sum as two operations.
    assert total == counter.get_total_flops() // 2
    assert are_counted(report)
    assert sum(one.parameters for one in found.values()) == sum(
        one.numel() for one in model.parameters()
    )


def test_without_the_front_ends_word_kernels_and_matrices_are_counted() -> None:
    jax = pytest.importorskip("jax")
    kernel = jax.numpy.ones((3, 3, 2, 4))

    def model(x: object) -> object:
        return jax.lax.conv_general_dilated(
            x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )

    report = fieldscope.analyze(model, (1, 8, 8, 2))
    assert not are_counted(report)
    found = costs_of(report)
    assert math.fsum(one.parameters for one in found.values()) == 3 * 3 * 2 * 4
    assert sum(one.macs for one in found.values()) == 64 * 4 * 2 * 9


def test_a_report_without_a_graph_is_told() -> None:
    from dataclasses import replace

    report = replace(fieldscope.analyze(nn.Conv1d(1, 1, 3), (1, 1, 8)), _trace=None)
    with pytest.raises(fieldscope.InputError, match=r"holds no graph to follow\nanalyse the model"):
        costs_of(report)
