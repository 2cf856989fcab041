"""Which layers make a field as large as it is, and what size it would have were they others.

A layer widens a field by (k_eff − 1)·S elements, with k_eff = d(k − 1) + 1 and S the input
elements from one position of what enters it to the next: r₀ = 1 + Σ (k_eff,l − 1) Π s_i
(Araujo, Norris, Sim, *Computing Receptive Fields of Convolutional Neural Networks*, Distill
2019, doi 10.23915/distill.00021). With branches the sum runs over the path that is longest; layers
beside it have no share.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, TypeAlias

from fieldscope.analyses.costs import trace_of
from fieldscope.analyses.export import plain
from fieldscope.analyses.growth.supposing import Change, Supposing, Window, window_of
from fieldscope.analyses.growth.tracking import Graphed, Moves, graphed, moves_of
from fieldscope.analyses.layers import InputInfo, Layer, Report
from fieldscope.analyses.steps import Sizes, Step, steps_of
from fieldscope.errors import InputError, LayerNotFoundError
from fieldscope.media import Result
from fieldscope.version import __version__
from fieldscope.wording import listed, meant

Share: TypeAlias = int | Fraction | None
"""Elements of the input; None along an axis on which the field isn't divided."""


@dataclass(frozen=True, slots=True)
class LayerGrowth:
    """What one layer adds to the field.

    Attributes:
        layer: name of the layer; "" for what belongs to none.
        operator: canonical operator.
        source: the framework's operator.
        window: its window; None where it has none (resizing, slicing).
        share: elements that it adds to the size of the field, per axis. 0 beside the longest
            path; None along an axis on which the field isn't divided.
        on_path: whether it lies on the longest path, per axis.
        size: its own field, per axis.
        changes: what size the field would have were its window another one.
    """

    layer: str
    operator: str
    source: str
    window: Window | None
    share: tuple[Share, ...]
    on_path: tuple[bool, ...]
    size: Sizes
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, repr=False)
class Growth(Result):
    """Every widening layer's share of the size of a field.

    Attributes:
        model: name of the model.
        input: name of the input.
        axes: names of the input's spatial axes.
        layer: the layer whose field is divided.
        size: its field, per axis.
        divided: whether the field is divided along each axis: not where it is global, empty or
            not periodic.
        layers: the layers that widen fields on the way, and others that have a share, in
            execution order. Along each axis that is divided their shares add up to the size
            less one.

    Example:
        >>> import fieldscope
        >>> from torch import nn
        >>> net = nn.Sequential(nn.Conv1d(1, 1, 7, stride=2), nn.ReLU(), nn.Conv1d(1, 1, 5))
        >>> found = fieldscope.growth(net, (1, 1, 64))
        >>> found.size, [(layer.layer, layer.share) for layer in found.layers]
        ((15,), [('0', (6,)), ('2', (8,))])
        >>> found.if_changed("0", stride=1).size
        (11,)
    """

    model: str
    input: str
    axes: tuple[str, ...]
    layer: str
    size: Sizes
    divided: tuple[bool, ...]
    layers: tuple[LayerGrowth, ...]
    _supposing: Supposing | None = field(repr=False, compare=False, default=None)

    @property
    def by_name(self) -> Mapping[str, LayerGrowth]:
        """The layers by name."""
        return {layer.layer: layer for layer in self.layers}

    def part_of(self, layer: LayerGrowth) -> tuple[float, ...]:
        """A layer's share as a part of all growth, per axis; 0 where nothing grows."""
        return tuple(
            float(share) / (size - 1) if share and size > 1 else 0.0
            for share, size in zip(layer.share, self.size, strict=True)
        )

    def if_changed(
        self,
        layer: str,
        *,
        kernel: int | Sequence[int] | None = None,
        stride: int | Sequence[int] | None = None,
        dilation: int | Sequence[int] | None = None,
    ) -> Change:
        """Work out the size that the field would have were a layer's window another one.

        Args:
            layer: name of a convolution or pooling layer.
            kernel: extents of its window: one, or one per axis; None for its own.
            stride: its stride likewise.
            dilation: its dilation likewise.

        Raises:
            LayerNotFoundError: there is no such layer.
            InputError: it has no window, or the numbers don't fit it.
            EditError: the network can't be changed so: shapes wouldn't fit any more.
        """
        if self._supposing is None:
            raise InputError(
                "this finding was not made by an analysis, so there is nothing to change\n"
                "ask fieldscope.growth"
            )
        found = self.by_name.get(layer)
        if found is None:
            near_ones = meant(layer, self.by_name)
            raise LayerNotFoundError(
                f"{layer!r} is no layer with a share in the field of {self.layer!r}{near_ones}\n"
                "name one of .layers"
            )
        if found.window is None:
            raise InputError(f"{layer!r} has no window\nname a convolution or pooling layer")
        return self._supposing.changed(
            layer, found.window, kernel=kernel, stride=stride, dilation=dilation
        )

    def supposing(
        self,
        layer: str,
        *,
        kernel: int | Sequence[int] | None = None,
        stride: int | Sequence[int] | None = None,
        dilation: int | Sequence[int] | None = None,
    ) -> Growth:
        """The same finding with one more change of a layer, which its page then shows.

        See `if_changed`.
        """
        change = self.if_changed(layer, kernel=kernel, stride=stride, dilation=dilation)
        layers = (
            replace(one, changes=(*one.changes, change)) if one.layer == layer else one
            for one in self.layers
        )
        return replace(self, layers=tuple(layers))

    def to_dict(self) -> dict[str, Any]:
        """The shares as plain data, schema `fieldscope.growth/1`.

        An infinite size is the text "all", a fraction a text such as "1/2".
        """
        return {
            "schema": "fieldscope.growth/1",
            "version": __version__,
            "model": self.model,
            "input": {"name": self.input, "axes": list(self.axes)},
            "layer": self.layer,
            "size": plain(self.size),
            "divided": list(self.divided),
            "layers": [self._plain(layer) for layer in self.layers],
        }

    def _plain(self, layer: LayerGrowth) -> dict[str, Any]:
        return {
            "name": layer.layer,
            "operator": layer.operator,
            "source": layer.source,
            "window": None if layer.window is None else layer.window.to_dict(),
            "share": plain(layer.share),
            "part": list(self.part_of(layer)),
            "on_path": list(layer.on_path),
            "size": plain(layer.size),
            "changes": [change.to_dict() for change in layer.changes],
        }


