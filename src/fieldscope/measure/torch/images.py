"""Where the images of an effective field come from: photographs, arrays, loaders or noise.

All give batches from any image on, so that interrupted work goes on where it was, and hold no
more than a batch or two at a time.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from fieldscope.errors import InputError
from fieldscope.optional import require
from fieldscope.wording import counted

Batches: TypeAlias = Callable[[int, int], Iterator[torch.Tensor]]
"""From image number `start` on, `size` at a time."""

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
    if isinstance(images, (str, os.PathLike)) or _are_paths(images):
        require("PIL", extra="plot", purpose="reading photographs")
        from fieldscope.measure.torch.photographs import photographs

        return photographs(images, shape, normalisation)
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


def _are_paths(images: Any) -> bool:
    several = isinstance(images, (list, tuple)) and bool(images)
    return several and all(isinstance(one, (str, os.PathLike)) for one in images)


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


def content_digest(content: bytes) -> str:
    """What tells bytes from others.

    >>> content_digest(b"a") == content_digest(b"b")
    False
    """
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
