"""Support: the exact set of input elements that one position reads, gaps included."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from fieldscope.analyses.layers import Layer, Report
from fieldscope.domains.support import Elements, united, walk, written_out
from fieldscope.errors import InputError, PositionError
from fieldscope.geometry import masks
from fieldscope.geometry.maps import InputMap
from fieldscope.geometry.regions import BoolArray
from fieldscope.interpret import Interpretation
from fieldscope.version import __version__

Position: TypeAlias = Sequence[int] | Literal["center"]
"""An index on each spatial axis of a layer, or "center": half of each extent, rounded down."""


@dataclass(frozen=True, repr=False, eq=False)
class SupportMask(InputMap):
    """The exact set of input elements that one position of a layer reads.

    Attributes:
        model: name of the model.
        layer: name of the layer; "output" for the model's result.
        position: index on each of the layer's spatial axes; () where it has none.
        channel: the layer's channel; None for all together.
        input: name of the input.
        axes: names of the input's spatial axes.
        elements: which elements are read, over the input's whole shape, batch and channels
            included; read-only.
        spatial: places of the spatial axes in that shape.
        context: paths where dependence on the whole input entered that all positions share;
            it is in the mask only if asked for.
        folded: whether it was asked for.
        bounds: layers through which the mask is only a bound; empty where it is exact.
        centre: the position's own centre on the input, of its field on the unbounded plane
            (in halves of elements); None where the field isn't periodic or is global.

    Example:
        >>> import fieldscope, torch
        >>> conv = torch.nn.Conv2d(1, 1, 3, dilation=2)
        >>> found = fieldscope.support(conv, (1, 1, 9, 9), position=(0, 4))
        >>> found.mask[0].astype(int)
        array([0, 0, 0, 0, 1, 0, 1, 0, 1])
        >>> found.hull, found.size, found.density
        ((slice(0, 5, None), slice(4, 9, None)), (5, 5), 0.36)
        >>> found.gaps[0]
        (slice(1, 2, None), slice(3, 4, None))
    """

    model: str
    layer: str
    position: tuple[int, ...]
    channel: int | None
    input: str
    axes: tuple[str, ...]
    elements: BoolArray
    spatial: tuple[int, ...]
    context: tuple[str, ...] = ()
    folded: bool = False
    bounds: tuple[str, ...] = ()
    centre: tuple[float, ...] | None = None

    @property
    def mask(self) -> BoolArray:
        """Which elements are read, over the input's spatial axes: in any channel."""
        others = tuple(k for k in range(self.elements.ndim) if k not in self.spatial)
        return np.asarray(self.elements.any(axis=others), dtype=bool)

    @property
    def intensity(self) -> npt.NDArray[np.float64]:
        """1 where an element is read, else 0."""
        return self.mask.astype(np.float64)

    @property
    def graded(self) -> bool:
        """Never: an element is read or not."""
        return False

    @property
    def exact(self) -> bool:
        """Whether the mask is exact; else it is a bound that holds the true one."""
        return not self.bounds

    def to_dict(self) -> dict[str, Any]:
        """The figures of the mask as plain data, schema `fieldscope.support/1`.

        `hull` and `gaps` are half-open pairs in input elements, per axis; `density` is the
        share of the hull that is read.
        """
        return {
            "schema": "fieldscope.support/1",
            "version": __version__,
            "model": self.model,
            "layer": self.layer,
            "position": list(self.position),
            "channel": self.channel,
            "input": {
                "name": self.input,
                "shape": list(self.elements.shape),
                "axes": list(self.axes),
            },
            "size": list(self.size),
            "hull": [[run.start, run.stop] for run in self.hull],
            "elements": self.count,
            "density": self.density,
            "gaps": [[[run.start, run.stop] for run in runs] for runs in self.gaps],
            "context": list(self.context) or None,
            "folded": self.folded,
            "exact": self.exact,
            **({} if self.exact else {"bounds": list(self.bounds)}),
        }

    def to_json(self, indent: int | None = None) -> str:
        """The figures as JSON text."""
        return json.dumps(self.to_dict(), indent=indent, allow_nan=False)


