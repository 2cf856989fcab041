"""The domain *paths*: on how many ways the elements of the inputs are read, backwards.

Counted are the ways from the positions that are asked for to each element, through the windows
in between, inside the given extents. With c(o) the count of an operator's result at o, that of
its operand at e is the sum of c(o) over all (o, t) for which tap t of position o reads e: the
transpose of the operator with all weights 1. For a convolution with one channel on a map,
these are its input's gradients for weights and outgoing gradients of 1.

Channels don't multiply ways: windows and products take the mean over the channels that they
sum over, and so do operators that read a whole axis, each element of which gets its share.
Counts are kept as arrays that broadcast against their value, in floating point; where they
grow beyond it, all of them are scaled alike.

*Evenly*, a window hands each of its taps only its share, 1 over their number (those in the
padding included), and so does whatever else reads several elements; both sides of a sum get
all. What mixes channels takes their sum over the number that it reads: of branches that are
joined, one of 15 channels weighs 15 times one of a single channel. That is the expected square
of the gradient where every layer keeps the variance of what passes it, as initialisations are
made to (He, Zhang, Ren, Sun, *Delving Deep into Rectifiers*, ICCV 2015, arXiv 1502.01852): for
weights of mean 0 squares add up, all that lies between two layers has the variance 1 over the
number of elements that a result reads, and of a maximum each element is the largest as often
as any other. For a chain it is Luo et al.'s (NeurIPS 2016, arXiv 1701.04128).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from fieldscope.geometry import masks
from fieldscope.geometry.padding import padded_index
from fieldscope.geometry.sliding import Sliding
from fieldscope.graph.graph import Graph, Node, Shape
from fieldscope.graph.operators import (
    Collect,
    Concat,
    Contract,
    Expand,
    Flip,
    Gather,
    Indices,
    Mask,
    Mix,
    Opaque,
    Overwrite,
    Pad,
    Permute,
    Pointwise,
    Reduce,
    Reshape,
    Roll,
    Slice,
    Spread,
    Table,
    Window,
)

Counts = npt.NDArray[np.float64]
_LARGE = 1e150


@dataclass(frozen=True, slots=True)
class Found:
    """Counts by value, and whether they were scaled: then only their ratios mean something."""

    counts: dict[int, Counts]
    scaled: bool


def walk(
    graph: Graph,
    wanted: Mapping[int, Counts],
    *,
    without: Collection[tuple[int, int]] = (),
    evenly: bool = False,
) -> Found:
    """Count the ways on which the inputs are read from the wanted values.

    Args:
        graph: graph of canonical operators.
        wanted: counts to begin with, by value; they broadcast against it.
        without: operands that aren't followed, as (node, place among its operands).
        evenly: split what each result hands on evenly among what it reads.

    Example:
        >>> from fieldscope.graph.graph import GraphBuilder
        >>> builder = GraphBuilder()
        >>> x = builder.input((7,))
        >>> y = builder.add(Window((0,), (Sliding(3, stride=2),)), (x,), (3,))
        >>> walk(builder.build(), {y: np.ones(1)}).counts[x]
        array([1., 1., 2., 1., 2., 1., 1.])
        >>> walk(builder.build(), {y: np.array([3.0, 0, 0])}, evenly=True).counts[x]
        array([1., 1., 1., 0., 0., 0., 0.])
    """
    pending = dict(wanted)
    found: dict[int, Counts] = {}
    scaled = False
    for value in range(max(pending, default=-1), -1, -1):
        counts = pending.pop(value, None)
        if counts is None:
            continue
        node = graph.nodes[value]
        if not node.operands:
            found[value] = counts
            continue
        if 0 in node.shape:
            continue
        for place, operand in enumerate(node.operands):
            if (value, place) in without:
                continue
            shared = _shared(node, counts, graph.shape(operand)) if evenly else counts
            read = _read(graph, node, place, shared)
            pending[operand] = pending[operand] + read if operand in pending else read
            if pending[operand].max(initial=0) > _LARGE:
                scaled = True
                for kept in (pending, found):
                    for other in kept:
                        kept[other] = kept[other] / _LARGE
                counts = counts / _LARGE
    return Found(found, scaled)


def written_out(counts: Counts, shape: Shape) -> Counts:
    """Counts as an array of the value's shape; a view, not to be written to."""
    return np.broadcast_to(counts, shape)


