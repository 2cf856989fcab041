"""Joins whose branches see the same place, and those that don't."""

from __future__ import annotations

import json
from fractions import Fraction

import pytest
import torch
from torch import Tensor, nn

import fieldscope
from fieldscope.analyses.alignment import Join
from fieldscope.errors import InputError
from fieldscope.frontends.builder import Value

NONE, HALF, ONE, TWO, THREE = (Fraction(k, 2) for k in (0, 1, 2, 4, 6))


def joined(**options: object) -> Join:
    """The join of a map with a convolution of it."""
    b = fieldscope.Builder()
    x = b.input((1, 1, 12, 16))
    b.add(x, b.conv(x, **options), name="join")  # type: ignore[arg-type]
    (join,) = fieldscope.alignment(b).joins
    return join


def test_a_centred_window_is_aligned() -> None:
    join = joined(kernel=(3, 5), padding=(1, 2))
    assert join.verdict == "aligned"
    assert join.aligned
    assert not any(join.offset)


@pytest.mark.parametrize(
    ("options", "offset"),
    [
        ({"kernel": 2, "padding": ((0, 1), (1, 0))}, (HALF, -HALF)),
        ({"kernel": 3, "padding": ((0, 2), 1)}, (ONE, NONE)),
        ({"kernel": (1, 4), "padding": "same"}, (NONE, HALF)),
        ({"kernel": 3, "dilation": (1, 3), "padding": (1, (6, 0))}, (NONE, -THREE)),
    ],
)
def test_even_kernels_and_one_sided_padding_shift(
    options: dict[str, object], offset: tuple[Fraction, ...]
) -> None:
    join = joined(**options)
    assert join.verdict == "shifted"
    assert [branch.layer for branch in join.branches] == ["input", "conv_1"]
    assert join.branches[0].offset == (NONE, NONE)
    assert join.branches[1].offset == offset
    assert join.branches[1].centre == offset
    assert join.offset == tuple(map(abs, offset))


def test_a_crop_on_one_side_shifts_a_skip() -> None:
    b = fieldscope.Builder()
    x = b.input((1, 1, 16))
    y = b.conv(x, 5)
    b.concat(b.crop(x, 2), y, name="middle")
    b.concat(b.crop(x, ((0, 4),)), y, name="front")
    assert [(one.layer, one.offset) for one in fieldscope.alignment(b).joins] == [
        ("middle", (NONE,)),
        ("front", (TWO,)),
    ]


def skipped(reduce: str, enlarge: str) -> Fraction | None:
    """The offset of a skip around a map that is reduced and enlarged by 2."""
    b = fieldscope.Builder()
    x = b.input((1, 1, 16))
    down: dict[str, Value] = {
        "pool": b.max_pool(x, 2),
        "conv3": b.conv(x, 3, stride=2, padding=1),
        "conv4": b.conv(x, 4, stride=2, padding=1),
    }
    y = down[reduce]
    up: dict[str, Value] = {
        "nearest": b.upsample(y),
        "linear": b.upsample(y, mode="linear"),
        "transposed2": b.conv_transpose(y, 2, stride=2),
        "transposed3": b.conv_transpose(y, 3, stride=2, padding=1, output_padding=1),
        "transposed4": b.conv_transpose(y, 4, stride=2, padding=1),
    }
    join = b.concat(x, up[enlarge], name="join")
    assert join.shape == (1, 2, 16)
    return fieldscope.alignment(b).by_name["join"].branches[1].offset[0]


@pytest.mark.parametrize(
    ("reduce", "enlarge", "offset"),
    [
        # A pooled position is centred between its two elements, and so are its copies, on average.
        ("pool", "nearest", 0),
        ("pool", "linear", 0),
        ("pool", "transposed2", 0),
        ("pool", "transposed4", 0),
        ("pool", "transposed3", HALF),
        ("conv4", "nearest", 0),
        # Position i of a centred window of stride 2 stands at 2i, its copies between 2i and 2i + 1.
        ("conv3", "nearest", -HALF),
        ("conv3", "linear", -HALF),
        ("conv3", "transposed3", 0),
    ],
)
def test_ways_to_enlarge_a_map_go_with_ways_to_reduce_it(
    reduce: str, enlarge: str, offset: Fraction
) -> None:
    assert skipped(reduce, enlarge) == offset


