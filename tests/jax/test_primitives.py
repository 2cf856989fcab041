"""Every lowering against perturbation, and every rule in some case."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
import pytest
from jax.extend import core

from fieldscope.frontends.jax.control import CONTROL
from fieldscope.frontends.jax.lowering import LOWERINGS
from fieldscope.frontends.jax.trace import trace
from fieldscope.graph.trace import Trace
from fieldscope.graph.verify import verify
from tests.jax.cases import CASES
from tests.networks.witness import changed, disagreements, exact


def traced(name: str) -> Trace:
    one = CASES[name]

    # By names of our own, so that all of the axes of each can be told apart.
    def function(*args: Any) -> Any:
        return one.function(*args)

    inputs = one.structs()
    names = [f"args_{k}" for k in range(len(inputs))]
    axes = {
        key: tuple(range(len(shape)))
        for key, shape, k in zip(names, one.shapes, range(len(names)), strict=True)
        if k not in one.integers
    }
    return trace(function, inputs, axes=axes)


@pytest.mark.parametrize("name", CASES)
def test_what_is_read_is_what_changes(name: str) -> None:
    one = CASES[name]
    found = traced(name)
    verify(found.graph)
    function = jax.jit(one.function)

    def run(*arrays: Any) -> list[Any]:
        results = [np.asarray(leaf) for leaf in jax.tree.leaves(function(*arrays))]
        told = {place for place, _ in found.outputs}
        shapes = jax.eval_shape(one.function, *one.structs())
        places = [
            f"output{jax.tree_util.keystr(path)}"
            for path, _ in jax.tree_util.tree_leaves_with_path(shapes)
        ]
        return [r for r, place in zip(results, places, strict=True) if place in told]

    arrays = one.arrays()
    seen = changed(run, arrays, rounds=1 if one.positive else 4)
    assert list(disagreements(found, seen, equal=one.equal)) == []
    assert all(exact(found, k) for k in range(len(found.outputs))) == one.exact


def primitives(jaxpr: Any) -> Iterator[str]:
    for equation in jaxpr.eqns:
        yield equation.primitive.name
        for inner in core.jaxprs_in_params(equation.params):
            yield from primitives(inner)


ELSEWHERE = {
    **dict.fromkeys(
        ("checkpoint", "core_call", "custom_vjp_call_jaxpr", "expand_dims", "pjit", "remat"),
        "the name of another release of JAX",
    ),
    **dict.fromkeys(("closed_call", "eval_jaxpr"), "made by transformations of jaxprs"),
    **dict.fromkeys(("layout_constraint", "sharding_constraint"), "for several devices"),
}
"""Names that no case meets, each with its reason."""


def test_every_rule_has_a_case() -> None:
    met: set[str] = set()
    for one in CASES.values():
        met.update(primitives(jax.make_jaxpr(one.function)(*one.structs()).jaxpr))
    rules = {*LOWERINGS, *CONTROL}
    assert sorted(rules - met - ELSEWHERE.keys()) == []
    assert sorted(ELSEWHERE.keys() & met) == []


def test_every_rule_says_what_it_reads() -> None:
    assert [name for name, rule in LOWERINGS.items() if not (rule.__doc__ or "").strip()] == []
    assert [name for name, rule in CONTROL.items() if not (rule.__doc__ or "").strip()] == []
