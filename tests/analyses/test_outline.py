"""Outlines: networks as arithmetic, held against fresh analyses of edited modules."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import nn

import fieldscope
from benchmarks.networks import TCN, UNet
from fieldscope.analyses.edits import Edit, Refit, Remove, Repeat, Reshape
from fieldscope.analyses.outline import Foreseen, Outline, Outlook, outline_of
from fieldscope.errors import EditError, InputError, LayerNotFoundError
from fieldscope.frontends.targets import resolve
from fieldscope.redesign.torch.applying import applied

Shape = tuple[int, ...]


class Block(nn.Module):
    """A residual block, with a stride in both branches where it opens a stage."""

    def __init__(self, before: int, width: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, width, 3, stride, 1)
        self.norm = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1)
        self.short = nn.Conv2d(before, width, 1, stride) if stride > 1 else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.conv2(torch.relu(self.norm(self.conv1(x)))) + self.short(x))


class Residual(nn.Module):
    """Two stages of residual blocks, and a classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 7, 2, 3)
        self.pool = nn.MaxPool2d(3, 2, 1)
        self.stage1 = nn.Sequential(Block(4, 4), Block(4, 4))
        self.stage2 = nn.Sequential(Block(4, 8, 2), Block(8, 8))
        self.head = nn.Linear(8, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stage2(self.stage1(self.pool(self.stem(x))))
        out: torch.Tensor = self.head(x.mean((2, 3)))
        return out


class Gate(nn.Module):
    """Squeeze-and-excitation around a depthwise convolution, channels last in between."""

    def __init__(self) -> None:
        super().__init__()
        self.deep = nn.Conv2d(4, 4, (5, 3), padding=(2, 1), groups=4)
        self.norm = nn.LayerNorm(4)
        self.wide = nn.Linear(4, 4)
        self.squeeze = nn.Conv2d(4, 4, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.wide(self.norm(self.deep(x).permute(0, 2, 3, 1))).permute(0, 3, 1, 2)
        gate: torch.Tensor = self.squeeze(y.mean((2, 3), keepdim=True))
        out: torch.Tensor = x + y * torch.sigmoid(gate)
        return out


def gated() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1), Gate(), Gate(), nn.Conv2d(4, 4, 3))


def flat() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(4, 8, 3, padding=1),
        nn.MaxPool2d(2, ceil_mode=True),
        nn.AdaptiveAvgPool2d((3, 2)),
        nn.Flatten(),
        nn.Linear(48, 5),
    )


def grouped() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 5, 2, 2),
        nn.GroupNorm(2, 8),
        nn.ReflectionPad2d((2, 1, 1, 2)),
        nn.Conv2d(8, 8, 4, dilation=(1, 2)),
        nn.ConvTranspose2d(8, 4, 4, 2, 1),
        nn.Upsample(scale_factor=2),
        nn.Conv2d(4, 4, 3, padding=1),
    )


def volume() -> nn.Module:
    return nn.Sequential(
        nn.Conv3d(1, 2, (3, 5, 1), padding=(1, 2, 0)), nn.AvgPool3d((2, 1, 2)), nn.Conv3d(2, 2, 3)
    )


NETWORKS: dict[str, tuple[Callable[[], nn.Module], Shape]] = {
    "residual": (Residual, (1, 3, 32, 48)),
    "gated": (gated, (2, 3, 20, 14)),
    "flat": (flat, (1, 3, 22, 14)),
    "grouped": (grouped, (1, 3, 30, 22)),
    "volume": (volume, (1, 1, 9, 12, 8)),
    "unet": (lambda: UNet(2, channels=4, levels=2), (1, 1, 16, 24)),
    "tcn": (lambda: TCN(blocks=3), (1, 4, 64)),
}


def outlined(model: nn.Module, shape: Shape) -> Outline:
    return outline_of(fieldscope.analyze(model, shape))


