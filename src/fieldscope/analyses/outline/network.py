"""A traced network made ready for outlines: its nodes as places, its layers and its blocks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fieldscope.analyses.costs import products_of, trace_of
from fieldscope.analyses.layers import Layer, Report
from fieldscope.analyses.outline.places import Place
from fieldscope.analyses.outline.planes import START
from fieldscope.analyses.outline.rules import applied
from fieldscope.analyses.outline.values import MERGED, NOWHERE, Value, lost
from fieldscope.analyses.outline.windows import Border, border_of
from fieldscope.analyses.steps import Step, steps_of
from fieldscope.graph.graph import Node
from fieldscope.graph.operators import Constant, Input, Pointwise, Spread, Table, Window
from fieldscope.graph.trace import Trace


@dataclass(frozen=True, slots=True)
class Block:
    """A module as a part of the graph that can be taken out or repeated.

    Attributes:
        name: its path.
        kind: class of a container, or a layer's operator.
        nodes: the nodes inside, in order.
        entering: the value that enters it.
        leaving: the value that leaves it.
        layers: its layers.
        container: whether it holds other modules.
        module: whether a module stands behind it, and not a call of a function.
    """

    name: str
    kind: str
    nodes: tuple[int, ...]
    entering: int
    leaving: int
    layers: tuple[str, ...]
    container: bool
    module: bool = True


@dataclass(frozen=True, slots=True)
class Network:
    """What an outline stands on.

    Attributes:
        trace: the trace.
        input: name of the input that is looked at.
        places: one per node of the graph.
        values: what each node makes in the network as it is.
        source: the node of that input.
        axes: places of the input's spatial axes in its shape.
        steps: the layers in the network as it is, by name.
        made: the nodes of each layer.
        entering: the values that enter each layer.
        ending: the layers that are complete with each node.
        calls: the layers of each module, by the module's path: more than one where it is
            called several times.
        blocks: modules that one value enters and one leaves, by path.
        pinned: nodes whose field isn't followed.
        outputs: the values that leave the network.
    """

    trace: Trace
    input: str
    places: tuple[Place, ...]
    values: tuple[Value, ...]
    source: int
    axes: tuple[int, ...]
    steps: Mapping[str, Step]
    made: Mapping[str, tuple[int, ...]]
    entering: Mapping[str, tuple[int, ...]]
    ending: Mapping[int, tuple[str, ...]]
    calls: Mapping[str, tuple[str, ...]]
    blocks: Mapping[str, Block]
    pinned: frozenset[int]
    outputs: frozenset[int]


def network_of(report: Report, input: str | None) -> Network:
    """Make a report's network ready; see `fieldscope.analyses.outline.outline_of`."""
    trace = trace_of(report)
    info, _ = report.output._input(input)
    source = trace.graph.inputs[[one.name for one in trace.inputs].index(info.name)]
    steps = {step.layer.name: step for step in steps_of(report, info.name)}
    places, values, pinned = _followed(report, info.name, source, info.spatial)
    owners = trace.owners()
    made: dict[str, list[int]] = {}
    for value, owner in enumerate(owners):
        made.setdefault(owner, []).append(value)
    made.pop("", None)
    calls: dict[str, list[str]] = {}
    for name in made:
        calls.setdefault(module_of(name), []).append(name)
    return Network(
        trace=trace,
        input=info.name,
        places=places,
        values=values,
        source=source,
        axes=info.spatial,
        steps=steps,
        made={name: tuple(nodes) for name, nodes in made.items()},
        entering=trace.entering(),
        ending=_ending(steps, made),
        calls={name: tuple(layers) for name, layers in calls.items()},
        blocks=_blocks(trace, made),
        pinned=pinned,
        outputs=frozenset(value for _, value in trace.outputs),
    )


def _ending(steps: Mapping[str, Step], made: Mapping[str, list[int]]) -> dict[int, tuple[str, ...]]:
    found: dict[int, tuple[str, ...]] = {}
    for name, step in steps.items():
        last = max((*made.get(name, ()), step.layer._value))
        found[last] = (*found.get(last, ()), name)
    return found


def module_of(layer: str) -> str:
    """The path of a layer's module: that of each of its calls.

    >>> module_of("block.conv#2")
    'block.conv'
    """
    return layer.partition("#")[0]


