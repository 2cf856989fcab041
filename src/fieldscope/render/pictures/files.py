"""Saving a picture, whole or not at all, the same bytes for the same picture."""

from __future__ import annotations

import contextlib
import io
import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fieldscope.errors import InputError
from fieldscope.wording import listed, meant

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# What each format is told beside the picture: no dates, no versions, little loss.
_QUALITY = {"quality": 92}
FORMATS: Mapping[str, Mapping[str, Any]] = {
    "png": {"metadata": {"Software": None}},
    "svg": {"metadata": {"Date": None, "Creator": "fieldscope"}},
    "pdf": {"metadata": {"CreationDate": None, "Creator": "fieldscope", "Producer": None}},
    "jpg": {"pil_kwargs": _QUALITY},
    "jpeg": {"pil_kwargs": _QUALITY},
    "webp": {"pil_kwargs": _QUALITY},
    "tif": {},
    "tiff": {},
}
ANIMATIONS = ("gif", "mp4")


def save(figure: Figure, path: str | os.PathLike[str], *, dpi: float) -> None:
    """Save a figure; `fieldscope.render.pictures.save` says how."""
    kind = known(path, tuple(FORMATS), otherwise=ANIMATIONS, what="a picture")
    target = ready(path)
    if not dpi > 0:
        raise InputError(f"dpi must be above 0, got {dpi}")
    # Drawn before the folder is touched: what fails here leaves nothing behind.
    content = encoded(figure, kind, dpi=dpi)
    with replacing(target) as temporary:
        temporary.write_bytes(content)


def encoded(figure: Figure, kind: str, *, dpi: float) -> bytes:
    """Give a figure as the bytes of a file of one of `FORMATS`."""
    # Imported here: what extensions there are can be asked without matplotlib.
    from fieldscope.render.pictures import style

    written = io.BytesIO()
    with style.own_style():
        figure.savefig(
            written, format=kind, dpi=dpi, facecolor=figure.get_facecolor(), **FORMATS[kind]
        )
    return written.getvalue()


def known(
    path: str | os.PathLike[str],
    formats: tuple[str, ...],
    *,
    what: str,
    otherwise: tuple[str, ...] = (),
) -> str:
    """Tell the format by the extension, one of `formats`.

    Args:
        path: where the file is to be.
        formats: extensions that can be written.
        what: what is saved, for messages.
        otherwise: extensions that the other function for pictures writes.

    Raises:
        InputError: the extension is none of them.

    Example:
        >>> known("field.PNG", ("png", "svg"), what="a picture")
        'png'
        >>> known("field.pgn", ("png", "svg"), what="a picture")
        Traceback (most recent call last):
        fieldscope.errors.InputError: cannot save a picture as .pgn; did you mean .png?
        known extensions: .png and .svg
    """
    found = Path(path).suffix[1:].lower()
    if found in formats:
        return found
    every = f"known extensions: {listed([f'.{one}' for one in formats])}"
    if not found:
        raise InputError(f"cannot save {what} as {path}: it has no extension\n{every}")
    if found in otherwise:
        hint = "an animation" if found in ANIMATIONS else "a still picture"
        raise InputError(f"cannot save {what} as .{found}, which is for {hint}\n{every}")
    guess = meant(f".{found}", [f".{one}" for one in formats], most=1)
    raise InputError(f"cannot save {what} as .{found}{guess}\n{every}")


def ready(path: str | os.PathLike[str]) -> Path:
    """Say before any work if nothing can be written there.

    Raises:
        InputError: it is a folder, read-only, or in a folder that isn't there.
    """
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise InputError(f"cannot write {path}: it is a folder")
    if not target.parent.is_dir():
        raise InputError(f"cannot write {path}: there is no folder {target.parent}")
    if target.exists() and not os.access(target, os.W_OK):
        raise InputError(f"cannot write {path}: the file is read-only")
    if not os.access(target.parent, os.W_OK | os.X_OK):
        raise InputError(f"cannot write {path}: the folder {target.parent} is read-only")
    return target


@contextlib.contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Give a file beside the target to write to, which takes its place once all went well.

    Raises:
        InputError: the file can't be written; what was there still is.
    """
    try:
        number, name = tempfile.mkstemp(
            dir=target.parent, prefix=f".{target.stem}.", suffix=target.suffix
        )
        os.close(number)
        temporary = Path(name)
        try:
            yield temporary
            os.chmod(temporary, _mode(target))
            os.replace(temporary, target)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"cannot write {target}: {reason}") from error


def _mode(path: Path) -> int:
    """Give the permissions of the file that is there, else those of a new one."""
    if path.exists():
        return stat.S_IMODE(path.stat().st_mode)
    # There is no way to read the mask but to set it.
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
