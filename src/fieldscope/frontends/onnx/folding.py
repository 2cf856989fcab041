"""Constants computed from constants: indices, masks and shapes that the graph itself makes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import prod
from typing import Any

import numpy as np

from fieldscope.frontends.lowering.program import Tensor
from fieldscope.frontends.onnx import evaluation
from fieldscope.frontends.onnx.elements import MOST, Elements, constant
from fieldscope.frontends.onnx.node import Node
from fieldscope.frontends.onnx.shells import Vague

_NOW = 1 << 12
"""Constants of up to this many elements are computed at once, larger ones when asked for."""

_DEEP = 40
_WORK = 1 << 28


class Later(Tensor):
    """A constant that is computed when it is asked for.

    Attributes:
        depth: the longest chain of constants that have to be computed first.
    """

    __slots__ = ("depth",)

    depth: int


class Folder:
    """Computes constants, up to a total number of elements."""

    def __init__(self) -> None:
        self._left = _WORK

    def fold(
        self, node: Node, operands: Sequence[Tensor | None], results: Sequence[Tensor]
    ) -> list[Tensor]:
        """The results of a node whose operands are constants; elements may be unknown."""
        made = _written(node, results)
        if made is not None:
            return made
        sizes = [prod(one.shape) for one in (*operands, *results) if one is not None]
        vague = any(isinstance(one, Vague) for one in results)
        if any(isinstance(one, Vague) for one in operands) or max(sizes, default=0) > MOST:
            return list(results)
        if vague or sum(sizes) <= _NOW:
            found = self._computed(node, operands)
            if found is None:
                return list(results)
            return [
                Tensor(array.shape, shell.dtype or array.dtype.name, elements=array)
                if vague or array.shape == shell.shape
                else shell
                for array, shell in zip(found, results, strict=False)
            ]
        depth = 1 + max((getattr(one, "depth", 0) for one in operands), default=0)
        if depth > _DEEP:
            depth = 1
            for one in operands:
                if one is not None:
                    one.elements()
        return self._later(node, operands, results, depth)

    def _later(
        self,
        node: Node,
        operands: Sequence[Tensor | None],
        results: Sequence[Tensor],
        depth: int,
    ) -> list[Tensor]:
        known: list[list[Elements] | None] = []

        def elements(k: int, shape: tuple[int, ...]) -> Elements | None:
            if not known:
                known.append(self._computed(node, operands))
            found = known[0]
            if found is None or k >= len(found) or found[k].shape != shape:
                return None
            return found[k]

        made: list[Tensor] = []
        for k, shell in enumerate(results):
            one = Later(shell.shape, shell.dtype, elements=partial(elements, k, shell.shape))
            one.depth = depth
            made.append(one)
        return made

    def _computed(self, node: Node, operands: Sequence[Tensor | None]) -> list[Elements] | None:
        if not evaluation.can(node.op):
            return None
        arrays: list[Elements | None] = []
        for one in operands:
            found = None if one is None else one.elements()
            if one is not None and found is None:
                return None
            arrays.append(found)
        self._left -= sum(1 + array.size for array in arrays if array is not None)
        if self._left < 0:
            return None
        with np.errstate(all="ignore"):
            return evaluation.run(node, arrays)


def _written(node: Node, results: Sequence[Tensor]) -> list[Tensor] | None:
    """A constant that the node itself holds."""
    if node.op != "Constant":
        return None
    tensor = node.tensor("value")
    if tensor is not None:
        return [constant(tensor)]
    found: Any = None
    for name, dtype in (("value_int", np.int64), ("value_float", np.float32)):
        one = node.integer(name, None) if dtype is np.int64 else node.number(name, None)
        found = found if one is None else np.array(one, dtype)
    for name, dtype in (("value_ints", np.int64), ("value_floats", np.float32)):
        several: Any = node.integers(name, None) if dtype is np.int64 else node.numbers(name, None)
        found = found if several is None else np.array(several, dtype)
    return list(results) if found is None else [Tensor.of(found)]
