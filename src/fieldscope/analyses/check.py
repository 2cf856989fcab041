"""Conditions that a design is to meet, and whether it does: for continuous integration."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from typing import Any, TypeAlias

from fieldscope.analyses.inputs import Wanted
from fieldscope.analyses.layers import Report
from fieldscope.analyses.productivity import LayerProductivity, Productivity, productivity_of
from fieldscope.analyses.resolution import Resolution, resolution_of
from fieldscope.errors import CheckError, InputError
from fieldscope.media import Result
from fieldscope.version import __version__
from fieldscope.wording import counted, listed

Number: TypeAlias = int | float
Numbers: TypeAlias = int | Sequence[int] | None
_MOST_NAMED = 6


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """What a design is to meet; None and False ask for nothing.

    Attributes:
        no_unproductive: no layer may be unproductive.
        no_critical: no layer may reach beyond the input along its shortest path.
        min_field: least size of the largest field of a layer with positions; one number, or one
            per axis.
        max_field: most of the same.
        max_stride: most of the total stride.
        max_macs: most multiply-accumulates.
        max_parameters: most learnable parameters.
        exact: no field may be only a bound.
        allow: patterns of layers whose verdicts are let pass, such as "head.*".
    """

    no_unproductive: bool = False
    no_critical: bool = False
    min_field: Numbers = None
    max_field: Numbers = None
    max_stride: Numbers = None
    max_macs: int | None = None
    max_parameters: int | None = None
    exact: bool = False
    allow: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what can't be met by any design.

        Raises:
            InputError: the conditions contradict each other, or a number is none.
        """
        for name in ("min_field", "max_field", "max_stride"):
            given = getattr(self, name)
            if any(not isinstance(one, int) or one < 1 for one in _several(given)):
                raise InputError(
                    f"{name} is {given!r}\ngive a whole number of 1 or more, or one per axis"
                )
        for name in ("max_macs", "max_parameters"):
            given = getattr(self, name)
            if given is not None and given < 0:
                raise InputError(f"{name} is {given}\ngive a whole number of 0 or more")
        least, most = _several(self.min_field), _several(self.max_field)
        count = max(len(least), len(most))
        least = least * count if len(least) == 1 else least
        most = most * count if len(most) == 1 else most
        if any(a > b for a, b in zip(least, most, strict=False)):
            raise InputError(
                f"no field can be at least {_by(least)} and at most {_by(most)} at once\n"
                "make min_field no larger than max_field"
            )
        if self.allow and not (self.no_unproductive or self.no_critical):
            raise InputError(
                "allow lets verdicts pass, and no verdict is asked about\n"
                "ask for no_unproductive or no_critical with it"
            )

    def asked(self) -> bool:
        """Whether anything is asked for."""
        given = [getattr(self, one.name) for one in fields(self) if one.name != "allow"]
        # By identity: to have 0 multiply-accumulates at most is a condition.
        return any(one is not None and one is not False for one in given)


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition and what was found.

    Attributes:
        name: what is asked for.
        wanted: the value asked for, in words.
        found: the value found, in words.
        holds: whether it is met.
        why: what is in the way, where it isn't.
    """

    name: str
    wanted: str
    found: str
    holds: bool
    why: str = ""


@dataclass(frozen=True, repr=False)
class Check(Result):
    """Whether a design meets its conditions.

    Attributes:
        model: name of the model.
        input: name of the input.
        shape: its shape.
        conditions: one per thing asked for.
        productivity: the verdicts that it rests on.

    Example:
        >>> import fieldscope
        >>> from torch import nn
        >>> net = nn.Sequential(nn.Conv2d(1, 1, 9), nn.Conv2d(1, 1, 3))
        >>> found = fieldscope.check(net, (1, 1, 32, 32), min_field=200, max_stride=4)
        >>> found.passes, [one.name for one in found.failing]
        (False, ['field at least'])
        >>> found.failing[0].why
        'the largest field is 11×11, of 1'
    """

    model: str
    input: str
    shape: tuple[int, ...]
    conditions: tuple[Condition, ...]
    productivity: Productivity

    @property
    def passes(self) -> bool:
        """Whether all conditions are met."""
        return not self.failing

    @property
    def failing(self) -> tuple[Condition, ...]:
        """The conditions that aren't met."""
        return tuple(one for one in self.conditions if not one.holds)

    def to_dict(self) -> dict[str, Any]:
        """The conditions as plain data, schema `fieldscope.check/1`."""
        return {
            "schema": "fieldscope.check/1",
            "version": __version__,
            "model": self.model,
            "input": {"name": self.input, "shape": list(self.shape)},
            "passes": self.passes,
            "conditions": [
                {
                    "name": one.name,
                    "wanted": one.wanted,
                    "found": one.found,
                    "holds": one.holds,
                    **({"why": one.why} if one.why else {}),
                }
                for one in self.conditions
            ],
        }

    def required(self) -> None:
        """Raise an error if a condition isn't met.

        Raises:
            CheckError: it says which, and what is in the way.
        """
        if self.passes:
            return
        count = f"{len(self.failing)} of {counted(len(self.conditions), 'condition')}"
        reasons = "\n".join(
            f"{one.name} {one.wanted}".rstrip() + f": {one.why}" for one in self.failing
        )
        raise CheckError(f"{self.model} fails {count}\n{reasons}")


