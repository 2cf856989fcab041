"""What is done to a photograph before a network sees it."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from PIL import Image

from fieldscope.errors import InputError
from fieldscope.lab.data.augmentation import Augmentation
from fieldscope.photos import array, sized, squared, upright
from fieldscope.photos.reading import Pixels

PerChannel: TypeAlias = tuple[float, float, float]

# Of red, green and blue over the photographs of ImageNet, values from 0 to 1: what torchvision's
# published weights were trained with (torchvision.transforms, ImageClassification).
IMAGENET_MEAN: PerChannel = (0.485, 0.456, 0.406)
IMAGENET_DEVIATION: PerChannel = (0.229, 0.224, 0.225)


@dataclass(frozen=True, slots=True)
class Preparation:
    """How photos become inputs: padded to a square, resized, varied in training, normalised.

    Attributes:
        resolution: extent of both axes of the inputs.
        mean: of each channel, values from 0 to 1; it becomes 0.
        deviation: of each channel; it becomes 1.
        augment: how photos are varied in training; None leaves them as they are.

    Raises:
        InputError: a setting makes no sense.

    >>> Preparation(0)
    Traceback (most recent call last):
    fieldscope.errors.InputError: the resolution is 0, and must be a whole number from 1 on
    """

    resolution: int
    mean: PerChannel = IMAGENET_MEAN
    deviation: PerChannel = IMAGENET_DEVIATION
    augment: Augmentation | None = None

    def __post_init__(self) -> None:
        if type(self.resolution) is not int or self.resolution < 1:
            raise InputError(
                f"the resolution is {self.resolution!r}, and must be a whole number from 1 on"
            )
        for name, values in (("mean", self.mean), ("deviation", self.deviation)):
            if len(values) != 3 or not all(map(math.isfinite, values)):
                raise InputError(
                    f"the {name} is {values}, and must be three numbers, one a channel"
                )
        if not all(value > 0 for value in self.deviation):
            raise InputError(f"the deviation is {self.deviation}, and must be above 0")

    def to_dict(self) -> dict[str, Any]:
        """The settings as plain data.

        >>> Preparation(224).to_dict()["augment"] is None
        True
        """
        return asdict(self) | {"mean": list(self.mean), "deviation": list(self.deviation)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Preparation:
        """Make a preparation from its plain data.

        Raises:
            InputError: a setting is missing, isn't known or makes no sense.

        >>> Preparation.from_dict(Preparation(64).to_dict()) == Preparation(64)
        True
        """
        known = {"resolution", "mean", "deviation", "augment"}
        if data.keys() != known:
            strange = sorted(map(str, data.keys() ^ known))
            raise InputError(f"preparation: {strange[0]} is missing or isn't known")
        augment = data["augment"]
        return cls(
            data["resolution"],
            _per_channel("mean", data["mean"]),
            _per_channel("deviation", data["deviation"]),
            None if augment is None else Augmentation.from_dict(augment),
        )


def square(path: str | os.PathLike[str], resolution: int) -> Pixels:
    """Read a photo, pad it to a square and resize it: bytes `[y x c]`.

    Raises:
        InputError: it can't be read.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     Image.new("RGB", (40, 20), (9, 9, 9)).save(f"{folder}/wide.png")
    ...     pixels = square(f"{folder}/wide.png", 8)
    >>> pixels[[0, 3, 4, 7], 0, 0].tolist()
    [0, 9, 9, 0]
    """
    return array(sized(squared(upright(path)), (resolution, resolution)))


def normalised(image: Image.Image | Pixels, preparation: Preparation) -> torch.Tensor:
    """Turn a square image into an input `[c y x]` of 32-bit floats.

    >>> grey = np.full((2, 2, 3), 255, np.uint8)
    >>> normalised(grey, Preparation(2, mean=(0.5,) * 3, deviation=(0.25,) * 3))[0, 0, 0].item()
    2.0
    """
    pixels = torch.from_numpy(np.array(image, dtype=np.uint8))
    values = pixels.permute(2, 0, 1).to(torch.float32, memory_format=torch.contiguous_format) / 255
    return (values - _channels(preparation.mean)) / _channels(preparation.deviation)


def shown(input: torch.Tensor, preparation: Preparation) -> Image.Image:
    """Turn an input `[c y x]` back into the image that it was made of.

    >>> image = Image.new("RGB", (2, 2), (250, 120, 3))
    >>> shown(normalised(image, Preparation(2)), Preparation(2)).getpixel((0, 0))
    (250, 120, 3)
    """
    values = input * _channels(preparation.deviation) + _channels(preparation.mean)
    pixels = (values * 255).round().clamp(0, 255).to(torch.uint8)
    return Image.fromarray(pixels.permute(1, 2, 0).contiguous().numpy())


def _channels(values: PerChannel) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float32)[:, None, None]


def _per_channel(name: str, values: Sequence[Any]) -> PerChannel:
    try:
        red, green, blue = (float(value) for value in values)
    except (TypeError, ValueError):
        raise InputError(
            f"the {name} is {values!r}, and must be three numbers, one a channel"
        ) from None
    return red, green, blue
