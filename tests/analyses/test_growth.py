"""Shares of a field's size: worked out by hand, and the laws that hold for all networks."""

from __future__ import annotations

import copy
import json
import math
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import fieldscope
from benchmarks.cases import SmallUNet
from benchmarks.networks import TCN, UNet
from fieldscope.analyses.fields import Field
from fieldscope.analyses.growth import Growth, growth_of
from fieldscope.analyses.layers import Layer
from fieldscope.errors import EditError, InputError, LayerNotFoundError
from tests.networks import Plan, networks
from tests.zoo.networks import build

Shape = tuple[int, ...]


def shares(found: Growth) -> dict[str, Any]:
    """The share of each layer, along the only axis or along all."""
    return {one.layer: one.share[0] if len(found.axes) == 1 else one.share for one in found.layers}


def test_a_chain_adds_up_by_the_formula_on_each_axis() -> None:
    net = nn.Sequential(
        nn.Conv2d(1, 2, (5, 3), (3, 2)),  # (5 − 1)·1, (3 − 1)·1
        nn.ReLU(),
        nn.Conv2d(2, 2, (3, 2), dilation=(1, 4)),  # (3 − 1)·3, (2 − 1)·4·2
        nn.MaxPool2d((2, 1), (2, 1)),  # (2 − 1)·3, 0
        nn.Conv2d(2, 1, 3, padding=1),  # (3 − 1)·6, (3 − 1)·2
    )
    found = fieldscope.growth(net, (1, 1, 90, 60))
    assert shares(found) == {"0": (4, 2), "2": (6, 8), "3": (3, 0), "4": (12, 4)}
    assert found.size == (26, 15)
    assert found.layer == "4"
    assert [one.size for one in found.layers] == [(5, 3), (11, 11), (14, 11), (26, 15)]
    window = found.by_name["2"].window
    assert window is not None
    assert (window.kernel, window.stride, window.dilation) == ((3, 2), (1, 1), (1, 4))
    assert window.spacing == (3, 2)
    assert found.part_of(found.by_name["0"]) == (4 / 25, 2 / 14)


