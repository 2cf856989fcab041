"""Boolean masks, pulled back along one axis: from what is wanted to what is read for it.

A mask broadcasts against its value: where all positions of an axis are alike, it has
extent 1 there. Each function takes the mask of a result and gives that of the operand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from fieldscope.geometry.regions import BoolArray
from fieldscope.geometry.sliding import Sliding

IndexArray = npt.NDArray[np.int64]
Item = TypeVar("Item", bound=np.generic)


def alike(ndim: int) -> BoolArray:
    """The mask of a value of which everything is wanted."""
    return np.ones((1,) * ndim, dtype=bool)


def along(
    mask: BoolArray,
    axis: int,
    out: int,
    pull: Callable[[BoolArray, int], BoolArray],
) -> BoolArray:
    """Pull a mask back along an axis of extent `out`, by a rule for masks that are full there.

    Where all positions are alike, what any of them reads is found once.
    """
    if mask.shape[axis] == out:
        return pull(mask, axis)
    read = pull(np.ones(out, dtype=bool), 0)
    if read.all():
        return mask
    return mask & upright(read, axis, mask.ndim)


def upright(along: BoolArray, axis: int, ndim: int) -> BoolArray:
    """A vector along one axis of a value with ndim of them."""
    return along.reshape([-1 if k == axis else 1 for k in range(ndim)])


def window(mask: BoolArray, axis: int, sliding: Sliding, extent: int, out: int) -> BoolArray:
    """What windows read: output o reads o·stride − before + t·dilation, t < kernel.

    Example:
        >>> window(np.array([0, 1, 0], dtype=bool), 0, Sliding(2, 2, dilation=2), 7, 3).astype(int)
        array([0, 0, 1, 0, 1, 0, 0])
    """

    def pull(wanted: BoolArray, at: int) -> BoolArray:
        read = _nothing(wanted, at, extent)
        for coarse, fine in taps(sliding, out, extent):
            read[_at(at, fine)] |= wanted[_at(at, coarse)]
        return read

    return along(mask, axis, out, pull)


def spread(mask: BoolArray, axis: int, sliding: Sliding, extent: int, out: int) -> BoolArray:
    """What a transposed window reads: output o = i·stride − before + t·dilation reads i.

    Example:
        >>> spread(np.array([0, 0, 1, 0, 0], dtype=bool), 0, Sliding(3, 2), 2, 5).astype(int)
        array([1, 1])
    """

    def pull(wanted: BoolArray, at: int) -> BoolArray:
        read = _nothing(wanted, at, extent)
        for coarse, fine in taps(sliding, extent, out):
            read[_at(at, coarse)] |= wanted[_at(at, fine)]
        return read

    return along(mask, axis, out, pull)


def taps(sliding: Sliding, coarse: int, fine: int) -> Iterator[tuple[slice, slice]]:
    """For each tap t, the positions o and the elements o·stride − before + t·dilation inside."""
    # Most taps of a window that is longer than the axis lie outside wherever it stands.
    least = max(0, -(((coarse - 1) * sliding.stride - sliding.before) // sliding.dilation))
    most = min(sliding.kernel - 1, (fine - 1 + sliding.before) // sliding.dilation)
    for tap in range(least, most + 1):
        shift = tap * sliding.dilation - sliding.before
        first = max(0, -(shift // sliding.stride))
        last = min(coarse - 1, (fine - 1 - shift) // sliding.stride)
        if first <= last:
            begin = first * sliding.stride + shift
            end = last * sliding.stride + shift + 1
            yield slice(first, last + 1), slice(begin, end, sliding.stride)


def runs(mask: BoolArray, axis: int, lo: IndexArray, hi: IndexArray, extent: int) -> BoolArray:
    """What a table of runs reads: output o reads [lo[o], hi[o]).

    Example:
        >>> lo, hi = np.array([0, 2]), np.array([2, 5])
        >>> runs(np.array([False, True]), 0, lo, hi, 5).astype(int)
        array([0, 0, 1, 1, 1])
    """

    def pull(wanted: BoolArray, at: int) -> BoolArray:
        read = _nothing(wanted, at, extent)
        others = tuple(k for k in range(wanted.ndim) if k != at)
        for place in np.flatnonzero(wanted.any(axis=others)):
            here = slice(place, place + 1)
            read[_at(at, slice(max(0, lo[place]), hi[place]))] |= wanted[_at(at, here)]
        return read

    return along(mask, axis, len(lo), pull)


def listed(mask: BoolArray, axis: int, index: IndexArray, extent: int) -> BoolArray:
    """What a table of indices [out, k] reads: output o reads all of index[o]; −1 is none.

    Example:
        >>> index = np.array([[0, 3], [1, -1]])
        >>> listed(np.array([True, False]), 0, index, 4).astype(int)
        array([1, 0, 0, 1])
    """

    def pull(wanted: BoolArray, at: int) -> BoolArray:
        read = np.moveaxis(_nothing(wanted, at, extent), at, 0)
        wanted = np.moveaxis(wanted, at, 0)
        for column in index.T:
            chosen = np.flatnonzero(column >= 0)
            if len(np.unique(column[chosen])) == len(chosen):
                read[column[chosen]] |= wanted[chosen]
            else:
                np.logical_or.at(read, column[chosen], wanted[chosen])
        return np.moveaxis(read, 0, at)

    return along(mask, axis, len(index), pull)


def over(mask: BoolArray, axes: Iterable[int]) -> BoolArray:
    """Whether any element is wanted along some axes, which are kept with extent 1."""
    axes = tuple(axes)
    return np.asarray(mask.any(axis=axes, keepdims=True)) if axes else mask


def channels(mask: BoolArray, axis: int, groups: int, extent: int, out: int) -> BoolArray:
    """What channels read that each read all of their own group.

    Example:
        >>> channels(np.array([0, 0, 1, 0], dtype=bool), 0, 2, 6, 4).astype(int)
        array([0, 0, 0, 1, 1, 1])
    """
    if groups == 1:
        return over(mask, (axis,))

    def pull(wanted: BoolArray, at: int) -> BoolArray:
        shape = wanted.shape
        grouped = wanted.reshape((*shape[:at], groups, out // groups, *shape[at + 1 :]))
        any_of_group = over(grouped, (at + 1,)).repeat(extent // groups, axis=at + 1)
        return any_of_group.reshape((*shape[:at], extent, *shape[at + 1 :]))

    return along(mask, axis, out, pull)


def narrowed(mask: BoolArray, shape: Sequence[int]) -> BoolArray:
    """Undo broadcasting: an element of extent 1 is read where any of its copies is wanted.

    Example:
        >>> narrowed(np.array([[True, False], [False, False]]), (2,)).astype(int)
        array([1, 0])
    """
    lead = mask.ndim - len(shape)
    if lead:
        mask = over(mask, range(lead))
        mask = mask.reshape(mask.shape[lead:])
    return over(mask, [k for k, n in enumerate(shape) if n == 1 and mask.shape[k] != 1])


def full(mask: BoolArray, axis: int, extent: int) -> BoolArray:
    """The mask written out along an axis; a view, not to be written to."""
    shape = (*mask.shape[:axis], extent, *mask.shape[axis + 1 :])
    return mask if mask.shape == shape else np.broadcast_to(mask, shape)


def reshaped(
    mask: npt.NDArray[Item], shape: Sequence[int], before: Sequence[int]
) -> npt.NDArray[Item]:
    """The mask (or counts) of a value of `shape` under the shape it had before, in row-major order.

    Example:
        >>> reshaped(np.array([[0, 1, 1, 0]], dtype=bool), (5, 4), (5, 2, 2)).astype(int)
        array([[[0, 1],
                [1, 0]]])
    """
    dims: list[int] = []
    target: list[int] = []
    new = old = 0
    while new < len(shape) or old < len(before):
        first_new, first_old = new, old
        one, other = _step(shape, new), _step(before, old)
        new, old = new + 1, old + 1
        while one != other:
            if one < other:
                one *= shape[new]
                new += 1
            else:
                other *= before[old]
                old += 1
        group = range(first_new, min(new, len(shape)))
        varies = any(mask.shape[k] != 1 for k in group)
        dims += [shape[k] if varies else 1 for k in group]
        target += [n if varies else 1 for n in before[first_old:old]]
    return np.broadcast_to(mask, dims).reshape(target)


def _step(shape: Sequence[int], axis: int) -> int:
    return shape[axis] if axis < len(shape) else 1


def compact(mask: BoolArray) -> BoolArray:
    """The mask with extent 1 along the axes where all positions are alike.

    Example:
        >>> compact(np.array([[True, False], [True, False]])).shape
        (1, 2)
    """
    for axis, extent in enumerate(mask.shape):
        if extent > 1:
            some = over(mask, (axis,))
            if np.array_equal(some, mask.all(axis=axis, keepdims=True)):
                mask = some
    return mask


def _nothing(mask: BoolArray, axis: int, extent: int) -> BoolArray:
    return np.zeros((*mask.shape[:axis], extent, *mask.shape[axis + 1 :]), dtype=bool)


def _at(axis: int, part: slice) -> tuple[slice, ...]:
    return (*(slice(None),) * axis, part)
