"""Views, joins and splits: operators that move elements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from fieldscope.frontends.torch.lowering.call import Call
from fieldscope.frontends.torch.lowering.registry import lowers
from fieldscope.graph.operators import Flip, Overwrite, PadMode, Roll


@lowers(
    "view",
    "_unsafe_view",
    "reshape",
    "_reshape_alias",
    "flatten",
    "unflatten",
    "view_as",
    "_reshape_copy",
)
def reshape(call: Call, x: torch.Tensor, *_: Any, **__: Any) -> int:
    """The same elements in row-major order; the extents are those of the result."""
    return call.reshape(call.value(x), call.shape)


@lowers("squeeze")
def squeeze(call: Call, x: torch.Tensor, axes: Any = None) -> int:
    """Axes of extent 1 dropped."""
    wanted = range(x.dim()) if axes is None else [axes] if isinstance(axes, int) else axes
    gone = {axis % x.dim() for axis in wanted if x.dim()}
    kept = tuple(axis for axis in range(x.dim()) if axis not in gone or x.shape[axis] != 1)
    return call.continued(call.value(x), kept)


@lowers("unsqueeze")
def unsqueeze(call: Call, x: torch.Tensor, axis: int) -> int:
    """A new axis of extent 1."""
    place = axis % (x.dim() + 1)
    kept = (*range(place), -1, *range(place, x.dim()))
    return call.continued(call.value(x), kept)


@lowers("view.dtype", "view_as_real", "view_as_complex")
def view_of_bits(call: Call, x: torch.Tensor, *_: Any) -> int | tuple[int, ...]:
    """The same elements read as another type."""
    value, old, new = call.value(x), tuple(x.shape), call.shape
    if old == new:
        return value
    if len(new) == len(old) + 1:  # complex to real: a last axis of 2
        return call.expand(call.reshape(value, (*old, 1)), new)
    if len(new) == len(old) - 1:
        return call.reduce(value, (len(old) - 1,))
    return call.opaque([x], "it reinterprets elements of another width")


@lowers("detach", "alias", "lift_fresh_copy", "view_copy")
def alias(call: Call, x: torch.Tensor, *_: Any, **__: Any) -> int:
    """The same elements."""
    return call.reshape(call.value(x), call.shape)


@lowers("permute")
def permute(call: Call, x: torch.Tensor, order: Sequence[int]) -> int:
    """Axes in another order."""
    return call.permute(call.value(x), (axis % x.dim() for axis in order))


@lowers("transpose", "swapaxes")
def transpose(call: Call, x: torch.Tensor, one: int, other: int) -> int:
    """Two axes swapped."""
    return _swapped(call, x, one, other)


def _swapped(call: Call, x: torch.Tensor, one: int, other: int) -> int:
    order = list(range(x.dim()))
    if order:
        order[one], order[other] = order[other], order[one]
    return call.permute(call.value(x), order)


@lowers("t", "numpy_T", "adjoint", "mH", "mT")
def matrix_transpose(call: Call, x: torch.Tensor) -> int:
    """The last two axes swapped."""
    if x.dim() < 2:
        return call.value(x)
    return _swapped(call, x, -2, -1)


@lowers("expand", "broadcast_to", "expand_copy")
def expand(call: Call, x: torch.Tensor, *_: Any, **__: Any) -> int:
    """Broadcast to the result's shape."""
    return call.expand(call.value(x), call.shape)


@lowers("repeat")
def repeat(call: Call, x: torch.Tensor, repeats: Sequence[int]) -> int:
    """Copies one after another: a new axis in front of each, merged with it."""
    value = call.value(x)
    shape = (1,) * (len(repeats) - x.dim()) + tuple(x.shape)
    split = tuple(extent for n in shape for extent in (1, n))
    tiled = tuple(extent for r, n in zip(repeats, shape, strict=True) for extent in (r, n))
    return call.reshape(call.expand(call.reshape(value, split), tiled), call.shape)


@lowers("slice")
def slice_axis(
    call: Call,
    x: torch.Tensor,
    axis: int = 0,
    start: int | None = None,
    end: int | None = None,
    step: int = 1,
) -> int:
    """Every step-th element from start on."""
    axis %= x.dim()
    first = slice(start, end).indices(x.shape[axis])[0]
    return call.slice(call.value(x), axis, first, call.shape[axis], step)


@lowers("narrow")
def narrow(call: Call, x: torch.Tensor, axis: int, start: int, length: int) -> int:
    """A run of elements."""
    axis %= x.dim()
    return call.slice(call.value(x), axis, start % max(x.shape[axis], 1), length)


@lowers("select")
def select(call: Call, x: torch.Tensor, axis: int, index: int) -> int:
    """One element of an axis."""
    axis %= x.dim()
    return call.select(call.value(x), axis, index % x.shape[axis])


