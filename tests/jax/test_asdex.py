"""Generated networks against asdex, an independent tool that finds the sparsity of Jacobians.

Where asdex tells more than the analysis does, it is a bound of asdex's: the Jacobian itself, with
positive weights, is asked then.
"""

from __future__ import annotations

from typing import Any

import asdex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fieldscope.frontends.jax.trace import trace
from fieldscope.graph.trace import Trace
from tests.jax.analysed import analysed
from tests.jax.generated import network
from tests.networks.witness import exact, read

COUNT = 144
POSITIONS = 10

BOUNDS: dict[int, str] = {
    **dict.fromkeys(
        (5, 51, 95, 117, 129, 134, 139), "a constant choice by remainders of positions"
    ),
    **dict.fromkeys((27, 120, 130), "an index that is rounded from positions"),
}
"""Networks of which asdex gives a bound, each with what it bounds."""


def patterns(seed: int) -> tuple[Trace, Any]:
    """The trace of a network, and what asdex tells of it."""
    function, shape = network(seed)
    found = trace(function, shape, axes=(1, 2))
    pattern = np.asarray(asdex.jacobian_sparsity(function, jnp.zeros(shape)).todense(), bool)
    out = found.graph.shape(found.outputs[0][1])
    return found, pattern.reshape(out + shape)


def jacobian(seed: int) -> Any:
    """Which entries of a network's Jacobian, at positive inputs, aren't zero."""
    function, shape = network(seed)
    x = np.random.default_rng(seed).uniform(0.5, 1.5, shape).astype("float32")
    return np.asarray(jax.jacfwd(function)(x)) != 0


@pytest.mark.parametrize("start", range(0, COUNT, 16))
def test_elements_and_hulls_are_those_of_asdex(start: int) -> None:
    for seed in range(start, start + 16):
        found, pattern = patterns(seed)
        true_pattern = jacobian(seed) if seed in BOUNDS else pattern
        value = found.outputs[0][1]
        out = found.graph.shape(value)
        assert exact(found, 0), seed
        function, shape = network(seed)
        layer = analysed(function, shape, axes=(1, 2), fold_context=True).output
        rng = np.random.default_rng(seed)
        places = list(np.ndindex(out))
        if len(places) > POSITIONS:
            chosen = rng.choice(len(places), POSITIONS, replace=False)
            places = [places[k] for k in chosen]
        for place in places:
            (told,) = read(found, 0, place)
            true = true_pattern[place]
            assert not (told & ~pattern[place]).any(), (seed, place)
            assert (told == true).all(), (seed, place, np.argwhere(told != true)[:5])
            if layer.spatial == (1, 2):
                assert _empty(layer.box(place[1:3], channel=place[3])) == _hull(true), (seed, place)


def _hull(mask: Any) -> tuple[slice, ...]:
    """From the first to behind the last element along y and x; empty slices for nothing."""
    if not mask.any():
        return slice(0, 0), slice(0, 0)
    spans = [np.flatnonzero(mask.any(axis=tuple({0, 1, 2, 3} - {axis}))) for axis in (1, 2)]
    return tuple(slice(int(span[0]), int(span[-1]) + 1) for span in spans)


def _empty(box: tuple[slice, ...]) -> tuple[slice, ...]:
    nothing = any(one.start >= one.stop for one in box)
    return (slice(0, 0),) * len(box) if nothing else box


def test_what_asdex_bounds_is_named() -> None:
    for seed in BOUNDS:
        assert (patterns(seed)[1] & ~jacobian(seed)).any(), seed
