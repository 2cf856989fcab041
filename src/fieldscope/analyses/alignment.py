"""Alignment: at every join, whether the branches see the same place of the input.

A sum, product or concatenation of maps takes position i of each branch for the same place. It
is, where the branches have the same stride and their positions the same centre on the input.
Even kernels, padding on one side only, crops and transposed convolutions shift the centre.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, Literal, TypeAlias

from fieldscope.analyses.centres import Grid, grid_of
from fieldscope.analyses.costs import trace_of
from fieldscope.analyses.export import plain
from fieldscope.analyses.layers import InputInfo, Report
from fieldscope.geometry.layout import position_axes
from fieldscope.graph.graph import Node
from fieldscope.graph.operators import Concat, Overwrite, Pointwise
from fieldscope.interpret import Interpretation, ValueFields, interpret
from fieldscope.media import Result
from fieldscope.version import __version__

Verdict: TypeAlias = Literal["aligned", "shifted", "strides differ", "not comparable"]
"""What is found at a join: shifted is a matter of centres, not comparable of fields that have
none, since they aren't periodic."""


@dataclass(frozen=True, slots=True)
class Branch:
    """What comes to a join from one side.

    Attributes:
        layer: the layer that made it, or the input.
        stride: per axis; None where the field has no grid.
        centre: of position 0 on the unbounded plane, per axis, in elements: element k is centred
            at k. Where the field has phases, their mean.
        offset: of that centre from the first branch's, per axis, in input elements; None where
            strides differ or one has no grid.
    """

    layer: str
    stride: tuple[int | Fraction | None, ...]
    centre: tuple[Fraction | None, ...]
    offset: tuple[Fraction | None, ...]


@dataclass(frozen=True, slots=True)
class Join:
    """A place where branches come together.

    Attributes:
        layer: the layer that joins them.
        source: the framework's operator.
        branches: at least two, in the order of the operands.
        verdict: the worst of the axes.
    """

    layer: str
    source: str
    branches: tuple[Branch, ...]
    verdict: Verdict

    @property
    def aligned(self) -> bool:
        """Whether all branches see the same place."""
        return self.verdict == "aligned"

    @property
    def offset(self) -> tuple[Fraction | None, ...]:
        """The largest offset between two branches, per axis; None where there is none to tell."""
        return tuple(
            _reach(column) for column in zip(*(one.offset for one in self.branches), strict=True)
        )


def _reach(offsets: Sequence[Fraction | None]) -> Fraction | None:
    known = [one for one in offsets if one is not None]
    return max(known) - min(known) if len(known) == len(offsets) else None


@dataclass(frozen=True, repr=False)
class Alignment(Result):
    """The joins of a model and whether their branches are aligned.

    Attributes:
        model: name of the model.
        input: name of the input.
        axes: names of its spatial axes.
        joins: in execution order; those inside a layer only where they aren't aligned.

    Example:
        >>> import fieldscope
        >>> b = fieldscope.Builder()
        >>> x = b.input((1, 1, 16))
        >>> _ = b.add(b.conv(x, 2, padding=((0, 1),)), x, name="join")
        >>> found = fieldscope.alignment(b)
        >>> found.misaligned[0].layer, found.misaligned[0].offset
        ('join', (Fraction(1, 2),))
    """

    model: str
    input: str
    axes: tuple[str, ...]
    joins: tuple[Join, ...]

    @cached_property
    def by_name(self) -> dict[str, Join]:
        """The joins by the layer's name."""
        return {join.layer: join for join in self.joins}

    @property
    def misaligned(self) -> tuple[Join, ...]:
        """The joins whose branches are shifted or have different strides."""
        return tuple(one for one in self.joins if one.verdict in ("shifted", "strides differ"))

    def to_dict(self) -> dict[str, Any]:
        """The joins as plain data, schema `fieldscope.alignment/1`; fractions are texts."""
        return {
            "schema": "fieldscope.alignment/1",
            "version": __version__,
            "model": self.model,
            "input": {"name": self.input, "axes": list(self.axes)},
            "misaligned": len(self.misaligned),
            "joins": [
                {
                    "layer": join.layer,
                    "source": join.source,
                    "verdict": join.verdict,
                    "offset": plain(join.offset),
                    "branches": [
                        {
                            "layer": branch.layer,
                            "stride": plain(branch.stride),
                            "centre": plain(branch.centre),
                            "offset": plain(branch.offset),
                        }
                        for branch in join.branches
                    ],
                }
                for join in self.joins
            ],
        }


def alignment_of(report: Report, input: str | None = None) -> Alignment:
    """The joins of a model along one input; see `fieldscope.alignment`.

    Raises:
        InputError: the input doesn't exist or must be named, has no spatial axes, or the report
            was not made by an analysis.
    """
    info, first = report.output._input(input)
    joins = tuple(_Joins(report, info, first).all())
    return Alignment(report.model, info.name, info.axes, joins)


