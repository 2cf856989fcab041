"""Masks pulled back, against what each output reads written out by hand."""

from __future__ import annotations

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from fieldscope.domains.support import product, united, written_out
from fieldscope.geometry import masks
from fieldscope.geometry.regions import BoolArray, density, gaps, hull
from fieldscope.geometry.sliding import Sliding

EXTENTS = st.integers(0, 9)
SLIDING = st.builds(
    Sliding, st.integers(1, 4), st.integers(1, 4), st.integers(1, 3), st.integers(-3, 4)
)


@st.composite
def wanted(draw: st.DrawFn, extent: int, *, alike: bool = True) -> BoolArray:
    """A mask [3, extent], or one of extent 1 along its last axis."""
    width = 1 if alike and draw(st.booleans()) else extent
    rows = st.lists(st.booleans(), min_size=3 * width, max_size=3 * width)
    return np.array(draw(rows), dtype=bool).reshape(3, width)


def pulled(mask: BoolArray, reads: list[set[int]], extent: int) -> BoolArray:
    """Element i is read where a wanted output reads it."""
    full = np.broadcast_to(mask, (3, len(reads)))
    found = np.zeros((3, extent), dtype=bool)
    for output, elements in enumerate(reads):
        for element in elements & set(range(extent)):
            found[:, element] |= full[:, output]
    return found


def same(found: BoolArray, true: BoolArray) -> bool:
    return bool((np.broadcast_to(found, true.shape) == true).all())


@given(st.data(), SLIDING, EXTENTS, EXTENTS)
def test_windows_read_their_taps(
    data: st.DataObject, window: Sliding, extent: int, out: int
) -> None:
    mask = data.draw(wanted(out))
    taps = range(window.kernel)
    reads = [
        {o * window.stride - window.before + t * window.dilation for t in taps} for o in range(out)
    ]
    assert same(masks.window(mask, 1, window, extent, out), pulled(mask, reads, extent))


@given(st.data(), SLIDING, EXTENTS, EXTENTS)
def test_transposed_windows_read_where_a_tap_comes_from(
    data: st.DataObject, window: Sliding, extent: int, out: int
) -> None:
    mask = data.draw(wanted(out))
    taps = range(window.kernel)
    reads = [
        {
            i
            for i in range(extent)
            if o in {i * window.stride - window.before + t * window.dilation for t in taps}
        }
        for o in range(out)
    ]
    assert same(masks.spread(mask, 1, window, extent, out), pulled(mask, reads, extent))


@given(st.data(), st.integers(1, 6), st.integers(1, 9))
def test_runs_and_lists_read_what_they_name(data: st.DataObject, out: int, extent: int) -> None:
    mask = data.draw(wanted(out))
    places = st.integers(0, extent)
    pairs = data.draw(st.lists(st.tuples(places, places), min_size=out, max_size=out))
    lo, hi = np.array(pairs).T
    runs = [set(range(a, b)) for a, b in pairs]
    assert same(masks.runs(mask, 1, lo, hi, extent), pulled(mask, runs, extent))
    index = data.draw(
        st.lists(
            st.lists(st.integers(-1, extent - 1), min_size=3, max_size=3),
            min_size=out,
            max_size=out,
        )
    )
    listed = [set(row) - {-1} for row in index]
    assert same(masks.listed(mask, 1, np.array(index), extent), pulled(mask, listed, extent))


@given(st.data(), st.integers(1, 3), st.integers(1, 3), st.integers(1, 3))
def test_channels_read_their_own_group(
    data: st.DataObject, groups: int, into: int, outof: int
) -> None:
    extent, out = groups * into, groups * outof
    mask = data.draw(wanted(out))
    reads = [set(range(o // outof * into, (o // outof + 1) * into)) for o in range(out)]
    assert same(masks.channels(mask, 1, groups, extent, out), pulled(mask, reads, extent))


SHAPES = [
    ((2, 3, 4), (6, 4)),
    ((6, 4), (2, 3, 4)),
    ((4, 6), (2, 12)),
    ((1, 5), (5,)),
    ((2, 2), (4, 1)),
]


@given(st.data(), st.sampled_from(SHAPES))
def test_reshaping_keeps_each_element(
    data: st.DataObject, shapes: tuple[tuple[int, ...], tuple[int, ...]]
) -> None:
    shape, before = shapes
    dims = [data.draw(st.sampled_from([1, extent])) for extent in shape]
    flat = data.draw(
        st.lists(st.booleans(), min_size=int(np.prod(dims)), max_size=int(np.prod(dims)))
    )
    mask = np.array(flat, dtype=bool).reshape(dims)
    true = np.broadcast_to(mask, shape).reshape(before)
    assert same(masks.reshaped(mask, shape, before), true)


@st.composite
def factors(draw: st.DrawFn) -> tuple[BoolArray, ...]:
    """Factors over [2, 3, 4], some along more than one axis."""
    found = []
    for _ in range(draw(st.integers(0, 3))):
        dims = tuple(draw(st.sampled_from([1, extent])) for extent in (2, 3, 4))
        size = int(np.prod(dims))
        values = draw(st.lists(st.booleans(), min_size=size, max_size=size))
        found.append(np.array(values, dtype=bool).reshape(dims))
    return tuple(found)


def multiplied(given: tuple[BoolArray, ...]) -> BoolArray:
    found = np.ones((2, 3, 4), dtype=bool)
    for factor in given:
        found = found & factor
    return found


@given(factors())
def test_a_product_is_all_of_its_factors(given: tuple[BoolArray, ...]) -> None:
    found = product(given)
    assert (written_out(found, (2, 3, 4)) == multiplied(given)).all()
    axes = [axis for one in found for axis, extent in enumerate(one.shape) if extent != 1]
    assert len(axes) == len(set(axes))


@given(factors(), factors())
def test_a_union_of_products_is_exact(
    one: tuple[BoolArray, ...], other: tuple[BoolArray, ...]
) -> None:
    assume(multiplied(one).any() and multiplied(other).any())
    found = united(product(one), product(other), 3)
    assert (written_out(found, (2, 3, 4)) == (multiplied(one) | multiplied(other))).all()


def test_the_hull_the_gaps_and_the_density_of_a_mask() -> None:
    mask = np.zeros((5, 8), dtype=bool)
    mask[1, [1, 4, 6]] = mask[3, 4] = True
    assert hull(mask) == (slice(1, 4), slice(1, 7))
    assert gaps(mask, 0) == (slice(2, 3),)
    assert gaps(mask, 1) == (slice(2, 4), slice(5, 6))
    assert density(mask) == 4 / 18
    nothing = np.zeros((2, 0), dtype=bool)
    assert hull(nothing) == (slice(0, 0), slice(0, 0))
    assert (gaps(nothing, 0), density(nothing)) == ((), 0.0)
