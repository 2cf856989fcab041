"""Shapes with open extents, filled with what the user gives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fieldscope.errors import InputError
from fieldscope.graph.graph import Shape


def filled(name: str, declared: Any, given: Sequence[int] | None = None) -> Shape:
    """An input's shape: the one given, or the declared one with a batch of 1.

    Args:
        name: name of the input.
        declared: its shape as the model says it, with None for what is open; None for any.
        given: the shape asked for.

    Raises:
        InputError: the shapes contradict each other, or extents are open.

    Example:
        >>> filled("x", (None, 32, 32, 3)), filled("x", (None, None, None, 3), (2, 8, 9, 3))
        ((1, 32, 32, 3), (2, 8, 9, 3))
        >>> filled("x", (None, None, None, 3))
        Traceback (most recent call last):
        fieldscope.errors.InputError: input 'x' has open extents: (?, ?, ?, 3)
        give its shape with batch, such as (1, 224, 224, 3)
    """
    extents = _extents(declared)
    if given is not None:
        shape = tuple(given)
        if extents is not None and (
            len(extents) != len(shape)
            or any(known not in (None, n) for known, n in zip(extents, shape, strict=True))
        ):
            raise InputError(f"input {name!r} has shape {shape}; the model takes {_told(extents)}")
        return shape
    if extents is None:
        raise InputError(
            f"the shape of input {name!r} is open\ngive it with batch, such as (1, 224, 224, 3)"
        )
    if any(extent is None for extent in extents[1:]):
        example = tuple(224 if n is None else n for n in (extents[0] or 1, *extents[1:]))
        raise InputError(
            f"input {name!r} has open extents: {_told(extents)}\n"
            f"give its shape with batch, such as {example}"
        )
    return tuple(1 if extent is None else extent for extent in extents)


def _extents(declared: Any) -> tuple[int | None, ...] | None:
    if declared is None or getattr(declared, "rank", 0) is None:
        return None
    return tuple(None if extent in (None, -1) else int(extent) for extent in declared)


def _told(extents: Sequence[int | None]) -> str:
    inside = ", ".join("?" if extent is None else str(extent) for extent in extents)
    return f"({inside}{',' if len(extents) == 1 else ''})"
