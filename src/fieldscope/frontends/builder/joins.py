"""Layers that join values or work on each position: sums, concatenation, norms, heads."""

from __future__ import annotations

from typing import Literal, get_args

from fieldscope.errors import ModelError
from fieldscope.frontends.builder.reading import whole
from fieldscope.frontends.builder.resampling import Resampling, known
from fieldscope.frontends.builder.values import Shape, Value
from fieldscope.frontends.builder.windows import Windows, given
from fieldscope.graph.operators import Concat, Contract, Pointwise, Reduce, Reshape

NormKind = Literal["batch", "channel", "layer", "instance", "group"]


class Joins(Windows, Resampling):
    """The methods for layers that join values or keep the extents."""

    def activation(self, x: Value, kind: str = "relu", *, name: str | None = None) -> Value:
        """Apply a function to each element; `kind` is its name, and what the layer is called."""
        if not isinstance(kind, str) or not kind.isidentifier():
            raise ModelError(f'kind of an activation is {kind!r}\ngive a name, such as "relu"')
        called = self._made.named(kind, name)
        layer = self._made.begin("activation", (x,), given(kind=kind), called)
        return layer.finish(layer.add(Pointwise(), (x._node,), x.shape))

    def norm(
        self,
        x: Value,
        kind: NormKind = "batch",
        *,
        groups: int = 32,
        name: str | None = None,
    ) -> Value:
        """Add a norm, with two parameters per channel.

        Args:
            x: its operand.
            kind: what statistics are taken over: "batch" none (fixed ones are used), "channel"
                the channels of each position, "layer" channels and positions, "instance" the
                positions of each channel, "group" those and the channels of a group.
            groups: of channels, for "group".
            name: of the layer.

        Raises:
            ModelError: there is no such kind, or channels aren't divisible.
        """
        options = given(kind=kind, groups=groups if kind == "group" else None)
        layer = self._made.begin("norm", (x,), options, name)
        known(layer.where, "kind", kind, get_args(NormKind))
        axes = {
            "channel": (1,),
            "layer": range(1, len(x.shape)),
            "instance": range(2, len(x.shape)),
        }
        value, shape = x._node, x.shape
        if kind == "group":
            whole(layer.where, "groups", groups)
            if shape[1] % groups:
                raise ModelError(
                    f"{layer.where} has {groups} groups, and its operand {shape[1]} channels\n"
                    "channels have to be a multiple of groups"
                )
            shape = (shape[0], groups, shape[1] // groups, *shape[2:])
            value = layer.add(Reshape(), (value,), shape)
        operands = [value]
        over = tuple(range(2, len(shape))) if kind == "group" else tuple(axes.get(kind, ()))
        if over:
            kept = tuple(1 if axis in over else n for axis, n in enumerate(shape))
            operands.append(layer.add(Reduce(over, keep=True), (value,), kept))
        node = value = layer.add(Pointwise(), operands, shape)
        if kind == "group":
            value = layer.add(Reshape(), (value,), x.shape)
        return layer.finish(value, node=node, parameters=2 * x.shape[1])

    def add(self, *values: Value, name: str | None = None) -> Value:
        """Add values position for position; an extent of 1 is repeated.

        Raises:
            ModelError: the shapes don't fit.
        """
        return self._joined("add", values, name)

    def multiply(self, *values: Value, name: str | None = None) -> Value:
        """Multiply values position for position; an extent of 1 is repeated.

        Raises:
            ModelError: the shapes don't fit.
        """
        return self._joined("multiply", values, name)

    def _joined(self, kind: str, values: tuple[Value, ...], name: str | None) -> Value:
        layer = self._made.begin(kind, values, {}, name)
        shapes = _several(layer.where, values)
        ndim = max(map(len, shapes))
        shape = tuple(max(extents) for extents in zip(*shapes, strict=False))
        fits = all(len(one) == ndim for one in shapes) and all(
            extent in (1, made) for one in shapes for extent, made in zip(one, shape, strict=True)
        )
        if not fits:
            raise _unfit(layer.where, values, "extents have to be alike, or 1")
        return layer.finish(layer.add(Pointwise(), [one._node for one in values], shape))

    def concat(self, *values: Value, name: str | None = None) -> Value:
        """Put values one after another on the axis of channels.

        Raises:
            ModelError: the shapes differ elsewhere.
        """
        layer = self._made.begin("concat", values, {}, name)
        shapes = _several(layer.where, values)
        if len({(one[0], one[2:]) for one in shapes}) > 1:
            raise _unfit(layer.where, values, "all but the channels have to be alike")
        shape = (shapes[0][0], sum(one[1] for one in shapes), *shapes[0][2:])
        return layer.finish(layer.add(Concat(1), [one._node for one in values], shape))

    def linear(
        self, x: Value, features: int, *, bias: bool = True, name: str | None = None
    ) -> Value:
        """Add a fully connected layer on `[n features]`.

        Raises:
            ModelError: the value has other axes.
        """
        layer = self._made.begin("linear", (x,), given(features=features, bias=bias), name)
        if len(x.shape) != 2:
            raise ModelError(
                f"{layer.where} takes [n features], and the value of {x.name!r} has the shape "
                f"{x.shape}\nflatten or pool it first; for each position, use conv with kernel 1"
            )
        out = whole(layer.where, "features", features)
        value = layer.add(Contract(((0, 1),), (0, 2)), (x._node,), (x.shape[0], out))
        weights = x.shape[1] * out + (out if bias else 0)
        return layer.finish(value, parameters=weights)

    def squeeze_excite(
        self,
        x: Value,
        *,
        reduction: int = 16,
        gate: str = "sigmoid",
        name: str | None = None,
    ) -> Value:
        """Weigh the channels by what all positions hold: squeeze-and-excitation (Hu et al. 2018).

        It becomes a block of layers: pooling, two convolutions of one element with an
        activation between them, the gate, and the product.

        Args:
            x: its operand.
            reduction: channels per channel in between.
            gate: what the layer of the gate is called.
            name: of the block.

        Raises:
            ModelError: the operand has fewer channels than `reduction`.
        """
        self._made.own(x, "squeeze_excite")
        block = self._made.named("squeeze_excite", name)
        where = f"block {self._made.path(block)!r}"
        if x.shape[1] < whole(where, "reduction", reduction):
            raise ModelError(
                f"reduction of {where} is {reduction}, and its operand has {x.shape[1]} channels\n"
                "give a smaller one"
            )
        with self._made.block(block):
            y = self.global_pool(x, keep=True, name="squeeze")
            y = self.conv(y, 1, channels=x.shape[1] // reduction, name="reduce")
            y = self.activation(y, name="relu")
            y = self.conv(y, 1, channels=x.shape[1], name="expand")
            y = self.activation(y, gate, name="gate")
            return self.multiply(x, y, name="scale")


def _several(where: str, values: tuple[Value, ...]) -> list[Shape]:
    if len(values) < 2:
        raise ModelError(f"{where} joins values, and got {len(values)}\ngive two or more")
    return [one.shape for one in values]


def _unfit(where: str, values: tuple[Value, ...], rule: str) -> ModelError:
    told = ", ".join(f"{one.name} {one.shape}" for one in values)
    return ModelError(f"{where} can't join {told}\n{rule}")
