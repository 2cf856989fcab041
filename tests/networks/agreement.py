"""Compare a report with the oracle: boxes and masks of layers, position by position."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import torch

import fieldscope
from fieldscope.analyses.layers import Layer, Report
from tests import oracle

Hull = tuple[tuple[int, int], ...]


def disagreements(
    model: Any,
    inputs: Any,
    layers: Iterable[str],
    *,
    random_positions: int = 1,
    ambiguous_context: bool = False,
) -> Iterator[str]:
    """What the reports say otherwise than the oracle, one line each.

    There are two reports, with context folded in and without. With it, and in
    layers that have none, fields are what is read; in layers that have context
    they are what the oracle finds read without it.

    Args:
        model: A module, or a callable on tensors.
        inputs: As for `fieldscope.analyze`; several as a tuple.
        layers: Names of modules that return one tensor; "" for the model's outputs.
        random_positions: How many positions beside the centre and two corners.
        ambiguous_context: What is context isn't clear to the oracle, which knows
            statistics but no products that contract positions away (attention
            over channels), nor what tears positions and channels apart: fields
            with context have to be contained only. So it is where a map is one
            position wide, which is the whole map and its statistics at once.
    """
    folded = fieldscope.analyze(model, inputs, fold_context=True)
    report = fieldscope.analyze(model, inputs)
    spatial = {str(i): info.spatial for i, info in enumerate(report.inputs)}
    names = {str(i): info.name for i, info in enumerate(report.inputs) if info.spatial}
    full = oracle.measure(model, inputs, axes=spatial)
    shapes = [shape for parts in full.shapes.values() for shape in parts.values()]
    ambiguous_context |= any(1 in shape[2:] for shape in shapes)
    without = None
    if any(layer.context for layer in (*report.layers, *report.containers)):
        without = oracle.measure(model, inputs, context=False, axes=spatial)
    for name, part, shape in _tensors(full, layers):
        path = f"{name or 'output'}{part}"
        for given in (folded, report):
            layer = given.outputs["output" + part] if name == "" else given[name]
            if layer.shape != shape:
                yield f"{path}: shape {layer.shape}, really {shape}"
                break
            if given is folded and layer.exact and len(shape) > 2:
                yield from _unplaced(layer, full, name, part, names)
            context = () if given is folded else layer.context
            rng = random.Random(f"{name}{shape}")
            for position, channel in _places(layer, rng, random_positions):
                index = _index(layer, position, channel)
                for number, own in names.items():
                    box = _told(layer, position, channel, own)
                    mask = _elements(given, path if name == "" else name, position, channel, own)
                    hulls = [full.hull(name, index, part=part, input=number)]
                    supports = [_Elements(full.support(name, index, part=part, input=number))]
                    if context and without is not None and not ambiguous_context:
                        hulls.append(without.hull(name, index, part=part, input=number))
                        other = without.support(name, index, part=part, input=number)
                        supports.append(_Elements(other))
                    told = {"exact": layer.exact, "context": bool(context)}
                    place = (
                        f"{path} {shape} at {position}, channel {channel}, input {own}, exact"
                        f" {layer.exact}, context {'folded' if given is folded else context}"
                    )
                    wrong = _disagrees(box, hulls, _contains, **told)
                    if wrong is not None:
                        yield f"{place}: told {box}, true {wrong}"
                        continue
                    missed = _disagrees(mask, supports, _holds, **told)
                    if missed is not None:
                        yield f"{place}: told the elements {mask}, true {missed}"


T = TypeVar("T")


def _disagrees(
    told: T, true: Iterable[T], contains: Callable[[T, T], bool], *, exact: bool, context: bool
) -> T | None:
    """What is true, if it is something else than told; None if they agree.

    What is read with its context holds what is told without; then the second of the true
    ones, found without context, is what it should be.
    """
    first, *rest = true
    if context:
        if exact and not contains(first, told):
            return first
        if not rest:
            return None
        (first,) = rest
    agrees = told == first if exact else contains(told, first)
    return None if agrees else first


@dataclass(frozen=True, eq=False)
class _Elements:
    """A mask that compares and prints by its elements."""

    mask: torch.Tensor

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Elements) and bool((self.mask == other.mask).all())

    def __repr__(self) -> str:
        return str(self.mask.nonzero().tolist())


def _holds(outer: _Elements, inner: _Elements) -> bool:
    return bool((outer.mask | ~inner.mask).all())


def _elements(
    report: Report, layer: str, position: tuple[int, ...], channel: int | None, name: str
) -> _Elements:
    found = fieldscope.support(report, layer=layer, position=position, channel=channel, input=name)
    return _Elements(torch.from_numpy(found.elements.copy()))


def _tensors(
    measured: oracle.Measured, layers: Iterable[str]
) -> Iterator[tuple[str, str, tuple[int, ...]]]:
    """Name, part of the output and shape of what is compared."""
    for name in layers:
        parts = measured.shapes[name]
        if name == "" or len(parts) == 1:  # a layer is one tensor
            for part, shape in parts.items():
                yield name, part, shape


def _unplaced(
    layer: Layer, measured: oracle.Measured, name: str, part: str, names: Iterable[str]
) -> Iterator[str]:
    """Axes behind the channels that the field moves along, but no position is given on.

    (Where axis 1 holds positions, the channels are elsewhere.)
    """
    if 1 in layer.spatial:
        return
    for axis in range(2, len(layer.shape)):
        if axis in layer.spatial or layer.shape[axis] < 2:
            continue
        ends = [(slice(None),) * axis + (place,) for place in (0, -1)]
        for number in names:
            first, last = (measured.hull(name, end, part=part, input=number) for end in ends)
            pairs = zip(first, last, strict=True)
            if any(a < b and c < d and (b <= c or d <= a) for (a, b), (c, d) in pairs):
                yield (
                    f"{name or 'output'}{part} {layer.shape}: positions are on {layer.spatial},"
                    f" but the field moves along axis {axis}, from {first} to {last}"
                )


def _contains(outer: Hull, inner: Hull) -> bool:
    return all(
        lo >= hi or (a <= lo and hi <= b) for (a, b), (lo, hi) in zip(outer, inner, strict=True)
    )


def _told(layer: Layer, position: tuple[int, ...], channel: int | None, name: str) -> Hull:
    box = layer.box(position, channel=channel, input=name)
    return tuple((0, 0) if s.start >= s.stop else (s.start, s.stop) for s in box)


def _channel_axis(layer: Layer) -> int | None:
    return next((a for a in range(1, len(layer.shape)) if a not in layer.spatial), None)


def _index(layer: Layer, position: tuple[int, ...], channel: int | None) -> tuple[Any, ...]:
    index: list[Any] = [slice(None)] * len(layer.shape)
    for axis, place in zip(layer.spatial, position, strict=True):
        index[axis] = place
    axis_of_channels = _channel_axis(layer)
    if channel is not None and axis_of_channels is not None:
        index[axis_of_channels] = channel
    return tuple(index)


def _places(
    layer: Layer, rng: random.Random, count: int
) -> Iterator[tuple[tuple[int, ...], int | None]]:
    """Centre, first and last position and random ones, each for all and for one channel."""
    extents = [layer.shape[axis] for axis in layer.spatial]
    positions = [
        tuple(n // 2 for n in extents),
        tuple(0 for _ in extents),
        tuple(n - 1 for n in extents),
        *(tuple(rng.randrange(n) for n in extents) for _ in range(count)),
    ]
    axis = _channel_axis(layer)
    for position in dict.fromkeys(positions):
        yield position, None
        if axis is not None:
            yield position, rng.randrange(layer.shape[axis])
