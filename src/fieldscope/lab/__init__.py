"""The lab: networks are trained, and what receptive-field analysis predicted of them is tested.

Its names are loaded when first used, so that `import fieldscope.lab` brings in no framework.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fieldscope.lab.data import Augmentation
    from fieldscope.lab.runs import Run
    from fieldscope.lab.training.machine import Machine
    from fieldscope.lab.training.starting import finetune, train

__all__ = ["Augmentation", "Machine", "Run", "finetune", "train"]

# The module that each public name lives in.
_HOMES = {
    "Augmentation": "fieldscope.lab.data",
    "Machine": "fieldscope.lab.training.machine",
    "Run": "fieldscope.lab.runs",
    "finetune": "fieldscope.lab.training.starting",
    "train": "fieldscope.lab.training.starting",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value  # the next look-up doesn't come here
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
