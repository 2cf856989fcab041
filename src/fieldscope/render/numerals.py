"""How the numbers of a field are written for people.

The same on every medium: `427` where all axes agree, `41×23` where they
don't, `all` for an axis that is read whole, `–` where there is no number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

Number = int | float | Fraction

WHOLE = "all"
NOTHING = "none"
ABSENT = "–"


def extents(shape: Sequence[int]) -> str:
    """Write a shape.

    >>> extents((1, 64, 112, 112))
    '1×64×112×112'
    >>> extents(())
    'scalar'
    """
    return "×".join(map(str, shape)) or "scalar"


def number(value: Number | None) -> str:
    """Write one number of a field.

    >>> number(Fraction(1, 2)), number(math.inf), number(None), number(-213)
    ('1/2', 'all', '–', '-213')
    """
    if value is None:
        return ABSENT
    if value == math.inf:
        return WHOLE
    return str(value)


def sizes(values: Sequence[Number | None]) -> str:
    """Write a size, stride or period per axis, once where all axes agree.

    >>> sizes((427, 427)), sizes((41, 23)), sizes((math.inf, 31)), sizes((0, 0))
    ('427', '41×23', 'all×31', 'none')
    >>> sizes((Fraction(1, 2), 1)), sizes(())
    ('1/2×1', '–')
    """
    if values and all(value == 0 for value in values):
        return NOTHING
    return _per_axis(values, "×")


def places(values: Sequence[Number | None]) -> str:
    """Write a start per axis, once where all axes agree.

    >>> places((-213, -213)), places((-3, 2)), places((0,)), places((None, None))
    ('-213', '-3, 2', '0', '–')
    """
    # A × between signed numbers reads as arithmetic.
    return _per_axis(values, ", ")


def product(values: Sequence[Number | None]) -> str:
    """Write a size on every axis, also where the axes agree.

    >>> product((427, 427)), product((23,))
    ('427×427', '23')
    """
    return "×".join(map(number, values))


def _per_axis(values: Sequence[Number | None], between: str) -> str:
    if not values:
        return ABSENT
    if len(set(values)) == 1:
        return number(values[0])
    return between.join(map(number, values))


def large(number: int) -> str:
    """Write a count by thousands, with three digits.

    >>> large(0), large(950), large(11_689_512), large(1_814_073_344), large(999_999)
    ('0', '950', '11.7M', '1.81G', '1M')
    """
    size = float(number)
    for unit in ("", "k", "M", "G", "T"):
        if size < 999.5 or unit == "T":
            digits = 0 if not unit else max(0, 2 - (size >= 9.995) - (size >= 99.95))
            text = f"{size:.{digits}f}"
            return (text.rstrip("0").rstrip(".") if "." in text else text) + unit
        size /= 1000
    raise AssertionError("the last unit takes all")


def percent(share: float) -> str:
    """Write a share of a whole, neither all nor nothing by rounding.

    >>> percent(0.713), percent(0), percent(1), percent(0.9999), percent(0.0004)
    ('71 %', '0 %', '100 %', '99.9 %', '0.04 %')
    """
    if share in (0, 1):
        return f"{share * 100:.0f} %"
    return f"{_percent(share * 100)} %"


def times(ratio: Number) -> str:
    """Write a field's share of the input, or how many times it goes beyond.

    >>> times(Fraction(427, 224)), times(Fraction(141, 224)), times(1), times(12.3)
    ('1.9 times', '63% of', 'all of', '12 times')
    >>> times(Fraction(1, 300)), times(Fraction(999, 1000)), times(Fraction(1001, 1000))
    ('0.33% of', '99.9% of', '1.001 times')
    """
    if ratio == 1:
        return "all of"
    if ratio < 1:
        return f"{_percent(float(ratio * 100))}% of"
    return f"{_factor(float(ratio))} times"


def _percent(share: float) -> str:
    if share < 1:
        return f"{share:.2g}"
    # Less than all must not be rounded up to all.
    return f"{share:.0f}" if share < 99.5 else f"{min(share, 99.9):.1f}"


def _factor(ratio: float) -> str:
    if ratio >= 10:
        return f"{ratio:.0f}"
    # More than all must not be rounded down to "1 times".
    digits = next((digits for digits in range(1, 9) if round(ratio, digits) > 1), 9)
    return f"{ratio:.{digits}f}".removesuffix(".0")
