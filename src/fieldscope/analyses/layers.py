"""The report of a model's layers: what every part of it can see."""

from __future__ import annotations

import fnmatch
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any

from fieldscope.analyses import export
from fieldscope.analyses.fields import (
    AxisField,
    Field,
    Phases,
    axis_field,
    interval,
    unbounded_interval,
)
from fieldscope.errors import InputError, LayerNotFoundError, PositionError
from fieldscope.geometry.layout import position_axes
from fieldscope.geometry.planes import Affine
from fieldscope.geometry.positions import centre_of_box, index_of
from fieldscope.graph.trace import Trace
from fieldscope.interpret import Interpretation, ValueFields
from fieldscope.media import as_html, as_text
from fieldscope.wording import near

if TYPE_CHECKING:
    import pandas as pd

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class InputInfo:
    """An input of the model.

    Attributes:
        name: name of the forward's parameter.
        shape: shape with batch.
        axes: names of the spatial axes, such as ("y", "x").
        spatial: places of those axes in the shape.
    """

    name: str
    shape: Shape
    axes: tuple[str, ...]
    spatial: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Bound:
    """An operator that isn't known, so that all behind it is a bound.

    Attributes:
        operator: foreign name, such as "aten.foo".
        where: path of the layer.
        location: file:line of the user's model, where known.
        reason: why it is a bound.
        layers: number of layers whose field is a bound through it.
    """

    operator: str
    where: str
    location: str | None
    reason: str
    layers: int


