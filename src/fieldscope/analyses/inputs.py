"""Which input a question is about, and at what extents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import index
from typing import Any, TypeAlias

from fieldscope.analyses.layers import InputInfo, Report
from fieldscope.errors import InputError

Extents: TypeAlias = tuple[int, ...]
Wanted: TypeAlias = str | int | Sequence[int] | Mapping[str, int | Sequence[int]] | None
"""An input by name, extents for the only input (one for all axes, one per axis, or its whole
shape), or extents by an input's name. None: the only input at the analysed extents."""


def wanted_of(report: Report, wanted: Wanted) -> tuple[InputInfo, Extents]:
    """The input that is meant, and the extents of its spatial axes.

    Raises:
        InputError: there is no such input, it must be named, or the extents don't fit it.

    Example:
        >>> import fieldscope
        >>> from torch import nn
        >>> report = fieldscope.analyze(nn.Conv2d(3, 1, 3), (1, 3, 224, 200))
        >>> [wanted_of(report, given)[1] for given in (None, 32, (32, 48), (1, 3, 64, 96))]
        [(224, 200), (32, 32), (32, 48), (64, 96)]
    """
    name, given = _taken_apart(wanted)
    info, _ = report.output._input(name)
    if given is None:
        return info, tuple(info.shape[axis] for axis in info.spatial)
    extents = _extents(given, info)
    if any(extent < 1 for extent in extents):
        raise InputError(
            f"extents of input {info.name!r} must be 1 or more, got {given!r}\ngive {_forms(info)}"
        )
    return info, extents


def _taken_apart(wanted: Wanted) -> tuple[str | None, Any]:
    if wanted is None or isinstance(wanted, str):
        return wanted, None
    if not isinstance(wanted, Mapping):
        return None, wanted
    if len(wanted) != 1:
        raise InputError(
            f"one input is asked about at a time, got {len(wanted)}: {', '.join(wanted)}"
        )
    ((name, given),) = wanted.items()
    return name, given


def _extents(given: Any, info: InputInfo) -> Extents:
    try:
        numbers = (index(given),) if not isinstance(given, Sequence) else tuple(map(index, given))
    except TypeError:
        numbers = ()
    if len(numbers) == 1:
        return numbers * len(info.spatial)
    if len(numbers) == len(info.spatial):
        return numbers
    if len(numbers) == len(info.shape):
        return tuple(numbers[axis] for axis in info.spatial)
    raise InputError(f"{given!r} are no extents of input {info.name!r}\ngive {_forms(info)}")


def _forms(info: InputInfo) -> str:
    axes = ", ".join(info.axes)
    return f"one extent per spatial axis ({axes}), one for all, or a shape like {info.shape}"
