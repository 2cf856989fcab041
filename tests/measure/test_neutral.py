"""Neutralised models read what the oracle says, element by element."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from fieldscope.errors import ModelError, RegistrationError
from fieldscope.measure.torch.gradient import gradient
from fieldscope.measure.torch.neutral.table import stands_in
from tests import oracle
from tests.networks import LOCAL, WIDE, Plan, networks
from tests.networks.strategies import Step
from tests.zoo.networks import build

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
    """Compare the output and one other layer at a position, for all channels and for one."""
    network, shapes = plan.build(), tuple(plan.inputs)
    names = network.layers()
    rng = random.Random(repr(plan))
    without = oracle.measure(network, shapes, context=False)
    full = oracle.measure(network, shapes)
    torn = any(code.startswith(("Scramble", "Unfold(", "nn.PixelUn")) for code, _ in plan.steps)
    for name in dict.fromkeys([names[plan.outputs[0]], rng.choice(list(names.values()))]):
        shape = without.shapes[name][""]
        position = tuple(rng.randrange(n) for n in shape[2:])
        for place in range(len(shapes)):
            for channel in (None, rng.randrange(shape[1])):
                channels = slice(None) if channel is None else channel
                index = (slice(None), channels, *position)
                low, high = (
                    measured.support(name, index, input=str(place)).flatten(0, 1).any(0).numpy()
                    for measured in (without, full)
                )
                mask = _mask(network, shapes, place, name, position, channel)
                # Where a map is one position, that is the map and its statistics at once.
                if torn or any(1 in one[2:] for one in _shapes(without)):
                    assert not (low & ~mask).any(), (plan, name, position, channel)
                    assert not (mask & ~high).any(), (plan, name, position, channel)
                else:
                    assert np.array_equal(mask, low), (plan, name, position, channel)


def _shapes(measured: oracle.Measured) -> list[tuple[int, ...]]:
    return [shape for parts in measured.shapes.values() for shape in parts.values()]


def _mask(
    network: object,
    shapes: tuple[tuple[int, ...], ...],
    place: int,
    layer: str,
    position: tuple[int, ...],
    channel: int | None,
) -> np.ndarray:
    try:
        heat = gradient(
            network,  # type: ignore[arg-type]  # a network
            shapes,
            layer=layer,
            position=position,
            channel=channel,
            mode="structure",
            input=f"input_{place}",
        )
    except ModelError as error:
        if "doesn't depend on input" not in str(error):
            raise
        return np.zeros(shapes[place][2:], dtype=bool)
    assert not any(remark.startswith("not neutralised") for remark in heat.remarks), heat.remarks
    return heat.mask


@settings(ROUNDS, max_examples=70)
@given(networks(1))
def test_networks_on_sequences(plan: Plan) -> None:
    check(plan)


@settings(ROUNDS, max_examples=90)
@given(networks(2))
def test_networks_on_images(plan: Plan) -> None:
    check(plan)


@settings(ROUNDS, max_examples=60)
@given(networks(3))
def test_networks_on_volumes(plan: Plan) -> None:
    check(plan)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_step(kind: str) -> None:
    @settings(ROUNDS, max_examples=10)
    @given(_alone(KINDS[kind]))
    def each(plan: Plan) -> None:
        check(plan)

    each()


def _alone(step: Step) -> st.SearchStrategy[Plan]:
    return networks(steps=(step,), branches=False, most=2)


PUBLISHED = {
    "torchvision:resnet18": ((65, 96), "layer3", (2, 3)),
    "timm:test_byobnet": ((64, 97), "stages.2", (2, 5)),
    "torchvision:swin_t": ((64, 96), "features.3", (2, 5)),
}


@pytest.mark.parametrize("target", PUBLISHED)
def test_published_networks(target: str) -> None:
    extents, layer, position = PUBLISHED[target]
    model, shape = build(target), (1, 3, *extents)
    last = "swin" in target
    axes = (1, 2) if last else (2, 3)
    index = (slice(None), *position) if last else (slice(None), slice(None), *position)
    true = oracle.measure(model, shape, context=False).support(layer, index)[0].any(0).numpy()
    heat = gradient(
        model, shape, layer=layer, position=position, position_axes=axes, mode="structure"
    )
    assert np.array_equal(heat.mask, true)


def test_two_stand_ins_for_a_function_are_refused() -> None:
    with pytest.raises(RegistrationError, match="two stand-ins for relu: means and lambda"):
        stands_in("relu")(_lambda)
    with pytest.raises(RegistrationError, match="two stand-ins for view: PASSIVE and lambda"):
        stands_in("view")(_lambda)


def _lambda() -> None: ...


_lambda.__name__ = "lambda"
