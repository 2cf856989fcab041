"""Boxes of random networks, against the oracle: equal where exact, else contained.

A failing case prints its network as code; add it to `REGRESSIONS` once it is mended.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.networks import LOCAL, WIDE, Plan, networks
from tests.networks.agreement import disagreements
from tests.networks.strategies import Step

ROUNDS = settings(
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
KINDS = {step.__name__: step for step in (*LOCAL, *WIDE)}


def check(plan: Plan) -> None:
    network = plan.build()
    layers = [*network.layers().values(), ""]
    found = [
        line
        for context in (False, True)
        for line in disagreements(network, tuple(plan.inputs), layers, context=context)
    ]
    assert not found, "\n".join([repr(plan), *found])


@settings(ROUNDS, max_examples=250)
@given(networks(1))
def test_networks_on_sequences(plan: Plan) -> None:
    check(plan)


@settings(ROUNDS, max_examples=400)
@given(networks(2))
def test_networks_on_images(plan: Plan) -> None:
    check(plan)


@settings(ROUNDS, max_examples=200)
@given(networks(3))
def test_networks_on_volumes(plan: Plan) -> None:
    check(plan)


@settings(ROUNDS, max_examples=150)
@given(networks(steps=LOCAL, most=12))
def test_deeper_networks_of_local_steps(plan: Plan) -> None:
    check(plan)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_step(kind: str) -> None:
    @settings(ROUNDS, max_examples=40)
    @given(_behind_a_window(KINDS[kind]))
    def each(plan: Plan) -> None:
        check(plan)

    each()


def _behind_a_window(step: Step) -> st.SearchStrategy[Plan]:
    """A chain of one kind of step, behind and before steps that show where it reads."""
    own = networks(steps=(step,), branches=False, most=2)
    return own if step not in LOCAL else st.one_of(own, networks(steps=(step,), most=3))
