"""Saving a picture, whole or not at all, the same bytes for the same picture."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fieldscope import writing
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
    writing.check(path)
    if not dpi > 0:
        raise InputError(f"dpi must be above 0, got {dpi}")
    # Drawn before the folder is touched: what fails here leaves nothing behind.
    content = encoded(figure, kind, dpi=dpi)
    with writing.replacing(path) as temporary:
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
