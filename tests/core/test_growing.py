"""The field growing through the layers: which layers, over which point, at which position."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

import fieldscope
from fieldscope.analyses.growing import growing, over
from fieldscope.errors import InputError, LayerNotFoundError, PositionError


def chain() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 2, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(2, 2, 1),
        nn.Conv2d(2, 1, (5, 3), padding=(2, 1)),
    )


@pytest.fixture
def report() -> fieldscope.Report:
    return fieldscope.analyze(chain(), (1, 1, 20, 24), name="net")


def sizes(masks: Any) -> list[tuple[str, tuple[int, ...]]]:
    return [(one.layer, one.size) for one in masks]


def test_layers_whose_field_is_not_larger_are_left_out(report: fieldscope.Report) -> None:
    assert sizes(growing(report)) == [("0", (3, 3)), ("2", (4, 4)), ("4", (12, 8))]


def test_layers_can_be_named_in_any_order(report: fieldscope.Report) -> None:
    found = growing(report, layers=["4", "1", "4", "output"])
    assert sizes(found) == [("4", (12, 8)), ("1", (3, 3)), ("4", (12, 8)), ("4", (12, 8))]


def test_containers_can_be_named() -> None:
    report = fieldscope.analyze(nn.Sequential(chain(), nn.ReLU()), (1, 1, 20, 24))
    assert sizes(growing(report, layers=["0", "0.0"])) == [("0", (12, 8)), ("0.0", (3, 3))]


def test_a_field_that_grows_along_one_axis_only_counts() -> None:
    model = nn.Sequential(nn.Conv2d(1, 1, (3, 1)), nn.Conv2d(1, 1, (1, 5)), nn.Conv2d(1, 1, 1))
    report = fieldscope.analyze(model, (1, 1, 9, 9))
    assert sizes(growing(report)) == [("0", (3, 1)), ("1", (3, 5))]


def test_narrower_branches_are_no_growth() -> None:
    class Branches(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.wide, self.narrow = nn.Conv1d(1, 1, 7, padding=3), nn.Conv1d(1, 1, 3, padding=1)

        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self.wide(x) + self.narrow(x)
            return y

    assert sizes(growing(fieldscope.analyze(Branches(), (1, 1, 20)))) == [("wide", (7,))]


def test_sizes_grow_from_frame_to_frame() -> None:
    blocks = [nn.Sequential(nn.Conv2d(1, 1, 3, padding=1), nn.ReLU()) for _ in range(6)]
    report = fieldscope.analyze(nn.Sequential(*blocks, nn.AvgPool2d(2)), (1, 1, 32, 32))
    found = growing(report)
    assert [one.size for one in found] == [(n, n) for n in (3, 5, 7, 9, 11, 13, 14)]
    inside = [set(zip(*one.mask.nonzero(), strict=True)) for one in found]
    assert all(a < b for a, b in itertools.pairwise(inside))


def test_the_point_is_the_centre_unless_it_is_given(report: fieldscope.Report) -> None:
    assert [one.position for one in growing(report)] == [(10, 12), (5, 6), (5, 6)]
    assert [one.position for one in growing(report, point="center")] == [
        one.position for one in growing(report)
    ]
    corner = growing(report, point=(0, 0))
    assert [one.position for one in corner] == [(0, 0)] * 3
    assert corner[-1].hull == (slice(0, 7), slice(0, 5))
    last = growing(report, point=(-1, -1))
    assert [one.position for one in last] == [(19, 23), (9, 11), (9, 11)]


def test_along_one_axis_a_point_may_be_a_number() -> None:
    report = fieldscope.analyze(nn.Conv1d(1, 1, 3), (1, 1, 12))
    point: Any = 4
    assert growing(report, point=point)[0].position == (3,)


def test_a_point_that_is_no_position_is_told(report: fieldscope.Report) -> None:
    point: Any = "middle"
    with pytest.raises(InputError) as caught:
        growing(report, point=point)
    assert str(caught.value) == (
        "point 'middle' is neither \"center\" nor indices, one per spatial axis"
    )


@pytest.mark.parametrize("point", [(20, 0), (0, -25), (3,), (1, 2, 3), ()])
def test_a_point_outside_is_told(report: fieldscope.Report, point: tuple[int, ...]) -> None:
    with pytest.raises(PositionError) as caught:
        growing(report, point=point)
    assert str(caught.value) == (
        f"point {point} lies outside input 'input', whose axes (y, x) have the extents (20, 24)"
    )


class Two(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one, self.other = nn.Conv1d(1, 1, 3), nn.Conv1d(1, 1, 5, padding=1)

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        y: Tensor = self.one(left) + self.other(right)
        return y


def test_of_several_inputs_one_is_named() -> None:
    report = fieldscope.analyze(Two(), {"left": (1, 1, 12), "right": (1, 1, 12)})
    found = growing(report, input="right", point=(5,))
    assert [(one.layer, one.input, one.position) for one in found] == [("other", "right", (4,))]
    with pytest.raises(InputError, match=r"say which with input=; .* are 'left', 'right'"):
        growing(report)


def test_a_network_without_positions_asks_for_layers() -> None:
    report = fieldscope.analyze(
        nn.Sequential(nn.Flatten(), nn.Linear(64, 3)), (1, 1, 8, 8), name="head"
    )
    with pytest.raises(InputError) as caught:
        growing(report)
    assert str(caught.value) == (
        "no layer of head has positions whose field could grow\nname the layers to show"
    )
    assert sizes(growing(report, layers=["1"])) == [("1", (8, 8))]


def test_an_unknown_layer_is_told(report: fieldscope.Report) -> None:
    with pytest.raises(LayerNotFoundError, match="net has no layer 'conv'"):
        growing(report, layers=["0", "conv"])


class Turned(nn.Module):
    """The input's axes in the other order, and one of them backwards."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 1, (3, 5), stride=(2, 1))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x)
        return y.transpose(2, 3).flip(2) * 2


