"""Run a model once and write down every operator that it calls.

The tape holds the real tensors, so that a second pass can look up shapes,
strides, aliases and the values of constants. It is recorded below autograd,
where in-place operators, views and functional calls all look alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import keystr, tree_flatten_with_path, tree_leaves

# Scores at or under this are masks: exp() of them is 0 in every float format.
MASKED_SCORE = -1e6


@dataclass(frozen=True, slots=True)
class Call:
    """One operator as it was called, with what it returned.

    Attributes:
        func: The ATen overload.
        values: Arguments by the name that the operator's schema gives them.
        result: What the real operator returned.
        forms: For each tensor of the result its shape and strides, without
            data: the tensor's own may change later, in place.
        masked: For a softmax, True where the score switches a position off.
    """

    func: Any
    values: dict[str, Any]
    result: Any
    forms: list[Tensor]
    masked: Tensor | None = None

    @property
    def name(self) -> str:
        """The operator's name without namespace and overload."""
        return str(self.func._schema.name).split("::")[1]

    def tensors(self) -> list[Tensor]:
        """All tensors among the arguments."""
        return [leaf for leaf in tree_leaves(self.values) if isinstance(leaf, Tensor)]

    def results(self) -> list[Tensor]:
        """All tensors that it returned."""
        return [leaf for leaf in tree_leaves(self.result) if isinstance(leaf, Tensor)]

    def written(self) -> list[Tensor]:
        """The arguments that it wrote to: in place, or given as `out=`."""
        return [
            leaf
            for argument in self.func._schema.arguments
            if argument.alias_info is not None and argument.alias_info.is_write
            for leaf in tree_leaves(self.values.get(argument.name))
            if isinstance(leaf, Tensor)
        ]

    def is_view(self) -> bool:
        """Whether the result shares memory with an argument, unwritten."""
        infos = [result.alias_info for result in self.func._schema.returns]
        return any(info is not None and not info.is_write for info in infos)


@dataclass(frozen=True, slots=True)
class Output:
    """A module returned; `tensors` by the path inside its (nested) output."""

    name: str
    tensors: dict[str, Tensor]


@dataclass(slots=True)
class Tape:
    """Everything that happened in one forward, in order."""

    inputs: dict[str, Tensor]
    events: list[Call | Output] = field(default_factory=list)

    def calls(self) -> Iterator[Call]:
        return (event for event in self.events if isinstance(event, Call))


class _Recorder(TorchDispatchMode):
    def __init__(self, events: list[Call | Output]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch's is untyped
        self._events = events

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        names = [argument.name for argument in func._schema.arguments]
        values = dict(zip(names, args, strict=False)) | kwargs
        masked = None
        if "softmax" in func._schema.name:
            masked = args[0] <= MASKED_SCORE
        result = func(*args, **kwargs)
        forms = [
            torch.empty_strided(leaf.size(), leaf.stride(), device="meta")
            for leaf in tree_leaves(result)
            if isinstance(leaf, Tensor)
        ]
        self._events.append(Call(func, values, result, forms, masked))
        return result


@contextmanager
def _plain_kernels() -> Iterator[None]:
    """Switch off fused kernels that would hide a whole layer in one operator."""
    fast, mkldnn = torch.backends.mha.get_fastpath_enabled(), torch._C._get_mkldnn_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    torch._C._set_mkldnn_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
        torch._C._set_mkldnn_enabled(mkldnn)


def _tensors_by_path(value: Any) -> dict[str, Tensor]:
    pairs, _ = tree_flatten_with_path(value)
    return {keystr(path): leaf for path, leaf in pairs if isinstance(leaf, Tensor)}


def record(model: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tape:
    """Run `model` on real tensors and return the tape.

    The second call of the module at `path` is written down as `path#2`; the
    model's own output has the name "".
    """
    inputs = {f"{i}": arg for i, arg in enumerate(args)} | kwargs
    inputs = {
        name if key == "" else f"{name}{key}": leaf
        for name, value in inputs.items()
        for key, leaf in _tensors_by_path(value).items()
    }
    tape = Tape(inputs)
    counts: dict[str, int] = {}
    handles = []

    def note(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, inputs: Any, output: Any) -> None:
            counts[name] = counts.get(name, 0) + 1
            label = name if counts[name] == 1 else f"{name}#{counts[name]}"
            tape.events.append(Output(label, _tensors_by_path(output)))

        return hook

    modules = dict(model.named_modules()) if isinstance(model, nn.Module) else {}
    was_training = {name: module.training for name, module in modules.items()}
    try:
        for name, module in modules.items():
            module.training = False
            if name:
                handles.append(module.register_forward_hook(note(name)))
        with torch.no_grad(), _plain_kernels(), _Recorder(tape.events):
            output = model(*args, **kwargs)
    finally:
        for handle in handles:
            handle.remove()
        for name, module in modules.items():
            module.training = was_training[name]
    tape.events.append(Output("", _tensors_by_path(output)))
    return tape
