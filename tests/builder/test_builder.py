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
from fieldscope.errors import GraphError, InputError, ModelError
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


MISTAKES: dict[str, tuple[Callable[[Builder, Value], object], str]] = {
    "groups": (
        lambda b, x: b.conv(x, 3, groups=2),
        (
            "layer 'conv_1' has 2 groups, and its operand has 3 channels\n"
            "channels have to be a multiple of groups"
        ),
    ),
    "groups of the result": (
        lambda b, x: b.conv(x, 3, channels=4, groups=3, name="stem"),
        (
            "layer 'stem' has 3 groups, and its result has 4 channels\n"
            "channels have to be a multiple of groups"
        ),
    ),
    "window": (
        lambda b, x: b.conv(x, (3, 5), dilation=(1, 3), padding=(0, 1)),
        (
            "the window of layer 'conv_1' reaches over 13 elements, and spatial axis 1 has 10, 12 "
            "with padding\ngive a larger input, padding or a smaller kernel"
        ),
    ),
    "kernel": (
        lambda b, x: b.max_pool(x, 0),
        (
            "kernel of layer 'max_pool_1' is 0\n"
            "give a whole number from 1 on, for every axis or one for each"
        ),
    ),
    "kernels": (
        lambda b, x: b.conv(x, (3, 3, 3)),
        (
            "kernel of layer 'conv_1' is (3, 3, 3), and its operand has 2 spatial axes\n"
            "give one number for all or one per axis"
        ),
    ),
    "giant": (
        lambda b, x: b.conv(x, 3, padding=1 << 40),
        "padding of layer 'conv_1' is 1,099,511,627,776, and 1,048,576 is the most",
    ),
    "padding": (
        lambda b, x: b.conv(x, 3, padding="half"),
        (
            "padding of layer 'conv_1' is 'half'\n"
            'give "same", "valid", a number, one per axis, or pairs (in front, behind)'
        ),
    ),
    "shapes": (
        lambda b, x: b.add(x, b.conv(x, 3, name="inner")),
        (
            "layer 'add_1' can't join input (1, 3, 8, 10), inner (1, 3, 6, 8)\n"
            "extents have to be alike, or 1"
        ),
    ),
    "ranks": (
        lambda b, x: b.multiply(x, b.global_pool(x)),
        (
            "layer 'multiply_1' can't join input (1, 3, 8, 10), global_pool_1 (1, 3)\n"
            "extents have to be alike, or 1"
        ),
    ),
    "concat": (
        lambda b, x: b.concat(x, b.max_pool(x, 2)),
        (
            "layer 'concat_1' can't join input (1, 3, 8, 10), max_pool_1 (1, 3, 4, 5)\n"
            "all but the channels have to be alike"
        ),
    ),
    "one": (lambda b, x: b.add(x), "layer 'add_1' joins values, and got 1\ngive two or more"),
    "another builder": (
        lambda b, x: b.add(x, Builder().input((1, 3, 8, 10), name="theirs")),
        (
            "add got the value of 'theirs', which another builder made\n"
            "describe a network with one builder"
        ),
    ),
    "no value": (
        lambda b, x: b.conv(3, 3),  # type: ignore[arg-type]
        "conv takes values of this builder, such as b.input(…) returns, and got int",
    ),
    "linear": (
        lambda b, x: b.linear(x, 10),
        (
            "layer 'linear_1' takes [n features], and the value of 'input' has the shape "
            "(1, 3, 8, 10)\nflatten or pool it first; for each position, use conv with kernel 1"
        ),
    ),
    "no axes": (
        lambda b, x: b.conv(b.flatten(x), 3),
        (
            "layer 'conv_1' works on spatial axes, and the value of 'flatten_1' has none: shape "
            "(1, 240)\nput it in front of flatten and global pooling"
        ),
    ),
    "mode": (
        lambda b, x: b.upsample(x, mode="nearst"),  # type: ignore[arg-type]
        (
            "mode of layer 'upsample_1' is 'nearst'; did you mean nearest or linear?\n"
            "give nearest, linear or cubic"
        ),
    ),
    "norm": (
        lambda b, x: b.norm(x, "grop"),  # type: ignore[arg-type]
        (
            "kind of layer 'norm_1' is 'grop'; did you mean group?\n"
            "give batch, channel, layer, instance or group"
        ),
    ),
    "crop": (
        lambda b, x: b.crop(x, 4),
        "layer 'crop_1' cuts 4 and 4 elements off an axis of 8\nleave at least one",
    ),
    "reflect": (
        lambda b, x: b.pad(x, 8, mode="reflect"),
        (
            "layer 'pad_1' pads 8 elements by reflect, and the axis has 8\n"
            "pad 7 at most, or by another mode"
        ),
    ),
    "name": (
        lambda b, x: b.conv(b.conv(x, 1, name="a"), 1, name="a"),
        "there is a layer 'a' already\ngive another name, or put the layer into a block",
    ),
    "channels": (
        lambda b, x: b.channels(x, 2, 5),
        "layer 'channels_1' takes channels 2:5 of 3\ngive start < stop, as for a slice",
    ),
    "squeeze": (
        lambda b, x: b.squeeze_excite(x),
        (
            "reduction of block 'squeeze_excite_1' is 16, and its operand has 3 channels\n"
            "give a smaller one"
        ),
    ),
    "transposed": (
        lambda b, x: b.conv_transpose(x, 2, padding=6),
        "the padding of layer 'conv_transpose_1' leaves nothing of an axis\ngive less of it",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_what_is_wrong_is_told_at_once(name: str) -> None:
    mistake, message = MISTAKES[name]
    b = Builder()
    x = b.input((1, 3, 8, 10))
    with pytest.raises(ModelError) as raised:
        mistake(b, x)
    assert str(raised.value) == message


def test_what_went_wrong_leaves_no_trace() -> None:
    b = Builder()
    x = b.input((1, 3, 8, 10))
    with pytest.raises(ModelError):
        b.conv(x, 30, name="first")
    b.conv(x, 3, name="first")
    assert [one.name for one in fieldscope.analyze(b).layers] == ["first"]


def test_inputs_and_unfinished_networks_are_checked() -> None:
    b = Builder("net")
    with pytest.raises(ModelError, match="net has no inputs yet"):
        fieldscope.analyze(b)
    with pytest.raises(InputError, match="the shape of input 'input' is 64"):
        b.input(64)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"the shape of input 'input' is \(1, 0, 4\)"):
        b.input((1, 0, 4))
    with pytest.raises(InputError, match="give a name for each of its 1 spatial axes"):
        b.input((1, 3, 8), axes=("y", "x"))
    x = b.input((1, 3, 8))
    with pytest.raises(ModelError, match="there is an input 'input' already"):
        b.input((1, 3, 8), name="input")
    with pytest.raises(ModelError, match="net has no layers yet"):
        fieldscope.analyze(b)
    with b.block("open"):
        b.conv(x, 3)
        with pytest.raises(ModelError, match="block 'open' isn't closed yet"):
            fieldscope.analyze(b)
    with pytest.raises(ModelError, match="there is a layer 'open' already"), b.block("open"):
        pass
    b.output(x)
    with pytest.raises(ModelError, match="there is an output 'output' already"):
        b.output(x, name="output")


def test_a_graph_error_is_a_value_error_too() -> None:
    assert issubclass(GraphError, ValueError)


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
