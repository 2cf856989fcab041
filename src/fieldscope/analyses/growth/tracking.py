"""Which layers set the edges of a field: its two outermost elements, followed back to the input.

The affine domain is walked once more with every bound multiplied by a large number, so that a
mark has room below: the path by which the bound came. Windows, movements and unions carry marks
along, since they only add multiples and take minima; behind each node the bounds get new marks.
So an edge is followed through all operators, per channel, without knowing any of them.

Along its path an edge moves by a number of elements at each node. Those of both edges add up to
the field's size less one, by construction: r₀ = 1 + Σ (k_eff,l − 1) Π s_i, summed over the
path that is longest (Araujo, Norris, Sim, *Computing Receptive Fields of Convolutional Neural
Networks*, Distill 2019, doi 10.23915/distill.00021, with branches).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from fieldscope.analyses.layers import InputInfo, Report
from fieldscope.domains import affine
from fieldscope.domains import layout as layouts_of
from fieldscope.geometry.bounds import EMPTY, FAR, Bounds
from fieldscope.geometry.layout import Kind, Layout, position_axes, whole_planes
from fieldscope.geometry.planes import Affine
from fieldscope.graph.graph import Graph
from fieldscope.graph.operators import (
    Constant,
    Expand,
    Input,
    Operator,
    Permute,
    Pointwise,
    Reshape,
)
from fieldscope.interpret import ValueFields, interpret

_BITS = 25
"""Of a bound, for its mark; above them bounds have room for 2³⁴ elements."""
_ROOM = 1 << _BITS
_PREFERRED = _ROOM // 2
"""Marks below this are of paths that are preferred, so that they win where bounds are alike."""


_REORDERING = (Expand, Permute, Reshape)


@dataclass(frozen=True, slots=True)
class Moves:
    """How the edges of a field came about, along one axis.

    Attributes:
        size: the field's size.
        by_node: elements that each node on the paths moves the edges apart; they add up to
            the size less one. Negative where it brings them together.
    """

    size: int
    by_node: Mapping[int, int | Fraction]


@dataclass(frozen=True, slots=True)
class Graphed:
    """A graph with what the walk needs to know: its values' layouts, and what is context."""

    graph: Graph
    fields: Mapping[int, ValueFields]
    alike: frozenset[tuple[int, int, int]]
    nodes: tuple[int, ...]
    target: int


def graphed(report: Report, value: int) -> Graphed:
    """What is needed to follow the edges of a value's field."""
    interpretation, trace = report._interpretation, report._trace
    assert interpretation is not None, "a report with a trace has its interpretation"
    assert trace is not None, "asked for before"
    graph = interpretation.graph
    nodes = ancestors(graph, value)
    again = interpret(graph, [one.spatial for one in trace.inputs], keep=nodes)
    return Graphed(graph, again.fields, interpretation.alike, nodes, value)


def ancestors(graph: Graph, value: int) -> tuple[int, ...]:
    """The nodes that a value depends on, itself included, in order."""
    found, waiting = {value}, [value]
    while waiting:
        for operand in graph.nodes[waiting.pop()].operands:
            if operand not in found:
                found.add(operand)
                waiting.append(operand)
    return tuple(sorted(found))


def moves_of(given: Graphed, info: InputInfo, number: int, axis: int) -> Moves | None:
    """Follow both edges of a value's field along one axis of an input.

    Where bounds of several paths are alike, both edges take the same one if they can.

    Args:
        given: the graph and the value.
        info: the input.
        number: which input it is.
        axis: which of its spatial axes.

    Returns:
        The moves; None where the field is global, empty or not periodic.
    """
    low, high, size = None, None, 0
    preferred: frozenset[int] = frozenset()
    # First the lower edge is followed, then the upper one by the same path where it can, then
    # the lower one by that of the upper one.
    for turn in range(3):
        walk = _Walk(given, info.spatial[axis], number, preferred)
        edges = walk.edges()
        if edges is None:
            return None
        size, low, high = edges
        paths = [frozenset(node for node, _ in walk.path(side, mark)) for side, mark in
                 ((0, low), (1, high))]  # fmt: skip
        if paths[0] == paths[1] or turn == 2:
            break
        preferred = paths[turn]
    assert low is not None, "there was a walk"
    assert high is not None, "there was a walk"
    total: dict[int, int | Fraction] = {}
    for side, mark in ((0, low), (1, high)):
        for node, moved in walk.path(side, mark):
            # Both bounds are minima, of lo and of −hi: what makes them smaller widens the field.
            total[node] = total.get(node, 0) - moved
    return Moves(size, {node: _whole(total[node]) for node in sorted(total)})