def check_of(report: Report, conditions: Conditions, input: Wanted = None) -> Check:
    """Hold a report against conditions; see `fieldscope.check`.

    Raises:
        InputError: nothing is asked for, or the conditions contradict each other.
    """
    if not conditions.asked():
        raise InputError(
            "there is no condition to check\nask for some, such as no_unproductive=True, "
            "min_field=200 or max_stride=32"
        )
    verdicts = productivity_of(report, input)
    measured = (conditions.min_field, conditions.max_field, conditions.max_stride)
    # A model without positions has no largest field, and can be checked for all else.
    limits = None if measured == (None,) * 3 else resolution_of(report, verdicts.input)
    return Check(
        model=report.model,
        input=verdicts.input,
        shape=verdicts.shape,
        conditions=tuple(_Checks(report, conditions, verdicts, limits).all()),
        productivity=verdicts,
    )


class _Checks:
    """The conditions, one after the other."""

    def __init__(
        self, report: Report, wanted: Conditions, verdicts: Productivity, limits: Resolution | None
    ) -> None:
        self._report, self._wanted = report, wanted
        self._verdicts, self._limits = verdicts, limits

    def all(self) -> Iterator[Condition]:
        wanted, limits = self._wanted, self._limits
        if wanted.no_unproductive:
            yield self._no("no unproductive layers", ("unproductive",))
        if wanted.no_critical:
            yield self._no("no critical layers", ("unproductive", "critical", "partly critical"))
        if limits is not None:
            yield from self._measured(limits)
        if wanted.max_macs is not None:
            yield self._cost("MACs at most", wanted.max_macs, self._verdicts.macs)
        if wanted.max_parameters is not None:
            found = self._verdicts.parameters
            yield self._cost("parameters at most", wanted.max_parameters, found)
        if wanted.exact:
            yield self._exact()

    def _measured(self, limits: Resolution) -> Iterator[Condition]:
        least = _per_axis("min_field", self._wanted.min_field, limits.axes)
        most = _per_axis("max_field", self._wanted.max_field, limits.axes)
        stride = _per_axis("max_stride", self._wanted.max_stride, limits.axes)
        field = f"the largest field is {_by(limits.largest)}{_of(limits.upper.layers)}"
        if least:
            yield _condition("field at least", least, limits.largest, field, lambda a, b: b >= a)
        if most:
            yield _condition("field at most", most, limits.largest, field, lambda a, b: b <= a)
        if stride:
            why = f"the total stride is {_by(limits.stride)}"
            yield _condition("stride at most", stride, limits.stride, why, lambda a, b: b <= a)

    def _no(self, name: str, verdicts: tuple[str, ...]) -> Condition:
        found = [one for one in self._verdicts.layers if one.verdict in verdicts]
        bad = [one for one in found if not self._allowed(one)]
        names = listed([one.layer or "(model)" for one in bad], most=_MOST_NAMED)
        let = len(found) - len(bad)
        text = str(len(bad)) + (f" (and {let} allowed)" if let else "")
        return Condition(
            name, "", text, not bad, f"{names} at {_by(self._verdicts.extents)}" if bad else ""
        )

    def _allowed(self, one: LayerProductivity) -> bool:
        return any(fnmatchcase(one.layer, pattern) for pattern in self._wanted.allow)

    @staticmethod
    def _cost(name: str, most: int, found: int) -> Condition:
        holds = found <= most
        return Condition(
            name, f"{most:,}", f"{found:,}", holds, "" if holds else f"there are {found:,}"
        )

    def _exact(self) -> Condition:
        bounds = self._report.bounds
        places = [f"{bound.operator} at {bound.where}" for bound in bounds]
        return Condition(
            "exact fields",
            "",
            "all" if not bounds else f"bounds from {counted(len(bounds), 'operator')} on",
            not bounds,
            listed(places, most=_MOST_NAMED),
        )


def _per_axis(name: str, given: Numbers, axes: Sequence[str]) -> tuple[int, ...]:
    if given is None:
        return ()
    numbers = _several(given)
    numbers = numbers * len(axes) if len(numbers) == 1 else numbers
    if len(numbers) != len(axes):
        raise InputError(
            f"{name} is {_by(numbers)}, which doesn't fit the input's axes ({', '.join(axes)})\n"
            "give one number, or one per axis"
        )
    return numbers


def _several(given: Numbers) -> tuple[int, ...]:
    if given is None:
        return ()
    return tuple(given) if isinstance(given, Sequence) else (given,)


def _condition(
    name: str,
    wanted: Sequence[Number],
    found: Sequence[Number],
    why: str,
    holds: Callable[[Number, Number], bool],
) -> Condition:
    met = all(holds(a, b) for a, b in zip(wanted, found, strict=True))
    return Condition(name, _by(wanted), _by(found), met, "" if met else why)


def _by(numbers: Sequence[Number]) -> str:
    return "×".join("all" if one == math.inf else str(one) for one in numbers)


def _of(layers: Sequence[Sequence[str]]) -> str:
    names = dict.fromkeys(name for axis in layers for name in axis)
    return f", of {listed(list(names), most=2)}" if names else ""
