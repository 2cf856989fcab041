"""Inputs to measure with: the user's own, or random ones of the shapes that are given."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.parameter import UninitializedParameter

from fieldscope.errors import InputError, ModelError
from fieldscope.frontends.inputs import Axes
from fieldscope.frontends.torch.inputs import given, spatial_axes
from fieldscope.frontends.torch.trace import roots_of, weight_type
from fieldscope.wording import listed


@dataclass(frozen=True)
class Samples:
    """Arguments for some runs of a model, and the input that is measured.

    Attributes:
        input: name of the input that is measured.
        spatial: its spatial axes.
        axes: their names.
        dtype: type of the model's numbers.
        count: number of runs.
        names: names of the inputs that are tensors.
    """

    input: str
    spatial: tuple[int, ...]
    axes: tuple[str, ...]
    dtype: torch.dtype
    count: int
    names: tuple[str, ...]
    _args: tuple[Any, ...]
    _kwargs: Mapping[str, Any]
    _seed: int
    _device: torch.device

    def __iter__(self) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
        """The arguments of each run; tensors of their own."""
        generator = torch.Generator().manual_seed(self._seed)

        def made(one: Any) -> Any:
            if isinstance(one, _Shape):
                drawn = torch.randn(one.extents, generator=generator)
                return drawn.to(self._device, self.dtype)
            if isinstance(one, torch.Tensor):
                kept = one.detach().to(self._device)
                return kept.to(self.dtype) if kept.is_floating_point() else kept
            return one

        for _ in range(self.count):
            args = tuple(made(one) for one in self._args)
            yield args, {name: made(one) for name, one in self._kwargs.items()}

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the input that is measured, with batch."""
        given = [one for one in (*self._args, *self._kwargs.values()) if _has_shape(one)]
        one = dict(zip(self.names, given, strict=True))[self.input]
        return tuple(one.extents if isinstance(one, _Shape) else one.shape)

    def named(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, torch.Tensor]:
        """The tensors among arguments by the names of the inputs."""
        tensors = [one for one in (*args, *kwargs.values()) if isinstance(one, torch.Tensor)]
        return dict(zip(self.names, tensors, strict=True))


@dataclass(frozen=True)
class _Shape:
    extents: tuple[int, ...]


def _has_shape(one: Any) -> bool:
    return isinstance(one, (_Shape, torch.Tensor))


def samples_of(
    model: Callable[..., Any],
    inputs: Any,
    *,
    input: str | None = None,
    axes: Axes = None,
    samples: int = 1,
    seed: int = 0,
) -> Samples:
    """Read what a user gives as inputs.

    Args:
        model: module or callable on tensors.
        inputs: shape, tensor, or several of them by position or name.
        input: name of the input to measure; None for the only one with spatial axes.
        axes: spatial axes of the inputs; see `fieldscope.analyze`.
        samples: number of random inputs, where shapes are given.
        seed: seed of those.

    Raises:
        InputError: the inputs don't fit, or it isn't clear which one is measured.
        ModelError: the model can't be called, or its weights have no values.
    """
    if not callable(model):
        raise ModelError(
            f"the model is {type(model).__name__}, which can't be called; "
            "pass an nn.Module or a function of tensors"
        )
    if not isinstance(samples, int) or samples < 1:
        raise InputError(f"samples is {samples!r}; it must be a whole number, 1 or more")
    dtype, device = weight_type(model), _device(model)
    call = given(model, inputs, dtype)
    places = spatial_axes(call.tensors, axes)
    found = [name for name, (own, _) in places.items() if own]
    if input is None and len(found) > 1:
        raise InputError(
            f"the model has several inputs with spatial axes: {listed(list(map(repr, found)))}\n"
            f"say which one is measured, such as input={found[0]!r}"
        )
    chosen = found[0] if input is None else input
    if chosen not in found:
        raise InputError(
            f"there is no input {chosen!r} with spatial axes; "
            f"those that have some are {listed(list(map(repr, found)))}"
        )
    own = _own(inputs, len(call.args))
    kwargs = {name: _kept(one) for name, one in own.items()} if isinstance(own, dict) else {}
    args = () if isinstance(own, dict) else tuple(_kept(one) for one in own)
    random = any(isinstance(one, _Shape) for one in (*args, *kwargs.values()))
    return Samples(
        input=chosen,
        spatial=places[chosen][0],
        axes=places[chosen][1],
        dtype=dtype,
        count=samples if random else 1,
        names=tuple(call.tensors),
        _args=args,
        _kwargs=kwargs,
        _seed=seed,
        _device=device,
    )


def _own(inputs: Any, count: int) -> Any:
    if isinstance(inputs, Mapping):
        return {str(name): one for name, one in inputs.items()}
    if isinstance(inputs, (torch.Tensor, torch.Size)):
        return [inputs]
    alone = all(isinstance(extent, (int, float)) for extent in inputs)
    return [inputs] if alone and count == 1 else list(inputs)


def _kept(one: Any) -> Any:
    if isinstance(one, (list, tuple)):
        return _Shape(tuple(int(extent) for extent in one))
    return one


def _device(model: Callable[..., Any]) -> torch.device:
    """Where the model's weights are."""
    for root in roots_of(model).values():
        for name, weight in root.named_parameters():
            if isinstance(weight, UninitializedParameter):
                raise ModelError(
                    f"no gradient can be measured: {name} is lazy and has no values yet\n"
                    "run the model once on a real input before"
                )
            if weight.is_meta:
                raise ModelError(
                    "no gradient can be measured: the model was built without values for its "
                    f"weights, such as {name}\nbuild it with values"
                )
            if weight.is_inference():
                raise ModelError(
                    "no gradient can be measured: the model was built under torch.inference_mode, "
                    f"as its weight {name} was\nbuild it outside"
                )
    for root in roots_of(model).values():
        for weight in root.parameters():
            return weight.device
    return torch.device("cpu")
