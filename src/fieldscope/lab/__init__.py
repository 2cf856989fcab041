"""The lab: networks are trained, and what receptive-field analysis predicted of them is tested.

Its names are loaded when first used, so that `import fieldscope.lab` brings in no framework.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fieldscope.lab.comparing.findings import RunComparison
    from fieldscope.lab.comparing.reading import compare
    from fieldscope.lab.data import Augmentation
    from fieldscope.lab.probing.findings import Probing
    from fieldscope.lab.probing.of_run import probe
    from fieldscope.lab.runs import Run
    from fieldscope.lab.training.machine import Machine
    from fieldscope.lab.training.starting import finetune, train

__all__ = [
    "Augmentation",
    "Machine",
    "Probing",
    "Run",
    "RunComparison",
    "compare",
    "finetune",
    "probe",
    "train",
]

# The module that each public name lives in.
_HOMES = {
    "Augmentation": "fieldscope.lab.data",
    "Machine": "fieldscope.lab.training.machine",
    "Probing": "fieldscope.lab.probing.findings",
    "Run": "fieldscope.lab.runs",
    "RunComparison": "fieldscope.lab.comparing.findings",
    "compare": "fieldscope.lab.comparing.reading",
    "finetune": "fieldscope.lab.training.starting",
    "probe": "fieldscope.lab.probing.of_run",
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
