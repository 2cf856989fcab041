"""Another number of input channels or features for a layer, whose weights begin anew."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from fieldscope.redesign.torch import windows

_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.LayerNorm)
_MULTIPLYING = (nn.Linear, *windows.WITH_WEIGHTS)


def why_not(module: nn.Module, features: int) -> str | None:
    """Why a layer can't take another number of features; None if it can.

    >>> why_not(nn.Linear(512, 10), 256), why_not(nn.ReLU(), 256)
    (None, 'its class ReLU has no number of features')
    """
    own = type(module).__name__
    kind = next((one for one in (*_MULTIPLYING, *_NORMS) if isinstance(module, one)), None)
    if kind is None:
        return f"its class {own} has no number of features"
    if features < 1:
        return f"{features} features were asked for, and one is the least"
    if type(module).forward is not kind.forward or "forward" in vars(module):
        return f"its class {own} works in a way of its own"
    if isinstance(module, windows.WITH_WEIGHTS) and module.groups != 1:
        return f"its channels are in {module.groups} groups"
    if isinstance(module, nn.LayerNorm) and len(module.normalized_shape) != 1:
        return "it normalises over positions, too"
    if isinstance(module, _MULTIPLYING):
        return windows.why_weights_stay(module)
    return None


def refit(module: nn.Module, features: int) -> None:
    """Give a layer another number of features, where it is; it begins anew."""
    held: Any = module
    match module:
        case nn.Linear():
            held.in_features = features
            _replace(module, "weight", (module.out_features, features))
        case nn.LayerNorm():
            held.normalized_shape = (features,)
            _replace(module, "weight", (features,))
            _replace(module, "bias", (features,))
        case nn.BatchNorm1d() | nn.BatchNorm2d() | nn.BatchNorm3d():
            held.num_features = features
            for name in ("weight", "bias"):
                _replace(module, name, (features,))
            for name in ("running_mean", "running_var"):
                buffer = module._buffers[name]
                if buffer is not None:
                    module._buffers[name] = buffer.new_zeros(features)
        case _:
            held.in_channels = features
            shape = list(held.weight.shape)
            shape[0 if isinstance(module, windows.TRANSPOSED) else 1] = features
            _replace(module, "weight", tuple(shape))
    held.reset_parameters()


def _replace(module: nn.Module, name: str, shape: tuple[int, ...]) -> None:
    """Make room for other values of a parameter, of the same type, on the same device."""
    old = module._parameters.get(name)
    if old is not None:
        with torch.no_grad():
            made = old.new_zeros(shape)
        module.register_parameter(name, nn.Parameter(made, requires_grad=old.requires_grad))
