"""The window of one axis: kernel, stride, dilation, padding."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sliding:
    """A window on one axis: output o reads o·stride − before + t·dilation, t < kernel.

    `before` is the padding in front (negative where elements are cut off).
    What lies outside the operand is padding and reads nothing.

    Example:
        >>> Sliding(3, dilation=4).reach
        9
    """

    kernel: int
    stride: int = 1
    dilation: int = 1
    before: int = 0

    @property
    def reach(self) -> int:
        """Elements from the first to the last one read: d(k − 1) + 1."""
        return self.dilation * (self.kernel - 1) + 1
