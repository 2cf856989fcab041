"""Where the images of an effective field come from: photographs, arrays, loaders or noise.

All give batches from any image on, so that interrupted work goes on where it was, and hold no
more than a batch or two at a time.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageOps

from fieldscope.errors import InputError
from fieldscope.photos import images_in, upright
from fieldscope.wording import counted, listed

Batches: TypeAlias = Callable[[int, int], Iterator[torch.Tensor]]
"""From image number `start` on, `size` at a time."""

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""Mean and deviation per channel that torchvision's networks and most of timm's know."""

NOISE = 32
"""Images of noise that are averaged where nothing else is said."""


@dataclass(frozen=True, slots=True)
class Source:
    """Images for one input of a model.

    Attributes:
        text: what they are, in a few words.
        count: how many; None where nobody knows.
        mark: tells what makes them differ from other images, where that is asked.
        batches: gives them, [image channel y x] or whatever the input's axes are.
    """

    text: str
    count: int | None
    mark: Callable[[], str]
    batches: Batches


@dataclass(frozen=True, slots=True)
class Normalisation:
    """What is taken off a photograph's channels, and what they are divided by, from 0 to 1."""

    mean: tuple[float, ...]
    deviation: tuple[float, ...]


def noise_count(count: int | None) -> int:
    """How many images of noise there are where so many are asked for.

    >>> noise_count(None), noise_count(5)
    (32, 5)
    """
    return NOISE if count is None else count


def source_of(
    images: Any,
    shape: Sequence[int],
    *,
    seed: int = 0,
    normalisation: Normalisation | None = None,
    noise: int = NOISE,
) -> Source:
    """Read what a user gives as images.

    Args:
        images: a folder, files, an array or tensor [image …], an iterable of batches such as a
            DataLoader, or None for noise.
        shape: the input's shape with batch.
        seed: of noise.
        normalisation: of photographs; ImageNet's where the input has three channels.
        noise: number of images of noise.

    Raises:
        InputError: they can't be read, or don't fit the input.
    """
    if images is None:
        return _noise(tuple(shape[1:]), noise, seed)
    if isinstance(images, (str, os.PathLike)):
        place = Path(images)
        files = (place,) if place.is_file() else images_in(place)
        return _photographs(files, place.name or str(place), shape, normalisation)
    if isinstance(images, (list, tuple)) and images and _are_paths(images):
        files = tuple(Path(one) for one in images)
        return _photographs(files, "files", shape, normalisation)
    if isinstance(images, (np.ndarray, torch.Tensor)):
        return _array(images, shape)
    if isinstance(images, Iterable):
        return _loaded(images, shape)
    raise InputError(
        f"images are of type {type(images).__name__}\n"
        "pass a folder, a list of files, an array [image …], a DataLoader, or None for noise"
    )


def shape_of(images: Any) -> tuple[int, ...] | None:
    """The shape of one image with batch, where arrays or loaders tell it.

    >>> shape_of(np.zeros((7, 3, 8, 6))), shape_of("photos/")
    ((1, 3, 8, 6), None)
    """
    if isinstance(images, (np.ndarray, torch.Tensor)):
        return (1, *images.shape[1:])
    if images is None or isinstance(images, (str, os.PathLike, list, tuple, Iterator)):
        return None
    if isinstance(images, Iterable):
        first = next(iter(images), None)
        return None if first is None else (1, *_tensor(first).shape[1:])
    return None


def _are_paths(images: Sequence[Any]) -> bool:
    return all(isinstance(one, (str, os.PathLike)) for one in images)


def _noise(shape: tuple[int, ...], count: int, seed: int) -> Source:
    def batches(start: int, size: int) -> Iterator[torch.Tensor]:
        for first in range(start, count, size):
            # Each has a seed of its own, so that batches of any size are the same images.
            yield torch.stack(
                [
                    torch.randn(shape, generator=seeded(seed, number, stream=0))
                    for number in range(first, min(first + size, count))
                ]
            )

    return Source(
        counted(count, "image") + " of noise", count, lambda: f"noise {seed} {shape}", batches
    )


def seeded(seed: int, number: int, *, stream: int) -> torch.Generator:
    """A generator for one image, whatever batch it is in."""
    text = f"{seed} {number} {stream}".encode()
    digest = hashlib.blake2b(text, digest_size=7).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest, "big"))


