"""Higher-order operators: graphs that are branches, loops, or stand there as they are."""

from __future__ import annotations

from typing import Any

import torch

from fieldscope.frontends.torch.exported.form import Graph, Node, Ref
from fieldscope.frontends.torch.exported.replay import Bound, Names, Replay
from fieldscope.frontends.torch.lowering.call import tensors_in

MOST_STEPS = 64
"""Longer loops are bounds: every step reads everything."""

LOOPS = frozenset({"while_loop", "scan", "map_impl", "map", "associative_scan"})


def controlled(replay: Replay, graph: Graph, node: Node, name: str, names: Names) -> list[Any]:
    """The results of a higher-order operator."""
    args = [_bounds(replay, one, names) for one in (*node.args, *node.kwargs.values())]
    source = f"higher_order.{name}"
    if name == "cond" and len(args) >= 3:
        return _cond(replay, source, args)
    graphs = [one for one in args if isinstance(one, Graph)]
    if name in ("scan", "map_impl", "map") and len(graphs) == 1:
        found = _unrolled(replay, name, graphs[0], args[args.index(graphs[0]) + 1 :])
        if found is not None:
            return found
    elif len(graphs) == 1 and name not in LOOPS:
        operands = _flat(args[args.index(graphs[0]) + 1 :])
        operands = [one for one in operands if not isinstance(one.value, (str, type(None)))]
        if len(operands) == len(graphs[0].inputs):
            return replay.run(graphs[0], operands)
    operands = _flat(one for one in args if not isinstance(one, Graph))
    replay.modules.read(replay.scope, (one.key for one in operands))
    tensors = tensors_in([one.value for one in operands])
    found = replay.unknown(graph, node, source, tensors)
    several = list(found) if isinstance(found, (list, tuple)) else [found]
    return [replay.noted(one) for one in several]


def _bounds(replay: Replay, one: Any, names: Names) -> Any:
    if isinstance(one, Ref):
        one = replay.found(one, names)
    if isinstance(one, list):
        return [_bounds(replay, part, names) for part in one]
    return one if isinstance(one, (Bound, Graph)) else replay.bound(one)


def _flat(several: Any) -> list[Bound]:
    found: list[Bound] = []
    for one in several:
        if isinstance(one, Bound):
            found.append(one)
        elif isinstance(one, list):
            found += _flat(one)
    return found


def _cond(replay: Replay, source: str, args: list[Any]) -> list[Any]:
    """Both branches, joined: which one is taken depends on the predicate."""
    predicate, yes, no = args[:3]
    operands = _flat(args[3:])
    known = predicate.value
    if isinstance(known, torch.Tensor) and replay.recorder.value(known) is None:
        concrete = replay.recorder.concrete(known)
        known = known if concrete is None else bool(concrete)
    if isinstance(known, bool):
        return list(replay.run(yes if known else no, operands))
    scope = replay.scope
    one, other = replay.run(yes, operands), replay.run(no, operands)
    replay.enter(scope)
    return [_joined(replay, source, a, b, predicate) for a, b in zip(one, other, strict=True)]


def _joined(replay: Replay, source: str, one: Bound, other: Bound, predicate: Bound) -> Any:
    replay.modules.read(replay.scope, (one.key, other.key, predicate.key))
    if not isinstance(one.value, torch.Tensor):
        return one
    tensors = tensors_in([one.value, other.value, predicate.value])
    result = replay.like(one.value)
    alike = all(tensor.shape in (result.shape, ()) for tensor in tensors)
    found = replay.whole(
        source,
        [result],
        tensors,
        lambda call: (
            (call.pointwise(*tensors),)
            if alike
            else call.opaque(tensors, "its branches return different shapes")
        ),
    )
    return replay.noted(found[0])


def _unrolled(replay: Replay, name: str, body: Graph, rest: list[Any]) -> list[Any] | None:
    """A loop over the first axis of some tensors, step by step; None if it is a long one."""
    groups = [one if isinstance(one, list) else [one] for one in rest]
    carried, sequences, further = (
        (groups[0], groups[1], groups[2:])
        if name == "scan" and len(groups) > 1
        else ([], groups[0], groups[1:])
    )
    values = [one.value for one in sequences]
    if not values or not all(isinstance(v, torch.Tensor) and v.dim() for v in values):
        return None
    steps = values[0].shape[0]
    if not 0 < steps <= MOST_STEPS or any(value.shape[0] != steps for value in values):
        return None
    additional = _flat(further)
    scope = replay.scope
    state: list[Bound] = list(carried)
    outputs: list[list[Bound]] = []
    for step in range(steps):
        replay.modules.read(scope, (one.key for one in sequences))
        with replay.recorder:
            parts = [torch.ops.aten.select.int(value, 0, step) for value in values]
        found = replay.run(body, [*state, *map(replay.noted, parts), *additional])
        state = found[: len(state)]
        outputs.append(found[len(carried) :])
    replay.enter(scope)
    stacked = []
    for several in zip(*outputs, strict=True):
        replay.modules.read(scope, (one.key for one in several))
        with replay.recorder:
            stacked.append(replay.noted(torch.ops.aten.stack.default([s.value for s in several])))
    return [*state, *stacked]
