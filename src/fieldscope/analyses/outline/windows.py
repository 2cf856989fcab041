"""Extents behind windows: how many positions a window has on another map."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

from fieldscope.geometry.sliding import Sliding

End: TypeAlias = Literal["symmetric", "ceil", "fixed"]


class Border(NamedTuple):
    """What a window does at the far end of its axis.

    Attributes:
        end: padded there as in front ("symmetric"), with a last window that may reach over it
            ("ceil"), or by a fixed number of elements.
        after: that number.
    """

    end: End
    after: int = 0


def border_of(window: Sliding, extent: int, out: int, *, ceil: bool = False) -> Border:
    """The border that explains an output's extent.

    Example:
        >>> border_of(Sliding(3, stride=2), 8, 3), border_of(Sliding(3, stride=2), 8, 4)
        (Border(end='symmetric', after=0), Border(end='ceil', after=0))
        >>> border_of(Sliding(4, before=1), 8, 8)
        Border(end='fixed', after=2)
    """
    ends: tuple[End, ...] = ("ceil",) if ceil else ("symmetric", "ceil")
    for end in ends:
        if positions(window, extent, Border(end)) == out:
            return Border(end)
    return Border("fixed", (out - 1) * window.stride + window.reach - extent - window.before)


def positions(window: Sliding, extent: int, border: Border) -> int:
    """The number of positions of a window; 0 or less where it doesn't fit.

    Example:
        >>> positions(Sliding(3, stride=2, before=1), 8, Border("symmetric"))
        4
    """
    after = border.after if border.end == "fixed" else window.before
    room = extent + window.before + after - window.reach
    if border.end != "ceil":
        return room // window.stride + 1
    count = -(-room // window.stride) + 1
    # The last window starts inside of the map or of the padding in front (PyTorch).
    if (count - 1) * window.stride >= extent + window.before:
        count -= 1
    return count
