"""Control flow and sequences: what constants decide is followed, the rest is a bound.

A sequence is a list of tensors; one of which the order isn't known is an `Unsure`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from onnx import AttributeProto, GraphProto

from fieldscope.errors import ModelError
from fieldscope.frontends.lowering.call import Call
from fieldscope.frontends.lowering.program import Tensor, tensors_in
from fieldscope.frontends.onnx.node import Node
from fieldscope.frontends.onnx.shells import Vague

if TYPE_CHECKING:
    from fieldscope.frontends.onnx.walk import Environment, Walker

Control: TypeAlias = "Callable[[Walker, Node, list[Any], Environment], Sequence[Any]]"

CONTROL: dict[str, Control] = {}
"""Operators that aren't functions of tensors alone."""


@dataclass(frozen=True, slots=True)
class Unsure:
    """A sequence of which only the tensors that may be in it are known."""

    tensors: list[Tensor]


def control(*names: str) -> Callable[[Control], Control]:
    """Register what walks an operator."""

    def register(function: Control) -> Control:
        CONTROL.update(dict.fromkeys(names, function))
        return function

    return register


def all_of(*things: Any) -> list[Tensor]:
    """All tensors among tensors and sequences."""
    return tensors_in([one.tensors if isinstance(one, Unsure) else one for one in things])


def scalar(tensor: Any) -> Any:
    """The only element of a constant; None if it isn't known."""
    if not isinstance(tensor, Tensor) or tensor.depends or isinstance(tensor, Vague):
        return None
    found = tensor.elements()
    return found.reshape(-1)[0].item() if found is not None and found.size == 1 else None


def captured(graph: GraphProto, env: Environment) -> list[Tensor]:
    """What a graph reads of the graphs around it."""
    found: dict[str, Any] = {}
    for name in _read(graph):
        here: Environment | None = env
        while here is not None:
            if name in here.names:
                found.setdefault(name, here.names[name])
                break
            here = here.outer
    return all_of(*found.values())


def _read(graph: GraphProto, depth: int = 0) -> Iterator[str]:
    if depth > 64:
        raise ModelError("graphs are nested too deeply\nis the file damaged?")
    yield from (one.name for one in graph.output)
    for node in graph.node:
        yield from node.input
        for attribute in node.attribute:
            for inner in [attribute.g, *attribute.graphs]:
                if attribute.type in (AttributeProto.GRAPH, AttributeProto.GRAPHS):
                    yield from _read(inner, depth + 1)


def bound(
    walker: Walker,
    node: Node,
    env: Environment,
    reason: str,
    *things: Any,
    shells: Sequence[Tensor] | None = None,
) -> list[Tensor]:
    """Results of unknown shape that read everything."""
    if shells is None:
        shells = [Vague(None) for _ in node.proto.output]
    return walker.bound(node, all_of(*things), reason, shells, env)


def run(
    walker: Walker, node: Node, graph: GraphProto, env: Environment, given: Sequence[Any] = ()
) -> list[Any]:
    """The outputs of a graph inside of another."""
    inner = env.inside()
    if len(given) != len(graph.input):
        raise ModelError(
            f"a graph of {node.what} takes {len(graph.input)} inputs and is given {len(given)}"
            "\nis the file damaged?"
        )
    inner.names.update(zip((one.name for one in graph.input), given, strict=True))
    return walker.graph(graph, inner)


@control("If")
def branch(walker: Walker, node: Node, operands: list[Any], env: Environment) -> Sequence[Any]:
    """The branch that a constant condition takes; else both, joined position for position."""
    condition = operands[0] if operands else None
    decided = scalar(condition)
    if decided is not None:
        graph = node.graph("then_branch" if decided else "else_branch")
        return run(walker, node, graph, env)
    first = run(walker, node, node.graph("then_branch"), env)
    second = run(walker, node, node.graph("else_branch"), env)
    results: list[Any] = []
    for one, other in zip(first, second, strict=True):
        if not (isinstance(one, Tensor) and isinstance(other, Tensor)):
            results.append(Unsure(all_of(one, other, condition)))
        elif one.shape == other.shape and not {type(one), type(other)} & {Vague}:
            shell = Tensor(one.shape, one.dtype)
            results += walker.lower(node, _either, [condition, one, other], [shell], env)
        else:
            reason = "the branches that the input's values choose from differ in shape"
            results += bound(
                walker, node, env, reason, condition, one, other, shells=[Vague(None, one.dtype)]
            )
    return results


def _either(call: Call, _: Node, condition: Tensor, one: Tensor, other: Tensor) -> int:
    """The same position of both branches, and the condition."""
    chosen = call.reshape(call.value(condition), (1,) * len(call.shape))
    return call.pointwise(one, other, chosen if call.depends(condition) else None)


