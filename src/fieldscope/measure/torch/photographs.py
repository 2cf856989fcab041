"""Photographs as images for a model: scaled and cropped to its input, normalised."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps

from fieldscope.errors import InputError
from fieldscope.measure.torch.images import Normalisation, Source, content_digest
from fieldscope.photos import images_in, upright
from fieldscope.wording import counted, listed

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""Mean and deviation per channel that torchvision's networks and most of timm's know."""


def photographs(
    images: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    shape: Sequence[int],
    normalisation: Normalisation | None = None,
) -> Source:
    """Photographs of a folder, one of them, or several files.

    Each is scaled until it covers the input's extents, and cropped to them around its middle.

    Args:
        images: a folder, which is searched through, a file, or files.
        shape: the input's shape with batch: [image channel y x], 1 or 3 channels.
        normalisation: else ImageNet's, or to ±1 for one channel.

    Raises:
        InputError: there are none, some can't be read, or the input isn't one for photographs.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Image.new("RGB", (40, 20)).save(f"{folder}/a.png")
        ...     found = photographs(f"{folder}/a.png", (1, 3, 8, 6))
        ...     [tuple(batch.shape) for batch in found.batches(0, 4)]
        [(1, 3, 8, 6)]
    """
    if isinstance(images, (str, os.PathLike)):
        place = Path(images)
        name = place.name or str(place)
        files = (place,) if place.is_file() else images_in(place)
    else:
        name, files = "files", tuple(Path(one) for one in images)
    if len(shape) != 4 or shape[1] not in (1, 3):
        raise InputError(
            f"photographs are for an input [image channel y x] of 1 or 3 channels, and it is "
            f"{tuple(shape)}\npass arrays: images=array [image …]"
        )
    channels, rows, columns = shape[1:]
    if normalisation is None:
        normalisation = Normalisation(*(IMAGENET if channels == 3 else ((0.5,), (0.5,))))
    mean, deviation = (
        torch.tensor(_per_channel(word, one, channels)).reshape(-1, 1, 1)
        for word, one in (("mean", normalisation.mean), ("deviation", normalisation.deviation))
    )
    if not (deviation > 0).all():
        raise InputError(f"deviation is {normalisation.deviation}; it must be above 0")

    _check_readable(files, name)

    def opened(file: Path) -> torch.Tensor:
        fitted = ImageOps.fit(upright(file), (columns, rows), Image.Resampling.BILINEAR)
        pixels = np.array(fitted if channels == 3 else fitted.convert("L"), dtype=np.float32)
        values = torch.from_numpy(pixels / 255).reshape(rows, columns, channels).permute(2, 0, 1)
        return (values - mean) / deviation

    def stacked(part: Sequence[Path]) -> torch.Tensor:
        return torch.stack([opened(one) for one in part])

    def batches(start: int, size: int) -> Iterator[torch.Tensor]:
        coming: Future[torch.Tensor] | None = None
        # One batch is read while the one before is worked on.
        with ThreadPoolExecutor(1) as reader:
            for first in range(start, len(files), size):
                ready, coming = coming, reader.submit(stacked, files[first : first + size])
                if ready is not None:
                    yield ready.result()
            if coming is not None:
                yield coming.result()

    text = f"{counted(len(files), 'photograph')} of {name}" if len(files) > 1 else files[0].name
    numbers = f"{normalisation.mean} {normalisation.deviation}"

    def mark() -> str:
        stamps = [f"{file.name} {file.stat().st_size}" for file in files if file.is_file()]
        return f"{content_digest(chr(10).join(stamps).encode())} {numbers}"

    return Source(text, len(files), mark, batches)


def _check_readable(files: Sequence[Path], name: str) -> None:
    """Say before any work which files are no images, as far as their first bytes tell."""
    broken = [file.name for file in files if not _begins_as_image(file)]
    if broken:
        raise InputError(
            f"{counted(len(broken), 'file')} of {name} can't be read as images: "
            f"{listed(broken, most=4)}\nmend or remove them"
        )


def _begins_as_image(file: Path) -> bool:
    try:
        Image.open(file).close()
    except Exception:  # a broken file may make a decoder raise anything
        return False
    return True


def _per_channel(word: str, numbers: Sequence[float], channels: int) -> list[float]:
    if len(numbers) not in (1, channels):
        raise InputError(
            f"{word} has {len(numbers)} numbers, and the input {channels} channels\n"
            "give one number, or one per channel"
        )
    return list(numbers) * (channels if len(numbers) == 1 else 1)
