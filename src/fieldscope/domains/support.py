"""The domain *support*: which elements some positions read, exactly, with their gaps.

The other domains go forwards and hold for all positions. This one goes backwards from the
positions that are asked for: each operator says which elements of its operands its
wanted elements read. Masks are boolean, so that nothing can vanish, cancel or underflow.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from fieldscope.geometry import masks
from fieldscope.geometry.padding import padded_index
from fieldscope.geometry.regions import BoolArray
from fieldscope.graph.graph import Graph, Node, Shape
from fieldscope.graph.operators import (
    Collect,
    Concat,
    Contract,
    Expand,
    Flip,
    Gather,
    Mask,
    Mix,
    Opaque,
    Overwrite,
    Pad,
    Pairs,
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


def walk(
    graph: Graph,
    wanted: Mapping[int, BoolArray],
    *,
    without: Collection[tuple[int, int]] = (),
    stop: Collection[int] = (),
) -> dict[int, BoolArray]:
    """Which elements of the inputs, and of the values to stop at, the wanted ones read.

    Args:
        graph: graph of canonical operators.
        wanted: masks by value, each broadcasting against its value.
        without: operands that aren't followed, as (node, place among its operands).
        stop: values whose operands aren't followed.

    Returns:
        Masks by value; a value that isn't read is absent.

    Example:
        >>> from fieldscope.geometry.sliding import Sliding
        >>> from fieldscope.graph.graph import GraphBuilder
        >>> builder = GraphBuilder()
        >>> x = builder.input((7,))
        >>> y = builder.add(Window((0,), (Sliding(3, dilation=2),)), (x,), (3,))
        >>> walk(builder.build(), {y: np.array([False, True, False])})[x].astype(int)
        array([0, 1, 0, 1, 0, 1, 0])
    """
    pending = dict(wanted)
    found: dict[int, BoolArray] = {}
    for value in range(max(pending, default=-1), -1, -1):
        mask = pending.pop(value, None)
        if mask is None or not mask.any():
            continue
        node = graph.nodes[value]
        if value in stop or not node.operands:
            found[value] = mask
            continue
        if 0 in node.shape:
            continue
        for place, operand in enumerate(node.operands):
            if (value, place) in without:
                continue
            read = _read(graph, node, place, mask)
            before = pending.get(operand)
            pending[operand] = read if before is None else masks.united(before, read)
    return found


def _read(graph: Graph, node: Node, place: int, mask: BoolArray) -> BoolArray:
    """Which elements of an operand the wanted elements of a node's result read."""
    operator = node.operator
    shape, before = node.shape, graph.shape(node.operands[place])
    match operator:
        case Pointwise() | Expand():
            return masks.narrowed(mask, before)
        case Mask(keep=keep):
            return masks.compact(masks.narrowed(mask & (keep.array != 0), before))
        case Window() | Spread():
            return _windows(operator, mask, shape, before)
        case Table(axis=axis, skipped=skipped) if skipped is not None:
            return masks.listed(mask, axis, operator.elements(), before[axis])
        case Table(axis=axis, lo=lo, hi=hi):
            return masks.runs(mask, axis, lo.array, hi.array, before[axis])
        case Gather(axis=axis, index=index):
            return _gathered(mask, axis, index.array, before)
        case Collect(axis=axis, index=index):
            return masks.listed(mask, axis, index.array, before[axis])
        case Mix(axes=axes):
            return masks.over(mask, axes)
        case Reduce(axes=axes, keep=kept):
            return mask if kept else np.expand_dims(mask, axes)
        case Contract():
            return _contracted(operator, mask, operator.operands[place], before)
        case Reshape():
            return masks.reshaped(mask, shape, before)
        case Permute(order=order):
            return mask.transpose([order.index(axis) for axis in range(len(order))])
        case Slice(axis=axis, start=start, step=step):
            part = slice(start, start + step * shape[axis], step)
            return _placed(mask, axis, part, shape[axis], before[axis])
        case Flip(axes=axes):
            return np.flip(mask, axes)
        case Roll(axis=axis, shift=shift):
            return np.roll(mask, -shift, axis)
        case Pad(axis=axis, before=front, mode=mode):
            source = padded_index(before[axis], front, shape[axis], mode)
            return masks.listed(mask, axis, source[:, None], before[axis])
        case Concat(axis=axis):
            start = sum(graph.shape(one)[axis] for one in node.operands[:place])
            return _part(mask, axis, slice(start, start + before[axis]))
        case Overwrite(axis=axis, start=start, step=step):
            written = graph.shape(node.operands[1])[axis]
            part = slice(start, start + step * written, step)
            if place == 1:
                return masks.narrowed(_part(mask, axis, part), before)
            left = masks.full(mask, axis, shape[axis]).copy()
            left[(*(slice(None),) * axis, part)] = False
            return masks.narrowed(left, before)
        case Opaque():
            return masks.alike(len(before))
        case _:
            message = f"the support of {type(operator).__name__} isn't defined"
            raise NotImplementedError(message)


