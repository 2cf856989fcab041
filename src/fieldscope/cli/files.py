"""Writing results so that nothing is lost: checked before, moved into place after."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import tempfile
from pathlib import Path

from fieldscope.errors import InputError

STDOUT = "-"


def check(option: str, destination: str | None) -> None:
    """Say at once what would otherwise come to light after the work is done.

    Raises:
        InputError: Nothing can be written there.
    """
    if destination is None or destination == STDOUT:
        return
    path = Path(os.path.realpath(destination))
    if path.is_dir():
        raise InputError(f"cannot write {option} {destination}: it is a folder")
    if path.exists() and not os.access(path, os.W_OK):
        raise InputError(f"cannot write {option} {destination}: the file is read-only")
    if path.exists() and not path.is_file():
        return
    folder = path.parent
    if not folder.is_dir():
        raise InputError(f"cannot write {option} {destination}: there is no folder {folder}")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"cannot write {option} {destination}: the folder {folder} is read-only")


def write(destination: str, text: str) -> None:
    """Write a text to a file, whole or not at all, or to stdout for `-`.

    Raises:
        InputError: The file could not be written; what was there still is.
    """
    if destination == STDOUT:
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    path = Path(os.path.realpath(destination))
    try:
        if path.exists() and not path.is_file():
            # A pipe or a terminal can't be moved into place.
            path.write_text(text, encoding="utf-8")
        else:
            _replace(path, text)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"cannot write {destination}: {reason}") from error


def _replace(path: Path, text: str) -> None:
    number, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(number, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, _mode(path))
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _mode(path: Path) -> int:
    """Give the permissions of the file that is there, else those of a new one."""
    if path.exists():
        return stat.S_IMODE(path.stat().st_mode)
    # There is no way to read the mask but to set it.
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
