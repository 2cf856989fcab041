"""The interpreter: one walk over a graph that gives every value its fields.

Per node: bring the operands' layouts into the form that the operator needs, decide
which operands are *context*, then let each domain apply the operator. Values are freed
when their last reader has run, unless they are asked for.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from fieldscope.domains import affine, hull, narrowest
from fieldscope.domains import layout as layouts_of
from fieldscope.domains.affine import LOST
from fieldscope.domains.hull import Hull
from fieldscope.geometry.bounds import FAR, GLOBAL, LEADING
from fieldscope.geometry.layout import Factor, Kind, Layout, Rank, has_less_space, plain, rank
from fieldscope.graph.graph import Graph, Node
from fieldscope.graph.masks import with_pairs
from fieldscope.graph.operators import Concat, Constant, Contract, Input, Opaque, Pointwise


@dataclass(frozen=True, slots=True)
class SpatialAxis:
    """One spatial axis of one input: what fields are measured along."""

    input: int
    axis: int
    extent: int


Context: TypeAlias = frozenset[tuple[int, int]]
"""Nodes at which dependence on the whole of an input entered, as (node, input)."""


Span: TypeAlias = tuple[int, int] | None
"""An interval [lo, hi), or None for nothing."""


@dataclass(frozen=True, slots=True)
class ValueFields:
    """What every element of a value reads, one entry per spatial axis of the inputs.

    `context` are the nodes at which dependence on a whole input entered, with the input;
    `bounds` the opaque nodes on the way; `spans` what the context reads of each axis.
    """

    layout: Layout
    hulls: tuple[Hull | None, ...]
    affines: tuple[affine.Field, ...]
    context: Context = frozenset()
    bounds: frozenset[int] = frozenset()
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Interpretation:
    """The fields of the values asked for, and the graph with what passes found out about it.

    `alike` are the operands that are context, as (node, place among its operands, input);
    `whole` the values without space that read an input as context alone, as (value, input):
    there context is the field.
    """

    graph: Graph
    axes: tuple[SpatialAxis, ...]
    fields: dict[int, ValueFields]
    alike: frozenset[tuple[int, int, int]] = frozenset()
    whole: frozenset[tuple[int, int]] = frozenset()


def interpret(
    graph: Graph,
    spatial: Sequence[tuple[int, ...]],
    *,
    keep: Collection[int] | None = None,
    fold_context: bool = False,
) -> Interpretation:
    """Compute the fields of a graph's values.

    Args:
        graph: graph of canonical operators.
        spatial: the spatial axes of each input.
        keep: values to return; None for all.
        fold_context: count context as part of the field.

    Example:
        >>> from fieldscope.geometry.sliding import Sliding
        >>> from fieldscope.graph.graph import GraphBuilder
        >>> from fieldscope.graph.operators import Window
        >>> builder = GraphBuilder()
        >>> x = builder.input((1, 1, 8))
        >>> y = builder.add(Window((2,), (Sliding(3, before=1),)), (x,), (1, 1, 8))
        >>> fields = interpret(builder.build(), [(2,)]).fields[y]
        >>> [part[0].tolist() for part in fields.hulls[0]]
        [[[[[0, 0, 1, 2, 3, 4, 5, 6]]], [[[-2, -3, -4, -5, -6, -7, -8, -8]]]]]
    """
    graph = with_pairs(graph)
    axes = tuple(
        SpatialAxis(index, axis, graph.shape(value)[axis])
        for index, value in enumerate(graph.inputs)
        for axis in spatial[index]
    )
    walk = _Walk(graph, axes, spatial, fold_context=fold_context)
    last = _last_uses(graph)
    wanted = None if keep is None else set(keep)
    values: dict[int, ValueFields] = {}
    kept: dict[int, ValueFields] = {}
    for value, node in enumerate(graph.nodes):
        operands = [values[operand] for operand in node.operands]
        values[value] = walk.node(value, node, operands)
        if wanted is None or value in wanted:
            kept[value] = values[value]
        for operand in node.operands:
            if last[operand] == value:
                values.pop(operand, None)
    return Interpretation(graph, axes, kept, frozenset(walk.alike), frozenset(walk.whole))


def _last_uses(graph: Graph) -> dict[int, int]:
    return {operand: value for value, node in enumerate(graph.nodes) for operand in node.operands}


class _Walk:
    """The meaning of one node after the other."""

    __slots__ = ("alike", "axes", "fold_context", "graph", "spatial", "whole")

    def __init__(
        self,
        graph: Graph,
        axes: tuple[SpatialAxis, ...],
        spatial: Sequence[tuple[int, ...]],
        *,
        fold_context: bool,
    ) -> None:
        self.graph = graph
        self.axes = axes
        self.spatial = spatial
        self.fold_context = fold_context
        self.alike: set[tuple[int, int, int]] = set()
        self.whole: set[tuple[int, int]] = set()

    def node(self, value: int, node: Node, operands: list[ValueFields]) -> ValueFields:
        """Fields of a node's result."""
        operator = node.operator
        if not operands:
            return self._source(node)
        if (
            type(operator) is Pointwise
            and len(operands) == 1
            and self.graph.shape(node.operands[0]) == node.shape
        ):
            return operands[0]
        given = tuple(operand.layout for operand in operands)
        ready = layouts_of.prepared(operator, given, node.shape)
        result = layouts_of.result(operator, ready, node.shape)
        context, bounds = operands[0].context, operands[0].bounds
        for operand in operands[1:]:
            context, bounds = context | operand.context, bounds | operand.bounds
        if type(operator) is Opaque or (type(operator) is Contract and operator.bound):
            bounds |= {value}
        folded = self._context(operator, operands, given)
        self.alike.update((value, k, index) for k, index in folded)
        context |= {(value, index) for _, index in folded}
        spans = self._spans(operands, folded) if context else ()
        hulls: list[Hull | None] = []
        affines: list[affine.Field] = []
        for index, axis in enumerate(self.axes):
            hull_of, affine_of = [], []
            for k, operand in enumerate(operands):
                one, other = operand.hulls[index], operand.affines[index]
                if (k, axis.input) in folded:
                    one = other = None
                elif given[k] is not ready[k] and given[k] != ready[k]:
                    one = one and hull.convert(one, given[k], ready[k])
                    other = affine.convert(other, given[k], ready[k])
                hull_of.append(one)
                affine_of.append(other)
            field = affine.apply(operator, affine_of, ready, result)
            if field is LOST:
                hull_of = [
                    narrowest.carried_over(one, other, operand, axis.extent)
                    for one, other, operand in zip(hull_of, affine_of, ready, strict=True)
                ]
            found = hull.apply(operator, hull_of, ready, result, axis.extent)
            span = spans[index] if spans else None
            if span is not None and self._reads_nothing_else(found, result):
                found, field = hull.constant(*span, result), affine.everything(result)
                self.whole.add((value, axis.input))
            affines.append(field)
            hulls.append(found)
        if type(operator) is Concat:
            result = _stacked(operator.axis, given, hulls, result)
        return ValueFields(result, tuple(hulls), tuple(affines), context, bounds, spans)

    def _spans(self, operands: list[ValueFields], folded: set[tuple[int, int]]) -> tuple[Span, ...]:
        """What the context of some operands, and those that are context now, read of each axis."""
        found: list[Span] = []
        for index, axis in enumerate(self.axes):
            read = [operand.spans[index] for operand in operands if operand.spans]
            for k, operand in enumerate(operands):
                one = operand.hulls[index]
                if (k, axis.input) in folded and one is not None:
                    read.append(hull.cover(one))
            known = [span for span in read if span is not None]
            found.append((min(a for a, _ in known), max(b for _, b in known)) if known else None)
        return tuple(found)

    @staticmethod
    def _reads_nothing_else(found: Hull | None, layout: Layout) -> bool:
        """Whether a value without space reads an input as context alone.

        It has no positions that could read it alike: context is then its field.
        """
        if rank(layout) is not Rank.NONE:
            return False
        if found is None:
            return True
        low, high = hull.cover(found)
        return low >= high

    def _source(self, node: Node) -> ValueFields:
        layout = plain(node.shape)
        nothing = (None,) * len(self.axes)
        if not isinstance(node.operator, Input):
            if not isinstance(node.operator, Constant):
                message = f"{type(node.operator).__name__} needs operands"
                raise ValueError(message)
            return ValueFields(layout, nothing, nothing)
        index = node.operator.index
        layout = Layout(
            tuple(
                (Factor(extent, self._kind(index, axis)),) for axis, extent in enumerate(node.shape)
            )
        )
        mine = [axis.input == index for axis in self.axes]
        return ValueFields(
            layout,
            tuple(
                hull.start(layout, axis.axis) if own else None
                for own, axis in zip(mine, self.axes, strict=True)
            ),
            tuple(
                affine.start(layout, axis.axis) if own else None
                for own, axis in zip(mine, self.axes, strict=True)
            ),
        )

    def _kind(self, index: int, axis: int) -> Kind:
        if axis in self.spatial[index]:
            return Kind.PLANE
        return Kind.PLAIN if axis else Kind.BATCH

    def _context(
        self, operator: object, operands: list[ValueFields], given: tuple[Layout, ...]
    ) -> set[tuple[int, int]]:
        """The operands that are context, as (operand, input).

        An operand without extent along space, joined to one that has it, is context if
        it reads all that the other reads as a whole.
        """
        if self.fold_context or len(operands) < 2:
            return set()
        if not isinstance(operator, (Pointwise, Concat, Contract)):
            return set()
        ranks = [rank(layout) for layout in given]
        top = max(ranks)
        if not any(has_less_space(one, top) for one in ranks):
            return set()
        if isinstance(operator, Concat) and any(
            any(factor.kind > Kind.PLAIN for factor in layout.axes[operator.axis])
            for layout, ranked in zip(given, ranks, strict=True)
            if ranked == top
        ):
            return set()  # put at certain positions: not alike for all
        found = set()
        for k, operand in enumerate(operands):
            if not has_less_space(ranks[k], top) or operand.bounds:
                continue  # a bound may be the map's own field: it stays with it
            for index in {axis.input for axis in self.axes}:
                places = [n for n, axis in enumerate(self.axes) if axis.input == index]
                if any(operand.hulls[n] is not None for n in places) and all(
                    _covers(
                        operand.hulls[n],
                        [operands[m].hulls[n] for m in range(len(operands)) if ranks[m] == top],
                    )
                    for n in places
                ):
                    found.add((k, index))
        return found


