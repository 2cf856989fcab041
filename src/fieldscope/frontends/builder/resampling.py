"""Layers that change the extents without weights: resizing, padding, cutting, pooling of all."""

from __future__ import annotations

from fractions import Fraction
from math import prod
from typing import Literal, get_args

from fieldscope.errors import ModelError
from fieldscope.frontends.builder.reading import Padding, PerAxis, both_sides, per_axis, whole
from fieldscope.frontends.builder.recording import Part
from fieldscope.frontends.builder.values import Value
from fieldscope.frontends.builder.windows import given, mapped, spatial
from fieldscope.frontends.lowering.tables import adaptive_table, linear_table, nearest_table
from fieldscope.graph.operators import Pad, PadMode, Reduce, Reshape, Slice, Table
from fieldscope.wording import listed, meant

UpsampleMode = Literal["nearest", "linear", "cubic"]
_HALF = Fraction(1, 2)


class Resampling(Part):
    """The methods for layers that change extents without weights."""

    def upsample(
        self,
        x: Value,
        factor: PerAxis = 2,
        *,
        mode: UpsampleMode = "nearest",
        name: str | None = None,
    ) -> Value:
        """Enlarge a map by whole factors, interpolated with pixel centres aligned (half-pixel).

        Raises:
            ModelError: there is no such mode, or a factor isn't a whole number.
        """
        layer = self._made.begin("upsample", (x,), given(factor=factor, mode=mode), name)
        mapped(layer, x)
        known(layer.where, "mode", mode, get_args(UpsampleMode))
        value, shape = x._node, list(x.shape)
        factors = per_axis(layer.where, "factor", factor, len(shape) - 2)
        for axis, times in zip(spatial(x), factors, strict=True):
            if times > 1:
                table = _enlarged(axis, shape[axis], times, mode)
                shape[axis] *= times
                value = layer.add(table, (value,), shape)
        return layer.finish(value)

    def adaptive_pool(self, x: Value, size: PerAxis, *, name: str | None = None) -> Value:
        """Pool a map to `size` positions per axis, whatever its extents.

        Raises:
            ModelError: a size isn't a whole number.
        """
        layer = self._made.begin("adaptive_pool", (x,), given(size=size), name)
        mapped(layer, x)
        value, shape = x._node, list(x.shape)
        sizes = per_axis(layer.where, "size", size, len(shape) - 2)
        for axis, made in zip(spatial(x), sizes, strict=True):
            table = adaptive_table(axis, shape[axis], made)
            shape[axis] = made
            value = layer.add(table, (value,), shape)
        return layer.finish(value)

    def global_pool(self, x: Value, *, keep: bool = False, name: str | None = None) -> Value:
        """Take one number of each channel over all positions; `keep` leaves axes of extent 1."""
        layer = self._made.begin("global_pool", (x,), given(keep=bool(keep)), name)
        mapped(layer, x)
        shape = (*x.shape[:2], *((1,) * len(spatial(x)) if keep else ()))
        return layer.finish(layer.add(Reduce(spatial(x), bool(keep)), (x._node,), shape))

    def pad(
        self, x: Value, padding: Padding, *, mode: PadMode = "constant", name: str | None = None
    ) -> Value:
        """Put elements around a map: a number for all sides, per axis, or pairs.

        Raises:
            ModelError: there is no such mode, or it reflects more than there is.
        """
        layer = self._made.begin("pad", (x,), given(padding=padding, mode=mode), name)
        mapped(layer, x)
        known(layer.where, "mode", mode, get_args(PadMode))
        value, shape = x._node, list(x.shape)
        sides = both_sides(layer.where, padding, len(shape) - 2)
        for axis, (before, after) in zip(spatial(x), sides, strict=True):
            most = {"reflect": shape[axis] - 1, "circular": shape[axis]}.get(mode)
            if most is not None and max(before, after) > most:
                raise ModelError(
                    f"{layer.where} pads {max(before, after)} elements by {mode}, and the axis has "
                    f"{shape[axis]}\npad {most} at most, or by another mode"
                )
            if before or after:
                shape[axis] += before + after
                value = layer.add(Pad(axis, before, mode), (value,), shape)
        return layer.finish(value)

    def crop(self, x: Value, cut: Padding, *, name: str | None = None) -> Value:
        """Cut elements off a map: a number for all sides, per axis, or pairs (in front, behind).

        Raises:
            ModelError: nothing is left of an axis.
        """
        layer = self._made.begin("crop", (x,), given(cut=cut), name)
        mapped(layer, x)
        value, shape = x._node, list(x.shape)
        sides = both_sides(layer.where, cut, len(shape) - 2)
        for axis, (before, after) in zip(spatial(x), sides, strict=True):
            if before + after >= shape[axis]:
                raise ModelError(
                    f"{layer.where} cuts {before} and {after} elements off an axis of "
                    f"{shape[axis]}\nleave at least one"
                )
            if before or after:
                shape[axis] -= before + after
                value = layer.add(Slice(axis, before), (value,), shape)
        return layer.finish(value)

    def channels(self, x: Value, start: int, stop: int, *, name: str | None = None) -> Value:
        """Take the channels `start:stop`, as where a network splits them.

        Raises:
            ModelError: there are no such channels.
        """
        layer = self._made.begin("channels", (x,), given(start=start, stop=stop), name)
        whole(layer.where, "start", start, least=0)
        whole(layer.where, "stop", stop)
        if not start < stop <= x.shape[1]:
            raise ModelError(
                f"{layer.where} takes channels {start}:{stop} of {x.shape[1]}\n"
                "give start < stop, as for a slice"
            )
        shape = (x.shape[0], stop - start, *x.shape[2:])
        return layer.finish(layer.add(Slice(1, start), (x._node,), shape))

    def flatten(self, x: Value, *, name: str | None = None) -> Value:
        """Put all that lies behind the batch into one axis."""
        layer = self._made.begin("flatten", (x,), {}, name)
        return layer.finish(layer.add(Reshape(), (x._node,), (x.shape[0], prod(x.shape[1:]))))


def _enlarged(axis: int, extent: int, times: int, mode: str) -> Table:
    """The elements that each position of an enlarged axis reads."""
    ratio, made = Fraction(1, times), extent * times
    if mode == "nearest":
        found = nearest_table(extent, [place // times for place in range(made)], ratio)
    else:
        taps = 2 if mode == "linear" else 4
        found = linear_table(extent, made, taps, lambda o: ratio * (o + _HALF) - _HALF, ratio)
    return Table(axis, found.lo, found.hi, found.plane)


def known(where: str, what: str, given: object, names: tuple[str, ...]) -> None:
    """Check that an option is one of several words.

    Raises:
        ModelError: it isn't.
    """
    if given not in names:
        raise ModelError(
            f"{what} of {where} is {given!r}{meant(str(given), names)}\n"
            f"give {listed(list(names), last='or')}"
        )
