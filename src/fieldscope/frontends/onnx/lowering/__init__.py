"""Lowerings of ONNX operators to canonical ones, by subject.

Importing this package fills the table in `registry`.
"""

from fieldscope.frontends.onnx.lowering import (
    attention,
    indexing,
    movement,
    norms,
    pointwise,
    products,
    recurrent,
    reductions,
    sampling,
    windows,
)
from fieldscope.frontends.onnx.lowering.registry import TABLE

__all__ = [
    "TABLE",
    "attention",
    "indexing",
    "movement",
    "norms",
    "pointwise",
    "products",
    "recurrent",
    "reductions",
    "sampling",
    "windows",
]
