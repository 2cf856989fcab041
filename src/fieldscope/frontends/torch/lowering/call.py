"""An ATen call as a lowering sees it."""

from __future__ import annotations

from typing import Any, Protocol

import numpy.typing as npt
import torch

from fieldscope.frontends.lowering import call as shared
from fieldscope.frontends.torch.shaped import has_values
from fieldscope.graph.graph import GraphBuilder


class Constants(Protocol):
    """Access to tensors that don't depend on the input."""

    def concrete(self, tensor: torch.Tensor) -> torch.Tensor | None:
        """The tensor with its values; None if they aren't known."""

    def value(self, tensor: torch.Tensor) -> int | None:
        """The graph value that a tensor holds now; None for a constant."""


class Call(shared.Call):
    """One ATen call: its results as tensors, and the graph to add nodes to."""

    __slots__ = ("constants",)

    def __init__(self, builder: GraphBuilder, constants: Constants) -> None:
        super().__init__(builder)
        self.constants = constants

    def depends(self, argument: object) -> bool:
        """Whether an argument is a tensor that depends on the input."""
        return isinstance(argument, torch.Tensor) and self.constants.value(argument) is not None

    def value(self, tensor: torch.Tensor) -> int:
        """The value of a tensor; one that reads nothing for a constant."""
        value = self.constants.value(tensor)
        return self.builder.constant(tuple(tensor.shape)) if value is None else value

    def concrete(self, tensor: torch.Tensor) -> npt.NDArray[Any] | None:
        """The elements of a constant tensor, or None if they aren't known."""
        if self.depends(tensor):
            return None
        found = self.constants.concrete(tensor)
        if found is None:
            return None
        found = found.detach().cpu()
        return found.float().numpy() if found.dtype == torch.bfloat16 else found.numpy()

    def _maybe(self, argument: object) -> int | None:
        if isinstance(argument, torch.Tensor):
            return self.constants.value(argument)
        return argument if type(argument) is int else None

    def mask(self, value: int, keep: npt.ArrayLike, *, filling: object = None) -> int:
        """The value where `keep` is true, a constant elsewhere, where known `filling`."""
        if isinstance(filling, torch.Tensor):
            single = filling.numel() == 1 and has_values(filling)
            filling = filling.item() if single else None
        return super().mask(value, keep, filling=filling)

    def plus(self, value: int, constant: torch.Tensor) -> int:
        """The value plus a constant tensor, which may be a mask."""
        # A mask is made of constants; weights aren't searched for it.
        searched = (
            constant.is_floating_point()
            and constant.numel() > 1
            and has_values(constant)
            and not isinstance(constant, torch.nn.Parameter)
        )
        return self.added(value, self.concrete(constant) if searched else None)


def tensors_in(arguments: object) -> list[torch.Tensor]:
    """All tensors in nested arguments, in order."""
    if isinstance(arguments, torch.Tensor):
        return [arguments]
    if isinstance(arguments, (list, tuple)):
        return [tensor for argument in arguments for tensor in tensors_in(argument)]
    if isinstance(arguments, dict):
        return [tensor for argument in arguments.values() for tensor in tensors_in(argument)]
    return []