def _shared(node: Node, counts: Counts, before: Shape) -> Counts:
    """What a result's positions hand on to each element that they read."""
    match node.operator:
        case Window(windows=windows, channels=channels):
            axes = () if channels is None else (channels.axis,)
            taps: float = prod(window.kernel for window in windows)
            return counts * (_outgoing(node, axes, before) / taps)
        case Spread(windows=windows, channels=channels):
            axes = () if channels is None else (channels.axis,)
            # Of kernel taps every stride-th meets a position.
            taps = prod(max(1.0, one.kernel / one.stride) for one in windows)
            return counts * (_outgoing(node, axes, before) / taps)
        case Mix(axes=axes):
            return counts * _outgoing(node, axes, before)
        case Table(axis=axis, lo=lo, hi=hi, skipped=None):
            return _divided(counts, hi.array - lo.array, axis, node.shape)
        case Table(axis=axis) as table:
            return _divided(counts, (table.elements() >= 0).sum(axis=1), axis, node.shape)
        case Collect(axis=axis, index=index):
            return _divided(counts, (index.array >= 0).sum(axis=1), axis, node.shape)
        case _:
            return counts


def _outgoing(node: Node, axes: Collection[int], before: Shape) -> float:
    """How many results read an element for each element that a result reads, along some axes."""
    return prod(node.shape[axis] for axis in axes) / max(1, prod(before[axis] for axis in axes))


def _divided(counts: Counts, many: npt.NDArray[np.integer[Any]], axis: int, shape: Shape) -> Counts:
    """Counts over how many elements each index of an axis reads."""
    over = np.maximum(many, 1).reshape([-1 if k == axis else 1 for k in range(len(shape))])
    return np.asarray(_full(counts, axis, shape) / over)


def _read(graph: Graph, node: Node, place: int, counts: Counts) -> Counts:
    """The counts of an operand that a node's result hands on."""
    operator = node.operator
    shape, before = node.shape, graph.shape(node.operands[place])
    match operator:
        case Pointwise() | Expand():
            return _narrowed(counts, shape, before)
        case Mask(keep=keep):
            return _narrowed(counts * (keep.array != 0), shape, before)
        case Window() | Spread():
            return _windows(operator, counts, shape, before)
        case Table(axis=axis) | Gather(axis=axis) | Collect(axis=axis):
            return _listed(operator, counts, shape, before, axis)
        case Mix(axes=axes):
            return np.asarray(_total(counts, shape, axes) / prod(shape[k] for k in axes))
        case Reduce(axes=axes, keep=kept):
            share = counts / max(prod(before[k] for k in axes), 1)
            return share if kept else np.expand_dims(share, axes)
        case Contract():
            return _contracted(operator, counts, shape, operator.operands[place], before)
        case Reshape():
            return masks.reshaped(counts, shape, before)
        case Permute(order=order):
            return counts.transpose([order.index(axis) for axis in range(len(order))])
        case Slice(axis=axis, start=start, step=step):
            part = slice(start, start + step * shape[axis], step)
            return _placed(counts, axis, part, shape[axis], before[axis])
        case Flip(axes=axes):
            return np.flip(counts, axes)
        case Roll(axis=axis, shift=shift):
            return np.roll(counts, -shift, axis)
        case Pad(axis=axis, before=front, mode=mode):
            source = padded_index(before[axis], front, shape[axis], mode)[:, None]
            return _added(_full(counts, axis, shape), axis, source, before[axis])
        case Concat(axis=axis):
            start = sum(graph.shape(one)[axis] for one in node.operands[:place])
            return _part(counts, axis, slice(start, start + before[axis]))
        case Overwrite():
            return _overwritten(graph, node, place, counts)
        case Opaque():
            everything = _total(counts, shape, range(len(shape)))
            return np.asarray(everything.reshape((1,) * len(before)) / max(prod(shape), 1))
        case _:
            message = f"the paths of {type(operator).__name__} aren't defined"
            raise NotImplementedError(message)


def _full(counts: Counts, axis: int, shape: Shape) -> Counts:
    """Counts written out along one axis; a view."""
    if counts.shape[axis] == shape[axis]:
        return counts
    return np.broadcast_to(counts, (*counts.shape[:axis], shape[axis], *counts.shape[axis + 1 :]))