def _whole(number: int | Fraction) -> int | Fraction:
    return int(number) if number == int(number) else number


def _applied(
    given: Graphed,
    value: int,
    operator: Operator,
    operands: Sequence[affine.Field],
    number: int,
) -> tuple[affine.Field, Layout]:
    """The field that an operator in a node's place makes of fields of its operands."""
    node = given.graph.nodes[value]
    own = tuple(given.fields[operand].layout for operand in node.operands)
    if type(operator) is Pointwise and len(operands) == 1 and own[0].shape == node.shape:
        return operands[0], own[0]
    ready = layouts_of.prepared(operator, own, node.shape)
    result = layouts_of.result(operator, ready, node.shape)
    fields = [
        None
        if (value, place, number) in given.alike
        else affine.convert(field, own[place], ready[place])
        for place, field in enumerate(operands)
    ]
    return affine.apply(operator, fields, ready, result), result


def size_under(
    given: Graphed, operators: Mapping[int, Operator], number: int, index: int
) -> int | float | None:
    """The size that the value's field would have with other operators of the same shape.

    Args:
        given: the graph and the value.
        operators: other operators, by node.
        number: which input it is.
        index: which spatial axis, counted over all inputs.

    Returns:
        The size; None where the field would be global or not periodic.
    """
    found: dict[int, affine.Field] = {}
    for value in given.nodes:
        node = given.graph.nodes[value]
        if value not in operators and found.keys().isdisjoint(node.operands):
            continue
        operands = [
            found[one] if one in found else given.fields[one].affines[index]
            for one in node.operands
        ]
        operator = operators.get(value, node.operator)
        found[value] = _applied(given, value, operator, operands, number)[0]
    target = given.target
    fields = given.fields[target]
    field = found[target] if target in found else fields.affines[index]
    if not isinstance(field, Affine):
        return None
    scaled = Affine(
        field.steps, np.where(np.abs(field.bounds) < FAR, field.bounds << _BITS, field.bounds)
    )
    edges = _largest(scaled, fields.layout)
    return None if edges is None else edges[0]


