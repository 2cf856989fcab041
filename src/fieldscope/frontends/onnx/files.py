"""Read a model's file, but not its weights.

A file is a message of Protocol Buffers. Before it is parsed, the large tensors of its graph are
cut down to name, type and shape; where their elements are in the file is remembered. What is
kept in other files isn't read at all.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnx import ModelProto

from fieldscope.errors import ModelError

_LARGE = 1 << 16
"""Bytes from which on the elements of a tensor are left in the file."""

_GRAPH, _INITIALIZER, _NAME, _RAW = 7, 5, 8, 9
_EXTERNAL = b"\x70\x01"
"""The field `data_location` of a tensor, saying that its elements are elsewhere."""


@dataclass(frozen=True, slots=True)
class Stored:
    """Where large tensors are in a file: first byte and behind the last one, by name."""

    path: Path = Path()
    places: dict[str, tuple[int, int]] = field(default_factory=dict)

    def read(self, name: str) -> bytes | None:
        """The elements of a tensor; None if they aren't in the file."""
        place = self.places.get(name)
        if place is None:
            return None
        try:
            with self.path.open("rb") as file:
                file.seek(place[0])
                return file.read(place[1] - place[0])
        except OSError:
            return None


def load(path: Path) -> tuple[ModelProto, Stored]:
    """The model in a file, and where its large tensors are.

    Raises:
        ModelError: there is no such file, or it isn't an ONNX model.
    """
    stored = Stored(path)
    try:
        with path.open("rb") as file:
            data = _without_weights(file.fileno(), stored)
            if data is None:
                file.seek(0)
                data = file.read()
    except OSError as error:
        raise ModelError(
            f"{path} can't be read: {error.strerror}\ngive a file that may be read"
        ) from error
    model = ModelProto()
    try:
        model.ParseFromString(data)
    except DecodeError as error:
        raise ModelError(
            f"{path} isn't an ONNX model, or only part of one\nexport or download it again"
        ) from error
    return model, stored


def _without_weights(file: int, stored: Stored) -> bytes | None:
    """The bytes of the model without its large tensors; None if they can't be told apart."""
    try:
        with mmap.mmap(file, 0, access=mmap.ACCESS_READ) as data:
            return _model(data, stored.places)
    except (ValueError, IndexError):  # an empty file, or no such message
        stored.places.clear()
        return None


class _Field(NamedTuple):
    """A field of a message: its number, where its tag begins, and where its value is."""

    number: int
    tag: int
    start: int
    end: int
    nested: bool


def _fields(data: mmap.mmap, at: int, end: int) -> Iterator[_Field]:
    """The fields of a message.

    Raises:
        ValueError: it isn't one.
    """
    while at < end:
        tag = at
        key, at = _number(data, at)
        wire = key & 7
        if wire == 0:
            start, (_, at) = at, _number(data, at)
        elif wire in (1, 5):
            start, at = at, at + (8 if wire == 1 else 4)
        elif wire == 2:
            size, start = _number(data, at)
            at = start + size
        else:
            raise ValueError("no such kind of field")
        if at > end:
            raise ValueError("a field ends behind its message")
        yield _Field(key >> 3, tag, start, at, wire == 2)


def _number(data: mmap.mmap, at: int) -> tuple[int, int]:
    """A number of variable length, and where it ends."""
    found = shift = 0
    while True:
        byte = data[at]
        at += 1
        found |= (byte & 127) << shift
        if byte < 128:
            return found, at
        shift += 7
        if shift > 63:
            raise ValueError("a number has more than 64 bits")


def _model(data: mmap.mmap, places: dict[str, tuple[int, int]]) -> bytes:
    parts = []
    for one in _fields(data, 0, len(data)):
        if one.number == _GRAPH and one.nested:
            parts.append(_message(_GRAPH, _graph(data, one, places)))
        else:
            parts.append(data[one.tag : one.end])
    return b"".join(parts)


def _graph(data: mmap.mmap, graph: _Field, places: dict[str, tuple[int, int]]) -> bytes:
    parts = []
    for one in _fields(data, graph.start, graph.end):
        if one.number == _INITIALIZER and one.nested and one.end - one.start >= _LARGE:
            parts.append(_message(_INITIALIZER, _tensor(data, one, places)))
        else:
            parts.append(data[one.tag : one.end])
    return b"".join(parts)


def _tensor(data: mmap.mmap, tensor: _Field, places: dict[str, tuple[int, int]]) -> bytes:
    parts, name, raw = [], "", None
    for one in _fields(data, tensor.start, tensor.end):
        if one.number == _RAW and one.nested and one.end - one.start >= _LARGE:
            raw = one.start, one.end
            continue
        if one.number == _NAME and one.nested:
            name = data[one.start : one.end].decode("utf-8", "replace")
        parts.append(data[one.tag : one.end])
    if raw is not None:
        places[name] = raw
        parts.append(_EXTERNAL)
    return b"".join(parts)


def _message(number: int, content: bytes) -> bytes:
    """A message as a field of another."""
    head, size = bytearray([number << 3 | 2]), len(content)
    while size > 127:
        head.append(size & 127 | 128)
        size >>= 7
    head.append(size)
    return bytes(head) + content
