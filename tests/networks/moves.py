"""Steps that move, copy, drop and overwrite elements of maps [n c *spatial].

Every class takes literals only, so that the text that made it makes it again.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional


class Slice(nn.Module):
    """`start:stop:step` of one axis."""

    def __init__(self, axis: int, start: int, stop: int, step: int = 1) -> None:
        super().__init__()
        self.axis, self.part = axis, slice(start, stop, step)

    def forward(self, x: Tensor) -> Tensor:
        return x[(slice(None),) * self.axis + (self.part,)]


class Flip(nn.Module):
    """Axes read backwards."""

    def __init__(self, *axes: int) -> None:
        super().__init__()
        self.axes = axes

    def forward(self, x: Tensor) -> Tensor:
        return x.flip(self.axes)


class Roll(nn.Module):
    """Axes rolled over their ends."""

    def __init__(self, shifts: tuple[int, ...], axes: tuple[int, ...]) -> None:
        super().__init__()
        self.shifts, self.axes = shifts, axes

    def forward(self, x: Tensor) -> Tensor:
        return x.roll(self.shifts, self.axes)


class Transpose(nn.Module):
    """Two axes exchanged."""

    def __init__(self, a: int, b: int) -> None:
        super().__init__()
        self.a, self.b = a, b

    def forward(self, x: Tensor) -> Tensor:
        return x.transpose(self.a, self.b)


class Merge(nn.Module):
    """An axis and the next one as a single axis."""

    def __init__(self, axis: int) -> None:
        super().__init__()
        self.axis = axis

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(self.axis, self.axis + 1)


class Divide(nn.Module):
    """An axis as two, the second one with `inner` positions."""

    def __init__(self, axis: int, inner: int) -> None:
        super().__init__()
        self.axis, self.inner = axis, inner

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = x.unflatten(self.axis, (-1, self.inner))
        return y


class Scramble(nn.Module):
    """A new shape over memory in another order of axes, which tears maps apart."""

    def __init__(self, order: tuple[int, ...], shape: tuple[int, ...]) -> None:
        super().__init__()
        self.order, self.shape = order, shape

    def forward(self, x: Tensor) -> Tensor:
        return x.permute(self.order).reshape(self.shape)


class Unfold(nn.Module):
    """Windows of a 2-D map as channels, on the map of window positions."""

    def __init__(
        self,
        kernel: tuple[int, int],
        stride: tuple[int, int] = (1, 1),
        padding: tuple[int, int] = (0, 0),
        dilation: tuple[int, int] = (1, 1),
    ) -> None:
        super().__init__()
        self.kernel, self.stride, self.padding, self.dilation = kernel, stride, padding, dilation

    def forward(self, x: Tensor) -> Tensor:
        y, x_ = (
            (n + 2 * p - d * (k - 1) - 1) // s + 1
            for n, k, s, p, d in zip(
                x.shape[2:], self.kernel, self.stride, self.padding, self.dilation, strict=True
            )
        )
        options = (self.kernel, self.dilation, self.padding, self.stride)
        windows: Tensor = functional.unfold(x, *options).unflatten(2, (y, x_))
        return windows


class UnfoldFold(nn.Module):
    """Windows of a 2-D map, added up where they came from."""

    def __init__(self, kernel: tuple[int, int], stride: tuple[int, int]) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride

    def forward(self, x: Tensor) -> Tensor:
        windows = functional.unfold(x, self.kernel, stride=self.stride)
        return functional.fold(windows.flip(2), x.shape[2:], self.kernel, stride=self.stride)


class Windows(nn.Module):
    """`Tensor.unfold` along one axis, each window summed but for its first element."""

    def __init__(self, axis: int, size: int, step: int) -> None:
        super().__init__()
        self.axis, self.size, self.step = axis, size, step

    def forward(self, x: Tensor) -> Tensor:
        return x.unfold(self.axis, self.size, self.step)[..., 1:].sum(-1)


class Rejoin(nn.Module):
    """An axis split into pieces and put together in another order."""

    def __init__(self, axis: int, sizes: tuple[int, ...], order: tuple[int, ...]) -> None:
        super().__init__()
        self.axis, self.sizes, self.order = axis, sizes, order

    def forward(self, x: Tensor) -> Tensor:
        pieces = x.split(self.sizes, self.axis)
        return torch.cat([pieces[i] for i in self.order], self.axis)


class ChunkSum(nn.Module):
    """The chunks of an axis, unequal ones cut to the last one's extent, added."""

    def __init__(self, axis: int, chunks: int) -> None:
        super().__init__()
        self.axis, self.chunks = axis, chunks

    def forward(self, x: Tensor) -> Tensor:
        pieces = x.chunk(self.chunks, self.axis)
        extent = pieces[-1].shape[self.axis]
        return sum(
            (p.narrow(self.axis, 0, extent) for p in pieces[1:]),
            pieces[0].narrow(self.axis, 0, extent),
        )