def _followed(
    report: Report, input: str, source: int, axes: tuple[int, ...]
) -> tuple[tuple[Place, ...], tuple[Value, ...], frozenset[int]]:
    """The nodes as places, their values, and those whose field differs from the report's."""
    trace = trace_of(report)
    owners, graph = trace.owners(), trace.graph
    checked = {layer._value: layer for layer in (*report.layers, *report.containers)}
    weights = trace.parameters or {}
    found = [products_of(graph, node) for node in graph.nodes]
    kernels: dict[str, int] = {}
    for owner, (_, elements) in zip(owners, found, strict=True):
        kernels[owner] = kernels.get(owner, 0) + elements
    places: list[Place] = []
    values: list[Value] = []
    pinned: set[int] = set()
    for index, node in enumerate(graph.nodes):
        known = tuple(values[operand] for operand in node.operands)
        source_of = trace.origins[node.origin].source if node.origin >= 0 else ""
        place = Place(
            node=node,
            layer=owners[index] or "the model",
            known=known,
            borders=_borders(node, known),
            adaptive="adaptive" in source_of and isinstance(node.operator, (Table, Pointwise)),
            weights=max(0, weights.get(owners[index], 0) - kernels[owners[index]]),
            products=found[index],
        )
        if isinstance(node.operator, (Input, Constant)):
            value = _start(node, axes) if index == source else _nothing(node, len(axes))
        else:
            value = applied(place, known)
        layer = checked.get(index)
        if value.actual != node.shape or (layer is not None and not _agrees(value, layer, input)):
            value = lost(node.shape, known)
            pinned.add(index)
        places.append(place)
        values.append(value)
    return tuple(places), tuple(values), frozenset(pinned)


def _start(node: Node, axes: tuple[int, ...]) -> Value:
    return Value(node.shape, axes, (START,) * len(axes))


def _nothing(node: Node, axes: int) -> Value:
    return Value(node.shape, (NOWHERE,) * axes, (None,) * axes)


def _borders(node: Node, known: tuple[Value, ...]) -> tuple[Border, ...]:
    operator = node.operator
    if not isinstance(operator, (Window, Spread)):
        return ()
    found = []
    for axis, window in zip(operator.axes, operator.windows, strict=True):
        extent, out = known[0].shape[axis], node.shape[axis]
        if isinstance(operator, Window):
            found.append(border_of(window, extent, out, ceil=operator.ceil))
        else:
            more = out - (extent - 1) * window.stride - window.reach + 2 * window.before
            found.append(Border("fixed", more))
    return tuple(found)


def _agrees(value: Value, layer: Layer, input: str) -> bool:
    """Whether a value's fields are those that the report says."""
    field = layer.fields.get(input)
    if field is None or MERGED in value.at:
        return True
    for plane, size, narrow, stride in zip(
        value.planes, field.size, field.narrowest, field.stride, strict=True
    ):
        if plane is None:
            if size != 0:
                return False
        elif plane.phases and (plane.size, plane.narrowest, plane.stride) != (size, narrow, stride):
            return False
    return True


def is_module(trace: Trace, layer: str, node: int) -> bool:
    """Whether a layer is a module, by one of its nodes, and not a function that one calls."""
    origin = trace.graph.nodes[node].origin
    return trace.framework != "torch" or origin < 0 or trace.origins[origin].scope == layer


def _blocks(trace: Trace, made: Mapping[str, list[int]]) -> dict[str, Block]:
    """The modules that one value enters and one leaves, each called once."""
    users: dict[int, list[int]] = {}
    for value, node in enumerate(trace.graph.nodes):
        for operand in node.operands:
            users.setdefault(operand, []).append(value)
    outputs = {value for _, value in trace.outputs}
    found: dict[str, Block] = {}
    candidates = [(one.name, one.source, True) for one in trace.containers]
    candidates += [(one.name, one.source, False) for one in trace.layers]
    taken = {name for name, *_ in candidates}
    for name, kind, container in candidates:
        if "#" in name or f"{name}#2" in taken:
            continue
        layers = [
            layer for layer in made if layer == name or (container and layer.startswith(f"{name}."))
        ]
        nodes = sorted(value for layer in layers for value in made[layer])
        inside = set(nodes)
        entering = {
            operand
            for value in nodes
            for operand in trace.graph.nodes[value].operands
            if operand not in inside
            and not isinstance(trace.graph.nodes[operand].operator, Constant)
        }
        leaving = {
            value
            for value in nodes
            if value in outputs or any(user not in inside for user in users.get(value, ()))
        }
        if len(entering) != 1 or len(leaving) != 1:
            continue
        last = leaving.pop()
        if all(user in inside or user > nodes[-1] for user in users.get(last, ())):
            found[name] = Block(
                name,
                kind,
                tuple(nodes),
                entering.pop(),
                last,
                tuple(layers),
                container,
                container or is_module(trace, name, nodes[0]),
            )
    return found