def growth_of(
    report: Report, input: str | None = None, *, layer: str | None = None, changes: bool = True
) -> Growth:
    """Divide the size of a field among layers; see `fieldscope.growth`.

    Args:
        report: what was analysed.
        input: name of the input, where the model has several.
        layer: the layer whose field is divided; None for the last map.
        changes: work out what other windows would make of the size.

    Raises:
        InputError: the input doesn't exist or must be named, or the field can't be divided.
        LayerNotFoundError: there is no such layer.
    """
    trace = trace_of(report)
    info, _ = report.output._input(input)
    target = _last_map(report, info) if layer is None else _divisible(report[layer], info)
    number = [one.name for one in trace.inputs].index(info.name)
    given = graphed(report, target._value)
    moves = [moves_of(given, info, number, axis) for axis in range(len(info.axes))]
    if not any(moves):
        raise InputError(_undivided(target, info))
    supposing = Supposing(report, info, target, given)
    return Growth(
        model=report.model,
        input=info.name,
        axes=info.axes,
        layer=target.name,
        size=target.fields[info.name].size,
        divided=tuple(found is not None for found in moves),
        layers=tuple(_rows(report, info, given, moves, supposing if changes else None)),
        _supposing=supposing,
    )


def _rows(
    report: Report,
    info: InputInfo,
    given: Graphed,
    moves: Sequence[Moves | None],
    supposing: Supposing | None,
) -> Iterator[LayerGrowth]:
    """The layers that widen fields, stride on the longest path, or have a share."""
    owners = trace_of(report).owners()
    shares: dict[str, list[int | Fraction]] = {}
    paths: list[set[str]] = [set() for _ in moves]
    for axis, found in enumerate(moves):
        for node, moved in (found.by_node if found else {}).items():
            paths[axis].add(owners[node])
            shares.setdefault(owners[node], [0] * len(moves))[axis] += moved
    inside = {owners[node] for node in given.nodes}
    first = report.output._input(info.name)[1]
    steps = {step.layer.name: step for step in steps_of(report, info.name)}
    for name in dict.fromkeys([*steps, *shares]):
        share: list[int | Fraction] = shares.get(name, [0] * len(moves))
        step = steps.get(name)
        if name not in inside:
            continue
        window = window_of(given, owners, name, info, first)
        on_path = tuple(name in path for path in paths)
        if any(share) or (window is not None and _matters(step, window, on_path)):
            yield LayerGrowth(
                layer=name,
                operator=step.layer.operator if step else "",
                source=step.layer.source if step else "",
                window=window,
                share=tuple(
                    _whole(one) if found else None for one, found in zip(share, moves, strict=True)
                ),
                on_path=on_path,
                size=step.size if step else (0,) * len(moves),
                changes=supposing.usual(name, window) if supposing and window else (),
            )


