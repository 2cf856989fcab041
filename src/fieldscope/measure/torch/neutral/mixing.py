"""Stand-ins for functions that read whole axes: reductions, softmax, sorting, recurrence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from fieldscope.measure.torch.neutral.facts import is_statistic
from fieldscope.measure.torch.neutral.pointwise import HIDES
from fieldscope.measure.torch.neutral.table import (
    Call,
    axes_of,
    mean_of,
    spread_out,
    stands_in,
)

REDUCTIONS = """
sum mean amax amin max min argmax argmin prod any all std var var_mean std_mean logsumexp
linalg_vector_norm norm median nanmedian mode kthvalue nansum nanmean count_nonzero aminmax
special_logsumexp linalg_norm frobenius_norm nuclear_norm
""".split()


@stands_in(*REDUCTIONS)
def reduce(call: Call, x: torch.Tensor, *arguments: Any, **options: Any) -> Any:
    """The mean over the axes, beside what the function says of indices."""
    others = [one for one in arguments if isinstance(one, torch.Tensor)]
    if call.name in ("max", "min") and others:  # the larger of two tensors
        operands = call.dependent([x, *others])
        return call.join(operands, torch.broadcast_shapes(x.shape, others[0].shape))
    own = call.values(x, *arguments, **options)
    first = own[0] if isinstance(own, tuple) else own
    read = _reduced(call, x, first.shape, arguments, options)
    if not isinstance(own, tuple):
        return _as(call, own, read)
    return type(own)([_as(call, one, read) for one in own])


def _reduced(
    call: Call, x: torch.Tensor, shape: Sequence[int], arguments: Any, options: Any
) -> torch.Tensor:
    """X with the mean over its reduced axes, in the shape that the function's result has."""
    source = call.facts.gradient_of(x)
    place = 1 if call.name in ("linalg_vector_norm", "norm", "kthvalue", "linalg_norm") else 0
    axes = options.get("dim", options.get("axis"))
    if axes is None and len(arguments) > place:
        axes = arguments[place]
    if isinstance(axes, bool):  # var(unbiased)
        axes = None
    if axes is None and call.name in ("kthvalue", "mode"):
        axes = -1
    found = axes_of(axes, x.dim())
    result = source.mean(found).reshape(tuple(shape)) if found else source.clone()
    known = call.facts.of(x)
    if known.statistic:
        call.facts.note(result, statistic=True, source=known.source)
    elif is_statistic(x.shape, shape):
        call.facts.note(result, statistic=True, source=source)
    return result


def _as(call: Call, own: torch.Tensor, read: torch.Tensor) -> torch.Tensor:
    """What was read, as a number; as the trace of an index or truth value."""
    if own.is_floating_point() or own.is_complex():
        return read
    known = call.facts.of(read)
    call.facts.note(own, trace=read, statistic=known.statistic, source=known.source)
    return own


@stands_in("softmax", "log_softmax", "softmin", "safe_softmax")
def softmax(call: Call, x: torch.Tensor, dim: Any = -1, *_: Any, **__: Any) -> torch.Tensor:
    """The mean over what a mask doesn't hide; zero at what it hides."""
    axis = dim if isinstance(dim, int) else -1
    live = x.detach() > HIDES
    if live.all():
        return spread_out(x.mean(axis, keepdim=True), x.shape)
    # A row of equal scores reads all of them, if they aren't minus infinity.
    live = live | (~live.any(axis, keepdim=True) & x.detach().isfinite())
    weights = live.double() / live.sum(axis, keepdim=True).clamp(min=1)
    seen = torch.where(live, x, torch.zeros_like(x))
    mean = (seen * weights).sum(axis, keepdim=True)
    result = torch.where(live, mean, torch.zeros_like(x))
    call.facts.note(result, live=live)
    return result


@stands_in("sort", "topk", "argsort", "msort", "unique")
def sort(call: Call, x: torch.Tensor, *arguments: Any, **options: Any) -> Any:
    """Every place along the axis reads the whole of it."""
    own = call.values(x, *arguments, **options)
    places = [one for one in arguments if type(one) is int]
    axis = options.get("dim", -1)
    if call.name == "msort":
        axis = 0
    elif call.name == "topk" and len(places) > 1:
        axis = places[1]
    elif call.name != "topk" and places:
        axis = places[0]
    mean = call.facts.gradient_of(x).mean(axis, keepdim=True)
    if isinstance(own, torch.Tensor):
        return _as(call, own, spread_out(mean, own.shape))
    return type(own)([_as(call, one, spread_out(mean, one.shape)) for one in own])


