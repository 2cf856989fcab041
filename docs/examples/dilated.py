"""Dilated convolutions, whose field has gaps if the dilations share a factor."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn


def build(dilations: Sequence[int] = (2, 2, 2)) -> nn.Module:
    """Build one convolution of 3×3 per dilation."""
    return nn.Sequential(*(nn.Conv2d(1, 1, 3, dilation=d, padding=d) for d in dilations))
