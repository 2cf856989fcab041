"""Tables of pages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence


def table(heads: Sequence[str], lines: Iterable[Sequence[str]]) -> Iterator[str]:
    """A table, the first column at the left, numbers at the right.

    >>> print(*table(["network", "field"], [["VGG16", "212"]]), sep="\\n")
    | network | field |
    |---|---:|
    | VGG16 | 212 |
    """
    yield f"| {' | '.join(heads)} |"
    yield f"|---|{'---:|' * (len(heads) - 1)}"
    for line in lines:
        yield f"| {' | '.join(line)} |"
