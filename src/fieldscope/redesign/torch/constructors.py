"""Layers and paths as a person would write them in Python."""

from __future__ import annotations

import keyword
from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from fieldscope.analyses.edits import Reshape
from fieldscope.redesign.torch import windows


def path_of(model: nn.Module, path: str, *, root: str = "model") -> str:
    """A module's path as an expression.

    >>> net = nn.ModuleDict({"stem": nn.Sequential(nn.ReLU())})
    >>> path_of(net, "stem.0"), path_of(net, "stem")
    ("model['stem'][0]", "model['stem']")
    """
    written, module = root, model
    for name in filter(None, path.split(".")):
        if isinstance(module, (nn.Sequential, nn.ModuleList)) and name.isdigit():
            written += f"[{name}]"
        elif isinstance(module, nn.ModuleDict):
            written += f"[{name!r}]"
        elif name.isidentifier() and not keyword.iskeyword(name):
            written += f".{name}"
        else:
            written = f'{written}.get_submodule("{name}")'
        module = module.get_submodule(name)
    return written


def assignment(model: nn.Module, path: str, value: str) -> str:
    """The statement that puts a module in the place of another, broken where it is too long.

    >>> assignment(nn.Sequential(nn.ReLU()), "0", "nn.Identity()")
    'model[0] = nn.Identity()'
    """
    parent, _, name = path.rpartition(".")
    target = path_of(model, path)
    if target.endswith(")"):
        return f'{path_of(model, parent)}.add_module("{name}", {value})'
    return f"{target} = {value}"


def convolution(module: nn.Module, edit: Reshape | None = None, **given: Any) -> str:
    """The call that makes a layer like a convolution, with another window or other channels.

    >>> convolution(nn.Conv2d(3, 8, 7, 2, 3, bias=False), Reshape("", kernel=(3, 3)))
    'nn.Conv2d(3, 8, kernel_size=3, stride=2, padding=3, bias=False)'
    """
    held: Any = module
    kind = windows.base_of(module)
    assert kind is not None, "convolutions are sliding layers"
    window = windows.window_of(module)
    if edit is not None:
        window = windows.edited(window, edit)
    first = [given.get("in_channels", held.in_channels), held.out_channels]
    options = {
        "kernel_size": window.kernel,
        "stride": window.stride,
        "padding": window.padding,
        "dilation": window.dilation,
    }
    if isinstance(module, windows.TRANSPOSED):
        options["output_padding"] = held.output_padding
    others = {"groups": held.groups, "bias": held.bias is not None}
    others["padding_mode"] = held.padding_mode
    return _call(
        kind,
        [*map(str, first)],
        {**{key: _once(value) for key, value in options.items()}, **others},
        {
            "stride": 1,
            "padding": 0,
            "dilation": 1,
            "output_padding": 0,
            "groups": 1,
            "bias": True,
            "padding_mode": "zeros",
        },
    )


def pooling(module: nn.Module, edit: Reshape) -> str:
    """The call that makes a layer like a pooling one, with another window.

    >>> pooling(nn.MaxPool2d(3, 2, 1), Reshape("", kernel=(2, 2), padding=(0, 0)))
    'nn.MaxPool2d(kernel_size=2, stride=2)'
    """
    held: Any = module
    kind = windows.base_of(module)
    assert kind is not None, "pooling layers are sliding layers"
    window = windows.edited(windows.window_of(module), edit)
    first = [repr(held.norm_type)] if isinstance(module, windows.NORMS) else []
    options: dict[str, Any] = {
        "kernel_size": _once(window.kernel),
        "stride": _once(window.stride),
    }
    if not isinstance(module, windows.NORMS):
        options["padding"] = _once(window.padding)
    if isinstance(module, windows.MAXIMA):
        options["dilation"] = _once(window.dilation)
    options["ceil_mode"] = held.ceil_mode
    if isinstance(module, windows.MEANS):
        options["count_include_pad"] = held.count_include_pad
        options["divisor_override"] = getattr(held, "divisor_override", None)
    return _call(
        kind,
        first,
        options,
        {
            "padding": 0,
            "dilation": 1,
            "ceil_mode": False,
            "count_include_pad": True,
            "divisor_override": None,
        },
    )


def refitted(module: nn.Module, features: int) -> str:
    """The call that makes a layer like another, for another number of input features.

    >>> refitted(nn.Linear(512, 10, bias=False), 256), refitted(nn.BatchNorm2d(8), 4)
    ('nn.Linear(256, 10, bias=False)', 'nn.BatchNorm2d(4)')
    """
    held: Any = module
    match module:
        case nn.Linear():
            arguments = [str(features), str(held.out_features)]
            return _call(nn.Linear, arguments, {"bias": held.bias is not None}, {"bias": True})
        case nn.LayerNorm():
            options = {
                "eps": held.eps,
                "elementwise_affine": held.elementwise_affine,
                "bias": held.bias is not None or not held.elementwise_affine,
            }
            usual: dict[str, Any] = {"eps": 1e-5, "elementwise_affine": True, "bias": True}
            return _call(nn.LayerNorm, [str(features)], options, usual)
        case nn.BatchNorm1d() | nn.BatchNorm2d() | nn.BatchNorm3d():
            kind = next(
                one
                for one in (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
                if isinstance(module, one)
            )
            names = ("eps", "momentum", "affine", "track_running_stats")
            usual = {"eps": 1e-5, "momentum": 0.1, "affine": True, "track_running_stats": True}
            return _call(kind, [str(features)], {one: getattr(held, one) for one in names}, usual)
        case _:
            return convolution(module, in_channels=features)


def _call(
    kind: type, first: Sequence[str], options: Mapping[str, Any], usual: Mapping[str, Any]
) -> str:
    said = [
        f"{key}={_literal(value)}"
        for key, value in options.items()
        if key not in usual or value != usual[key]
    ]
    return f"nn.{kind.__name__}({', '.join([*first, *said])})"


def _literal(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _once(numbers: Any) -> Any:
    """A number per axis as one, where they agree."""
    if isinstance(numbers, tuple) and len(set(numbers)) == 1:
        return numbers[0]
    return numbers