@lowers("unbind")
def unbind(call: Call, x: torch.Tensor, axis: int = 0) -> tuple[int, ...]:
    """Each element of an axis."""
    axis %= x.dim()
    value = call.value(x)
    return tuple(call.select(value, axis, k) for k in range(x.shape[axis]))


@lowers(
    "split",
    "split_with_sizes",
    "unsafe_split",
    "unsafe_split_with_sizes",
    "chunk",
    "unsafe_chunk",
    "tensor_split",
)
def split(call: Call, x: torch.Tensor, _: Any, axis: int = 0) -> tuple[int, ...]:
    """Runs of an axis, as long as the results."""
    axis %= x.dim()
    value, place, parts = call.value(x), 0, []
    for result in call.results:
        parts.append(call.slice(value, axis, place, result.shape[axis]))
        place += result.shape[axis]
    return tuple(parts)


@lowers("diagonal", "diagonal_copy")
def diagonal(call: Call, x: torch.Tensor, offset: int = 0, one: int = 0, other: int = 1) -> int:
    """Elements (i, i + offset) of two axes, put last."""
    one, other = one % x.dim(), other % x.dim()
    rest = [axis for axis in range(x.dim()) if axis not in (one, other)]
    value = call.permute(call.value(x), (*rest, one, other))
    shape = call.shape_of(value)
    flat = call.reshape(value, (*shape[:-2], shape[-2] * shape[-1]))
    index = np.arange(call.shape[-1])
    place = (index + max(-offset, 0)) * shape[-1] + index + max(offset, 0)
    return call.gather(flat, len(rest), place)


@lowers("diag_embed")
def diag_embed(call: Call, x: torch.Tensor, offset: int = 0, one: int = -2, other: int = -1) -> int:
    """Elements on a diagonal of two new axes, zero beside it."""
    one, other = one % len(call.shape), other % len(call.shape)
    n = call.shape[one]
    place = np.full((n, n), -1, dtype=np.int64)
    index = np.arange(x.shape[-1])
    place[index + max(-offset, 0), index + max(offset, 0)] = index
    value = call.gather(call.value(x), x.dim() - 1, place)
    rest = iter(range(len(call.shape) - 2))
    order = [
        len(call.shape) - 2 if k == one else len(call.shape) - 1 if k == other else next(rest)
        for k in range(len(call.shape))
    ]
    return call.permute(value, order)


@lowers("unfold")
def unfold(call: Call, x: torch.Tensor, axis: int, size: int, step: int) -> int:
    """Windows of an axis, with their elements in a new last axis."""
    if x.dim() == 0:
        return call.reshape(call.value(x), call.shape)
    axis %= x.dim()
    index = np.arange(call.shape[axis])[:, None] * step + np.arange(size)
    value = call.gather(call.value(x), axis, index)
    order = [k for k in range(x.dim() + 1) if k != axis + 1] + [axis + 1]
    return call.permute(value, order)


@lowers("as_strided")
def as_strided(
    call: Call,
    x: torch.Tensor,
    size: Sequence[int],
    stride: Sequence[int],
    offset: int | None = None,
) -> int | tuple[int, ...]:
    """Elements of a contiguous tensor by their place in memory."""
    value = call.value(x)
    if tuple(size) == tuple(x.shape) and not offset:
        return value
    if not x.is_contiguous():
        return call.opaque([x], "it addresses the memory of a strided tensor")
    place = np.full((), offset or 0, dtype=np.int64)
    for extent, step in zip(size, stride, strict=True):
        if extent != 1:
            place = place[..., None] + np.arange(extent) * step
    flat = call.reshape(value, (x.numel(),))
    return call.reshape(call.gather(flat, 0, place), call.shape)


@lowers("cat", "concat", "concatenate")
def cat(call: Call, tensors: Sequence[torch.Tensor], axis: int = 0) -> int:
    """One after another; empty tensors add nothing."""
    axis %= len(call.shape)
    kept = [t for t in tensors if t.dim() == len(call.shape) and t.shape[axis]]
    if len(kept) < 2:
        return call.pointwise(*kept)
    return call.concat([call.value(tensor) for tensor in kept], axis)


@lowers("stack")
def stack(call: Call, tensors: Sequence[torch.Tensor], axis: int = 0) -> int:
    """One after another along a new axis."""
    axis %= len(call.shape)
    kept = (*range(axis), -1, *range(axis, len(call.shape) - 1))
    return call.concat([call.continued(call.value(t), kept) for t in tensors], axis)


@lowers("flip")
def flip(call: Call, x: torch.Tensor, axes: Sequence[int]) -> int:
    """Axes in reverse order."""
    axes = tuple(sorted(axis % x.dim() for axis in axes))
    return call.add(Flip(axes), [call.value(x)], call.shape) if axes else call.value(x)


def _like(x: torch.Tensor, *_: Any) -> torch.Tensor:
    return torch.empty(x.shape, dtype=x.dtype, device="meta")


