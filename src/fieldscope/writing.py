"""Writing files so that nothing is lost: checked before, moved into place after."""

from __future__ import annotations

import contextlib
import glob
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from fieldscope.errors import InputError


def check(path: str | os.PathLike[str], *, what: str = "") -> Path:
    """Say before any work if nothing can be written there.

    Args:
        path: where the file is to be; links are followed.
        what: what asks for it, to begin the message with, such as an option.

    Raises:
        InputError: it is a folder, read-only, or in a folder that isn't there.

    >>> check("/nowhere/a.png", what="--output")
    Traceback (most recent call last):
    fieldscope.errors.InputError: cannot write --output /nowhere/a.png: there is no folder /nowhere
    """
    target = Path(os.path.realpath(path))
    shown = f"{what} {path}".lstrip()
    if target.is_dir():
        raise InputError(f"cannot write {shown}: it is a folder")
    if target.exists() and not os.access(target, os.W_OK):
        raise InputError(f"cannot write {shown}: the file is read-only")
    if target.exists() and not target.is_file():
        return target  # a pipe or a terminal
    if not target.parent.is_dir():
        raise InputError(f"cannot write {shown}: there is no folder {target.parent}")
    if not os.access(target.parent, os.W_OK | os.X_OK):
        raise InputError(f"cannot write {shown}: the folder {target.parent} is read-only")
    return target


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a file to write to, which takes the place of `path` once all went well.

    Raises:
        InputError: the file can't be written; what was there still is.
    """
    target = Path(os.path.realpath(path))
    try:
        if target.exists() and not target.is_file():
            yield target  # a pipe or a terminal can't be moved into place
            return
        number, name = tempfile.mkstemp(
            dir=target.parent, prefix=f".{target.stem}.", suffix=target.suffix
        )
        os.close(number)
        temporary = Path(name)
        try:
            yield temporary
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            os.chmod(temporary, _mode(target))
            os.replace(temporary, target)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"cannot write {path}: {reason}") from error


def leftovers(path: str | os.PathLike[str]) -> list[Path]:
    """List what a process that was killed left of its writing a file with `replacing`.

    >>> leftovers("/nowhere/a.png")
    []
    """
    target = Path(os.path.realpath(path))
    # The name of eight signs that `mkstemp` makes.
    return sorted(target.parent.glob(f".{glob.escape(target.stem)}.{'?' * 8}{target.suffix}"))


def _mode(path: Path) -> int:
    """Give the permissions of the file that is there, else those of a new one."""
    if path.exists():
        return stat.S_IMODE(path.stat().st_mode)
    # There is no way to read the mask but to set it.
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
