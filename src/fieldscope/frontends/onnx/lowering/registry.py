"""The table of lowerings of ONNX operators.

A rule gets the node, for its attributes, and the operands, None where one is left out:
`rule(call, node, *operands)`. It is registered by the operator's name, in front of which stands
its domain unless that is ONNX's own: "Conv", "com.microsoft.FusedConv".
"""

from __future__ import annotations

from typing import Any

from fieldscope.frontends.lowering.registry import Lowerings

TABLE = Lowerings("onnx")

lowers = TABLE.lowers

SHAPES = TABLE.shapes
"""Functions of the node and operands that return the shape and type of each result, of operators
that ONNX's own shape functions don't know, or get wrong; None where those are to tell after all."""


def like_first(_: Any, x: Any, *__: Any) -> list[tuple[tuple[int | None, ...] | None, str]]:
    """Results that have the shape and type of the first operand."""
    return [(x.shape, x.dtype)]