class Take(nn.Module):
    """Positions of one axis by a constant list, in one of three spellings."""

    def __init__(
        self,
        axis: int,
        indices: tuple[int, ...],
        how: Literal["select", "index", "gather"] = "index",
    ) -> None:
        super().__init__()
        self.axis, self.how = axis, how
        self.register_buffer("indices", torch.tensor(indices))

    def forward(self, x: Tensor) -> Tensor:
        indices = self.get_buffer("indices")
        if self.how == "select":
            return x.index_select(self.axis, indices)
        if self.how == "gather":
            shape = [1] * x.dim()
            shape[self.axis] = -1
            wide = list(x.shape)
            wide[self.axis] = len(indices)
            return x.gather(self.axis, indices.reshape(shape).expand(wide))
        return x[(slice(None),) * self.axis + (indices,)]


class Points(nn.Module):
    """Single points of a 2-D map by two constant lists, as a 1-D map."""

    def __init__(self, rows: tuple[int, ...], columns: tuple[int, ...]) -> None:
        super().__init__()
        self.rows, self.columns = rows, columns

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :, list(self.rows), list(self.columns)]


class Pad(nn.Module):
    """Padding, last axis first as in torch; negative widths crop."""

    def __init__(self, widths: tuple[int, ...], mode: str = "constant") -> None:
        super().__init__()
        self.widths, self.mode = widths, mode

    def forward(self, x: Tensor) -> Tensor:
        return functional.pad(x, self.widths, self.mode)


class Repeat(nn.Module):
    """An axis repeated, as a whole or element by element."""

    def __init__(self, axis: int, times: int, *, each: bool = False) -> None:
        super().__init__()
        self.axis, self.times, self.each = axis, times, each

    def forward(self, x: Tensor) -> Tensor:
        if self.each:
            return x.repeat_interleave(self.times, self.axis)
        times = [1] * x.dim()
        times[self.axis] = self.times
        return x.repeat(times)


class Mirror(nn.Module):
    """The map beside its own mirror image."""

    def __init__(self, axis: int) -> None:
        super().__init__()
        self.axis = axis

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, x.flip(self.axis)], self.axis)


class WriteSlice(nn.Module):
    """A slice overwritten by another one of the same map."""

    def __init__(
        self, axis: int, target: int, source: int, extent: int, *, add: bool = False
    ) -> None:
        super().__init__()
        self.axis, self.target, self.source = axis, target, source
        self.extent, self.add = extent, add

    def forward(self, x: Tensor) -> Tensor:
        y = x.clone()
        written = y.narrow(self.axis, self.target, self.extent)
        source = 2 * x.narrow(self.axis, self.source, self.extent)
        if self.add:
            written += source
        else:
            written.copy_(source)
        return y


class Erase(nn.Module):
    """A slice overwritten by a number."""

    def __init__(self, axis: int, start: int, extent: int) -> None:
        super().__init__()
        self.axis, self.start, self.extent = axis, start, extent

    def forward(self, x: Tensor) -> Tensor:
        y = x.clone()
        y.narrow(self.axis, self.start, self.extent).fill_(3.0)
        return y


class Interleave(nn.Module):
    """A fresh buffer, even positions from the map, odd ones from its mirror image."""

    def __init__(self, axis: int) -> None:
        super().__init__()
        self.axis = axis

    def forward(self, x: Tensor) -> Tensor:
        shape = list(x.shape)
        shape[self.axis] *= 2
        y = x.new_zeros(shape)
        lead = (slice(None),) * self.axis
        y[(*lead, slice(0, None, 2))] = x
        y[(*lead, slice(1, None, 2))] = x.flip(self.axis)
        return y


class ThroughView(nn.Module):
    """A write into a reshaped, transposed view of a copy."""

    def __init__(self, row: int) -> None:
        super().__init__()
        self.row = row

    def forward(self, x: Tensor) -> Tensor:
        y = x.clone(memory_format=torch.contiguous_format)
        flat = y.view(x.shape[0], x.shape[1], -1).transpose(1, 2)
        flat[:, self.row].mul_(flat[:, -1])
        return y


class Scatter(nn.Module):
    """Positions of one axis put at constant places of another copy."""

    def __init__(self, axis: int, indices: tuple[int, ...], *, add: bool = False) -> None:
        super().__init__()
        self.axis, self.indices, self.add = axis, indices, add

    def forward(self, x: Tensor) -> Tensor:
        places = torch.tensor(self.indices)
        source = x.narrow(self.axis, 0, len(self.indices)).flip(self.axis)
        if self.add:
            return x.index_add(self.axis, places, source)
        return x.index_copy(self.axis, places, source)


class Choose(nn.Module):
    """A constant chequerboard chooses between the map and its mirror image."""

    def __init__(self, axis: int, *, fill: bool = False) -> None:
        super().__init__()
        self.axis, self.fill = axis, fill

    def forward(self, x: Tensor) -> Tensor:
        mask = torch.arange(x.shape[self.axis]) % 2 == 0
        mask = mask.reshape([-1] + [1] * (x.dim() - 1 - self.axis))
        if self.fill:
            return x.masked_fill(mask, 0.5)
        return torch.where(mask, x, x.flip(self.axis))
