"""The domain *support*: which elements some positions read, exactly, with their gaps.

The other domains go forwards and hold for all positions. This one goes backwards from the
positions that are asked for: each operator says which elements of its operands its
wanted elements read. Masks are boolean, so that nothing can vanish, cancel or underflow.

A set of elements is kept as a product: arrays that broadcast against the value, no two of
which vary along the same axis; an element is in the set where all of them are true. Most
sets are boxes with regular gaps, one vector per axis. Where branches unite sets whose union
is no product, the arrays are multiplied out.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial, reduce
from typing import TypeAlias

import numpy as np

from fieldscope.geometry import masks
from fieldscope.geometry.padding import padded_index
from fieldscope.geometry.regions import BoolArray
from fieldscope.geometry.sliding import Sliding
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

Elements: TypeAlias = tuple[BoolArray, ...]
"""A set of elements as a product; () is everything."""


_ITSELF = Sliding(1)


def walk(
    graph: Graph,
    wanted: Mapping[int, Elements],
    *,
    without: Collection[tuple[int, int]] = (),
    stop: Collection[int] = (),
) -> dict[int, Elements]:
    """Which elements of the inputs, and of the values to stop at, the wanted ones read.

    Args:
        graph: graph of canonical operators.
        wanted: sets of elements by value.
        without: operands that aren't followed, as (node, place among its operands).
        stop: values whose operands aren't followed.

    Returns:
        Sets of elements by value; a value that isn't read is absent.

    Example:
        >>> from fieldscope.geometry.sliding import Sliding
        >>> from fieldscope.graph.graph import GraphBuilder
        >>> builder = GraphBuilder()
        >>> x = builder.input((7,))
        >>> y = builder.add(Window((0,), (Sliding(3, dilation=2),)), (x,), (3,))
        >>> read = walk(builder.build(), {y: (np.array([False, True, False]),)})[x]
        >>> written_out(read, (7,)).astype(int)
        array([0, 1, 0, 1, 0, 1, 0])
    """
    pending = {value: some for value, some in wanted.items() if not is_empty(some)}
    found: dict[int, Elements] = {}
    for value in range(max(pending, default=-1), -1, -1):
        some = pending.pop(value, None)
        if some is None:
            continue
        node = graph.nodes[value]
        if value in stop or not node.operands:
            found[value] = some
            continue
        if 0 in node.shape:
            continue
        for place, operand in enumerate(node.operands):
            if (value, place) in without:
                continue
            read = product(_read(graph, node, place, some))
            if is_empty(read):
                continue
            if operand in pending:
                read = united(pending.pop(operand), read, len(graph.shape(operand)))
            pending[operand] = read
    return found


def product(factors: Iterable[BoolArray]) -> Elements:
    """Factors of which no two vary along the same axis, and none is true throughout.

    Example:
        >>> row, column = np.array([[True], [False]]), np.array([[True, False]])
        >>> [factor.shape for factor in product([row, column, row])]
        [(1, 2), (2, 1)]
    """
    found: list[BoolArray] = []
    for factor in factors:
        mine = _varying(factor)
        merged = factor
        for other in [one for one in found if mine & _varying(one)]:
            # By identity: arrays compare element by element.
            found = [one for one in found if one is not other]
            merged = merged & other
        if merged.size != 1 or not merged.all():
            found.append(merged)
    return tuple(found)


def is_empty(some: Elements) -> bool:
    """Whether a product has no element."""
    return not all(factor.any() for factor in some)


def united(one: Elements, other: Elements, ndim: int) -> Elements:
    """Union of two sets of elements of one value, neither empty; a product where that is exact.

    Example:
        >>> box = np.array([[True], [False]]), np.array([[True, True, False]])
        >>> wide = np.array([[True], [False]]), np.array([[False, True, True]])
        >>> [factor.astype(int).tolist() for factor in united(box, wide, 2)]
        [[[1], [0]]]
    """
    same, unequal = [], []
    for pair in _aligned(one, other, ndim):
        if _equal(*pair):
            same.append(pair[0])
        else:
            unequal.append(pair)
    if len(unequal) > 1:
        # (a, b) where a lies within b throughout is b. For truth values, > is "and not".
        if not any((a > b).any() for a, b in unequal):
            return other
        if not any((b > a).any() for a, b in unequal):
            return one
    if unequal:
        left, right = (_merged(factors, ndim) for factors in zip(*unequal, strict=True))
        same.append(masks.compact(left | right))
    return product(same)


def _aligned(one: Elements, other: Elements, ndim: int) -> list[tuple[BoolArray, BoolArray]]:
    """Two products as pairs of factors, no two pairs varying along the same axis."""
    cells: list[set[int]] = []
    for axes in [_varying(factor) for factor in (*one, *other)]:
        touched = [cell for cell in cells if cell & axes]
        cells = [cell for cell in cells if not cell & axes] + [axes.union(*touched)]

    def within(elements: Elements, cell: set[int]) -> BoolArray:
        return _merged([factor for factor in elements if _varying(factor) & cell], ndim)

    return [(within(one, cell), within(other, cell)) for cell in cells]


def _merged(factors: Sequence[BoolArray], ndim: int) -> BoolArray:
    """Factors multiplied out; one alone isn't copied."""
    return reduce(np.logical_and, factors) if factors else masks.alike(ndim)