def _total(counts: Counts, shape: Shape, axes: Collection[int]) -> Counts:
    """Sum along some axes, kept with extent 1, of counts that may be alike there."""
    axes = tuple(axes)
    alike = prod(shape[axis] for axis in axes if counts.shape[axis] == 1)
    return np.asarray(counts.sum(axis=axes, keepdims=True) * alike)


def _narrowed(counts: Counts, shape: Shape, before: Shape) -> Counts:
    """Undo broadcasting: an element of extent 1 gets what all of its copies have."""
    if counts.ndim < len(shape):
        counts = counts.reshape((1,) * (len(shape) - counts.ndim) + counts.shape)
    lead = len(shape) - len(before)
    gone = [k for k, n in enumerate(shape) if k < lead or (n != 1 and before[k - lead] == 1)]
    if gone:
        counts = _total(counts, shape, gone)
    return counts.reshape(counts.shape[lead:])


def _windows(operator: Window | Spread, counts: Counts, shape: Shape, before: Shape) -> Counts:
    if operator.channels is not None:
        counts = _channels(counts, operator.channels.axis, operator.channels.groups, shape, before)
    for axis, window in zip(operator.axes, operator.windows, strict=True):
        if window == Sliding(1) and shape[axis] == before[axis]:
            continue
        given = _full(counts, axis, shape)
        counts = np.zeros((*given.shape[:axis], before[axis], *given.shape[axis + 1 :]))
        lead = (slice(None),) * axis
        if isinstance(operator, Window):
            for coarse, fine in masks.taps(window, shape[axis], before[axis]):
                counts[(*lead, fine)] += given[(*lead, coarse)]
        else:
            for coarse, fine in masks.taps(window, before[axis], shape[axis]):
                counts[(*lead, coarse)] += given[(*lead, fine)]
    return counts


