"""Layers that slide windows: convolutions, transposed ones, pooling."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from fieldscope.errors import ModelError
from fieldscope.frontends.builder.reading import (
    Padding,
    PerAxis,
    both_sides,
    per_axis,
    whole,
    windows,
)
from fieldscope.frontends.builder.recording import Layer, Part
from fieldscope.frontends.builder.values import Value
from fieldscope.geometry.sliding import Sliding
from fieldscope.graph.operators import Channels, Spread, Window


class Windows(Part):
    """The methods for layers that slide windows over the spatial axes."""

    def conv(
        self,
        x: Value,
        kernel: PerAxis,
        *,
        channels: int | None = None,
        stride: PerAxis = 1,
        padding: Padding = 0,
        dilation: PerAxis = 1,
        groups: int = 1,
        bias: bool = True,
        name: str | None = None,
    ) -> Value:
        """Add a convolution over the spatial axes.

        Args:
            x: its operand.
            kernel: elements per axis.
            channels: of the result; those of the operand without.
            stride: per axis.
            padding: elements on both sides, per axis, pairs (in front, behind), "valid" for
                none or "same" for ⌈extent / stride⌉ positions.
            dilation: per axis.
            groups: of channels; as many as channels for a depthwise one.
            bias: whether a parameter per channel is counted.
            name: of the layer.

        Raises:
            ModelError: channels aren't divisible, or the window is larger than the padded axis.
        """
        options = given(
            kernel=kernel,
            channels=channels,
            stride=stride,
            padding=padding,
            dilation=dilation,
            groups=groups,
            bias=bias,
        )
        layer = self._made.begin("conv", (x,), options, name)
        mapped(layer, x)
        out = _out(layer, x, channels, groups)
        slid, made = windows(
            layer.where, x.shape[2:], kernel, stride=stride, dilation=dilation, padding=padding
        )
        operator = Window(spatial(x), slid, Channels(1, groups))
        return _convolved(layer, x, operator, (out, *made), bias=bias)

    def conv_transpose(
        self,
        x: Value,
        kernel: PerAxis,
        *,
        channels: int | None = None,
        stride: PerAxis = 1,
        padding: Padding = 0,
        output_padding: PerAxis = 0,
        dilation: PerAxis = 1,
        groups: int = 1,
        bias: bool = True,
        name: str | None = None,
    ) -> Value:
        """Add a transposed convolution.

        An axis gets (n − 1)·stride + reach − padding + output_padding positions.

        `padding` cuts off as much of the result as a convolution would add to its operand.

        Raises:
            ModelError: channels aren't divisible, or nothing is left of an axis.
        """
        options = given(
            kernel=kernel,
            channels=channels,
            stride=stride,
            padding=padding,
            output_padding=output_padding,
            dilation=dilation,
            groups=groups,
            bias=bias,
        )
        layer = self._made.begin("conv_transpose", (x,), options, name)
        mapped(layer, x)
        out = _out(layer, x, channels, groups)
        if padding == "same":
            raise ModelError(f'padding of {layer.where} is "same"\ngive numbers')
        where, count = layer.where, len(x.shape) - 2
        sides = both_sides(where, padding, count)
        more = per_axis(where, "output_padding", output_padding, count, least=0)
        slid = _spread(where, count, (kernel, stride, dilation), sides)
        made = [
            (n - 1) * one.stride + one.reach - sum(cut) + extra
            for n, one, cut, extra in zip(x.shape[2:], slid, sides, more, strict=True)
        ]
        if min(made) < 1:
            raise ModelError(f"the padding of {where} leaves nothing of an axis\ngive less of it")
        operator = Spread(spatial(x), slid, Channels(1, groups))
        return _convolved(layer, x, operator, (out, *made), bias=bias)

    def max_pool(
        self,
        x: Value,
        kernel: PerAxis,
        *,
        stride: PerAxis | None = None,
        padding: Padding = 0,
        dilation: PerAxis = 1,
        name: str | None = None,
    ) -> Value:
        """Add a maximum over windows; their stride is their kernel unless given.

        Raises:
            ModelError: the window is larger than the padded axis.
        """
        return self._pool("max_pool", x, kernel, stride, padding, dilation, name)

    def avg_pool(
        self,
        x: Value,
        kernel: PerAxis,
        *,
        stride: PerAxis | None = None,
        padding: Padding = 0,
        name: str | None = None,
    ) -> Value:
        """Add a mean over windows; their stride is their kernel unless given.

        Raises:
            ModelError: the window is larger than the padded axis.
        """
        return self._pool("avg_pool", x, kernel, stride, padding, 1, name)

    def _pool(
        self,
        kind: str,
        x: Value,
        kernel: PerAxis,
        stride: PerAxis | None,
        padding: Padding,
        dilation: PerAxis,
        name: str | None,
    ) -> Value:
        options = given(kernel=kernel, stride=stride, padding=padding)
        if kind == "max_pool":
            options |= given(dilation=dilation)
        layer = self._made.begin(kind, (x,), options, name)
        mapped(layer, x)
        slid, made = windows(
            layer.where,
            x.shape[2:],
            kernel,
            stride=kernel if stride is None else stride,
            dilation=dilation,
            padding=padding,
        )
        return layer.finish(layer.add(Window(spatial(x), slid), (x._node,), (*x.shape[:2], *made)))


def given(**options: Any) -> dict[str, Any]:
    """The options of a call that aren't None, as plain data."""
    return {key: plain(value) for key, value in options.items() if value is not None}


