"""Compare a report with the oracle: boxes of layers, position by position."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from typing import Any

import fieldscope
from fieldscope.analyses.layers import Layer
from tests import oracle

Hull = tuple[tuple[int, int], ...]


def disagreements(
    model: Any,
    inputs: Any,
    layers: Iterable[str],
    *,
    context: bool,
    axes: Any = None,
    random_positions: int = 1,
    products_are_context: bool = False,
) -> Iterator[str]:
    """What the report says otherwise than the oracle, one line each.

    Args:
        model: A module, or a callable on tensors.
        inputs: As for `fieldscope.analyze`; several as a tuple.
        layers: Names of modules that return one tensor; "" for the model's outputs.
        context: Compare the fields with context folded in. Else layers without
            context have to read the same, and those with context what the oracle
            finds without it.
        axes: Spatial axes of the inputs, as for `fieldscope.analyze`.
        random_positions: How many positions beside the centre and two corners.
        products_are_context: The network contracts positions away in products
            (attention over channels), which the oracle doesn't know as context:
            fields of layers with context have to be contained only.
    """
    report = fieldscope.analyze(model, inputs, axes=axes, fold_context=context)
    spatial = {str(i): info.spatial for i, info in enumerate(report.inputs)}
    names = {str(i): info.name for i, info in enumerate(report.inputs)}
    full = oracle.measure(model, inputs, axes=spatial)
    without = full
    if not context and any(layer.context for layer in (*report.layers, *report.containers)):
        without = oracle.measure(model, inputs, context=False, axes=spatial)
    for name in layers:
        parts = full.shapes[name]
        if name and len(parts) > 1:
            continue  # a layer is one tensor
        for part, shape in parts.items():
            layer = report.outputs["output" + part] if name == "" else report[name]
            if layer.shape != shape:
                yield f"{name or 'output'}{part}: shape {layer.shape}, really {shape}"
                continue
            if layer.exact and len(shape) > 2:
                yield from _unplaced(layer, full, name, part, spatial)
            rng = random.Random(f"{name}{shape}")
            for position, channel in _places(layer, rng, random_positions):
                for number, own in names.items():
                    if not spatial[number]:
                        continue
                    told = _told(layer, position, channel, own)
                    index = _index(layer, position, channel)
                    true = full.hull(name, index, part=part, input=number)
                    agrees = _agrees(told, true, exact=layer.exact)
                    if layer.context and not context:
                        agrees = not layer.exact or _contains(true, told)
                        if agrees and not products_are_context:
                            true = without.hull(name, index, part=part, input=number)
                            agrees = _agrees(told, true, exact=layer.exact)
                    if not agrees:
                        yield (
                            f"{name or 'output'}{part} {shape} at {position}, channel {channel},"
                            f" input {own}: told {told}, true {true}, exact {layer.exact},"
                            f" context {layer.context if not context else 'folded'}"
                        )


def _unplaced(
    layer: Layer, measured: oracle.Measured, name: str, part: str, spatial: dict[str, Any]
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
        for number in (number for number, axes in spatial.items() if axes):
            first, last = (measured.hull(name, end, part=part, input=number) for end in ends)
            pairs = zip(first, last, strict=True)
            if any(a < b and c < d and (b <= c or d <= a) for (a, b), (c, d) in pairs):
                yield (
                    f"{name or 'output'}{part} {layer.shape}: positions are on {layer.spatial},"
                    f" but the field moves along axis {axis}, from {first} to {last}"
                )


def _agrees(told: Hull, true: Hull, *, exact: bool) -> bool:
    return told == true if exact else _contains(told, true)


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


def assert_agreement(report_of: Any, inputs: Any, layers: Iterable[str], **options: Any) -> None:
    """All layers agree with the oracle, with and without context."""
    layers = list(layers)
    found = [
        ("with context: " if context else "") + line
        for context in (False, True)
        for line in disagreements(report_of, inputs, layers, context=context, **options)
    ]
    assert not found, "\n".join(found)
