"""Build networks without their weights.

A network's field depends on the shapes of its weights, never on their values,
but it does depend on the values of its index tables: which row of a bias table
a window reads, where an anchor lies, what a mask lets through. So not
everything may go to the meta device. `shape_only` divides by what a tensor can
mean: large or uninitialised or random floating-point tensors are weights and
have a shape only; integers, booleans and small deterministic floats (from
which tables are computed) are real.
"""

from __future__ import annotations

import contextlib
import functools
import math
from typing import TYPE_CHECKING, Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

from fieldscope.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterator

# A megabyte in float32: above every table and mask that a network of the zoo
# indexes by, below nearly every weight that would cost time or memory.
REAL_ELEMENTS_AT_MOST = 2**18

_META = torch.device("meta")
_CPU = torch.device("cpu")

# What these return has no value that a table could be computed from.
_WITHOUT_VALUES = frozenset(
    {
        "aten::empty",
        "aten::empty_strided",
        "aten::empty_permuted",
        "aten::rand",
        "aten::randn",
        "aten::normal",
    }
)

# Factories whose dtype, when not given, is that of integers.
_INTEGER_BY_DEFAULT = frozenset({"aten::randint", "aten::randperm", "aten::tril_indices"})


@contextlib.contextmanager
def shape_only() -> Iterator[None]:
    """Give networks built inside shapes instead of weights, but real tables.

    Inside the block large, uninitialised and random floating-point tensors
    land on the meta device; integers, booleans and other floats stay real. An
    operation between the two has a shape only. Random numbers come from a
    generator of the block's own, so the global one is left as it was. The
    block concerns the thread that opens it.

    Raises:
        ModelError: integers or booleans are overwritten by values that have a
            shape only, so the table they are would be wrong.

    Example:
        >>> with shape_only():
        ...     layer = torch.nn.Linear(4096, 4096)
        ...     table = torch.arange(6).view(2, 3)
        >>> layer.weight.device.type, table.tolist()
        ('meta', [[0, 1, 2], [3, 4, 5]])
    """
    with _ShapeOnly():
        yield


class _ShapeOnly(TorchDispatchMode):
    """Send what has no value to the meta device, operator by operator."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch has no type here
        self._generator = torch.Generator().manual_seed(0)

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        # Nothing is compiled here; skipping torch's compiler imports it first,
        # which takes a second.
        return False

    def __torch_dispatch__(
        self,
        func: torch._ops.OpOverload,
        types: tuple[type, ...],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        arguments = dict(kwargs or {})
        tensors = [
            leaf for leaf in tree_leaves((args, arguments)) if isinstance(leaf, torch.Tensor)
        ]
        if any(tensor.is_meta for tensor in tensors):
            return _on_meta(func, args, arguments, tensors)
        traits = _traits(func)
        if traits.is_factory and _has_no_value(func, args, arguments):
            arguments["device"] = _META
            return func(*args, **arguments)
        # Tables are made on, or moved to, the device of the weights.
        if traits.takes_device and _is_meta(arguments.get("device")):
            arguments["device"] = _CPU
        if traits.takes_generator and arguments.get("generator") is None:
            arguments["generator"] = self._generator
        elif traits.draws and not traits.takes_generator:
            return self._draw(func, args, arguments)
        return func(*args, **arguments)

    def _draw(
        self, func: torch._ops.OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Run an operator that takes its random numbers from the global generator."""
        state = torch.default_generator.get_state()
        torch.default_generator.set_state(self._generator.get_state())
        try:
            return func(*args, **kwargs)
        finally:
            self._generator.set_state(torch.default_generator.get_state())
            torch.default_generator.set_state(state)


class _Traits:
    """What the schema of an operator says, read once."""

    __slots__ = ("draws", "is_factory", "takes_device", "takes_generator", "written")

    def __init__(self, func: torch._ops.OpOverload) -> None:
        schema = func._schema
        names = {argument.name for argument in schema.arguments}
        self.draws = torch.Tag.nondeterministic_seeded in func.tags
        self.takes_device = "device" in names
        self.takes_generator = "generator" in names
        self.is_factory = self.takes_device and not any(
            "Tensor" in str(argument.type) for argument in schema.arguments
        )
        self.written = tuple(
            (index, argument.name)
            for index, argument in enumerate(schema.arguments)
            if argument.alias_info is not None and argument.alias_info.is_write
        )


@functools.cache
def _traits(func: torch._ops.OpOverload) -> _Traits:
    return _Traits(func)


def _has_no_value(
    func: torch._ops.OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> bool:
    """Tell whether a factory makes a weight rather than a table."""
    name = func._schema.name
    dtype = kwargs.get("dtype")
    if dtype is None:
        if name in _INTEGER_BY_DEFAULT:
            return False
        if name in {"aten::arange", "aten::full", "aten::scalar_tensor"}:
            numbers = [arg for arg in args if isinstance(arg, (bool, int, float, complex))]
            if all(isinstance(number, int) for number in numbers):
                return False
        dtype = torch.get_default_dtype()
    if not (dtype.is_floating_point or dtype.is_complex):
        return False
    if name in _WITHOUT_VALUES:
        return True
    sizes = [arg for arg in args if isinstance(arg, (list, tuple))]
    return bool(sizes) and math.prod(sizes[0]) > REAL_ELEMENTS_AT_MOST


def _is_meta(device: torch.device | str | int | None) -> bool:
    return device is not None and torch.device(device).type == "meta"


def _on_meta(
    func: torch._ops.OpOverload,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    tensors: list[torch.Tensor],
) -> Any:
    """Run on the meta device an operator of which some operand has a shape only."""
    traits = _traits(func)
    if not all(tensor.is_meta for tensor in tensors):
        for index, name in traits.written:
            target = args[index] if index < len(args) else kwargs.get(name)
            if isinstance(target, torch.Tensor) and not target.is_meta:
                return _keep(func, target)
        args, kwargs = tree_map_only(torch.Tensor, _as_operand, (args, kwargs))
    # `.cpu()` and `.to("cpu")` would ask for values that aren't there.
    if traits.takes_device and kwargs.get("device") is not None:
        kwargs["device"] = _META
    return func(*args, **kwargs)


def _as_operand(tensor: torch.Tensor) -> torch.Tensor:
    # Scalars may live on any device, and shape functions may read their value.
    if tensor.is_meta or tensor.dim() == 0:
        return tensor
    return torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device=_META)


def _keep(func: torch._ops.OpOverload, target: torch.Tensor) -> torch.Tensor:
    """Leave a real tensor as it is where it would be overwritten by no value.

    A float that takes the values of weights is a weight; an integer that does
    would be a wrong table.
    """
    if target.dtype.is_floating_point or target.dtype.is_complex:
        return target
    raise ModelError(
        f"cannot build the model without weights: {func} writes values computed from them "
        f"into a {target.dtype} tensor of shape {tuple(target.shape)}\n"
        "build the model yourself and pass it to fieldscope.analyze()"
    )
