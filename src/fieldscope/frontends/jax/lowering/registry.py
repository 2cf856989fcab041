"""The table of lowerings of JAX's primitives.

A rule gets the operands as tensors and the equation's parameters by name:
`rule(call, *operands, **parameters)`. Primitives that read position for position are listed in
`pointwise.POINTWISE`; those that run a jaxpr are the walk's own business (`control`).
"""

from __future__ import annotations

from fieldscope.frontends.lowering.registry import Lowerings

TABLE = Lowerings("jax")
"""By the name of a primitive ("conv_general_dilated")."""

lowers = TABLE.lowers
