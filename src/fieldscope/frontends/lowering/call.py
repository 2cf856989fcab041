"""What a lowering sees of a foreign call, whatever the framework: tensors, results, the graph.

A rule gets a `Call`, reads its operands through it and adds canonical nodes. What a tensor is
differs by framework (`torch.Tensor`, or `fieldscope.frontends.lowering.program.Tensor`); here
it is anything with a `shape`. Values are integers; a tensor that doesn't depend on the input
has none.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fieldscope.frontends.lowering.periods import repeating
from fieldscope.graph.graph import GraphBuilder, Shape
from fieldscope.graph.operators import (
    Concat,
    Expand,
    Gather,
    Hidden,
    Indices,
    Mask,
    Mix,
    Opaque,
    Operator,
    Pad,
    PadMode,
    Permute,
    Pointwise,
    Reduce,
    Reshape,
    Slice,
    Table,
)

POINTWISE = Pointwise()
ADDED = Pointwise(minus_infinity="minus infinity")

HIDES = -1e4
"""Added to a score, this or less leaves nothing of it behind a softmax: exp(−10⁴) = 0 in any
floating-point type. Masks write −10⁴, −10⁹ or the type's smallest number as often as −∞."""


def hidden_by(filling: object) -> Hidden:
    """What fills a mask, where it may take no part in a softmax or product behind it.

    Example:
        >>> hidden_by(0.0), hidden_by(float("-inf")), hidden_by(1), hidden_by(None)
        ('zero', 'minus infinity', '', '')
    """
    if isinstance(filling, (np.ndarray, np.generic)) and filling.size == 1:
        filling = filling.item()
    if isinstance(filling, (int, float)):
        if filling == 0:
            return "zero"
        if filling <= HIDES:
            return "minus infinity"
    return ""


