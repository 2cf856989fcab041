"""Every lowering against perturbation, and every operator in some case."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from fieldscope.frontends.tensorflow.callables import places_in
from fieldscope.frontends.tensorflow.lowering import TABLE
from fieldscope.frontends.tensorflow.trace import trace
from fieldscope.graph.trace import Trace
from fieldscope.graph.verify import verify
from tests.networks.witness import changed, disagreements, exact
from tests.tensorflow.cases import CASES

NOT_HERE = {
    "CudnnRNN": "runs on GPUs only",
    "CudnnRNNV2": "runs on GPUs only",
    "CudnnRNNV3": "runs on GPUs only",
    "Conv3DBackpropInput": "deprecated: graphs can't be made with it any more",
    "_FusedBatchNormEx": "made by the optimiser only",
}
"""Operators that can't be run where tests run, and why."""


def concrete(name: str) -> Any:
    one = CASES[name]
    specs = [tf.TensorSpec(shape) for shape in one.inputs]
    return tf.function(one.function).get_concrete_function(*specs)


def traced(name: str, function: Any) -> Trace:
    del name
    names = [tensor.op.name for tensor in function.inputs]
    axes = {
        key: tuple(range(tensor.shape.rank))
        for key, tensor in zip(names, function.inputs, strict=True)
        if tensor.dtype == tf.float32 and tensor.op.type == "Placeholder"
    }
    given = {id(inner) for _, inner in function.graph.captures}
    kept = [t for t in function.inputs if id(t) not in given]
    return trace(function, axes={t.op.name: axes[t.op.name] for t in kept})


@pytest.mark.parametrize("name", CASES)
def test_what_is_read_is_what_changes(name: str) -> None:
    one = CASES[name]
    function = concrete(name)
    found = traced(name, function)
    verify(found.graph)
    told = {place for place, _ in found.outputs}
    kept = [place in told for place, _ in places_in(function.structured_outputs)]

    def run(*arrays: Any) -> list[Any]:
        results = tf.nest.flatten(function(*map(tf.constant, arrays)))
        return [r.numpy() for r, keep in zip(results, kept, strict=True) if keep]

    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(shape).astype("float32") for shape in one.inputs]
    seen = changed(run, arrays, rounds=one.rounds)
    assert list(disagreements(found, seen, equal=one.equal)) == []
    assert all(exact(found, k) for k in range(len(found.outputs))) == one.exact


@pytest.fixture(scope="module")
def used() -> set[str]:
    """The operators that some case leads to."""
    found = set()
    for name in CASES:
        function = concrete(name)
        found |= {origin.source for origin in traced(name, function).origins}
    return {source.partition(".")[2] for source in found}


def test_every_operator_has_a_case(used: set[str]) -> None:
    assert sorted(set(TABLE.rules) - used - set(NOT_HERE)) == []


def test_no_operator_is_excused_without_need(used: set[str]) -> None:
    assert sorted(used & set(NOT_HERE)) == []


def test_every_name_is_an_operator_of_tensorflow() -> None:
    from tensorflow.python.framework import op_def_registry

    assert [name for name in TABLE.rules if op_def_registry.get(name) is None] == []
