"""Receptive fields of neural networks: what each position of a layer can read.

>>> import fieldscope
>>> from torch import nn
>>> model = nn.Sequential(nn.Conv2d(1, 4, kernel_size=(5, 3)), nn.MaxPool2d(2))
>>> report = fieldscope.analyze(model, (1, 1, 32, 48))
>>> report.output.size, report.output.stride
((6, 4), (2, 2))

The names in `__all__` are the public ones; whatever else can be reached is
subject to change. They are loaded when first used, so that `import fieldscope`
is instant and brings in no framework.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from fieldscope.version import __version__

if TYPE_CHECKING:
    from fieldscope.analyses.fields import Field
    from fieldscope.analyses.layers import Layer, Report
    from fieldscope.analyses.support import SupportMask
    from fieldscope.api import analyze, support
    from fieldscope.errors import (
        BoundError,
        FieldscopeError,
        GraphError,
        InputError,
        LayerNotFoundError,
        MissingExtraError,
        ModelError,
        PositionError,
        RegistrationError,
        TraceError,
    )

__all__ = [
    "BoundError",
    "Field",
    "FieldscopeError",
    "GraphError",
    "InputError",
    "Layer",
    "LayerNotFoundError",
    "MissingExtraError",
    "ModelError",
    "PositionError",
    "RegistrationError",
    "Report",
    "SupportMask",
    "TraceError",
    "__version__",
    "analyze",
    "support",
]

# The module that each public name lives in; all others are errors.
_HOMES = {
    "Field": "fieldscope.analyses.fields",
    "Layer": "fieldscope.analyses.layers",
    "Report": "fieldscope.analyses.layers",
    "SupportMask": "fieldscope.analyses.support",
    "analyze": "fieldscope.api",
    "support": "fieldscope.api",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
    value = getattr(import_module(_HOMES.get(name, "fieldscope.errors")), name)
    globals()[name] = value  # the next look-up doesn't come here
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
