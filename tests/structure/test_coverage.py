"""What no position reads, how evenly others are read, and how that is told."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from torch import nn

import fieldscope
from fieldscope.errors import InputError, LayerNotFoundError


def chained(*windows: tuple[int, int, int], extent: int = 24) -> fieldscope.Builder:
    """Windows of kernel, stride, dilation on one axis."""
    b = fieldscope.Builder("chain")
    x = b.input((1, 1, extent))
    for kernel, stride, dilation in windows:
        x = b.conv(x, kernel, stride=stride, dilation=dilation)
    return b


def test_strides_larger_than_kernels_leave_elements_out() -> None:
    found = fieldscope.coverage(chained((2, 3, 1), extent=12))
    assert found.mask.astype(int).tolist() == [1, 1, 0] * 4
    assert (found.unread, found.unread_share, found.inside) == (4, 1 / 3, 3)
    assert found.edges == ((0, 1),)
    assert found.pattern is not None
    assert found.pattern.period == (3,)
    assert found.pattern.ratio == math.inf
    assert found.pattern.nothing == pytest.approx(1 / 3)


def test_windows_that_do_not_fit_once_more_and_crops_leave_edges() -> None:
    b = fieldscope.Builder()
    x = b.crop(b.input((1, 1, 20, 17)), ((2, 0), 1))
    b.conv(x, 4, stride=4)
    found = fieldscope.coverage(b)
    assert found.edges == ((2, 2), (1, 4))
    assert found.inside == 0
    assert found.unread == 20 * 17 - 16 * 12


def test_a_stride_below_the_kernel_reads_some_twice() -> None:
    found = fieldscope.coverage(chained((3, 2, 1), extent=11))
    assert found.reads.tolist() == [1, 1, 2, 1, 2, 1, 2, 1, 2, 1, 1]
    assert found.pattern is not None
    assert found.pattern.counts.tolist() == [4 / 3, 2 / 3]
    assert found.pattern.ratio == 2
    assert found.pattern.variation == pytest.approx(1 / 3)
    assert found.arrivals is not None
    assert found.arrivals.even


def test_gridding_shows_in_what_one_position_reads() -> None:
    found = fieldscope.coverage(chained((3, 1, 2), (3, 1, 2), (3, 1, 2), extent=40))
    assert found.density == 7 / 13
    assert found.pattern is not None
    assert found.pattern.even
    gone = fieldscope.coverage(chained((3, 1, 1), (3, 1, 2), (3, 1, 3), extent=40))
    assert gone.density == 1


@pytest.mark.parametrize(("kernel", "ratio"), [(2, 1), (3, 2), (4, 1), (5, 1.5)])
def test_a_transposed_kernel_that_is_no_multiple_of_the_stride_makes_a_checkerboard(
    kernel: int, ratio: float
) -> None:
    b = fieldscope.Builder()
    b.conv_transpose(b.input((1, 1, 8, 8)), (kernel, 2), stride=2)
    found = fieldscope.coverage(b)
    assert found.arrivals is not None
    assert found.arrivals.ratio == pytest.approx(ratio)
    assert found.arrivals.period == (1 if ratio == 1 else 2, 1)


def test_a_transposed_stride_beyond_the_kernel_leaves_positions_without_any_way() -> None:
    b = fieldscope.Builder()
    b.conv_transpose(b.input((1, 1, 8)), 1, stride=3)
    found = fieldscope.coverage(b)
    assert found.arrivals is not None
    assert found.arrivals.nothing == pytest.approx(2 / 3)
    assert found.arrivals.ratio == math.inf
    assert "some have none at all" in repr(found)


def test_branches_are_added() -> None:
    b = fieldscope.Builder()
    x = b.input((1, 1, 8))
    b.add(b.max_pool(x, 2), b.conv(x, 1, stride=2))
    assert fieldscope.coverage(b).reads.tolist() == [2, 1] * 4


def test_context_is_not_counted() -> None:
    b = fieldscope.Builder()
    x = b.conv(b.input((1, 4, 9, 9)), 2, stride=3, channels=4)
    b.squeeze_excite(x, reduction=2, name="se")
    found = fieldscope.coverage(b)
    assert found.inside == 81 - 36 - 17
    assert found.context == ("se",)
    assert "Context, which all positions share, isn't counted: se." in repr(found)


def test_a_layer_can_be_named_and_several_inputs_too() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.other = nn.Conv1d(1, 2, 2, stride=4), nn.Conv1d(1, 2, 4, stride=4)

        def forward(self, left, right):  # type: ignore[no-untyped-def]
            return self.one(left) + self.other(right)

    report = fieldscope.analyze(Two(), [(1, 1, 16), (1, 1, 16)])
    assert fieldscope.coverage(report, input="left").unread == 8
    assert fieldscope.coverage(report, input="right").unread == 0
    blind = fieldscope.coverage(report, layer="one", input="right")
    assert (blind.unread, blind.pattern, blind.edges) == (16, None, ((16, 0),))
    assert "No position of one reads any element of right." in repr(blind)
    with pytest.raises(InputError, match="say which with input="):
        fieldscope.coverage(report)
    with pytest.raises(LayerNotFoundError, match="did you mean 'one'"):
        fieldscope.coverage(report, layer="on", input="left")


def test_irregular_pooling_has_no_period_but_counts() -> None:
    b = fieldscope.Builder()
    b.adaptive_pool(b.input((1, 1, 7)), 3)
    found = fieldscope.coverage(b)
    assert found.reads.tolist() == [1, 1, 2, 1, 2, 1, 1]
    assert found.pattern is None
    assert "nothing repeats" in repr(found)


def test_a_bound_is_said_to_be_one() -> None:
    class Odd(nn.Module):
        def forward(self, x):  # type: ignore[no-untyped-def]
            return x.cumprod(2).histc(4)

    found = fieldscope.coverage(Odd(), (1, 1, 8))
    assert not found.exact
    assert "This is a bound" in repr(found)


def test_three_axes_and_a_network_of_none_work() -> None:
    b = fieldscope.Builder()
    b.conv(b.input((1, 1, 6, 7, 8)), (1, 2, 3), stride=(2, 2, 3))
    found = fieldscope.coverage(b)
    assert found.mask.sum() == 3 * 6 * 6
    assert found.pattern is not None
    assert found.pattern.period == (2, 1, 1)


def test_data_hold_the_figures_and_no_infinity() -> None:
    found = fieldscope.coverage(chained((1, 2, 1), extent=7))
    data = json.loads(found.to_json())
    assert data["schema"] == "fieldscope.coverage/1"
    assert data["unread"] == 3
    assert data["reads"] == {
        "period": [2],
        "ratio": None,
        "variation": 1.0,
        "nothing": 0.5,
        "counts": [2.0, 0.0],
    }
    assert (data["edges"], data["inside"], data["exact"]) == ([[0, 0]], 3, True)


def test_a_classifier_is_told_by_what_its_map_reads() -> None:
    net = nn.Sequential(
        nn.Conv2d(1, 2, 1, stride=2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 3)
    )
    found = fieldscope.coverage(net, (1, 1, 6, 8))
    assert found.unread == 48 - 12
    np.testing.assert_allclose(np.unique(found.reads), [0, 1 / 12])


def test_a_giant_map_is_refused_at_once() -> None:
    b = fieldscope.Builder()
    b.conv(b.input((1, 1, 1 << 14, 1 << 14)), 3)
    with pytest.raises(InputError, match="268,435,456 elements along its spatial axes"):
        fieldscope.coverage(b)


def test_an_empty_map_is_told_as_such() -> None:
    class Emptied(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x[:, :, 5:5]

    with pytest.raises(InputError, match=r"layer '.*' has the shape \(1, 1, 0\), so there are"):
        fieldscope.coverage(Emptied(), (1, 1, 8))
