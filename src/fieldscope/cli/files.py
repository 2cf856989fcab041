"""Where a command writes: a file, whole or not at all, or stdout."""

from __future__ import annotations

import os
import sys

from fieldscope import writing

STDOUT = "-"


def check(option: str, destination: str | None) -> None:
    """Say at once what would otherwise come to light after the work is done.

    Raises:
        InputError: Nothing can be written there.
    """
    if destination is not None and destination != STDOUT:
        writing.check(destination, what=option)


def same(one: str, other: str) -> bool:
    """Whether two paths are of one file; stdout is none."""
    return STDOUT not in (one, other) and os.path.realpath(one) == os.path.realpath(other)


def write(destination: str, text: str) -> None:
    """Write a text to a file, whole or not at all, or to stdout for `-`.

    Raises:
        InputError: The file could not be written; what was there still is.
    """
    if destination == STDOUT:
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    with writing.replacing(destination) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")