def _matters(step: Step | None, window: Window, on_path: Sequence[bool]) -> bool:
    """Whether a layer widens a field, or strides where the longest path goes."""
    if step is not None and any(
        own > entering for own, entering in zip(step.size, step.received_size, strict=True)
    ):
        return True
    return any(on_path) and any(one not in (None, 1) for one in window.stride)


def _whole(number: int | Fraction) -> int | Fraction:
    return int(number) if number == int(number) else number


def _last_map(report: Report, info: InputInfo) -> Layer:
    """The last layer with positions whose field is finite and repeats along all axes.

    A container that hands it on stands for it, the outermost one.
    """
    last: Layer | None = None
    for layer in (*report.layers, report.output):
        same = last is not None and layer.fields.get(info.name) == last.fields[info.name]
        # What keeps the field is passed over where it may resize another map, or moves elements.
        if _is_map(layer, info) and not (same and layer.operator in ("table", "reshape")):
            last = layer
    if last is None:
        raise InputError(
            f"no layer of {report.model} has positions whose field on {info.name!r} could be "
            "divided\nname a layer with a field of its own"
        )
    same_value = [one for one in report.containers if one._value == last._value and one.name]
    return min(same_value, key=lambda one: one.name.count("."), default=last)


def _divisible(layer: Layer, info: InputInfo) -> Layer:
    if not layer.exact:
        raise InputError(
            f"the field of {layer.name!r} is only a bound, through {listed(layer.bounds, most=3)}, "
            "and a bound has no shares\nask about a layer before that"
        )
    return layer


def _is_map(layer: Layer, info: InputInfo) -> bool:
    """Whether a layer has positions along all axes, and a field that is the same for all."""
    own = layer.fields.get(info.name)
    if own is None or not layer.exact or len(layer.spatial) < len(info.spatial):
        return False
    return not any(size in (0, math.inf) for size in own.size) and None not in own.stride


def _undivided(layer: Layer, info: InputInfo) -> str:
    """Why nothing of a field is divided, and what can be asked instead."""
    size = layer.fields[info.name].size
    if all(one == 0 for one in size):
        why = f"reads nothing of {info.name!r}"
    elif all(one == math.inf for one in size):
        why = "is the whole input"
    else:
        why = "isn't periodic, so that there is no path which is the longest everywhere"
    return f"the field of {layer.name!r} {why}\nask about a layer before, or none for the last map"
