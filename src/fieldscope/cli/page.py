"""How wide the page is that a command prints."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

NARROWEST = 30


def width_of(console: Console) -> int | None:
    """Give the width of the page; None for a pipe, where nothing need be left out."""
    if console.is_terminal or os.environ.get("COLUMNS", "").isdecimal():
        return max(console.width, NARROWEST)
    return None
