"""Pictures and signals of an input: read, checked against its extents, resized if asked."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from fieldscope.errors import InputError
from fieldscope.photos.reading import as_seen, seen
from fieldscope.render.numerals import extents

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float32]

_CHANNELS = (1, 3, 4)
_WANTED = {
    1: "an array [time] or [time channels]",
    2: "an array [y x] or [y x channels], a Pillow image or a path",
    3: "an array [z y x] or [z y x channels]",
}


def fitting(
    image: Any, shape: Sequence[int], axes: Sequence[str], *, owner: str, resize: bool
) -> Floats:
    """Give an image with the extents of an input, channels last, values from 0 to 1.

    Args:
        image: array, Pillow image, or path of an image or of a `.npy` file; channels
            come last, or first where there are 1 or 3 and the rest then fits.
        shape: extents of the input's spatial axes.
        axes: their names.
        owner: whose extents these are, for messages: "input 'x' of vgg16".
        resize: whether an image of another size may be resized.

    Raises:
        InputError: it can't be read, isn't an image of such axes, or has another size.

    Example:
        >>> fitting(np.ones((3, 20, 30)), (20, 30), "yx", owner="input 'x'", resize=False).shape
        (20, 30, 3)
        >>> fitting(np.ones((512, 384)), (20, 30), "yx", owner="input 'x'", resize=False)
        Traceback (most recent call last):
        fieldscope.errors.InputError: the image is 512×384 (y×x), and input 'x' is 20×30
        pass resize=True (--resize) to have it resized
    """
    name = _name(image)
    array = _channels_last(_array(image), tuple(shape), name)
    if array.shape[: len(shape)] == tuple(shape):
        return _scaled(array, name)
    theirs = extents(array.shape[: len(shape)])
    sizes = f"{name} is {theirs} ({'×'.join(axes)}), and {owner} is {extents(shape)}"
    if not resize:
        raise InputError(f"{sizes}\npass resize=True (--resize) to have it resized")
    if len(shape) > 2:
        raise InputError(f"{sizes}\nvolumes aren't resized: give one of the input's size")
    return _resized(_scaled(array, name), tuple(shape))


def _name(image: Any) -> str:
    return f"{Path(image)}" if isinstance(image, (str, os.PathLike)) else "the image"


def _array(image: Any) -> Array:
    if isinstance(image, (str, os.PathLike)):
        return _read(Path(image))
    if isinstance(image, Image.Image):
        return np.asarray(as_seen(image))
    if hasattr(image, "detach"):  # a tensor that may carry gradients
        image = image.detach().cpu()
    try:
        found = np.asarray(image)
    except Exception as error:
        raise InputError(f"the image is no array: {error}") from error
    if found.dtype.kind not in "biuf":
        kind = type(image).__name__ if found.dtype == object else f"an array of {found.dtype}"
        raise InputError(f"the image must be {_WANTED[2]}, got {kind}")
    return found


def _read(path: Path) -> Array:
    if path.suffix.lower() != ".npy":
        return np.asarray(seen(path))
    if not path.exists():
        raise InputError(f"there is no file {path}")
    try:
        return _array(np.load(path, allow_pickle=False))
    except (OSError, ValueError, SyntaxError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"cannot read the image {path}: {reason}") from error


def _channels_last(array: Array, shape: tuple[int, ...], name: str) -> Array:
    """Find the channels of an array, and put them last; one that stands alone is added."""
    count = len(shape)
    if array.ndim == count + 2 and array.shape[0] == 1:
        array = array[0]  # a batch of one
    if array.size and array.ndim == count:
        return array[..., np.newaxis]
    if array.size and array.ndim == count + 1:
        few = _CHANNELS if count > 1 else range(1, 1 + max(array.shape))
        last, first = array.shape[-1] in few, array.shape[0] in few
        fits_last, fits_first = array.shape[:-1] == shape, array.shape[1:] == shape
        if last and (fits_last or not (first and fits_first)):
            # A signal lies along its longer axis, unless its extent says otherwise.
            if count == 1 and not fits_last and array.shape[0] < array.shape[1]:
                return array.T
            return array
        if first:
            return np.moveaxis(array, 0, -1)
    raise InputError(
        f"{name} has the shape {extents(array.shape)}; "
        f"for an input of {count} spatial {'axis' if count == 1 else 'axes'} it must be "
        f"{_WANTED.get(count, 'an array of its extents')}"
    )


def _scaled(array: Array, name: str) -> Floats:
    """Bring values to 0 … 1: bytes by 255, fractions as they are, others by their range."""
    if array.dtype == np.uint8:
        return array.astype(np.float32) / np.float32(255)
    values = array.astype(np.float32)
    finite = np.isfinite(values)
    if not finite.any():
        raise InputError(f"{name} holds no finite number")
    low, high = float(values[finite].min()), float(values[finite].max())
    values = np.where(finite, values, np.float32(low))
    if low >= 0 and high <= 1:
        return values
    return np.asarray((values - low) / ((high - low) or 1), dtype=np.float32)


def _resized(image: Floats, shape: tuple[int, ...]) -> Floats:
    planes = [image[..., channel] for channel in range(image.shape[-1])]
    if len(shape) == 1:
        at = (np.arange(shape[0]) + 0.5) * len(image) / shape[0] - 0.5
        lines = [np.interp(at, np.arange(len(image)), plane) for plane in planes]
        return np.stack(lines, axis=-1).astype(np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Pillow renames its modes
        made = [
            Image.fromarray(np.ascontiguousarray(plane)).resize(
                (shape[1], shape[0]), Image.Resampling.LANCZOS
            )
            for plane in planes
        ]
    # Lanczos overshoots at edges.
    together = np.stack([np.asarray(one, dtype=np.float32) for one in made], axis=-1)
    return np.asarray(np.clip(together, 0, 1), dtype=np.float32)


def colours(image: Floats) -> Floats:
    """Give an image of any number of channels as red, green and blue.

    >>> colours(np.full((2, 2, 1), 0.5, np.float32)).shape
    (2, 2, 3)
    """
    if image.shape[-1] == 4:
        alpha = image[..., 3:]
        return np.asarray(image[..., :3] * alpha + (1 - alpha), dtype=np.float32)
    if image.shape[-1] == 1:
        return np.asarray(np.repeat(image, 3, axis=-1), dtype=np.float32)
    return image


def brightness(image: Floats) -> Floats:
    """Give how bright each pixel looks (Rec. 709, linear weights on the values as stored).

    >>> float(brightness(np.ones((1, 1, 3), np.float32))[0, 0].round(3))
    1.0
    """
    weights = np.array([0.2126, 0.7152, 0.0722], dtype=np.float32)
    return np.asarray(colours(image) @ weights, dtype=np.float32)
