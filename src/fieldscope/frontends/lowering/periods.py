"""Index vectors that repeat: a period of them says how they go on beyond an axis."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fieldscope.graph.operators import Periodic

_LONGEST = 64


def repeating(index: npt.NDArray[Any]) -> Periodic | None:
    """The period of an index vector that isn't a progression; None if it shows none twice.

    Example:
        >>> repeating(np.array([0, 0, 1, 1, 2, 2]))
        Periodic(advance=1, lo=(0, 0), hi=(1, 1))
        >>> repeating(np.array([0, 1, 2, 3])) is None, repeating(np.array([1, 0, 3, 2])) is None
        (True, True)
    """
    if index.ndim != 1 or index.size < 4 or index.min() < 0 or (np.diff(index, 2) == 0).all():
        return None
    seen = 2 if (np.diff(index) >= 0).all() else 3  # two periods of a shuffle may be chance
    for phases in range(2, min(index.size // seen, _LONGEST) + 1):
        advance = int(index[phases] - index[0])
        if advance > 0 and (index[phases:] - index[:-phases] == advance).all():
            low = [int(place) for place in index[:phases]]
            return Periodic(advance, tuple(low), tuple(place + 1 for place in low))
    return None
