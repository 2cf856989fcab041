"""Boxes of random networks, against the oracle: equal where exact, else contained.

A failing case prints its network as code; it goes to `REGRESSIONS` once mended.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.networks import LOCAL, WIDE, Plan, networks
from tests.networks.agreement import disagreements
from tests.networks.strategies import Step

# A remark of torch on speed, given once a process.
pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same'")

ROUNDS = settings(
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
KINDS = {step.__name__: step for step in (*LOCAL, *WIDE)}


def check(plan: Plan) -> None:
    network = plan.build()
    layers = [*network.layers().values(), ""]
    torn = any(code.startswith(("Scramble", "Unfold(", "nn.PixelUn")) for code, _ in plan.steps)
    found = list(disagreements(network, tuple(plan.inputs), layers, ambiguous_context=torn))
    assert not found, "\n".join([repr(plan), *found])


# Networks that the analysis once got wrong.
REGRESSIONS: dict[str, Plan] = {
    "statistics of instance norm": Plan(
        inputs=[(1, 2, 8, 7)], steps=[("nn.InstanceNorm2d(2, affine=True)", [0])], outputs=[1]
    ),
    "a linear layer over positions is no context": Plan(
        inputs=[(1, 2, 8)],
        steps=[("LinearAlong(2, 8, 5, 'linear')", [0]), ("Join('add')", [1, 0])],
        outputs=[2],
    ),
    "a product with a matrix over positions is no context": Plan(
        inputs=[(1, 2, 8)],
        steps=[("LinearAlong(2, 8, 5, 'matmul')", [0]), ("Join('add')", [1, 0])],
        outputs=[2],
    ),
    "a 1-D window over the whole map is no context": Plan(
        inputs=[(1, 2, 4)],
        steps=[("nn.AvgPool1d(4)", [0]), ("Join('cat')", [1, 0])],
        outputs=[2],
    ),
    "points by two lists": Plan(
        inputs=[(1, 4, 10, 7)],
        steps=[("Points((9, 8, 1, 6, 7), (4, 5, 1, 1, 2))", [0])],
        outputs=[1],
    ),
    "windows of a torn map": Plan(
        inputs=[(1, 4, 10, 4)],
        steps=[
            ("Scramble((0, 3, 1, 2), (1, 4, 10, 4))", [0]),
            ("Unfold((2, 1), (3, 1), (0, 1), (1, 2))", [1]),
            ("nn.ConvTranspose2d(8, 2, (1, 3), (3, 2), (0, 2), (2, 1), 2, dilation=(1, 2))", [2]),
        ],
        outputs=[3],
    ),
    "a bound is no context": Plan(
        inputs=[(1, 3, 8, 2)],
        steps=[
            ("GridSample((1, 1), 8)", [0]),
            ("nn.AdaptiveAvgPool2d((1, 2))", [1]),
            ("Join('mul')", [2, 0]),
        ],
        outputs=[3],
    ),
    "nearest copies an axis of unchanged extent in 2-D": Plan(
        inputs=[(1, 1, 1, 2)],
        steps=[("Resize(None, (1.3, 1.3), mode='nearest')", [0])],
        outputs=[1],
    ),
    "linear copies an axis of unchanged extent": Plan(
        inputs=[(1, 4, 12, 3)],
        steps=[("Resize(None, (0.7, 1.3), mode='bilinear', recompute=False)", [0])],
        outputs=[1],
    ),
    "index_copy replaces": Plan(
        inputs=[(1, 1, 4)], steps=[("Scatter(2, (3, 1))", [0])], outputs=[1]
    ),
    "windows that cover an axis keep its positions": Plan(
        inputs=[(1, 2, 2, 1)], steps=[("UnfoldFold((2, 1), (3, 1))", [0])], outputs=[1]
    ),
    "a new axis among axes of extent 1": Plan(
        inputs=[(1, 4, 1, 1), (1, 3, 1, 1)],
        steps=[("Join('stack')", [1, 0]), ("Join('mul')", [1, 2])],
        outputs=[3],
    ),
    "an index behind a circular border": Plan(
        inputs=[(1, 4, 5, 3, 3)],
        steps=[
            ("Pad((0, 1, 2, 3, 0, 2), 'circular')", [0]),
            ("Scatter(3, (0,), add=True)", [1]),
        ],
        outputs=[2],
    ),
    "index_add adds": Plan(
        inputs=[(1, 1, 4)], steps=[("Scatter(2, (3, 1), add=True)", [0])], outputs=[1]
    ),
}


@pytest.mark.parametrize("name", REGRESSIONS)
def test_networks_that_were_wrong_once(name: str) -> None:
    check(REGRESSIONS[name])


@settings(ROUNDS, max_examples=600)
@given(networks(1))
def test_networks_on_sequences(plan: Plan) -> None:
    check(plan)


@settings(ROUNDS, max_examples=700)
@given(networks(2))
def test_networks_on_images(plan: Plan) -> None:
    check(plan)


@settings(ROUNDS, max_examples=600)
@given(networks(3))
def test_networks_on_volumes(plan: Plan) -> None:
    check(plan)


@settings(ROUNDS, max_examples=250)
@given(networks(steps=LOCAL, most=12))
def test_deeper_networks_of_local_steps(plan: Plan) -> None:
    check(plan)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_step(kind: str) -> None:
    @settings(ROUNDS, max_examples=60)
    @given(_behind_a_window(KINDS[kind]))
    def each(plan: Plan) -> None:
        check(plan)

    each()


def _behind_a_window(step: Step) -> st.SearchStrategy[Plan]:
    """A chain of one kind of step, behind and before steps that show where it reads."""
    own = networks(steps=(step,), branches=False, most=2)
    return own if step not in LOCAL else st.one_of(own, networks(steps=(step,), most=3))
