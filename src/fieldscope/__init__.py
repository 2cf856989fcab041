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
    from fieldscope.analyses.alignment import Alignment
    from fieldscope.analyses.architecture import ArchitectureGraph
    from fieldscope.analyses.chain import Chain, chain
    from fieldscope.analyses.check import Check
    from fieldscope.analyses.comparison import Comparison
    from fieldscope.analyses.coverage import Coverage
    from fieldscope.analyses.effective import EffectiveComparison
    from fieldscope.analyses.fields import Field
    from fieldscope.analyses.growth import Growth
    from fieldscope.analyses.layers import Layer, Report
    from fieldscope.analyses.productivity import Productivity
    from fieldscope.analyses.resolution import Resolution
    from fieldscope.analyses.support import SupportMask
    from fieldscope.analyses.verification import Verification
    from fieldscope.api import (
        alignment,
        analyze,
        animate,
        architecture,
        check,
        compare,
        compare_effective,
        coverage,
        draw,
        effective,
        expected_effective,
        gradient,
        growth,
        load,
        productivity,
        refine,
        resolution,
        save,
        support,
        until,
        verify,
    )
    from fieldscope.errors import (
        BoundError,
        CheckError,
        DisagreementError,
        EditError,
        FieldscopeError,
        GraphError,
        InputError,
        LayerNotFoundError,
        MissingExtraError,
        ModelError,
        PositionError,
        RegistrationError,
        TraceError,
        TrainingError,
    )
    from fieldscope.frontends.builder import Builder
    from fieldscope.measure.effective import EffectiveField
    from fieldscope.measure.heat import HeatMap
    from fieldscope.measure.probe import Probe, probe
    from fieldscope.redesign.refinement import Proposal, Refinement

__all__ = [
    "Alignment",
    "ArchitectureGraph",
    "BoundError",
    "Builder",
    "Chain",
    "Check",
    "CheckError",
    "Comparison",
    "Coverage",
    "DisagreementError",
    "EditError",
    "EffectiveComparison",
    "EffectiveField",
    "Field",
    "FieldscopeError",
    "GraphError",
    "Growth",
    "HeatMap",
    "InputError",
    "Layer",
    "LayerNotFoundError",
    "MissingExtraError",
    "ModelError",
    "PositionError",
    "Probe",
    "Productivity",
    "Proposal",
    "Refinement",
    "RegistrationError",
    "Report",
    "Resolution",
    "SupportMask",
    "TraceError",
    "TrainingError",
    "Verification",
    "__version__",
    "alignment",
    "analyze",
    "animate",
    "architecture",
    "chain",
    "check",
    "compare",
    "compare_effective",
    "coverage",
    "draw",
    "effective",
    "expected_effective",
    "gradient",
    "growth",
    "load",
    "probe",
    "productivity",
    "refine",
    "resolution",
    "save",
    "support",
    "until",
    "verify",
]

# The module that each public name lives in; all others are errors.
_HOMES = {
    "Alignment": "fieldscope.analyses.alignment",
    "ArchitectureGraph": "fieldscope.analyses.architecture",
    "Builder": "fieldscope.frontends.builder",
    "Chain": "fieldscope.analyses.chain",
    "Check": "fieldscope.analyses.check",
    "Comparison": "fieldscope.analyses.comparison",
    "Coverage": "fieldscope.analyses.coverage",
    "EffectiveComparison": "fieldscope.analyses.effective",
    "EffectiveField": "fieldscope.measure.effective",
    "Field": "fieldscope.analyses.fields",
    "Growth": "fieldscope.analyses.growth",
    "HeatMap": "fieldscope.measure.heat",
    "Layer": "fieldscope.analyses.layers",
    "Probe": "fieldscope.measure.probe",
    "Productivity": "fieldscope.analyses.productivity",
    "Proposal": "fieldscope.redesign.refinement",
    "Refinement": "fieldscope.redesign.refinement",
    "Report": "fieldscope.analyses.layers",
    "Resolution": "fieldscope.analyses.resolution",
    "SupportMask": "fieldscope.analyses.support",
    "Verification": "fieldscope.analyses.verification",
    "alignment": "fieldscope.api",
    "analyze": "fieldscope.api",
    "animate": "fieldscope.api",
    "architecture": "fieldscope.api",
    "chain": "fieldscope.analyses.chain",
    "check": "fieldscope.api",
    "compare": "fieldscope.api",
    "compare_effective": "fieldscope.api",
    "coverage": "fieldscope.api",
    "draw": "fieldscope.api",
    "effective": "fieldscope.api",
    "expected_effective": "fieldscope.api",
    "gradient": "fieldscope.api",
    "growth": "fieldscope.api",
    "load": "fieldscope.api",
    "probe": "fieldscope.measure.probe",
    "productivity": "fieldscope.api",
    "refine": "fieldscope.api",
    "resolution": "fieldscope.api",
    "save": "fieldscope.api",
    "support": "fieldscope.api",
    "until": "fieldscope.api",
    "verify": "fieldscope.api",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
    value = getattr(import_module(_HOMES.get(name, "fieldscope.errors")), name)
    globals()[name] = value  # the next look-up doesn't come here
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
