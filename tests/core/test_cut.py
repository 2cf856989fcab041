"""Fields that the input cuts off: what is said of them, and the extents that are enough."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from torch import Tensor, nn

import fieldscope
from fieldscope.analyses.cut import enough, remarks_on
from fieldscope.measure.heat import HeatMap

Build = Callable[[], nn.Module]


def vgg16() -> nn.Module:
    """The windows of VGG16's features, one channel wide."""
    layers: list[nn.Module] = []
    for count in (2, 2, 3, 3, 3):
        for _ in range(count):
            layers += [nn.Conv2d(1, 1, 3, padding=1), nn.ReLU()]
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers)


def field_of(model: nn.Module, shape: tuple[int, ...]) -> fieldscope.Field:
    (found,) = fieldscope.analyze(model, shape).output.fields.values()
    return found


@pytest.fixture(scope="module")
def vgg() -> nn.Module:
    return vgg16()


def heat_of(model: nn.Module, extent: int) -> HeatMap:
    return fieldscope.gradient(
        model, (1, 1, extent, extent), layer="30", mode="structure", name="vgg16"
    )


def test_vgg16_needs_six_elements_more_than_its_field_has(vgg: nn.Module) -> None:
    layer = fieldscope.analyze(vgg, (1, 1, 448, 448))["30"]
    assert (layer.size, layer.start, layer.stride) == ((212, 212), (-90, -90), (32, 32))
    assert enough(layer.fields["input"]) == (218, 218)  # position 3 reads 6:218


@pytest.mark.parametrize(
    ("extent", "shown"), [(56, 56), (98, 98), (112, 112), (212, 206), (217, 211)]
)
def test_a_field_that_is_cut_off_is_told_with_its_size_and_what_is_enough(
    vgg: nn.Module, extent: int, shown: int
) -> None:
    heat = heat_of(vgg, extent)
    assert heat.size == (shown, shown)
    (remark,) = heat.remarks
    assert remark == (
        f"the field is 212×212 elements, of which this input shows {shown}×{shown}; an input of at "
        "least 218×218 shows one whole"
    )


@pytest.mark.parametrize("extent", [218, 224, 448])
def test_a_field_that_lies_whole_has_no_remark(vgg: nn.Module, extent: int) -> None:
    heat = heat_of(vgg, extent)
    assert heat.size == (212, 212)
    assert heat.remarks == ()


CHAINS: dict[str, tuple[Build, int]] = {
    "a window": (lambda: nn.Conv1d(1, 1, 3), 3),
    "padded": (lambda: nn.Conv1d(1, 1, 7, stride=4, padding=3), 8),
    "stride beyond the kernel": (
        lambda: nn.Sequential(nn.Conv1d(1, 1, 2, stride=3), nn.Conv1d(1, 1, 3, padding=1)),
        8,
    ),
    "pooled and dilated": (
        lambda: nn.Sequential(
            nn.Conv1d(1, 1, 3, 2, 1), nn.MaxPool1d(2), nn.Conv1d(1, 1, 3, padding=2, dilation=2)
        ),
        24,
    ),
    "three halvings": (lambda: nn.Sequential(*(nn.Conv1d(1, 1, 3, 2, 1) for _ in range(3))), 16),
    "one element of five": (lambda: nn.Conv1d(1, 1, 1, stride=5), 1),
    "upsampled": (lambda: nn.ConvTranspose1d(1, 1, 4, 2, 1), 2),
    "upsampled and smoothed": (
        lambda: nn.Sequential(nn.ConvTranspose1d(1, 1, 3, 2), nn.Conv1d(1, 1, 5, padding=2)),
        4,
    ),
    "down and up": (
        lambda: nn.Sequential(
            nn.Conv1d(1, 1, 3, 2, 1), nn.ConvTranspose1d(1, 1, 2, 2), nn.Conv1d(1, 1, 3, padding=1)
        ),
        6,
    ),
    "by two thirds": (
        lambda: nn.Sequential(nn.Upsample(scale_factor=3), nn.Conv1d(1, 1, 4, 2, 1)),
        2,
    ),
}


@pytest.mark.parametrize("name", CHAINS)
def test_that_much_is_enough_and_one_less_is_not(name: str) -> None:
    build, least = CHAINS[name]
    model = build()
    field = field_of(model, (1, 1, 64))
    assert enough(field) == (least,)
    assert largest(model, least) == field.size[0]
    if least > 1:
        assert largest(model, least - 1) < field.size[0]


def largest(model: nn.Module, extent: int) -> int:
    """By measuring: the largest field of any position, on an input of that extent."""
    try:
        output = fieldscope.analyze(model, (1, 1, extent)).output
    except fieldscope.FieldscopeError:  # the input is smaller than a kernel
        return 0
    return max(
        fieldscope.gradient(model, (1, 1, extent), position=(place,), mode="structure").size[0]
        for place in range(output.shape[2])
    )


def test_each_axis_has_an_extent_of_its_own() -> None:
    model = nn.Conv2d(1, 1, (7, 3), stride=(4, 1), padding=(3, 0))
    assert enough(field_of(model, (1, 1, 32, 32))) == (8, 3)


class Everything(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x - x.cumsum(-1)


@pytest.mark.parametrize(
    "build",
    [
        lambda: nn.Sequential(nn.Flatten(), nn.Linear(16, 2)),
        lambda: nn.AdaptiveAvgPool1d(1),
        lambda: nn.AdaptiveAvgPool1d(5),
        Everything,
    ],
)
def test_what_has_no_period_has_no_extent_that_is_enough(build: Build) -> None:
    assert enough(field_of(build(), (1, 1, 16))) is None


def a_heat(values: Any, position: tuple[int, ...], *remarks: str) -> HeatMap:
    found = np.asarray(values, dtype=float)
    return HeatMap("net", "0", position, None, "input", ("x",), found, "real", 1, remarks)


PADDED = nn.Conv1d(1, 1, 5, padding=2)


@pytest.mark.parametrize(
    ("values", "position", "cut"),
    [
        ([1, 1, 1, 0, 0, 0, 0, 0], (0,), True),  # two of five lie in the padding
        ([0, 1, 1, 1, 1, 1, 0, 0], (3,), False),
        ([0, 0, 1, 1, 1, 0, 0, 0], (3,), False),  # it isn't the border that cuts it
        ([0, 0, 0, 0, 0, 0, 0, 0], (0,), False),  # nothing is measured at all
    ],
)
def test_only_what_the_border_cuts_is_told(
    values: list[int], position: tuple[int, ...], cut: bool
) -> None:
    layer = fieldscope.analyze(PADDED, (1, 1, 8)).output
    found = remarks_on(a_heat(values, position, "a remark"), layer)
    told = (
        "the field is 5 elements, of which this input shows 3; an input of at least 5 shows one "
        "whole"
    )
    assert found == (("a remark", told) if cut else ("a remark",))


def test_what_is_known_takes_the_place_of_a_guess() -> None:
    heat = fieldscope.gradient(PADDED, (1, 1, 8), position=(0,))
    assert [one for one in heat.remarks if "may be cut off" in one] == []
    assert any(one.startswith("the field is 5 elements, of which") for one in heat.remarks)


def test_without_a_period_no_extent_is_named() -> None:
    model = nn.Sequential(nn.Conv1d(1, 1, 5, padding=2), nn.AdaptiveAvgPool1d(5))
    layer = fieldscope.analyze(model, (1, 1, 8)).output
    heat = fieldscope.gradient(model, (1, 1, 8), position=(0,), mode="structure")
    assert not any("an input of at least" in one for one in remarks_on(heat, layer))
