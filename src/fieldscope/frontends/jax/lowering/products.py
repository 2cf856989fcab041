"""Products of matrices and tensors."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from fieldscope.frontends.jax.constants import Constant
from fieldscope.frontends.jax.lowering.patterns import by_pattern, nonzero
from fieldscope.frontends.jax.lowering.registry import lowers
from fieldscope.frontends.lowering.products import contracted
from fieldscope.frontends.lowering.program import Call, Tensor

MOST_WEIGHTS = 1 << 22
"""Matrices of more elements than this aren't looked into."""


@lowers("dot_general")
def dot(call: Call, x: Tensor, y: Tensor, *, dimension_numbers: Any, **_: Any) -> int:
    """Rows of one times columns of the other; zeros of a matrix of positions aren't read."""
    (gone_x, gone_y), (batch_x, batch_y) = dimension_numbers
    axes = [_integers(one) for one in (gone_x, gone_y, batch_x, batch_y)]
    for place in (0, 1):
        own, other = (x, y) if place == 0 else (y, x)
        if call.depends(own) and isinstance(other, Constant) and other.made:
            found = _by_weights(call, own, other, *axes, first=place == 0)
            if found is not None:
                return found
    left, right, result = _labels(x.ndim, y.ndim, *axes)
    return contracted(call, [(x, left), (y, right)], result)


def _integers(values: Sequence[int]) -> tuple[int, ...]:
    return tuple(int(value) for value in values)


def _labels(
    left: int,
    right: int,
    gone_x: Sequence[int],
    gone_y: Sequence[int],
    batch_x: Sequence[int],
    batch_y: Sequence[int],
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Labels of both operands' axes and of the result's: batch, then what each keeps."""
    first = list(range(left))
    second = list(range(left, left + right))
    for a, b in (*zip(gone_x, gone_y, strict=True), *zip(batch_x, batch_y, strict=True)):
        second[b] = first[a]
    result = [first[a] for a in batch_x]
    result += [first[a] for a in range(left) if a not in (*gone_x, *batch_x)]
    result += [second[b] for b in range(right) if b not in (*gone_y, *batch_y)]
    return tuple(first), tuple(second), tuple(result)


def _by_weights(
    call: Call,
    x: Tensor,
    weights: Constant,
    gone_x: Sequence[int],
    gone_y: Sequence[int],
    batch_x: Sequence[int],
    batch_y: Sequence[int],
    *,
    first: bool,
) -> int | None:
    """A product with a matrix that the function makes; None if it is full."""
    if not first:
        gone_x, gone_y, batch_x, batch_y = gone_y, gone_x, batch_y, batch_x
    if not gone_x or batch_x or prod(weights.shape) > MOST_WEIGHTS:
        return None
    known = weights.exactly()
    if known is None or known.dtype.kind not in "bfiu":
        return None
    kept = [axis for axis in range(weights.ndim) if axis not in gone_y]
    matrix = known.transpose([*kept, *gone_y]).reshape(-1, prod(x.shape[k] for k in gone_x))
    keep = nonzero(matrix)
    if keep.all():
        return None
    value, axis = call.value(x), gone_x[0]
    if len(gone_x) > 1:  # as of several matrices that were multiplied first
        rest = [k for k in range(x.ndim) if k not in gone_x]
        value, axis = call.permute(value, [*rest, *gone_x]), len(rest)
        value = call.reshape(value, (*(x.shape[k] for k in rest), matrix.shape[1]))
    value = by_pattern(call, value, axis, keep)
    shape = call.shape_of(value)
    made = [weights.shape[k] for k in kept]
    value = call.reshape(value, (*shape[:axis], *made, *shape[axis + 1 :]))
    # [.. made.. ..] to the kept axes of both, in the operands' order.
    own = [*range(axis), *range(axis + len(made), len(shape) - 1 + len(made))]
    new = list(range(axis, axis + len(made)))
    return call.permute(value, [*own, *new] if first else [*new, *own])


@lowers("ragged_dot_general")
def ragged(
    call: Call, x: Tensor, y: Tensor, sizes: Tensor, *, ragged_dot_dimension_numbers: Any, **_: Any
) -> int | tuple[int, ...]:
    """Rows times columns of the matrix of the row's group: any of them."""
    numbers = ragged_dot_dimension_numbers
    (gone_x, gone_y), (batch_x, batch_y) = numbers.dot_dimension_numbers
    if set(numbers.lhs_ragged_dimensions) & {*gone_x, *batch_x} or call.depends(y):
        return call.opaque([x, y, sizes], "which of its matrices a row reads isn't followed")
    axes = [_integers(one) for one in (gone_x, gone_y, batch_x, batch_y)]
    left, right, result = _labels(x.ndim, y.ndim, *axes)
    groups = {right[axis] for axis in numbers.rhs_group_dimensions}
    product = contracted(call, [(x, left)], tuple(k for k in result if k not in groups))
    if not call.depends(sizes):
        return product
    return call.pointwise(product, call.reduce(call.value(sizes), range(sizes.ndim)))
