"""Tensors that don't depend on the input: run for real, or remembered and run on demand.

Index tables, masks and `arange` are computed for real, so that gathers by them are exact.
What is computed from weights (a standardised kernel, a bias table looked up) has a shape
only, and is computed for real when an index or a branch needs it. Nothing of the model is
ever written to: an in-place operator on a tensor of the model goes to a copy.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch

from fieldscope.frontends.torch.operators import OperatorInfo
from fieldscope.frontends.torch.shaped import Shaped, each_shaped, has_memory, has_values

MOST_FROM_WEIGHTS = 4096
"""Results of so many elements are computed from weights at once; larger ones on demand."""

MOST_FILLED = 1 << 22
"""Larger floating-point tensors are made without memory."""

META = torch.device("meta")

UNFILLED = frozenset({"empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided"})
"""Operators whose result holds whatever was in memory: no field may depend on it."""

UPDATES_STATISTICS = frozenset({"native_batch_norm", "_batch_norm_with_update"})
"""Operators that write to running statistics without saying so in their schema."""


class _Deferred(NamedTuple):
    tensor: torch.Tensor
    info: OperatorInfo
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    result: int


class Constants:
    """The constant tensors of one trace."""

    def __init__(self) -> None:
        self._meta: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
        self._deferred: dict[int, _Deferred] = {}
        self._promised: dict[int, tuple[torch.Tensor, Callable[[], torch.Tensor | None]]] = {}
        self._own: dict[int, torch.UntypedStorage] = {}
        self._copies: dict[int, torch.UntypedStorage] = {}
        self._weights: dict[int, torch.Tensor] = {}
        self._kept: list[torch.UntypedStorage] = []
        self._lost: dict[int, torch.UntypedStorage] = {}

    def on_meta(self, tensor: torch.Tensor) -> torch.Tensor:
        """A tensor of the same shape, strides and type without elements."""
        if type(tensor) is Shaped:
            return tensor.twin
        if tensor.is_meta:
            return tensor
        found = self._meta.get(id(tensor))
        if found is None:
            made = torch.empty_strided(
                tensor.shape, tensor.stride(), dtype=tensor.dtype, device=META
            )
            found = self._meta[id(tensor)] = (tensor, made)
        return found[1]

    def promise(self, tensor: torch.Tensor, read: Callable[[], torch.Tensor | None]) -> None:
        """Read the elements of a tensor that has none when they are asked for."""
        self._promised[id(tensor)] = (tensor, read)

    def concrete(self, tensor: torch.Tensor) -> torch.Tensor | None:
        """The tensor with its elements; None if they can't be known."""
        if self._is_known(tensor):
            return self._current(tensor)
        if id(tensor) in self._promised:
            return self._promised[id(tensor)][1]()
        deferred = self._deferred.get(id(tensor))
        if deferred is None:
            return None
        known = True

        def real(argument: Any) -> Any:
            nonlocal known
            found = self.concrete(argument)
            known = known and found is not None
            return found

        args, kwargs = map_tensors(real, deferred.args), map_tensors(real, deferred.kwargs)
        if not known:
            return None
        results = self._run(deferred.info, args, kwargs)
        result = results[deferred.result] if isinstance(results, (tuple, list)) else results
        return result if isinstance(result, torch.Tensor) else None

    def run(
        self,
        info: OperatorInfo,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        tensors: list[torch.Tensor],
    ) -> Any:
        """Run an operator none of whose operands depends on the input."""
        if info.writes:
            return self._write(info, args, kwargs, tensors)
        if not all(map(self._is_known, tensors)):
            if info.makes_like:
                return self._made(info, args, kwargs)
            return self._remembered(info, args, kwargs)
        device = kwargs.get("device")
        if device is not None and torch.device(device).type == "meta":
            kwargs = {**kwargs, "device": torch.device("cpu")}
        if not tensors and info.allocates(args, kwargs) > MOST_FILLED:
            return info.function(*args, **{**kwargs, "device": META})
        weights = any(self._is_weight(tensor) for tensor in tensors)
        if weights and not info.is_view and max(t.numel() for t in tensors) > MOST_FROM_WEIGHTS:
            return self._remembered(info, args, kwargs)
        result = self.real(info, args, kwargs)
        if info.name in UNFILLED:
            result.zero_()
        if weights and not info.is_view:
            for tensor in result if isinstance(result, (tuple, list)) else (result,):
                if isinstance(tensor, torch.Tensor) and tensor.is_floating_point():
                    self._weights[id(tensor)] = tensor
        return result

    def _is_known(self, tensor: torch.Tensor) -> bool:
        """Whether a tensor has elements, none of which were overwritten by unknown ones."""
        if not has_values(tensor):
            return False
        if not self._lost or not has_memory(tensor):
            return True
        return tensor.untyped_storage()._cdata not in self._lost

    def _is_weight(self, tensor: torch.Tensor) -> bool:
        return tensor.is_floating_point() and (
            isinstance(tensor, torch.nn.Parameter)
            or id(tensor) in self._weights
            or (has_memory(tensor) and tensor.untyped_storage()._cdata not in self._own)
        )

    def _adopt(self, tensor: torch.Tensor) -> None:
        if has_memory(tensor):
            storage = tensor.untyped_storage()
            self._own[storage._cdata] = storage

    def _made(self, info: OperatorInfo, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """A new tensor like another one, of which only shape and type matter."""
        shape_of = info.function(*map_tensors(self.on_meta, args), **{**kwargs, "device": META})
        if shape_of.numel() > MOST_FILLED and shape_of.is_floating_point():
            return shape_of

        def stand_in(tensor: torch.Tensor) -> torch.Tensor:
            # One element stands for all: a stride of 0 needs no memory.
            return torch.empty((1,) * tensor.dim(), dtype=tensor.dtype).expand(tensor.shape)

        kwargs = {**kwargs, "device": torch.device("cpu"), "pin_memory": False}
        result = info.function(*map_tensors(stand_in, args), **kwargs)
        if info.name in UNFILLED:
            result.zero_()
        self._adopt(result)
        return result

    def _remembered(self, info: OperatorInfo, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        shapes = {**map_tensors(self.on_meta, kwargs)}
        if "device" in shapes:
            shapes["device"] = META
        results = each_shaped(info.function(*map_tensors(self.on_meta, args), **shapes))
        for k, tensor in enumerate(results if isinstance(results, (tuple, list)) else (results,)):
            if isinstance(tensor, torch.Tensor):
                self._deferred[id(tensor)] = _Deferred(tensor, info, args, kwargs, k)
        return results

    def _write(
        self,
        info: OperatorInfo,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        tensors: list[torch.Tensor],
    ) -> Any:
        target = info.target(args, kwargs)
        if not all(map(self._is_known, tensors)):
            self._deferred.pop(id(target), None)
            self._promised.pop(id(target), None)
            if has_memory(target):  # what was known of it isn't any more
                storage = target.untyped_storage()
                self._lost[storage._cdata] = storage
            return target
        self.write(info, args, kwargs)
        return target

    def write(self, info: OperatorInfo, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Run an in-place operator for real, on copies of what isn't the trace's own."""
        map_tensors(self._protect, info.targets(args, kwargs))
        self.real(info, args, kwargs)

    def real(self, info: OperatorInfo, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run an operator for real, on the copies of what was written to; keep its results."""
        results = self._run(info, args, kwargs)
        if not info.is_view:
            for tensor in results if isinstance(results, (tuple, list)) else (results,):
                if isinstance(tensor, torch.Tensor):
                    self._adopt(tensor)
        return results

    def _run(self, info: OperatorInfo, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if info.name in UPDATES_STATISTICS:
            for tensor in args[3:5]:
                if isinstance(tensor, torch.Tensor):
                    self._protect(tensor)
        if self._copies:
            args, kwargs = map_tensors(self._current, args), map_tensors(self._current, kwargs)
        return info.function(*args, **kwargs)

    def _protect(self, tensor: torch.Tensor) -> None:
        """Let further writes to a tensor of the model go to a copy of its memory."""
        storage = tensor.untyped_storage()
        if storage._cdata not in self._own and storage._cdata not in self._copies:
            self._kept.append(storage)
            self._copies[storage._cdata] = storage.clone()

    def _current(self, tensor: torch.Tensor) -> torch.Tensor:
        """The tensor, or the copy of it that was written to."""
        if not self._copies or not has_memory(tensor):
            return tensor
        copy = self._copies.get(tensor.untyped_storage()._cdata)
        if copy is None:
            return tensor
        fresh = torch.empty(0, dtype=tensor.dtype)
        return fresh.set_(copy, tensor.storage_offset(), tensor.shape, tensor.stride())


def map_tensors(function: Callable[[torch.Tensor], Any], arguments: Any) -> Any:
    """Nested arguments with a function applied to every tensor."""
    if isinstance(arguments, torch.Tensor):
        return function(arguments)
    if isinstance(arguments, (list, tuple)):
        if not any(isinstance(a, (torch.Tensor, list, tuple)) for a in arguments):
            return arguments
        return type(arguments)(map_tensors(function, a) for a in arguments)
    if isinstance(arguments, dict):
        return {key: map_tensors(function, a) for key, a in arguments.items()}
    return arguments
