"""A model of any framework, run on changed inputs, for all layers at once.

Along each spatial axis of the input its slices are changed one after another; every run shows of
all positions that are looked at whether they read that slice. That gives the box of each, by as
many runs as the input's extents add up to, whatever the number of layers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from fieldscope.errors import FieldscopeError
from fieldscope.geometry.regions import BoolArray
from fieldscope.measure.rehearsal import Index, Measurement

Array = npt.NDArray[Any]
Arrays = Mapping[str, Array]

ROUNDING = 1e-4
"""The share of an output that a change elsewhere may shift by rounding."""

_SIZES = (3.0, -1.0)
"""How strongly the input is changed in each round; each round has random inputs of its own."""

_CHANGES = (1.0, -8.0)

MOST_SLICES = 2048


class Run(NamedTuple):
    """A model that can be run.

    `function` gives the outputs of the layers, by name, for arrays by the inputs' names;
    `arrays` makes the inputs of a round; `hidden` says why layers can't be seen.
    """

    function: Callable[[Arrays], Arrays]
    arrays: Callable[[int], dict[str, Array]]
    hidden: Mapping[str, str]


class _Slices(NamedTuple):
    """Which slices of each spatial axis change a position: at all, and beyond rounding."""

    touched: list[BoolArray]
    sure: list[BoolArray]


class ChangesRehearsal:
    """A model run on changed inputs, of which some positions are looked at.

    Nothing is run before it is asked for.

    Args:
        run: the model.
        input: name of the input that is changed.
        spatial: its spatial axes.
        looked: the positions that will be asked for, by layer.
        seed: of the changes.
    """

    def __init__(
        self,
        run: Run,
        input: str,
        spatial: Sequence[int],
        looked: Mapping[str, Sequence[Index]],
        *,
        seed: int = 0,
    ) -> None:
        self._run = run
        self._input = input
        self._spatial = tuple(spatial)
        self._looked = {name: tuple(dict.fromkeys(places)) for name, places in looked.items()}
        self._seed = seed
        self._last: tuple[bytes, list[Arrays]] | None = None

    def touched(self, layer: str, index: Index) -> Measurement:
        """The box of all whose changes change the output there in any way, rounding included."""
        return self._box(layer, index, sure=False)

    def probed(self, layer: str, index: Index) -> Measurement:
        """The box of all whose changes change it by more than rounding."""
        return self._box(layer, index, sure=True)

    def changes(self, layer: str, index: Index, elements: BoolArray) -> bool | None:
        """Whether changing those elements changes the output there, beyond rounding.

        None where it can't be tried.
        """
        if layer in self._run.hidden or isinstance(self._base, str):
            return None
        try:
            before, *after = self._runs_on(elements)
        except FieldscopeError:
            return None
        if layer not in before:
            return None
        return any(_changed(before[layer], one[layer], index)[1] for one in after)

    @cached_property
    def _base(self) -> dict[str, Array] | str:
        arrays = self._run.arrays(0)
        if arrays[self._input].dtype.kind != "f":
            return (
                f"input {self._input!r} holds {arrays[self._input].dtype}, which can't be changed"
            )
        return arrays

    def _runs_on(self, elements: BoolArray) -> list[Arrays]:
        """The layers as they are, and with those elements changed."""
        key = np.packbits(elements).tobytes()
        if self._last is None or self._last[0] != key:
            base = self._run.arrays(0)
            rng = np.random.default_rng(self._seed)
            found = [self._run.function(base)]
            for size in _CHANGES:
                given = base[self._input]
                drawn = (size * rng.standard_normal(given.shape)).astype(given.dtype)
                changed = np.where(elements, given + drawn, given)
                found.append(self._run.function({**base, self._input: changed}))
            # Layers in a row often read the same.
            self._last = key, found
        return self._last[1]

    def _box(self, layer: str, index: Index, *, sure: bool) -> Measurement:
        if layer in self._run.hidden:
            return Measurement(None, self._run.hidden[layer])
        if isinstance(self._base, str):
            return Measurement(None, self._base)
        if isinstance(self._slices, str):
            return Measurement(None, self._slices)
        found = self._slices.get((layer, index))
        if found is None:
            return Measurement(None, f"{layer} wasn't seen in a run")
        shape = self._base[self._input].shape
        mask = np.zeros(shape, dtype=bool)
        box: list[slice] = [slice(None)] * len(shape)
        along = found.sure if sure else found.touched
        if all(hits.any() for hits in along):
            for axis, hits in zip(self._spatial, along, strict=True):
                (places,) = np.nonzero(hits)
                box[axis] = slice(int(places[0]), int(places[-1]) + 1)
            mask[tuple(box)] = True
        return Measurement(mask)

    @cached_property
    def _slices(self) -> dict[tuple[str, Index], _Slices] | str:
        """Which slices change each position that is looked at; a text if it can't be told."""
        assert not isinstance(self._base, str)
        extents = [self._base[self._input].shape[axis] for axis in self._spatial]
        if sum(extents) > MOST_SLICES:
            return f"the input has {sum(extents):,} slices; up to {MOST_SLICES:,} are changed"
        found: dict[tuple[str, Index], _Slices] = {}
        try:
            for number, size in enumerate(_SIZES):
                self._round(number, size, extents, found)
        except FieldscopeError as error:
            return str(error).partition("\n")[0]
        return found

    def _round(
        self,
        number: int,
        size: float,
        extents: Sequence[int],
        found: dict[tuple[str, Index], _Slices],
    ) -> None:
        base = self._run.arrays(number)
        before = self._run.function(base)
        rng = np.random.default_rng((self._seed, number))
        for place, axis, at in self._all(extents):
            given = base[self._input].copy()
            part: tuple[Any, ...] = (slice(None),) * axis + (at,)
            drawn = size * rng.standard_normal(given[part].shape)
            given[part] += drawn.astype(given.dtype)
            after = self._run.function({**base, self._input: given})
            for layer, indices in self._looked.items():
                if layer in self._run.hidden or layer not in after:
                    continue
                for index in indices:
                    hits = found.get((layer, index))
                    if hits is None:
                        none = [np.zeros(n, dtype=bool) for n in extents]
                        hits = _Slices(none, [one.copy() for one in none])
                        found[layer, index] = hits
                    touched, sure = _changed(before[layer], after[layer], index)
                    hits.touched[place][at] |= touched
                    hits.sure[place][at] |= sure

    def _all(self, extents: Sequence[int]) -> Iterator[tuple[int, int, int]]:
        for place, (axis, extent) in enumerate(zip(self._spatial, extents, strict=True)):
            for at in range(extent):
                yield place, axis, at


def _changed(before: Array, after: Array, index: Index) -> tuple[bool, bool]:
    """Whether a position changed at all, and by more than rounding."""
    picked = tuple(slice(None) if place is None else place for place in index)
    one, other = before[picked], after[picked]
    differ = (one != other) & ~((one != one) & (other != other))
    if not differ.any():
        return False, False
    if one.dtype.kind != "f":
        return True, True
    one, other = one.astype(np.float64), other.astype(np.float64)
    with np.errstate(invalid="ignore"):
        least = ROUNDING * max(float(np.abs(one).max()), float(np.abs(other).max()))
        sure = np.abs(one - other) > least
    broken = ~(np.isfinite(one) & np.isfinite(other))
    return True, bool(((sure | broken) & differ).any())
