"""What a run is asked for: plain data that can be written, read back and compared."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType, UnionType
from typing import Any, Literal, TypeAlias, get_args, get_origin, get_type_hints

Kind: TypeAlias = Literal["train", "finetune"]

# The model that comes with the lab; see `fieldscope.lab.models.small_vgg`.
SMALL_VGG = "small-vgg"
OPTIMIZERS = ("adam", "adamw", "sgd")

_NOTHING: Mapping[str, Any] = MappingProxyType({})
# What may differ when a run goes on: how long it is to go on, and where its data lie now, of
# which the digest tells whether they are the same.
_FREE_TO_CHANGE = frozenset({"epochs", "data", "labels"})


@dataclass(frozen=True, slots=True)
class Settings:
    """What a run was asked for: all that its curve depends on.

    Attributes:
        kind: whether a whole model is trained, or a new head on a given body.
        model: the model or the body, as it is named on the command line.
        arguments: for what builds it.
        data: folder of the photos.
        labels: file of their labels; None where each class has a folder.
        resolution: extent of both axes of what the model is given.
        epochs: how many are wanted.
        batch_size: photos in a batch, on each device.
        optimizer: "adam", "adamw" or "sgd".
        learning_rate: of the optimiser.
        seed: of the split, the weights, the order and the augmentation.
        validation: share of the photos that is kept for validation.
        train_per_class: photos of each class to train on, instead of that share.
        skip_bad: whether files that can't be used were left out.
        mean: per channel, what normalisation takes off.
        deviation: per channel, what it divides by.
        augmentation: its strengths; None where there is none.
        weights: file of the body's weights.
        renamed: how the names in that file were changed, as (pattern, text).
        freeze: whether the body stays as it is.
        unfreeze_at: the first epoch, from 1, that trains the body too.
        cut: the layer behind which the body ends; None for the last with positions.
    """

    kind: Kind
    model: str
    data: str
    resolution: int
    epochs: int
    arguments: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    labels: str | None = None
    batch_size: int = 32
    optimizer: str = "adam"
    learning_rate: float = 1e-3
    seed: int = 0
    validation: float = 0.2
    train_per_class: int | None = None
    skip_bad: bool = False
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)
    deviation: tuple[float, ...] = (0.229, 0.224, 0.225)
    augmentation: Mapping[str, Any] | None = None
    weights: str | None = None
    renamed: tuple[tuple[str, str], ...] = ()
    freeze: bool = False
    unfreeze_at: int | None = None
    cut: str | None = None

    def differing(self, other: Settings) -> tuple[str, ...]:
        """Name what another run's curve would depend on differently, with both values.

        >>> one = Settings("train", "small-vgg", "photos", resolution=32, epochs=5)
        >>> one.differing(dataclasses.replace(one, resolution=64, epochs=9))
        ('resolution is 32, not 64',)
        """
        return tuple(
            f"{name.replace('_', ' ')} is {mine}, not {theirs}"
            for name, mine, theirs in (
                (one.name, getattr(self, one.name), getattr(other, one.name))
                for one in dataclasses.fields(self)
                if one.name not in _FREE_TO_CHANGE
            )
            if plain(mine) != plain(theirs)
            and not (name == "model" and same_model(self.model, other.model))
        )


def same_model(one: str, other: str) -> bool:
    """Whether two names are of one model: a file of code may lie elsewhere by now.

    >>> same_model("net.py:build", "../net.py:build"), same_model("net.py:build", "net.py:other")
    (True, False)
    """
    (path, _, name), (path_now, _, name_now) = one.rpartition(":"), other.rpartition(":")
    file, file_now = Path(path), Path(path_now)
    moved = file.suffix == ".py" and (file.name, name) == (file_now.name, name_now)
    return one == other or moved


def plain(value: Any) -> Any:
    """Give settings as JSON has them, so that those read back compare equal.

    >>> plain({"sizes": (1, 2)}), plain(float("inf"))
    ({'sizes': [1, 2]}, 'inf')
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {one.name: plain(getattr(value, one.name)) for one in dataclasses.fields(value)}
    match value:
        case Mapping():
            return {str(key): plain(one) for key, one in value.items()}
        case list() | tuple():
            return [plain(one) for one in value]
        case float() if not math.isfinite(value):
            return repr(value)
        case None | bool() | int() | float() | str():
            return value
        case _:
            return repr(value)


def settings_of(data: Mapping[str, Any]) -> Settings:
    """Read settings from plain data.

    Raises:
        KeyError, TypeError, ValueError: the data are none of settings.

    >>> one = Settings("train", "small-vgg", "photos", resolution=32, epochs=5)
    >>> settings_of(plain(one)).differing(one)
    ()
    """
    given = dict(data)
    given["mean"], given["deviation"] = tuple(data["mean"]), tuple(data["deviation"])
    given["renamed"] = tuple((pattern, text) for pattern, text in data["renamed"])
    found = Settings(**given)
    for name, kind in get_type_hints(Settings).items():
        if not _fits(value := getattr(found, name), kind):
            raise TypeError(f"{name.replace('_', ' ')} is {value!r}")
    return found


def _fits(value: object, kind: Any) -> bool:
    """Whether a value is of the type that an attribute is declared with."""
    inner = get_args(kind)
    match get_origin(kind):
        case None:
            # To Python True is an int, and 1 no float.
            return type(value) in ((int, float) if kind is float else (kind,))
        case origin if origin is Literal:
            return value in inner
        case origin if origin is UnionType:
            return any(_fits(value, one) for one in inner)
        case origin if origin is tuple:
            if not isinstance(value, tuple):
                return False
            kinds = inner[:1] * len(value) if inner[-1] is ... else inner
            return len(value) == len(kinds) and all(map(_fits, value, kinds))
        case origin:
            return isinstance(value, origin)
