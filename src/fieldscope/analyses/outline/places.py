"""Nodes as places of an outline, and what is said of those that aren't followed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fieldscope.analyses.outline.values import NOWHERE, Shape, Value, lost
from fieldscope.analyses.outline.windows import Border
from fieldscope.errors import EditError
from fieldscope.graph.graph import Node


@dataclass(frozen=True, slots=True)
class Place:
    """A node and what is known about it in the network as it is.

    Attributes:
        node: the node; an edit may have changed its windows.
        layer: name of its layer.
        known: its operands in the network as it is.
        borders: of a window, per axis; of a spread, elements that its output has more.
        adaptive: whether the extents of a table's result are given, whatever comes in.
        weights: number of the layer's weights beside kernels and matrices, as of norms and scales,
            which fit one number of channels.
        refitted: number of channels or features that its weights are made for anew.
        products: its multiply-accumulates, and the elements of its kernel or matrix.
    """

    node: Node
    layer: str
    known: tuple[Value, ...]
    borders: tuple[Border, ...] = ()
    adaptive: bool = False
    weights: int = 0
    refitted: int | None = None
    products: tuple[int, int] = (0, 0)


def fixed(place: Place, given: Sequence[Value]) -> Value:
    """A value of the shape that it has: what enters must have its shape, too."""
    for one, own in zip(given, place.known, strict=True):
        if one.shape != own.shape:
            raise EditError(
                f"fixed shape at {place.layer}: {shown(own.shape)} enters it, and would be "
                f"{shown(one.shape)}"
            )
    if not any(one.reads for one in given):
        axes = len(given[0].at) if given else 0
        return Value(place.node.shape, (NOWHERE,) * axes, (None,) * axes)
    return lost(place.node.shape, given)


def shown(shape: Shape) -> str:
    """A shape in a message."""
    return "×".join(map(str, shape))
