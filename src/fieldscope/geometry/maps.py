"""Maps over an input's spatial axes: what one position reads, told alike for all methods."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fieldscope.geometry import regions
from fieldscope.geometry.regions import BoolArray
from fieldscope.media import as_figure, as_html, as_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class InputMap(ABC):
    """What one position of a layer reads of one input, element by element.

    Attributes:
        model: name of the model.
        layer: name of the layer; "output" for the model's result.
        position: index on each of the layer's spatial axes; () where it has none.
        channel: the layer's channel; None for all together.
        input: name of the input.
        axes: names of the input's spatial axes, those of `mask`.
        centre: the position's own centre on the input, of its field on the unbounded plane;
            None where that isn't known.
    """

    __slots__ = ()

    model: str
    layer: str
    position: tuple[int, ...]
    channel: int | None
    input: str
    axes: tuple[str, ...]
    centre: tuple[float, ...] | None

    @property
    def graded(self) -> bool:
        """Whether it is known how strongly each element is read, and not only that it is."""
        return True

    @property
    @abstractmethod
    def mask(self) -> BoolArray:
        """Which elements are read, over the input's spatial axes."""

    @property
    @abstractmethod
    def intensity(self) -> npt.NDArray[np.float64]:
        """How strongly each element is read, over the input's spatial axes; at least 0."""

    @property
    def hull(self) -> tuple[slice, ...]:
        """The box from the first to the last element read, half open: `image[..., *hull]`."""
        return regions.hull(self.mask)

    @property
    def size(self) -> tuple[int, ...]:
        """Extent of the hull per axis."""
        return tuple(run.stop - run.start for run in self.hull)

    @property
    def count(self) -> int:
        """Number of elements read."""
        return int(np.count_nonzero(self.mask))

    @property
    def density(self) -> float:
        """Share of the hull that is really read: 1 without gaps, 0 if nothing is read."""
        return regions.density(self.mask)

    @property
    def gaps(self) -> tuple[tuple[slice, ...], ...]:
        """Per axis, the runs inside the hull at which nothing is read."""
        return tuple(regions.gaps(self.mask, axis) for axis in range(self.mask.ndim))

    def to_image(self, image: Any = None, **options: Any) -> Figure:
        """Draw the map, over an image of the input if one is given.

        Args:
            image: array [y x] or [y x channels], a Pillow image or a path; it must
                have the input's extents unless `resize=True`.
            options: further options of the picture; see `docs/pictures.md`.

        Raises:
            MissingExtraError: matplotlib isn't installed.
            InputError: the image has another size than the input.
        """
        return as_figure(self, image=image, **options)

    def __repr__(self) -> str:
        return as_text(self)

    def _repr_html_(self) -> str | None:
        return as_html(self)
