"""The functions that users call, which are thin: they put the floors below together."""

from fieldscope.api.analysis import analyze, animate, support
from fieldscope.api.drawing import draw
from fieldscope.api.measurement import gradient, until, verify

__all__ = ["analyze", "animate", "draw", "gradient", "support", "until", "verify"]