def plain(value: Any) -> Any:
    """Sequences as lists, NumPy's numbers as Python's: what JSON can hold.

    Example:
        >>> plain(((0, 1), 2))
        [[0, 1], 2]
    """
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    return value.item() if hasattr(value, "item") else value


def spatial(x: Value) -> tuple[int, ...]:
    """The spatial axes of a value."""
    return tuple(range(2, len(x.shape)))


def mapped(layer: Layer, x: Value) -> None:
    """Check that a value has spatial axes.

    Raises:
        ModelError: it has none.
    """
    if len(x.shape) < 3:
        raise ModelError(
            f"{layer.where} works on spatial axes, and the value of {x.name!r} has none: shape "
            f"{x.shape}\nput it in front of flatten and global pooling"
        )


def _out(layer: Layer, x: Value, channels: int | None, groups: int) -> int:
    """The channels of a convolution's result."""
    given, where = x.shape[1], layer.where
    out = given if channels is None else whole(where, "channels", channels)
    whole(where, "groups", groups)
    for what, count in (("operand", given), ("result", out)):
        if count % groups:
            raise ModelError(
                f"{where} has {groups} groups, and its {what} has {count} channels\n"
                "channels have to be a multiple of groups"
            )
    return out


def _convolved(
    layer: Layer, x: Value, operator: Window | Spread, made: Sequence[int], *, bias: bool
) -> Value:
    """The result [n *made] of a convolution, with a weight for each product of its kernel."""
    assert operator.channels is not None, "convolutions have channels"
    kernel = prod(window.kernel for window in operator.windows)
    weights = x.shape[1] * made[0] // operator.channels.groups * kernel
    return layer.finish(
        layer.add(operator, (x._node,), (x.shape[0], *made)),
        parameters=weights + (made[0] if bias else 0),
    )


def _spread(
    where: str,
    count: int,
    numbers: tuple[PerAxis, PerAxis, PerAxis],
    sides: Sequence[tuple[int, int]],
) -> tuple[Sliding, ...]:
    """The transposed windows of each axis."""
    kernels, strides, dilations = (
        per_axis(where, what, one, count)
        for what, one in zip(("kernel", "stride", "dilation"), numbers, strict=True)
    )
    return tuple(
        Sliding(k, s, d, before)
        for k, s, d, (before, _) in zip(kernels, strides, dilations, sides, strict=True)
    )