def _stacked(
    axis: int, given: tuple[Layout, ...], hulls: list[Hull | None], result: Layout
) -> Layout:
    """Positions put one after another are an axis of positions again, as in a loop over time."""
    if any(rank(layout) or layout.shape[axis] != 1 for layout in given):
        return result
    (factor,) = result.span(axis)
    if not any(part.shape[LEADING + factor] != 1 for found in hulls for part in found or ()):
        return result  # alike: channels
    return result.replaced(axis, (Factor(result.shape[axis], Kind.SPATIAL),))


def _covers(one: Hull | None, others: Sequence[Hull | None]) -> bool:
    """Whether each element of one reads all that the others read as a whole."""
    spans = [hull.cover(other) for other in others if other is not None]
    spans = [(lo, hi) for lo, hi in spans if lo < hi]
    if not spans:
        return True
    if one is None:
        return False
    whole = hull.joined(one)[0] if len(one) > 1 else one[0][0]
    reads = whole[0] < FAR
    if not reads.any():
        return False  # what reads nothing can be no context
    low, high = (
        whole[0].max(where=reads, initial=GLOBAL),
        -whole[1].max(where=reads, initial=GLOBAL),
    )
    return bool(low <= min(lo for lo, _ in spans) and high >= max(hi for _, hi in spans))
