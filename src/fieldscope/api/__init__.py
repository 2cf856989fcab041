"""The functions that users call, which are thin: they put the floors below together."""

from fieldscope.api.analysis import analyze, animate, support
from fieldscope.api.drawing import draw
from fieldscope.api.judgement import check, compare, productivity, resolution
from fieldscope.api.measurement import gradient, until, verify
from fieldscope.api.redesign import refine
from fieldscope.api.networks import load, save

__all__ = [
    "analyze",
    "animate",
    "check",
    "compare",
    "draw",
    "gradient",
    "productivity",
    "refine",
    "load",
    "resolution",
    "support",
    "until",
    "save",
    "verify",
]
