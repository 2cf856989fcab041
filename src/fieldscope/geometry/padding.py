"""Where padded elements come from, for every mode."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt


@lru_cache(maxsize=1024)
def padded_index(extent: int, before: int, out: int, mode: str) -> npt.NDArray[np.int64]:
    """Operand index of each element of a padded axis, [out]; −1 is padding.

    Args:
        extent: extent of the axis before padding.
        before: elements put in front; negative cuts off.
        out: extent of the padded axis.
        mode: "constant", "reflect" (without the border), "replicate" or "circular".

    Example:
        >>> padded_index(4, 2, 7, "reflect").tolist()
        [2, 1, 0, 1, 2, 3, 2]
    """
    index = np.arange(out, dtype=np.int64) - before
    match mode:
        case "reflect":
            period = max(2 * (extent - 1), 1)
            index = np.abs((index + extent - 1) % period - (extent - 1))
        case "replicate":
            index = index.clip(0, extent - 1)
        case "circular":
            index = index % extent
        case _:
            index = np.where((index >= 0) & (index < extent), index, -1)
    return index