class _Walk:
    """One walk with marks along one axis of an input."""

    def __init__(self, given: Graphed, axis: int, number: int, preferred: Collection[int]) -> None:
        self._given = given
        self._axis = axis
        self._number = number
        self._preferred = preferred
        # For each edge and mark: the node, the mark before, and where the edge is, beside the
        # place that the position has by its stride.
        self._marks: tuple[dict[int, _Mark], dict[int, _Mark]] = ({}, {})
        self._next = [0, _PREFERRED]

    def edges(self) -> tuple[int, int, int] | None:
        """Size of the target's largest field, and the marks of its edges."""
        given = self._given
        found: dict[int, affine.Field] = {}
        for value in given.nodes:
            found[value] = self._field(value, found)
        field, layout = found[given.target], given.fields[given.target].layout
        if not isinstance(field, Affine):
            return None
        return _largest(field, layout)

    def path(self, side: int, mark: int) -> list[tuple[int, int | Fraction]]:
        """The nodes of an edge's path from the end, each with how far it moves its bound."""
        found: list[tuple[int, int | Fraction]] = []
        marks = self._marks[side]
        while True:
            one = marks[mark]
            if one.before is None:
                return found
            found.append((one.node, one.at - marks[one.before].at))
            mark = one.before

    def _field(self, value: int, found: Mapping[int, affine.Field]) -> affine.Field:
        given = self._given
        node, layout = given.graph.nodes[value], given.fields[value].layout
        operator = node.operator
        if isinstance(operator, Constant):
            return None
        if isinstance(operator, Input):
            if operator.index != self._number:
                return None
            start = affine.start(layout, self._axis)
            steps = tuple(step * _ROOM for step in start.steps)
            return self._marked(value, Affine(steps, start.bounds[:1] * _ROOM), layout)
        operands = [found[operand] for operand in node.operands]
        made, made_in = _applied(given, value, operator, operands, self._number)
        if not isinstance(made, Affine) or made is operands[0]:
            return made
        return self._marked(value, made, made_in)

    def _marked(self, value: int, field: Affine, layout: Layout) -> Affine:
        """Give the bounds of a field marks of this node in place of those before."""
        bounds = field.bounds[:1].copy()
        places = _places(field, layout, bounds.shape[2:])
        for side in (0, 1):
            part = bounds[0, side]
            known = np.abs(part) < FAR
            before, at = part[known] & (_ROOM - 1), part[known] >> _BITS
            phases = np.broadcast_to(places, part.shape)[known]
            new = self._numbered(value, side, before, at, phases, field, layout)
            part[known] = (at << _BITS) + new
        return Affine(field.steps, bounds)

    def _numbered(
        self,
        value: int,
        side: int,
        before: Bounds,
        at: Bounds,
        places: Bounds,
        field: Affine,
        layout: Layout,
    ) -> Bounds:
        """The mark of each bound: one for those that came the same way."""
        ends, end = np.unique(at, return_inverse=True)
        turns, turn = np.unique(places, return_inverse=True)
        keys = (before * len(turns) + turn.reshape(-1)) * len(ends) + end.reshape(-1)
        _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
        unit = _period(field, layout) * _ROOM
        node = self._given.graph.nodes[value]
        source, reorders = not node.operands, isinstance(node.operator, _REORDERING)
        ways: list[tuple[Fraction, int, int]] = []
        unique = zip(*(column[first].tolist() for column in (before, at, places)), strict=True)
        for k, (old, bound, place) in enumerate(unique):
            anchor = Fraction(place, unit)
            here = bound - anchor if side == 0 else bound + anchor
            # What only reorders elements moves no edge, whatever becomes of their places.
            ways.append((self._marks[side][old].at if reorders else here, old, k))
        marks = np.empty(len(ways), dtype=np.int64)
        # Where positions have the same edge, it counts for the window that reaches over them:
        # the outermost position comes first.
        for here, old, k in sorted(ways, key=lambda way: (-way[0], way[1])):
            worse = not source and (value not in self._preferred or old >= _PREFERRED)
            marks[k] = self._next[worse]
            self._marks[side][self._next[worse]] = _Mark(value, None if source else old, here)
            self._next[worse] += 1
        found: Bounds = marks[inverse.reshape(-1)]
        return found


@dataclass(frozen=True, slots=True)
class _Mark:
    node: int
    before: int | None
    at: Fraction


def _places(field: Affine, layout: Layout, shape: tuple[int, ...]) -> Bounds:
    """Where each element of the bounds' period lies by its stride, times the period."""
    found = np.zeros((1,) * len(shape), dtype=np.int64)
    for k, step in enumerate(field.steps):
        if step:
            line = np.arange(shape[k], dtype=np.int64) * (
                step * (_period(field, layout) // shape[k])
            )
            found = found + line.reshape([-1 if j == k else 1 for j in range(len(shape))])
    return found


def _period(field: Affine, layout: Layout) -> int:
    """A common multiple of the periods of all factors that the field moves along."""
    period = 1
    for k in range(len(layout.factors)):
        if field.steps[k]:
            period = int(np.lcm(period, field.bounds.shape[2 + k]))
    return period


def _largest(field: Affine, layout: Layout) -> tuple[int, int, int] | None:
    """The largest field of any position, all channels united: its size, and both edges' marks."""
    merged = affine.convert(field, layout, whole_planes(layout))
    assert isinstance(merged, Affine), "a plane and its inside always merge"
    field, layout = merged, whole_planes(layout)
    positions = {k for axis in position_axes(layout) for k in layout.span(axis)}
    # Channels are united; positions aren't.
    rest = tuple(
        k
        for k, factor in enumerate(layout.factors)
        if k not in positions or factor.kind <= Kind.PLAIN
    )
    lo, minus_hi = (part.min(axis=rest).ravel() for part in field.bounds[0])
    read = lo < EMPTY // 2
    if not read.any() or (np.abs(lo[read]) >= FAR).any():
        return None
    sizes = np.where(read, -((lo >> _BITS) + (minus_hi >> _BITS)), 0)
    best = int(sizes.argmax())
    mask = _ROOM - 1
    return int(sizes[best]), int(lo[best]) & mask, int(minus_hi[best]) & mask