class Call(ABC):
    """One foreign call: its results, and the graph to add nodes to.

    Attributes:
        builder: the graph.
        results: what the call returns, each with a `shape`.
    """

    __slots__ = ("builder", "results")

    def __init__(self, builder: GraphBuilder) -> None:
        self.builder = builder
        self.results: tuple[Any, ...] = ()

    @abstractmethod
    def depends(self, argument: object) -> bool:
        """Whether an argument is a tensor that depends on the input."""

    @abstractmethod
    def value(self, tensor: Any) -> int:
        """The value of a tensor; one that reads nothing for a constant."""

    @abstractmethod
    def concrete(self, tensor: Any) -> npt.NDArray[Any] | None:
        """The elements of a constant tensor, or None if they aren't known."""

    @property
    def shape(self) -> Shape:
        """Shape of the first result."""
        return tuple(self.results[0].shape)

    def shape_of(self, value: int) -> Shape:
        """Shape of a value."""
        return self.builder.shape(value)

    def add(self, operator: Operator, operands: Sequence[int], shape: Iterable[int]) -> int:
        """Add a node."""
        return self.builder.add(operator, tuple(operands), tuple(shape))

    def pointwise(
        self,
        *arguments: object,
        shape: Iterable[int] | None = None,
        operator: Pointwise = POINTWISE,
    ) -> int:
        """Join values, and tensors that depend on the input, position for position.

        Integers are values: a rule must not pass on a scalar of the operator's arguments.
        """
        values = [v for v in map(self._maybe, arguments) if v is not None]
        shape = self.shape if shape is None else tuple(shape)
        if not values:
            return self.builder.constant(shape)
        return self.add(operator, values, shape)

    def _maybe(self, argument: object) -> int | None:
        if type(argument) is int:
            return argument
        return self.value(argument) if self.depends(argument) else None

    def opaque(self, tensors: Iterable[Any], reason: str) -> tuple[int, ...]:
        """A bound: every result reads everything that the tensors read."""
        values = [self.value(tensor) for tensor in tensors if self.depends(tensor)]
        return tuple(self.add(Opaque(reason), values, tuple(r.shape)) for r in self.results)

    def reshape(self, value: int, shape: Iterable[int]) -> int:
        """The value under another shape."""
        shape = tuple(shape)
        return value if self.shape_of(value) == shape else self.add(Reshape(), (value,), shape)

    def continued(self, value: int, kept: tuple[int, ...]) -> int:
        """The value with axes of extent 1 dropped and added (−1); others are continued."""
        shape = self.shape_of(value)
        if kept == tuple(range(len(shape))):
            return value
        return self.add(Reshape(kept), (value,), (shape[k] if k >= 0 else 1 for k in kept))

    def permute(self, value: int, order: Iterable[int]) -> int:
        """The value with its axes in another order."""
        order, shape = tuple(order), self.shape_of(value)
        if order == tuple(range(len(shape))):
            return value
        return self.add(Permute(order), (value,), (shape[axis] for axis in order))

    def expand(self, value: int, shape: Iterable[int]) -> int:
        """The value broadcast to a shape."""
        shape = tuple(shape)
        return value if self.shape_of(value) == shape else self.add(Expand(), (value,), shape)

    def reduce(self, value: int, axes: Iterable[int], *, keep: bool = False) -> int:
        """The value with axes removed (or of extent 1) that every element reads whole."""
        shape = self.shape_of(value)
        axes = tuple(sorted(axis % len(shape) for axis in axes))
        if keep:
            out = tuple(1 if k in axes else n for k, n in enumerate(shape))
        else:
            out = tuple(n for k, n in enumerate(shape) if k not in axes)
        return self.add(Reduce(axes, keep), (value,), out)

    def mix(
        self,
        value: int,
        axes: Iterable[int],
        shape: Iterable[int] | None = None,
        *,
        softmax: bool = False,
    ) -> int:
        """The value with every element reading the whole of some axes."""
        old = self.shape_of(value)
        axes = tuple(sorted(axis % len(old) for axis in axes)) if old else ()
        return self.add(Mix(axes, softmax), (value,), old if shape is None else shape)

    def slice(self, value: int, axis: int, start: int, count: int, step: int = 1) -> int:
        """`count` elements of an axis from `start` on."""
        shape = self.shape_of(value)
        if start == 0 and count == shape[axis] and step == 1:
            return value
        return self.add(Slice(axis, int(start), int(step)), (value,), _with(shape, axis, count))

    def select(self, value: int, axis: int, index: int) -> int:
        """One element of an axis, which is removed."""
        shape = self.shape_of(value)
        one = self.slice(value, axis, index, 1)
        return self.continued(one, tuple(k for k in range(len(shape)) if k != axis))

    def gather(self, value: int, axis: int, index: npt.ArrayLike) -> int:
        """The listed elements of an axis; −1 is none. The axis becomes those of the index."""
        table, shape = Indices(index), self.shape_of(value)
        out = shape[:axis] + table.array.shape + shape[axis + 1 :]
        period = repeating(table.array)
        if period is not None:  # as in upsampling by repetition: the plane goes on
            behind = Indices(table.array + 1)
            return self.add(Table(axis, table, behind, period), (value,), out)
        return self.add(Gather(axis, table), (value,), out)

    def pad(
        self, value: int, axis: int, before: int, after: int, mode: PadMode = "constant"
    ) -> int:
        """The value with elements put in front of and behind an axis (or cut off)."""
        shape = self.shape_of(value)
        if before == 0 and after == 0:
            return value
        out = _with(shape, axis, shape[axis] + before + after)
        return self.add(Pad(axis, int(before), mode), (value,), out)

    def concat(self, values: Sequence[int], axis: int) -> int:
        """Values one after another on an axis."""
        shapes = [self.shape_of(value) for value in values]
        out = _with(shapes[0], axis, sum(shape[axis] for shape in shapes))
        return values[0] if len(values) == 1 else self.add(Concat(axis), values, out)

    def mask(self, value: int, keep: npt.ArrayLike, *, filling: object = None) -> int:
        """The value where `keep` is true, a constant elsewhere, where known `filling`."""
        table = np.asarray(keep)
        hidden = hidden_by(filling)
        if hidden == "minus infinity" and filling != float("-inf") and table.ndim:
            # A row that is masked everywhere has equal scores, and so reads everything.
            table = table | ~table.any(axis=-1, keepdims=True)
        if table.size and table.all():
            return value
        shape = np.broadcast_shapes(self.shape_of(value), table.shape)
        return self.add(Mask(Indices(table), hidden), (value,), shape)

    def added(self, value: int, known: npt.NDArray[Any] | None) -> int:
        """The value plus a constant: where that is minus infinity (a mask), nothing is read."""
        shape = self.shape
        if known is not None and known.size > 1 and (known <= HIDES).any():
            filling = float(known[known <= HIDES].max())
            return self.mask(self.expand(value, shape), known > HIDES, filling=filling)
        return self.pointwise(value, shape=shape, operator=ADDED)


def _with(shape: Shape, axis: int, extent: int) -> Shape:
    # Frameworks hand over NumPy's integers, too.
    return (*shape[:axis], int(extent), *shape[axis + 1 :])