@stands_in("cumsum", "cumprod", "cummax", "cummin", "logcumsumexp")
def prefix(call: Call, x: torch.Tensor, dim: int, **_: Any) -> Any:
    """The mean of the elements up to each."""
    result = _prefix(call.facts.gradient_of(x), dim)
    if call.name not in ("cummax", "cummin"):
        return result
    own = call.values(x, dim)
    return type(own)([_as(call, one, result) for one in own])


def _prefix(x: torch.Tensor, axis: int, *, backward: bool = False) -> torch.Tensor:
    count = torch.arange(1, x.shape[axis] + 1, dtype=torch.float64, device=x.device)
    count = count.reshape(-1, *[1] * (x.dim() - 1 - axis % x.dim()))
    if backward:
        return (x.flip(axis).cumsum(axis) / count).flip(axis)
    return x.cumsum(axis) / count


@stands_in("diff")
def diff(call: Call, x: torch.Tensor, n: int = 1, dim: int = -1, **_: Any) -> torch.Tensor:
    """Neighbours."""
    for _step in range(n):
        extent = x.shape[dim] - 1
        x = (x.narrow(dim, 1, extent) + x.narrow(dim, 0, extent)) / 2
    return x


@stands_in(
    *(
        f"fft_{kind}{n}"
        for kind in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft")
        for n in ("", "2", "n")
    )
)
def fourier(call: Call, x: torch.Tensor, *arguments: Any, **options: Any) -> torch.Tensor:
    """Every frequency reads the whole of the axes; a complex number stands as one number."""
    own = call.values(x, *arguments, **options)
    axes = options.get("dim", arguments[1] if len(arguments) > 1 else None)
    if axes is None:
        axes = {"2": (-2, -1), "n": None}.get(call.name[-1], -1)
    mean = call.facts.gradient_of(x).mean(axes_of(axes, x.dim()), keepdim=True)
    return spread_out(mean, own.shape)


@stands_in("stft")
def stft(
    call: Call, x: torch.Tensor, n_fft: int, hop: Any = None, *others: Any, **options: Any
) -> Any:
    """Every frequency of a frame reads the whole frame."""
    own = call.values(x, n_fft, hop, *others, **options)
    frames = x.unfold(-1, n_fft, hop or n_fft // 4).mean(-1).unsqueeze(-2)
    return spread_out(frames if own.dim() == frames.dim() else frames.unsqueeze(-1), own.shape)


@stands_in("view_as_real")
def as_real(call: Call, x: torch.Tensor) -> torch.Tensor:
    """A complex number, which stands as one number, as two."""
    return torch.stack([x, x], -1)


@stands_in("view_as_complex")
def as_complex(call: Call, x: torch.Tensor) -> torch.Tensor:
    """Two numbers as a complex one."""
    return x.mean(-1)


@stands_in("lstm", "gru", "rnn_tanh", "rnn_relu")
def recurrent(call: Call, input: torch.Tensor, state: Any, *others: Any, **_: Any) -> Any:
    """A step reads the features of the steps up to it; behind it for the backward half."""
    if isinstance(state, torch.Tensor) and state.dim() == 1:  # packed: batch sizes
        return call.function(input, state, *others)
    parameters, _biases, layers, _dropout, _training, both, batch_first = others
    batched = input.dim() == 3
    time = 1 if batched and batch_first else 0
    hidden = parameters[1].shape[1]
    states = call.dependent([state])
    output = call.facts.gradient_of(input)
    for _layer in range(layers):
        features = output.mean(-1, keepdim=True)
        halves = [_prefix(features, time)]
        if both:
            halves.append(_prefix(features, time, backward=True))
        output = torch.cat([half.expand(*half.shape[:-1], hidden) for half in halves], -1)
    if states:
        means = [one.mean((0, -1)) for one in states]
        shape = [1] * output.dim()
        if batched:
            shape[1 - time] = -1
        output = mean_of([output, *(one.reshape(shape) for one in means)], output.shape)
    last = output.mean((time, -1))
    given = state if isinstance(state, (tuple, list)) else [state]
    ends = [spread_out(last.reshape(1, *last.shape, 1), one.shape) for one in given]
    return (output.contiguous(), *ends)


@stands_in("lstm_cell", "gru_cell", "rnn_tanh_cell", "rnn_relu_cell")
def recurrent_cell(call: Call, input: torch.Tensor, state: Any, *_: Any) -> Any:
    """The features of the input and of the state."""
    given = list(state) if isinstance(state, (tuple, list)) else [state]
    sources = call.dependent([input, given[0]])
    operands = [call.facts.gradient_of(one).mean(-1, keepdim=True) for one in sources]
    operands += call.dependent(given[1:])
    results = tuple(mean_of(operands, one.shape) for one in given)
    return results if isinstance(state, (tuple, list)) else results[0]
