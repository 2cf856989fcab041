"""Lowerings of JAX's primitives to canonical operators, by subject.

Importing this package fills the table in `registry`.
"""

from fieldscope.frontends.jax.lowering import (
    indexing,
    linalg,
    movement,
    pointwise,
    products,
    reductions,
    scattering,
    windows,
)
from fieldscope.frontends.jax.lowering.registry import TABLE

LOWERINGS = TABLE.rules

__all__ = [
    "LOWERINGS",
    "TABLE",
    "indexing",
    "linalg",
    "movement",
    "pointwise",
    "products",
    "reductions",
    "scattering",
    "windows",
]