def _photographs(
    files: tuple[Path, ...],
    name: str,
    shape: Sequence[int],
    normalisation: Normalisation | None,
) -> Source:
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

    def batches(start: int, size: int) -> Iterator[torch.Tensor]:
        parts = [files[first : first + size] for first in range(start, len(files), size)]
        # One batch is read while the one before is worked on.
        with ThreadPoolExecutor(1) as reader:
            coming = [
                reader.submit(lambda part: torch.stack([opened(one) for one in part]), part)
                for part in parts[:1]
            ]
            for part in parts[1:]:
                ready = coming.pop()
                values = ready.result()
                coming.append(
                    reader.submit(lambda part: torch.stack([opened(one) for one in part]), part)
                )
                yield values
            for last in coming:
                yield last.result()

    text = f"{counted(len(files), 'photograph')} of {name}" if len(files) > 1 else files[0].name
    numbers = f"{normalisation.mean} {normalisation.deviation}"

    def mark() -> str:
        stamps = [f"{file.name} {file.stat().st_size}" for file in files if file.is_file()]
        return f"{_digest(chr(10).join(stamps).encode())} {numbers}"

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


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=8).hexdigest()


def digest_of(tensors: Iterable[torch.Tensor]) -> str:
    """What tells tensors from others: types, shapes and values, of one tensor at a time."""
    found = hashlib.blake2b(digest_size=8)
    for one in tensors:
        found.update(f"{one.dtype} {tuple(one.shape)}".encode())
        found.update(one.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return found.hexdigest()


def _array(images: npt.NDArray[Any] | torch.Tensor, shape: Sequence[int]) -> Source:
    values = images[None] if images.ndim == len(shape) - 1 else images
    if tuple(values.shape[1:]) != tuple(shape[1:]) or not len(values):
        wanted = ", ".join(map(str, ("n", *shape[1:])))
        raise InputError(f"images have the shape {tuple(values.shape)}; want ({wanted})")
    # Of what can't be measured is told before anything is done.
    _numbers(values[:1])

    def batches(start: int, size: int) -> Iterator[torch.Tensor]:
        for first in range(start, len(values), size):
            yield _numbers(values[first : first + size])

    def mark() -> str:
        return digest_of(batches(0, 1))

    return Source(counted(len(values), "image"), len(values), mark, batches)


def _numbers(images: npt.NDArray[Any] | torch.Tensor) -> torch.Tensor:
    """Images as a tensor of real numbers."""
    if isinstance(images, np.ndarray) and images.dtype.kind in "fiub":
        # A copy: arrays may be read-only, run backwards, or have another byte order.
        images = torch.from_numpy(np.array(images, images.dtype.newbyteorder("="), order="C"))
    if not isinstance(images, torch.Tensor) or images.is_complex():
        raise InputError(
            f"images hold numbers of type {images.dtype}, which aren't real\n"
            "give floating-point numbers or integers"
        )
    return images.detach()


def _loaded(images: Iterable[Any], shape: Sequence[int]) -> Source:
    """Batches as somebody else's loader gives them, whatever their number."""

    def batches(start: int, size: int) -> Iterator[torch.Tensor]:
        del size
        skipped = 0
        for batch in images:
            tensor = _tensor(batch)
            if tuple(tensor.shape[1:]) != tuple(shape[1:]):
                wanted = ", ".join(map(str, ("n", *shape[1:])))
                raise InputError(
                    f"a batch of the images has the shape {tuple(tensor.shape)}; want ({wanted})"
                )
            left = max(0, start - skipped)
            skipped += min(left, len(tensor))
            if left < len(tensor):
                yield tensor[left:]

    kind = type(images).__name__

    def mark() -> str:
        # What can be gone through only once tells nothing of what is in it.
        first = None if isinstance(images, Iterator) else next(iter(images), None)
        return kind if first is None else f"{kind} {digest_of([_tensor(first)])}"

    return Source(f"images of a {kind}", None, mark, batches)


def _tensor(batch: Any) -> torch.Tensor:
    """The images of a loader's batch, which may come with labels."""
    found = batch
    while isinstance(found, (list, tuple)) and found:
        found = found[0]
    if isinstance(found, dict):
        found = next(iter(found.values()), None)
    if not isinstance(found, (torch.Tensor, np.ndarray)) or found.ndim < 1:
        raise InputError(
            f"a batch of the images is of type {type(batch).__name__}, without a tensor in front\n"
            "give batches that are tensors, or tuples that begin with one"
        )
    return _numbers(found)


def limited(batches: Iterator[torch.Tensor], count: int | None) -> Iterator[torch.Tensor]:
    """Batches of no more images than that, altogether."""
    left = count
    # No batch is asked for that isn't wanted: making it may cost much.
    while left is None or left > 0:
        batch = next(batches, None)
        if batch is None:
            return
        yield batch[:left]
        left = left and left - len(batch)
