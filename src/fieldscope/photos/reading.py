"""Photographs as a person sees them: decoded, upright, on white; then square and of one size."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from fieldscope.errors import InputError

Pixels = npt.NDArray[np.uint8]
Colour = tuple[int, int, int]

_DEEPEST = 65535


def seen(path: str | os.PathLike[str]) -> Image.Image:
    """Read an image as a person sees it: upright, on white, in grey or in colours.

    Grey stays grey (`L`), and values deeper than a byte stay as deep (`I`, `I;16`, `F`).

    Raises:
        InputError: there is no such file, or it can't be decoded as a whole.

    >>> seen("/nowhere/cat.jpg")
    Traceback (most recent call last):
    fieldscope.errors.InputError: there is no file /nowhere/cat.jpg
    """
    if not Path(path).exists():
        raise InputError(f"there is no file {path}")
    try:
        with Image.open(path) as image:
            image.load()
            return as_seen(image)
    except UnidentifiedImageError as error:
        raise InputError(f"{path} is not an image of a known format") from error
    # A broken file may make a decoder raise anything, from struct.error to IndexError.
    except Exception as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise InputError(f"cannot read the image {path}: {reason}") from error


def as_seen(image: Image.Image) -> Image.Image:
    """Turn an image upright and lay it on white, in grey, in colours or deep.

    >>> as_seen(Image.new("RGBA", (3, 2), (200, 0, 0, 0))).getpixel((0, 0))
    (255, 255, 255)
    >>> as_seen(Image.new("1", (3, 2))).mode
    'L'
    """
    upright = ImageOps.exif_transpose(image) or image
    if upright.mode.startswith(("I", "F")):
        return upright
    if upright.mode in ("1", "L", "RGB") and "transparency" not in upright.info:
        return upright.convert("L") if upright.mode == "1" else upright
    return _on_white(upright)


def upright(path: str | os.PathLike[str]) -> Image.Image:
    """Read a photograph in red, green and blue, upright, on white, a byte each.

    Raises:
        InputError: there is no such file, or it can't be decoded as a whole.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     Image.new("L", (3, 2), 7).save(f"{folder}/grey.png")
    ...     upright(f"{folder}/grey.png").getpixel((0, 0))
    (7, 7, 7)
    """
    image = seen(path)
    if image.mode.startswith(("I", "F")):
        image = Image.fromarray(_bytes(np.asarray(image)))
    return image.convert("RGB")


def squared(image: Image.Image, fill: Colour = (0, 0, 0)) -> Image.Image:
    """Pad an image to a square, itself in the middle.

    >>> padded = squared(Image.new("RGB", (1, 3), (9, 9, 9)))
    >>> padded.size, padded.getpixel((0, 1)), padded.getpixel((1, 1))
    ((3, 3), (0, 0, 0), (9, 9, 9))
    """
    side = max(image.size)
    if image.size == (side, side):
        return image
    padded = Image.new(image.mode, (side, side), fill)
    padded.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    return padded


def sized(image: Image.Image, extents: tuple[int, int]) -> Image.Image:
    """Resize an image to extents `(y, x)`, antialiased where it gets smaller.

    >>> sized(Image.new("RGB", (8, 4)), (2, 6)).size
    (6, 2)
    """
    across = extents[::-1]
    if image.size == across:
        return image
    # What networks with published weights were trained on; it doesn't overshoot at edges.
    return image.resize(across, Image.Resampling.BILINEAR)


def array(image: Image.Image) -> Pixels:
    """Copy an image's bytes to an array `[y x c]`.

    >>> array(Image.new("RGB", (3, 2))).shape
    (2, 3, 3)
    """
    return np.array(image.convert("RGB"), dtype=np.uint8)


def _on_white(image: Image.Image) -> Image.Image:
    with_alpha = image.convert("RGBA")
    white = Image.new("RGBA", with_alpha.size, "white")
    return Image.alpha_composite(white, with_alpha).convert("RGB")


def _bytes(deep: npt.NDArray[np.generic]) -> Pixels:
    """Bring deep values to bytes: fractions by 1, 16 bits by 65535, others by their range."""
    values = np.nan_to_num(deep.astype(np.float64), posinf=0, neginf=0)
    low, high = float(values.min()), float(values.max())
    fractions = deep.dtype.kind == "f"
    if low < 0 or high > (1 if fractions else _DEEPEST):
        values = (values - low) / (high - low)
    elif not fractions:
        values = values / _DEEPEST
    return np.asarray(np.rint(values * 255), dtype=np.uint8)
