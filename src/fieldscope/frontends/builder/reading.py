"""What a user gives for a window: a number for all axes or one for each, and padding."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index
from typing import Any, TypeAlias

from fieldscope.errors import ModelError
from fieldscope.frontends.extents import GROWN
from fieldscope.frontends.lowering.windows import outputs, same_padding
from fieldscope.geometry.sliding import Sliding

PerAxis: TypeAlias = int | Sequence[int]
"""A number for all spatial axes, or one for each."""
Padding: TypeAlias = str | int | Sequence[int | Sequence[int]]
"""Elements on both sides of all axes or of each, pairs (in front, behind), "valid" or "same"."""


def whole(where: str, what: str, given: Any, *, least: int = 1) -> int:
    """A whole number from `least` on.

    Raises:
        ModelError: it is none.

    Example:
        >>> whole("conv_1", "stride", 2)
        2
    """
    try:
        number = None if isinstance(given, bool) else index(given)
    except TypeError:
        number = None
    if number is None or number < least:
        raise ModelError(
            f"{what} of {where} is {given!r}\ngive a whole number from {least} on, for every "
            "axis or one for each"
        )
    if number > GROWN:
        raise ModelError(f"{what} of {where} is {number:,}, and {GROWN:,} is the most")
    return number


def per_axis(where: str, what: str, given: Any, count: int, *, least: int = 1) -> tuple[int, ...]:
    """One number per axis.

    Raises:
        ModelError: they are as many as neither one nor the axes, or no such numbers.

    Example:
        >>> per_axis("conv_1", "kernel", 3, 2), per_axis("conv_1", "kernel", (1, 5), 2)
        ((3, 3), (1, 5))
    """
    if not isinstance(given, (list, tuple)):
        return (whole(where, what, given, least=least),) * count
    if len(given) != count:
        raise ModelError(
            f"{what} of {where} is {given!r}, and its operand has {count} spatial axes\n"
            "give one number for all or one per axis"
        )
    return tuple(whole(where, what, one, least=least) for one in given)


def windows(
    where: str,
    extents: Sequence[int],
    kernel: Any,
    *,
    stride: Any = 1,
    dilation: Any = 1,
    padding: Any = 0,
) -> tuple[tuple[Sliding, ...], tuple[int, ...]]:
    """The window of each axis, and how often it fits.

    Raises:
        ModelError: a window is larger than its padded axis, or something is no number.

    Example:
        >>> windows("conv_1", (8, 9), 3, stride=2, padding="same")
        ((Sliding(kernel=3, stride=2, dilation=1, before=0), \
Sliding(kernel=3, stride=2, dilation=1, before=1)), (4, 5))
    """
    count = len(extents)
    kernels = per_axis(where, "kernel", kernel, count)
    strides = per_axis(where, "stride", stride, count)
    dilations = per_axis(where, "dilation", dilation, count)
    if padding == "same":
        sides = [
            same_padding(n, k, s, d)
            for n, k, s, d in zip(extents, kernels, strides, dilations, strict=True)
        ]
    else:
        sides = both_sides(where, padding, count)
    found, made = [], []
    for axis, (extent, (before, after)) in enumerate(zip(extents, sides, strict=True)):
        window = Sliding(kernels[axis], strides[axis], dilations[axis], before)
        many = outputs(extent, window, after)
        if many < 1:
            padded = f", {extent + before + after} with padding" if before or after else ""
            raise ModelError(
                f"the window of {where} reaches over {window.reach} elements, and spatial axis "
                f"{axis} has {extent}{padded}\ngive a larger input, padding or a smaller kernel"
            )
        found.append(window)
        made.append(many)
    return tuple(found), tuple(made)


def both_sides(where: str, padding: Any, count: int) -> list[tuple[int, int]]:
    """Elements in front of and behind each axis.

    Raises:
        ModelError: they aren't numbers, or not as many as axes.

    Example:
        >>> both_sides("conv_1", 1, 2), both_sides("conv_1", ((0, 1), 2), 2)
        ([(1, 1), (1, 1)], [(0, 1), (2, 2)])
    """
    if padding == "valid":
        padding = 0
    if isinstance(padding, str):
        raise ModelError(
            f'padding of {where} is {padding!r}\ngive "same", "valid", a number, one per axis, or '
            "pairs (in front, behind)"
        )
    if not isinstance(padding, (list, tuple)):
        return [(whole(where, "padding", padding, least=0),) * 2] * count
    if len(padding) != count:
        raise ModelError(
            f"padding of {where} is {padding!r}, and its operand has {count} spatial axes\n"
            "give one number for all, one per axis, or a pair (in front, behind) per axis"
        )
    found = []
    for one in padding:
        pair = tuple(one) if isinstance(one, (list, tuple)) else (one, one)
        if len(pair) != 2:
            raise ModelError(
                f"padding of {where} is {padding!r}\na pair is (in front, behind) for one axis"
            )
        before, after = (whole(where, "padding", side, least=0) for side in pair)
        found.append((before, after))
    return found
