"""What a builder hands out and takes back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from fieldscope.frontends.builder.builder import Builder

Shape: TypeAlias = tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """A tensor of a network that is described by hand: batch, channels, then spatial axes.

    Attributes:
        shape: its shape, with batch.
        name: the layer that makes it.
    """

    shape: Shape
    name: str
    _builder: Builder = field(repr=False)
    _node: int = field(repr=False)
    _call: int = field(repr=False)


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a builder, as it is saved.

    Attributes:
        kind: the method.
        operands: the calls whose values it reads.
        options: everything else, as plain data.
        name: the layer's own name, without the blocks around it.
    """

    kind: str
    operands: tuple[int, ...]
    options: dict[str, Any]
    name: str
