"""The classifier that stands on pooled features, on a body and in `small-vgg` alike."""

from __future__ import annotations

from torch import nn

UNITS = 512


def head(features: int, classes: int) -> nn.Sequential:
    """Make two layers of 512 units with ReLU, and the output.

    Args:
        features: channels of what is pooled.
        classes: number of outputs.

    >>> [layer.out_features for layer in head(64, 10) if isinstance(layer, nn.Linear)]
    [512, 512, 10]
    """
    return nn.Sequential(
        nn.Linear(features, UNITS),
        nn.ReLU(),
        nn.Linear(UNITS, UNITS),
        nn.ReLU(),
        nn.Linear(UNITS, classes),
    )
