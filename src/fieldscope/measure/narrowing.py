"""Find the box that a function reads, from the outside: change regions, watch one position."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from fieldscope.errors import ModelError
from fieldscope.measure.blackbox import Array, BlackBox

Region: TypeAlias = tuple[tuple[int, slice], ...]
"""A union of slabs: each an axis and a run of its indices, whole along all other axes."""
Fill: TypeAlias = Literal["nan", "random"]
Index: TypeAlias = tuple[int | slice, ...]

WHOLE: Region = ((0, slice(None)),)

# What a region is filled with: another input like the clean one, then large values of either
# sign (a maximum hides small and negative ones, a dead unit one sign), then both at once.
_STYLES: tuple[tuple[float, int], ...] = ((1.0, 0), (1e2, 1), (1e2, -1), (1e4, 0))


@dataclass(slots=True)
class Side:
    """How far the elements at one end of an axis are known to be unread.

    Attributes:
        axis: the input's axis.
        high: the upper end of the axis, else the lower.
        extent: the axis's.
        clear: a slab of so many indices can change and nothing happens.
        hit: a slab of so many can't; the search ends when it is clear + 1.
    """

    axis: int
    high: bool
    extent: int
    clear: int
    hit: int

    def slab(self, thickness: int) -> Region:
        """So many indices at this end of the axis."""
        run = slice(self.extent - thickness, None) if self.high else slice(0, thickness)
        return ((self.axis, run),)

    @property
    def end(self) -> int:
        """The outermost index that is read, once the search has ended."""
        return self.extent - 1 - self.clear if self.high else self.clear


class Bench:
    """Changes regions of the input and tells by how much the output at a position changes.

    Variants are stacked along the batch axis where the function takes them so. A batched
    matrix product may round differently in another place of the batch or for another
    number of samples. So every call has the same number of slots, a slot is compared with
    the clean input *in that slot*, and any difference of bits is a change.

    Args:
        box: the function.
        clean: clean inputs, one per draw: [draws, *shape].
        where: the position in its result, an index per axis; a slice on a batch axis.
        batch: most samples in a call; 1 where axis 0 holds no samples.
        tolerance: changes up to this share of the largest don't count.
        rng: where random changes come from.
    """

    def __init__(
        self,
        box: BlackBox,
        clean: Array,
        where: Index,
        *,
        batch: int,
        tolerance: float,
        rng: np.random.Generator,
    ) -> None:
        self._box, self._clean, self._where, self._rng = box, clean, where, rng
        self._tolerance, self._floor = tolerance, 0.0
        self.draws = len(clean)
        self.evaluations = 0
        self.slots = 1
        self._references: dict[int, Array] = {}
        self.renew()
        if batch >= 2 * self.draws:
            self._stack(batch // self.draws * self.draws)

    def renew(self) -> None:
        """Draw other random changes."""
        # The square of the largest change is still finite.
        most = float(np.finfo(self._clean.dtype).max) ** 0.5
        scale = float(self._clean.std()) or 1.0
        for_draw = []
        for draw in range(self.draws):
            size, sign = _STYLES[draw % len(_STYLES)]
            values = self._rng.normal(size=self._clean.shape[1:]) * min(size * scale, most)
            for_draw.append(values if sign == 0 else sign * np.abs(values))
        self._noise = np.stack(for_draw).astype(self._clean.dtype)

    @property
    def precision(self) -> float:
        """Relative spacing of the input's numbers."""
        return float(np.finfo(self._clean.dtype).eps)

    def capacity(self, fill: Fill) -> int:
        """Number of regions that fit into one call."""
        return max(1, self.slots // (self.draws if fill == "random" else 1))

    def weigh(self) -> list[float]:
        """The change when the whole input is random; sets what the tolerance is a share of."""
        found = self.changes([WHOLE], "random")
        largest = max([*found, *(float(np.abs(one).max()) for one in self._references.values())])
        self._floor = self._tolerance * largest if largest < inf else 0.0
        return found

    def changes(self, regions: Sequence[Region], fill: Fill) -> list[float]:
        """By how much the position changes with each region, at most; 0 for not at all.

        A result of NaN is an infinite change.
        """
        if self.slots == 1:
            return [self._alone(region, fill) for region in regions]
        room = self.capacity(fill)
        found: list[float] = []
        for first in range(0, len(regions), room):
            found += self._together(regions[first : first + room], fill)
        return found

    def _alone(self, region: Region, fill: Fill) -> float:
        """One sample a call, until a draw shows a change."""
        for draw in range(self.draws if fill == "random" else 1):
            if draw not in self._references:
                reference = self._run(self._clean[draw].copy())[self._where]
                self._references[draw] = finite(reference)
            sample = self._clean[draw].copy()
            self._change(sample, region, fill, draw)
            change = self._difference(self._run(sample)[self._where], self._references[draw])
            if change:
                return change
        return 0.0

    def _together(self, regions: Sequence[Region], fill: Fill) -> list[float]:
        samples = self._lanes()
        each = self.draws if fill == "random" else 1
        for number, region in enumerate(regions):
            for slot in range(number * each, number * each + each):
                self._change(samples[slot : slot + 1], region, fill, slot % self.draws)
        results = self._run(samples)
        changes = [
            self._difference(result[self._where[1:]], self._references[slot])
            for slot, result in enumerate(results[: len(regions) * each])
        ]
        return [max(changes[k : k + each]) for k in range(0, len(changes), each)]

    def _change(self, sample: Array, region: Region, fill: Fill, draw: int) -> None:
        for axis, run in region:
            at = (*[slice(None)] * axis, run)
            sample[at] = np.nan if fill == "nan" else self._noise[draw][at]

    def _difference(self, result: Array, reference: Array) -> float:
        if result.shape != reference.shape:
            raise ModelError(
                f"the function's result changes its shape with the input's values: "
                f"{reference.shape} and {result.shape} at the position\n"
                "probe a part of it whose shape stays"
            )
        found = _largest(result, reference)
        return found if found > self._floor else 0.0

    def _run(self, samples: Array) -> Array:
        self.evaluations += self.slots
        return self._box(samples)

    def _lanes(self) -> Array:
        """The clean input of each slot: those of all draws, over and over."""
        # Each is [1, *sample], and a batch of one is what stacking is for.
        turns = self.slots // self.draws
        return np.concatenate([self._clean[:, 0]] * turns)

    def _stack(self, slots: int) -> None:
        """Use so many slots a call, if the function takes them and keeps samples apart."""
        self.slots = slots
        try:
            clean, mixed = self._run(self._lanes()), self._lanes()
            for slot in range(1, slots, 2):
                mixed[slot] = self._noise[slot % self.draws][0]
            changed = self._run(mixed)
        except Exception:  # whatever a function raises that takes one sample only
            self.slots = 1
            return
        if clean.shape != changed.shape or clean.shape[:1] != (slots,):
            self.slots = 1
            return
        at = (slice(None), *self._where[1:])
        clean, changed = clean[at], changed[at]
        differs = [
            not alike(one, other, self._tolerance)
            for one, other in zip(changed, clean, strict=True)
        ]
        # Where the changed samples don't differ, the slots may not be what they seem.
        if any(differs[::2]) or not any(differs[1::2]):
            self.slots = 1
            return
        self._references = dict(enumerate(finite(clean)))


def sides(shape: Sequence[int], axes: Iterable[int]) -> list[Side]:
    """Both ends of each axis, with nothing known but that the whole is read."""
    return [
        Side(axis, high, shape[axis], 0, shape[axis]) for axis in axes for high in (False, True)
    ]


def narrow(bench: Bench, ends: Sequence[Side], fill: Fill) -> None:
    """Find for each side the thickest slab that can change without effect.

    All sides share a call, and each tries as many thicknesses in it as fit: with m of them
    a side is found in log n / log(m + 1) rounds.
    """
    while unsettled := [side for side in ends if side.hit - side.clear > 1]:
        each = max(1, bench.capacity(fill) // len(unsettled))
        tries = [(side, cut) for side in unsettled for cut in _cuts(side, each)]
        found = bench.changes([side.slab(cut) for side, cut in tries], fill)
        # From thin to thick: the first that shows decides, so that a thicker slab whose
        # changes happen to cancel doesn't count.
        for (side, cut), change in zip(tries, found, strict=True):
            if cut < side.hit:
                if change:
                    side.hit = cut
                else:
                    side.clear = cut


def outside(ends: Sequence[Side]) -> Region:
    """Everything that is known to be unread."""
    return tuple(slab for side in ends if side.clear for slab in side.slab(side.clear))


def box(ends: Sequence[Side]) -> tuple[slice, ...]:
    """The hull between the sides, which come as lower and upper of each axis.

    The clean input with `clear` indices of a side changed, and with one more, differ in
    nothing but that index and give different results: so each end is read. Two elements
    that matter only together may leave the ends crossed; both are read.
    """
    found = []
    for low, high in zip(ends[::2], ends[1::2], strict=True):
        first, last = sorted((low.end, high.end))
        found.append(slice(first, last + 1))
    return tuple(found)


def _cuts(side: Side, most: int) -> list[int]:
    between = side.hit - side.clear
    parts = min(most, between - 1) + 1
    return [side.clear + between * part // parts for part in range(1, parts)]


def finite(clean: Array) -> Array:
    """The result on a clean input, which must say something.

    Raises:
        ModelError: it holds NaN or infinity.
    """
    bad = np.size(clean) - np.count_nonzero(np.isfinite(clean))
    if bad:
        of = f" in {bad} of {np.size(clean)} numbers" if np.size(clean) > 1 else ""
        raise ModelError(
            f"the function returns NaN or infinity at the position{of}, for a clean input "
            "without any, so no change can be seen\n"
            "pass example=<an input on which it is finite>, or channel= for one that is"
        )
    return clean


def alike(one: Array, other: Array, tolerance: float) -> bool:
    """Whether two results are the same, up to a share of the larger number."""
    return _largest(one, other) <= tolerance * float(np.abs(other).max(initial=0))


def _largest(one: Array, other: Array) -> float:
    """The largest difference; infinite where one of them alone is no finite number."""
    kind: npt.DTypeLike = complex if one.dtype.kind == "c" else float
    with np.errstate(all="ignore"):
        apart: npt.NDArray[Any] = np.abs(np.asarray(one, kind) - np.asarray(other, kind))
    return inf if np.isnan(apart).any() else float(apart.max(initial=0))
