"""A chain of windows by hand: size, stride and start from kernels and strides, no model."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain as joined
from operator import index
from typing import Any, TypeAlias

from fieldscope.errors import InputError

Stride: TypeAlias = int | Fraction
Run: TypeAlias = tuple[int, int]

_WANTED = "(kernel, stride[, dilation[, padding]]), such as (3, 2)"
_NOTHING: Run = (0, 0)


@dataclass(frozen=True, slots=True)
class Step:
    """One window of a chain, on one axis.

    Attributes:
        kernel: number of taps.
        stride: steps of the operand per position; a fraction 1/u for a transposed window
            (upsampling by u).
        dilation: distance between taps.
        padding: padding before the first element, as a convolution's or a transposed
            convolution's argument says it.
    """

    kernel: int
    stride: Stride
    dilation: int = 1
    padding: int = 0

    @property
    def kernel_eff(self) -> int:
        """Extent of the dilated kernel, d(k − 1) + 1."""
        return self.dilation * (self.kernel - 1) + 1


@dataclass(frozen=True, slots=True)
class Row:
    """The field behind one step of a chain.

    Attributes:
        step: the step; None before the first.
        size: elements from the first to the last one read; the largest phase's where the
            field has several.
        stride: input elements per position, a `Fraction` where it isn't whole.
        start: first element that position 0 reads, negative under padding; None if it
            reads nothing (a transposed window with gaps).
        phases: (lo, hi) of the first positions, half open, until the field repeats: phase
            i mod P is that of position i, moved by P·stride per repeat. (0, 0) reads nothing.
    """

    step: Step | None
    size: int
    stride: Stride
    start: int | None
    phases: tuple[Run, ...]

    @property
    def period(self) -> int:
        """Positions after which the field repeats; 1 without upsampling."""
        return len(self.phases)


@dataclass(frozen=True, slots=True)
class ClosedForm:
    """r₀ = 1 + Σ (k_eff,l − 1) Π_{i<l} s_i with a chain's numbers (Araujo, Norris, Sim 2019).

    A transposed window (stride 1/u) multiplies its own term too: its taps lie on the
    finer grid that it makes. The taps of a position then span value − 1, and the
    elements read are whole places in that span, so that `bound`, the value rounded
    down, is reached or is too large by what the grid leaves out.

    Attributes:
        terms: per step, (k_eff − 1, product of the strides).
        value: the sum; a `Fraction` only with upsampling.
        size: the field's true size, by the recursion.
        text: the formula with its numbers.
        latex: the same for LaTeX's mathematics mode.
    """

    terms: tuple[tuple[int, Stride], ...]
    value: Stride
    size: int
    text: str
    latex: str

    @property
    def bound(self) -> int:
        """The value rounded down: the size, or more than it where not `exact`."""
        return int(self.value)

    @property
    def exact(self) -> bool:
        """Whether the formula gives the size; always without upsampling."""
        return self.bound == self.size

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True, repr=False)
class Chain:
    """The field of a chain of windows; iterating goes through `rows`.

    Attributes:
        rows: the field behind each step.

    Example:
        >>> found = chain([(3, 1), (2, 2), (3, 1)])
        >>> [row.size for row in found], found.size, found.stride
        ([3, 4, 8], 8, 2)
    """

    rows: tuple[Row, ...]

    @property
    def steps(self) -> tuple[Step, ...]:
        """The windows."""
        return tuple(row.step for row in self.rows if row.step is not None)

    @property
    def _last(self) -> Row:
        return self.rows[-1] if self.rows else _INPUT

    @property
    def size(self) -> int:
        """Elements from the first to the last one read by a position of the last step."""
        return self._last.size

    @property
    def stride(self) -> Stride:
        """Input elements per position of the last step."""
        return self._last.stride

    @property
    def start(self) -> int | None:
        """First element that position 0 of the last step reads; None if it reads nothing."""
        return self._last.start

    @property
    def phases(self) -> tuple[Run, ...]:
        """(lo, hi) of the last step's first positions, until the field repeats."""
        return self._last.phases

    @property
    def period(self) -> int:
        """Positions of the last step after which the field repeats."""
        return self._last.period

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        numbers = f"size={self.size}, stride={self.stride}, start={self.start}"
        return f"Chain({numbers}, steps={len(self)})"

    def __str__(self) -> str:
        cells: list[tuple[str, ...]] = [
            ("kernel", "stride", "dilation", "padding", "size", "jump", "start")
        ]
        for row in self.rows:
            assert row.step is not None
            one = row.step
            of_step = (one.kernel, one.stride, one.dilation, one.padding)
            cells.append(tuple(map(str, (*of_step, row.size, row.stride, row.start))))
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        return "\n".join(
            "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True))
            for line in cells
        )

    def closed_form(self) -> ClosedForm:
        """The size as one formula, with the chain's numbers.

        Exact without upsampling. With it, no formula of this kind holds for all chains:
        what is given is a bound, and the text says whether the field reaches it.

        Example:
            >>> print(chain([(9, 1), (3, 2), (3, 1, 2)]).closed_form())
            1 + (9 − 1) + (3 − 1) + 2·(3 − 1)·2 = 19
            >>> print(chain([(3, 0.5)]).closed_form())
            1 + (3 − 1)·1/2 = 2
        """
        return _closed_form(self)


