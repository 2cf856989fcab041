from __future__ import annotations

import re

import click
import pytest

from fieldscope.cli import parameters

HELP = "a shape is its extents with batch, such as 1x3x224x224"


@pytest.mark.parametrize(
    "text",
    [
        "1x3x256x320",
        "1,3,256,320",
        "1×3×256×320",
        "(1, 3, 256, 320)",
        "[1,3,256,320]",
        "1*3*256*320",
    ],
)
def test_a_shape_may_be_written_in_several_ways(text: str) -> None:
    assert parameters.shape(text) == (1, 3, 256, 320)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1x3xfoo", f"'1x3xfoo': 'foo' is not a whole number; {HELP}"),
        ("1x3x2.5", f"'1x3x2.5': '2.5' is not a whole number; {HELP}"),
        ("1xx3", f"'1xx3': '' is not a whole number; {HELP}"),
        ("", f"'': '' is not a whole number; {HELP}"),
        ("1x3x²", f"'1x3x²': '²' is not a whole number; {HELP}"),
        ("1x3x0x5", f"'1x3x0x5': an extent is 1 or more, got 0; {HELP}"),
        ("1x3x-224", f"'1x3x-224': an extent is 1 or more, got -224; {HELP}"),
        ("224", f"'224' has one axis, and the first is the batch; {HELP}"),
    ],
)
def test_a_nonsense_shape_is_told_what_is_wrong(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        parameters.shape(text)


def test_a_shape_may_have_a_name() -> None:
    assert parameters.named_shape("left=1x3x8x8") == ("left", (1, 3, 8, 8))
    assert parameters.named_shape("inputs['a']=1x8") == ("inputs['a']", (1, 8))
    with pytest.raises(ValueError, match="'=1x8': there is no name before the ="):
        parameters.named_shape("=1x8")


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("1,2", ("", (1, 2))),
        ("1", ("", (1,))),
        ("-2, -1", ("", (-2, -1))),
        ("y:1,x:2", ("", {"y": 1, "x": 2})),
        ("image=1,2", ("image", (1, 2))),
        ("image=y:-2,x:-1", ("image", {"y": -2, "x": -1})),
    ],
)
def test_axes_are_read(text: str, read: object) -> None:
    assert parameters.named_axes(text) == read


@pytest.mark.parametrize("text", ["y", "1,x:2", "1;2", "", "y:1,y:2", "1,,2"])
def test_nonsense_axes_are_told_what_is_wrong(text: str) -> None:
    message = f"{text!r}: axes are numbers, such as 1,2, or all have names: y:1,x:2"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        parameters.named_axes(text)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("width=64", ("width", 64)),
        ("rate=0.5", ("rate", 0.5)),
        ("act=relu", ("act", "relu")),
        ("act='64'", ("act", "64")),
        ("sizes=[1, 2]", ("sizes", [1, 2])),
        ("flag=True", ("flag", True)),
        ("none=None", ("none", None)),
        ("path=a=b", ("path", "a=b")),
        ("empty=", ("empty", "")),
        ("code=__import__('os')", ("code", "__import__('os')")),
    ],
)
def test_arguments_are_literals_or_else_texts(text: str, read: object) -> None:
    assert parameters.argument(text) == read


@pytest.mark.parametrize("text", ["width", "=3", "a b=3", "3=4"])
def test_a_nonsense_argument_is_told_what_is_wrong(text: str) -> None:
    with pytest.raises(ValueError, match="an argument is given as name=value, such as width=64"):
        parameters.argument(text)


def test_inputs_are_put_together_as_the_library_takes_them() -> None:
    assert parameters.inputs([]) is None
    assert parameters.inputs([("", (1, 8))]) == (1, 8)
    assert parameters.inputs([("", (1, 8)), ("", (1, 9))]) == ((1, 8), (1, 9))
    assert parameters.inputs([("a", (1, 8)), ("b", (1, 9))]) == {"a": (1, 8), "b": (1, 9)}


def test_inputs_all_have_a_name_or_none_has() -> None:
    with pytest.raises(click.UsageError, match="give every --input a name"):
        parameters.inputs([("a", (1, 8)), ("", (1, 9))])
    with pytest.raises(click.UsageError, match="--input is given for a more than once"):
        parameters.inputs([("a", (1, 8)), ("a", (1, 9))])
