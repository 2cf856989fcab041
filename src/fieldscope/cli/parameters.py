"""The values of options, from what is typed to what the library takes."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Literal, TypeVar

import click

Shape = tuple[int, ...]
Shapes = Shape | tuple[Shape, ...] | dict[str, Shape]
Axes = tuple[int, ...] | dict[str, int]
Value = TypeVar("Value")

_SHAPE_HELP = "a shape is its extents with batch, such as 1x3x224x224"


def each(read: Callable[[str], Value]) -> Callable[..., tuple[Value, ...]]:
    """Give a callback that reads every value of a repeatable option.

    Args:
        read: What reads one; it raises `ValueError` with the reason.
    """

    def callback(
        context: click.Context, option: click.Parameter, texts: Sequence[str]
    ) -> tuple[Value, ...]:
        try:
            return tuple(read(text) for text in texts)
        except ValueError as error:
            raise click.BadParameter(str(error), context, option) from error

    return callback


def one(read: Callable[[str], Value]) -> Callable[..., Value | None]:
    """Give a callback that reads the value of an option.

    Args:
        read: What reads it; it raises `ValueError` with the reason.
    """

    def callback(context: click.Context, option: click.Parameter, text: str | None) -> Value | None:
        try:
            return None if text is None else read(text)
        except ValueError as error:
            raise click.BadParameter(str(error), context, option) from error

    return callback


def shape(text: str) -> Shape:
    """Read the extents of a shape.

    >>> shape("1x3x256x320"), shape("1,3,256,320"), shape("(1, 16)")
    ((1, 3, 256, 320), (1, 3, 256, 320), (1, 16))
    """
    parts = [part.strip() for part in re.split("[x×X*,]", text.strip().strip("()[]"))]
    extents = []
    for part in parts:
        if not re.fullmatch(r"[+-]?[0-9]+", part):
            raise ValueError(f"{text!r}: {part!r} is not a whole number; {_SHAPE_HELP}")
        if int(part) < 1:
            raise ValueError(f"{text!r}: an extent is 1 or more, got {part}; {_SHAPE_HELP}")
        extents.append(int(part))
    if len(extents) < 2:
        raise ValueError(f"{text!r} has one axis, and the first is the batch; {_SHAPE_HELP}")
    return tuple(extents)


def per_axis(text: str) -> tuple[int, ...]:
    """Read one whole number, or one per axis.

    >>> per_axis("200"), per_axis("41x23")
    ((200,), (41, 23))
    """
    parts = [part.strip() for part in re.split("[x×X*,]", text.strip().strip("()[]"))]
    if not all(re.fullmatch(r"[0-9]+", part) and int(part) for part in parts):
        raise ValueError(
            f"{text!r} is neither a whole number of 1 or more nor one per axis, such as 41x23"
        )
    return tuple(int(part) for part in parts)


_THOUSANDS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}


def count(text: str) -> int:
    """Read a count, by thousands or not.

    >>> count("500"), count("1.5M"), count("2G")
    (500, 1500000, 2000000000)
    """
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*([kKmMgGtT]?)", text.strip().replace("_", ""))
    if found is None:
        raise ValueError(f"{text!r} is no count, such as 500000, 500k, 5M or 2G")
    return int(Fraction(found[1]) * _THOUSANDS[found[2].lower()])


def named_shape(text: str) -> tuple[str, Shape]:
    """Read a shape that may have the input's name before it.

    >>> named_shape("left=1x3x8x8"), named_shape("1x3x8x8")
    (('left', (1, 3, 8, 8)), ('', (1, 3, 8, 8)))
    """
    name, equals, extents = text.rpartition("=")
    if equals and not name.strip():
        raise ValueError(f"{text!r}: there is no name before the =")
    return name.strip(), shape(extents)


def named_axes(text: str) -> tuple[str, Axes]:
    """Read the axes of an input, by number or with names of their own.

    >>> named_axes("1,2"), named_axes("left=y:-2,x:-1")
    (('', (1, 2)), ('left', {'y': -2, 'x': -1}))
    """
    name, equals, axes = text.rpartition("=")
    if equals and not name.strip():
        raise ValueError(f"{text!r}: there is no name before the =")
    found = [re.fullmatch(r"(?:(\w+)\s*:)?\s*(-?[0-9]+)", part.strip()) for part in axes.split(",")]
    pairs = [(match[1], int(match[2])) for match in found if match]
    named = [axis for axis, _ in pairs if axis]
    if len(pairs) < len(found) or len(set(named)) not in (0, len(pairs)):
        raise ValueError(f"{text!r}: axes are numbers, such as 1,2, or all have names: y:1,x:2")
    if named:
        return name.strip(), dict(pairs)
    return name.strip(), tuple(number for _, number in pairs)


def named_file(text: str) -> tuple[str, str]:
    """Read a path that may have the input's name before it.

    >>> named_file("left=eye.npy"), named_file("runs/lr=0.1/eye.npy")
    (('left', 'eye.npy'), ('', 'runs/lr=0.1/eye.npy'))
    """
    name, equals, path = text.partition("=")
    if equals and name.strip().isidentifier():
        if not path:
            raise ValueError(f"{text!r}: there is no file behind the =")
        return name.strip(), path
    if equals and not name.strip():
        raise ValueError(f"{text!r}: there is no name before the =")
    return "", text


def argument(text: str) -> tuple[str, object]:
    """Read `name=value`; the value is a Python literal, else the text itself.

    >>> argument("width=64"), argument("act=relu"), argument("sizes=(1, 2)")
    (('width', 64), ('act', 'relu'), ('sizes', (1, 2)))
    """
    name, equals, value = text.partition("=")
    name = name.strip()
    if not equals or not name.isidentifier():
        raise ValueError(f"{text!r}: an argument is given as name=value, such as width=64")
    try:
        return name, ast.literal_eval(value.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return name, value


def place(text: str) -> tuple[int, ...] | Literal["center"]:
    """Read an index on each spatial axis, or "center".

    >>> place("10,12"), place("-1"), place("center")
    ((10, 12), (-1,), 'center')
    """
    if text.strip() in ("center", "centre"):
        return "center"
    parts = [part.strip() for part in text.strip().strip("()[]").split(",")]
    if not all(re.fullmatch(r"[+-]?[0-9]+", part) for part in parts):
        raise ValueError(
            f"{text!r} is neither center nor indices, one per spatial axis, such as 10,12"
        )
    return tuple(int(part) for part in parts)


def numbers(text: str) -> tuple[float, ...]:
    """Read numbers, one or one per channel.

    >>> numbers("0.485,0.456,0.406"), numbers("0.5")
    ((0.485, 0.456, 0.406), (0.5,))
    """
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise ValueError(f"{text!r} is no number, nor several such as 0.5,0.5,0.5") from None


def gathered(option: str, pairs: Sequence[tuple[str, Value]]) -> dict[str, Value]:
    """Put named values together, each name once.

    Raises:
        click.UsageError: A name comes twice, or some have a name and some don't.
    """
    values: dict[str, Value] = {}
    for name, value in pairs:
        if name in values:
            whose = f"for {name} " if name else ""
            raise click.UsageError(f"{option} is given {whose}more than once")
        values[name] = value
    if "" in values and len(values) > 1:
        raise click.UsageError(f"give every {option} a name (NAME=...), or none")
    return values


def inputs(pairs: Sequence[tuple[str, Shape]]) -> Shapes | None:
    """Put the shapes together as `fieldscope.analyze` takes them.

    >>> inputs([("", (1, 8))]), inputs([("", (1, 8)), ("", (1, 9))]), inputs([("a", (1, 8))])
    ((1, 8), ((1, 8), (1, 9)), {'a': (1, 8)})
    """
    if not pairs:
        return None
    if not any(name for name, _ in pairs):
        return pairs[0][1] if len(pairs) == 1 else tuple(extents for _, extents in pairs)
    return gathered("--input", pairs)