def test_different_strides_are_told() -> None:
    b = fieldscope.Builder()
    x = b.input((1, 1, 16))
    y = b.max_pool(x, 2)
    b.add(b.crop(x, ((0, 8),)), y, name="join")
    (join,) = fieldscope.alignment(b).misaligned
    assert join.verdict == "strides differ"
    assert [branch.stride for branch in join.branches] == [(1,), (2,)]
    assert join.offset == (None,)


def test_axes_that_are_exchanged_are_no_common_grid() -> None:
    class Turned(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x + x.transpose(2, 3)

    (join,) = fieldscope.alignment(Turned(), (1, 1, 8, 8)).joins
    assert join.verdict == "strides differ"


def test_context_and_statistics_are_no_branches() -> None:
    b = fieldscope.Builder()
    x = b.conv(b.input((1, 8, 12, 12)), 2)
    y = b.norm(x, "layer")
    y = b.squeeze_excite(y, reduction=4)
    b.norm(y, "channel")
    assert fieldscope.alignment(b).joins == ()
    assert "has no joins of maps" in repr(fieldscope.alignment(b))


def test_parts_put_side_by_side_along_an_axis_are_no_join() -> None:
    class Sides(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.cat([x[..., :4], x[..., 4:]], -1)

    assert fieldscope.alignment(Sides(), (1, 2, 8)).joins == ()


def test_joins_of_what_has_no_centre_are_not_comparable() -> None:
    b = fieldscope.Builder()
    x = b.input((1, 2, 7))
    b.add(b.adaptive_pool(x, 3), b.adaptive_pool(b.conv(x, 1), 3), name="join")
    found = fieldscope.alignment(b)
    assert [one.verdict for one in found.joins] == ["not comparable"]
    assert found.misaligned == ()
    assert "The only join can't be compared" in repr(found)
    with pytest.raises(InputError, match="nothing to draw"):
        found.to_image()


def test_positions_inside_of_windows_have_no_common_centre() -> None:
    class Windows(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            windows = x.reshape(1, 2, 3, 4, 3, 4).permute(0, 2, 4, 3, 5, 1).reshape(9, 16, 2)
            return windows + windows.softmax(1)

    (join,) = fieldscope.alignment(Windows(), (1, 2, 12, 12)).joins
    assert join.verdict == "not comparable"


def test_each_input_has_its_own_joins() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one = nn.Conv1d(1, 1, 3, padding=1)

        def forward(self, left: Tensor, right: Tensor) -> Tensor:
            both: Tensor = left + self.one(left)
            return both * right

    report = fieldscope.analyze(Two(), [(1, 1, 8), (1, 1, 8)])
    assert [one.layer for one in fieldscope.alignment(report, input="left").joins] == ["add_1"]
    assert fieldscope.alignment(report, input="right").joins == ()
    with pytest.raises(InputError, match="say which with input="):
        fieldscope.alignment(report)


def test_what_is_joined_inside_of_a_layer_is_looked_at_too() -> None:
    class Inner(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            front, back = x[..., 1:], x[..., :-1]
            return front - back

    (join,) = fieldscope.alignment(nn.Sequential(Inner()), (1, 1, 8)).joins
    assert join.verdict == "shifted"
    assert join.offset == (ONE,)


def test_data_hold_fractions_as_texts() -> None:
    b = fieldscope.Builder("net")
    x = b.input((1, 1, 12, 16))
    b.add(x, b.conv(x, (2, 3), padding=((0, 1), 1)), name="join")
    data = json.loads(fieldscope.alignment(b).to_json())
    assert data["schema"] == "fieldscope.alignment/1"
    assert data["misaligned"] == 1
    (join,) = data["joins"]
    assert (join["verdict"], join["offset"]) == ("shifted", ["1/2", 0])
    assert join["branches"][1] == {
        "layer": "conv_1",
        "stride": [1, 1],
        "centre": ["1/2", 0],
        "offset": ["1/2", 0],
    }


def test_published_residual_networks_are_aligned() -> None:
    from fieldscope.frontends.targets import resolve

    for name, count in (("resnet18", 8), ("googlenet", 9), ("mobilenet_v3_small", 6)):
        found = fieldscope.alignment(resolve(f"torchvision:{name}").model, (1, 3, 64, 96))
        assert [one.verdict for one in found.joins] == ["aligned"] * count