class Rows(nn.Module):
    """One position for each row of the input."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.avg_pool2d(x, (3, 1), stride=(2, 1)).mean(3)


def centres_of(layer: fieldscope.Layer, along: int, axis: int, extents: list[int]) -> list[float]:
    """By trying: centre of the field of each position along one axis of a layer."""
    centres = []
    for place in range(extents[axis]):
        position = [place if k == axis else n // 2 for k, n in enumerate(extents)]
        run = layer.box(position, clip=False)[along]
        centres.append((run.start + run.stop - 1) / 2)
    return centres


CASES: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...], tuple[int, ...]]] = {
    # The axes of the input that those of the output follow, in their order.
    "strided": (lambda: nn.Conv2d(1, 1, (5, 2), (3, 4), (2, 0)), (1, 1, 14, 17), (0, 1)),
    "turned": (Turned, (1, 1, 15, 12), (1, 0)),
    "upsampled": (
        lambda: nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv1d(1, 1, 3, padding=1)),
        (1, 1, 9),
        (0,),
    ),
    "transposed": (lambda: nn.ConvTranspose1d(1, 1, 5, 3, 1), (1, 1, 9), (0,)),
    "resampled": (
        lambda: nn.Sequential(nn.Conv1d(1, 1, 3, 2, 1), nn.ConvTranspose1d(1, 1, 2, 2)),
        (1, 1, 12),
        (0,),
    ),
    "rows": (Rows, (1, 1, 15, 6), (0,)),
}


@pytest.mark.parametrize("name", CASES)
def test_no_other_position_is_nearer_to_the_point(name: str) -> None:
    build, shape, along = CASES[name]
    report = fieldscope.analyze(build(), shape)
    layer, (info,) = report.output, report.inputs
    extents = [layer.shape[axis] for axis in layer.spatial]
    assert len(extents) == len(along)
    for step in range(max(shape[2:])):
        point = [min(step, n - 1) for n in shape[2:]]
        found = over(layer, info, point)
        for axis, followed in enumerate(along):
            away = [
                abs(centre - point[followed])
                for centre in centres_of(layer, followed, axis, extents)
            ]
            assert away[found[axis]] == min(away)


def test_a_field_that_reads_everything_is_taken_at_the_layers_middle() -> None:
    class Mixed(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = torch.softmax(x @ x.transpose(1, 2), -1) @ x
            return y

    report = fieldscope.analyze(Mixed(), (1, 9, 4), axes=(1,))
    assert over(report.output, report.inputs[0], (1,)) == (4,)


def test_maps_smaller_than_all_fields_keep_the_order_of_axes() -> None:
    model = nn.Sequential(nn.Conv2d(1, 1, 31, padding=15), nn.AvgPool2d(2))
    report = fieldscope.analyze(model, (1, 1, 8, 12))
    assert over(report["1"], report.inputs[0], (0, 11)) == (0, 5)


def test_one_layer_needs_no_list(tmp_path: Path, report: fieldscope.Report) -> None:
    fieldscope.animate(report, path=tmp_path / "one.gif", layers="4")
    with Image.open(tmp_path / "one.gif") as film:
        assert getattr(film, "n_frames", 1) == 1
    with pytest.raises(LayerNotFoundError, match="net has no layer '40'"):
        fieldscope.animate(report, path=tmp_path / "one.gif", layers="40")
