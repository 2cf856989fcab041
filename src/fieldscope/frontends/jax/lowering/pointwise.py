"""Primitives that read position for position."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fieldscope.frontends.jax.lowering.registry import lowers
from fieldscope.frontends.lowering.call import ADDED
from fieldscope.frontends.lowering.program import Call, Tensor
from fieldscope.frontends.lowering.registry import Rule
from fieldscope.graph.operators import Pointwise

POINTWISE = """
abs acos acosh and asin asinh atan atan2 atanh bessel_i0e bessel_i1e cbrt ceil clz complex conj
convert_element_type copy cos cosh digamma eq erf erf_inv erfc exp exp2 expm1 floor ge gt igamma
igamma_grad_a igammac imag integer_pow is_finite layout_constraint le lgamma log log1p logistic
lt mulhi name ne neg nextafter not or polygamma population_count pow real reduce_precision
regularized_incomplete_beta rem round rsqrt shift_left shift_right_arithmetic
shift_right_logical sharding_constraint sign sin sinh sqrt square stop_gradient tan tanh xor
zeta
""".split()
"""One result, of the operands' shape."""

ZERO = Pointwise(zero="zero")
SCALED = Pointwise(zero="zero", minus_infinity="minus infinity")
EXPONENTIAL = Pointwise(minus_infinity="zero")

CONSTANTS = {
    **dict.fromkeys(("convert_element_type", "copy", "stop_gradient", "reduce_precision"), SCALED),
    **dict.fromkeys(("name", "sharding_constraint", "layout_constraint"), SCALED),
    **dict.fromkeys(("exp", "exp2", "logistic"), EXPONENTIAL),
    **dict.fromkeys(("abs", "neg", "sign", "sqrt", "square", "tanh", "real"), ZERO),
}
"""What becomes of a mask's zero or minus infinity; primitives not listed lose it."""


def _rule(operator: Pointwise) -> Rule:
    def pointwise(call: Call, *operands: Tensor, **_: Any) -> int:
        """Each element reads the same position of each operand."""
        return call.pointwise(*operands, operator=operator)

    return pointwise


for _name in dict.fromkeys(POINTWISE):
    lowers(_name)(_rule(CONSTANTS.get(_name, Pointwise())))


@lowers("add", "add_any")
def add(call: Call, x: Tensor, y: Tensor, **_: Any) -> int:
    """A sum; where a constant minus infinity is added (a mask), nothing is read."""
    for one, other in ((x, y), (y, x)):
        if call.depends(one) and not call.depends(other):
            return call.added(call.value(one), other.elements() if other.ndim > 1 else None)
    return call.pointwise(x, y, operator=ADDED)


@lowers("sub")
def sub(call: Call, x: Tensor, y: Tensor, **_: Any) -> int:
    """A difference; where a constant infinity is taken away (a mask), nothing is read."""
    if call.depends(x) and not call.depends(y):
        known = y.elements() if y.ndim > 1 else None
        return call.added(call.value(x), None if known is None else -known.astype(np.float64))
    return call.pointwise(x, y, operator=ADDED)


@lowers("mul", "div")
def scale(call: Call, x: Tensor, y: Tensor, **_: Any) -> int:
    """A product or quotient: zero stays, and by a positive number so does minus infinity."""
    factor = call.concrete(y) if y.ndim == 0 and not call.depends(y) else None
    positive = factor is not None and factor.dtype.kind != "c" and bool(factor > 0)
    return call.pointwise(x, y, operator=SCALED if positive else ZERO)


@lowers("max", "min")
def extremum(call: Call, x: Tensor, y: Tensor, **_: Any) -> int:
    """The larger or smaller of two."""
    return call.pointwise(x, y)


@lowers("clamp")
def clamp(call: Call, low: Tensor, x: Tensor, high: Tensor, **_: Any) -> int:
    """An element between two bounds."""
    return call.pointwise(low, x, high)


@lowers("select_n")
def select(call: Call, which: Tensor, *cases: Tensor, **_: Any) -> int:
    """A constant chooses positions of the cases; one that depends on the input is read too."""
    known = call.concrete(which)
    if known is None:
        return call.pointwise(which, *cases)
    parts = []
    for place, case in enumerate(cases):
        if call.depends(case):
            others = [one for k, one in enumerate(cases) if k != place and not call.depends(one)]
            keep = known == place
            filling = _filling(others) if len(others) == len(cases) - 1 else None
            parts.append(call.mask(call.value(case), _least(keep), filling=filling))
    return parts[0] if len(parts) == 1 else call.pointwise(*parts)


def _filling(others: Sequence[Tensor]) -> float | None:
    """What fills a mask, if it is one number."""
    if len(others) != 1:
        return None
    known = others[0].elements()
    if known is None or not known.size or known.dtype.kind not in "biufV":
        return None
    first = known.reshape(-1)[0]
    return float(first) if (known == first).all() else None


def _least(keep: Any) -> Any:
    """A mask with extent 1 where it doesn't vary: an attention mask is alike for all heads."""
    for axis, extent in enumerate(keep.shape):
        if extent > 1 and (keep == keep.take([0], axis)).all():
            keep = keep.take([0], axis)
    return keep


@lowers("optimization_barrier", "device_put")
def barrier(call: Call, *operands: Tensor, **_: Any) -> tuple[int | None, ...]:
    """The same elements."""
    return tuple(one.value for one in operands)


@lowers("iota")
def iota(call: Call, **_: Any) -> int:
    """The numbers of positions: nothing is read."""
    return call.builder.constant(call.shape)