def seen(layers: Sequence[Foreseen], *, extents: bool = True) -> list[tuple[Any, ...]]:
    """What is compared of layers with windows: their names may differ behind copies."""
    return [
        (one.operator, one.received, one.narrowest, one.size, one.stride)
        + (one.extents if extents else ())
        + (one.macs, one.parameters, one.verdict)
        for one in layers
        if one.windowed and one.operator in ("window", "spread", "table", "concat")
    ]


def edited(name: str, *edits: Edit) -> tuple[Outlook, Outlook]:
    """A network with edits as foreseen, and as analysed."""
    build, shape = NETWORKS[name]
    model = build()
    foreseen = outlined(model, shape).with_edits(edits)
    return foreseen, outlined(applied(model, edits), shape).base


@pytest.mark.parametrize("name", NETWORKS)
def test_at_other_extents_an_outline_is_what_a_fresh_analysis_says(name: str) -> None:
    build, shape = NETWORKS[name]
    model = build()
    axes = range(2, len(shape))
    other = tuple(n + 8 * (axis + 1) if axis in axes else n for axis, n in enumerate(shape))
    found = outlined(model, shape).with_edits(extents=other[2:])
    fresh = outlined(model, other).base
    assert seen(found.layers) == seen(fresh.layers)
    assert (found.macs, found.parameters) == (fresh.macs, fresh.parameters)


@pytest.mark.parametrize("name", NETWORKS)
def test_without_edits_the_arithmetic_repeats_the_report(name: str) -> None:
    build, shape = NETWORKS[name]
    outline = outlined(build(), shape)
    window = next(iter(outline.windows.values()))
    # Said again, so that all behind it is worked out.
    first = Reshape(window.layer, stride=window.stride)
    assert seen(outline.with_edits([first]).layers) == seen(outline.base.layers)
    assert not outline.network.pinned


@pytest.mark.parametrize(
    ("name", "edits"),
    [
        ("residual", [Reshape("stem", (3, 3), (1, 1), (1, 1))]),
        ("residual", [Reshape("stem", (3, 5), (1, 2), (1, 2)), Remove("pool")]),
        ("residual", [Remove("stage1.1"), Repeat("stage2.1", 2)]),
        ("residual", [Reshape("stage2.1.conv2", (1, 1), padding=(0, 0)), Repeat("stage2.1", 1)]),
        ("residual", [Remove("stage2"), Refit("head", 4)]),
        ("residual", [Remove("stage1")]),
        (
            "residual",
            [
                Reshape("stage2.0.conv1", stride=(1, 1)),
                Reshape("stage2.0.short", stride=(1, 1)),
            ],
        ),
        (
            "gated",
            [Reshape("1.deep", (3, 1), padding=(1, 0)), Reshape("0", (5, 3), padding=(2, 1))],
        ),
        ("gated", [Remove("2"), Repeat("1", 3)]),
        ("gated", [Reshape("3", dilation=(2, 1))]),
        ("flat", [Remove("2")]),
        ("flat", [Reshape("3", (5, 1), padding=(2, 0)), Reshape("0", stride=(2, 1))]),
        ("flat", [Remove("3"), Refit("7", 24)]),
        ("grouped", [Reshape("0", (3, 3), (1, 2), (1, 1)), Reshape("3", dilation=(2, 1))]),
        ("volume", [Reshape("0", stride=(1, 2, 1)), Remove("1")]),
        ("unet", [Reshape("down.1.0", (5, 5), padding=(2, 2))]),
        ("tcn", [Reshape("blocks.1.conv1", dilation=(1,), padding=(3,))]),
    ],
)
def test_with_edits_an_outline_is_what_the_analysis_of_the_edited_module_says(
    name: str, edits: list[Edit]
) -> None:
    found, fresh = edited(name, *edits)
    assert seen(found.layers) == seen(fresh.layers)
    assert (found.macs, found.parameters) == (fresh.macs, fresh.parameters)


