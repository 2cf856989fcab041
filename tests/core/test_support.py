"""Supports by hand: gaps, borders, channels, context, and what is asked for wrongly."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import fieldscope
from fieldscope.errors import InputError, LayerNotFoundError, PositionError
from fieldscope.frontends.torch import zoo
from tests.oracle.brute import changed

VGG16 = {2: 5, 4: 6, 14: 40, 16: 44, 21: 92, 28: 196, 30: 212}


@pytest.fixture(scope="module")
def vgg16() -> fieldscope.Report:
    return fieldscope.analyze(zoo.build("torchvision", "vgg16").model, (1, 3, 448, 448))


@pytest.mark.parametrize(("number", "size"), VGG16.items())
def test_vgg16_layer_by_layer(vgg16: fieldscope.Report, number: int, size: int) -> None:
    found = fieldscope.support(vgg16, layer=f"features.{number}")
    assert found.size == (size, size)
    assert found.size == vgg16[f"features.{number}"].size
    assert found.density == 1
    assert found.gaps == ((), ())


def test_the_input_cuts_what_is_really_read() -> None:
    model = zoo.build("torchvision", "vgg16").model
    sizes = [
        fieldscope.support(model, (1, 3, n, n), layer="features.30").size[0]
        for n in (56, 98, 112, 224, 448)
    ]
    assert sizes == [56, 98, 112, 212, 212]


def test_a_chain_on_a_rectangle() -> None:
    model = nn.Sequential(
        nn.Conv2d(1, 1, (5, 3), (3, 2)),
        nn.Conv2d(1, 1, (5, 3), 2),
        nn.Conv2d(1, 1, 3, padding=1),
        nn.Conv2d(1, 1, 3),
    )
    found = fieldscope.support(model, (1, 1, 60, 90), position=(4, 8))
    assert found.size == (41, 23)
    assert found.hull == (slice(18, 59), slice(28, 51))


def test_dilation_leaves_gaps() -> None:
    model = nn.Sequential(nn.Conv1d(1, 1, 3, dilation=4), nn.Conv1d(1, 1, 2))
    found = fieldscope.support(model, (1, 1, 12), position=(1,))
    assert found.mask.astype(int).tolist() == [0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 0]
    assert found.hull == (slice(1, 11),)
    assert found.gaps == ((slice(3, 5), slice(7, 9)),)
    assert (found.count, found.density) == (6, 0.6)


@pytest.mark.parametrize("rates", [(2, 2), (2, 4), (1, 2, 5), (2, 2, 2), (1, 2, 3)])
def test_gridding_against_trying_every_element(rates: tuple[int, ...]) -> None:
    model = nn.Sequential(*(nn.Conv2d(1, 1, 3, dilation=rate) for rate in rates))
    extent = 2 * sum(rates) + 2
    found = fieldscope.support(model, (1, 1, extent, extent + 1), position=(1, 0))
    tried = changed(model, [(1, 1, extent, extent + 1)], trials=1)
    output = fieldscope.analyze(model, (1, 1, extent, extent + 1)).output
    place = int(np.ravel_multi_index((1, 0), output.shape[2:]))
    assert found.mask.tolist() == tried[place].reshape(extent, extent + 1).tolist()
    dense = rates in ((1, 2, 5), (1, 2, 3))
    assert (found.density == 1) is dense


def test_strides_beyond_the_kernel_leave_elements_unread() -> None:
    model = nn.Sequential(nn.Conv1d(1, 1, 2, stride=3), nn.Conv1d(1, 1, 3))
    found = fieldscope.support(model, (1, 1, 12), position=(0,))
    assert found.mask.astype(int).tolist() == [1, 1, 0, 1, 1, 0, 1, 1, 0, 0, 0, 0]


def test_padding_reads_nothing() -> None:
    found = fieldscope.support(nn.Conv2d(1, 1, 3, padding=1), (1, 1, 5, 4), position=(0, -1))
    assert found.hull == (slice(0, 2), slice(2, 4))
    assert found.position == (0, 3)


class Shuffled(nn.Module):
    """Two branches of their own windows behind one another."""

    def __init__(self) -> None:
        super().__init__()
        self.narrow, self.wide = nn.Conv1d(2, 2, 3, padding=1), nn.Conv1d(2, 2, 7, padding=3)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = torch.cat([self.narrow(x), self.wide(x)], 1)
        return y


def test_each_channel_has_its_own() -> None:
    report = fieldscope.analyze(Shuffled(), (1, 2, 20))
    sizes = [fieldscope.support(report, channel=channel).size for channel in range(4)]
    assert sizes == [(3,), (3,), (7,), (7,)]
    assert fieldscope.support(report).size == (7,)


def test_channels_of_the_input_are_told_apart() -> None:
    model = nn.Conv1d(4, 4, 3, groups=2)
    found = fieldscope.support(model, (1, 4, 8), position=(2,), channel=3)
    assert (
        found.elements[0].astype(int).tolist()
        == [[0] * 8, [0] * 8] + [[0, 0, 1, 1, 1, 0, 0, 0]] * 2
    )
    assert found.mask.astype(int).tolist() == [0, 0, 1, 1, 1, 0, 0, 0]


class Gated(nn.Module):
    """A window whose channels are weighed by the mean of the whole map."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.gate = nn.Conv2d(2, 2, 3), nn.Conv2d(2, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x)
        gated: Tensor = y * self.gate(y.mean((2, 3), keepdim=True)).sigmoid()
        return gated


