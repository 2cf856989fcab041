"""Coverage: input elements that no position of a layer reads, and how unevenly others are read.

Which elements are read at all is exact and follows from the domain *support*. How often each
is read is a count of ways through the windows in between (`fieldscope.domains.paths`), borders
included; far from the borders it repeats, and its pattern is found on the unbounded plane
(`fieldscope.domains.patterns`). The same forwards, from all elements to each position, shows the
checkerboard of transposed convolutions whose kernel isn't a multiple of their stride (Odena,
Dumoulin, Olah, *Deconvolution and Checkerboard Artifacts*, Distill 2016, doi
10.23915/distill.00003). Gridding shows in what one position reads: the gaps that dilations
without a common offset leave (Wang et al., *Understanding Convolution for Semantic
Segmentation*, WACV 2018, arXiv 1702.08502).
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fieldscope.analyses.layers import Layer, Report
from fieldscope.analyses.support import _elements, chosen, support_of
from fieldscope.domains import paths, patterns
from fieldscope.errors import InputError
from fieldscope.geometry import regions
from fieldscope.geometry.regions import BoolArray
from fieldscope.interpret import Interpretation
from fieldscope.media import Result
from fieldscope.version import __version__

Counts = npt.NDArray[np.float64]

LARGEST = 1 << 26
"""Maps of more elements than this aren't counted."""


@dataclass(frozen=True, eq=False)
class Evenness:
    """One period of counts on the unbounded plane, far from all borders.

    Attributes:
        counts: over the spatial axes, one period along each (1 where all are alike); 1 is
            their mean.

    Example:
        >>> found = Evenness(np.array([1.5, 0.5]))
        >>> found.period, found.ratio, found.variation
        ((2,), 3.0, 0.5)
    """

    counts: Counts

    @property
    def period(self) -> tuple[int, ...]:
        """Elements after which the counts repeat, per axis."""
        return self.counts.shape

    @property
    def ratio(self) -> float:
        """The largest count to the smallest: 1 is even, infinity where some are 0."""
        least, most = float(self.counts.min()), float(self.counts.max())
        return math.inf if least == 0 < most else 1.0 if most == 0 else most / least

    @property
    def variation(self) -> float:
        """The counts' standard deviation, of which 1 is their mean: 0 is even."""
        return float(self.counts.std())

    @property
    def nothing(self) -> float:
        """The share of elements whose count is 0."""
        return float((self.counts == 0).mean())

    @property
    def even(self) -> bool:
        """Whether all counts are alike."""
        return self.counts.size == 1

    def to_dict(self) -> dict[str, Any]:
        """The figures as plain data; `ratio` is null where some counts are 0."""
        return {
            "period": list(self.period),
            "ratio": None if self.ratio == math.inf else self.ratio,
            "variation": self.variation,
            "nothing": self.nothing,
            "counts": self.counts.tolist() if self.counts.size <= 4096 else None,
        }


@dataclass(frozen=True, repr=False, eq=False)
class Coverage(Result):
    """How a layer's positions cover an input.

    Attributes:
        model: name of the model.
        layer: name of the layer.
        input: name of the input.
        axes: names of the input's spatial axes.
        mask: which elements any position reads, in any channel, over those axes.
        reads: on how many ways each element is read by all positions together, the mean over
            channels, borders included; at least 0.
        scaled: whether `reads` outgrew floating point, so that only ratios mean something.
        pattern: `reads` far from the borders; None where nothing repeats.
        arrivals: ways per position of the layer, over its own spatial axes, far from the
            borders; None where nothing repeats.
        density: of the hull of what the centre position reads, the share that it reads.
        context: layers where dependence on the whole input enters, which isn't counted.
        bounds: layers through which the mask is only a bound; empty where it is exact.

    Example:
        >>> import fieldscope
        >>> b = fieldscope.Builder()
        >>> _ = b.conv(b.input((1, 1, 11)), 2, stride=3)
        >>> found = fieldscope.coverage(b)
        >>> found.mask.astype(int), found.unread, found.pattern.period
        (array([1, 1, 0, 1, 1, 0, 1, 1, 0, 1, 1]), 3, (3,))
    """

    model: str
    layer: str
    input: str
    axes: tuple[str, ...]
    mask: BoolArray
    reads: Counts
    scaled: bool
    pattern: Evenness | None
    arrivals: Evenness | None
    density: float
    context: tuple[str, ...] = ()
    bounds: tuple[str, ...] = ()

    @property
    def exact(self) -> bool:
        """Whether the mask is exact; else elements may be read less than it says."""
        return not self.bounds

    @property
    def unread(self) -> int:
        """Number of elements that no position reads."""
        return int(self.mask.size - np.count_nonzero(self.mask))

    @property
    def unread_share(self) -> float:
        """Their share of the input."""
        return self.unread / self.mask.size

    @property
    def edges(self) -> tuple[tuple[int, int], ...]:
        """Per axis, how many elements nobody reads at the beginning and at the end.

        Cropping, and windows that don't fit once more, leave these; what lies unread between is
        left out by strides or dilations.
        """
        hull = regions.hull(self.mask)
        return tuple(
            (run.start, extent - run.stop) if run.stop > run.start else (extent, 0)
            for run, extent in zip(hull, self.mask.shape, strict=True)
        )

    @property
    def inside(self) -> int:
        """Number of elements between those edges that no position reads."""
        hull = regions.hull(self.mask)
        return int(np.count_nonzero(~self.mask[hull])) if self.mask.any() else 0

    def to_dict(self) -> dict[str, Any]:
        """The figures as plain data, schema `fieldscope.coverage/1`."""
        return {
            "schema": "fieldscope.coverage/1",
            "version": __version__,
            "model": self.model,
            "layer": self.layer,
            "input": {
                "name": self.input,
                "axes": list(self.axes),
                "extents": list(self.mask.shape),
            },
            "unread": self.unread,
            "unread_share": self.unread_share,
            "edges": [list(pair) for pair in self.edges],
            "inside": self.inside,
            "reads": None if self.pattern is None else self.pattern.to_dict(),
            "arrivals": None if self.arrivals is None else self.arrivals.to_dict(),
            "density": self.density,
            "context": list(self.context) or None,
            "exact": self.exact,
            **({} if self.exact else {"bounds": list(self.bounds)}),
        }