def test_resnet50_is_foreseen_as_analysed_with_a_stem_of_its_own_and_fewer_blocks() -> None:
    model = resolve("torchvision:resnet50").model
    edits: list[Edit] = [
        Reshape("conv1", (3, 3), (1, 1), (1, 1)),
        Remove("maxpool"),
        Remove("layer3.4"),
    ]
    assert isinstance(model, nn.Module)
    found = outlined(model, (1, 3, 64, 96)).with_edits(edits)
    fresh = outlined(applied(model, edits), (1, 3, 64, 96)).base
    assert seen(found.layers) == seen(fresh.layers)
    assert found.macs == fresh.macs


def test_layers_are_fitted_anew_on_request_and_listed() -> None:
    outline = outlined(Residual(), (1, 3, 32, 32))
    found = outline.with_edits([Remove("stage2")], refit=True)
    assert found.edits == (Remove("stage2"), Refit("head", 4))
    with pytest.raises(
        EditError, match="head takes 8 channels or features, and 4 would enter\nfit"
    ):
        outline.with_edits([Remove("stage2")])


def test_copies_are_told_apart_and_stand_behind_what_they_are_copies_of() -> None:
    outline = outlined(Residual(), (1, 3, 32, 32))
    found = outline.with_edits([Repeat("stage1.1", 2)])
    copies = [(one.name, one.copy) for one in found.layers if one.name == "stage1.1.conv2"]
    assert copies == [("stage1.1.conv2", 0), ("stage1.1.conv2", 1), ("stage1.1.conv2", 2)]
    assert found["stage1.1.conv2"].copy == 0
    assert found.parameters - outline.base.parameters == 2 * (2 * (4 * 4 * 9 + 4) + 8)


def test_an_edit_of_one_branch_of_a_join_is_refused_with_the_place() -> None:
    outline = outlined(Residual(), (1, 3, 32, 48))
    with pytest.raises(EditError, match="shapes don't fit together: 1×8×8×12 and 1×8×4×6"):
        outline.with_edits([Reshape("stage2.0.conv1", stride=(1, 1))])


