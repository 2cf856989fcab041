"""How shares of photos told right are written."""

from __future__ import annotations


def share(accuracy: float) -> str:
    """Write an accuracy, to a tenth of a per cent.

    >>> share(0.7125), share(1.0)
    ('71.2 %', '100.0 %')
    """
    return f"{100 * accuracy:.1f} %"


def with_error(accuracy: float, error: float) -> str:
    """Write an accuracy with its standard error.

    >>> with_error(0.7125, 0.0101)
    '71.2 ± 1.0 %'
    """
    return f"{100 * accuracy:.1f} ± {100 * error:.1f} %"


def points(gain: float) -> str:
    """Write a difference of accuracies, in points of a per cent.

    >>> points(0.0513), points(-0.004), points(0.0)
    ('+5.1', '-0.4', '0.0')
    """
    text = f"{100 * gain:+.1f}"
    return "0.0" if text in ("+0.0", "-0.0") else text