def _equal(one: BoolArray, other: BoolArray) -> bool:
    return one is other or bool((one == other).all())


def _varying(factor: BoolArray) -> set[int]:
    return {axis for axis, extent in enumerate(factor.shape) if extent != 1}


def written_out(elements: Elements, shape: Shape) -> BoolArray:
    """A set of elements as a mask of the value's shape; a view, not to be written to."""
    return np.broadcast_to(_merged(elements, len(shape)), shape)


def _read(graph: Graph, node: Node, place: int, some: Elements) -> Iterable[BoolArray]:
    """Which elements of an operand the wanted elements of a node's result read."""
    operator = node.operator
    shape, before = node.shape, graph.shape(node.operands[place])
    match operator:
        case Pointwise() | Expand():
            return _narrowed(some, before)
        case Mask(keep=keep):
            shown = keep.array != 0
            shown = shown.reshape((1,) * (len(shape) - shown.ndim) + shown.shape)
            return _narrowed(product([*some, masks.compact(shown)]), before)
        case Window() | Spread():
            return _windows(operator, some, shape, before)
        case Table(axis=axis, skipped=skipped) if skipped is not None:
            index = operator.elements()
            return _along(some, axis, lambda m: masks.listed(m, axis, index, before[axis]), shape)
        case Table(axis=axis, lo=lo, hi=hi):
            return _along(
                some, axis, lambda m: masks.runs(m, axis, lo.array, hi.array, before[axis]), shape
            )
        case Gather(axis=axis, index=index):
            return _gathered(some, axis, index.array, before)
        case Collect(axis=axis, index=index):
            return _along(
                some, axis, lambda m: masks.listed(m, axis, index.array, before[axis]), shape
            )
        case Mix(axes=axes):
            return [masks.over(factor, axes) for factor in some]
        case Reduce(axes=axes, keep=kept):
            return some if kept else [np.expand_dims(factor, axes) for factor in some]
        case Contract():
            return _contracted(operator, some, operator.operands[place], before)
        case Reshape():
            return [masks.reshaped(factor, shape, before) for factor in some]
        case Permute(order=order):
            back = [order.index(axis) for axis in range(len(order))]
            return [factor.transpose(back) for factor in some]
        case Slice(axis=axis, start=start, step=step):
            part = slice(start, start + step * shape[axis], step)
            return _along(
                some, axis, lambda m: _placed(m, axis, part, shape[axis], before[axis]), shape
            )
        case Flip(axes=axes):
            return [np.flip(factor, axes) for factor in some]
        case Roll(axis=axis, shift=shift):
            return [np.roll(factor, -shift, axis) for factor in some]
        case Pad(axis=axis, before=front, mode=mode):
            source = padded_index(before[axis], front, shape[axis], mode)[:, None]
            return _along(some, axis, lambda m: masks.listed(m, axis, source, before[axis]), shape)
        case Concat(axis=axis):
            start = sum(graph.shape(one)[axis] for one in node.operands[:place])
            part = slice(start, start + before[axis])
            return [_part(factor, axis, part) for factor in some]
        case Overwrite(axis=axis, start=start, step=step):
            written = graph.shape(node.operands[1])[axis]
            part = slice(start, start + step * written, step)
            if place == 1:
                return _narrowed([_part(factor, axis, part) for factor in some], before)
            left = np.ones(shape[axis], dtype=bool)
            left[part] = False
            return _narrowed(product([*some, masks.upright(left, axis, len(shape))]), before)
        case Opaque():
            return ()
        case _:
            message = f"the support of {type(operator).__name__} isn't defined"
            raise NotImplementedError(message)


