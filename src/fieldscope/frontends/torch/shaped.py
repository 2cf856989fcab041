"""Tensors that have a shape only, but tell the model that they live on the CPU.

A tensor on the meta device says so, and what a model makes on its input's device
(`torch.tensor([2, 1, 0], device=x.device)`, the list in `x[:, [2, 1, 0]]`) would lose its
values there. These tensors name the CPU instead, so that such constants are real.
"""

from __future__ import annotations

from typing import Any

import torch

_CPU = torch.device("cpu")
_META = torch.device("meta")


class Shaped(torch.Tensor):
    """A meta tensor that names the CPU as its device, except to PyTorch's own shape rules."""

    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]  # a static function in place of a class method

    to_rules = False
    """Whether a shape rule is running, which wants to know the true device.

    One for all: traces exclude each other by a lock.
    """

    @property
    def device(self) -> torch.device:  # type: ignore[override]  # a property there, too
        """The CPU; for shape rules the meta device."""
        return _META if Shaped.to_rules else _CPU

    def __getitem__(self, index: Any) -> Any:
        return super().__getitem__(_real(index))

    def __setitem__(self, index: Any, value: Any) -> None:
        super().__setitem__(_real(index), value)

    def new_tensor(self, data: Any, **options: Any) -> torch.Tensor:  # type: ignore[override]  # names no options
        """A real tensor of the given elements."""
        options.setdefault("dtype", self.dtype)
        options.pop("device", None)
        return torch.tensor(data, **options)


# Messages of PyTorch and of the model's own code call it what the user knows it as.
Shaped.__name__ = Shaped.__qualname__ = "Tensor"


def shaped(tensor: torch.Tensor) -> torch.Tensor:
    """A meta tensor as `Shaped`; others as they are."""
    if tensor.is_meta and type(tensor) is torch.Tensor:
        return tensor.as_subclass(Shaped)
    return tensor


def each_shaped(results: Any) -> Any:
    """Nested results with every meta tensor as `Shaped`."""
    if isinstance(results, torch.Tensor):
        return shaped(results)
    if isinstance(results, (list, tuple)):
        return type(results)(map(each_shaped, results))
    return results


def _real(index: Any) -> Any:
    """An index whose lists are tensors already, so that they aren't made on the meta device."""
    if isinstance(index, tuple):
        return tuple(map(_real, index))
    if isinstance(index, (list, range)) or type(index).__module__ == "numpy":
        if isinstance(index, list) and any(isinstance(i, (slice, torch.Tensor)) for i in index):
            return index
        return torch.as_tensor(list(index) if isinstance(index, range) else index)
    return index
