"""Run a model in eval mode and leave it as it was found, also on errors."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import torch
from torch.nn.parameter import is_lazy

from fieldscope.errors import ModelError

_CONTAINERS = (list, dict, set)

_OF_EVERY_MODULE = tuple(
    key for key, value in vars(torch.nn.Module()).items() if isinstance(value, dict)
)
"""Containers that every module has: parameters, buffers, modules, hooks."""


@contextlib.contextmanager
def left_as_found(modules: Iterable[torch.nn.Module]) -> Iterator[Restorer]:
    """Set modules to eval mode inside the block; afterwards restore all their state.

    Restored are the mode, attributes, buffers and hooks of each module, containers that are
    attributes, and the random states of PyTorch, NumPy and Python.
    """
    restorer = Restorer()
    # Models draw from NumPy's global generator, if from NumPy at all.
    numpy_state = np.random.get_state()  # noqa: NPY002  # see above
    states = torch.get_rng_state(), random.getstate()
    fast = torch.backends.mha.get_fastpath_enabled()
    try:
        # Fused encoder layers have no single operators to analyse.
        torch.backends.mha.set_fastpath_enabled(False)
        for module in modules:
            restorer.take(module)
        yield restorer
    finally:
        restorer.restore()
        torch.backends.mha.set_fastpath_enabled(fast)
        torch.set_rng_state(states[0])
        np.random.set_state(numpy_state)  # noqa: NPY002  # see above
        random.setstate(states[1])


class Restorer:
    """What the modules were like."""

    def __init__(self) -> None:
        self._taken: dict[int, tuple[torch.nn.Module, dict[str, Any], list[tuple[Any, Any]]]] = {}
        self._training: list[torch.nn.Module] = []
        self._memory: list[tuple[torch.Tensor, int, torch.Tensor]] = []

    def take(self, module: torch.nn.Module) -> None:
        """Remember a module and set it to eval mode; again is harmless."""
        if id(module) in self._taken:
            return
        state = dict(vars(module))
        own = [state.get(key) for key in _OF_EVERY_MODULE]
        contents = [(v, v.copy() if v else None) for v in own if isinstance(v, dict)]
        contents += _containers(v for key, v in state.items() if key not in _OF_EVERY_MODULE)
        self._taken[id(module)] = (module, state, contents)
        for tensor in (*module._parameters.values(), *module._buffers.values()):
            if tensor is not None:
                if is_lazy(tensor):
                    raise ModelError(
                        f"{type(module).__name__} has weights whose shapes its first input decides"
                        "\nrun the model once on a real input, then analyse it"
                    )
                self._memory.append((tensor, tensor.untyped_storage()._cdata, tensor.data))
        if getattr(module, "training", False):  # frozen scripts have no mode
            self._training.append(module)
            module.training = False

    def restore(self) -> None:
        """Give every module back what it had."""
        for tensor, memory, data in self._memory:
            if tensor.untyped_storage()._cdata != memory:  # the forward assigned its .data
                tensor.data = data
        for module in self._training:
            module.training = True
        for module, state, contents in self._taken.values():
            current = vars(module)
            for key in [key for key in current if key not in state]:
                del current[key]
            for key, value in state.items():
                if key not in current or current[key] is not value:
                    current[key] = value
            for container, content in contents:
                if not _same(container, content):
                    _refill(container, content)


def _containers(values: Iterable[Any], depth: int = 0) -> Iterator[tuple[Any, Any]]:
    """Each container among some values, with a copy of it (None if empty), and those inside."""
    for value in values:
        if type(value) in _CONTAINERS:
            yield value, value.copy() if value else None
            if value and depth < 8:
                inside = value.values() if isinstance(value, dict) else value
                yield from _containers(inside, depth + 1)


def _same(container: Any, content: Any) -> bool:
    if content is None or not container:
        return not content and not container
    # By identity: elements may be tensors, which don't compare to a truth value.
    if len(container) != len(content):
        return False
    if isinstance(container, dict):
        return all(key in container and container[key] is v for key, v in content.items())
    if isinstance(container, set):
        return all(element in container for element in content)
    return all(one is other for one, other in zip(container, content, strict=True))


def _refill(container: Any, content: Any) -> None:
    container.clear()
    if content is None:
        return
    if isinstance(container, list):
        container.extend(content)
    else:
        container.update(content)
