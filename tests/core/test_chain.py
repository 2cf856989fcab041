"""Chains of windows by hand: against hand-checked numbers, torch and their own formula."""

from __future__ import annotations

import ast
import operator
from fractions import Fraction
from typing import Any

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

import fieldscope
from fieldscope.analyses.chain import Chain, chain
from fieldscope.errors import InputError

HALF = Fraction(1, 2)
VGG16 = [
    (kernel, stride, 1, padding)
    for blocks in (2, 2, 3, 3, 3)
    for kernel, stride, padding in [(3, 1, 1)] * blocks + [(2, 2, 0)]
]


@pytest.mark.parametrize(
    ("steps", "size", "stride", "start"),
    [
        ([], 1, 1, 0),
        ([(1, 1)], 1, 1, 0),
        ([(3, 1)], 3, 1, 0),
        ([(3, 1), (3, 1)], 5, 1, 0),
        ([(9, 1), (3, 1), (3, 1, 2)], 15, 1, 0),
        ([(3, 2), (3, 2), (3, 2)], 15, 8, 0),
        ([(1, 5), (1, 3)], 1, 15, 0),  # a stride over the kernel leaves gaps, not extent
        ([(2, 5), (2, 1)], 7, 5, 0),
        ([(7, 2, 1, 3), (3, 2, 1, 1)], 11, 4, -5),
        ([(3, 1, 4, 4), (3, 2, 3, 3)], 15, 2, -7),
        ([(9, 1), (3, 1), (3, 1), (3, 1), (9, 1), (3, 1), (3, 1), (7, 1), (3, 1)], 35, 1, 0),
        ([(4, 2)] * 3 + [(4, 1)] * 2, 70, 8, 0),  # PatchGAN
        (VGG16, 212, 32, -90),
        # (5, 3) / (3, 2), (5, 3) / 2, 3 pad 1, 3: 41 × 23, one chain per axis
        ([(5, 3), (5, 2), (3, 1, 1, 1), (3, 1)], 41, 6, -6),
        ([(3, 2), (3, 2), (3, 1, 1, 1), (3, 1)], 23, 4, -4),
    ],
)
def test_a_chain_has_the_numbers_worked_out_by_hand(
    steps: list[tuple[int, ...]], size: int, stride: int, start: int
) -> None:
    found = chain(steps)
    assert (found.size, found.stride, found.start, found.period) == (size, stride, start, 1)
    assert found.phases == ((start, start + size),)
    assert found.closed_form().value == size
    assert found.closed_form().exact


@pytest.mark.parametrize(
    ("steps", "size", "stride", "phases"),
    [
        # kernel 2, stride 2: every position reads one, two positions read the same
        ([(2, 0.5)], 1, HALF, ((0, 1), (0, 1))),
        # kernel 3: even positions lie on a tap of two elements, odd ones under the middle tap
        ([(3, HALF)], 2, HALF, ((-1, 1), (0, 1))),
        ([(3, 0.5, 1, 1)], 2, HALF, ((0, 1), (0, 2))),
        ([(4, 0.5, 1, 1)], 2, HALF, ((-1, 1), (0, 2))),
        # kernel 1, stride 3: two of three positions read nothing
        ([(1, 1 / 3)], 1, Fraction(1, 3), ((0, 1), (0, 0), (0, 0))),
        ([(1, 0.5, 1, 1)], 1, HALF, ((0, 0), (1, 2))),
        # and a window of two finds the one element between
        ([(1, 0.5), (2, 1)], 1, HALF, ((0, 1), (1, 2))),
        # a dilation that meets the grid's zeros: taps at even places only
        ([(3, 0.5, 2)], 3, HALF, ((-2, 1), (0, 0))),
        # up by two, down by two: no phases are left
        ([(2, 0.5), (2, 2)], 1, 1, ((0, 1),)),
        ([(2, 0.5), (3, 2)], 2, 1, ((0, 2),)),
        ([(2, 0.5), (1, 3)], 1, Fraction(3, 2), ((0, 1), (1, 2))),
        # a U-Net of one level: 10 at every position, [-5, 4] and [-4, 5] around it, never 11
        (
            [(3, 1, 1, 1), (2, 2), (3, 1, 1, 1), (2, 0.5), (3, 1, 1, 1)],
            10,
            1,
            ((-5, 5), (-3, 7)),
        ),
    ],
)
def test_upsampling_is_followed_phase_by_phase(
    steps: list[tuple[Any, ...]], size: int, stride: Fraction, phases: tuple[tuple[int, int], ...]
) -> None:
    found = chain(steps)
    assert (found.size, found.stride, found.phases) == (size, stride, phases)
    assert found.start == (phases[0][0] if phases[0] != (0, 0) else None)
    assert isinstance(found.stride, int) == (Fraction(stride).denominator == 1)


