"""The field of a function about which nothing is known, found by changing its input."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from fieldscope.errors import FieldscopeError, InputError, ModelError
from fieldscope.measure import narrowing, question
from fieldscope.measure.blackbox import Array, BlackBox, Framework, Session
from fieldscope.measure.narrowing import WHOLE, Bench, Side, narrow, outside, sides
from fieldscope.measure.question import Position

Box: TypeAlias = tuple[slice, ...]

# How often random changes are drawn anew before they are believed.
_ROUNDS = 4
_AT_LEAST = "random changes may miss what depends weakly or seldom: the true box may be larger"


@dataclass(frozen=True, slots=True, repr=False)
class Probe:
    """The box that one position of a function's result reads of its input, as measured.

    Attributes:
        shape: the input's shape, with batch.
        axes: its spatial axes, those of `hull`.
        position: index on each of the result's position axes.
        channel: the result's channel; None for all together.
        hull: from the first to the last element read per axis, half open and inside the
            given input: `array[..., *hull]`. What padding reads isn't there.
        seen: the part of it that random changes were seen to reach; all of it where the
            two ways agree. NaN gets through a weight or a mask of zero and where an
            influence is too weak for the precision, so that the truth lies between.
        method: "nan" if NaN found the hull, "random" if random changes did, which may miss
            what depends weakly or seldom: the true box may then be larger.
        calls: calls of the function.
        evaluations: samples that it was run on, in all calls.
        draws: random changes tried per region.
        remarks: what to mind, in words.

    Example:
        >>> found = probe(lambda x: x[..., 2:] - x[..., :-2], (1, 1, 10), position=(3,))
        >>> found.hull, found.size, found.method
        ((slice(3, 6, None),), (3,), 'nan')
    """

    shape: tuple[int, ...]
    axes: tuple[int, ...]
    position: tuple[int, ...]
    channel: int | None
    hull: Box
    seen: Box
    method: Literal["nan", "random"]
    calls: int
    evaluations: int
    draws: int
    remarks: tuple[str, ...] = ()

    @property
    def size(self) -> tuple[int, ...]:
        """Extent of the hull per axis."""
        return tuple(run.stop - run.start for run in self.hull)

    @property
    def confirmed(self) -> bool:
        """Whether random changes were seen to reach all ends of the hull."""
        return self.seen == self.hull

    def __repr__(self) -> str:
        first = (
            f"Probe(position={self.position}, hull=({_written(self.hull)}), size={self.size}, "
            f"method={self.method!r}, calls={self.calls})"
        )
        told = () if self.method == "nan" else (_AT_LEAST,)
        return "\n  ".join((first, *told, *self.remarks))


def probe(
    function: Callable[[Any], Any] | Session,
    shape: Sequence[int],
    position: Position = "center",
    *,
    framework: Framework | None = None,
    channel: int | None = None,
    position_axes: Sequence[int] | None = None,
    axes: Sequence[int] | None = None,
    example: Any = None,
    dtype: npt.DTypeLike | None = None,
    nan: bool = True,
    tolerance: float = 0.0,
    draws: int = 4,
    batch: int = 16,
    seed: int = 0,
) -> Probe:
    """Measure which box of the input a position reads, knowing nothing of the function.

    Regions of the input are filled with NaN, where the function carries NaN through, else
    with random values, and the box is narrowed from both ends of each axis by bisection,
    in O(log n) calls. What NaN finds is checked by large random changes: nothing outside
    may matter (else NaN got lost, as in a maximum that skips it, and random changes find
    the box), and the outermost elements should (else `Probe.seen` and a remark tell).
    All that is read counts, also what a position reads through statistics of the whole.

    Args:
        function: a function of one array, a model of PyTorch, Keras, TensorFlow or JAX, or an
            ONNX Runtime session.
        shape: the input's shape with batch, such as (1, 3, 224, 224).
        position: index on each position axis of the result, negative from the end, or
            "center": half of each extent, rounded down.
        framework: what arrays the function takes: "numpy", "torch", "jax", "tensorflow" or
            "keras"; by default those of the framework whose model it is, else NumPy's.
        channel: one channel of the result (its first axis behind the batch that holds no
            position) instead of all.
        position_axes: axes of the result that the position is on; by default `axes`, if it
            has as many axes as the input.
        axes: the input's spatial axes; by default all behind batch and channels.
        example: a real input to change parts of, for functions that want one; by default
            standard normal numbers.
        dtype: type of the input; by default the example's or the session's, else float32.
        nan: try NaN first; else random changes alone.
        tolerance: differences up to this share of the largest don't count. 0 takes any
            difference of bits for a change, which is right unless the function mixes
            rounding errors of far elements into the position (FFT and Winograd convolutions).
        draws: random changes tried per region: a change in any counts.
        batch: most samples in a call, where the function takes several and keeps them apart.
        seed: where the random numbers start.

    Raises:
        PositionError: the position or channel lies outside the result.
        InputError: shape, axes or an option is no such thing.
        ModelError: the function fails, ignores its input at the position, returns NaN
            anyway, or returns something else each time.
        MissingExtraError: the framework isn't installed.

    Example:
        >>> import numpy as np
        >>> def smooth(x):  # each position and its two neighbours, along the last axis
        ...     return x[..., :-2] + x[..., 1:-1] + x[..., 2:]
        >>> found = probe(smooth, (1, 1, 100), position=40)
        >>> found.hull, found.size, found.method
        ((slice(40, 43, None),), (3,), 'nan')
    """
    black_box = BlackBox(function, framework)
    extents = question.shape(shape)
    spatial = question.axes(axes, extents)
    for word, number, least in (("draws", draws, 1), ("batch", batch, 1)):
        if number < least:
            raise InputError(f"{word} is {number}; want {least} or more")
    rng = np.random.default_rng(seed)
    clean = question.clean(
        extents, example, question.dtype(dtype, example, black_box.dtype), draws, rng
    )
    result = _first(black_box, clean[0])
    on = question.position_axes(position_axes, spatial, result, len(extents))
    places = question.places(position, on, result.shape)
    where = question.where(places, on, channel, result.shape)
    _check_repeats(black_box, clean[0], narrowing.finite(result[where]), where, tolerance)
    has_batch = 0 not in spatial and 0 not in on and extents[0] == result.shape[0] == 1
    bench = Bench(
        black_box, clean, where, batch=batch if has_batch else 1, tolerance=tolerance, rng=rng
    )
    try:
        found = _Search(bench, sides(extents, spatial)).run(nan=nan)
    except FieldscopeError:
        raise
    except Exception as error:
        raise ModelError(
            f"the function fails once its input is changed: {_said(error)}\n"
            "wrap it so that it takes any finite input, or pass example=<a real input>"
        ) from error
    remarks = list(found.remarks)
    if has_batch and batch >= 2 * draws and bench.slots == 1:
        remarks.append(
            "one sample a call: the function doesn't take several, or doesn't keep them apart"
        )
    return Probe(
        shape=extents,
        axes=spatial,
        position=places,
        channel=channel,
        hull=found.hull,
        seen=found.seen,
        method=found.method,
        calls=black_box.calls,
        evaluations=bench.evaluations + 2,
        draws=draws,
        remarks=tuple(remarks),
    )


class _Search:
    """From the whole input to the box, and what was noticed on the way."""

    def __init__(self, bench: Bench, ends: list[Side]) -> None:
        self._bench, self._ends = bench, ends
        self.hull: Box = ()
        self.seen: Box = ()
        self.method: Literal["nan", "random"] = "random"
        self.remarks: list[str] = []
        self._whole = 0.0

    def run(self, *, nan: bool) -> _Search:
        """Find the box, by NaN where it gets through, else by random changes."""
        self._whole = max(self._bench.weigh())
        carried = nan and self._by_nan()
        if not self._whole and not carried:
            raise ModelError(
                "nothing changes at the position, even when the whole input does: the "
                "function ignores its input there\n"
                "choose another position or channel, or more draws= if dead units may hide it"
            )
        if not carried:
            self._by_random()
        return self

    def _by_nan(self) -> bool:
        """Whether NaN finds a box outside of which random changes do nothing."""
        ends = [copy(side) for side in self._ends]
        try:
            if self._bench.changes([WHOLE], "nan") != [float("inf")]:
                return False
            narrow(self._bench, ends, "nan")
        except FieldscopeError:
            raise
        except Exception:  # a function that refuses NaN is one that doesn't carry it
            return False
        rest = outside(ends)
        if rest and any(self._bench.changes([rest], "random")):
            self.remarks.append(
                "NaN got lost on the way, as in a maximum that skips it: elements outside of "
                f"its box, {_written(narrowing.box(ends))}, matter; random changes found the hull"
            )
            return False
        self.method, self.hull = "nan", narrowing.box(ends)
        self._confirm(ends)
        return True

    def _confirm(self, ends: list[Side]) -> None:
        """Look whether finite changes reach the ends that NaN found."""
        self.seen = self.hull
        waiting, weakest = list(ends), self._whole
        for turn in range(_ROUNDS):
            if turn:
                self._bench.renew()
            found = self._bench.changes([end.slab(end.clear + 1) for end in waiting], "random")
            weakest = min([weakest, *filter(None, found)])
            waiting = [end for end, change in zip(waiting, found, strict=True) if not change]
            if not waiting:
                self._weigh(weakest)
                return
        for end in waiting:
            end.clear, end.hit = min(end.clear + 1, end.extent), end.extent
        if not any(self._bench.changes([WHOLE], "random")):
            self.seen = tuple(slice(run.start, run.start) for run in self.hull)
            said = "random changes of the whole input do nothing at the position"
        else:
            narrow(self._bench, waiting, "random")
            self.seen = narrowing.box(ends)
            said = f"random changes reach only {_written(self.seen)} of it"
        self.remarks.append(
            f"NaN found the hull, but {said}: the rest is multiplied by zero (a mask, a weight), "
            "is too weak for the precision, or hangs on dead units"
        )

    def _by_random(self) -> None:
        narrow(self._bench, self._ends, "random")
        for _ in range(_ROUNDS):
            # A draw may miss a change that another sees, so others are asked.
            self._bench.renew()
            some = [side for side in self._ends if side.clear]
            found = self._bench.changes([side.slab(side.clear) for side in some], "random")
            for side, change in zip(some, found, strict=True):
                if change:
                    side.hit, side.clear = side.clear, 0
            if not any(found):
                break
            narrow(self._bench, self._ends, "random")
        else:
            self.remarks.append(
                f"after {_ROUNDS} rounds, new random changes still widened the hull: it may be "
                "larger; pass more draws="
            )
        self.hull = self.seen = narrowing.box(self._ends)
        found = self._bench.changes([s.slab(s.clear + 1) for s in self._ends], "random")
        self._weigh(min([self._whole, *filter(None, found)]))

    def _weigh(self, weakest: float) -> None:
        """Say so where an end was seen by no more than what rounding may do."""
        if weakest < 64 * self._bench.precision * self._whole < float("inf"):
            self.remarks.append(
                f"the change by an outermost element is {weakest / self._whole:.0e} of the "
                "whole's: a weak influence, or rounding errors that an FFT or Winograd "
                "convolution spreads; nan=False with tolerance=1e-5 leaves such changes out"
            )


def _written(box: Box) -> str:
    return ", ".join(f"{run.start}:{run.stop}" for run in box)


def _said(error: Exception) -> str:
    first = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def _first(black_box: BlackBox, clean: Array) -> Array:
    try:
        return black_box(clean.copy())
    except FieldscopeError:
        raise
    except Exception as error:
        raise ModelError(
            f"the function fails on an input of shape {clean.shape}, {clean.dtype}: "
            f"{_said(error)}\ncheck shape=, dtype= and framework=, or pass example=<a real input>"
        ) from error


def _check_repeats(
    black_box: BlackBox, clean: Array, before: Array, where: narrowing.Index, tolerance: float
) -> None:
    again = black_box(clean.copy())
    if again[where].shape != before.shape or not narrowing.alike(again[where], before, tolerance):
        raise ModelError(
            "two calls on the same input differ: the function draws random numbers or keeps "
            "a state\nswitch that off (model.eval() for dropout), or pass tolerance=1e-5 if "
            "it only rounds differently each time"
        )
