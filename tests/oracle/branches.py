"""The narrowest field, measured: of what is joined, all but one is deleted.

A network is played as by `tests.oracle.measure`, but a sum or a concatenation keeps one of its
operands, the others read nothing. What a gradient then finds is what one choice of branches
reads. The smallest such field is the narrowest: along one axis at a time, since another branch
may be the narrow one along another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Any

import torch
from torch import Tensor

from tests.oracle.measure import Measured, arguments, spatial_axes
from tests.oracle.shadows import Shadows, blank
from tests.oracle.standins import SHAPE_ONLY, step
from tests.oracle.tape import Call, Output, Tape, record

# Operators whose operands are alternatives: each brings a path of its own.
JOINS = frozenset(["add", "sub", "mul", "cat", "stack"])

Choose = Callable[[Shadows, list[Tensor]], int]
"""Which of the joined tensors is kept."""


def narrowest(model: Callable[..., Any], inputs: Any, axis: int) -> Measured:
    """Measure a network whose joins keep the operand with the smallest field along an axis.

    Whatever follows a join widens all of its operands alike, so the smallest stays the smallest.

    Args:
        model: A module or any callable on tensors.
        inputs: As for `measure`.
        axis: Which spatial axis of the input, counted from 0.
    """
    tape = _taped(model, inputs)
    known: dict[int, int] = {}

    def smallest(shadows: Shadows, joined: list[Tensor]) -> int:
        extents = []
        for real in joined:
            if id(real) not in known:
                known[id(real)] = _extent(shadows, real, axis)
            extents.append(known[id(real)])
        return extents.index(min(extents))

    return _measured(tape, smallest, known)


def every_choice(model: Callable[..., Any], inputs: Any) -> Iterator[Measured]:
    """Measure a network once for each choice of branches; for small ones."""
    tape = _taped(model, inputs)
    counts: list[int] = []

    def counting(shadows: Shadows, joined: list[Tensor]) -> int:
        counts.append(len(joined))
        return 0

    _measured(tape, counting)
    for choice in product(*map(range, counts)):
        left = iter(choice)
        yield _measured(tape, lambda shadows, joined, left=left: next(left))  # type: ignore[misc]  # mypy can't infer a lambda with a default


def _taped(model: Callable[..., Any], inputs: Any) -> Tape:
    args, kwargs = arguments(inputs)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return record(model, args, kwargs)


def _measured(tape: Tape, choose: Choose, known: dict[int, int] | None = None) -> Measured:
    (name,) = tape.inputs
    shadows = Shadows(tape, name, spatial_axes(tape.inputs[name].dim()), context=False)
    for event in tape.events:
        joined = [] if isinstance(event, Output) else _joined(event, shadows)
        if isinstance(event, Output) or len(joined) < 2:
            step(event, shadows)
        else:
            _chosen(event, shadows, joined, choose(shadows, joined))
        if known is not None and isinstance(event, Call):
            for real in event.written():  # another value in the same memory
                known.pop(id(real), None)
    return Measured({name: shadows}, tape)


def _joined(call: Call, shadows: Shadows) -> list[Tensor]:
    """The operands of a join that depend on the input, each once."""
    if call.name.removesuffix("_") not in JOINS or call.name in SHAPE_ONLY:
        return []
    found = {id(real): real for real in call.tensors() if shadows.of(real) is not None}
    return [real for real in found.values() if not shadows.is_statistic(real)]


def _chosen(call: Call, shadows: Shadows, joined: Sequence[Tensor], kept: int) -> None:
    """Play a join with all operands but one deleted, for this join alone."""
    deleted = [real for place, real in enumerate(joined) if place != kept]
    before = [(real, shadows.of(real)) for real in deleted]
    for real in deleted:
        shadows.keep(real, blank(real))
    step(call, shadows)
    written = {id(real) for real in call.written()}
    for real, shadow in before:
        if id(real) not in written and shadow is not None:
            shadows.keep(real, shadow)


def _extent(shadows: Shadows, real: Tensor, axis: int) -> int:
    """Extent along an axis of what the middle position of a map reads."""
    shadow = shadows.of(real)
    assert shadow is not None
    middle = [slice(extent // 2, extent // 2 + 1) for extent in shadow.shape[2:]]
    low, high = shadows.hull(shadows.reads(shadow[(slice(None), slice(None), *middle)]))[axis]
    return high - low