@dataclass(frozen=True)
class Layer:
    """One layer and what its positions read of each input.

    Attributes:
        name: path in the model; functional operators are named after their module.
        operator: canonical operator ("window", "contract", …), or "container".
        source: the framework's operator, or a container's class.
        shape: shape of the output, with batch.
        container: whether it is a module that holds other layers.
        movement: whether it only reorders elements (reshape, permute, expand).
        context: paths where dependence on the whole input entered, alike for all positions.
        exact: whether the field is exact; else it is a bound.
        bounds: the layers through which it became a bound.

    Example:
        >>> import fieldscope, torch
        >>> layer = fieldscope.analyze(torch.nn.Conv2d(3, 8, (3, 5)), (1, 3, 16, 16)).layers[0]
        >>> layer.operator, layer.shape, layer.size, layer.exact
        ('window', (1, 8, 14, 12), (3, 5), True)
    """

    name: str
    operator: str
    source: str
    shape: Shape
    container: bool
    movement: bool
    context: tuple[str, ...]
    bounds: tuple[str, ...]
    _value: int = field(repr=False, compare=False)
    _values: ValueFields = field(repr=False, compare=False)
    _inputs: tuple[InputInfo, ...] = field(repr=False, compare=False)
    # Fields worked out so far, by value: layers that only pass a value on share them.
    _known: dict[int, Mapping[str, Field]] = field(repr=False, compare=False, default_factory=dict)

    @property
    def exact(self) -> bool:
        """Whether the field is exact."""
        return not self.bounds

    @property
    def fields(self) -> Mapping[str, Field]:
        """The field on each input that has spatial axes, by the input's name."""
        found = self._known.get(id(self._values))
        if found is None:
            found = self._known[id(self._values)] = self._numbers()
        return found

    def _numbers(self) -> Mapping[str, Field]:
        found, place = {}, 0
        for info in self._inputs:
            axes = []
            for axis in info.spatial:
                axes.append(axis_field(self._values, place, info.shape[axis]))
                place += 1
            if axes:
                found[info.name] = _field(axes)
        return found

    @property
    def _only(self) -> Field:
        if len(self.fields) == 1:
            return next(iter(self.fields.values()))
        names = ", ".join(map(repr, self.fields))
        raise InputError(
            f"the model has several inputs: {names}; use .fields[name] of layer {self.name!r}"
        )

    @property
    def size(self) -> tuple[int | float, ...]:
        """Size per axis of the only input; see `Field`."""
        return self._only.size

    @property
    def stride(self) -> tuple[int | Fraction | None, ...]:
        """Stride per axis of the only input."""
        return self._only.stride

    @property
    def start(self) -> tuple[int | None, ...]:
        """First element read by position 0, per axis of the only input."""
        return self._only.start

    @property
    def narrowest(self) -> tuple[int | float, ...]:
        """Size along the shortest path, per axis of the only input."""
        return self._only.narrowest

    @property
    def is_global(self) -> tuple[bool, ...]:
        """Whether the whole of each axis of the only input is read."""
        return self._only.is_global

    @property
    def period(self) -> tuple[int | None, ...]:
        """Positions after which the field repeats, per axis of the only input."""
        return self._only.period

    @property
    def phases(self) -> tuple[Phases | None, ...]:
        """(lo, hi) of each phase where the period is over 1, per axis of the only input."""
        return self._only.phases

    @property
    def spatial(self) -> tuple[int, ...]:
        """The layer's own spatial axes: those that a position is given on."""
        return position_axes(self._values.layout)

    def box(
        self,
        position: Sequence[int] = (),
        *,
        clip: bool = True,
        channel: int | None = None,
        input: str | None = None,
    ) -> tuple[slice, ...]:
        """The elements that a position reads, as slices of the input's spatial axes.

        Args:
            position: index on each spatial axis of the layer (`layer.spatial`); negative
                counts from the end. A layer without spatial axes takes none.
            clip: inside the given input, where padding reads nothing; else the box on
                the unbounded plane.
            channel: one channel (axis 1) instead of all.
            input: name of the input, where the model has several.

        Returns:
            One slice per spatial axis of the input, half open, so that `image[..., *box]`
            is what is read; empty slices where nothing is.

        Raises:
            PositionError: the position or channel lies outside the layer's map.
            InputError: the input doesn't exist or must be named.

        Example:
            >>> import fieldscope, torch
            >>> layer = fieldscope.analyze(torch.nn.Conv1d(1, 1, 3, padding=1), (1, 1, 8)).output
            >>> layer.box((0,)), layer.box((0,), clip=False)
            ((slice(0, 2, None),), (slice(-1, 2, None),))
        """
        info, first = self._input(input)
        index, values = self._index(position, channel), self._values
        boxes = []
        for place, axis in enumerate(info.axes, start=first):
            hull, affine = values.hulls[place], values.affines[place]
            if hull is None:
                boxes.append(slice(0, 0))
            elif clip:
                boxes.append(slice(*interval(hull, values.layout, index)))
            elif isinstance(affine, Affine):
                low, high = unbounded_interval(affine, values.layout, index)
                whole = high - low == math.inf
                boxes.append(slice(None) if whole else slice(int(low), int(high)))
            else:
                raise PositionError(
                    f"layer {self.name!r} has no field on the unbounded plane: its field "
                    f"isn't periodic along {axis}\nbox(…, clip=True) stays inside the input"
                )
        return tuple(boxes)

    def _input(self, name: str | None) -> tuple[InputInfo, int]:
        place, found = 0, []
        for info in self._inputs:
            if info.spatial:
                found.append((info, place))
            place += len(info.spatial)
        if name is None and len(found) == 1:
            return found[0]
        for info, first in found:
            if info.name == name:
                return info, first
        if not found:
            raise InputError(
                "no input of the model has spatial axes, so there are no fields to speak of\n"
                "say which axes are spatial with axes="
            )
        names = ", ".join(repr(info.name) for info, _ in found)
        asked = "say which with input=" if name is None else f"there is no input {name!r}"
        raise InputError(f"{asked}; the inputs with spatial axes are {names}")

    def center(
        self,
        position: Sequence[int] = (),
        *,
        channel: int | None = None,
        input: str | None = None,
    ) -> tuple[float, ...]:
        """The centre of a position's field on the unbounded plane, as for a detector's anchors.

        Element i has its centre at i, so a field [lo, hi) has it at (lo + hi − 1) / 2: in halves
        of elements, which floats hold exactly. Where pixel i reaches from i to i + 1, add ½.

        Args:
            position: index on each spatial axis of the layer; this and the others as for `box`.
            channel: one channel instead of all.
            input: name of the input.

        Raises:
            PositionError: the position lies outside the layer's map, or its field has no centre:
                it isn't periodic, is the whole plane, or nothing is read.
            InputError: the input doesn't exist or must be named.

        Example:
            >>> import fieldscope, torch
            >>> net = torch.nn.Conv2d(3, 8, (7, 4), stride=(2, 4), padding=(3, 0))
            >>> fieldscope.analyze(net, (1, 3, 64, 64)).output.center((5, 1))
            (10.0, 5.5)
        """
        box = self.box(position, clip=False, channel=channel, input=input)
        return centre_of_box(box, self.name, self._input(input)[0].axes)

    def _index(self, position: Sequence[int], channel: int | None) -> tuple[int | None, ...]:
        return index_of(self.name, self.shape, self.spatial, position, channel)


