"""What users give as inputs: shapes, tensors, several of them, by position or by name."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch

from fieldscope.errors import InputError
from fieldscope.frontends import inputs as inputs_of
from fieldscope.frontends.inputs import Axes, Spec
from fieldscope.frontends.torch.shaped import shaped

# PyTorch counts bytes in 64 bits.
_MOST = 1 << 59


class Given(NamedTuple):
    """Arguments for the call, and the tensors among them that are inputs, by name."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    tensors: dict[str, torch.Tensor]


def given(model: Callable[..., Any], inputs: Any, dtype: torch.dtype) -> Given:
    """Turn the user's inputs into arguments on the meta device.

    Args:
        model: the model, for the names of its parameters.
        inputs: shape, tensor, or a sequence or mapping of those.
        dtype: type of inputs that are given as shapes.

    Raises:
        InputError: a shape isn't one.
    """
    names = parameter_names(model)
    if isinstance(inputs, Mapping):
        kwargs = {str(key): _tensor(one, str(key), dtype) for key, one in inputs.items()}
        tensors = {key: one for key, one in kwargs.items() if isinstance(one, torch.Tensor)}
        return Given((), kwargs, tensors)
    several = [inputs] if _is_one(inputs) else list(inputs)
    args = []
    tensors = {}
    for place, one in enumerate(several):
        name = names[place] if place < len(names) else f"input_{place}"
        args.append(_tensor(one, name, dtype))
        if isinstance(args[-1], torch.Tensor):
            tensors[name] = args[-1]
    return Given(tuple(args), {}, tensors)


def real(model: Callable[..., Any], example: Any) -> Given:
    """Turn the user's example into arguments that are run for real."""
    names = parameter_names(model)
    if isinstance(example, Mapping):
        tensors = {k: v for k, v in example.items() if isinstance(v, torch.Tensor)}
        return Given((), dict(example), tensors)
    args = (example,) if isinstance(example, torch.Tensor) else tuple(example)
    tensors = {}
    for place, one in enumerate(args):
        if isinstance(one, torch.Tensor):
            tensors[names[place] if place < len(names) else f"input_{place}"] = one
    return Given(args, {}, tensors)


def parameter_names(model: Callable[..., Any]) -> list[str]:
    """Names of the positional parameters of a model's forward."""
    function = model.forward if isinstance(model, torch.nn.Module) else model
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [p.name for p in parameters if p.kind in kinds]


def _short(given: Any) -> str:
    """What was given, or its kind where that is long to read."""
    text = repr(given)
    return text if len(text) < 60 else f"a {type(given).__name__}"


def _is_one(inputs: Any) -> bool:
    if isinstance(inputs, (torch.Tensor, torch.Size)):
        return True
    if not isinstance(inputs, (list, tuple)):
        raise InputError(
            f"inputs is {_short(inputs)}; give a shape with batch such as (1, 3, 224, 224), "
            "a tensor, or a tuple or dict of several"
        )
    return all(isinstance(extent, (int, float)) for extent in inputs)


def _tensor(one: Any, name: str, dtype: torch.dtype) -> Any:
    if isinstance(one, torch.Tensor):
        return shaped(torch.empty_strided(one.shape, one.stride(), dtype=one.dtype, device="meta"))
    if not isinstance(one, (list, tuple)):
        return one
    if not all(isinstance(extent, int) and not isinstance(extent, bool) for extent in one):
        raise InputError(
            f"the shape of input {name!r} is {one!r}; a shape has whole numbers only, "
            "such as (1, 3, 224, 224)"
        )
    if any(extent < 1 for extent in one) or not one:
        raise InputError(
            f"the shape of input {name!r} is {tuple(one)}; every extent must be 1 or more"
        )
    if math.prod(one) > _MOST:
        raise InputError(
            f"the shape of input {name!r} is {tuple(one)}, of {math.prod(one):,} elements: more "
            "than a tensor can have"
        )
    return shaped(torch.empty(tuple(one), dtype=dtype, device="meta"))


def spatial_axes(
    tensors: Mapping[str, torch.Tensor], axes: Axes
) -> dict[str, tuple[tuple[int, ...], tuple[str, ...]]]:
    """The spatial axes of each input and their names; see `fieldscope.frontends.inputs`."""
    specs = {
        name: Spec(tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."))
        for name, tensor in tensors.items()
    }
    return inputs_of.spatial_axes(specs, axes)