class _Joins:
    """Finds the joins of one report along one input."""

    def __init__(self, report: Report, info: InputInfo, first: int) -> None:
        self._trace = trace_of(report)
        interpretation = report._interpretation
        assert interpretation is not None, "a report with a trace has its interpretation"
        self._given: Interpretation = interpretation
        self._places = range(first, first + len(info.spatial))
        self._number = [one.name for one in report.inputs].index(info.name)
        self._owners = self._trace.owners()
        self._inputs = dict(zip(self._given.graph.inputs, report.inputs, strict=True))
        self._grids: dict[int, tuple[Grid | None, ...]] = {}
        self._fields = self._known()

    def _known(self) -> dict[int, ValueFields]:
        """The fields of all that is joined, found anew where the report hasn't kept them."""
        graph = self._given.graph
        needed = {operand for _, node in self._nodes() for operand in node.operands}
        if needed <= self._given.fields.keys():
            return self._given.fields
        spatial = [one.spatial for one in self._trace.inputs]
        return interpret(graph, spatial, keep=needed).fields

    def _nodes(self) -> Iterator[tuple[int, Node]]:
        for value, node in enumerate(self._given.graph.nodes):
            if len(node.operands) > 1 and isinstance(node.operator, (Pointwise, Concat, Overwrite)):
                yield value, node

    def all(self) -> Iterator[Join]:
        entering = self._trace.entering()
        seen: set[str] = set()
        for value, node in self._nodes():
            name = self._owners[value]
            join = self._join(value, node, name)
            if join is None:
                continue
            # A norm adds its own statistics; that is no place where branches of the network meet.
            inside = len(entering.get(name, ())) < 2
            if (inside and join.verdict in ("aligned", "not comparable")) or (
                name in seen and join.aligned
            ):
                continue
            seen.add(name)
            yield join

    def _join(self, value: int, node: Node, name: str) -> Join | None:
        operator, ndim = node.operator, len(node.shape)
        branches = [
            operand
            for k, operand in enumerate(node.operands)
            if (value, k, self._number) not in self._given.alike and self._reads(operand)
        ]
        if len(set(branches)) < 2:
            return None
        # Put one after another along an axis, positions are other places on purpose.
        along = operator.axis - ndim if isinstance(operator, (Concat, Overwrite)) else None
        grids = [self._grid(operand) for operand in branches]
        if any(one is not None and one.axis == along for row in grids for one in row):
            return None
        origin = node.origin
        source = self._trace.origins[origin].source if origin >= 0 else ""
        names = [self._name(one) for one in branches]
        return _joined(name, source or type(operator).__name__.lower(), names, grids)

    def _reads(self, operand: int) -> bool:
        """Whether a value has positions and reads the input."""
        fields = self._fields[operand]
        if all(fields.hulls[place] is None for place in self._places):
            return False
        return bool(position_axes(fields.layout))

    def _grid(self, operand: int) -> tuple[Grid | None, ...]:
        if operand not in self._grids:
            fields = self._fields[operand]
            self._grids[operand] = tuple(grid_of(fields, place) for place in self._places)
        return self._grids[operand]

    def _name(self, value: int) -> str:
        if value in self._inputs:
            return self._inputs[value].name
        return self._owners[value] or f"%{value}"


def _joined(
    layer: str, source: str, names: Sequence[str], grids: Sequence[tuple[Grid | None, ...]]
) -> Join:
    """The join of branches with such grids, one per axis."""
    columns = [_offsets(column) for column in zip(*grids, strict=True)]
    verdicts = [verdict for verdict, _ in columns]
    known: Verdict = "not comparable"
    worst = next((one for one in _WORST_FIRST if one in verdicts), known)
    branches = tuple(
        Branch(
            layer=name,
            stride=tuple(None if one is None else one.stride for one in row),
            centre=tuple(None if one is None else one.centre for one in row),
            offset=tuple(offsets[k] for _, offsets in columns),
        )
        for k, (name, row) in enumerate(zip(names, grids, strict=True))
    )
    return Join(layer, source, branches, worst)


_WORST_FIRST: tuple[Verdict, ...] = ("strides differ", "shifted", "aligned")


def _offsets(column: Sequence[Grid | None]) -> tuple[Verdict, list[Fraction | None]]:
    """The verdict along one axis, and how far each branch's centre lies from the first one's."""
    known = [one for one in column if one is not None]
    if len(known) < len(column):
        return "not comparable", [None] * len(column)
    first = known[0]
    if any((one.stride, one.axis) != (first.stride, first.axis) for one in known):
        return "strides differ", [None] * len(column)
    offsets: list[Fraction | None] = [one.centre - first.centre for one in known]
    return ("shifted" if any(offsets) else "aligned"), offsets
