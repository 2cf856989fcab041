"""The numbers of a growth curve: a layer's sizes and strides along each axis, in order."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from fieldscope.analyses.fields import Field
    from fieldscope.analyses.layers import InputInfo, Layer

_MOST_LABELS = 14

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Curve:
    """One line of the picture: an axis of the input, or several that agree.

    Attributes:
        name: names of those axes.
        extents: the input's extent on each of them, by name.
        sizes: of the field, by layer; inf where the whole input is read, nan where nothing is.
        narrowest: the same along the shortest path.
        strides: by layer; nan where there is none.
    """

    name: str
    extents: dict[str, int]
    sizes: Numbers
    narrowest: Numbers
    strides: Numbers

    @property
    def finite(self) -> npt.NDArray[np.intp]:
        """Layers at which the size is a number."""
        return np.flatnonzero(np.isfinite(self.sizes))

    @property
    def whole(self) -> npt.NDArray[np.intp]:
        """Layers at which the whole input is read."""
        return np.flatnonzero(np.isinf(self.sizes))


def curves_of(layers: Sequence[Layer], info: InputInfo) -> tuple[Curve, ...]:
    """Follow each axis of an input through the layers; axes that agree make one curve."""
    fields = [layer.fields.get(info.name) for layer in layers]
    found: list[Curve] = []
    for axis, name in enumerate(info.axes):
        curve = Curve(
            name,
            {name: info.shape[info.spatial[axis]]},
            np.array([_size(field, axis) for field in fields], dtype=np.float64),
            np.array([_narrowest(field, axis) for field in fields], dtype=np.float64),
            np.array([_stride(field, axis) for field in fields], dtype=np.float64),
        )
        for at, other in enumerate(found):
            if all(
                np.array_equal(one, two, equal_nan=True)
                for one, two in ((other.sizes, curve.sizes), (other.strides, curve.strides))
            ):
                found[at] = Curve(
                    f"{other.name}, {name}",
                    other.extents | curve.extents,
                    other.sizes,
                    np.minimum(other.narrowest, curve.narrowest),
                    other.strides,
                )
                break
        else:
            found.append(curve)
    return tuple(found)


def _size(field: Field | None, axis: int) -> float:
    # Nothing read is no size of 0 that a curve would fall to.
    return float(field.size[axis]) or math.nan if field is not None else math.nan


def _narrowest(field: Field | None, axis: int) -> float:
    return float(field.narrowest[axis]) or math.nan if field is not None else math.nan


def _stride(field: Field | None, axis: int) -> float:
    stride = None if field is None else field.stride[axis]
    return math.nan if stride is None else float(stride)


def labelled(layers: Sequence[Layer], curves: Sequence[Curve]) -> list[int]:
    """Choose the layers to name: those at which something happens, none too near another.

    In this order: the last number before the whole input is read, the first and the last
    layer, where a size passes the input's extent, where a stride changes, then the largest
    steps of size.
    """
    count = len(layers)
    apart = max(1.0, count / _MOST_LABELS * 0.8)
    chosen: list[int] = []
    for at in _candidates(count, curves):
        if len(chosen) == _MOST_LABELS:
            break
        if all(abs(at - other) >= apart for other in chosen):
            chosen.append(at)
    return sorted(chosen)


def _candidates(count: int, curves: Sequence[Curve]) -> Iterator[int]:
    steps: dict[int, float] = {}
    for curve in curves:
        if curve.finite.size:
            yield int(curve.finite[-1])
    yield count - 1
    yield 0
    for curve in curves:
        for extent in curve.extents.values():
            passed = curve.finite[curve.sizes[curve.finite] > extent]
            yield from map(int, passed[:1])
    for curve in curves:
        known = np.flatnonzero(np.isfinite(curve.strides))
        changes = known[1:][np.diff(curve.strides[known]) != 0]
        yield from map(int, changes)
        sizes = curve.sizes[curve.finite]
        for at, step in zip(curve.finite[1:], np.diff(sizes), strict=True):
            steps[int(at)] = max(steps.get(int(at), 0.0), float(step))
    yield from sorted((at for at, step in steps.items() if step > 0), key=lambda at: -steps[at])


def tail(curve: Curve) -> int | None:
    """Find from where on nothing but the whole input is read; gates before that don't count."""
    after = curve.finite[-1] + 1 if curve.finite.size else 0
    left = curve.whole[curve.whole >= after]
    return int(left[0]) if left.size else None
