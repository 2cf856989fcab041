"""The probe itself: multinomial logistic regression on standardised features.

Source: Alain, Bengio, "Understanding intermediate layers using linear classifier probes",
arXiv 1610.01644.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from fieldscope.errors import InputError
from fieldscope.optional import require

Values: TypeAlias = npt.NDArray[np.float32]
Labels: TypeAlias = npt.NDArray[np.int64]

# The inverse strengths of the penalty to choose from, the strongest first: scikit-learn's C.
# Layers have from a handful to thousands of features, and no one strength suits all.
STRENGTHS = (0.001, 0.01, 0.1, 1.0, 10.0, 100.0)
_FALLBACK = 0.1
_HELD = 5
_ROUNDS = 2000
_NEAR, _EXACT = 1e-3, 1e-4


@dataclass(frozen=True, slots=True)
class Score:
    """A share of photos told right, and how far chance may have moved it.

    Attributes:
        accuracy: the share.
        error: its standard error.
    """

    accuracy: float
    error: float


def score(right: int, photos: int) -> Score:
    """The share of photos told right, with its standard error.

    With k of n right, and nothing known before, the true share follows Beta(k + 1, n - k + 1).
    The error is the standard deviation of that, sqrt(p(1 - p) / (n + 3)) with
    p = (k + 1) / (n + 2): for many photos the binomial one, but no certainty where all are right.

    >>> score(1, 1) == Score(1.0, math.sqrt(2 / 3 * 1 / 3 / 4))
    True
    >>> round(score(500, 1000).error, 4), round(math.sqrt(0.5 * 0.5 / 1000), 4)
    (0.0158, 0.0158)
    """
    share = (right + 1) / (photos + 2)
    return Score(right / photos, math.sqrt(share * (1 - share) / (photos + 3)))


def probed_score(
    train: tuple[Values, Labels], validation: tuple[Values, Labels], *, seed: int
) -> Score:
    """Fit a probe to the features of some photos and try it on others.

    The strength of the penalty is the one that does best on a fifth of each class of the
    training photos, held back; of equals the strongest. Then all are fitted.

    Args:
        train: features and labels to fit, [photos features] and [photos].
        validation: those to try it on.
        seed: of the choice of the photos held back.

    Raises:
        InputError: all training photos are of one class.

    Example:
        >>> features = np.array([[-2.0], [-1.0], [1.0], [2.0]], dtype=np.float32)
        >>> labels = np.array([0, 0, 1, 1])
        >>> probed_score((features, labels), (features * 3, labels), seed=0).accuracy
        1.0
    """
    features, labels = train
    if len(np.unique(labels)) < 2:
        raise InputError(
            "all photos that a probe is fitted to are of one class\n"
            "give photos of two classes or more"
        )
    held = _held_back(labels, seed)
    strength = _FALLBACK
    if held.any():
        strength = _strength((features[~held], labels[~held]), (features[held], labels[held]))
    tried = _fitted(train, [strength], tolerance=_EXACT)[0].predict(_wide(validation[0]))
    return score(int((tried == validation[1]).sum()), len(tried))


def _held_back(labels: Labels, seed: int) -> npt.NDArray[np.bool_]:
    """Choose a fifth of each class, rounded down."""
    generator = np.random.default_rng(seed)
    held = np.zeros(len(labels), dtype=bool)
    for one in np.unique(labels):
        members = generator.permutation(np.flatnonzero(labels == one))
        held[members[: len(members) // _HELD]] = True
    return held


def _strength(train: tuple[Values, Labels], held: tuple[Values, Labels]) -> float:
    shares = [
        float(probe.score(_wide(held[0]), held[1]))
        for probe in _fitted(train, STRENGTHS, tolerance=_NEAR)
    ]
    return STRENGTHS[shares.index(max(shares))]


def _fitted(
    train: tuple[Values, Labels], strengths: Sequence[float], *, tolerance: float
) -> list[Any]:
    """Fit a probe for each strength, which standardises what it is given."""
    purpose = "a linear probe"
    linear = require("sklearn.linear_model", purpose=purpose, extra="lab")
    scaling = require("sklearn.preprocessing", purpose=purpose, extra="lab")
    pipeline = require("sklearn.pipeline", purpose=purpose, extra="lab")
    features, labels = _wide(train[0]), train[1]
    return [
        pipeline.make_pipeline(
            scaling.StandardScaler(),
            linear.LogisticRegression(C=strength, tol=tolerance, max_iter=_ROUNDS),
        ).fit(features, labels)
        for strength in strengths
    ]


def _wide(features: Values) -> npt.NDArray[np.float64]:
    # In single precision the fit stops where rounding does, a little elsewhere on each machine.
    return features.astype(np.float64)
