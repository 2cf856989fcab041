"""The neutral run: every function of PyTorch's does what its stand-in says."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch.overrides import resolve_name

from fieldscope.measure.torch.functions import Functions, in_place, short_name
from fieldscope.measure.torch.neutral import (  # noqa: F401  # they fill the table
    mixing,
    pointwise,
    products,
    windows,
)
from fieldscope.measure.torch.neutral.facts import Facts
from fieldscope.measure.torch.neutral.table import (
    MOVING,
    PASSIVE,
    SILENT,
    TABLE,
    Call,
    detached,
    mapped,
    tensors_in,
)

NUMBERS = frozenset(
    "item tolist numpy bool float int index array deepcopy complex contains array_wrap".split()
)
"""Functions that leave PyTorch, where no gradient follows."""

FACTORIES = frozenset(
    """
    zeros ones empty full rand randn arange linspace logspace eye tensor as_tensor scalar_tensor
    zeros_like ones_like empty_like full_like rand_like randn_like new_zeros new_ones new_full
    new_empty new_tensor hann_window hamming_window cartesian_prod
    """.split()
)
SPREADING = frozenset("expand expand_as repeat tile broadcast_to broadcast_tensors".split())


class Neutral(Functions):
    """Replaces what a model computes while it runs.

    Every function becomes the mean of all that it reads: a gradient through the run is
    positive wherever an input can matter at all, nothing dies, cancels or explodes, and a
    gradient that starts as 1 says how likely a walk back from the output comes to an element,
    if it chooses evenly among all that is read.

    Args:
        facts: what is known of tensors; of the inputs to begin with.
        dtype: the type of numbers that the model computes in.

    Attributes:
        unknown: functions that ran as they are, since they have no stand-in.
    """

    def __init__(self, facts: Facts, dtype: torch.dtype) -> None:
        super().__init__()
        self.facts = facts
        self.unknown: dict[str, None] = {}
        self._dtype = dtype

    def call(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run a function's stand-in, if anything that it reads depends on an input."""
        name = short_name(function)
        spelled = getattr(function, "__name__", "")
        if (spelled.startswith("__") and spelled.strip("_") in NUMBERS) or name in NUMBERS - {
            "float",
            "int",
            "bool",
        }:
            return function(*detached(args), **detached(kwargs))
        if spelled in ("requires_grad_", "detach_"):
            return args[0]
        if name == "dtype":  # to the model, numbers are as precise as it expects
            own = function(*args, **kwargs)
            return self._dtype if own is torch.float64 else own
        if name in SILENT:
            return _doubled(name, function(*args, **kwargs))
        tensors = tensors_in((args, kwargs))
        dependent = [one for one in tensors if self.facts.depends(one)]
        if not dependent:
            types = {one.dtype for one in tensors if one.is_floating_point()}
            with torch.no_grad():  # of weights that a function closes over
                if torch.float64 in types and len(types) > 1:
                    return self._passed(function, name, args, kwargs)
                return _doubled(name, function(*args, **kwargs))
        for one in dependent:
            if isinstance(one.grad_fn, torch.autograd.function.BackwardCFunction):
                self.unknown[type(one.grad_fn).__name__.removesuffix("Backward")] = None
        with torch.enable_grad():
            result = self._answer(function, name, args, kwargs)
            self._learn(name, dependent, result)
        return result

    def _answer(
        self, function: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        stand_in = TABLE.get(name)
        if stand_in is None:
            if name not in PASSIVE:
                self.unknown[_spelled(function)] = None
            return self._passed(function, name, args, kwargs)
        if in_place(function) and stand_in is pointwise.means:
            others = [one for one in tensors_in(args[1:]) if self.facts.depends(one)]
            if not others and self.facts.depends(args[0]):
                return args[0]
        out = kwargs.pop("out", None)
        call = Call(function, name, self.facts, self._dtype)
        result = stand_in(call, *args, **kwargs)
        target = args[0] if in_place(function) else out
        if isinstance(target, torch.Tensor) and isinstance(result, torch.Tensor):
            known = self.facts.of(result)
            self.facts.forget(target)
            if target.is_floating_point():
                target.copy_(result)
                self.facts.note(target, live=known.live, trace=known.trace)
            else:
                self.facts.note(target, trace=self.facts.gradient_of(result))
            return target
        return result

    def _passed(
        self, function: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """What the function itself does, in double precision."""
        target = args[0] if in_place(function) else kwargs.get("out")

        def ready(one: torch.Tensor) -> torch.Tensor:
            small = one.is_floating_point() and one.dtype != torch.float64
            return one.double() if small and one is not target else one

        result = function(*mapped(ready, args), **mapped(ready, kwargs))
        if isinstance(target, torch.Tensor):
            self.facts.forget(target)
        elif name in MOVING:
            self._move(function, args, kwargs, result)
        return result

    def _move(
        self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        """What is known of the tensors, moved as they are."""
        known = [self.facts.of(one) for one in tensors_in((args, kwargs))]
        several = any(isinstance(one, (list, tuple)) for one in args)
        if any(one.trace is not None for one in known):

            def traced(one: torch.Tensor) -> torch.Tensor:
                trace = self.facts.of(one).trace
                if trace is None and several and not one.is_floating_point():
                    return torch.zeros(one.shape, dtype=torch.float64, device=one.device)
                return one if trace is None else trace

            traces = function(*mapped(traced, args), **mapped(traced, kwargs))
            for one, trace in zip(tensors_in(result), tensors_in(traces), strict=True):
                self.facts.note(one, trace=trace)
        if any(one.live is not None for one in known):

            def living(one: torch.Tensor) -> torch.Tensor:
                live = self.facts.of(one).live
                if live is None and several and one.is_floating_point():
                    return torch.ones(one.shape, dtype=torch.bool, device=one.device)
                return one if live is None else live.expand(one.shape)

            lives = function(*mapped(living, args), **mapped(living, kwargs))
            for one, live in zip(tensors_in(result), tensors_in(lives), strict=True):
                self.facts.note(one, live=live)

    def _learn(self, name: str, dependent: Iterable[torch.Tensor], result: Any) -> None:
        """What is computed from statistics alone is one."""
        known = [self.facts.of(one) for one in dependent]
        if not all(one.statistic for one in known):
            return
        shapes = [one.shape for one in dependent]
        sources = [one.source for one in known]
        source = sources[0] if all(one is sources[0] for one in sources) else None
        for one in tensors_in(result):
            wider = one.dim() > 2 and one.numel() > max(shape.numel() for shape in shapes)
            spread = wider and (name in SPREADING or name.startswith("upsample"))
            spread = spread or any(one.spread for one in known)
            self.facts.note(one, statistic=True, spread=spread, source=source)


def _doubled(name: str, result: Any) -> Any:
    """New tensors in double precision: gradients of single precision would overflow."""
    if name in FACTORIES and isinstance(result, torch.Tensor) and result.is_floating_point():
        return result.double()
    return result


def _spelled(function: Any) -> str:
    try:
        return str(resolve_name(function) or short_name(function))
    except Exception:  # what has no place in PyTorch has no name there
        return short_name(function)