def _narrowed(some: Iterable[BoolArray], before: Shape) -> Iterable[BoolArray]:
    return [masks.narrowed(factor, before) for factor in some]


def _along(
    some: Elements, axis: int, pull: Callable[[BoolArray], BoolArray], shape: Shape
) -> list[BoolArray]:
    """Pull a set back along an axis, which at most one of its factors varies along."""
    others = [factor for factor in some if factor.shape[axis] == 1]
    mine = [factor for factor in some if factor.shape[axis] != 1]
    return [*others, pull(mine[0] if mine else masks.alike(len(shape)))]


def _windows(
    operator: Window | Spread, some: Elements, shape: Shape, before: Shape
) -> Iterable[BoolArray]:
    slide = masks.window if isinstance(operator, Window) else masks.spread
    if operator.channels is not None:
        axis, groups = operator.channels.axis, operator.channels.groups
        some = product(
            masks.channels(factor, axis, groups, before[axis], shape[axis]) for factor in some
        )
    for axis, window in zip(operator.axes, operator.windows, strict=True):
        if window == _ITSELF and shape[axis] == before[axis]:
            continue
        pull = partial(slide, axis=axis, sliding=window, extent=before[axis], out=shape[axis])
        some = product(_along(some, axis, pull, shape))
    return some


def _gathered(some: Elements, axis: int, index: masks.IndexArray, before: Shape) -> list[BoolArray]:
    """The axes of an index table as one, then what it lists."""
    places = range(axis, axis + index.ndim)
    mine = [factor for factor in some if any(factor.shape[k] != 1 for k in places)]
    one = _merged(mine, len(before) - 1 + index.ndim)
    out = 1
    if mine:
        for k, extent in zip(places, index.shape, strict=True):
            one = masks.full(one, k, extent)
        out = index.size
    flat = [
        factor.reshape((*factor.shape[:axis], n, *factor.shape[axis + index.ndim :]))
        for factor, n in [(one, out), *((f, 1) for f in some if all(f is not m for m in mine))]
    ]
    read = masks.listed(flat[0], axis, index.reshape(-1, 1), before[axis])
    return [*flat[1:], read]


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
    operator: Contract, some: Elements, labels: tuple[int, ...], before: Shape
) -> list[BoolArray]:
    """Wanted rows and columns, for the labels of one operand."""
    result, pairs = operator.result, operator.pairs
    if pairs is not None and (pairs.kept not in result or pairs.contracted not in labels):
        pairs = None
    gone = tuple(
        axis
        for axis, label in enumerate(result)
        if label not in labels and (pairs is None or label != pairs.kept)
    )
    left = [label for axis, label in enumerate(result) if axis not in gone]
    some = product(np.squeeze(masks.over(factor, gone), gone) for factor in some)
    if pairs is not None:
        extent = before[labels.index(pairs.contracted)]
        axis = left.index(pairs.kept)
        if pairs.kept in labels:  # scores: row i at the columns that it meets
            met = _met(pairs, axis, len(left), extent)
            some = product([*(np.expand_dims(factor, -1) for factor in some), met])
            left.append(pairs.contracted)
        else:
            some = product(_along(some, axis, _of_pairs(pairs, axis, extent), (0,) * len(left)))
            left[axis] = pairs.contracted
    order = [*left, *(label for label in labels if label not in left)]
    places = [order.index(label) for label in labels]
    new = (1,) * (len(order) - len(left))
    return [
        masks.narrowed(factor.reshape(factor.shape + new).transpose(places), before)
        for factor in some
    ]


def _of_pairs(pairs: Pairs, axis: int, extent: int) -> Callable[[BoolArray], BoolArray]:
    """From wanted rows to the columns that they meet."""
    if pairs.index is not None:
        index = pairs.index.array
        return lambda mask: masks.listed(mask, axis, index, extent)
    assert pairs.lo is not None
    assert pairs.hi is not None
    lo, hi = pairs.lo.array, pairs.hi.array
    return lambda mask: masks.runs(mask, axis, lo, hi, extent)


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
