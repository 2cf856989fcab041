"""The builder: a method per layer, each gives a value to go on with."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import Any

from fieldscope.errors import ModelError
from fieldscope.frontends.builder.joins import Joins
from fieldscope.frontends.builder.recording import (
    BLOCK,
    END,
    Recording,
    checked_axes,
    checked_shape,
)
from fieldscope.frontends.builder.values import Call, Shape, Value
from fieldscope.frontends.inputs import Axes, specs
from fieldscope.graph.trace import Trace
from fieldscope.wording import meant

LAYERS = (
    "conv",
    "conv_transpose",
    "max_pool",
    "avg_pool",
    "upsample",
    "adaptive_pool",
    "global_pool",
    "pad",
    "crop",
    "channels",
    "flatten",
    "linear",
    "activation",
    "norm",
    "add",
    "multiply",
    "concat",
)
"""The methods that make layers: the calls that a file may hold, beside input, output and blocks."""


class Builder(Joins):
    """A network that is described by hand, layer by layer, without any framework.

    Values are `[n c z? y? x]`: batch, channels, then one to three spatial axes. Numbers for
    windows are given once for all axes or one per axis. Every layer has a name: the one that is
    given, or its kind and number; `block` puts a path in front.

    Args:
        name: name of the network in reports.

    Example:
        >>> import fieldscope
        >>> b = Builder("net")
        >>> x = b.input((1, 3, 64, 64))
        >>> x = b.conv(x, 7, stride=2, padding=3, channels=16, name="stem")
        >>> with b.block("layer1"):
        ...     y = b.conv(x, 3, padding=1)
        ...     x = b.add(x, y)
        >>> report = fieldscope.analyze(b)
        >>> report["layer1.conv_1"].size, report["layer1"].stride, report.output.narrowest
        ((11, 11), (2, 2), (7, 7))
    """

    def __init__(self, name: str = "network") -> None:
        self.name = name
        self._made = Recording(self)

    def __repr__(self) -> str:
        """Tell the name and the number of layers."""
        return f"<Builder {self.name}: {len(self._made.layers)} layers>"

    @property
    def calls(self) -> tuple[Call, ...]:
        """Everything that was called, in order; what `fieldscope.save` writes."""
        return tuple(self._made.calls)

    def input(
        self,
        shape: Sequence[int],
        *,
        name: str | None = None,
        axes: Sequence[str] | None = None,
    ) -> Value:
        """Add an input `[n c …]`; `axes` names its spatial axes, else z, y and x.

        Raises:
            InputError: the shape or the names of the axes aren't such.
            ModelError: there is such an input already.
        """
        taken = self._made.inputs
        known = name or ("input" if "input" not in taken else f"input_{len(taken) + 1}")
        if known in taken:
            raise ModelError(f"there is an input {known!r} already\ngive another name")
        extents = checked_shape(known, shape)
        return self._made.input(extents, known, checked_axes(known, extents, axes))

    def value(self, name: str) -> Value:
        """The value of a layer or input by its name, to go on with.

        Raises:
            ModelError: there is none.

        Example:
            >>> b = Builder("net")
            >>> _ = b.conv(b.input((1, 3, 8)), 3, name="stem")
            >>> b.value("stem").shape
            (1, 3, 6)
        """
        known = {one.name: one for one in self._made.values.values()}
        if name not in known:
            raise ModelError(f"{self.name} has no layer {name!r}{meant(name, known)}")
        return known[name]

    def block(self, name: str) -> AbstractContextManager[None]:
        """Put a path in front of the names of what is made inside: `with b.block("layer1"):`.

        The block is a container of the report; its value is the last one made inside.
        """
        return self._made.block(name)

    def output(self, value: Value, *, name: str | None = None) -> None:
        """Say which values are the network's results; else the last one made is.

        Raises:
            ModelError: the value is none of this builder, or the name is taken.
        """
        self._made.own(value, "output")
        taken = self._made.outputs
        known = name or ("output" if not taken else f"output[{len(taken)}]")
        if known in taken:
            raise ModelError(f"there is an output {known!r} already\ngive another name")
        self._made.output(value, known)

    def trace(self, inputs: Any = None, *, axes: Axes = None, name: str | None = None) -> Trace:
        """Give the network as a graph with names, which every analysis takes.

        Args:
            inputs: other shapes than it was described at, as for `fieldscope.analyze`.
            axes: the spatial axes of the inputs; all behind batch and channels without.
            name: of the network, instead of its own.

        Raises:
            ModelError: there are no layers, or they don't fit such inputs.
            InputError: the shapes or axes aren't those of the inputs.

        Example:
            >>> b = Builder()
            >>> _ = b.avg_pool(b.input((1, 1, 8)), 2)
            >>> b.trace().graph.nodes[-1].shape, b.trace((1, 1, 12)).graph.nodes[-1].shape
            ((1, 1, 4), (1, 1, 6))
        """
        made = self._made
        if inputs is not None:
            found = specs(inputs, list(made.inputs))
            made = rebuilt(self.name, self.calls, {n: s.shape for n, s in found.items()})._made
        return made.trace(name or self.name, axes)


def rebuilt(name: str, calls: Sequence[Call], shapes: dict[str, Shape] | None = None) -> Builder:
    """A builder on which the same is called again, at other shapes of the inputs.

    Raises:
        ModelError: a call doesn't fit.
        InputError: a shape isn't one.
    """
    builder, values = Builder(name), dict[int, Value]()
    with ExitStack() as open_blocks:
        _replay(builder, calls, shapes or {}, values, open_blocks)
    return builder


def _replay(
    builder: Builder,
    calls: Sequence[Call],
    shapes: dict[str, Shape],
    values: dict[int, Value],
    outermost: ExitStack,
) -> None:
    blocks = [outermost]
    for place, call in enumerate(calls):
        operands = [values[operand] for operand in call.operands]
        if call.kind == "input":
            options = {"shape": shapes.get(call.name, call.options["shape"])}
            values[place] = builder.input(
                options["shape"], name=call.name, axes=call.options.get("axes")
            )
        elif call.kind == "output":
            builder.output(operands[0], name=call.name)
        elif call.kind == BLOCK:
            inner = ExitStack()
            blocks.append(inner)
            inner.enter_context(builder.block(call.name))
        elif call.kind == END:
            blocks.pop().close()
        else:
            make = getattr(builder, call.kind)
            values[place] = make(*operands, name=call.name, **call.options)