def _windows(operator: Window | Spread, mask: BoolArray, shape: Shape, before: Shape) -> BoolArray:
    pull = masks.window if isinstance(operator, Window) else masks.spread
    if operator.channels is not None:
        axis = operator.channels.axis
        mask = masks.channels(mask, axis, operator.channels.groups, before[axis], shape[axis])
    for axis, window in zip(operator.axes, operator.windows, strict=True):
        mask = pull(mask, axis, window, before[axis], shape[axis])
    return masks.alike(mask.ndim) if mask.all() else mask


def _gathered(mask: BoolArray, axis: int, index: masks.IndexArray, before: Shape) -> BoolArray:
    """The axes of an index table as one, then what it lists."""
    places = range(axis, axis + index.ndim)
    out = 1
    if any(mask.shape[k] != 1 for k in places):
        for k, extent in zip(places, index.shape, strict=True):
            mask = masks.full(mask, k, extent)
        out = index.size
    mask = mask.reshape((*mask.shape[:axis], out, *mask.shape[axis + index.ndim :]))
    return masks.listed(mask, axis, index.reshape(-1, 1), before[axis])


def _placed(mask: BoolArray, axis: int, part: slice, out: int, extent: int) -> BoolArray:
    """A mask put into a part of an axis."""
    if mask.shape[axis] == 1 and out == extent:
        return mask
    read = np.zeros((*mask.shape[:axis], extent, *mask.shape[axis + 1 :]), dtype=bool)
    read[(*(slice(None),) * axis, part)] = mask
    return read


def _part(mask: BoolArray, axis: int, part: slice) -> BoolArray:
    return mask if mask.shape[axis] == 1 else mask[(*(slice(None),) * axis, part)]


def _contracted(
    operator: Contract, mask: BoolArray, labels: tuple[int, ...], before: Shape
) -> BoolArray:
    """Wanted rows and columns, for the labels of one operand."""
    result = operator.result
    pairs = operator.pairs
    if pairs is not None and (pairs.kept not in result or pairs.contracted not in labels):
        pairs = None
    gone = tuple(
        axis
        for axis, label in enumerate(result)
        if label not in labels and (pairs is None or label != pairs.kept)
    )
    mask = np.squeeze(masks.over(mask, gone), gone)
    left = [label for axis, label in enumerate(result) if axis not in gone]
    if pairs is not None:
        extent = before[labels.index(pairs.contracted)]
        axis = left.index(pairs.kept)
        if pairs.kept in labels:  # scores: row i at the columns that it meets
            mask = np.expand_dims(mask, mask.ndim) & _met(pairs, axis, mask.ndim, extent)
            left.append(pairs.contracted)
        elif pairs.index is not None:
            mask = masks.listed(mask, axis, pairs.index.array, extent)
            left[axis] = pairs.contracted
        else:
            assert pairs.lo is not None
            assert pairs.hi is not None
            mask = masks.runs(mask, axis, pairs.lo.array, pairs.hi.array, extent)
            left[axis] = pairs.contracted
    new = [label for label in labels if label not in left]
    mask = mask.reshape(mask.shape + (1,) * len(new))
    order = [*left, *new]
    return masks.narrowed(mask.transpose([order.index(label) for label in labels]), before)


def _met(pairs: Pairs, axis: int, ndim: int, extent: int) -> BoolArray:
    """Which pairs count, [.. kept .. contracted], with the kept label at that axis of ndim."""
    columns = np.arange(extent)
    if pairs.index is not None:
        table = (pairs.index.array[:, :, None] == columns).any(axis=1)
    else:
        assert pairs.lo is not None
        assert pairs.hi is not None
        table = (columns >= pairs.lo.array[:, None]) & (columns < pairs.hi.array[:, None])
    shape = [1] * (ndim + 1)
    shape[axis], shape[-1] = table.shape
    found: BoolArray = table.reshape(shape)
    return found
