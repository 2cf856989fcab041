"""Lowerings of ATen operators to canonical ones, by subject.

Importing this package fills the table in `registry`.
"""

from fieldscope.frontends.torch.lowering import (
    indexing,
    movement,
    pointwise,
    products,
    recurrent,
    reductions,
    sampling,
    windows,
)
from fieldscope.frontends.torch.lowering.registry import TABLE

LOWERINGS = TABLE.rules

__all__ = [
    "LOWERINGS",
    "indexing",
    "movement",
    "pointwise",
    "products",
    "recurrent",
    "reductions",
    "sampling",
    "windows",
]
