"""The effective field that is expected at random initialisation, without running anything.

Weights of mean 0 add up the squares of what goes through them. Where every layer keeps the
variance of what passes it, the square of a position's gradient is expected to be spread evenly
over what each window reads, on the way back to the input: for a chain of convolutions the n-fold
convolution of their windows, which tends to a Gaussian (Luo et al., *Understanding the Effective
Receptive Field*, NeurIPS 2016, arXiv 1701.04128). The size of a gradient goes with the square root
of its expected square.
"""

from __future__ import annotations

import numpy as np

from fieldscope.analyses.coverage import _context
from fieldscope.analyses.layers import Layer, Report
from fieldscope.analyses.support import Position, _wanted, centre_of, chosen, placed
from fieldscope.domains import paths
from fieldscope.errors import InputError, PositionError
from fieldscope.measure.effective import CONTRIBUTIONS, Box, Contribution, EffectiveField
from fieldscope.wording import listed

SOURCE = "expected at random initialisation"


def expected_of(
    report: Report,
    layer: str | None = None,
    position: Position = "center",
    *,
    channel: int | None = None,
    input: str | None = None,
    contribution: Contribution = "absolute",
) -> EffectiveField:
    """The effective field at random initialisation; see `fieldscope.expected_effective`.

    Raises:
        InputError: the contribution is none, the input must be named, or the report was not
            made by an analysis.
        LayerNotFoundError: there is no such layer.
        PositionError: the position lies outside the layer's map.
    """
    if contribution not in CONTRIBUTIONS:
        raise InputError(f"contribution is {contribution!r}; it is 'absolute' or 'squared'")
    one = chosen(report, layer)
    info, _ = one._input(input)
    interpretation = report._interpretation
    if interpretation is None:
        raise InputError("the report was not made by an analysis, so it holds no graph to follow")
    where = placed(one, position)
    number = [given.name for given in report.inputs].index(info.name)
    graph = interpretation.graph
    start = np.ones((1,) * len(one.shape))
    for wanted in _wanted(one.shape, one._index(where, channel)):
        start = start * wanted
    found = paths.walk(
        graph,
        {one._value: start},
        without=_context(interpretation, one._value, number),
        evenly=True,
    )
    source = graph.inputs[number]
    shape = graph.shape(source)
    counts = found.counts.get(source)
    whole = np.zeros(shape) if counts is None else paths.written_out(counts, shape)
    others = tuple(axis for axis in range(len(shape)) if axis not in info.spatial)
    squares = np.asarray(whole.sum(axis=others), dtype=np.float64)
    total = float(squares.sum())
    squares = squares / total if total else squares
    return EffectiveField(
        model=report.model,
        layer=one.name,
        position=where,
        channel=channel,
        input=info.name,
        axes=info.axes,
        values=squares if contribution == "squared" else np.sqrt(squares),
        contribution=contribution,
        images=0,
        source=SOURCE,
        theory=theory_of(one, where, info.name),
        remarks=remarks_of(one, counted=False),
        centre=centre_of(one, where, info.name),
    )


def theory_of(layer: Layer, position: tuple[int, ...], input: str) -> Box | None:
    """The box inside the input that a position reads; None where it can't be told.

    Example:
        >>> import fieldscope, torch
        >>> layer = fieldscope.analyze(torch.nn.Conv1d(1, 1, 3, padding=1), (1, 1, 8)).output
        >>> theory_of(layer, (0,), "input")
        (slice(0, 2, None),)
    """
    try:
        return layer.box(position, input=input)
    except PositionError:
        return None


def larger_layers(report: Report, input: str | None = None) -> tuple[str, ...]:
    """The layers with positions whose field is larger than that of all layers before.

    Example:
        >>> import fieldscope
        >>> from torch import nn
        >>> net = nn.Sequential(nn.Conv1d(1, 1, 3), nn.ReLU(), nn.Conv1d(1, 1, 5))
        >>> larger_layers(fieldscope.analyze(net, (1, 1, 32)))
        ('0', '2')
    """
    from fieldscope.analyses.growing import _larger

    info, _ = report.output._input(input)
    found = tuple(layer.name for layer in _larger(report, info))
    if not found:
        raise InputError(
            f"no layer of {report.model} has positions whose field could grow\n"
            "name the layers to measure"
        )
    return found


def remarks_of(layer: Layer, *, counted: bool) -> tuple[str, ...]:
    """What to mind when a layer's effective field stands beside its theoretical one.

    Args:
        layer: the layer.
        counted: whether the effective field has what comes through context.

    Example:
        >>> import fieldscope, torch
        >>> def gated(x):
        ...     return x * x.mean(2, keepdim=True)
        >>> remarks_of(fieldscope.analyze(gated, (1, 1, 8)).output, counted=True)
        ('context that all positions share is counted: mul_1',)
    """
    told = []
    if layer.context:
        places = listed([name or "the model itself" for name in layer.context], most=3)
        verb = "is" if counted else "isn't"
        told.append(f"context that all positions share {verb} counted: {places}")
    if layer.bounds:
        told.append(f"only a bound, through {listed(layer.bounds, most=3)}")
    return tuple(told)
