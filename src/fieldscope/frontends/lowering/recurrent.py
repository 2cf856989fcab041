"""Recurrent layers, taken whole instead of step by step."""

from __future__ import annotations

import numpy as np

from fieldscope.frontends.lowering.call import Call
from fieldscope.graph.operators import Contract, Indices, Table


def prefix(
    call: Call, value: int, axis: int, *, backward: bool = False, exclusive: bool = False
) -> int:
    """Index o of an axis reads all up to itself, or backward itself and all behind it.

    Args:
        call: the call.
        value: what is read.
        axis: the axis.
        backward: whether it runs from the last index to the first.
        exclusive: whether an index doesn't read itself.
    """
    shape = call.shape_of(value)
    index, own = np.arange(shape[axis]), 0 if exclusive else 1
    lo, hi = (index + 1 - own, index * 0 + shape[axis]) if backward else (index * 0, index + own)
    return call.add(Table(axis, Indices(lo), Indices(hi)), [value], shape)


def recurrent(call: Call, value: int, time: int, hidden: int, *, backward: bool = False) -> int:
    """The outputs of one direction of a recurrent layer: all features of the steps so far.

    Args:
        call: the call.
        value: the steps' features, in the last axis.
        time: axis of the steps.
        hidden: number of features of the result.
        backward: whether it runs from the last step to the first.
    """
    seen = prefix(call, value, time, backward=backward)
    labels = tuple(range(len(call.shape_of(value))))
    operator = Contract((labels,), (*labels[:-1], len(labels)))
    return call.add(operator, [seen], (*call.shape_of(value)[:-1], hidden))
