"""How a model calls its modules: what may be edited depends on it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_hook

from fieldscope.frontends.inputs import Axes
from fieldscope.frontends.torch.trace import trace

Shape: TypeAlias = tuple[int, ...]


@dataclass(slots=True)
class Call:
    """How often a module is called, and with what.

    Attributes:
        times: number of calls.
        arguments: number of arguments of the last call, by position and by name.
        given: shape of the only argument; None where it is no tensor.
        result: shape of the result; None where it is no tensor.
    """

    times: int = 0
    arguments: int = 0
    given: Shape | None = None
    result: Shape | None = None

    @property
    def keeps_shape(self) -> bool:
        """Whether one tensor goes in and one of the same shape comes out."""
        return self.arguments == 1 and self.given is not None and self.given == self.result


Calls: TypeAlias = Mapping[str, Call]


@dataclass(slots=True)
class _Watch:
    names: Mapping[int, str]
    thread: int = field(default_factory=threading.get_ident)
    found: dict[str, Call] = field(default_factory=dict)

    def __call__(self, module: nn.Module, args: Any, kwargs: Any, result: Any) -> None:
        name = self.names.get(id(module))
        if name is None or threading.get_ident() != self.thread:
            return
        call = self.found.setdefault(name, Call())
        call.times += 1
        call.arguments = len(args) + len(kwargs)
        only = [*args, *kwargs.values()][0] if call.arguments == 1 else None
        call.given = tuple(only.shape) if isinstance(only, torch.Tensor) else None
        call.result = tuple(result.shape) if isinstance(result, torch.Tensor) else None


def calls_of(model: nn.Module, inputs: Any, *, axes: Axes = None, example: Any = None) -> Calls:
    """Run a model once on shapes and note how it calls its modules, by their paths.

    Modules that aren't called are left out. A module with two paths goes by the first.

    Example:
        >>> net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU())
        >>> found = calls_of(net, (1, 3, 10, 12))
        >>> found["0"].result, found["1"].keeps_shape
        ((1, 8, 8, 10), True)
    """
    watch = _Watch({id(module): path for path, module in model.named_modules()})

    @contextlib.contextmanager
    def following(*_: Any) -> Iterator[None]:
        hook = register_module_forward_hook(watch, with_kwargs=True)
        try:
            yield
        finally:
            hook.remove()

    trace(model, inputs, axes=axes, example=example, follow=following)
    return watch.found
