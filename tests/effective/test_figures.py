"""What the figures of an effective field mean, on maps that can be worked out by hand."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldscope import EffectiveField, compare_effective
from fieldscope.errors import InputError
from fieldscope.geometry import spread

Values = npt.NDArray[np.float64]


def field(values: Values, *, centre: tuple[float, ...] | None = None) -> EffectiveField:
    names = ("y", "x")[-values.ndim :]
    whole = tuple(slice(0, extent) for extent in values.shape)
    return EffectiveField(
        "net", "conv", (1,), None, "x", names, values, "absolute", 4, "noise", whole,
        centre=centre,
    )  # fmt: skip


def bell(shape: tuple[int, int], centre: tuple[float, float], sigma: tuple[float, float]) -> Values:
    along = [
        np.exp(-((np.arange(n) - c) ** 2) / (2 * s**2))
        for n, c, s in zip(shape, centre, sigma, strict=True)
    ]
    return np.outer(*along)


def test_areas_are_those_of_squares_that_end_at_the_borders() -> None:
    values = np.zeros((8, 10))
    values[2, 3] = 4
    values[2, 5] = 1
    values[7, 3] = 5
    found = field(values, centre=(2.0, 3.0))
    assert found.box_of(0.4) == (slice(2, 3), slice(3, 4))
    assert found.box_of(0.41) == (slice(0, 5), slice(1, 6))
    assert found.box_of(1) == (slice(0, 8), slice(0, 9))
    assert found.area(0.5) == 25 / 80
    assert found.areas == {0.2: 1 / 80, 0.3: 1 / 80, 0.5: 25 / 80, 0.99: 72 / 80}


def test_a_centre_between_elements_has_an_even_square() -> None:
    found = field(np.ones(10), centre=(4.5,))
    assert [found.box_of(share)[0] for share in (0.1, 0.2, 0.3)] == [
        slice(4, 6),
        slice(4, 6),
        slice(3, 7),
    ]


def test_an_even_map_holds_shares_in_areas_as_large() -> None:
    found = field(np.ones((99, 99)), centre=(49.0, 49.0))
    assert found.area(0.5) == pytest.approx(0.5, abs=0.03)
    assert found.effective_size == found.theoretical_size == 99
    assert found.share_of_field == 1


@pytest.mark.parametrize("share", [0, -0.1, 1.01, math.nan])
def test_shares_that_are_none_are_told(share: float) -> None:
    with pytest.raises(InputError, match="it must be more than 0 and at most 1"):
        field(np.ones(3)).area(share)


def test_a_gaussian_is_found_with_its_centre_and_deviations() -> None:
    found = field(bell((60, 80), (28.3, 41.7), (5.0, 9.0)))
    fitted = found.gaussian
    assert fitted is not None
    assert fitted.centre == pytest.approx((28.3, 41.7), abs=1e-3)
    assert fitted.deviation == pytest.approx((5, 9), rel=1e-3)
    assert fitted.fit > 0.9999
    assert found.radius == pytest.approx((10, 18), rel=1e-2)


def test_a_gaussian_that_the_border_cuts_off_is_found_all_the_same() -> None:
    fitted = field(bell((40, 40), (38.0, 20.0), (6.0, 6.0))).gaussian
    assert fitted is not None
    assert fitted.centre == pytest.approx((38, 20), abs=0.01)
    assert fitted.deviation == pytest.approx((6, 6), rel=1e-3)


def test_noise_hardly_moves_a_gaussian() -> None:
    values = bell((61, 61), (30.0, 30.0), (7.0, 7.0))
    noisy = np.abs(values * (1 + 0.3 * np.random.default_rng(0).standard_normal(values.shape)))
    fitted = field(noisy).gaussian
    assert fitted is not None
    assert fitted.deviation == pytest.approx((7, 7), rel=0.05)


@pytest.mark.parametrize(
    "values", [np.zeros(9), np.array([0, 1.0, 1.0, 0]), np.ones(9), np.array([4.0, 1, 0, 0, 1, 4])]
)
def test_where_no_gaussian_fits_there_is_none_or_a_bad_one(values: Values) -> None:
    fitted = field(values).gaussian
    assert fitted is None or fitted.fit < 0.5


def test_the_effective_size_counts_what_is_above_a_share_of_the_peak() -> None:
    values = np.zeros((10, 10))
    values[2:5, 2:5] = 1.0
    values[4, 4] = 0.05
    values[8, 8] = 0.04
    found = field(values)
    assert found.effective_size == 3
    assert found.share_of_field == pytest.approx(0.3)
    assert replace(found, theory=None).share_of_field is None


def test_nothing_has_no_area_and_no_radius() -> None:
    found = field(np.zeros((4, 4)))
    assert (found.area(0.5), found.effective_size, found.gaussian) == (0, 0, None)
    assert all(math.isnan(one) for one in found.radius)
    data = json.loads(found.to_json())
    assert (data["schema"], data["radius"]) == ("fieldscope.effective/1", [None, None])
    assert "no gradient" in repr(found)


@given(st.lists(st.floats(0, 10), min_size=1, max_size=30), st.floats(0.01, 1), st.integers(0, 58))
def test_it_is_the_smallest_square_that_holds_a_share(
    numbers: list[float], share: float, twice: int
) -> None:
    values = np.array(numbers)
    centre = min(twice / 2, len(values) - 1)
    (box,) = spread.centred_box(values, (centre,), share)
    total = values.sum()
    if not total > 0:
        assert box == slice(0, 0)
        return
    places = np.arange(len(values))
    # Half widths in steps of one element, from the centre's own or its two neighbours on.
    for half in range(len(values)):
        inside = np.abs(places - centre) < half + 1 - (centre % 1) / 2
        if values[inside].sum() >= share * total * (1 - 1e-12):
            assert places[box].tolist() == places[inside].tolist()
            return


def test_names_tell_fields_apart_by_what_differs() -> None:
    one = field(np.ones(5))
    cases = {
        ("a", "b"): [replace(one, model="torchvision:a"), replace(one, model="torchvision:b")],
        ("x:a", "y:b"): [replace(one, model="x:a"), replace(one, model="y:b")],
        ("conv", "pool"): [one, replace(one, layer="pool", position=(2,))],
        ("at 1", "at 2"): [one, replace(one, position=(2,))],
        ("channel 0", "channel 1"): [replace(one, channel=0), replace(one, channel=1)],
        ("measured", "expected"): [one, replace(one, images=0)],
        ("net", "net (2)"): [one, one],
    }
    for names, fields in cases.items():
        assert compare_effective(fields).names == names


def test_a_comparison_takes_effective_fields_only() -> None:
    with pytest.raises(InputError, match="there are no effective fields to compare"):
        compare_effective([])
    with pytest.raises(InputError, match="takes effective fields, got int"):
        compare_effective([1])  # type: ignore[list-item]
    data = compare_effective({"a": field(np.ones(5))}).to_dict()
    assert (data["schema"], data["fields"][0]["name"]) == (
        "fieldscope.effective-comparison/1",
        "a",
    )
