"""Networks described by hand, against the same ones in PyTorch."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from torch import Tensor, nn

import fieldscope
from fieldscope import Builder
from fieldscope.analyses.costs import are_counted, costs_of
from fieldscope.errors import InputError, ModelError
from fieldscope.frontends.builder import Value
from fieldscope.graph.verify import verify

Described = Callable[[Builder, Value], Value]

TWINS: dict[str, tuple[tuple[int, ...], Described, Callable[[], nn.Module]]] = {
    "conv 1-D": (
        (2, 4, 19),
        lambda b, x: b.conv(x, 5, channels=6, stride=2, padding=3, dilation=2, groups=2),
        lambda: nn.Conv1d(4, 6, 5, 2, 3, 2, 2),
    ),
    "conv 2-D, an axis each": (
        (1, 3, 16, 19),
        lambda b, x: b.conv(x, (3, 4), stride=(1, 3), padding=(0, 2), dilation=(4, 1), bias=False),
        lambda: nn.Conv2d(3, 3, (3, 4), (1, 3), (0, 2), (4, 1), bias=False),
    ),
    "conv 3-D, depthwise": (
        (1, 3, 6, 7, 8),
        lambda b, x: b.conv(x, (1, 2, 3), channels=6, groups=3),
        lambda: nn.Conv3d(3, 6, (1, 2, 3), groups=3),
    ),
    "same": (
        (1, 3, 9, 8),
        lambda b, x: b.conv(x, (3, 5), padding="same", dilation=(2, 1)),
        lambda: nn.Conv2d(3, 3, (3, 5), padding="same", dilation=(2, 1)),
    ),
    "transposed": (
        (1, 4, 6, 5),
        lambda b, x: b.conv_transpose(
            x, (3, 4), channels=2, stride=(2, 3), padding=(1, 0), output_padding=(1, 0), groups=2
        ),
        lambda: nn.ConvTranspose2d(4, 2, (3, 4), (2, 3), (1, 0), (1, 0), groups=2),
    ),
    "max pool": (
        (1, 2, 12, 13),
        lambda b, x: b.max_pool(x, (3, 2), stride=2, padding=1, dilation=(2, 1)),
        lambda: nn.MaxPool2d((3, 2), 2, 1, (2, 1)),
    ),
    "average pool": (
        (1, 2, 12, 13),
        lambda b, x: b.avg_pool(x, (3, 2)),
        lambda: nn.AvgPool2d((3, 2)),
    ),
    "nearest": (
        (1, 2, 5, 4),
        lambda b, x: b.upsample(x, (2, 3)),
        lambda: nn.Upsample(scale_factor=(2, 3)),
    ),
    "bilinear": (
        (1, 2, 5, 4),
        lambda b, x: b.upsample(x, 2, mode="linear"),
        lambda: nn.Upsample(scale_factor=2, mode="bilinear"),
    ),
    "bicubic": (
        (1, 2, 5, 8),
        lambda b, x: b.upsample(x, 3, mode="cubic"),
        lambda: nn.Upsample(scale_factor=3, mode="bicubic"),
    ),
    "adaptive": (
        (1, 2, 7, 8),
        lambda b, x: b.adaptive_pool(x, (3, 4)),
        lambda: nn.AdaptiveAvgPool2d((3, 4)),
    ),
    "reflect": (
        (1, 2, 7, 8),
        lambda b, x: b.pad(x, ((2, 1), (0, 3)), mode="reflect"),
        lambda: nn.ReflectionPad2d((0, 3, 2, 1)),
    ),
    "group norm": (
        (1, 4, 7, 8),
        lambda b, x: b.norm(x, "group", groups=2),
        lambda: nn.GroupNorm(2, 4),
    ),
    "batch norm": ((1, 4, 7, 8), lambda b, x: b.norm(x), lambda: nn.BatchNorm2d(4)),
    "instance norm": (
        (1, 4, 7),
        lambda b, x: b.norm(x, "instance"),
        lambda: nn.InstanceNorm1d(4, affine=True),
    ),
    "head": (
        (1, 4, 7, 8),
        lambda b, x: b.linear(b.flatten(b.global_pool(b.activation(x), keep=True)), 10),
        lambda: nn.Sequential(nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 10)),
    ),
}


def boxes(layer: Any) -> list[Any]:
    if not layer.spatial:
        return [layer.box()]
    extents = [range(layer.shape[axis]) for axis in layer.spatial]
    return [layer.box(place) for place in itertools.product(*extents)]


@pytest.mark.parametrize("name", TWINS)
def test_a_layer_is_what_it_is_in_pytorch(name: str) -> None:
    shape, described, module = TWINS[name]
    b = Builder()
    described(b, b.input(shape))
    mine, theirs = fieldscope.analyze(b), fieldscope.analyze(module(), shape)
    assert mine.output.shape == theirs.output.shape
    assert mine.output.fields["input"] == next(iter(theirs.output.fields.values()))
    assert boxes(mine.output) == boxes(theirs.output)
    assert bool(mine.output.context) == bool(theirs.output.context)
    counted = sum(parameter.numel() for parameter in module().parameters())
    assert sum(cost.parameters for cost in costs_of(mine).values()) == counted
    assert sum(c.macs for c in costs_of(mine).values()) == sum(
        c.macs for c in costs_of(theirs).values()
    )
    verify(b.trace().graph)


def residual() -> Builder:
    b = Builder("residual")
    x = b.input((1, 3, 32, 48), name="image")
    x = b.conv(x, 7, stride=2, padding=3, channels=16, name="stem")
    with b.block("layer1"):
        for _ in range(2):
            with b.block(f"block{len(b.calls)}"):
                y = b.activation(b.norm(b.conv(x, 3, padding=1)))
                y = b.squeeze_excite(y, reduction=4)
                x = b.add(x, y)
    with b.block("head"):
        b.linear(b.global_pool(x), 10, name="fc")
    return b


def test_blocks_are_containers_and_layers_have_paths() -> None:
    report = fieldscope.analyze(residual())
    assert (report.model, report.framework) == ("residual", "fieldscope")
    assert [one.name for one in report.layers[:5]] == [
        "stem",
        "layer1.block3.conv_1",
        "layer1.block3.norm_1",
        "layer1.block3.relu_1",
        "layer1.block3.squeeze_excite_1.squeeze",
    ]
    assert [one.name for one in report.containers] == [
        "layer1.block3.squeeze_excite_1",
        "layer1.block3",
        "layer1.block17.squeeze_excite_1",
        "layer1.block17",
        "layer1",
        "head",
    ]
    assert report["layer1"].size == (15, 15)
    assert report["layer1"].narrowest == (7, 7)
    assert report["layer1"].context == (
        "layer1.block3.squeeze_excite_1",
        "layer1.block17.squeeze_excite_1",
    )
    assert report.inputs[0].name == "image"
    assert report.output.name == "head.fc"
    assert are_counted(report)
    assert report["stem"].source == "conv"


def test_a_network_can_be_analysed_at_other_inputs() -> None:
    b = residual()
    assert fieldscope.analyze(b).layers[0].shape == (1, 16, 16, 24)
    assert fieldscope.analyze(b, (2, 3, 64, 40)).layers[0].shape == (2, 16, 32, 20)
    assert fieldscope.analyze(b, {"image": (1, 3, 16, 16)}, name="net").model == "net"
    with pytest.raises(InputError, match=r"no input 'left'"):
        fieldscope.analyze(b, {"left": (1, 3, 16, 16)})
    small = Builder()
    x = small.conv(small.input((1, 3, 32)), 9, stride=4)
    with small.block("layer1"), small.block("first"):
        small.conv(x, 5, padding=0)
    with pytest.raises(ModelError, match=r"the window of layer 'layer1\.first\.conv_1'"):
        fieldscope.analyze(small, (1, 3, 20))


def test_axes_have_names_and_may_be_chosen() -> None:
    b = Builder()
    b.conv(b.input((1, 2, 16), axes=["time"]), 3)
    assert fieldscope.analyze(b).inputs[0].axes == ("time",)
    assert fieldscope.analyze(b, axes={"t": 2}).inputs[0].axes == ("t",)


def test_several_inputs_and_outputs() -> None:
    b = Builder()
    left, right = b.input((1, 2, 16)), b.input((1, 2, 16))
    x = b.multiply(b.conv(left, 3, padding=1), right)
    b.output(x, name="product")
    b.output(b.conv(x, 5), name="wide")
    report = fieldscope.analyze(b)
    assert [one.name for one in report.inputs] == ["input", "input_2"]
    assert list(report.outputs) == ["product", "wide"]
    assert report.outputs["wide"].fields["input"].size == (7,)
    assert report.outputs["wide"].fields["input_2"].size == (5,)


def test_every_function_takes_a_builder() -> None:
    b = residual()
    assert fieldscope.support(b, layer="stem").size == (7, 7)
    assert fieldscope.productivity(b).layers
    assert fieldscope.alignment(b).misaligned == ()
    assert fieldscope.coverage(b).unread == 0
    with pytest.raises(ModelError, match="has no values to run it"):
        fieldscope.verify(b)
    with pytest.raises(ModelError, match="PyTorch"):
        fieldscope.gradient(b, (1, 3, 32, 32))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="needs no framework"):
        fieldscope.analyze(b, framework="torch")


def test_the_description_can_be_changed_after_it_was_analysed() -> None:
    b = Builder()
    x = b.conv(b.input((1, 1, 16)), 3)
    assert fieldscope.analyze(b).output.size == (3,)
    b.conv(x, 3)
    assert fieldscope.analyze(b).output.size == (5,)


def test_a_network_without_spatial_axes_is_told() -> None:
    b = Builder()
    b.linear(b.input((1, 8)), 4)
    with pytest.raises(InputError, match="no input has spatial axes"):
        fieldscope.analyze(b)


def test_a_module_and_its_description_cost_the_same() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 8, 3, padding=1)
            self.norm = nn.BatchNorm2d(8)

        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self.norm(self.conv(x))
            return y

    b = Builder()
    b.norm(b.conv(b.input((1, 3, 9, 9)), 3, padding=1, channels=8, name="conv"), name="norm")
    mine = costs_of(fieldscope.analyze(b))
    assert mine == costs_of(fieldscope.analyze(Net(), (1, 3, 9, 9)))
