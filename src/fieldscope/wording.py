"""Phrases that messages and documents share: lists and near names."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence


def listed(words: Sequence[str], *, last: str = "and", most: int | None = None) -> str:
    """Join words as a sentence does.

    Args:
        words: What to list.
        last: The word before the last item.
        most: How many to name at most; the rest are counted.

    >>> listed(["y", "x"])
    'y and x'
    >>> listed(["a", "b", "c"], last="or")
    'a, b or c'
    >>> listed(["a", "b", "c", "d"], most=2)
    'a, b and 2 more'
    """
    shown = list(words)
    if most is not None and len(shown) > most:
        shown = [*shown[:most], f"{len(shown) - most} more"]
    if len(shown) < 2:
        return "".join(shown)
    return f"{', '.join(shown[:-1])} {last} {shown[-1]}"


def near(name: str, names: Iterable[str], *, most: int = 4) -> tuple[str, ...]:
    """Find the names that a misspelt one may have meant, the nearest first.

    >>> near("layer5.cnv1", ["layer4.conv1", "layer5.conv1", "fc"])
    ('layer5.conv1', 'layer4.conv1')
    >>> near("zzz", ["layer4", "fc"])
    ()
    """
    # Case is the commonest slip in names of classes, so it is looked past.
    originals: dict[str, str] = {}
    for candidate in names:
        originals.setdefault(candidate.lower(), candidate)
    found = difflib.get_close_matches(name.lower(), list(originals), n=most, cutoff=0.6)
    return tuple(originals[match] for match in found)


def meant(name: str, names: Iterable[str], *, most: int = 4) -> str:
    """Ask whether a near name was meant; empty where none is near.

    >>> meant("layr4", ["layer4", "fc"])
    '; did you mean layer4?'
    >>> meant("zzz", ["layer4", "fc"])
    ''
    """
    found = near(name, names, most=most)
    return f"; did you mean {listed(found, last='or')}?" if found else ""


def counted(number: int, noun: str) -> str:
    """Write a number with its noun.

    >>> counted(1, "layer"), counted(1200, "layer")
    ('1 layer', '1,200 layers')
    """
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
