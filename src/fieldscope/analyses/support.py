"""Support: the exact set of input elements that one position reads, gaps included."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fieldscope.geometry.maps import InputMap
from fieldscope.geometry.regions import BoolArray


@dataclass(frozen=True, repr=False)
class SupportMask(InputMap):
    """The exact set of input elements that one position of a layer reads.

    Attributes:
        model: name of the model.
        layer: name of the layer; "output" for the model's result.
        position: index on each of the layer's spatial axes; () where it has none.
        channel: the layer's channel; None for all together.
        input: name of the input.
        axes: names of the input's spatial axes.
        elements: which elements are read, over the input's whole shape, batch and channels
            included; read-only.
        spatial: places of the spatial axes in that shape.
        context: paths where dependence on the whole input entered that all positions share;
            it is no part of the mask unless asked for.
        bounds: layers through which the mask is only a bound; empty where it is exact.
    """

    model: str
    layer: str
    position: tuple[int, ...]
    channel: int | None
    input: str
    axes: tuple[str, ...]
    elements: BoolArray
    spatial: tuple[int, ...]
    context: tuple[str, ...] = ()
    bounds: tuple[str, ...] = ()

    @property
    def mask(self) -> BoolArray:
        """Which elements are read, over the input's spatial axes: in any channel."""
        others = tuple(k for k in range(self.elements.ndim) if k not in self.spatial)
        return np.asarray(self.elements.any(axis=others), dtype=bool)

    @property
    def intensity(self) -> npt.NDArray[np.float64]:
        """1 where an element is read, else 0."""
        return self.mask.astype(np.float64)

    @property
    def exact(self) -> bool:
        """Whether the mask is exact; else it is a bound that holds the true one."""
        return not self.bounds

    def to_dict(self) -> dict[str, Any]:
        """The mask's figures as plain data; see `fieldscope.analyses.export`."""
        raise NotImplementedError
