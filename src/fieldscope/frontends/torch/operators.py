"""What the schema of an ATen operator says, read once per operator."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import torch

from fieldscope.frontends.lowering.registry import Rule
from fieldscope.frontends.torch.lowering.registry import find, find_shapes

RESHAPING_IN_PLACE = frozenset(
    {"squeeze", "unsqueeze", "t", "transpose", "as_strided", "resize", "swapaxes", "swapdims"}
)
"""Operators whose in-place forms change the tensor's shape, not its elements."""

RESULTS_WITHOUT_VALUES = frozenset(
    """empty_like zeros_like ones_like full_like rand_like randn_like randint_like new_empty
    new_zeros new_ones new_full new_empty_strided""".split()
)
"""Operators that take a tensor for its shape and type only."""


class OperatorInfo:
    """One ATen overload: its names, its rule, and what it writes and aliases."""

    __slots__ = (
        "function",
        "is_composite",
        "is_view",
        "makes_like",
        "name",
        "reshapes",
        "rule",
        "shapes",
        "source",
        "writes",
    )

    def __init__(self, function: torch._ops.OpOverload) -> None:
        schema = function._schema
        namespace, _, raw = schema.name.partition("::")
        self.function: Callable[..., Any] = function
        self.writes = tuple(
            (position, argument.name)
            for position, argument in enumerate(schema.arguments)
            if argument.alias_info is not None and argument.alias_info.is_write
        )
        in_place = raw.endswith("_") and not raw.endswith("__")
        self.name = raw[:-1] if in_place else raw
        if raw.startswith("__i") and raw.endswith("__"):
            self.name = f"bitwise_{raw[3:-2]}"
        elif raw.startswith("__") and raw.endswith("__"):
            self.name = f"bitwise_{raw[2:-2]}"
        self.source = f"{namespace}.{self.name}"
        overload = schema.overload_name.removesuffix("_out").removesuffix("out")
        known = namespace == "aten"
        self.rule: Rule | None = find(self.name, overload) if known else None
        self.shapes: Rule | None = find_shapes(self.name, overload) if known else None
        # Inference mode, and some wrappers, hand over operators that are made of others.
        self.is_composite = self.rule is None and bool(function._can_decompose())
        self.reshapes = in_place and self.name in RESHAPING_IN_PLACE
        self.makes_like = self.name in RESULTS_WITHOUT_VALUES
        self.is_view = not self.writes and any(
            result.alias_info is not None for result in schema.returns
        )

    def target(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.Tensor:
        """The tensor that the operator writes to, the first of several."""
        return self.targets(args, kwargs)[0]  # type: ignore[no-any-return]  # a tensor by the schema

    def targets(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
        """All that the operator writes to: tensors, lists of tensors, None where not given."""
        return [
            args[position] if position < len(args) else kwargs.get(name)
            for position, name in self.writes
        ]

    def allocates(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> int:
        """Elements that a factory makes, if they are floating-point numbers; else 0."""
        dtype = kwargs.get("dtype")
        if not args or not isinstance(args[0], (list, tuple, torch.Size)):
            return 0
        if dtype is not None and not dtype.is_floating_point:
            return 0
        return prod(args[0])


_KNOWN: dict[torch._ops.OpOverload, OperatorInfo] = {}


def info_of(function: torch._ops.OpOverload) -> OperatorInfo:
    """What is known of an overload."""
    found = _KNOWN.get(function)
    if found is None:
        found = _KNOWN[function] = OperatorInfo(function)
    return found