def _channels(counts: Counts, axis: int, groups: int, shape: Shape, before: Shape) -> Counts:
    """The mean over the channels of each group."""
    if counts.shape[axis] == 1:
        return counts
    lead, rest = counts.shape[:axis], counts.shape[axis + 1 :]
    split: Counts = counts.reshape((*lead, groups, shape[axis] // groups, *rest))
    split = split.mean(axis=axis + 1)
    return split if groups == 1 else split.repeat(before[axis] // groups, axis=axis)


def _listed(
    operator: Table | Gather | Collect, counts: Counts, shape: Shape, before: Shape, axis: int
) -> Counts:
    """What lists of elements read; the axes of an index table become one."""
    extent = before[axis]
    if isinstance(operator, Gather):
        index = operator.index.array
        for k in range(axis, axis + index.ndim):
            counts = _full(counts, k, shape)
        rest = counts.shape[axis + index.ndim :]
        flat = counts.reshape((*counts.shape[:axis], index.size, *rest))
        return _added(flat, axis, index.reshape(-1, 1), extent)
    counts = _full(counts, axis, shape)
    if isinstance(operator, Collect):
        return _added(counts, axis, operator.index.array, extent)
    if operator.skipped is not None:
        return _added(counts, axis, operator.elements(), extent)
    return _runs(counts, axis, (operator.lo, operator.hi), extent)


def _runs(counts: Counts, axis: int, runs: tuple[Indices, Indices], extent: int) -> Counts:
    """What runs [lo, hi) read, by the sums of what begins and ends at each element."""
    moved = np.moveaxis(counts, axis, 0)
    steps = np.zeros((extent + 1, *moved.shape[1:]))
    lo, hi = (one.array for one in runs)
    np.add.at(steps, lo, moved)
    np.subtract.at(steps, np.maximum(hi, lo), moved)
    found = np.moveaxis(np.cumsum(steps[:-1], axis=0), 0, axis)
    # Differences of sums leave dust where there is nothing.
    return np.where(found < counts.max(initial=0) * 1e-12, 0.0, found)


def _added(counts: Counts, axis: int, index: npt.NDArray[np.int64], extent: int) -> Counts:
    """What lists [out, k] read: output o hands its count on to all of index[o]; −1 is none."""
    moved = np.moveaxis(counts, axis, 0)
    found = np.zeros((extent, *moved.shape[1:]))
    for column in index.T:
        chosen = np.flatnonzero(column >= 0)
        np.add.at(found, column[chosen], moved[chosen])
    return np.moveaxis(found, 0, axis)


def _placed(counts: Counts, axis: int, part: slice, out: int, extent: int) -> Counts:
    if counts.shape[axis] == 1 and out == extent:
        return counts
    found = np.zeros((*counts.shape[:axis], extent, *counts.shape[axis + 1 :]))
    found[(*(slice(None),) * axis, part)] = counts
    return found


def _part(counts: Counts, axis: int, part: slice) -> Counts:
    return counts if counts.shape[axis] == 1 else counts[(*(slice(None),) * axis, part)]


def _overwritten(graph: Graph, node: Node, place: int, counts: Counts) -> Counts:
    operator = node.operator
    assert isinstance(operator, Overwrite), "asked for of none else"
    axis, written = operator.axis, graph.shape(node.operands[1])
    stop = operator.start + operator.step * written[axis]
    part = slice(operator.start, stop, operator.step)
    if place == 1:
        shape = (*node.shape[:axis], written[axis], *node.shape[axis + 1 :])
        return _narrowed(_part(counts, axis, part), shape, written)
    left = np.ones(node.shape[axis])
    left[part] = 0
    return np.asarray(counts * left.reshape([-1 if k == axis else 1 for k in range(counts.ndim)]))


def _contracted(
    operator: Contract, counts: Counts, shape: Shape, labels: tuple[int, ...], before: Shape
) -> Counts:
    """The mean over the rows and columns that an operand doesn't have."""
    result, pairs = operator.result, operator.pairs
    gone = tuple(axis for axis, label in enumerate(result) if label not in labels)
    if pairs is not None and pairs.kept in result and pairs.contracted in labels:
        axis = result.index(pairs.kept)
        extent = before[labels.index(pairs.contracted)]
        table = _met(operator, shape[axis], extent)
        others = tuple(k for k in gone if k != axis)
        counts = _total(counts, shape, others) / prod(shape[k] for k in others)
        counts = np.moveaxis(_full(counts, axis, shape), axis, -1)
        if pairs.kept in labels:
            met = counts[..., :, None] * table
            order = [*(k for k in result if k != pairs.kept), pairs.kept, pairs.contracted]
        else:
            met = counts @ table / shape[axis]
            order = [*(k for k in result if k != pairs.kept), pairs.contracted]
        return _ordered(met, order, labels, before)
    share = _total(counts, shape, gone) / prod(shape[k] for k in gone)
    return _ordered(share, list(result), labels, before)


def _met(operator: Contract, rows: int, columns: int) -> Counts:
    """Which pairs count, [rows, columns]."""
    pairs = operator.pairs
    assert pairs is not None, "asked for where there are pairs"
    if pairs.index is not None:
        table = np.zeros((rows, columns + 1))
        np.put_along_axis(table, pairs.index.array, 1.0, axis=1)  # −1 is the column behind
        return table[:, :-1]
    assert pairs.lo is not None, "pairs are runs or lists"
    assert pairs.hi is not None, "pairs are runs or lists"
    places = np.arange(columns)
    inside = (places >= pairs.lo.array[:, None]) & (places < pairs.hi.array[:, None])
    return inside.astype(np.float64)


def _ordered(counts: Counts, order: list[int], labels: tuple[int, ...], before: Shape) -> Counts:
    """Counts with an axis per label brought to an operand's labels; new ones are alike."""
    gone = [k for k, label in enumerate(order) if label not in labels]
    for axis in gone:
        assert counts.shape[axis] == 1, "summed over before"
    counts = counts.reshape([n for k, n in enumerate(counts.shape) if k not in gone])
    left = [label for label in order if label in labels]
    places = [left.index(label) for label in labels if label in left]
    counts = counts.transpose(places)
    new = [n if label in left else 1 for label, n in zip(labels, before, strict=True)]
    sizes = iter(counts.shape)
    counts = counts.reshape([next(sizes) if label in left else 1 for label in labels])
    narrow = tuple(k for k, n in enumerate(new) if n == 1 and counts.shape[k] != 1)
    return np.asarray(counts.sum(axis=narrow, keepdims=True))
