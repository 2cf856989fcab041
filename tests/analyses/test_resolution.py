"""Feasible extents, by hand and where verdicts change."""

from __future__ import annotations

import json
import math

import pytest
import torch
from torch import nn

import fieldscope
from fieldscope.analyses.resolution import Resolution


def chain(*kernels: tuple[int, int], stride: int = 1) -> nn.Sequential:
    return nn.Sequential(*(nn.Conv2d(1, 1, kernel, stride) for kernel in kernels))


def test_the_limits_of_a_chain_are_per_axis_and_name_their_layers() -> None:
    found = fieldscope.resolution(chain((3, 9), (3, 9), (3, 9)), (1, 1, 64, 64))
    assert found.range == ((5, 17), (7, 25))
    assert found.productive_from == (6, 18)
    assert found.uncritical == (7, 25)
    assert found.lower.layers == found.upper.layers == (("2",), ("2",))


def test_a_pool_counts_as_a_layer_that_widens() -> None:
    class Pooled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(1, 1, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return nn.functional.max_pool2d(self.conv(x), 3, 2)

    found = fieldscope.resolution(Pooled(), (1, 1, 32, 32))
    assert found.range == ((3, 3), (5, 5))


def test_layers_that_widen_one_axis_set_the_limit_of_that_axis_alone() -> None:
    found = fieldscope.resolution(chain((1, 5), (7, 1)), (1, 1, 64, 64))
    assert found.smallest == (1, 1)
    assert found.lower.layers == (("1",), ("0",))
    assert fieldscope.resolution(chain((1, 5), (7, 1), (3, 3)), (1, 1, 64, 64)).smallest == (7, 5)


@pytest.mark.parametrize("extent", [5, 6, 7, 8, 9, 12, 30])
def test_verdicts_change_at_the_limits(extent: int) -> None:
    net = nn.Sequential(*(nn.Conv2d(1, 1, 3, padding=1) for _ in range(4)))
    report = fieldscope.analyze(net, (1, 1, 64, 64))
    limits = fieldscope.resolution(report)
    found = fieldscope.productivity(report, input=extent)
    assert bool(found.unproductive) == (extent < limits.productive_from[0])
    beyond = found.unproductive or found.judged("critical")
    assert bool(beyond) == (extent < limits.uncritical[0])


class Excited(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.before, self.behind = nn.Conv2d(1, 2, 3), nn.Conv2d(2, 2, 5)
        self.gate = nn.Linear(2, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.before(x)
        x = x * self.gate(x.mean((2, 3)))[:, :, None, None]
        found: torch.Tensor = self.behind(x)
        return found


def test_context_is_left_aside_or_lifts_the_upper_limit() -> None:
    found = fieldscope.resolution(Excited(), (1, 1, 32, 32))
    assert found.largest == (7, 7)
    assert found.upper_with_context.extents == (math.inf, math.inf)
    folded = fieldscope.analyze(Excited(), (1, 1, 32, 32), fold_context=True)
    assert fieldscope.resolution(folded).largest == found.upper_with_context.extents
    assert fieldscope.resolution(folded).smallest == found.smallest
    data = json.loads(found.to_json())
    assert data["largest"]["extents"] == [7, 7]
    assert data["largest_with_context"]["extents"] == ["all", "all"]


def test_snapped_limits_are_multiples_of_the_total_stride_inwards() -> None:
    net = nn.Sequential(nn.Conv1d(1, 1, 7, 4), nn.Conv1d(1, 1, 3, 2), nn.Conv1d(1, 1, 3))
    exact = fieldscope.resolution(net, (1, 1, 100))
    snapped = fieldscope.resolution(net, (1, 1, 100), snapped=True)
    assert exact.stride == (8,)
    assert (exact.smallest, exact.largest) == ((15,), (31,))
    assert (snapped.smallest, snapped.productive_from, snapped.largest) == ((16,), (16,), (24,))


def test_upsampling_does_not_count_towards_the_total_stride() -> None:
    net = nn.Sequential(nn.Conv1d(1, 1, 4, 4), nn.Upsample(scale_factor=2), nn.Conv1d(1, 1, 3))
    assert fieldscope.resolution(net, (1, 1, 64)).stride == (4,)


def test_what_reads_all_positions_has_no_upper_limit() -> None:
    net = nn.Sequential(nn.Conv1d(1, 8, 3), nn.Softmax(-1))
    found = fieldscope.resolution(net, (1, 1, 64))
    assert found.largest == (math.inf,)
    assert found.upper.layers == (("1",),)


def test_a_network_without_positions_is_told() -> None:
    class Mean(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.mean((2, 3)).relu()

    with pytest.raises(fieldscope.InputError, match="no layer of Mean has positions along the"):
        fieldscope.resolution(Mean(), (1, 1, 8, 8))


def test_pooling_to_a_fixed_number_of_positions_sets_no_limit() -> None:
    net = nn.Sequential(nn.Conv2d(1, 1, 5), nn.AdaptiveAvgPool2d(7), nn.Flatten())
    found = fieldscope.resolution(net, (1, 1, 12, 12))
    assert found.largest == (5, 5)


@pytest.mark.parametrize(
    ("net", "shape", "sentence"),
    [
        (chain((3, 3), (3, 3)), (1, 1, 5, 5), "Inputs from 4×4 to 5×5 suit the network"),
        (nn.Softmax(-1), (1, 1, 9), "suit the network: some layer sees the whole of any"),
        (chain((3, 3), (3, 3)), (1, 1, 64, 64), "64×64 is larger than any position sees"),
        (chain((9, 9), (3, 3), (3, 3)), (1, 1, 13, 13), "Inputs from 12×12 to 13×13"),
    ],
)
def test_the_page_says_what_suits(net: nn.Module, shape: tuple[int, ...], sentence: str) -> None:
    assert sentence in " ".join(repr(fieldscope.resolution(net, shape)).split())


def test_an_empty_range_is_said() -> None:
    net = nn.Sequential(nn.Conv1d(1, 1, 9), nn.MaxPool1d(2, 8))
    exact: Resolution = fieldscope.resolution(net, (1, 1, 64))
    assert (exact.productive_from, exact.largest) == ((10,), (10,))
    snapped = fieldscope.resolution(net, (1, 1, 64), snapped=True)
    assert (snapped.productive_from, snapped.largest) == ((16,), (8,))
    assert "No extent is feasible along x" in " ".join(repr(snapped).split())


def test_without_a_layer_that_widens_every_extent_is_productive() -> None:
    found = fieldscope.resolution(nn.Conv1d(1, 1, 1), (1, 1, 64))
    assert (found.smallest, found.productive_from, found.largest) == ((1,), (1,), (1,))