def chosen(report: Report, layer: str | None) -> Layer:
    """The layer of that name; the first result without one.

    Raises:
        LayerNotFoundError: there is none; the message names near ones.
    """
    return report.output if layer is None else report.outputs.get(layer) or report[layer]


def placed(layer: Layer, position: Position) -> tuple[int, ...]:
    """A position of a layer as indices from 0 on, one per spatial axis.

    Raises:
        PositionError: it lies outside the layer's map.
    """
    if isinstance(position, str):
        if position != "center":
            raise InputError(
                f'position {position!r} is neither "center" nor indices, one per spatial axis'
            )
        return tuple(layer.shape[axis] // 2 for axis in layer.spatial)
    index = layer._index(position, None)
    return tuple(index[axis] or 0 for axis in layer.spatial)


def support_of(
    report: Report,
    layer: str | None = None,
    position: Position = "center",
    *,
    channel: int | None = None,
    input: str | None = None,
    fold_context: bool = False,
) -> SupportMask:
    """The exact set of input elements that a position reads; see `fieldscope.support`."""
    one = chosen(report, layer)
    info, _ = one._input(input)
    where = placed(one, position)
    interpretation = report._interpretation
    if interpretation is None:
        raise InputError("the report was not made by an analysis, so it holds no graph to follow")
    number = [given.name for given in report.inputs].index(info.name)
    wanted = _wanted(one.shape, one._index(where, channel))
    elements = _elements(interpretation, one._value, wanted, number, fold_context=fold_context)
    return SupportMask(
        model=report.model,
        layer=one.name,
        position=where,
        channel=channel,
        input=info.name,
        axes=info.axes,
        elements=elements,
        spatial=info.spatial,
        context=one.context,
        folded=fold_context,
        bounds=one.bounds,
        centre=centre_of(one, where, info.name),
    )


def centre_of(layer: Layer, position: tuple[int, ...], input: str) -> tuple[float, ...] | None:
    """The centre of a position's field on the unbounded plane; None if it has none.

    Example:
        >>> import fieldscope, torch
        >>> layer = fieldscope.analyze(torch.nn.Conv1d(1, 1, 4, padding=1), (1, 1, 8)).output
        >>> centre_of(layer, (0,), "input")
        (0.5,)
    """
    try:
        return layer.center(position, input=input)
    except PositionError:
        return None


def _wanted(shape: Sequence[int], index: Sequence[int | None]) -> Elements:
    """The elements at one position: all along the axes that it doesn't name."""
    return tuple(
        masks.upright(np.arange(shape[axis]) == place, axis, len(shape))
        for axis, place in enumerate(index)
        if place is not None and shape[axis] > 1
    )


def _elements(
    interpretation: Interpretation,
    value: int,
    wanted: Elements,
    number: int,
    *,
    fold_context: bool,
) -> BoolArray:
    """What is read of an input, over its whole shape; not to be written to."""
    graph = interpretation.graph
    source = graph.inputs[number]
    seeds, found = {value: wanted}, []
    if not fold_context:
        alike = {(node, place) for node, place, index in interpretation.alike if index == number}
        whole = {node for node, index in interpretation.whole if index == number}
        read = walk(graph, seeds, without=alike, stop=whole)
        # Values without space that read context alone: there it is the field.
        seeds = {node: some for node, some in read.items() if node in whole}
        found += [some for node, some in read.items() if node == source]
    found += [some for node, some in walk(graph, seeds).items() if node == source]
    shape = graph.shape(source)
    if not found:
        return np.broadcast_to(np.False_, shape)
    return written_out(reduce(lambda a, b: united(a, b, len(shape)), found), shape)
