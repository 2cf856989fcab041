"""Reductions, softmax, sorting, prefixes and transforms along axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from fieldscope.frontends.lowering import recurrent
from fieldscope.frontends.torch.lowering.call import Call
from fieldscope.frontends.torch.lowering.registry import lowers
from fieldscope.frontends.torch.shaped import Shaped

REDUCTIONS = """
sum nansum nanmean prod amax amin aminmax max min median nanmedian mode any all
argmax argmin var std var_mean std_mean logsumexp count_nonzero
""".split()


def _axes(x: torch.Tensor, args: Sequence[Any], kwargs: dict[str, Any]) -> tuple[int, ...]:
    """The axes that a reduction removes: its first argument that lists axes, else all."""
    named = kwargs.get("dim")
    found = (
        named
        if named is not None
        else next(
            (a for a in args if isinstance(a, (int, list, tuple)) and not isinstance(a, bool)), None
        )
    )
    if found is None or (isinstance(found, (list, tuple)) and not found):
        return tuple(range(x.dim()))
    axes = [found] if isinstance(found, int) else list(found)
    return tuple(axis % x.dim() for axis in axes) if x.dim() else ()


def _reduce(call: Call, x: torch.Tensor, axes: tuple[int, ...]) -> int | tuple[int, ...]:
    keep = len(call.shape) == x.dim() and bool(axes)
    value = call.reduce(call.value(x), axes, keep=keep) if axes else call.pointwise(x)
    return value if len(call.results) == 1 else (value,) * len(call.results)


def _mean(x: torch.Tensor, *args: Any, **named: Any) -> torch.Tensor | None:
    # PyTorch's own shape function imports its compiler, which takes a second.
    keep = args[1] if len(args) > 1 else named.get("keepdim", False)
    if named.get("dtype") is not None or not isinstance(x, Shaped) or not x.is_floating_point():
        return None
    axes = _axes(x, args, named)
    kept = [1 if k in axes else n for k, n in enumerate(x.shape) if keep or k not in axes]
    return x.twin.new_empty(kept)


@lowers("mean", shapes=_mean)
@lowers(*REDUCTIONS)
def reduction(call: Call, x: torch.Tensor, *args: Any, **kwargs: Any) -> int | tuple[int, ...]:
    """The whole of the axes."""
    return _reduce(call, x, _axes(x, args, kwargs))


@lowers("linalg_vector_norm", "norm", "kthvalue")
def norm(call: Call, x: torch.Tensor, order: Any = 2, axes: Any = None, *_: Any, **kw: Any) -> Any:
    """The whole of the axes; the first argument is the order of the norm."""
    return _reduce(call, x, _axes(x, [axes], kw))


@lowers("max.other", "min.other")
def extremum(call: Call, x: torch.Tensor, y: torch.Tensor) -> int:
    """Position for position."""
    return call.pointwise(x, y)


def _like(x: torch.Tensor, *_: Any, **named: Any) -> torch.Tensor | None:
    if named.get("dtype") is not None or not isinstance(x, Shaped) or not x.is_floating_point():
        return None
    return torch.empty_like(x.twin)


@lowers("_softmax", "_safe_softmax", shapes=_like)
@lowers("softmax")
def softmax(call: Call, x: torch.Tensor, axis: int, *_: Any, **__: Any) -> int:
    """The whole of an axis, at every position of it; minus infinity turns to zero."""
    return call.mix(call.value(x), (axis,), softmax=True)


@lowers("_log_softmax", shapes=_like)
@lowers("log_softmax", "sort", "argsort", "_weight_norm_interface")
def along(call: Call, x: torch.Tensor, *args: Any, **kwargs: Any) -> int | tuple[int, ...]:
    """The whole of an axis, at every position of it."""
    axis = kwargs.get("dim", next((a for a in args if type(a) is int), -1))
    value = call.mix(call.value(x), (axis,))
    return value if len(call.results) == 1 else (value,) * len(call.results)


@lowers("renorm")
def renorm(call: Call, x: torch.Tensor, order: Any, axis: int, *_: Any) -> int:
    """The norm of each slice along an axis: all other axes."""
    return call.mix(call.value(x), (k for k in range(x.dim()) if k != axis % x.dim()))


@lowers("sort.stable")
def sort_stable(
    call: Call, x: torch.Tensor, *, stable: bool | None = None, dim: int = -1, **_: Any
) -> tuple[int, ...]:
    """The whole of an axis."""
    value = call.mix(call.value(x), (dim,))
    return value, value


@lowers("topk")
def topk(call: Call, x: torch.Tensor, k: int, axis: int = -1, *_: Any) -> tuple[int, ...]:
    """The whole of an axis, for each of the k results."""
    value = call.mix(call.value(x), (axis,), call.shape)
    return value, value


@lowers("cumsum", "cumprod", "cummax", "cummin", "logcumsumexp", "_cummax_helper", "_cummin_helper")
def prefix(call: Call, x: torch.Tensor, axis: int, *_: Any, **__: Any) -> int | tuple[int, ...]:
    """Element o reads elements 0 to o."""
    if x.dim() == 0:
        value = call.pointwise(x)
    else:
        value = recurrent.prefix(call, call.value(x), axis % x.dim())
    return value if len(call.results) == 1 else (value,) * len(call.results)


@lowers("_fft_r2c", "_fft_c2c", "_fft_c2r")
def fft(call: Call, x: torch.Tensor, axes: Sequence[int], *_: Any) -> int:
    """The whole of the transformed axes."""
    return call.mix(call.value(x), axes, call.shape)


@lowers("nonzero", "_unique", "_unique2", "unique_dim", "unique_consecutive", "masked_select")
def data_dependent(call: Call, x: torch.Tensor, *args: Any, **_: Any) -> tuple[int, ...]:
    """Its extent is decided by the values: everything may matter."""
    tensors = [x, *(a for a in args if isinstance(a, torch.Tensor))]
    return call.opaque(tensors, "its extent depends on the input's values")
