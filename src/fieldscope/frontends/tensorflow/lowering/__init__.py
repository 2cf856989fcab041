"""The lowerings of TensorFlow's operators, by subject."""

from __future__ import annotations

from fieldscope.frontends.tensorflow.lowering import (  # noqa: F401  # registers its rules
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
from fieldscope.frontends.tensorflow.lowering.registry import TABLE

__all__ = ["TABLE"]