_INPUT = Row(None, 1, 1, 0, ((0, 1),))


def chain(steps: Iterable[Sequence[Any]]) -> Chain:
    """Work out the field of a chain of windows from its numbers alone.

    Per step, size' = size + (k_eff − 1)·stride, stride' = stride·s and
    start' = start − p·stride, with k_eff = d(k − 1) + 1 (Araujo, Norris, Sim, *Computing
    Receptive Fields of Convolutional Neural Networks*, Distill 2019,
    doi 10.23915/distill.00021). Behind a transposed window (stride 1/u: position o reads
    each i with u·i − p + d·t = o for a tap t) neighbours read differently many elements,
    so the field is followed phase by phase, in whole numbers.

    Args:
        steps: the windows in order, each (kernel, stride[, dilation[, padding]]). A stride
            of 0.5 or Fraction(1, 2) is a transposed window that doubles the extent.
            Convolutions and poolings alike; for two axes, one chain each.

    Raises:
        InputError: a step isn't one; the message says which.

    Example:
        >>> found = chain([(9, 1), (3, 1), (3, 1, 2)])
        >>> found.size, found.stride, found.start
        (15, 1, 0)
        >>> print(chain([(7, 2, 1, 3), (3, 2, 1, 1), (3, 1, 1, 1)]))
        kernel  stride  dilation  padding  size  jump  start
             7       2         1        3     7     2     -3
             3       2         1        1    11     4     -5
             3       1         1        1    19     4     -9
        >>> [row.size for row in chain([(3, 2), (4, 0.5), (3, 1)])]
        [3, 5, 7]
    """
    if isinstance(steps, (str, bytes)) or not isinstance(steps, Iterable):
        raise InputError(f"chain got {steps!r}; give a list of steps {_WANTED}")
    rows: list[Row] = []
    phases: tuple[Run, ...] = _INPUT.phases
    advance = 1  # input elements per period
    for place, given in enumerate(steps):
        step = _step(given, place)
        if step.stride < 1:
            phases, advance = _spread(phases, advance, step, Fraction(step.stride).denominator)
        else:
            phases, advance = _window(phases, advance, step, int(step.stride))
        phases, advance = _shortest(phases, advance)
        size = max(hi - lo for lo, hi in phases)
        start = None if phases[0] == _NOTHING else phases[0][0]
        rows.append(Row(step, size, _plain(Fraction(advance, len(phases))), start, phases))
    return Chain(tuple(rows))


def _step(given: Any, place: int) -> Step:
    if isinstance(given, (str, bytes)) or not isinstance(given, Sequence):
        raise InputError(f"step {place} of the chain is {given!r}; want {_WANTED}")
    if not 2 <= len(given) <= 4:
        raise InputError(
            f"step {place} of the chain is {given!r}, with {len(given)} numbers; want {_WANTED}"
        )
    least = {"kernel": 1, "dilation": 1, "padding": 0}
    numbers = dict(zip(("kernel", "stride", "dilation", "padding"), given, strict=False))
    whole = {
        word: _whole(number, word, least[word], place)
        for word, number in numbers.items()
        if word != "stride"
    }
    return Step(stride=_stride(numbers["stride"], place), **whole)


def _whole(number: Any, word: str, least: int, place: int) -> int:
    try:
        found = None if isinstance(number, bool) else index(number)
    except TypeError:
        found = None
    if found is None or found < least:
        hint = "\none chain is one axis: give each axis its own" if _several(number) else ""
        raise InputError(
            f"step {place} of the chain has {word} {number!r}; "
            f"want a whole number, {least} or more{hint}"
        )
    return found


def _several(number: Any) -> bool:
    return isinstance(number, (tuple, list))