def coverage_of(report: Report, layer: str | None = None, input: str | None = None) -> Coverage:
    """How a layer's positions cover an input; see `fieldscope.coverage`.

    Raises:
        LayerNotFoundError: there is no such layer.
        InputError: the input doesn't exist or must be named, has no spatial axes, or the report
            was not made by an analysis.
    """
    one = chosen(report, layer)
    info, _ = one._input(input)
    interpretation = report._interpretation
    if interpretation is None:
        raise InputError(
            "the report was not made by an analysis, so it holds no graph to follow\n"
            "analyse the model with fieldscope.analyze"
        )
    size = math.prod(info.shape[axis] for axis in info.spatial)
    if size > LARGEST:
        raise InputError(
            f"input {info.name!r} has {size:,} elements along its spatial axes, and {LARGEST:,} is "
            "the most to count reads of\ngive smaller inputs; far from the borders nothing changes"
        )
    for what, shape in ((f"input {info.name!r}", info.shape), (f"layer {one.name!r}", one.shape)):
        if 0 in shape:
            raise InputError(
                f"{what} has the shape {shape}, so there are no positions that read anything\n"
                "name another layer, or give a larger input"
            )
    number = [given.name for given in report.inputs].index(info.name)
    elements = _elements(interpretation, one._value, (), number, fold_context=False)
    others = tuple(k for k in range(elements.ndim) if k not in info.spatial)
    mask = np.asarray(elements.any(axis=others), dtype=bool)
    without = _context(interpretation, one._value, number)
    reads, scaled = _counted(interpretation, one, number, without)
    return Coverage(
        model=report.model,
        layer=one.name,
        input=info.name,
        axes=info.axes,
        mask=mask,
        # What a scaled count lost is read all the same.
        reads=np.where(mask, reads.mean(axis=others), 0.0),
        scaled=scaled,
        pattern=_pattern(interpretation, one, number, info.spatial, without),
        arrivals=_arrivals(interpretation, one, number, without),
        density=support_of(report, layer, input=input).density,
        context=one.context,
        bounds=one.bounds,
    )


def _context(
    interpretation: Interpretation, value: int, number: int
) -> Collection[tuple[int, int]]:
    """The operands that aren't followed: context, but where it is all that a value reads."""
    if (value, number) in interpretation.whole:
        return ()
    return {(node, place) for node, place, index in interpretation.alike if index == number}


def _counted(
    interpretation: Interpretation, layer: Layer, number: int, without: Collection[tuple[int, int]]
) -> tuple[Counts, bool]:
    """Ways to each element of the input, over its whole shape."""
    graph, value = interpretation.graph, layer._value
    source = graph.inputs[number]
    found = paths.walk(graph, {value: np.ones((1,) * len(layer.shape))}, without=without)
    shape = graph.shape(source)
    counts = found.counts.get(source)
    if counts is None:
        return np.zeros(shape), False
    return paths.written_out(counts, shape), found.scaled


def _pattern(
    interpretation: Interpretation,
    layer: Layer,
    number: int,
    spatial: tuple[int, ...],
    without: Collection[tuple[int, int]],
) -> Evenness | None:
    graph = interpretation.graph
    try:
        found = patterns.backwards(graph, layer._value, graph.inputs[number], without=without)
    except NotImplementedError:
        return None
    return _even(found, spatial)


def _arrivals(
    interpretation: Interpretation, layer: Layer, number: int, without: Collection[tuple[int, int]]
) -> Evenness | None:
    graph = interpretation.graph
    try:
        found = patterns.forwards(graph, layer._value, graph.inputs[number], without=without)
    except NotImplementedError:
        return None
    return _even(found, layer.spatial)


def _even(counts: Counts | None, spatial: tuple[int, ...]) -> Evenness | None:
    """One period over the spatial axes, scaled to a mean of 1."""
    if counts is None or not counts.any():
        return None
    others = tuple(axis for axis in range(counts.ndim) if axis not in spatial)
    over = np.asarray(counts.mean(axis=others))
    return Evenness(over / over.mean())
