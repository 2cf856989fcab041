"""Another window for a convolution or pooling layer: its configuration, and its weights.

The layers are edited where they are, so that names, hooks and other attributes stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import torch
from torch import nn

from fieldscope.analyses.edits import Numbers, Reshape

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
MAXIMA = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d)
MEANS = (nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d)
NORMS = (nn.LPPool1d, nn.LPPool2d, nn.LPPool3d)
# Largest first: a layer is of the first that it derives from.
SLIDING = (*CONVOLUTIONS, *TRANSPOSED, *MAXIMA, *MEANS, *NORMS)
WITH_WEIGHTS = (*CONVOLUTIONS, *TRANSPOSED)

_Kind: TypeAlias = type[nn.Module]
# What the forward of a convolution calls, which a class may replace, too.
_INNER = ("forward", "_conv_forward", "_output_padding")


@dataclass(frozen=True, slots=True)
class Window:
    """A layer's window, per axis; `padding` may be "same" or "valid" for convolutions."""

    kernel: Numbers
    stride: Numbers
    padding: Numbers | str
    dilation: Numbers


def base_of(module: nn.Module) -> _Kind | None:
    """PyTorch's own class of sliding layers that a module is of; None if it is of none.

    >>> base_of(nn.MaxPool2d(2)).__name__, base_of(nn.ReLU())
    ('MaxPool2d', None)
    """
    return next((kind for kind in SLIDING if isinstance(module, kind)), None)


def window_of(module: nn.Module) -> Window:
    """The window of a sliding layer as it is configured.

    >>> window_of(nn.MaxPool2d(3, stride=2, padding=(1, 0)))
    Window(kernel=(3, 3), stride=(2, 2), padding=(1, 0), dilation=(1, 1))
    """
    kind = base_of(module)
    assert kind is not None, "only sliding layers have a window"
    axes = int(kind.__name__[-2])
    held: Any = module
    kernel = _each(held.kernel_size, axes)
    stride = kernel if held.stride is None else _each(held.stride, axes)
    padding = getattr(held, "padding", 0)
    return Window(
        kernel=kernel,
        stride=stride,
        padding=padding if isinstance(padding, str) else _each(padding, axes),
        dilation=_each(getattr(held, "dilation", 1), axes),
    )


def edited(window: Window, edit: Reshape) -> Window:
    """The window that an edit makes of another.

    PyTorch runs pooling along one axis as pooling of a map with a single row; where an edit says
    of that row that nothing slides along it, it is left out.

    >>> edited(window_of(nn.MaxPool1d(3, 1)), Reshape("", kernel=(1, 2), stride=(1, 2))).kernel
    (2,)
    """
    neutral = {"kernel": 1, "stride": 1, "padding": 0, "dilation": 1}
    parts = {key: getattr(edit, key) for key in neutral}
    given = {key: tuple(one) for key, one in parts.items() if one is not None}
    axes = len(window.kernel)
    if all(len(one) == axes + 1 and one[0] == neutral[key] for key, one in given.items()):
        given = {key: one[1:] for key, one in given.items()}
    return replace(window, **given)


def why_not_at_all(module: nn.Module) -> str | None:
    """Why no window can be given to a layer, whatever the edit; None if one can."""
    kind = base_of(module)
    own = type(module).__name__
    if kind is None:
        return f"its class {own} has no window that could be edited"
    if isinstance(module, torch.jit.ScriptModule):
        return "it is a compiled script"
    replaced = [name for name in _INNER if getattr(type(module), name, None) is not _of(kind, name)]
    if replaced or "forward" in vars(module):
        return f"its class {own} slides its window in a way of its own"
    if getattr(module, "return_indices", False):
        return "it hands on the places of its maxima, which another layer needs"
    return None


