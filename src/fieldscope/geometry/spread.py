"""How the contributions on a map are spread: boxes that hold a share, moments, a Gaussian.

A map is an array of numbers that aren't negative, one axis per axis of the input; element i
lies at i.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]


def centred_box(values: Values, centre: Sequence[float], share: float) -> tuple[slice, ...]:
    """The smallest square around a centre that holds a share of all that is on a map.

    Its half width is the same along every axis; where it reaches a border of the map it ends
    there. Empty if there is nothing on the map.

    Args:
        values: the map.
        centre: per axis; halves are between two elements.
        share: more than 0, at most 1.

    Example:
        >>> values = np.array([0.0, 1.0, 2.0, 1.0, 0.0, 4.0])
        >>> centred_box(values, (2,), 0.25), centred_box(values, (2,), 0.5)
        ((slice(2, 3, None),), (slice(1, 4, None),))
    """
    held = _held(values, centre)
    if not held.size or not held[-1] > 0:
        return tuple(slice(0, 0) for _ in centre)
    # What rounding leaves of a sum is no reason for a larger box.
    half = int(np.argmax(held >= share * held[-1] * (1 - 1e-12)))
    return _box(values.shape, centre, half)


def _held(values: Values, centre: Sequence[float]) -> Values:
    """What the squares of half width 0, 1, 2, … hold, until they hold all."""
    distances = np.zeros(values.shape, dtype=np.int64)
    for axis, (extent, middle) in enumerate(zip(values.shape, centre, strict=True)):
        # An element is inside from that half width on: at halves both neighbours are in the first.
        away = np.floor(np.abs(np.arange(extent) - middle)).astype(np.int64)
        shape = [-1 if k == axis else 1 for k in range(values.ndim)]
        np.maximum(distances, away.reshape(shape), out=distances)
    return np.cumsum(np.bincount(distances.ravel(), weights=values.ravel()))


def _box(shape: tuple[int, ...], centre: Sequence[float], half: int) -> tuple[slice, ...]:
    return tuple(
        slice(
            max(0, int(np.ceil(middle)) - half - (middle % 1 > 0)),
            min(extent, int(np.floor(middle)) + half + 1 + (middle % 1 > 0)),
        )
        for extent, middle in zip(shape, centre, strict=True)
    )


def area(box: Sequence[slice], shape: Sequence[int]) -> float:
    """The share of a map's elements that a box holds.

    >>> area((slice(1, 3), slice(0, 5)), (4, 10))
    0.25
    """
    size = prod(shape)
    return prod(max(0, run.stop - run.start) for run in box) / size if size else 0.0


def above(values: Values, level: float) -> int:
    """Number of elements whose value is more than a level times the largest.

    >>> above(np.array([0.0, 1.0, 10.0, 3.0]), 0.2)
    2
    """
    most = float(values.max(initial=0.0))
    return int(np.count_nonzero(values > level * most)) if most > 0 else 0


def profiles(values: Values) -> Iterator[Values]:
    """Per axis, the sums over all others.

    >>> [one.tolist() for one in profiles(np.array([[1.0, 2.0], [0.0, 3.0]]))]
    [[3.0, 3.0], [1.0, 5.0]]
    """
    for axis in range(values.ndim):
        yield values.sum(axis=tuple(k for k in range(values.ndim) if k != axis))


@dataclass(frozen=True, slots=True)
class Moments:
    """Mean place and standard deviation of what is on a map, per axis, in elements."""

    centre: tuple[float, ...]
    deviation: tuple[float, ...]


def moments(values: Values) -> Moments | None:
    """Where the contributions lie, and how far about; None if there are none.

    >>> moments(np.array([0.0, 1.0, 0.0, 1.0]))
    Moments(centre=(2.0,), deviation=(1.0,))
    """
    total = float(values.sum())
    if not total > 0:
        return None
    centres, deviations = [], []
    for profile in profiles(values):
        places = np.arange(len(profile))
        centre = float(profile @ places) / total
        centres.append(centre)
        deviations.append(float(np.sqrt(profile @ (places - centre) ** 2 / total)))
    return Moments(tuple(centres), tuple(deviations))


@dataclass(frozen=True, slots=True)
class Gaussian:
    """A Gaussian that was fitted to a map.

    Attributes:
        centre: per axis, in elements.
        deviation: standard deviation per axis, in elements.
        fit: share of the profiles' variance that it explains, the least of all axes (R²); 1 is
            a Gaussian.
    """

    centre: tuple[float, ...]
    deviation: tuple[float, ...]
    fit: float


def gaussian(values: Values) -> Gaussian | None:
    """Fit a Gaussian to a map; None where its profiles have too few elements or no peak.

    Per axis, the logarithm of the profile is fitted by a parabola, weighted by the square of
    the profile, and then of what was fitted, until that no longer changes: Guo, *A Simple
    Algorithm for Fitting a Gaussian Function*, IEEE Signal Processing Magazine 28 (5), 2011.

    >>> places = np.arange(41)
    >>> found = gaussian(np.exp(-((places - 18.5) ** 2) / (2 * 4.0**2)))
    >>> round(found.centre[0], 3), round(found.deviation[0], 3), round(found.fit, 3)
    (18.5, 4.0, 1.0)
    """
    found = [_fitted(profile) for profile in profiles(values)]
    known = [one for one in found if one is not None]
    if not known or len(known) < len(found):
        return None
    centres, deviations, fits = zip(*known, strict=True)
    return Gaussian(tuple(centres), tuple(deviations), min(fits))


def _fitted(profile: Values) -> tuple[float, float, float] | None:
    """Centre, deviation and fit of one profile."""
    places = np.flatnonzero(profile > 0).astype(np.float64)
    if len(places) < 4:
        return None
    heights = profile[profile > 0] / profile.max()
    middle = float(places.mean())
    columns = np.stack([np.ones_like(places), places - middle, (places - middle) ** 2], axis=1)
    weights = heights
    for _ in range(60):
        found = np.linalg.lstsq(columns * weights[:, None], np.log(heights) * weights, rcond=None)
        constant, slope, bend = found[0]
        if bend >= 0:
            return None
        before, weights = weights, np.exp(np.clip(columns @ found[0], -60, 1))
        if np.abs(weights - before).max() < 1e-9:
            break
    centre, deviation = middle - slope / (2 * bend), float(np.sqrt(-1 / (2 * bend)))
    peak = constant - slope**2 / (4 * bend)
    every = np.arange(len(profile))
    model = np.exp(peak - (every - centre) ** 2 / (2 * deviation**2))
    actual = profile / profile.max()
    rest = float(((actual - model) ** 2).sum())
    spread = float(((actual - actual.mean()) ** 2).sum())
    return float(centre), deviation, 1 - rest / spread if spread else 0.0
