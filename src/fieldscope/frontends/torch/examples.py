"""Arrays as the tensors that a model takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import torch

from fieldscope.errors import InputError, ModelError
from fieldscope.frontends.examples import Array, Arrays
from fieldscope.frontends.torch.trace import roots_of, weight_type

Tensors: TypeAlias = tuple[torch.Tensor, ...] | dict[str, torch.Tensor]


def tensors(model: Callable[..., Any], arrays: Arrays) -> Tensors:
    """Make example inputs for a model from arrays.

    Floating-point arrays take the type of the model's weights, since NumPy makes
    them in double precision unless told otherwise.

    Raises:
        ModelError: the model's weights have no values, so that nothing can be run.
        InputError: PyTorch has no such type of numbers.
    """
    for root in roots_of(model).values():
        for name, weight in root.named_parameters():
            if weight.is_meta:
                raise ModelError(
                    f"no example can be run: the model was built without values for its weights, "
                    f"such as {name}\n"
                    "name code that builds it with values, such as ./file.py:build"
                )
    dtype = weight_type(model)
    if isinstance(arrays, dict):
        return {name: _tensor(array, dtype) for name, array in arrays.items()}
    return tuple(_tensor(array, dtype) for array in arrays)


def _tensor(array: Array, dtype: torch.dtype) -> torch.Tensor:
    try:
        made = torch.from_numpy(array)
    except TypeError as error:
        raise InputError(f"an example holds elements of type {array.dtype}: {error}") from error
    return made.to(dtype) if made.is_floating_point() else made
