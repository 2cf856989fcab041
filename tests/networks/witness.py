"""A witness for models of any framework: change one input element, and see which outputs change.

What is analysed has to contain what is seen, and to equal it where it is called exact (for
operators that nothing vanishes in; a maximum hides elements, so several rounds are run).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fieldscope.domains.support import walk, written_out
from fieldscope.geometry.masks import upright
from fieldscope.graph.masks import with_pairs
from fieldscope.graph.trace import Trace
from fieldscope.interpret import interpret

Array = npt.NDArray[Any]
Truths = npt.NDArray[np.bool_]
Seen = list[list[Truths | None]]
"""By input and by output: output shape + input shape; None for an input that isn't changed."""


def changed(
    function: Callable[..., Sequence[Array]],
    arrays: Sequence[Array],
    *,
    rounds: int = 3,
    seed: int = 0,
) -> Seen:
    """Which elements of the outputs change when an element of an input does.

    Args:
        function: from arrays to a sequence of arrays; deterministic.
        arrays: inputs; integers and truth values among them are left as they are.
        rounds: how many random inputs are tried; the floating-point arrays of the first one
            are those given.
        seed: of the random numbers.
    """
    rng = np.random.default_rng(seed)
    seen: Seen = [[] for _ in arrays]
    for turn in range(rounds):
        base = [a if turn == 0 or a.dtype.kind != "f" else _like(a, rng) for a in arrays]
        before = [np.asarray(result) for result in function(*base)]
        for k, array in enumerate(base):
            if array.dtype.kind != "f":
                seen[k] = [None] * len(before)
                continue
            if turn == 0:
                seen[k] = [np.zeros(result.shape + array.shape, bool) for result in before]
            for place in np.ndindex(array.shape):
                other = array.copy()
                other[place] += other.dtype.type(rng.choice([-1, 1]) * rng.uniform(0.5, 3))
                after = function(*base[:k], other, *base[k + 1 :])
                for one, old, new in zip(seen[k], before, after, strict=True):
                    assert one is not None
                    one[(..., *place)] |= ~_same(old, np.asarray(new))
    return seen


def _like(array: Array, rng: np.random.Generator) -> Array:
    return np.asarray(rng.standard_normal(array.shape)).astype(array.dtype)


def _same(one: Array, other: Array) -> Truths:
    same = one == other
    return np.asarray(same | ((one != one) & (other != other)))


def read(trace: Trace, output: int, place: tuple[int, ...]) -> list[Truths]:
    """The elements of each input that an element of an output reads, by the analysis."""
    graph = with_pairs(trace.graph)
    value = trace.outputs[output][1]
    shape = graph.shape(value)
    wanted = tuple(
        upright(np.arange(extent) == at, axis, len(shape))
        for axis, (extent, at) in enumerate(zip(shape, place, strict=True))
        if extent > 1
    )
    found = walk(graph, {value: wanted})
    return [
        written_out(found[source], graph.shape(source))
        if source in found
        else np.zeros(graph.shape(source), bool)
        for source in graph.inputs
    ]


def exact(trace: Trace, output: int) -> bool:
    """Whether no bound is on the way to an output."""
    value = trace.outputs[output][1]
    fields = interpret(trace.graph, [one.spatial for one in trace.inputs], keep={value})
    return not fields.fields[value].bounds


def disagreements(
    trace: Trace, seen: Seen, *, equal: bool = True, most: int = 64, seed: int = 0
) -> Iterator[str]:
    """What the analysis says otherwise than what was seen, one line each.

    Args:
        trace: the model; its outputs and inputs in the order of those that were seen. Outputs
            that read nothing are absent from it: leave them out of `seen` as well.
        seen: as `changed` returns it.
        equal: whether outputs that are called exact have to read no more than was seen.
        most: how many elements of an output are looked at.
        seed: which ones, if there are more.
    """
    rng = np.random.default_rng(seed)
    for output in range(len(trace.outputs)):
        name, value = trace.outputs[output]
        shape = trace.graph.shape(value)
        places = list(itertools.product(*map(range, shape)))
        if len(places) > most:
            places = [places[k] for k in sorted(rng.choice(len(places), most, replace=False))]
        strict = equal and exact(trace, output)
        for place in places:
            told = read(trace, output, place)
            for k, given in enumerate(told):
                truth = seen[k][output]
                if truth is None:
                    continue
                assert truth.shape == shape + given.shape, f"{name}: {truth.shape}, told {shape}"
                true = truth[place]
                if (true & ~given).any() or (strict and (given & ~true).any()):
                    yield (
                        f"{name} at {place} of {shape}, input {trace.inputs[k].name}, "
                        f"{'exact' if strict else 'bound'}: told {given.nonzero()}, "
                        f"seen {true.nonzero()}"
                    )
