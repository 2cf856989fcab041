"""The table of lowerings of ONNX operators.

A rule gets the node, for its attributes, and the operands, None where one is left out:
`rule(call, node, *operands)`. It is registered by the operator's name, in front of which stands
its domain unless that is ONNX's own: "Conv", "com.microsoft.FusedConv".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from fieldscope.frontends.lowering.registry import Lowerings, Rule

TABLE = Lowerings("onnx")

Shapes: TypeAlias = Callable[..., "Sequence[tuple[tuple[int | None, ...] | None, str]] | None"]

SHAPES: dict[str, Shapes] = {}
"""Shapes and types of the results of operators that ONNX's own shape functions don't know, or
get wrong; None where those are to tell after all."""


def lowers(*names: str, shapes: Shapes | None = None) -> Callable[[Rule], Rule]:
    """Register a rule for ONNX operators.

    Args:
        names: names with their domain, if that isn't ONNX's own.
        shapes: function of the node and operands that returns the shape and type of each
            result, where ONNX knows none.

    Raises:
        RegistrationError: one of the names is taken.
    """

    def register(rule: Rule) -> Rule:
        TABLE.lowers(*names)(rule)
        if shapes is not None:
            SHAPES.update(dict.fromkeys(names, shapes))
        return rule

    return register


def like_first(_: Any, x: Any, *__: Any) -> list[tuple[tuple[int | None, ...] | None, str]]:
    """Results that have the shape and type of the first operand."""
    return [(x.shape, x.dtype)]
