"""The graph of a network: boxes, frames, arrows, and what folding must keep."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest
import torch
from torch import nn

import fieldscope
from fieldscope.analyses.architecture.boxes import MOST_BOXES
from fieldscope.analyses.architecture.flow import Flows
from fieldscope.analyses.architecture.folding import Folding, frames
from fieldscope.analyses.nesting import chains_of
from fieldscope.errors import InputError
from fieldscope.frontends.torch.zoo import build


class Block(nn.Module):
    """Two convolutions and a shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.act = nn.ReLU()
        self.conv2 = nn.Conv2d(channels, channels, (1, 5), padding=(0, 2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(x + self.conv2(self.act(self.conv1(x))))


class Excited(nn.Module):
    """A convolution whose channels are weighed by what the whole map holds."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.weigh = nn.Conv2d(channels, channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv(x)
        result: torch.Tensor = x * torch.sigmoid(self.weigh(x.mean((2, 3), keepdim=True)))
        return result


class Siamese(nn.Module):
    """One block for two inputs, a part of which is also called from outside."""

    def __init__(self) -> None:
        super().__init__()
        self.block = Block(4)
        self.head = nn.Sequential(nn.Conv2d(8, 4, 3), nn.ReLU())

    def forward(self, left: torch.Tensor, right: torch.Tensor) -> dict[str, torch.Tensor]:
        joined = self.head(torch.cat([self.block(left), self.block(right)], 1))
        return {"map": joined, "more": self.block.conv1(joined)}


class Ladder(nn.Module):
    """Lists of modules whose members take turns."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.ModuleList(nn.Conv1d(1, 1, 3, padding=1) for _ in range(2))
        self.norm = nn.ModuleList(nn.BatchNorm1d(1) for _ in range(2))
        self.last = nn.ModuleList(nn.Conv1d(1, 1, 5, padding=2) for _ in range(2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for conv, norm in zip(self.down, self.norm, strict=True):
            x = norm(conv(x))
        for conv in self.last:
            x = conv(x)
        return x


def blocks(count: int) -> fieldscope.Report:
    net = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2), *(Block(4) for _ in range(count)))
    return fieldscope.analyze(net, (1, 3, 31, 47))


def siamese() -> fieldscope.Report:
    return fieldscope.analyze(Siamese(), ((1, 4, 9, 14), (1, 4, 9, 14)))


def resnet18(extent: int = 32) -> fieldscope.Report:
    model, _ = build("torchvision", "resnet18")
    return fieldscope.analyze(model, (1, 3, extent, extent))


REPORTS: dict[str, Callable[[], fieldscope.Report]] = {
    "blocks": lambda: blocks(5),
    "siamese": siamese,
    "ladder": lambda: fieldscope.analyze(Ladder(), (1, 1, 20)),
    "excited": lambda: fieldscope.analyze(
        nn.Sequential(Excited(2), nn.Sequential(Excited(2), nn.Flatten())), (1, 2, 9, 7)
    ),
    "volume": lambda: fieldscope.analyze(
        nn.Sequential(nn.Conv3d(1, 2, (1, 3, 5)), nn.MaxPool3d((1, 2, 2))), (1, 1, 4, 16, 24)
    ),
    "resnet18": resnet18,
}


def arrows(found: fieldscope.ArchitectureGraph) -> set[tuple[str, str]]:
    names = {box.id: box.name for box in found.boxes}
    return {(names[edge.source], names[edge.target]) for edge in found.edges}


def named(found: fieldscope.ArchitectureGraph, name: str) -> Any:
    return next(box for box in found.boxes if box.name == name)


def reached(pairs: Iterable[tuple[Any, Any]]) -> set[tuple[Any, Any]]:
    """The transitive closure."""
    after: dict[Any, set[Any]] = {}
    for one, other in pairs:
        after.setdefault(one, set()).add(other)
    found = set()
    for start in after:
        ahead, seen = [start], set()
        while ahead:
            for other in after.get(ahead.pop(), ()):
                if other not in seen:
                    seen.add(other)
                    ahead.append(other)
        found |= {(start, other) for other in seen}
    return found


def test_quiet_layers_are_merged_into_what_they_read() -> None:
    found = fieldscope.architecture(blocks(1))
    assert [(box.name, box.layers) for box in found.boxes if box.layers] == [
        ("0", ("0",)),
        ("1.conv1", ("1.conv1", "1.act")),
        ("1.conv2", ("1.conv2",)),
        ("1.add_1", ("1.add_1", "1.relu_1")),
    ]
    assert named(found, "1.conv1").merged == ("aten.relu",)
    assert arrows(found) == {
        ("input", "0"),
        ("0", "1.conv1"),
        ("1.conv1", "1.conv2"),
        ("1.conv2", "1.add_1"),
        ("0", "1.add_1"),
        ("1.add_1", "output"),
    }


def test_all_gives_quiet_layers_boxes_of_their_own() -> None:
    found = fieldscope.architecture(blocks(1), all=True)
    assert [box.name for box in found.boxes if box.layers] == [
        "0",
        "1.conv1",
        "1.act",
        "1.conv2",
        "1.add_1",
        "1.relu_1",
    ]


def test_a_quiet_layer_in_front_of_the_only_one_that_reads_it_is_merged_into_that() -> None:
    class Before(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm, self.conv = nn.BatchNorm1d(1), nn.Conv1d(1, 1, 3, padding=1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            result: torch.Tensor = x + self.conv(torch.relu(self.norm(x)))
            return result

    report = fieldscope.analyze(nn.Sequential(nn.Conv1d(1, 1, 5), Before()), (1, 1, 30))
    found = fieldscope.architecture(report)
    assert named(found, "1.conv").layers == ("1.norm", "1.relu_1", "1.conv")
    assert ("0", "1.conv") in arrows(found)


def test_a_layer_that_changes_the_stride_is_not_quiet() -> None:
    class Thinned(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.relu(x)[:, :, ::2]

    report = fieldscope.analyze(nn.Sequential(nn.Conv1d(1, 1, 3), Thinned()), (1, 1, 30))
    boxes = [box for box in fieldscope.architecture(report).boxes if box.layers]
    assert [(box.name, box.fields["input"].stride) for box in boxes] == [
        ("0", (1,)),
        ("1.slice_1", (2,)),
    ]


def test_a_folded_container_has_the_worst_verdict_of_its_layers() -> None:
    found = fieldscope.architecture(resnet18(), depth=1)
    layer4 = named(found, "layer4")
    assert (layer4.kind, layer4.source, layer4.verdict) == (
        "container",
        "Sequential",
        "unproductive",
    )
    assert layer4.verdicts == {"not widening": 12, "critical": 2, "unproductive": 2}
    assert layer4.fields["x"].size == (435, 435)
    assert [box.name for box in found.boxes] == [
        *("x", "conv1", "maxpool", "layer1", "layer2", "layer3", "layer4"),
        *("avgpool", "fc", "output"),
    ]
    inside = [box for box in fieldscope.architecture(resnet18()).boxes if "layer4" in box.name]
    assert layer4.macs == sum(box.macs for box in inside)


def test_verdicts_of_resnet18_at_32_pixels() -> None:
    found = fieldscope.architecture(resnet18())
    assert found.extents == {"x": (32, 32)}
    judged = {
        verdict: [box.name for box in found.boxes if box.verdict == verdict]
        for verdict in ("critical", "unproductive")
    }
    assert judged == {
        "critical": [
            *("layer2.0.conv2", "layer2.1.conv2", "layer3.0.conv2", "layer3.1.conv1"),
            *("layer4.0.conv1", "layer4.1.conv1"),
        ],
        "unproductive": ["layer3.1.conv2", "layer4.0.conv2", "layer4.1.conv2"],
    }
    assert found.judged("unproductive") == 3


def test_frames_nest_and_hold_more_than_one_thing() -> None:
    found = fieldscope.architecture(resnet18())
    parents = {one.name: one.parent for one in found.clusters}
    ids = {one.name: one.id for one in found.clusters}
    assert parents["layer2"] is None
    assert parents["layer2.0"] == ids["layer2"]
    # The norm behind the convolution is merged, so that the shortcut is one box.
    assert "layer2.0.downsample" not in parents
    assert frames([("a", "a.b")]) == []
    assert frames([("a", "a.b"), ("a", "a.b"), ("a", "a.c")]) == [("a",), ("a", "a.b")]


def test_alike_blocks_in_a_row_are_one_box() -> None:
    found = fieldscope.architecture(blocks(5), depth=1)
    row = named(found, "1")
    assert row.repeats == ("1", "2", "3", "4", "5")
    assert len(row.layers) == 5 * 5
    assert row.first is not None
    assert (row.first["input"].size, row.fields["input"].size) == ((7, 15), (23, 63))
    assert arrows(found) == {("input", "0"), ("0", "1"), ("1", "output")}


def test_alike_blocks_that_are_judged_otherwise_stand_apart() -> None:
    def step() -> nn.Module:
        return nn.Sequential(nn.Conv1d(1, 1, 3, padding=1), nn.ReLU())

    report = fieldscope.analyze(nn.Sequential(*(step() for _ in range(10))), (1, 1, 10))
    boxes = fieldscope.architecture(report, depth=1).boxes[1:-1]
    # Sizes 3, 5, 7, 9; then 11, which exceeds 10; what follows receives that much.
    assert [(box.name, len(box.repeats), box.verdict) for box in boxes] == [
        ("0", 4, "productive"),
        ("4", 0, "critical"),
        ("5", 5, "unproductive"),
    ]


def test_alike_blocks_stay_apart_where_asked_or_too_few() -> None:
    every = fieldscope.architecture(blocks(5), depth=1, all=True)
    assert not any(box.repeats for box in every.boxes)
    assert not any(box.repeats for box in fieldscope.architecture(blocks(2), depth=1).boxes)


def test_what_all_positions_read_alike_is_context() -> None:
    found = fieldscope.architecture(REPORTS["excited"]())
    names = {box.id: box.name for box in found.boxes}
    context = [(names[e.source], names[e.target]) for e in found.edges if e.context]
    assert context == [("0.weigh", "0.mul_1"), ("1.0.weigh", "1.0.mul_1")]
    assert ("0.conv", "0.mul_1") in arrows(found)


def test_calls_of_one_module_are_frames_of_their_own() -> None:
    found = fieldscope.architecture(siamese())
    frame = {one.id: one.name for one in found.clusters}
    inside = {box.name: frame.get(box.cluster or "") for box in found.boxes}
    assert inside["block.conv1"] == "block"
    assert inside["block.conv1#2"] == "block#2"
    assert inside["block#2.add_1"] == "block#2"
    # Called from outside the block.
    assert inside["block.conv1#3"] is None
    assert [box.name for box in found.boxes if box.kind == "output"] == [
        "output['map']",
        "output['more']",
    ]


def test_of_several_inputs_the_worst_verdict_counts_unless_one_is_named() -> None:
    report = fieldscope.analyze(Siamese(), ((1, 4, 9, 14), (1, 4, 9, 14)))
    both = fieldscope.architecture(report)
    assert both.extents == {"left": (9, 14), "right": (9, 14)}
    left = fieldscope.architecture(report, input="left")
    assert left.extents == {"left": (9, 14)}
    assert named(left, "block.conv1#2").verdict is None
    assert named(both, "block.conv1#2").verdict == "productive"
    assert named(fieldscope.architecture(report, input={"left": 2}), "block.conv1").verdict == (
        "critical"
    )


def test_lists_whose_members_take_turns_are_no_frames() -> None:
    report = REPORTS["ladder"]()
    assert report._trace is not None
    assert chains_of(report._trace) == {
        **dict.fromkeys(("down.0", "norm.0", "down.1", "norm.1"), ()),
        **dict.fromkeys(("last.0", "last.1"), ("last",)),
    }


def test_layers_that_do_nothing_are_no_boxes() -> None:
    net = nn.Sequential(nn.Dropout(), nn.Conv1d(1, 1, 3), nn.Sequential(nn.Dropout()))
    found = fieldscope.architecture(net, (1, 1, 9))
    assert [box.name for box in found.boxes] == ["input", "1", "output"]
    assert arrows(found) == {("input", "1"), ("1", "output")}


def test_an_input_that_is_handed_on_as_it_is_is_an_output() -> None:
    class Through(nn.Module):
        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return x, x.mean((1, 2))

    found = fieldscope.architecture(Through(), (1, 3, 8))
    assert ("x", "output[0]") in arrows(found)


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize("all", [False, True])
def test_folding_keeps_what_reaches_what(name: str, all: bool) -> None:
    report = REPORTS[name]()
    flows = reached([(one.source, one.target) for one in Flows(report).all()])
    inputs = {place: info.name for place, info in enumerate(report.inputs)}
    assert report._trace is not None
    for depth in range(1, Folding(report, {}).deepest + 1):
        found = fieldscope.architecture(report, depth=depth, all=all)
        box = {layer: one.id for one in found.boxes for layer in one.layers}
        ids = {one.name: one.id for one in found.boxes if one.kind == "input"}
        seen = reached([(edge.source, edge.target) for edge in found.edges])
        for source, target in flows:
            one = ids[inputs[source]] if isinstance(source, int) else box[source]
            assert one == box[target] or (one, box[target]) in seen, (depth, source, target)


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize("all", [False, True])
def test_every_end_of_an_arrow_and_every_frame_is_there(name: str, all: bool) -> None:
    report = REPORTS[name]()
    for depth in (None, *range(1, 6)):
        found = fieldscope.architecture(report, depth=depth, all=all)
        ids = [box.id for box in found.boxes]
        assert ids == [f"n{place}" for place in range(len(ids))]
        assert {end for edge in found.edges for end in (edge.source, edge.target)} <= set(ids)
        seen: set[str | None] = {None}
        for one in found.clusters:
            assert one.parent in seen
            seen.add(one.id)
        assert {box.cluster for box in found.boxes} <= seen
        layers = [layer for box in found.boxes for layer in box.layers]
        assert len(layers) == len(set(layers))
        assert {*layers, *found.hidden} == {layer.name for layer in report.layers}


def test_the_default_depth_shows_a_page_full() -> None:
    report = resnet18()
    whole = fieldscope.architecture(report)
    assert whole.depth is None
    assert 20 < len(whole.boxes) <= MOST_BOXES + 2
    longer = fieldscope.architecture(blocks(30), all=True)
    assert longer.depth == 1


def test_a_depth_below_1_is_refused() -> None:
    with pytest.raises(InputError, match="depth must be 1 or more, got 0"):
        fieldscope.architecture(blocks(1), depth=0)


def test_the_data_names_boxes_arrows_and_frames() -> None:
    found = fieldscope.architecture(blocks(1), input=(3, 12))
    data = json.loads(found.to_json())
    assert data["schema"] == "fieldscope.architecture/1"
    assert data["inputs"] == [
        {"name": "input", "shape": [1, 3, 31, 47], "axes": ["y", "x"], "extents": [3, 12]}
    ]
    node = data["nodes"][2]
    assert node["name"] == "1.conv1"
    assert node["cluster"] == data["clusters"][0]["id"]
    assert node["verdict"] == "partly critical"
    assert node["window"] == {"kernel": [3, 3], "stride": [1, 1], "dilation": [1, 1]}
    assert node["fields"]["input"]["size"] == [7, 7]
    assert node["layers"] == ["1.conv1", "1.act"]
    assert data["edges"][0] == {"source": "n0", "target": "n1", "context": False}
    assert data["summary"]["partly critical"] == 1


def test_one_axis_and_a_lost_plane_are_drawn() -> None:
    class Lost(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv1d(1, 2, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return nn.functional.adaptive_avg_pool1d(self.conv(x), 5)

    found = fieldscope.architecture(Lost(), (1, 1, 20))
    pooled = found.boxes[-2]
    assert pooled.fields["x"].stride == (None,)
    assert "stride" not in found.to_svg(engine="builtin").partition(pooled.name)[2]