def why_not(module: nn.Module, edit: Reshape) -> str | None:
    """Why an edit can't be carried out on a layer; None if it can."""
    found = why_not_at_all(module)
    if found is not None:
        return found
    old = window_of(module)
    new = edited(old, edit)
    axes = len(old.kernel)
    for word, numbers, least in (
        ("kernel", new.kernel, 1),
        ("stride", new.stride, 1),
        ("padding", new.padding, 0),
        ("dilation", new.dilation, 1),
    ):
        if isinstance(numbers, str):
            continue
        if len(numbers) != axes:
            return f"it has {axes} axes, and {word} {_shown(numbers)} is for {len(numbers)}"
        if any(one < least for one in numbers):
            return f"{word} {_shown(numbers)} is less than {least}"
    if isinstance(module, (*MEANS, *NORMS)) and new.dilation != old.dilation:
        return f"its class {type(module).__name__} has no dilation"
    if isinstance(module, NORMS) and new.padding != old.padding:
        return f"its class {type(module).__name__} has no padding"
    if new.padding == "same" and set(new.stride) != {1}:
        return f'its padding "same" isn\'t defined for stride {_shown(new.stride)}'
    if isinstance(module, (*MAXIMA, *MEANS)):
        pads: Any = new.padding
        if any(2 * pad > size for pad, size in zip(pads, new.kernel, strict=True)):
            return f"padding {_shown(pads)} is over half of kernel {_shown(new.kernel)}"
    if isinstance(module, TRANSPOSED):
        spare = tuple(getattr(module, "output_padding", ()))
        for one, stride, dilation in zip(spare, new.stride, new.dilation, strict=True):
            if one >= max(stride, dilation):
                return f"its output_padding {_shown(spare)} needs a larger stride"
    if new.kernel != old.kernel and isinstance(module, WITH_WEIGHTS):
        return why_weights_stay(module)
    return None


def why_weights_stay(module: nn.Module) -> str | None:
    """Why a layer can't be given other weights; None if it can."""
    weight = module._parameters.get("weight")
    if weight is None:
        return "its weight is computed from others (weight_norm, spectral_norm or pruning)"
    if nn.parameter.is_lazy(weight):
        return "its weight has no shape before the model has been run once"
    return None


def reshape(module: nn.Module, edit: Reshape) -> None:
    """Give a layer another window, where it is; `why_not` has said that it can be."""
    old = window_of(module)
    new = edited(old, edit)
    held: Any = module
    if isinstance(module, WITH_WEIGHTS):
        held.kernel_size, held.stride, held.dilation = new.kernel, new.stride, new.dilation
        held.padding = new.padding
        # What convolutions pad by where they don't pad with zeros.
        held._reversed_padding_repeated_twice = _both_ends(new)
        if new.kernel != old.kernel:
            module.register_parameter("weight", _refitted(held.weight, new.kernel))
        return
    names = {"kernel_size": "kernel", "stride": "stride", "padding": "padding"}
    for attribute, key in {**names, "dilation": "dilation"}.items():
        if hasattr(module, attribute):
            value = getattr(new, key)
            plain = isinstance(getattr(module, attribute), int) and len(set(value)) == 1
            setattr(module, attribute, value[0] if plain else value)


def middle(have: Sequence[int], want: Sequence[int]) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Where kernels of two sizes lie on one another: the part of the old one, and of the new.

    >>> middle((7, 3), (3, 5))
    ((slice(2, 5, None), slice(0, 3, None)), (slice(0, 3, None), slice(1, 4, None)))
    """
    taken, put = [], []
    for old, new in zip(have, want, strict=True):
        shared, first, second = min(old, new), max(old - new, 0) // 2, max(new - old, 0) // 2
        taken.append(slice(first, first + shared))
        put.append(slice(second, second + shared))
    return tuple(taken), tuple(put)


def _refitted(weight: nn.Parameter, kernel: Numbers) -> nn.Parameter:
    """The weight for another kernel: the middle of the old one, zeros around it."""
    taken, put = middle(weight.shape[2:], kernel)
    with torch.no_grad():
        made = weight.new_zeros((*weight.shape[:2], *kernel))
        made[(slice(None), slice(None), *put)] = weight[(slice(None), slice(None), *taken)]
    return nn.Parameter(made, requires_grad=weight.requires_grad)


def _both_ends(window: Window) -> list[int]:
    """Padding at both ends of each axis, the last axis first, as `nn.functional.pad` takes it."""
    found: list[int] = []
    for axis in reversed(range(len(window.kernel))):
        if window.padding == "valid":
            found += [0, 0]
        elif window.padding == "same":
            total = window.dilation[axis] * (window.kernel[axis] - 1)
            found += [total // 2, total - total // 2]
        else:
            pad: Any = window.padding[axis]
            found += [pad, pad]
    return found


def _each(value: Any, axes: int) -> Numbers:
    """A number per axis, where one may stand for all."""
    return (int(value),) * axes if isinstance(value, int) else tuple(map(int, value))


def _of(kind: _Kind, name: str) -> Any:
    return getattr(kind, name, None)


def _shown(numbers: Sequence[int]) -> str:
    return "×".join(map(str, numbers))
