"""Which graph value a tensor holds now, through views and in-place writes.

Tensors that share memory share a *base*. A tensor is the base seen through a chain of
view steps; a write through any of them makes a new value of the base, and the others read it
again when they are next used.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from fieldscope.graph.graph import GraphBuilder
from fieldscope.graph.views import ViewStep, read, steps_between, write


@dataclass(slots=True)
class Base:
    """Memory that tensors share: its current value and how often it was written."""

    value: int
    version: int = 0


@dataclass(slots=True)
class Held:
    """What one tensor holds."""

    tensor: torch.Tensor  # keeps the tensor alive, so that its id stays its own
    base: Base
    steps: tuple[ViewStep, ...]
    value: int
    version: int = 0


class Aliases:
    """The values of all tensors of a trace that depend on the input."""

    __slots__ = ("_builder", "_held")

    def __init__(self, builder: GraphBuilder) -> None:
        self._builder = builder
        self._held: dict[int, Held] = {}

    def value(self, tensor: torch.Tensor) -> int | None:
        """The value that a tensor holds now; None if it doesn't depend on the input."""
        held = self._held.get(id(tensor))
        if held is None:
            return None
        if held.version != held.base.version:
            held.value = read(self._builder, held.base.value, held.steps)
            held.version = held.base.version
        return held.value

    def hold(self, tensor: torch.Tensor, value: int) -> None:
        """Let a tensor with memory of its own hold a value."""
        self._held[id(tensor)] = Held(tensor, Base(value), (), value)

    def view(self, tensor: torch.Tensor, value: int, of: torch.Tensor) -> None:
        """Let a tensor hold a value as a view of another tensor."""
        if tensor is of:
            return
        held = self._held[id(of)]
        known = self.value(of)
        steps = None if known is None else steps_between(self._builder, known, value)
        if steps is None:
            self.hold(tensor, value)
            return
        self._held[id(tensor)] = Held(
            tensor, held.base, held.steps + steps, value, held.base.version
        )

    def reshaped(self, tensor: torch.Tensor, value: int) -> None:
        """Let a tensor, whose shape was changed in place, hold a view of what it held."""
        held = self._held[id(tensor)]
        steps = steps_between(self._builder, held.value, value)
        if steps is None:
            self.hold(tensor, value)
            return
        held.steps, held.value = held.steps + steps, value

    def write(self, tensor: torch.Tensor, value: int) -> None:
        """Write a value to a tensor, and so to its base."""
        held = self._held[id(tensor)]
        base = held.base
        base.value = write(self._builder, base.value, held.steps, value)
        base.version += 1
        held.value, held.version = value, base.version
