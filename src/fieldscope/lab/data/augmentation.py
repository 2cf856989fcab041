"""How photographs are varied in training: mirrored, recoloured, turned, seen from aside."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from PIL import Image

from fieldscope.errors import InputError
from fieldscope.lab.frameworks import transforms

Vary: TypeAlias = Callable[[Image.Image], Image.Image]

# Of what each setting may at most be: a hue goes round once, a corner moves to the middle.
_MOST = {"rotation": 180.0, "hue": 0.5, "perspective": 1.0}


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How much photos are varied; 0 leaves a way of varying out.

    Attributes:
        flip: whether half of the photos are mirrored, left for right.
        rotation: degrees that they are turned by at most, either way.
        brightness: share of itself that it changes by at most; contrast, saturation alike.
        contrast: see brightness.
        saturation: see brightness.
        hue: share of the colour circle that colours go round by at most, either way.
        perspective: share of half the extent that corners move inwards by at most.

    Raises:
        InputError: a setting is negative, or larger than makes sense.

    >>> Augmentation(hue=0.7)
    Traceback (most recent call last):
    fieldscope.errors.InputError: augmentation: hue is 0.7, and must be from 0 to 0.5
    """

    flip: bool = True
    rotation: float = 30.0
    brightness: float = 0.2
    contrast: float = 0.2
    saturation: float = 0.2
    hue: float = 0.05
    perspective: float = 0.2

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value, most = getattr(self, field.name), _MOST.get(field.name, 1.0)
            if not 0 <= value <= most:
                raise InputError(
                    f"augmentation: {field.name} is {value}, and must be from 0 to {most:g}"
                )

    def to_dict(self) -> dict[str, Any]:
        """The settings as plain data.

        >>> Augmentation(flip=False).to_dict()["flip"]
        False
        """
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Augmentation:
        """Make an augmentation from its plain data.

        Raises:
            InputError: it has other settings than these, or one isn't a number.

        >>> Augmentation.from_dict(Augmentation(hue=0).to_dict()).hue
        0
        """
        known = {field.name for field in dataclasses.fields(cls)}
        if data.keys() != known:
            strange = sorted(map(str, data.keys() ^ known))
            raise InputError(f"augmentation: {strange[0]} is missing or isn't known")
        for name, value in data.items():
            if not isinstance(value, (bool, int, float)):
                raise InputError(f"augmentation: {name} is {value!r}, and must be a number")
        return cls(**data)


def varying(augmentation: Augmentation) -> Vary:
    """Give what varies a square image, by torch's random numbers.

    What comes in from outside is black, as the padding is; so colours are changed first.

    >>> still = varying(Augmentation(False, 0, 0, 0, 0, 0, 0))
    >>> still(Image.new("RGB", (2, 2), (9, 9, 9))).getpixel((0, 0))
    (9, 9, 9)
    """
    bilinear = transforms.InterpolationMode.BILINEAR
    jitter = (
        augmentation.brightness,
        augmentation.contrast,
        augmentation.saturation,
        augmentation.hue,
    )
    ways: list[Vary] = []
    if augmentation.flip:
        ways.append(transforms.RandomHorizontalFlip())
    if any(jitter):
        ways.append(transforms.ColorJitter(*jitter))
    if augmentation.rotation:
        ways.append(transforms.RandomRotation(augmentation.rotation, bilinear))
    if augmentation.perspective:
        ways.append(transforms.RandomPerspective(augmentation.perspective, 0.5, bilinear))

    def vary(image: Image.Image) -> Image.Image:
        for way in ways:
            image = way(image)
        return image

    return vary
