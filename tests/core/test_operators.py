"""Hand-checked fields of operators: asymmetric, dilated with gaps, small, empty."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import fieldscope

HALF, THIRD = Fraction(1, 2), Fraction(1, 3)

# name: model, input, then size, stride and start of the output.
PLANES: dict[str, tuple[Callable[..., Any], tuple[int, ...], Any, Any, Any]] = {
    "rectangular, padded on one axis": (
        nn.Conv2d(1, 1, (5, 3), (3, 2), (1, 0)),
        (1, 1, 20, 31),
        (5, 3),
        (3, 2),
        (-1, 0),
    ),
    "stride over kernel": (nn.Conv1d(1, 1, 2, 5), (1, 1, 23), (2,), (5,), (0,)),
    "dilation with gaps": (nn.Conv1d(1, 1, 3, dilation=4), (1, 1, 20), (9,), (1,), (0,)),
    "dilated behind strided": (
        nn.Sequential(nn.Conv1d(1, 1, 3, 3, 1, 2), nn.Conv1d(1, 1, 2, dilation=3)),
        (1, 1, 40),
        (14,),
        (3,),
        (-1,),
    ),
    "three axes, three kernels": (
        nn.Conv3d(1, 1, (1, 2, 4), (1, 2, 3), (0, 1, 2)),
        (1, 1, 3, 6, 12),
        (1, 2, 4),
        (1, 2, 3),
        (0, -1, -2),
    ),
    "padding asymmetric and mirrored": (
        nn.Sequential(nn.ReflectionPad1d((3, 0)), nn.Conv1d(1, 1, 4)),
        (1, 1, 12),
        (4,),
        (1,),
        (-3,),
    ),
    "an even kernel with padding 'same' puts the odd one behind": (
        lambda x: functional.conv1d(x, torch.ones(1, 1, 3), padding="same", dilation=2),
        (1, 1, 12),
        (5,),
        (1,),
        (-2,),
    ),
    "max pooling with dilation and ceil_mode": (
        nn.MaxPool2d((3, 2), (2, 3), (1, 0), (2, 1), ceil_mode=True),
        (1, 1, 12, 14),
        (5, 2),
        (2, 3),
        (-1, 0),
    ),
    "a slice starts later": (lambda x: x[..., 4::3], (1, 1, 20), (1,), (3,), (4,)),
    "shifted branches": (
        lambda x: x[..., 5:] + x[..., :-5],
        (1, 1, 20),
        (6,),
        (1,),
        (0,),
    ),
    "a matrix over channels reads one position": (
        lambda x: torch.einsum("nchw,cd->ndhw", x, torch.ones(3, 2)),
        (1, 3, 4, 5),
        (1, 1),
        (1, 1),
        (0, 0),
    ),
    "patches of a vision transformer": (
        nn.Sequential(nn.Conv2d(3, 8, 4, 4), nn.Flatten(2)),
        (1, 3, 8, 12),
        (4, 4),
        None,
        None,
    ),
    "space to channels": (nn.PixelUnshuffle(2), (1, 1, 8, 6), (2, 2), (2, 2), (0, 0)),
    "unfold": (
        nn.Unfold((3, 2), dilation=(1, 2), padding=(1, 0), stride=(2, 1)),
        (1, 1, 8, 9),
        (3, 3),
        None,
        None,
    ),
    "one position is enough": (
        nn.Conv2d(1, 1, 3, padding=1),
        (1, 1, 1, 1),
        (3, 3),
        (1, 1),
        (-1, -1),
    ),
}


@pytest.mark.parametrize("name", PLANES)
def test_size_stride_and_start(name: str) -> None:
    model, shape, size, stride, start = PLANES[name]
    layer = fieldscope.analyze(model, shape).output
    assert layer.size == size
    if stride is not None:
        assert (layer.stride, layer.start, layer.period) == (stride, start, (1,) * len(size))
    assert layer.exact


# name: model, extent of a 1-D input, stride, phases.
PERIODIC: dict[str, tuple[nn.Module, int, Fraction, tuple[tuple[int, int], ...]]] = {
    "transposed 4/2": (nn.ConvTranspose1d(1, 1, 4, 2, 1), 9, HALF, ((-1, 1), (0, 2))),
    "transposed with gaps": (nn.ConvTranspose1d(1, 1, 2, 3), 9, THIRD, ((0, 1), (0, 1), (0, 0))),
    "nearest": (nn.Upsample(scale_factor=2), 9, HALF, ((0, 1), (0, 1))),
    "linear": (nn.Upsample(scale_factor=2, mode="linear"), 9, HALF, ((-1, 1), (0, 2))),
    "window behind nearest": (
        nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv1d(1, 1, 3)),
        9,
        HALF,
        ((0, 2), (0, 2)),
    ),
}


@pytest.mark.parametrize("name", PERIODIC)
def test_phases_of_a_periodic_field(name: str) -> None:
    model, extent, stride, phases = PERIODIC[name]
    layer = fieldscope.analyze(model, (1, 1, extent)).output
    assert layer.stride == (stride,)
    assert layer.period == (len(phases),)
    assert layer.phases == (phases,)
    assert layer.size == (max(hi - lo for lo, hi in phases),)


def boxes(model: Callable[..., Any], shape: tuple[int, ...], **options: Any) -> list[list[int]]:
    """[first, last] of what each position of a 1-D output reads; [] for nothing."""
    layer = fieldscope.analyze(model, shape).output
    (extent,) = (layer.shape[axis] for axis in layer.spatial)
    found = (layer.box((i,), **options)[0] for i in range(extent))
    return [[box.start, box.stop - 1] if box.start < box.stop else [] for box in found]


def write_through_a_slice(x: Tensor) -> Tensor:
    y = x.clone()
    y[..., 1:3] = x[..., 3:5]
    return y


def write_through_a_view(x: Tensor) -> Tensor:
    y = x.clone()
    y.view(1, 1, 3, 2)[:, :, 1].add_(y[..., :2])
    return y


def fill_a_buffer(x: Tensor) -> Tensor:
    y = torch.zeros(1, 1, 6)
    y[..., ::2] = x[..., :3]
    y[..., 5] = x[..., 0]
    return y


def change_the_input(x: Tensor) -> Tensor:
    before = x * 1
    x[..., 1:] += x[..., :-1]
    return before + 0 * x[..., :1]


def read_before_and_after(x: Tensor) -> Tensor:
    y = x.clone()
    first = y[..., 0:1]
    y[..., 0] = y[..., 5]
    return torch.cat([first, y[..., 1:2]], 2)


# name: model, extent, [first, last] that each position reads.
BOXES: dict[str, tuple[Callable[..., Any], int, list[list[int]]]] = {
    "padding reads nothing": (
        nn.Conv1d(1, 1, 3, padding=2),
        3,
        [[0, 0], [0, 1], [0, 2], [1, 2], [2, 2]],
    ),
    "a mirrored border": (
        lambda x: functional.pad(x, (2, 1), "reflect"),
        3,
        [[2, 2], [1, 1], [0, 0], [1, 1], [2, 2], [1, 1]],
    ),
    "a circular border": (
        lambda x: functional.pad(x, (1, 2), "circular"),
        3,
        [[2, 2], [0, 0], [1, 1], [2, 2], [0, 0], [1, 1]],
    ),
    "a constant border": (nn.ConstantPad1d((1, 2), 3.0), 2, [[], [0, 0], [1, 1], [], []]),
    "gaps between windows": (nn.Conv1d(1, 1, 1, 3), 8, [[0, 0], [3, 3], [6, 6]]),
    "ceil_mode cuts the last window": (
        nn.MaxPool1d(3, 2, ceil_mode=True),
        6,
        [[0, 2], [2, 4], [4, 5]],
    ),
    "adaptive, not integer": (nn.AdaptiveAvgPool1d(3), 7, [[0, 2], [2, 4], [4, 6]]),
    "adaptive to more": (nn.AdaptiveMaxPool1d(4), 3, [[0, 0], [0, 1], [1, 2], [2, 2]]),
    "aligned corners skip taps of weight 0": (
        nn.Upsample(5, mode="linear", align_corners=True),
        3,
        [[0, 0], [0, 1], [1, 1], [1, 2], [2, 2]],
    ),
    "backwards": (lambda x: x.flip(2), 3, [[2, 2], [1, 1], [0, 0]]),
    "rolled": (lambda x: x.roll(2, 2), 4, [[2, 2], [3, 3], [0, 0], [1, 1]]),
    "a constant index": (lambda x: x[..., [3, 0, 3]], 4, [[3, 3], [0, 0], [3, 3]]),
    "so far": (lambda x: x.cumsum(2), 3, [[0, 0], [0, 1], [0, 2]]),
    "from here on": (lambda x: x.flip(2).cumsum(2).flip(2), 3, [[0, 2], [1, 2], [2, 2]]),
    "all": (lambda x: x.softmax(2), 3, [[0, 2]] * 3),
    "written through a slice": (
        write_through_a_slice,
        6,
        [[0, 0], [3, 3], [4, 4], [3, 3], [4, 4], [5, 5]],
    ),
    "written through a view": (
        write_through_a_view,
        6,
        [[0, 0], [1, 1], [0, 2], [1, 3], [4, 4], [5, 5]],
    ),
    "a filled buffer": (fill_a_buffer, 4, [[0, 0], [], [1, 1], [], [2, 2], [0, 0]]),
    "read before it was changed": (change_the_input, 3, [[0, 0], [0, 1], [0, 2]]),
    "a view sees later writes": (read_before_and_after, 6, [[5, 5], [1, 1]]),
    "an empty piece is no piece": (
        lambda x: torch.cat([x[..., :0], x[..., 1:]], 2),
        3,
        [[1, 1], [2, 2]],
    ),
    "a constant chooses": (
        lambda x: torch.where(torch.tensor([True, False, True]), x, x.flip(2)),
        3,
        [[0, 0], [1, 1], [2, 2]],
    ),
    "a value chooses": (lambda x: torch.where(x > 0, x.flip(2), 0.0), 3, [[0, 2], [1, 1], [0, 2]]),
}


@pytest.mark.parametrize("name", BOXES)
def test_boxes_of_all_positions(name: str) -> None:
    model, extent, expected = BOXES[name]
    assert boxes(model, (1, 1, extent)) == expected


def test_the_box_on_the_unbounded_plane_ignores_borders() -> None:
    layer = fieldscope.analyze(nn.Conv2d(1, 1, (3, 5), padding=(1, 2)), (1, 1, 4, 6)).output
    assert layer.box((0, 5)) == (slice(0, 2), slice(3, 6))
    assert layer.box((0, 5), clip=False) == (slice(-1, 2), slice(3, 8))
    assert layer.box((-1, -6), clip=False) == (slice(2, 5), slice(-2, 3))


def test_one_channel_of_a_concatenation() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.narrow, self.wide = nn.Conv1d(1, 2, 1), nn.Conv1d(1, 1, 5, padding=2)

        def forward(self, x: Tensor) -> Tensor:
            return torch.cat([self.narrow(x), self.wide(x)], 1)

    layer = fieldscope.analyze(Net(), (1, 1, 9)).output
    reads = [layer.box((4,), channel=channel)[0] for channel in range(3)]
    assert reads == [slice(4, 5), slice(4, 5), slice(2, 7)]
    assert layer.box((4,)) == (slice(2, 7),)
    assert (layer.size, layer.narrowest) == ((5,), (1,))


def test_groups_keep_branches_apart_and_a_shuffle_mixes_them() -> None:
    class Net(nn.Module):
        def __init__(self, groups: int, *, shuffle: bool) -> None:
            super().__init__()
            self.shift = nn.Conv2d(2, 2, 1, groups=groups)
            self.order = nn.ChannelShuffle(2) if shuffle else nn.Identity()
            self.last = nn.Conv2d(4, 4, 1, groups=2)

        def forward(self, x: Tensor) -> Tensor:
            wide = functional.max_pool2d(x, 3, 1, 1)
            y: Tensor = self.last(self.order(torch.cat([self.shift(x), wide], 1)))
            return y

    def read(net: nn.Module, channel: int) -> Any:
        return fieldscope.analyze(net, (1, 2, 7, 8)).output.box((3, 3), channel=channel)

    assert read(Net(2, shuffle=False), 0) == (slice(3, 4), slice(3, 4))
    assert read(Net(2, shuffle=False), 3) == (slice(2, 5), slice(2, 5))
    assert read(Net(2, shuffle=True), 0) == (slice(2, 5), slice(2, 5))


def test_depthwise_pixel_unshuffle_tells_its_channels_apart() -> None:
    layer = fieldscope.analyze(nn.PixelUnshuffle(2), (1, 1, 8, 6)).output
    reads = [layer.box((1, 2), channel=c) for c in range(4)]
    assert reads == [(slice(2 + y, 3 + y), slice(4 + x, 5 + x)) for y in (0, 1) for x in (0, 1)]


def test_a_causal_mask_hides_what_comes_later() -> None:
    def attend(x: Tensor) -> Tensor:
        return functional.scaled_dot_product_attention(x, x, x, is_causal=True)

    layer = fieldscope.analyze(attend, (1, 6, 4), axes=(1,)).output
    assert [layer.box((i,)) for i in (0, 3)] == [(slice(0, 1),), (slice(0, 4),)]


def test_windows_do_not_see_each_other_until_they_shift() -> None:
    def windows(x: Tensor) -> Tensor:
        tokens = x.reshape(1, 2, 3, 4)
        return functional.scaled_dot_product_attention(tokens, tokens, tokens).reshape(x.shape)

    def shifted(x: Tensor) -> Tensor:
        return windows(windows(x).roll(-1, 1)).roll(1, 1)

    layer = fieldscope.analyze(windows, (1, 6, 4), axes=(1,)).output
    assert [layer.box((i,)) for i in (0, 2, 3)] == [(slice(0, 3),)] * 2 + [(slice(3, 6),)]
    layer = fieldscope.analyze(shifted, (1, 6, 4), axes=(1,)).output
    assert [layer.box((i,)) for i in (1, 4)] == [(slice(0, 6),)] * 2


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_recurrent_layers_read_along_time(kind: Any, bidirectional: bool) -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = kind(3, 2, batch_first=True, bidirectional=bidirectional)

        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self.layer(x)[0]
            return y

    layer = fieldscope.analyze(Net(), (1, 7, 3), axes=(1,)).output
    assert layer.box((2,), channel=0) == (slice(0, 3),)
    if bidirectional:
        assert layer.box((2,), channel=3) == (slice(2, 7),)
        assert layer.box((2,)) == (slice(0, 7),)


def test_an_axis_reduced_away_is_global() -> None:
    layer = fieldscope.analyze(lambda x: x.mean(3), (1, 2, 5, 6)).output
    assert (layer.size, layer.is_global) == ((1, math.inf), (False, True))
    assert layer.box((4,)) == (slice(4, 5), slice(0, 6))


def test_logits_have_no_position() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 9))
    layer = fieldscope.analyze(net, (1, 3, 8, 9)).output
    assert layer.size == (math.inf, math.inf)
    assert layer.box(()) == (slice(0, 8), slice(0, 9))


def test_constants_read_nothing() -> None:
    def coordinates(x: Tensor) -> Tensor:
        grid = torch.arange(x.shape[2]).expand(1, 1, -1).to(x.dtype)
        return torch.cat([x, grid], 1)

    layer = fieldscope.analyze(coordinates, (1, 1, 5)).output
    assert layer.box((2,), channel=0) == (slice(2, 3),)
    (empty,) = layer.box((2,), channel=1)
    assert empty.start >= empty.stop


@pytest.mark.parametrize("roll", [0, 1])  # with a field on the plane, and with one in the input
@pytest.mark.parametrize("axis", [0, 1])
def test_a_map_without_channels_or_samples_reads_nothing(axis: int, roll: int) -> None:
    def none_of(x: Tensor) -> Tensor:
        wide = functional.conv1d(x, torch.ones(1, 1, 3), padding=1)
        both = torch.cat([x, wide], axis)
        return (both.roll(roll, 2) if roll else both).narrow(axis, 1, 0)

    layer = fieldscope.analyze(none_of, (1, 1, 5)).output
    assert (layer.size, layer.start, layer.narrowest) == ((0,), (None,), (0,))
    assert layer.box((4,)) == (slice(0, 0),)
    if not roll:
        assert layer.box((4,), clip=False) == (slice(0, 0),)
