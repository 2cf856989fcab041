"""The functions that users call, which are thin: they put the floors below together."""

from fieldscope.api.analysis import analyze, animate, support
from fieldscope.api.drawing import draw
from fieldscope.api.judgement import check, compare, productivity, resolution
from fieldscope.api.measurement import gradient, until, verify

__all__ = [
    "analyze",
    "animate",
    "check",
    "compare",
    "draw",
    "gradient",
    "productivity",
    "resolution",
    "support",
    "until",
    "verify",
]
