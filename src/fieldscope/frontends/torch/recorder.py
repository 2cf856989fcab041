"""Record a model's run at the ATen dispatch level as a graph of canonical operators.

Tensors that depend on the input have a shape only (unless an example is run); every
operator that reads one is lowered. What doesn't depend on the input is left to
`fieldscope.frontends.torch.constants`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from fieldscope.errors import TraceError
from fieldscope.frontends.naming import Operation
from fieldscope.frontends.torch.aliases import Aliases
from fieldscope.frontends.torch.constants import Constants, map_tensors
from fieldscope.frontends.torch.location import user_location
from fieldscope.frontends.torch.lowering.call import Call, tensors_in
from fieldscope.frontends.torch.operators import OperatorInfo, info_of
from fieldscope.frontends.torch.scopes import Observer
from fieldscope.frontends.torch.shaped import each_shaped, reshaped_in_place
from fieldscope.graph.graph import GraphBuilder
from fieldscope.graph.operators import Opaque

VALUES_NEEDED = frozenset({"_local_scalar_dense", "is_nonzero", "equal", "item", "allclose"})
"""Operators whose result is a Python number: a branch, an index, a size."""


class _ConstantView(NamedTuple):
    """A view that was made of a constant, and the call that made it."""

    tensor: torch.Tensor
    info: OperatorInfo
    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    @property
    def parent(self) -> torch.Tensor:
        """The tensor that it is a view of."""
        return tensors_in(self.args)[0]


class Recorder(TorchDispatchMode):
    """The dispatch mode of one trace."""

    def __init__(self, *, example: bool) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch has no types here
        self.builder = GraphBuilder()
        self.aliases = Aliases(self.builder)
        self.store = Constants()
        self.operations: list[Operation] = []
        self.observer: Observer | None = None
        self.location: Callable[[], str | None] = user_location
        self._example = example
        self._call = Call(self.builder, self)
        self._views: dict[int, _ConstantView] = {}
        self._tainted = False

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        # Else the first trace imports torch._dynamo: a second, and 77 MB, for nothing.
        return False

    # What lowerings ask of constants (fieldscope.frontends.torch.lowering.call.Constants).

    def value(self, tensor: torch.Tensor) -> int | None:
        """The value that a tensor holds now; None for a constant."""
        held = self.aliases.value(tensor)
        if held is None and self._tainted:
            return self._late(tensor)
        return held

    def concrete(self, tensor: torch.Tensor) -> torch.Tensor | None:
        """A constant tensor with its elements; None if they aren't known."""
        return self.store.concrete(tensor)

    def __torch_dispatch__(
        self,
        func: torch._ops.OpOverload,
        types: tuple[type, ...],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        info = info_of(func)
        tensors = tensors_in(args)
        if kwargs:
            tensors += tensors_in(kwargs)
        if info.is_composite:
            with self:
                found = func.decompose(*args, **kwargs)
            if found is not NotImplemented:
                return found
        if info.makes_like or all(self.value(tensor) is None for tensor in tensors):
            return self._constant(info, args, kwargs, tensors)
        if info.name in VALUES_NEEDED:
            return self._number(info, args, kwargs)
        if info.writes:
            return self._in_place(info, args, kwargs, tensors)
        results = each_shaped(self._results(info, args, kwargs))
        self._record(info, args, kwargs, tensors, results)
        return results

    def _constant(
        self,
        info: OperatorInfo,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        tensors: list[torch.Tensor],
    ) -> Any:
        if info.name in VALUES_NEEDED:
            known = map_tensors(self.concrete, args)
            if any(a is None for a, given in zip(known, args, strict=True) if given is not None):
                raise TraceError(
                    f"cannot trace model: its forward needs the values of a weight{self._where()}, "
                    "and the model was built without values\n"
                    "build it with real weights and pass the model itself"
                )
            return info.function(*known, **kwargs)
        results = each_shaped(self.store.run(info, args, kwargs, tensors))
        if info.is_view:
            for tensor in tensors_in(results if isinstance(results, (tuple, list)) else [results]):
                if all(tensor is not given for given in tensors):  # lift_fresh gives it back
                    self._views[id(tensor)] = _ConstantView(tensor, info, args, kwargs)
        return results

    def _late(self, tensor: torch.Tensor) -> int | None:
        """The value of a view of a constant that was written to after the view was made."""
        view = self._views.get(id(tensor))
        if view is None or self.value(view.parent) is None:
            return None
        self._follow(view)
        return self.aliases.value(tensor)

    def _number(self, info: OperatorInfo, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if self._example:
            return self.store.real(info, args, kwargs)
        raise TraceError(
            f"cannot trace model: its forward branches on a tensor's value{self._where()}\n"
            "pass example=<a real input> to follow the branch that it takes"
        )

    def _on_meta(self, arguments: Any) -> Any:
        return arguments if self._example else map_tensors(self.store.on_meta, arguments)

    def _results(self, info: OperatorInfo, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if self._example:
            return self.store.real(info, args, kwargs)
        if info.name == "_pack_padded_sequence":
            raise TraceError(
                f"cannot trace model: its forward packs sequences by their lengths{self._where()}; "
                "lengths are values, and the model is run on shapes\n"
                "give the padded batch to the recurrent layer to get its field, or "
                "pass example=<a real input> to get a bound"
            )
        try:
            if info.shapes is not None:
                made = info.shapes(*args, **kwargs)
                if made is not None:
                    return made
            args, kwargs = self._on_meta(args), self._on_meta(kwargs)
            if kwargs.get("device") is not None:
                kwargs = {**kwargs, "device": torch.device("meta")}
            return info.function(*args, **kwargs)
        except NotImplementedError as error:
            why = (
                "the shape of its result depends on a tensor's values"
                if info.rule is not None
                else "PyTorch has no shape rule for it"
            )
            raise TraceError(
                f"cannot trace model: {info.source} can't be run on shapes{self._where()}: {why}\n"
                "pass example=<a real input> to run it for real"
            ) from error

    def _in_place(
        self,
        info: OperatorInfo,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        tensors: list[torch.Tensor],
    ) -> Any:
        target = info.target(args, kwargs)
        if info.reshapes:
            before = self.value(target)
            reshaped_in_place(info.function, args, kwargs)
            if before is None:
                return target
            view = self._begin((target,))
            shape = tuple(target.shape)
            value = (
                self._call.reshape(before, shape)
                if info.name not in ("t", "transpose")
                else self._transposed(before, info, args)
            )
            self._end(info.source, view, (value,))
            self.aliases.reshaped(target, value)
            return target
        if self.value(target) is None:
            self._taint(target)
        if self._example:
            self.store.write(info, args, kwargs)
        elif info.name == "set":
            raise TraceError(f"cannot trace model: it changes a tensor's memory{self._where()}")
        shape = tuple(target.shape)
        first = self._begin((target,))
        found = self._lower(info, args, kwargs, tensors)[0]
        value = self.builder.constant(shape) if found is None else self._call.expand(found, shape)
        self._end(info.source, first, (value,))
        self.aliases.write(target, value)
        return target

    def _transposed(self, value: int, info: OperatorInfo, args: tuple[Any, ...]) -> int:
        ndim = len(self.builder.shape(value))
        axes = (0, 1) if info.name == "t" else args[1:3]
        order = list(range(ndim))
        order[axes[0]], order[axes[1]] = order[axes[1]], order[axes[0]]
        return self._call.permute(value, order)

    def _taint(self, tensor: torch.Tensor) -> None:
        """Let a constant, into which something dependent is about to be written, hold a value."""
        view = self._views.get(id(tensor))
        self._tainted = True
        if view is None:
            self.aliases.hold(tensor, self.builder.constant(tuple(tensor.shape)))
            return
        if self.value(view.parent) is None:
            self._taint(view.parent)
        self._follow(view)

    def _follow(self, view: _ConstantView) -> None:
        """Let a view of a constant, which holds a value by now, hold a view of that value."""
        tensor, info, args, kwargs = view
        results = each_shaped(self._results(info, args, kwargs))
        made = tensors_in(results if isinstance(results, (tuple, list)) else [results])
        self._call.results = tuple(made)
        values = self._lower(info, args, kwargs, [view.parent])
        place = 0
        if len(made) > 1:  # a split: the piece at the same place
            place = next(
                k
                for k, one in enumerate(tensors_in(info.function(*args, **kwargs)))
                if one.storage_offset() == tensor.storage_offset() and one.shape == tensor.shape
            )
        value = values[place]
        assert value is not None
        self.aliases.view(tensor, value, view.parent)

    def _record(
        self,
        info: OperatorInfo,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        tensors: list[torch.Tensor],
        results: Any,
    ) -> None:
        made = (results,) if isinstance(results, torch.Tensor) else tuple(tensors_in(results))
        if not made:
            return
        first = self._begin(made)
        values = self._lower(info, args, kwargs, tensors)
        self._end(info.source, first, values)
        parent = args[0] if info.is_view and args and isinstance(args[0], torch.Tensor) else None
        viewed = parent is not None and self.aliases.value(parent) is not None
        for tensor, value in zip(made, values, strict=True):
            if value is None:
                continue
            if viewed:
                assert parent is not None
                self.aliases.view(tensor, value, parent)
            else:
                self.aliases.hold(tensor, value)

    def whole(
        self,
        source: str,
        results: tuple[torch.Tensor, ...],
        lower: Callable[[Call], tuple[int, ...]],
    ) -> None:
        """Record one operation in place of all that PyTorch would run for it."""
        first = self._begin(results)
        values = lower(self._call)
        self._end(source, first, values)
        for tensor, value in zip(results, values, strict=True):
            self.aliases.hold(tensor, value)

    def _begin(self, results: tuple[torch.Tensor, ...]) -> int:
        self._call.results = results
        self.builder.origin = len(self.operations)
        return len(self.builder)

    def _end(self, source: str, first: int, values: tuple[int | None, ...]) -> None:
        nodes = range(first, len(self.builder))
        location = None
        if any(isinstance(self.builder.operator(node), Opaque) for node in nodes):
            location = self.location()
        if self.observer is not None:
            self.observer.current.operations.append(len(self.operations))
        results = tuple(value for value in values if value is not None)
        self.operations.append(Operation(source, nodes, results, location))

    def _lower(
        self,
        info: OperatorInfo,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        tensors: list[torch.Tensor],
    ) -> tuple[int | None, ...]:
        if info.rule is None:
            return self._call.opaque(tensors, "it has no lowering")
        if "out" in kwargs:
            kwargs = {key: argument for key, argument in kwargs.items() if key != "out"}
        found = info.rule(self._call, *args, **kwargs)
        return found if isinstance(found, tuple) else (found,)

    def _where(self) -> str:
        scope = self.observer.current if self.observer is not None else None
        place = scope.path if scope is not None else ""
        location = self.location()
        if not place:
            return f" at {location}" if location else ""
        return f" at {place} ({location})" if location else f" at {place}"