def test_context_counts_only_if_asked_for() -> None:
    report = fieldscope.analyze(Gated(), (1, 2, 9, 9))
    found = fieldscope.support(report, position=(0, 0))
    assert found.size == (3, 3)
    assert found.context == report.output.context != ()
    assert fieldscope.support(report, position=(0, 0), fold_context=True).size == (9, 9)


def test_layers_without_space_read_what_their_map_reads() -> None:
    model = nn.Sequential(nn.Conv2d(1, 1, 1, stride=2), nn.Flatten(), nn.Linear(9, 2))
    found = fieldscope.support(model, (1, 1, 5, 6))
    assert found.position == ()
    assert found.mask.astype(int).tolist() == [[1, 0] * 3, [0] * 6] * 2 + [[1, 0] * 3]


def test_three_axes() -> None:
    model = nn.Conv3d(1, 1, (1, 2, 3), dilation=(1, 3, 1))
    found = fieldscope.support(model, (1, 1, 3, 8, 7), position=(1, 2, 3))
    assert found.hull == (slice(1, 2), slice(2, 6), slice(3, 6))
    assert found.gaps == ((), (slice(3, 5),), ())


class Two(nn.Module):
    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        return left + right.roll(2, -1)


def test_several_inputs_are_asked_for_by_name() -> None:
    report = fieldscope.analyze(Two(), {"left": (1, 1, 8), "right": (1, 1, 8)})
    assert fieldscope.support(report, position=(3,), input="left").hull == (slice(3, 4),)
    assert fieldscope.support(report, position=(3,), input="right").hull == (slice(1, 2),)
    with pytest.raises(InputError, match=r"say which with input=; .* are 'left', 'right'"):
        fieldscope.support(report, position=(3,))


def test_the_figures_as_data() -> None:
    found = fieldscope.support(nn.Conv1d(1, 1, 2, dilation=3), (1, 1, 9), position=(-1,))
    data = json.loads(found.to_json())
    assert data["schema"] == "fieldscope.support/1"
    assert (data["hull"], data["size"], data["elements"]) == ([[5, 9]], [4], 2)
    assert (data["density"], data["gaps"]) == (0.5, [[[6, 8]]])
    assert (data["exact"], data["position"]) == (True, [5])


def test_a_bound_says_so() -> None:
    grid = torch.zeros(1, 3, 3, 2)

    class Sampled(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return nn.functional.grid_sample(x, grid, align_corners=False)

    report = fieldscope.analyze(Sampled(), (1, 1, 6, 6))
    found = fieldscope.support(report)
    assert not found.exact
    assert found.to_dict()["bounds"] == [report.bounds[0].where]


def test_the_mask_cannot_be_written_to() -> None:
    found = fieldscope.support(nn.Conv1d(1, 1, 2), (1, 1, 9))
    with pytest.raises(ValueError, match="read-only"):
        found.elements[...] = True


_MISSPELT: Any = "centre"


def _flat() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 1, 3), nn.Flatten(), nn.Linear(36, 2))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: fieldscope.support(_flat(), (1, 1, 8, 8), layer="0", position=(6, 0)),
            PositionError,
            "position 6 lies outside layer '0': axis 2 has extent 6",
        ),
        (
            lambda: fieldscope.support(_flat(), (1, 1, 8, 8), position=(0, 0)),
            PositionError,
            r"layer '2' has no spatial axes, and so no positions: its shape is \(1, 2\)\nleave",
        ),
        (
            lambda: fieldscope.support(_flat(), (1, 1, 8, 8), layer="0", position=(1,)),
            PositionError,
            r"index on each of its spatial axes, of extents \(6, 6\); position \(1,\) doesn't fit",
        ),
        (
            lambda: fieldscope.support(_flat(), (1, 1, 8, 8), layer="0", position=_MISSPELT),
            InputError,
            "position 'centre' is neither \"center\" nor indices, one per spatial axis",
        ),
        (
            lambda: fieldscope.support(_flat(), (1, 1, 8, 8), layer="0", channel=1),
            PositionError,
            "channel 1 lies outside layer '0': axis 1 has extent 1",
        ),
        (
            lambda: fieldscope.support(_flat(), (1, 1, 8, 8), layer="O"),
            LayerNotFoundError,
            "Sequential has no layer 'O'\n",
        ),
        (
            lambda: fieldscope.support(fieldscope.analyze(_flat(), (1, 1, 8, 8)), (1, 1, 8, 8)),
            InputError,
            "a report has its inputs already: inputs can't be given with it\n",
        ),
    ],
)
def test_what_is_asked_for_wrongly(
    call: Callable[[], object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        call()


def test_a_position_is_whole_numbers() -> None:
    position: Any = (1.5,)
    with pytest.raises(PositionError, match=r"position 1\.5 of layer '.*' is not a whole number"):
        fieldscope.support(nn.Conv1d(1, 1, 3), (1, 1, 9), position=position)


def test_masks_compare_by_identity() -> None:
    one, other = (fieldscope.support(nn.Conv1d(1, 1, 3), (1, 1, 9)) for _ in range(2))
    assert one != other
    assert len({one, other}) == 2
