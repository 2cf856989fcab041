"""One process at a time trains into a run's folder."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path

from fieldscope.errors import InputError

try:
    import fcntl
except ImportError:  # Windows has none, and nothing is locked there
    fcntl = None  # type: ignore[assignment]  # asked for before it is used

_LOCK = ".lock"
# What a lock that somebody else holds may say, by POSIX.
_HELD = {errno.EACCES, errno.EAGAIN}


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep a run's folder for this process, however that ends.

    Two that go on with one run would take turns at its files.

    Args:
        folder: the run's, which is there.

    Raises:
        InputError: another process holds it, or nothing can be written there.

    >>> with alone(Path("/nowhere")):
    ...     pass
    Traceback (most recent call last):
    fieldscope.errors.InputError: cannot write into the folder /nowhere: No such file or directory
    """
    path = folder / _LOCK
    try:
        file = path.open("w")
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"cannot write into the folder {folder}: {reason}") from error
    with file:
        try:
            if fcntl is not None:
                # Not `flock`: processes that read photos would hold on to it after a kill.
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            # There are file systems without locks.
            if error.errno in _HELD:
                raise InputError(
                    f"another process is training the run in {folder}\n"
                    "wait until it ends, or end it"
                ) from error
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                path.unlink()
