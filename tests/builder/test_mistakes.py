"""What is described wrongly is told at once, and leaves no trace."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import fieldscope
from fieldscope import Builder
from fieldscope.errors import InputError, ModelError
from fieldscope.frontends.builder import Value

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
