"""Tensors that have a shape only, but are, for all the model can see, on the CPU.

A tensor on the meta device says so, and what a model makes on its input's device
(`torch.tensor([2, 1, 0], device=x.device)`, the list in `x[:, [2, 1, 0]]`) would lose its
values there; PyTorch also refuses to combine it with masks and tables on the CPU. So the
model gets tensors without memory that name the CPU, and the shape rules of operators run on
their twins on the meta device.
"""

from __future__ import annotations

from typing import Any

import torch

from fieldscope.errors import TraceError
from fieldscope.frontends.torch.location import user_location

_CPU = torch.device("cpu")


class Shaped(torch.Tensor):
    """A tensor without elements; `twin` is the same on the meta device."""

    __slots__ = ("twin",)

    twin: torch.Tensor

    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]  # a static function in place of a class method

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]  # the base has the types of a function
        cls,
        func: torch._ops.OpOverload,
        types: tuple[type, ...],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Refuse what isn't recorded: a tensor that a model kept from a trace."""
        raise RuntimeError(f"{func} is run on a tensor of fieldscope's, which has no values")

    def __repr__(self, **_: Any) -> str:  # type: ignore[override]  # no contents to show
        return f"tensor(shape={tuple(self.shape)}, dtype={self.dtype}, without values)"

    def __deepcopy__(self, _: Any) -> torch.Tensor:
        return self.clone()

    def numpy(self, **_: Any) -> Any:
        """Refuse: the elements aren't known."""
        raise _without_values("numpy()")

    def tolist(self) -> Any:
        """Refuse: the elements aren't known."""
        raise _without_values("tolist()")

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise _without_values("conversion to NumPy")


def _without_values(what: str) -> TraceError:
    place = user_location()
    return TraceError(
        f"cannot trace model: its forward needs a tensor's values for {what}"
        f"{f' at {place}' if place else ''}\n"
        "pass example=<a real input> to run it for real"
    )


# Messages of PyTorch and of the model's own code call it what the user knows it as.
Shaped.__name__ = Shaped.__qualname__ = "Tensor"


def shaped(tensor: torch.Tensor) -> torch.Tensor:
    """A meta tensor as `Shaped`; others as they are.

    Example:
        >>> x = shaped(torch.empty(1, 3, device="meta"))
        >>> x.device, x.shape, x.twin.device
        (device(type='cpu'), torch.Size([1, 3]), device(type='meta'))
    """
    if not tensor.is_meta:
        return tensor
    made: Shaped = torch.Tensor._make_wrapper_subclass(
        Shaped,
        tensor.shape,
        strides=tensor.stride(),
        storage_offset=tensor.storage_offset(),
        dtype=tensor.dtype,
        device=_CPU,
    )
    made.twin = tensor
    return made


def each_shaped(results: Any) -> Any:
    """Nested results with every meta tensor as `Shaped`."""
    if isinstance(results, torch.Tensor):
        return shaped(results)
    if isinstance(results, (list, tuple)):
        return type(results)(map(each_shaped, results))
    return results


def has_values(tensor: torch.Tensor) -> bool:
    """Whether a tensor has elements."""
    return type(tensor) is not Shaped and not tensor.is_meta


def has_memory(tensor: torch.Tensor) -> bool:
    """Whether a tensor has elements in one piece of memory (not sparse)."""
    return has_values(tensor) and tensor.layout is torch.strided


def reshaped_in_place(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Run an in-place operator that changes a tensor's shape on it and on its twin."""
    target = args[0]
    with torch._C._DisableTorchDispatch():  # the tensor's own sizes, not its dispatch
        function(*args, **kwargs)
    if type(target) is Shaped:
        function(target.twin, *args[1:], **kwargs)
