"""The numbers of the unbounded plane, against the oracle far from all borders."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, assume, given, settings

import fieldscope
from tests import oracle
from tests.networks import LOCAL, Plan, networks
from tests.networks.strategies import (
    attention,
    convolution,
    nested,
    padding,
    pointwise,
    pooling,
    rearrangement,
    resize,
    statistics,
    transposed,
)

# A remark of torch on speed, given once a process.
pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same'")

ROUNDS = settings(
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
EXTENT = 192
# What a plane has no place for (a border, a position of its own) is left to the other tests.
STEPS = (*LOCAL, *[convolution, transposed, pooling, resize, rearrangement] * 3, pointwise)
WINDOWS = (convolution, transposed, pooling, padding, resize, pointwise, nested, statistics)


@settings(ROUNDS, max_examples=250)
@given(networks(1, steps=(*STEPS, statistics, attention), most=5, extent=EXTENT, elements=6000))
def test_far_from_borders_the_unbounded_box_is_what_is_read(plan: Plan) -> None:
    network = plan.build()
    report = fieldscope.analyze(network, tuple(plan.inputs))
    measured = oracle.measure(network, tuple(plan.inputs), context=False)
    for name in network.layers().values():
        layer = report[name]
        for number, info in enumerate(report.inputs):
            field = layer.fields[info.name]
            if field.period == (None,) or len(layer.spatial) != 1 or not layer.exact:
                continue
            (axis,) = layer.spatial
            middle = layer.shape[axis] // 2
            for position in range(middle, min(middle + 3, layer.shape[axis])):
                (box,) = layer.box((position,), clip=False, input=info.name)
                near = box.start is None or box.start < EXTENT // 4 or box.stop > EXTENT * 3 // 4
                if near or box.stop - box.start > EXTENT // 8:
                    continue
                index = tuple(position if a == axis else slice(None) for a in range(3))
                (true,) = measured.hull(name, index, input=str(number))
                told = (box.start, box.stop)
                assert told == true or (box.start == box.stop and true == (0, 0)), (
                    f"{plan!r}\n{name} at {position}: told {told}, true {true}; {field}"
                )
                assert box.stop - box.start <= field.size[0]


@settings(ROUNDS, max_examples=150)
@given(networks(1, steps=WINDOWS, most=5, extent=EXTENT, elements=6000))
def test_the_numbers_do_not_depend_on_the_extent(plan: Plan) -> None:
    assume(not any("Resize((" in code or "Adaptive" in code for code, _ in plan.steps))
    network = plan.build()
    twice = tuple((*shape[:2], 2 * shape[2]) for shape in plan.inputs)
    one = fieldscope.analyze(network, tuple(plan.inputs))
    other = fieldscope.analyze(network, twice)
    for name in network.layers().values():
        for a, b in zip(one[name].fields.values(), other[name].fields.values(), strict=True):
            if a.period != (None,) and b.period != (None,):
                assert (a.size, a.stride, a.start, a.phases, a.narrowest) == (
                    *(b.size, b.stride, b.start, b.phases, b.narrowest),
                ), f"{plan!r}\n{name}"
