"""Constants of a jaxpr, computed when they are asked for.

What doesn't depend on the input (masks, index tables, weights of an interpolation) is an
equation that waits: only where a rule asks for its elements is it computed, by NumPy where that is
a line, else by JAX itself. Nothing but primitives that have a lowering is ever run, so
no callback or foreign function is.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import jax
import numpy as np
from jax.extend import core

from fieldscope.frontends.jax import numerics
from fieldscope.frontends.jax.constants import Constant, Elements, unknown
from fieldscope.frontends.jax.lowering import TABLE
from fieldscope.frontends.lowering.program import Tensor

MOST = 1 << 24
"""Constants of more elements than this aren't computed."""

EAGER = 64
"""Constants that the function makes are computed at once up to this many elements."""

UNKNOWN = frozenset(
    name
    for name in ("random_bits", "random_seed", "random_wrap", "random_unwrap", "random_split")
    + ("random_fold_in", "random_clone", "random_gamma", "rng_bit_generator", "rng_uniform")
    + ("threefry2x32", "threefry4x32", "philox2x32", "philox4x32")
)
"""Random numbers: what is drawn says nothing of the structure."""


def folded(equation: core.JaxprEqn, operands: Sequence[Tensor]) -> list[Constant]:
    """The results of an equation whose operands are constants."""
    name = equation.primitive.name
    shapes = [tuple(getattr(var.aval, "shape", ())) for var in equation.outvars]
    made = all(isinstance(one, Constant) and one.made for one in operands)
    sizes = [prod(one.shape) for one in operands] + [prod(shape) for shape in shapes]
    if name in UNKNOWN or equation.effects or TABLE.find(name) is None or max(sizes) > MOST:
        return [unknown(shape) for shape in shapes]
    waiting = _Waiting(equation, operands)
    results = [
        Constant(
            shape,
            lambda k=k: waiting.result(k, exact=False),  # type: ignore[misc]  # default binds k
            made=made,
            exactly=lambda k=k: waiting.result(k, exact=True),  # type: ignore[misc]  # as above
        )
        for k, shape in enumerate(shapes)
    ]
    ready = all(isinstance(one, Constant) and one.computed for one in operands)
    if made and ready and max(sizes) <= EAGER:
        for one in results:
            one.elements()
    return results


class _Waiting:
    """An equation on constants, computed once."""

    __slots__ = ("_equation", "_found", "_operands")

    def __init__(self, equation: core.JaxprEqn, operands: Sequence[Tensor]) -> None:
        self._equation = equation
        self._operands = operands
        self._found: dict[bool, list[Elements] | None] = {}

    def result(self, place: int, *, exact: bool) -> Elements | None:
        """One of its results; None if it isn't known."""
        if exact not in self._found:
            self._found[exact] = self._compute(exact=exact)
        found = self._found[exact]
        return None if found is None else found[place]

    def _compute(self, *, exact: bool) -> list[Elements] | None:
        operands = []
        for one in self._operands:
            known = one.exactly() if exact and isinstance(one, Constant) else one.elements()
            if known is None:
                return None
            operands.append(known)
        equation = self._equation
        by_numpy = numerics.FUNCTIONS.get(equation.primitive.name)
        if by_numpy is not None:
            with np.errstate(all="ignore"):
                result = by_numpy(*operands, **equation.params)
            dtype = equation.outvars[0].aval.dtype  # type: ignore[attr-defined]  # of an array
            return [np.asarray(numerics.typed(result, dtype, exact=exact))]
        return _by_jax(equation, operands)


def _by_jax(equation: core.JaxprEqn, operands: Sequence[Elements]) -> list[Elements] | None:
    typed = [
        np.asarray(one, getattr(var.aval, "dtype", None))
        for one, var in zip(operands, equation.invars, strict=True)
    ]
    with jax.ensure_compile_time_eval(), jax.default_device(jax.devices("cpu")[0]):
        bind: Any = equation.primitive.bind
        found = bind(*map(jax.numpy.asarray, typed), **equation.params)
    several = found if equation.primitive.multiple_results else [found]
    return [np.asarray(one) for one in several]
