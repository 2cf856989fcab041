"""Counts of ways, against PyTorch: gradients of networks whose weights are all 1."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

import fieldscope

ROUNDS = settings(derandomize=True, database=None, deadline=None, max_examples=120)


class Steps(nn.Module):
    """Steps on a map of one channel; each may be added to what came before it."""

    def __init__(self, steps: list[Callable[[Tensor], Tensor]]) -> None:
        super().__init__()
        self.steps = steps
        self.own = nn.ModuleList([step for step in steps if isinstance(step, nn.Module)])
        with torch.no_grad():
            for weight in self.parameters():
                weight.fill_(1)

    def forward(self, x: Tensor) -> Tensor:
        for step in self.steps:
            y = step(x)
            x = x + y if y.shape == x.shape else y
        return x


def conv(kernel: int, stride: int, padding: int, dilation: int) -> nn.Module:
    return nn.Conv1d(1, 1, kernel, stride, padding, dilation, bias=False)


def transposed(kernel: int, stride: int, padding: int) -> nn.Module:
    return nn.ConvTranspose1d(1, 1, kernel, stride, padding, bias=False)


def doubled(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2)


def cut(x: Tensor, *, first: int, step: int) -> Tensor:
    return x[..., first:-1:step]


@st.composite
def steps(draw: Callable[..., int], *, plane: bool = False) -> list[Callable[[Tensor], Tensor]]:
    found: list[Callable[[Tensor], Tensor]] = []
    number = st.integers
    for _ in range(draw(number(1, 4))):
        kind = draw(number(0, 2 if plane else 6))
        if kind == 0:
            kernel, dilation = draw(number(1, 4)), draw(number(1, 3))
            found.append(conv(kernel, draw(number(1, 3)), draw(number(0, 3)), dilation))
        elif kind == 1:
            found.append(transposed(draw(number(1, 4)), draw(number(1, 3)), draw(number(0, 1))))
        elif kind == 2:
            found.append(doubled)
        elif kind == 3:
            mode = ("reflect", "replicate", "circular")[draw(number(0, 2))]
            sides = (draw(number(0, 3)), draw(number(0, 3)))
            found.append(partial(functional.pad, pad=sides, mode=mode))
        elif kind == 4:
            first, step = draw(number(0, 2)), draw(number(1, 2))
            found.append(partial(cut, first=first, step=step))
        elif kind == 5:
            found.append(partial(torch.flip, dims=(-1,)))
        else:
            shift = draw(number(-2, 2))
            found.append(partial(torch.roll, shifts=shift, dims=-1))
    return found


def counted(net: nn.Module, extent: int) -> tuple[np.ndarray, np.ndarray]:
    """Ways to each input element, and to each position, by running and differentiating."""
    x = torch.ones(1, 1, extent, dtype=torch.float64, requires_grad=True)
    y = net.double()(x)
    (reads,) = torch.autograd.grad(y.sum(), x)
    return reads[0, 0].numpy(), y.detach()[0, 0].numpy()


def runs(net: nn.Module, extent: int) -> bool:
    try:
        with torch.no_grad():
            return bool(net(torch.ones(1, 1, extent)).numel())
    except (RuntimeError, ValueError):
        return False


@ROUNDS
@given(steps(), st.integers(8, 24))
def test_reads_are_gradients_of_a_network_of_ones(
    parts: list[Callable[[Tensor], Tensor]], extent: int
) -> None:
    net = Steps(parts)
    if not runs(net, extent):
        return
    found = fieldscope.coverage(net.float(), (1, 1, extent))
    reads, arrivals = counted(net, extent)
    np.testing.assert_allclose(found.reads, reads, rtol=1e-9)
    np.testing.assert_array_equal(found.mask, reads > 0)
    assert found.reads.sum() == pytest.approx(arrivals.sum())


@ROUNDS
@given(steps(plane=True))
def test_patterns_are_what_is_counted_far_from_the_borders(
    parts: list[Callable[[Tensor], Tensor]],
) -> None:
    net, extent = Steps(parts), 1296
    if not runs(net, extent):
        return
    report = fieldscope.analyze(net.float(), (1, 1, extent))
    if report.output.stride[0] is None:
        return
    found = fieldscope.coverage(report)
    reads, arrivals = counted(net, extent)
    for pattern, counts in ((found.pattern, reads), (found.arrivals, arrivals)):
        assert pattern is not None
        (period,) = pattern.period
        first = len(counts) // 3 // period * period
        inside = counts[first : first + len(counts) // 3 // period * period]
        assert len(inside) >= period
        wanted = inside[:period] / inside[:period].mean()
        np.testing.assert_allclose(pattern.counts, wanted, rtol=1e-9)
        np.testing.assert_allclose(inside, np.resize(inside[:period], inside.shape))


def test_two_axes_are_counted_apart_and_channels_are_means() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, (3, 2), (2, 1), groups=1), nn.Conv2d(4, 2, (1, 2)))
    found = fieldscope.coverage(net, (1, 3, 7, 5))
    along_y = np.array([1, 1, 2, 1, 2, 1, 1])
    along_x = np.array([1, 3, 4, 3, 1])
    np.testing.assert_allclose(found.reads, np.outer(along_y, along_x))
    assert found.pattern is not None
    assert found.pattern.counts.tolist() == [[4 / 3], [2 / 3]]


def test_pixel_shuffle_and_its_inverse_keep_counts() -> None:
    net = nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(4, 4, 1), nn.PixelShuffle(2))
    found = fieldscope.coverage(net, (1, 1, 6, 8))
    assert np.ptp(found.reads) == 0
    assert found.pattern is not None
    assert found.pattern.even
    assert found.arrivals is not None
    assert found.arrivals.even


def test_attention_and_pooling_of_the_whole_read_evenly() -> None:
    class Tokens(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            flat = x.flatten(2).transpose(1, 2)
            return functional.scaled_dot_product_attention(flat, flat, flat)

    for net in (Tokens(), nn.AdaptiveAvgPool2d(1), nn.Sequential(nn.Flatten(), nn.Linear(48, 5))):
        found = fieldscope.coverage(net, (1, 2, 4, 6))
        assert found.unread == 0
        assert np.ptp(found.reads) < 1e-12


def test_a_causal_attention_reads_what_comes_first_most_often() -> None:
    class Causal(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            flat = x.transpose(1, 2)
            return functional.scaled_dot_product_attention(flat, flat, flat, is_causal=True)

    found = fieldscope.coverage(Causal(), (1, 2, 5))
    # Row r of five reads itself by (r + 1)²/25, and column c by (5 − c)/5 and the rows from c on.
    np.testing.assert_allclose(found.reads, [1.64, 1.52, 1.44, 1.4, 1.4])


def test_counts_beyond_floating_point_are_scaled_and_keep_their_ratios() -> None:
    b = fieldscope.Builder()
    x = b.input((1, 1, 40))
    for _ in range(330):
        x = b.conv(x, 9, padding=4)
    found = fieldscope.coverage(b)
    assert found.scaled
    assert np.isfinite(found.reads).all()
    assert found.reads.max() > found.reads.min() > 0
