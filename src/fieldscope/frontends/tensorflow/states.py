"""What the tensors of a TensorFlow graph can stand for, beside tensors of a program."""

from __future__ import annotations

from typing import TypeAlias

from fieldscope.frontends.lowering.program import Tensor
from fieldscope.graph.graph import Shape


class Untold(Tensor):
    """A constant whose shape isn't known either."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(())


class Variable:
    """A handle of a variable.

    Attributes:
        held: what was assigned to it by the program; None for what it held before.
        shape: the shape of what it holds; None where it isn't known.
    """

    __slots__ = ("held", "shape")

    def __init__(self, shape: Shape | None = None) -> None:
        self.held: Held | None = None
        self.shape = shape


class Dead:
    """What a branch that isn't taken computes, in control flow of TensorFlow 1."""

    __slots__ = ()


class TensorList:
    """A list of tensors, as loops collect them; what isn't set yet is None.

    Attributes:
        items: its elements.
        dtype: their type's name.
    """

    __slots__ = ("dtype", "items", "shape")

    def __init__(
        self, items: tuple[Tensor | None, ...], dtype: str, shape: tuple[int, ...] | None
    ) -> None:
        self.items = items
        self.dtype = dtype
        self.shape = shape


DEAD = Dead()

Held: TypeAlias = Tensor | Variable | Dead | TensorList


def depends(one: Held) -> bool:
    """Whether something depends on the input."""
    if isinstance(one, Tensor):
        return one.value is not None
    if isinstance(one, TensorList):
        return any(item is not None and item.value is not None for item in one.items)
    return isinstance(one, Variable) and one.held is not None and depends(one.held)