@pytest.mark.parametrize(
    ("edits", "error", "message"),
    [
        ([Reshape("stm", (3, 3))], LayerNotFoundError, "no layer 'stm'\ndid you mean 'stem'?"),
        ([Remove("stage9")], LayerNotFoundError, "there is no layer 'stage9'"),
        ([Reshape("head", (3, 3))], EditError, "head has no window\nname a convolution"),
        ([Reshape("stem", (3,))], InputError, r"kernel \(3,\) of stem doesn't fit its 2 axes"),
        ([Reshape("stem", (99, 99))], EditError, "the window of stem doesn't fit: it reaches"),
        ([Repeat("stage2.0", 1)], EditError, "stage2.0 can't be repeated, since what leaves it"),
        ([Repeat("stage1.0", -1)], InputError, "stage1.0 can't be repeated -1 times"),
        ([Remove("stage1.0.add_1")], EditError, "can't be taken out or repeated, since it is"),
        ([Remove("stem")], EditError, "pool|stage1.0.norm|stage1.0.conv1 takes 4"),
    ],
)
def test_edits_that_make_no_sense_are_told(
    edits: list[Edit], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        outlined(Residual(), (1, 3, 32, 32)).with_edits(edits)


def test_extents_that_make_no_sense_are_told() -> None:
    outline = outlined(Residual(), (1, 3, 32, 32))
    for extents in ((32,), (32, 0)):
        with pytest.raises(InputError, match="don't fit input 'x', which has 2 spatial axes"):
            outline.with_edits(extents=extents)


class Tokens(nn.Module):
    """Patches, flattened and given places: what comes behind has one shape."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, 8, 4, 4)
        self.places = nn.Parameter(torch.zeros(1, 12, 8))
        self.mix = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.mix(self.patch(x).flatten(2).transpose(1, 2) + self.places)
        return out


def test_what_is_not_followed_keeps_its_shape() -> None:
    outline = outlined(Tokens(), (1, 3, 12, 16))
    with pytest.raises(EditError, match="fixed shape at view_1: 1×8×3×4 enters it"):
        outline.with_edits([Reshape("patch", (2, 2), (2, 2))])
    with pytest.raises(EditError, match=r"the field of mix.*can't be followed under edits"):
        outline.with_edits([Reshape("patch", (2, 2))], extents=(10, 14))


class Places(nn.Module):
    """A table of positions, which is made for one extent."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, padding=1)
        self.table = nn.Parameter(torch.zeros(1, 4, 8, 6))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.conv(x) + self.table
        return out


def test_a_table_of_positions_fixes_the_shape() -> None:
    outline = outlined(Places(), (1, 1, 8, 6))
    with pytest.raises(EditError, match="add_1"):
        outline.with_edits(extents=(10, 6))


class Twice(nn.Module):
    """A convolution called twice, and one called as a function."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 2, 3, padding=1)
        self.own = nn.Conv2d(2, 2, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv(self.conv(self.own(x)))
        return nn.functional.conv2d(x, torch.ones(2, 2, 3, 3))


def test_layers_that_no_edit_reaches_alone_are_frozen_with_reasons() -> None:
    outline = outlined(Twice(), (1, 2, 9, 9))
    assert outline.frozen == {
        "conv": "its module is called 2 times",
        "conv#2": "its module is called 2 times",
        "conv2d_1" if "conv2d_1" in outline.frozen else "convolution_1": (
            "it is called as a function, so no module holds its window"
        ),
    }
    # Still foreseen: an edit of the module changes both calls.
    found = outline.with_edits([Reshape("conv", (5, 5), padding=(2, 2))])
    assert found["conv#2"].size == (11, 11)


class Two(nn.Module):
    """Two inputs: what is asked about one leaves the other alone."""

    def __init__(self) -> None:
        super().__init__()
        self.left = nn.Conv1d(1, 2, 3, padding=1)
        self.right = nn.Conv1d(1, 2, 5, padding=2)
        self.both = nn.Conv1d(2, 2, 3)

    def forward(self, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.both(self.left(left) + self.right(right))
        return out


def test_of_several_inputs_one_is_looked_at() -> None:
    model = Two()
    report = fieldscope.analyze(model, ((1, 1, 20), (1, 1, 20)))
    for name, size in (("left", 7), ("right", 7)):
        outline = outline_of(report, name)
        other = copy.deepcopy(model)
        edit = Reshape(name, (7 if name == "left" else 9,), padding=(3 if name == "left" else 4,))
        fresh = outline_of(
            fieldscope.analyze(applied(other, [edit]), ((1, 1, 20), (1, 1, 20))), name
        )
        assert seen(outline.with_edits([edit]).layers) == seen(fresh.base.layers)
        assert outline.base["both"].size == ((5 if name == "left" else size),)
    with pytest.raises(InputError, match="say which with input="):
        outline_of(report)


@pytest.mark.zoo
@pytest.mark.parametrize(
    "name",
    [
        "resnet152",
        "densenet201",
        "googlenet",
        "efficientnet_b0",
        "mobilenet_v3_small",
        "regnet_y_400mf",
    ],
)
def test_networks_at_other_extents_are_what_a_fresh_analysis_says(name: str) -> None:
    model = resolve(f"torchvision:{name}").model
    assert isinstance(model, nn.Module)
    found = outlined(model, (1, 3, 64, 96)).with_edits(extents=(128, 80))
    fresh = outlined(model, (1, 3, 128, 80)).base
    assert seen(found.layers) == seen(fresh.layers)
    assert (found.macs, found.parameters) == (fresh.macs, fresh.parameters)


def test_a_map_that_is_empty_stays_empty() -> None:
    class Emptied(nn.Sequential):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            found: torch.Tensor = self[1](self[0](x))
            return found[:, :, 5:5]

    report = fieldscope.analyze(Emptied(nn.Conv1d(1, 1, 3), nn.Conv1d(1, 1, 3)), (1, 1, 16))
    outline = outline_of(report)
    assert outline.base["1"].size == (5,)
    with pytest.raises(EditError, match="fixed shape at slice_1"):
        outline.with_edits([Reshape("0", kernel=(1,), padding=(0,))])