@control("Loop")
def loop(walker: Walker, node: Node, operands: list[Any], env: Environment) -> Sequence[Any]:
    """Turn after turn while constants tell how long it goes on; else a bound."""
    body = node.graph("body")
    count, going, states = _loop_start(operands)
    rows: list[list[Any]] = []
    turn = 0
    while True:
        if isinstance(count, int) and turn >= count:
            break
        more = True if going is None else scalar(going)
        if more is False or more == 0:
            break
        left = count - turn if isinstance(count, int) else 1
        if more is None or count == "?" or not walker.affordable(left * (1 + len(body.node))):
            return _loop_bound(walker, node, env, body, operands)
        index = Tensor.of(np.array(turn, np.int64))
        condition = Tensor.of(np.array(True)) if going is None else going
        going, *found = run(walker, node, body, env, [index, condition, *states])
        states, row = found[: len(states)], found[len(states) :]
        rows.append(row)
        turn += 1
    if not rows:
        empty = [Vague(None) for _ in node.proto.output[len(states) :]]
        return [*states, *empty]
    stacked = [
        walker.make(
            "Concat",
            [walker.make("Unsqueeze", [row[k], _integers([0])], node, env) for row in rows],
            node,
            env,
            axis=0,
        )
        for k in range(len(rows[0]))
    ]
    return [*states, *stacked]


def _loop_start(operands: list[Any]) -> tuple[Any, Any, list[Any]]:
    """The number of turns (None: no limit, "?": not known), the condition, the states."""
    given = [*operands, None, None]
    count, going = given[0], given[1]
    if isinstance(count, Tensor):
        found = scalar(count)
        count = "?" if found is None else found
    return count, going, operands[2:]


def _loop_bound(
    walker: Walker, node: Node, env: Environment, body: GraphProto, operands: list[Any]
) -> Sequence[Any]:
    reason = "how often it runs isn't known, or too often to follow"
    tensors = all_of(*operands, *captured(body, env))
    results: list[Any] = []
    for k in range(len(node.proto.output)):
        state = operands[k + 2] if k + 2 < len(operands) else None
        if isinstance(state, (list, Unsure)):
            results.append(Unsure(bound(walker, node, env, reason, tensors, shells=[Vague(None)])))
        else:
            results += bound(walker, node, env, reason, tensors, shells=[Vague(None)])
    return results


def _integers(values: Sequence[int]) -> Tensor:
    return Tensor.of(np.array(values, np.int64))


def _one(walker: Walker, node: Node, tensor: Tensor, axis: int, k: int, env: Environment) -> Any:
    """One element of an axis, which is removed."""
    return walker.make("Gather", [tensor, Tensor.of(np.array(k, np.int64))], node, env, axis=axis)


@control("Scan")
def scan(walker: Walker, node: Node, operands: list[Any], env: Environment) -> Sequence[Any]:
    """Step after step along axes of the scanned operands."""
    body, inputs = node.graph("body"), node.integer("num_scan_inputs", 0)
    if node.opset < 9 or not 0 < inputs <= len(operands):
        return bound(walker, node, env, "its first version isn't followed", operands)
    states, scanned = operands[: len(operands) - inputs], operands[len(operands) - inputs :]
    outputs = len(node.proto.output) - len(states)
    axes = node.integers("scan_input_axes", [0] * inputs)
    backward = node.integers("scan_input_directions", [0] * inputs)
    out_axes = node.integers("scan_output_axes", [0] * outputs)
    out_backward = node.integers("scan_output_directions", [0] * outputs)
    if any(isinstance(one, Vague) or not one.shape for one in scanned):
        return bound(walker, node, env, "its number of steps isn't known", operands)
    wrapped = [axis % one.ndim for axis, one in zip(axes, scanned, strict=True)]
    lengths = {one.shape[axis] for one, axis in zip(scanned, wrapped, strict=True)}
    if len(lengths) != 1:
        raise ModelError(f"{node.what} scans axes of different extents, {sorted(lengths)}")
    steps = lengths.pop()
    if not walker.affordable(steps * (len(body.node) + inputs + outputs)):
        things = [*operands, *captured(body, env)]
        return bound(walker, node, env, "it has too many steps to follow", things)
    rows: list[list[Any]] = []
    for k in range(steps):
        step = [
            _one(walker, node, one, axis, steps - 1 - k if back else k, env)
            for one, axis, back in zip(scanned, wrapped, backward, strict=True)
        ]
        found = run(walker, node, body, env, [*states, *step])
        states, row = found[: len(states)], found[len(states) :]
        rows.append(row)
    if not rows:
        return [*states, *(Vague(None) for _ in range(outputs))]
    stacked = []
    for k, (axis, back) in enumerate(zip(out_axes, out_backward, strict=True)):
        ordered = [row[k] for row in (rows[::-1] if back else rows)]
        place = axis % (ordered[0].ndim + 1)
        parts = [walker.make("Unsqueeze", [r, _integers([place])], node, env) for r in ordered]
        stacked.append(walker.make("Concat", parts, node, env, axis=place))
    return [*states, *stacked]
