"""Which line of the user's own code an error comes from."""

from __future__ import annotations

import os
import sys
import sysconfig
import traceback
from pathlib import Path

_OURS = Path(__file__).parents[1]


def told(error: BaseException) -> str:
    """Tell an error's kind, text and place in one phrase.

    >>> told(ValueError("width must be even"))
    'ValueError: width must be even'
    >>> told(KeyError())
    'KeyError'
    """
    name = type(error).__name__
    # A syntax error's own text ends in the place that is added here.
    message = error.msg if isinstance(error, SyntaxError) else str(error)
    place = location(error)
    return (f"{name}: {message}" if message else name) + (f" (at {place})" if place else "")


def location(error: BaseException) -> str | None:
    """Find the last line of the user's code that an error passed through.

    Code of Python, of fieldscope and of installed packages isn't the user's.

    Returns:
        The file and the line, `net.py:41`; None where only others' code ran.
    """
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        return f"{displayed(error.filename)}:{error.lineno}"
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.lineno is not None and is_users(frame.filename)
    ]
    return f"{displayed(frames[-1].filename)}:{frames[-1].lineno}" if frames else None


def displayed(path: str | Path) -> str:
    """Write a path the way its owner would: from the current folder, where inside it."""
    try:
        relative = os.path.relpath(path)
    except ValueError:  # on another drive
        return str(path)
    return str(path) if relative.startswith(os.pardir) else relative


def is_users(filename: str) -> bool:
    """Whether a file of code is the user's own."""
    if filename.startswith("<"):
        return False
    path = Path(filename).resolve()
    if path.is_relative_to(_OURS) or {"site-packages", "dist-packages"} & {*path.parts}:
        return False
    return not any(path.is_relative_to(folder) for folder in _pythons_own())


def _pythons_own() -> tuple[Path, ...]:
    paths = sysconfig.get_paths()
    # The command's own script is somebody else's, too.
    own = [paths["stdlib"], paths["platstdlib"], paths["scripts"]]
    return tuple(Path(path).resolve() for path in own if Path(path) != Path(sys.prefix))
