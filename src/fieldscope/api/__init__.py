"""The functions that users call, which are thin: they put the floors below together."""

from fieldscope.api.analysis import analyze, animate, support
from fieldscope.api.drawing import draw
from fieldscope.api.graphs import architecture
from fieldscope.api.judgement import check, compare, productivity, resolution
from fieldscope.api.measurement import gradient, until, verify
from fieldscope.api.networks import load, save
from fieldscope.api.redesign import refine
from fieldscope.api.shares import growth
from fieldscope.api.structure import alignment, coverage
from fieldscope.api.usage import compare_effective, effective, expected_effective

__all__ = [
    "alignment",
    "analyze",
    "animate",
    "architecture",
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
    "productivity",
    "refine",
    "resolution",
    "save",
    "support",
    "until",
    "verify",
]