def _field(axes: Sequence[AxisField]) -> Field:
    return Field(
        size=tuple(axis.size for axis in axes),
        stride=tuple(axis.stride for axis in axes),
        start=tuple(axis.start for axis in axes),
        narrowest=tuple(axis.narrowest for axis in axes),
        is_global=tuple(axis.is_global for axis in axes),
        period=tuple(axis.period for axis in axes),
        phases=tuple(axis.phases for axis in axes),
    )


@dataclass(frozen=True)
class Report:
    """Every layer's receptive field.

    Attributes:
        model: name of the model.
        framework: where it came from, such as "torch".
        inputs: its inputs.
        layers: the operators, in execution order.
        containers: the modules that hold others; their field is that of their output.
        outputs: the results, by their place ("output", "output[0]", "output['aux']").
        bounds: the operators through which fields became bounds.

    Example:
        >>> import fieldscope, torch
        >>> net = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.MaxPool2d(2))
        >>> report = fieldscope.analyze(net, (1, 3, 32, 48))
        >>> report["1"].size, report["1"].stride, report["1"].box((0, 0))
        ((4, 4), (2, 2), (slice(0, 4, None), slice(0, 4, None)))
    """

    model: str
    framework: str
    inputs: tuple[InputInfo, ...]
    layers: tuple[Layer, ...]
    containers: tuple[Layer, ...]
    outputs: Mapping[str, Layer]
    bounds: tuple[Bound, ...]
    _aliases: tuple[Layer, ...] = field(repr=False, default=())
    # What it was made from, for questions about single positions.
    _interpretation: Interpretation | None = field(repr=False, compare=False, default=None)
    _trace: Trace | None = field(repr=False, compare=False, default=None)

    @property
    def output(self) -> Layer:
        """The first result."""
        return next(iter(self.outputs.values()))

    @cached_property
    def _by_name(self) -> Mapping[str, Layer]:
        found: dict[str, Layer] = {}
        for layer in (*self.layers, *self.containers, *self._aliases):
            found.setdefault(layer.name, layer)
        return found

    def __getitem__(self, name: str) -> Layer:
        """The layer of that path.

        Raises:
            LayerNotFoundError: there is none; the message names near ones.
        """
        layer = self._by_name.get(name)
        if layer is None:
            similar = near(name, self._by_name)
            hint = (
                f"did you mean {', '.join(map(repr, similar))}?"
                if similar
                else ("report.layers lists them all")
            )
            raise LayerNotFoundError(f"{self.model} has no layer {name!r}\n{hint}")
        return layer

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def __iter__(self) -> Iterator[Layer]:
        return iter(self.layers)

    def __len__(self) -> int:
        return len(self.layers)

    def find(self, pattern: str) -> tuple[Layer, ...]:
        """The layers and containers whose name matches a shell pattern, such as "layer4.*"."""
        return tuple(
            layer
            for layer in (*self.layers, *self.containers)
            if fnmatch.fnmatchcase(layer.name, pattern)
        )

    def to_dict(self) -> dict[str, Any]:
        """The report as plain data, schema `fieldscope/1`."""
        return export.to_dict(self)

    def to_json(self, indent: int | None = None) -> str:
        """The report as JSON text."""
        return export.to_json(self, indent=indent)

    def to_csv(self) -> str:
        """The layers as CSV text."""
        return export.to_csv(self)

    def to_pandas(self) -> pd.DataFrame:
        """The layers as a data frame."""
        return export.to_pandas(self)

    def __repr__(self) -> str:
        return as_text(self)

    def _repr_html_(self) -> str | None:
        return as_html(self)
