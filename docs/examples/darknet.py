"""A front end on a page: networks as Darknet writes them, in .cfg files."""

import re
from collections.abc import Iterator
from pathlib import Path

from fieldscope.frontends.inputs import Spec, channels_first
from fieldscope.frontends.lowering.program import Call, Program, Tensor
from fieldscope.frontends.lowering.registry import Lowerings
from fieldscope.geometry.sliding import Sliding
from fieldscope.graph.operators import Channels, Window
from fieldscope.graph.trace import Trace

TABLE = Lowerings("darknet")


@TABLE.lowers("convolutional", "maxpool")
def slide(call: Call, x: Tensor, window: Sliding, channels: Channels | None) -> int:
    """A window on both axes, over all channels or over its own."""
    return call.add(Window((2, 3), (window, window), channels), [call.value(x)], call.shape)


@TABLE.lowers("shortcut")
def shortcut(call: Call, x: Tensor, y: Tensor) -> int:
    """The same position of both."""
    return call.pointwise(x, y)


def trace(path: Path) -> Trace:
    """Read a network, and say of each layer what it reads."""
    (_, net), *sections = parsed(path.read_text())
    program, layers = Program("darknet"), list[Tensor]()
    x = program.input("image", Spec((1, net["channels"], net["height"], net["width"])))
    for kind, given in sections:
        arguments: list[object] = [x]
        n, c, *extents = shape = x.shape
        if kind in ("convolutional", "maxpool"):
            conv, size, stride = kind == "convolutional", given["size"], given["stride"]
            before = size // 2 * given["pad"] if conv else (size - 1) // 2
            rest = 2 * before - size if conv else -1  # of the extent, with padding
            arguments += [Sliding(size, stride, before=before), Channels(1) if conv else None]
            shape = (n, given.get("filters", c), *((one + rest) // stride + 1 for one in extents))
        elif kind == "shortcut":
            arguments.append(layers[given["from"]])
        rule, name = TABLE.find(kind), f"{len(layers)}.{kind}"
        layers += program.lower(kind, rule, [Tensor(shape)], *arguments, name=name)
        x = layers[-1]
    return program.trace(path.name, [("output", x)], axes=None, otherwise=channels_first)


def parsed(text: str) -> Iterator[tuple[str, dict[str, int]]]:
    """The sections of a file and the whole numbers that they set."""
    parts = re.split(r"^\[(\w+)\]$", text, flags=re.MULTILINE)[1:]
    for kind, body in zip(parts[::2], parts[1::2], strict=True):
        numbers = re.findall(r"^(\w+)\s*=\s*(-?\d+)$", body, flags=re.MULTILINE)
        yield kind, {key: int(value) for key, value in numbers}