@lowers("roll", shapes=_like)
def roll(call: Call, x: torch.Tensor, shifts: Sequence[int], axes: Sequence[int] = ()) -> int:
    """Axes rotated; without axes the flattened tensor."""
    value = call.value(x)
    if not axes:
        flat = call.reshape(value, (x.numel(),))
        if not x.numel():
            return call.reshape(flat, call.shape)
        return call.reshape(
            call.add(Roll(0, shifts[0] % x.numel()), [flat], (x.numel(),)), call.shape
        )
    for shift, axis in zip(shifts, axes, strict=True):
        axis %= x.dim()
        if x.shape[axis] and shift % x.shape[axis]:
            value = call.add(Roll(axis, shift % x.shape[axis]), [value], call.shape)
    return value


@lowers("rot90")
def rot90(call: Call, x: torch.Tensor, k: int = 1, axes: Sequence[int] = (0, 1)) -> int:
    """A turn by 90 degrees: a flip and a swap of two axes."""
    one, other = (axis % x.dim() for axis in axes)
    value = call.value(x)
    for _ in range(k % 4):
        shape = call.shape_of(value)
        order = list(range(x.dim()))
        order[one], order[other] = other, one
        value = call.permute(call.add(Flip((other,)), [value], shape), order)
    return value


def _padded(mode: PadMode) -> Any:
    def rule(call: Call, x: torch.Tensor, amounts: Sequence[int], *_: Any) -> int:
        """The same elements between others, which repeat them or read nothing."""
        value = call.value(x)
        for k in range(len(amounts) // 2):
            value = call.pad(value, x.dim() - 1 - k, amounts[2 * k], amounts[2 * k + 1], mode)
        return value

    return rule


lowers("constant_pad_nd")(_padded("constant"))
for _n in (1, 2, 3):
    lowers(f"reflection_pad{_n}d")(_padded("reflect"))
    lowers(f"replication_pad{_n}d")(_padded("replicate"))
lowers("_pad_circular")(_padded("circular"))


@lowers("pixel_shuffle")
def pixel_shuffle(call: Call, x: torch.Tensor, factor: int) -> int:
    """Channels (c, r, r) to positions: [c·r² y x] to [c y·r x·r]."""
    *lead, channels, height, width = x.shape
    n = len(lead)
    value = call.reshape(
        call.value(x), (*lead, channels // factor**2, factor, factor, height, width)
    )
    return call.reshape(call.permute(value, (*range(n), n, n + 3, n + 1, n + 4, n + 2)), call.shape)


@lowers("pixel_unshuffle")
def pixel_unshuffle(call: Call, x: torch.Tensor, factor: int) -> int:
    """Positions to channels: [c y·r x·r] to [c·r² y x]."""
    *lead, channels, height, width = x.shape
    n = len(lead)
    value = call.reshape(
        call.value(x), (*lead, channels, height // factor, factor, width // factor, factor)
    )
    return call.reshape(call.permute(value, (*range(n), n, n + 2, n + 4, n + 1, n + 3)), call.shape)


@lowers("channel_shuffle", "native_channel_shuffle")
def channel_shuffle(call: Call, x: torch.Tensor, groups: int) -> int:
    """Channels (g, c) to (c, g)."""
    n, channels, *extents = x.shape
    value = call.reshape(call.value(x), (n, groups, channels // groups, *extents))
    order = (0, 2, 1, *range(3, 3 + len(extents)))
    return call.reshape(call.permute(value, order), call.shape)


@lowers("slice_scatter")
def slice_scatter(
    call: Call,
    x: torch.Tensor,
    source: torch.Tensor,
    axis: int = 0,
    start: int | None = None,
    end: int | None = None,
    step: int = 1,
) -> int:
    """A copy with a slice of one axis replaced."""
    axis %= x.dim()
    first = slice(start, end).indices(x.shape[axis])[0]
    operator = Overwrite(axis, first, step)
    return call.add(operator, [call.value(x), call.value(source)], call.shape)


@lowers("select_scatter")
def select_scatter(call: Call, x: torch.Tensor, source: torch.Tensor, axis: int, index: int) -> int:
    """A copy with one element of an axis replaced."""
    axis %= x.dim()
    one = (*x.shape[:axis], 1, *x.shape[axis + 1 :])
    update = call.reshape(call.value(source), one)
    operator = Overwrite(axis, index % x.shape[axis])
    return call.add(operator, [call.value(x), update], call.shape)


def _triangle(lower: bool) -> Any:
    def rule(call: Call, x: torch.Tensor, diagonal: int = 0) -> int:
        """The same elements on one side of a diagonal; the others read nothing."""
        rows, columns = x.shape[-2:]
        keep = np.arange(columns) - np.arange(rows)[:, None]
        return call.mask(call.value(x), keep <= diagonal if lower else keep >= diagonal, filling=0)

    return rule


lowers("tril")(_triangle(lower=True))
lowers("triu")(_triangle(lower=False))