class Branches(nn.Module):
    """A short branch, a long one, a shortcut; their windows differ by axis."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 2, 3, stride=2, padding=1)
        self.tall = nn.Conv2d(2, 2, (7, 1), padding=(3, 0))
        self.wide = nn.Conv2d(2, 2, (1, 5), padding=(0, 2))
        self.square = nn.Conv2d(2, 2, 3, padding=1)
        self.last = nn.Conv2d(6, 1, (3, 1), padding=(1, 0))

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        y: Tensor = self.last(torch.cat([self.tall(x), self.wide(x) + x, self.square(x)], 1))
        return y


def test_each_axis_has_its_own_longest_path_and_what_is_beside_it_has_no_share() -> None:
    found = fieldscope.growth(Branches(), (1, 1, 64, 48))
    assert shares(found) == {
        "stem": (2, 2),
        "tall": (12, 0),
        "wide": (0, 8),
        "square": (0, 0),
        "last": (4, 0),
    }
    assert found.size == (19, 11)
    on_path = {one.layer: one.on_path for one in found.layers}
    assert on_path["tall"] == (True, False)
    assert on_path["wide"] == (False, True)
    assert on_path["square"] == (False, False)
    # A branch as long as the longest takes nothing when it grows to that; beyond it, the rest.
    assert found.if_changed("square", kernel=(7, 5)).delta == (0, 0)
    assert found.if_changed("square", kernel=(9, 3)).delta == (4, 0)
    # And the longest one shortened falls back to the next: square's 3.
    assert found.if_changed("tall", kernel=(1, 1)).size == (11, 11)


def test_of_branches_that_are_alike_one_counts_and_for_both_edges() -> None:
    class Twins(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.other = nn.Conv1d(1, 1, 5, padding=2), nn.Conv1d(1, 1, 5, padding=2)

        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self.one(x) + self.other(x)
            return y

    found = fieldscope.growth(Twins(), (1, 1, 32))
    assert sorted(shares(found).values()) == [0, 4]
    assert all(change.delta in ((0,), (2,), (4,), None) for change in found.layers[0].changes)


@pytest.mark.parametrize("first", ["lower", "upper"])
def test_a_tie_at_one_edge_goes_to_the_path_of_the_other(first: str) -> None:
    """One edge is reached by both branches, the other by the second alone."""

    class Uneven(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.short, self.long = nn.Conv1d(1, 1, 3), nn.Conv1d(1, 1, 5)

        def forward(self, x: Tensor) -> Tensor:
            low, high = (1, 3) if first == "lower" else (3, 1)
            pads = nn.functional.pad
            y: Tensor = self.short(pads(x, (1, 1))) + self.long(pads(x, (low, high)))
            return y

    found = fieldscope.growth(Uneven(), (1, 1, 32))
    assert found.size == (5,)
    own = shares(found)
    assert own["long"] + sum(own.get(name, 0) for name in own if "pad" in name) == 4
    assert own.get("short", 0) == 0


def test_branches_that_are_shifted_count_by_what_shifts_them() -> None:
    class Shifted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.window = nn.Conv1d(1, 1, 3)

        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self.window(x[..., 4:]) + x[..., 1:-5]
            return y

    found = fieldscope.growth(Shifted(), (1, 1, 32))
    # From 1 to 4 + 2: four elements by the slices, two by the window's upper edge.
    assert found.size == (6,)
    assert sum(shares(found).values()) == 5
    assert shares(found)["window"] == 2


def test_networks_that_go_up_again_count_by_the_formula_with_spacing_below_1() -> None:
    net = nn.Sequential(
        nn.Conv1d(1, 1, 3), nn.Upsample(scale_factor=2), nn.Conv1d(1, 1, 5, dilation=2)
    )
    found = fieldscope.growth(net, (1, 1, 32))
    assert shares(found) == {"0": 2, "2": 4}  # (5 − 1)·2·½
    assert found.size == (7,)
    window = found.by_name["2"].window
    assert window is not None
    assert window.spacing == (Fraction(1, 2),)


def test_a_small_u_net() -> None:
    found = fieldscope.growth(SmallUNet(), (1, 1, 32, 32))
    assert {one.layer: one.share for one in found.layers if any(one.share)} == {
        "before": (2, 2),
        "down": (1, 1),
        "middle": (4, 4),
        "after": (2, 2),
    }
    assert found.size == (10, 10)


def test_causal_residual_blocks_count_whole() -> None:
    found = fieldscope.growth(TCN(blocks=3), (1, 4, 128))
    assert {name: share for name, share in shares(found).items() if share} == {
        f"blocks.{block}.conv{k}": 2 * 2**block for block in range(3) for k in (1, 2)
    }


def test_volumes_have_three_axes() -> None:
    found = fieldscope.growth(UNet(3, channels=2, levels=2), (1, 1, 16, 24, 32))
    assert found.axes == ("z", "y", "x")
    for axis in range(3):
        assert 1 + sum(one.share[axis] or 0 for one in found.layers) == found.size[axis]


def test_the_input_is_chosen_by_name() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.left, self.right = nn.Conv1d(1, 1, 3), nn.Conv1d(1, 1, 7)

        def forward(self, a: Tensor, b: Tensor) -> Tensor:
            y: Tensor = self.left(a) + self.right(b)[..., :8]
            return y

    report = fieldscope.analyze(Two(), ((1, 1, 10), (1, 1, 20)))
    assert shares(fieldscope.growth(report, input="a")) == {"left": 2}
    assert shares(fieldscope.growth(report, input="b")) == {"right": 6}
    with pytest.raises(InputError, match="say which with input="):
        fieldscope.growth(report)


@pytest.mark.parametrize(
    ("target", "last", "size"),
    [
        ("torchvision:vgg16", "features", 212),
        ("torchvision:resnet18", "layer4", 435),
        ("torchvision:googlenet", "inception5b", 379),
        ("torchvision:efficientnet_b0", "features", 851),
        ("torchvision:shufflenet_v2_x0_5", "conv5", 527),
        ("timm:convnext_tiny", "stages", 1688),
    ],
)
def test_the_last_map_of_published_networks(target: str, last: str, size: int) -> None:
    with torch.device("meta"):
        model = build(target)
    found = fieldscope.growth(model, (1, 3, 224, 224), changes=False)
    assert (found.layer, found.size) == (last, (size, size))
    assert 1 + sum(one.share[0] or 0 for one in found.layers) == size
    for one in found.layers:
        window = one.window
        if one.share[0] and window is not None:
            k, d, spacing = window.kernel[0], window.dilation[0], window.spacing[0]
            assert k is not None
            assert d is not None
            assert spacing is not None
            assert one.share[0] == (k - 1) * d * spacing
    # The fields of layers with a share grow by just that, in order.
    having = [one for one in found.layers if one.share[0]]
    for before, after in pairwise(having):
        assert after.size[0] - before.size[0] == after.share[0]


@pytest.mark.parametrize(
    ("target", "shape"),
    [
        ("timm:botnet26t_256", (1, 3, 256, 256)),
        ("timm:mobilevit_xxs", (1, 3, 64, 96)),
        ("timm:hrnet_w18_small", (1, 3, 64, 96)),
        ("torchvision:swin_t", (1, 3, 64, 96)),
    ],
)
def test_shares_of_networks_that_take_maps_apart_add_up(target: str, shape: Shape) -> None:
    with torch.device("meta"):
        found = fieldscope.growth(build(target), shape, changes=False)
    for axis, size in enumerate(found.size):
        assert 1 + sum(one.share[axis] or 0 for one in found.layers) == size


def test_another_layer_can_be_asked_about() -> None:
    with torch.device("meta"):
        report = fieldscope.analyze(build("torchvision:resnet18"), (1, 3, 64, 64))
    found = fieldscope.growth(report, layer="layer1.0.conv2", changes=False)
    assert found.size == (27, 27)
    assert [one.layer for one in found.layers][-1] == "layer1.0.conv2"
    assert growth_of(report, layer="layer2").size == report["layer2"].size


def test_an_axis_without_end_is_not_divided() -> None:
    class Strips(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.before, self.after = nn.Conv2d(1, 1, 3), nn.Conv2d(1, 1, (1, 5))

        def forward(self, x: Tensor) -> Tensor:
            x = self.before(x)
            y: Tensor = self.after(x.softmax(2))
            return y

    found = fieldscope.growth(Strips(), (1, 1, 32, 32), layer="after")
    assert found.size == (math.inf, 7)
    assert found.divided == (False, True)
    assert shares(found) == {"before": (None, 2), "after": (None, 4)}
    assert "along y the field is not divided" in repr(found)
    assert found.to_dict()["size"] == ["all", 7]


def test_what_has_no_shares_is_told() -> None:
    head = nn.Sequential(nn.Conv1d(1, 2, 3), nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(2, 1))
    with pytest.raises(InputError, match="the field of '3' is the whole input\nask about a layer"):
        fieldscope.growth(head, (1, 1, 32), layer="3")
    with pytest.raises(InputError, match="no layer of Linear has positions whose field on"):
        fieldscope.growth(nn.Linear(8, 8), (1, 1, 8))
    with pytest.raises(LayerNotFoundError, match="no layer '9'"):
        fieldscope.growth(head, (1, 1, 32), layer="9")

    def torn(x: Tensor) -> Tensor:
        return nn.functional.conv1d(torch.roll(x, 3, -1), torch.ones(1, 1, 3))

    with pytest.raises(InputError, match="isn't periodic, so that there is no path"):
        fieldscope.growth(torn, (1, 1, 32), layer="convolution_1")


def test_a_bound_has_no_shares() -> None:
    def unknown(x: Tensor) -> Tensor:
        return torch.relu(torch.linalg.qr(x)[0])

    report = fieldscope.analyze(unknown, (1, 2, 8, 8))
    with pytest.raises(InputError, match="is only a bound, through"):
        fieldscope.growth(report, layer="relu_1")


def test_a_window_can_be_changed_on_demand_only() -> None:
    found = fieldscope.growth(
        nn.Sequential(nn.Conv1d(1, 1, 3), nn.Upsample(scale_factor=2)), (1, 1, 32), changes=False
    )
    assert all(one.changes == () for one in found.layers)
    assert found.if_changed("0", kernel=5).size == (5,)
    with_it = found.supposing("0", kernel=5)
    assert [change.what for change in with_it.layers[0].changes] == ["kernel 5"]
    assert "with kernel 5: 5" in repr(with_it)
    with pytest.raises(InputError, match="nothing of 0 is changed\ngive kernel, stride"):
        found.if_changed("0")
    with pytest.raises(InputError, match=r"kernel \(3, 3\) doesn't fit 0, whose window has 1 axes"):
        found.if_changed("0", kernel=(3, 3))
    with pytest.raises(InputError, match="stride 0 doesn't fit 0"):
        found.if_changed("0", stride=0)
    with pytest.raises(LayerNotFoundError, match="'zero' is no layer with a share in the field"):
        found.if_changed("zero", kernel=3)


def test_a_change_that_shapes_forbid_is_told_with_the_place() -> None:
    with torch.device("meta"):
        found = fieldscope.growth(build("torchvision:resnet18"), (1, 3, 64, 64))
    stride = next(
        change
        for change in found.by_name["layer2.0.conv1"].changes
        if change.kind == "other stride"
    )
    assert stride.size is None
    assert "shapes don't fit together" in stride.why
    with pytest.raises(EditError, match=r"layer2.0.conv1 can't have stride 1: shapes don't fit"):
        found.if_changed("layer2.0.conv1", stride=1)


def test_the_finding_as_plain_data() -> None:
    net = nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv1d(1, 1, 2))
    data = json.loads(fieldscope.growth(net, (1, 1, 8), layer="1").to_json())
    assert data["schema"] == "fieldscope.growth/1"
    assert data["size"] == [2]
    (layer,) = [one for one in data["layers"] if one["name"] == "1"]
    assert layer["window"]["spacing"] == ["1/2"]
    assert layer["changes"][0] == {
        "what": "kernel 4",
        "kind": "larger kernel",
        "size": [3],
        "delta": [1],
    }
    assert sum(Fraction(one["share"][0]) for one in data["layers"]) == 1


numbers = st.integers(1, 4)


@settings(derandomize=True, database=None, deadline=None, max_examples=25)
@given(
    windows=st.lists(
        st.tuples(numbers, st.integers(1, 3), st.integers(1, 2)), min_size=2, max_size=4
    ),
    at=st.integers(0, 3),
    kernel=numbers,
    stride=st.integers(1, 3),
    dilation=st.integers(1, 3),
    up=st.booleans(),
)
def test_a_change_foreseen_is_what_the_changed_network_has(
    windows: list[tuple[int, int, int]], at: int, kernel: int, stride: int, dilation: int, up: bool
) -> None:
    def reach(window: tuple[int, int, int]) -> int:
        return window[2] * (window[0] - 1)

    def net(windows: list[tuple[int, int, int]], *, padding: int = 6) -> nn.Sequential:
        layers: list[nn.Module] = [
            nn.Conv1d(1, 1, k, s, padding=padding if place == at else 6, dilation=d)
            for place, (k, s, d) in enumerate(windows)
        ]
        if up:
            layers.insert(1, nn.ConvTranspose1d(1, 1, 2, 2))
        return nn.Sequential(*layers)

    at %= len(windows)
    name = str(at + (1 if up and at else 0))
    found = fieldscope.growth(net(windows), (1, 1, 400), layer=str(len(windows) - 1 + up))
    changed = copy.copy(windows)
    changed[at] = (kernel, stride, dilation)
    # The map keeps its extents, but for the stride.
    padding = 6 + (reach(changed[at]) - reach(windows[at])) // 2
    true = fieldscope.analyze(net(changed, padding=padding), (1, 1, 400)).output
    if name in found.by_name:
        told = found.if_changed(name, kernel=kernel, stride=stride, dilation=dilation)
        assert told.size == true.size
        assert told.delta == (true.size[0] - found.size[0],)


@settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@pytest.mark.filterwarnings("ignore:Using padding='same'")
@given(networks(most=7))
def test_shares_add_up_to_the_size_less_one(plan: Plan) -> None:
    report = fieldscope.analyze(plan.build(), tuple(plan.inputs))
    for info in report.inputs:
        for layer in report.layers:
            own = layer.fields.get(info.name)
            if own is None or not layer.exact or not can_be_divided(layer, own):
                continue
            found = growth_of(report, info.name, layer=layer.name, changes=False)
            for axis, divided in enumerate(found.divided):
                if divided:
                    added = sum(one.share[axis] or 0 for one in found.layers)
                    assert 1 + added == found.size[axis], (plan, layer.name)


def can_be_divided(layer: Layer, own: Field) -> bool:
    finite = [0 < size < math.inf for size in own.size]
    return any(
        known and stride is not None for known, stride in zip(finite, own.stride, strict=True)
    )
