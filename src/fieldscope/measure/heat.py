"""Heat maps: how strongly an output position depends on each input element."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from fieldscope.geometry.maps import InputMap
from fieldscope.geometry.regions import BoolArray

Mode: TypeAlias = Literal["real", "structure"]
"""The model as it is, or neutralised, so that it shows which elements can matter at all."""


@dataclass(frozen=True, repr=False, eq=False)
class HeatMap(InputMap):
    """How strongly one position of a layer depends on each element of an input.

    Attributes:
        model: name of the model.
        layer: name of the layer.
        position: index on each of the layer's spatial axes.
        channel: the layer's channel; None for all together.
        input: name of the input.
        axes: names of the input's spatial axes.
        values: |d output / d input| over the spatial axes, summed over the input's channels
            and averaged over the samples.
        mode: "real" for the model as it is, "structure" for it neutralised.
        samples: number of inputs that were averaged.
        remarks: what to mind when reading it, in words: dead units, a field cut off by the
            input's border.
        centre: the position's own centre on the input, where it is known.

    Example:
        >>> import fieldscope, torch
        >>> net = torch.nn.Conv1d(1, 1, 3, bias=False)
        >>> heat = fieldscope.gradient(net, (1, 1, 8), position=(2,), mode="structure")
        >>> heat.values.round(2).tolist(), heat.hull
        ([0.0, 0.0, 0.33, 0.33, 0.33, 0.0, 0.0, 0.0], (slice(2, 5, None),))
    """

    model: str
    layer: str
    position: tuple[int, ...]
    channel: int | None
    input: str
    axes: tuple[str, ...]
    values: npt.NDArray[np.float64]
    mode: Mode
    samples: int
    remarks: tuple[str, ...] = ()
    centre: tuple[float, ...] | None = None

    @property
    def mask(self) -> BoolArray:
        """Where the gradient isn't zero."""
        return self.values > 0

    @property
    def intensity(self) -> npt.NDArray[np.float64]:
        """The values themselves."""
        return self.values
