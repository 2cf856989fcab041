"""Which part of a layer's output is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import index as whole
from typing import Any

from fieldscope.errors import PositionError
from fieldscope.geometry.positions import fitting


@dataclass(frozen=True)
class Selection:
    """What of a layer's output is looked at.

    Attributes:
        layer: name of the layer.
        position: index per position axis, or "center".
        channel: index on the channel axis; None for all channels.
        axes: the position axes; None for all from 2 on.
    """

    layer: str
    position: Sequence[int] | str
    channel: int | None
    axes: Sequence[int] | None

    def index(self, shape: Sequence[int]) -> tuple[tuple[Any, ...], tuple[int, ...]]:
        """An index into an output of that shape, and the position it stands for.

        Raises:
            PositionError: position or channel lie outside, or the layer has no positions.
        """
        rank = len(shape)
        axes = tuple(range(2, rank)) if self.axes is None else tuple(self.axes)
        extents = tuple(shape[axis] for axis in axes)
        if isinstance(self.position, str):
            if self.position != "center":
                raise PositionError(
                    f"position is {self.position!r}; give an index per axis, or 'center'"
                )
            position = tuple(extent // 2 for extent in extents)
        else:
            position = fitting(self.layer, shape, axes, self.position)
        index: list[Any] = [slice(None)] * rank
        found = []
        for axis, place in zip(axes, position, strict=True):
            index[axis] = self._place(place, shape[axis], f"position {position}", extents)
            found.append(index[axis])
        if self.channel is not None:
            channels = next((axis for axis in range(1, rank) if axis not in axes), None)
            if channels is None:
                raise PositionError(f"layer {self.layer!r} has no channels: shape {tuple(shape)}")
            index[channels] = self._place(
                self.channel, shape[channels], f"channel {self.channel}", shape[channels]
            )
        return tuple(index), tuple(found)

    def _place(self, place: int, extent: int, what: str, extents: Any) -> int:
        try:
            place = whole(place)
        except TypeError:
            raise PositionError(f"{what} of layer {self.layer!r} isn't whole numbers") from None
        if not -extent <= place < extent:
            word = "extents" if isinstance(extents, tuple) else "channels:"
            raise PositionError(
                f"{what} lies outside layer {self.layer!r}, which has {word} {extents}"
            )
        return place % extent