def test_rows_tell_the_field_behind_each_step() -> None:
    found = chain([(3, 2, 1, 1), (4, 0.5, 1, 1), (3, 1)])
    assert [(row.size, row.stride, row.start) for row in found] == [
        (3, 2, -1),
        (5, 1, -3),
        (7, 1, -3),
    ]
    assert found.rows[1].step == found.steps[1]
    assert (found.steps[1].kernel, found.steps[1].stride, len(found)) == (4, HALF, 3)
    assert repr(found) == "Chain(size=7, stride=1, start=-3, steps=3)"


def test_a_kernel_of_a_million_costs_no_more_than_a_small_one() -> None:
    found = chain([(1_000_001, 0.5), (1_000_000_000, 1, 7)])
    assert found.size == 1 + (500_000 + 7 * (999_999_999) // 2)


WINDOWS = st.tuples(st.integers(1, 7), st.integers(1, 3), st.integers(1, 4), st.integers(0, 4))
SPREADS = st.tuples(
    st.integers(1, 7),
    st.sampled_from([HALF, Fraction(1, 3)]),
    st.integers(1, 3),
    st.integers(0, 2),
)


def _layer(kernel: int, stride: int | Fraction, dilation: int, padding: int) -> nn.Module:
    if stride < 1:
        up = Fraction(stride).denominator
        return nn.ConvTranspose1d(1, 1, kernel, up, padding, dilation=dilation, bias=False)
    return nn.Conv1d(1, 1, kernel, int(stride), padding, dilation, bias=False)


@settings(max_examples=60)
@given(st.lists(WINDOWS, min_size=1, max_size=6))
def test_the_closed_form_gives_the_size_of_the_recursion(
    steps: list[tuple[int, int, int, int]],
) -> None:
    found = chain(steps)
    size, stride, start = 1, 1, 0
    for (kernel, s, dilation, padding), row in zip(steps, found, strict=True):
        start -= padding * stride
        size += dilation * (kernel - 1) * stride
        stride *= s
        assert (row.size, row.stride, row.start) == (size, stride, start)
    formula = found.closed_form()
    assert formula.exact
    assert formula.value == formula.bound == size == 1 + sum(a * b for a, b in formula.terms)
    assert [value(side) for side in formula.text.split(" = ")] == [size, size]


@settings(max_examples=60)
@given(st.lists(WINDOWS | SPREADS, min_size=1, max_size=5))
def test_the_closed_form_is_a_bound_with_upsampling(steps: list[tuple[Any, ...]]) -> None:
    found = chain(steps)
    formula = found.closed_form()
    assert found.size <= formula.bound <= formula.value
    assert ("a bound" in formula.text) == (not formula.exact) == (r"\geq" in formula.latex)
    first, _, rest = formula.text.partition(" = ")
    assert value(first) == formula.value == value(rest.partition(",")[0])


@settings(max_examples=60)
@given(st.lists(WINDOWS | SPREADS, min_size=1, max_size=5))
def test_a_chain_is_what_torch_convolutions_of_these_numbers_read(
    steps: list[tuple[Any, ...]],
) -> None:
    net = nn.Sequential(*[_layer(*step) for step in steps])
    extent = 400
    try:
        with torch.device("meta"):
            shape = net.to("meta")(torch.empty(1, 1, extent)).shape
    except RuntimeError:
        assume(False)
    assume(shape[2] > 0)
    found = chain(steps)
    assume(all(row.size for row in found))  # what reads nothing has no start to compare
    report = fieldscope.analyze(net, (1, 1, extent))
    for row, layer in zip(found, report.layers, strict=True):
        assert (layer.size, layer.stride, layer.start) == ((row.size,), (row.stride,), (row.start,))
        assert layer.period == (row.period,)
        assert layer.phases == ((row.phases,) if row.period > 1 else (None,))


@settings(max_examples=60)
@given(st.lists(WINDOWS | SPREADS, min_size=1, max_size=4), st.integers(-30, 30))
def test_a_position_reads_what_going_back_tap_by_tap_finds(
    steps: list[tuple[Any, ...]], position: int
) -> None:
    read = {position}
    for kernel, stride, dilation, padding in reversed(steps):
        up, down = Fraction(1 / Fraction(stride)), Fraction(stride)
        taps = [dilation * t - padding for t in range(kernel)]
        if down >= 1:
            read = {int(o * down) + tap for o in read for tap in taps}
        else:
            read = {(o - tap) // int(up) for o in read for tap in taps if (o - tap) % up == 0}
    found = chain(steps)
    turns, phase = divmod(position, found.period)
    lo, hi = found.phases[phase]
    moved = turns * found.period * found.stride
    told = (lo + moved, hi + moved) if lo < hi else None
    assert told == ((min(read), max(read) + 1) if read else None)


@pytest.mark.parametrize(
    ("steps", "text", "latex"),
    [
        ([], "1 = 1", "r_0 = 1 = 1"),
        (
            [(9, 1), (3, 2), (3, 1, 2)],
            "1 + (9 − 1) + (3 − 1) + 2·(3 − 1)·2 = 19",
            r"r_0 = 1 + (9 - 1) + (3 - 1) + 2 \cdot (3 - 1) \cdot 2 = 19",
        ),
        (
            [(4, 0.5)],
            "1 + (4 − 1)·1/2 = 5/2, rounded down 2",
            (
                r"r_0 = 1 + (4 - 1) \cdot \frac{1}{2} = \frac{5}{2}, "
                r"\quad \lfloor r_0 \rfloor = 2"
            ),
        ),
        (
            # one element and two zeros, twice: the taps of a position never meet two elements
            [(2, Fraction(1, 3)), (2, 1)],
            "1 + (2 − 1)·1/3 + (2 − 1)·1/3 = 5/3, rounded down 1",
            (
                r"r_0 = 1 + (2 - 1) \cdot \frac{1}{3} + (2 - 1) \cdot \frac{1}{3} = \frac{5}{3}, "
                r"\quad \lfloor r_0 \rfloor = 1"
            ),
        ),
        (
            # taps two apart on a grid of three: those that meet elements are six apart
            [(3, Fraction(1, 3), 2)],
            "1 + 2·(3 − 1)·1/3 = 7/3, rounded down 2: a bound, the field is 1",
            (
                r"r_0 = 1 + 2 \cdot (3 - 1) \cdot \frac{1}{3} = \frac{7}{3}, "
                r"\quad \lfloor r_0 \rfloor = 2 \geq 1"
            ),
        ),
    ],
)
def test_the_closed_form_is_written_with_the_chains_numbers(
    steps: list[tuple[Any, ...]], text: str, latex: str
) -> None:
    formula = chain(steps).closed_form()
    assert (formula.text, formula.latex) == (text, latex)
    assert str(formula) == text


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ("abc", "chain got 'abc'; give a list of steps (kernel, stride[, dilation[, padding]])"),
        (3, "chain got 3; give a list of steps"),
        ((9, 1), "step 0 of the chain is 9; want (kernel, stride[, dilation[, padding]]), such as"),
        ([(3, 1), (3,)], "step 1 of the chain is (3,), with 1 numbers; want (kernel, stride"),
        ([(3, 1, 1, 1, 1)], "step 0 of the chain is (3, 1, 1, 1, 1), with 5 numbers; want"),
        ([(3, 1), (0, 1)], "step 1 of the chain has kernel 0; want a whole number, 1 or more"),
        ([(3.5, 1)], "step 0 of the chain has kernel 3.5; want a whole number, 1 or more"),
        ([(True, 1)], "step 0 of the chain has kernel True; want a whole number, 1 or more"),
        (
            [((5, 3), 1)],
            (
                "step 0 of the chain has kernel (5, 3); want a whole number, 1 or more\n"
                "one chain is one axis: give each axis its own"
            ),
        ),
        ([(3, 0)], "step 0 of the chain has stride 0; want a whole number, 1 or more"),
        ([(3, -1.0)], "step 0 of the chain has stride -1.0; want a whole number, or 1/u such as"),
        ([(3, float("nan"))], "step 0 of the chain has stride nan; want a whole number, or 1/u"),
        ([(3, float("inf"))], "step 0 of the chain has stride inf; want a whole number, or 1/u"),
        (
            [(3, Fraction(2, 3))],
            (
                "step 0 of the chain has stride 2/3; want a whole number, or 1/u such as 0.5 or "
                "Fraction(1, 3) for a transposed window that upsamples by u\n"
                "for a stride of p/q write two steps: (1, Fraction(1, q)) and (1, p)"
            ),
        ),
        ([(3, 1, 0)], "step 0 of the chain has dilation 0; want a whole number, 1 or more"),
        ([(3, 1, 1, -1)], "step 0 of the chain has padding -1; want a whole number, 0 or more"),
        ([(3, "2")], "step 0 of the chain has stride '2'; want a whole number, 1 or more"),
    ],
)
def test_a_step_that_is_none_is_named(steps: Any, message: str) -> None:
    with pytest.raises(InputError) as caught:
        chain(steps)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("stride", [2, 2.0, Fraction(2)])
def test_whole_strides_may_be_written_as_they_come(stride: Any) -> None:
    assert chain([(3, stride)]) == chain([(3, 2)])


def test_an_empty_chain_reads_its_own_element() -> None:
    assert chain([]) == Chain(())


_OPERATORS: dict[type[ast.operator], Any] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def value(text: str) -> Fraction:
    """What a written sum comes to, in fractions."""

    def of(node: ast.expr) -> Fraction:
        match node:
            case ast.BinOp(left=left, op=op, right=right):
                found: Fraction = _OPERATORS[type(op)](of(left), of(right))
                return found
            case ast.Constant(value=int(number)):
                return Fraction(number)
        raise AssertionError(ast.dump(node))

    return of(ast.parse(text.replace("−", "-").replace("·", "*"), mode="eval").body)
