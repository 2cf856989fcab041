"""An operation as a lowering sees it: its type and attributes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from fieldscope.frontends.lowering.program import Tensor
from fieldscope.frontends.tensorflow.folding import computed

CHANNELS_FIRST = ("NCHW", "NCDHW", "NCW", "NCHW_VECT_C", "CHANNELS_FIRST")


class Node:
    """An operation's type and attributes.

    Attributes:
        operation: the operation.
        blocks: for values that SpaceToBatchND made, and those computed from them, the same
            values before they were put into the batch; see `lowering.windows.space_to_batch`.
    """

    __slots__ = ("blocks", "operation")

    def __init__(self, operation: tf.Operation, blocks: dict[int, Any]) -> None:
        self.operation = operation
        self.blocks = blocks

    def __getitem__(self, name: str) -> Any:
        return self.operation.get_attr(name)

    def get(self, name: str, otherwise: Any) -> Any:
        """An attribute that operators of this kind needn't have."""
        try:
            return self.operation.get_attr(name)
        except ValueError:
            return otherwise

    def text(self, name: str, otherwise: str = "") -> str:
        """An attribute that is a word."""
        found = self.get(name, otherwise)
        return found.decode() if isinstance(found, bytes) else str(found)

    def channels_first(self) -> bool:
        """Whether its data format puts channels in front of the positions."""
        return self.text("data_format", "NHWC") in CHANNELS_FIRST

    def run(self, *operands: npt.NDArray[Any]) -> npt.NDArray[Any] | None:
        """The first result of the operator on other operands; None if it can't be run."""
        found = computed(self.operation, [Tensor.of(np.asarray(one)) for one in operands])
        return None if found is None else found[0]
