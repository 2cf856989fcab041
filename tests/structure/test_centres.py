"""Centres of positions on the input, as for anchors."""

from __future__ import annotations

import pytest
from torch import nn

import fieldscope
from fieldscope.errors import InputError, PositionError


def test_a_centre_is_the_middle_of_the_box_on_the_plane() -> None:
    net = nn.Conv2d(3, 8, (7, 4), stride=(2, 4), padding=(3, 0))
    layer = fieldscope.analyze(net, (1, 3, 64, 64)).output
    assert layer.center((0, 0)) == (0.0, 1.5)
    assert layer.center((31, 15)) == (62.0, 61.5)
    assert layer.center((-1, -1)) == layer.center((31, 15))


def test_centres_are_a_stride_apart_phase_by_phase() -> None:
    net = nn.Sequential(nn.MaxPool1d(2), nn.Upsample(scale_factor=2), nn.Conv1d(1, 1, 3, padding=1))
    layer = fieldscope.analyze(net, (1, 1, 12)).output
    assert layer.period == (2,)
    centres = [layer.center((k,))[0] for k in range(12)]
    assert centres[:4] == [-0.5, 1.5, 1.5, 3.5]
    assert [later - now for now, later in zip(centres, centres[2:], strict=False)] == [2.0] * 10


def test_padding_does_not_move_a_centre_but_the_input_has_no_part_in_it() -> None:
    wide = fieldscope.analyze(nn.Conv1d(1, 1, 9, padding=4), (1, 1, 5)).output
    assert [wide.center((k,))[0] for k in range(5)] == [0, 1, 2, 3, 4]


def test_a_channel_has_its_own_centre() -> None:
    b = fieldscope.Builder()
    x = b.input((1, 1, 12))
    b.concat(b.crop(x, ((0, 2),)), b.crop(x, ((2, 0),)))
    layer = fieldscope.analyze(b).output
    assert [layer.center((3,), channel=k) for k in (0, 1, None)] == [(3.0,), (5.0,), (4.0,)]


def test_what_has_no_centre_is_told() -> None:
    b = fieldscope.Builder()
    x = b.input((1, 2, 7, 8))
    b.adaptive_pool(x, (3, 8), name="irregular")
    b.conv_transpose(x, 1, stride=3, name="sparse")
    b.global_pool(x, name="pool")
    report = fieldscope.analyze(b)
    with pytest.raises(PositionError, match="its field isn't periodic along y"):
        report["irregular"].center((0, 0))
    with pytest.raises(PositionError, match="'sparse' has no centre along y: it reads nothing"):
        report["sparse"].center((1, 0))
    with pytest.raises(PositionError, match="'pool' has no centre along y: it reads the whole"):
        report["pool"].center()
    with pytest.raises(PositionError, match="position 21 lies outside layer 'sparse'"):
        report["sparse"].center((21, 0))
    with pytest.raises(InputError, match="there is no input 'y'"):
        report["pool"].center(input="y")