def _stride(number: Any, place: int) -> Stride:
    """A whole stride, or 1/u: a float stands for the nearest such fraction."""
    if not isinstance(number, (float, Fraction)):
        return _whole(number, "stride", 1, place)
    exact = Fraction(number) if math.isfinite(number) else Fraction(0)
    if exact >= 1 and exact.denominator == 1:
        return int(exact)
    if 0 < exact < 1:
        near = Fraction(1, round(1 / exact))
        if abs(near - exact) < near / 1_000_000:
            return near
    raise InputError(
        f"step {place} of the chain has stride {number!s}; want a whole number, or 1/u such as "
        "0.5 or Fraction(1, 3) for a transposed window that upsamples by u\n"
        "for a stride of p/q write two steps: (1, Fraction(1, q)) and (1, p)"
    )


def _plain(number: Fraction) -> Stride:
    return int(number) if number.denominator == 1 else number


def _taps(kernel: int, repeat: int) -> Iterable[int]:
    """The taps that can be the first or the last to read: those between are in the hull."""
    if kernel <= 2 * repeat:
        return range(kernel)
    return joined(range(repeat), range(kernel - repeat, kernel))


def _window(
    phases: tuple[Run, ...], advance: int, step: Step, stride: int
) -> tuple[tuple[Run, ...], int]:
    """Position j of a window reads the operand's j·s − p + d·t for each tap t."""
    period = len(phases)
    count = period // math.gcd(period, stride)
    taps = tuple(_taps(step.kernel, period))
    found = tuple(
        _union(_moved(phases, advance, j * stride - step.padding + step.dilation * t) for t in taps)
        for j in range(count)
    )
    return found, advance * (count * stride // period)


def _spread(
    phases: tuple[Run, ...], advance: int, step: Step, factor: int
) -> tuple[tuple[Run, ...], int]:
    """Position j of a transposed window reads each i with u·i − p + d·t = j for a tap t."""
    period = len(phases) * factor
    taps = tuple(_taps(step.kernel, period))
    found = []
    for j in range(period):
        aims = (j + step.padding - step.dilation * t for t in taps)
        found.append(
            _union(_moved(phases, advance, aim // factor) for aim in aims if aim % factor == 0)
        )
    return tuple(found), advance


def _moved(phases: tuple[Run, ...], advance: int, position: int) -> Run:
    turns, phase = divmod(position, len(phases))
    lo, hi = phases[phase]
    return (lo + advance * turns, hi + advance * turns) if lo < hi else _NOTHING


def _union(runs: Iterable[Run]) -> Run:
    """The hull of runs, of which the empty ones count for nothing."""
    some = [run for run in runs if run[0] < run[1]]
    return (min(lo for lo, _ in some), max(hi for _, hi in some)) if some else _NOTHING


def _shortest(phases: tuple[Run, ...], advance: int) -> tuple[tuple[Run, ...], int]:
    """The same field with its shortest period."""
    period = len(phases)
    for count in range(1, period // 2 + 1):
        if period % count or advance * count % period:
            continue
        step = advance * count // period
        first = phases[:count]
        if all(_moved(first, step, j) == phases[j] for j in range(count, period)):
            return first, step
    return phases, advance


def _closed_form(found: Chain) -> ClosedForm:
    terms: list[tuple[int, Stride]] = []
    text, latex = ["1"], ["1"]
    strides: list[Stride] = []
    for step in found.steps:
        # The taps of a transposed window lie on the grid that it makes.
        before = [*strides, step.stride] if step.stride < 1 else list(strides)
        strides.append(step.stride)
        product = Fraction(1)
        for stride in before:
            product *= stride
        terms.append((step.kernel_eff - 1, _plain(product)))
        factors = [stride for stride in before if stride != 1]
        dilation = [str(step.dilation)] if step.dilation > 1 else []
        text.append("·".join([*dilation, f"({step.kernel} − 1)", *map(str, factors)]))
        latex.append(r" \cdot ".join([*dilation, f"({step.kernel} - 1)", *map(_fraction, factors)]))
    value = _plain(1 + sum((wide * Fraction(stride) for wide, stride in terms), Fraction(0)))
    words, formula = " + ".join(text) + f" = {value}", " + ".join(latex) + f" = {_fraction(value)}"
    if value != found.size:
        words += f", rounded down {int(value)}"
        formula += rf", \quad \lfloor r_0 \rfloor = {int(value)}"
        if int(value) != found.size:
            words += f": a bound, the field is {found.size}"
            formula += rf" \geq {found.size}"
    return ClosedForm(tuple(terms), value, found.size, words, f"r_0 = {formula}")


def _fraction(number: Stride) -> str:
    if isinstance(number, int):
        return str(number)
    return rf"\frac{{{number.numerator}}}{{{number.denominator}}}"
