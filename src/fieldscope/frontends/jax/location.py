"""Where in the user's code an equation was written."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import jax
from jax.extend import core

from fieldscope.frontends.blame import displayed, is_users

_JAX = str(Path(jax.__file__).parent)

_users = lru_cache(maxsize=4096)(is_users)
_displayed = lru_cache(maxsize=4096)(displayed)


def location(equation: core.JaxprEqn) -> str | None:
    """The innermost line of the user's own code that an equation comes from, `net.py:41`."""
    traceback: Any = equation.source_info.traceback
    if traceback is None:
        return None
    for frame in traceback.frames:
        if _users(frame.file_name):
            return f"{_displayed(frame.file_name)}:{frame.line_num}"
    return None


def is_library(path: str) -> bool:
    """Whether a file belongs to JAX itself."""
    return path.startswith(_JAX)
