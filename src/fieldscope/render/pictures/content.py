"""From a map to what its panels show: planes of it, colours, light, the cut through a volume."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, floor, isqrt, log10
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.colors import LogNorm, Normalize

from fieldscope.analyses.support import SupportMask
from fieldscope.errors import InputError
from fieldscope.geometry.maps import InputMap
from fieldscope.render import maps as words
from fieldscope.render.pictures.images import Floats
from fieldscope.render.pictures.plane import Box, Plane, extent

# Below this share of its maximum, a gradient on a logarithmic scale is as good as nothing.
_LEAST_SHARE = 1e-6
# Where the strongest elements are more than twice as strong, colours end at this quantile.
_USUAL = 0.995


def check(found: InputMap) -> None:
    """Refuse a map that there is no picture of.

    Raises:
        InputError: it has no spatial axes, more than three, or an extent of 0.
    """
    mask = found.mask
    if not 1 <= mask.ndim <= 3:
        axes = "no spatial axes" if not mask.ndim else f"{mask.ndim} spatial axes"
        raise InputError(
            f"{words.owner(found)} has {axes}: pictures show 1, 2 or 3\n"
            "print the map for its numbers, or choose the axes with axes="
        )
    if not mask.size:
        raise InputError(
            f"{words.owner(found)} has no elements to draw: its extents are {mask.shape}"
        )


@dataclass(frozen=True, slots=True)
class Scale:
    """How strengths become colours and light, alike for all maps of a picture.

    Attributes:
        norm: from 0 or the least strength to the top.
        clipped: whether a few elements are stronger than the top.
    """

    norm: Normalize
    clipped: bool

    @property
    def log(self) -> bool:
        """Whether it is logarithmic."""
        return isinstance(self.norm, LogNorm)

    @property
    def low(self) -> float:
        """The strength that the scale begins with."""
        return float(self.norm.vmin or 0)

    @property
    def top(self) -> float:
        """The strength that the scale ends with."""
        return float(self.norm.vmax or 1)

    def light(self, found: InputMap) -> npt.NDArray[np.float32]:
        """Say how much light falls on each element: none where nothing is read."""
        values = np.where(found.mask, found.intensity, self.top)
        if self.log:
            share = np.log(values / self.low) / np.log(self.top / self.low)
        else:
            # The square root brings weak elements out of the dark.
            share = np.sqrt(values / self.top)
        return np.where(found.mask, np.clip(share, 0.08, 1), 0).astype(np.float32)


def scale(found: Sequence[InputMap], *, log: bool) -> Scale | None:
    """Choose how strengths are shown; None where maps know only read or not read.

    Raises:
        InputError: `log`, and the maps have no strengths.
    """
    heats = [one for one in found if one.graded]
    if not heats:
        if log:
            raise InputError(
                "a logarithmic scale needs strengths, and a support mask has none\n"
                "draw a heat map (fieldscope.gradient), or leave log out"
            )
        return None
    read = np.concatenate([one.intensity[one.mask & np.isfinite(one.intensity)] for one in heats])
    most = float(read.max(initial=0.0)) or 1.0
    if log:
        low = max(float(read.min(initial=most)), most * _LEAST_SHARE)
        return Scale(LogNorm(low if low < most else most / 10, most), clipped=False)
    # A single element that is far stronger than the rest would leave those in the dark.
    usual = float(np.quantile(read, _USUAL)) if read.size else most
    clipped = most > 2 * usual
    return Scale(Normalize(0.0, usual if clipped else most), clipped=clipped)


def decades(low: float, high: float) -> Iterator[float]:
    """Choose powers of ten between two values; the values themselves if there are none.

    >>> list(decades(0.002, 30))
    [0.01, 0.1, 1.0, 10.0]
    >>> list(decades(2, 7))
    [2, 7]
    """
    powers = range(ceil(log10(low) - 1e-9), floor(log10(high) + 1e-9) + 1)
    yield from [10.0**power for power in powers] or [low, high]


def middle(found: InputMap) -> tuple[float, ...] | None:
    """Find the hull's centre, in elements; None where nothing is read.

    >>> mask = np.array([0, 1, 0, 0, 1, 0], dtype=bool)
    >>> middle(SupportMask("net", "conv", (1,), None, "x", ("t",), mask, (0,)))
    (2.5,)
    """
    if not found.count:
        return None
    return tuple((run.start + run.stop - 1) / 2 for run in found.hull)


def cut(found: InputMap) -> tuple[int, ...]:
    """Find the element that is read nearest to the hull's centre: slices go through it.

    The centre itself may lie in a gap, and a slice through a gap shows nothing.
    """
    centre = middle(found)
    if centre is None:
        return tuple(length // 2 for length in found.mask.shape)
    read = np.argwhere(found.mask[found.hull]) + [run.start for run in found.hull]
    # Rounded down on a tie: the same element everywhere.
    nearest = ((read - np.array(centre)) ** 2).sum(axis=1).argmin()
    return tuple(int(at) for at in read[nearest])


def planes(
    found: InputMap,
    image: Floats | None,
    scale: Scale | None,
    *,
    own: Sequence[float] | None = None,
    in_colours: bool = True,
) -> tuple[tuple[Plane, str], ...]:
    """Give the planes that a map over two or three axes is shown by, and their captions.

    Args:
        found: the map.
        image: the input, where it is known `[... channels]`.
        scale: how strengths are shown.
        own: the position's own centre on the input.
        in_colours: whether a heat map's values are shown as colours, and not as light
            on the image.
    """
    mask = found.mask
    hull = found.hull
    # Of a support mask it is known only what is read, also where it stands among heat maps.
    heat = scale if found.graded else None
    held: dict[str, Any] = {"mask": mask, "weight": mask if heat is None else heat.light(found)}
    if in_colours and heat is not None:
        held["values"] = found.intensity
    elif image is not None:
        held["image"] = image
    centre = middle(found)
    rest: dict[str, Any] = {
        "norm": None if heat is None else heat.norm,
        "bound": isinstance(found, SupportMask) and not found.exact,
    }

    def plane(rows: int, columns: int, index: tuple[Any, ...]) -> Plane:
        def along(values: Sequence[Any] | None) -> Any:
            return None if values is None else (values[rows], values[columns])

        return Plane(
            **{key: value[index] for key, value in held.items()},
            hull=along(hull),
            names=along(found.axes),
            centre=along(centre),
            own=along(own),
            **rest,
        )

    if mask.ndim == 2:
        return ((plane(0, 1, ()), ""),)
    at = cut(found)
    whole = slice(None)
    return tuple(
        (
            plane(rows, columns, tuple(at[k] if k == fixed else whole for k in range(3))),
            f"{found.axes[fixed]} = {at[fixed]}",
        )
        for fixed, rows, columns in ((0, 1, 2), (1, 0, 2), (2, 0, 1))
    )


def around(hull: Box, whole: Box, *, least: int = 9) -> Box:
    """Give the hull with some of what lies around it, inside the plane."""
    found = []
    for run, all_ in zip(hull, whole, strict=True):
        length = extent(run)
        margin = max(length // 8, 1, -(-(least - length) // 2))
        found.append(slice(max(run.start - margin, all_.start), min(run.stop + margin, all_.stop)))
    return found[0], found[1]


def centred(hull: Box, whole: Box, length: int) -> Box:
    """Give the middle of the hull, at most `length` elements along each axis."""
    found = []
    for run, all_ in zip(hull, whole, strict=True):
        wide = min(length, extent(run))
        start = min(max((run.start + run.stop - wide) // 2, all_.start), all_.stop - wide)
        found.append(slice(start, start + wide))
    return found[0], found[1]


def union(found: Sequence[InputMap]) -> tuple[slice, ...] | None:
    """Give the box around all the maps' hulls; None where none of them reads anything."""
    hulls = [one.hull for one in found if one.count]
    if not hulls:
        return None
    return tuple(
        slice(min(run.start for run in runs), max(run.stop for run in runs))
        for runs in zip(*hulls, strict=True)
    )


def alike(found: Sequence[InputMap]) -> None:
    """Refuse maps that don't lie over one and the same input.

    Raises:
        InputError: there are none, or two differ in input, axes or extents.
    """
    if not found:
        raise InputError("there are no maps to draw")
    first = found[0]
    for one in found:
        check(one)
        mine, theirs = ((m.input, m.axes, m.mask.shape) for m in (one, first))
        if mine != theirs:
            raise InputError(
                "the maps lie over different inputs: "
                f"{one.layer} over {words.over(one)}, {first.layer} over {words.over(first)}"
            )


def columns_for(count: int, *, most: int) -> int:
    """Choose how many panels stand side by side, so that rows are full or nearly so.

    >>> [columns_for(count, most=4) for count in (1, 2, 3, 4, 5, 6, 7, 8, 9, 12)]
    [1, 2, 3, 4, 3, 3, 4, 4, 3, 4]
    """
    if count <= most:
        return count
    least = isqrt(count - 1) + 1
    choices = range(min(max(least, 3), most), most + 1) if least <= most else [most]
    return min(choices, key=lambda columns: (-count % columns, columns))
