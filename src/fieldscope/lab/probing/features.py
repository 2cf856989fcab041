"""Features of many layers, averaged over positions, in one pass over the photos.

Nothing of a batch stays but the averages: memory grows with photos times channels, and never
with the maps.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from fieldscope.analyses.layers import InputInfo
from fieldscope.errors import FieldscopeError, InputError, LayerNotFoundError, ModelError
from fieldscope.frontends.blame import told as told_of
from fieldscope.frontends.torch.trace import roots_of
from fieldscope.lab.probing.places import Reading
from fieldscope.measure.torch.passes import prepared
from fieldscope.measure.torch.places import Place, Places, places_of
from fieldscope.measure.torch.run import Run
from fieldscope.measure.torch.until import not_reached
from fieldscope.photos.catalogue import Told

Batches: TypeAlias = Iterable[Sequence[Any]]
"""Photos and the numbers of their classes, batch by batch; what else a batch holds is left."""

Numbers: TypeAlias = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Features:
    """What the photos look like to each layer.

    Attributes:
        layers: by layer, its features, [photos features].
        places: by layer, the layer at whose output it was read.
        inputs: averages of the photos themselves, [photos channels].
        output: what the model returns, [photos …]; None where that isn't kept.
        labels: numbers of the photos' classes, [photos].
    """

    layers: dict[str, Numbers]
    places: dict[str, str]
    inputs: Numbers
    output: Numbers | None
    labels: npt.NDArray[np.int64]


class Reader:
    """Runs a model on photos and keeps what its layers make of them.

    Args:
        model: the model; it is run in eval mode and left as it was found.
        info: its input.
        readings: the layers to keep, and where they are read.
        output: name of the model's result, if it is to be kept, too.
    """

    def __init__(
        self,
        model: Callable[..., Any],
        info: InputInfo,
        readings: Sequence[Reading],
        *,
        output: str | None,
    ) -> None:
        self._model = model
        self._info = info
        self._readings = readings
        self._output = output
        # Where photos share an axis with something else, they are told apart by running one by one.
        self._together = all(reading.apart for reading in readings)
        self._found: dict[tuple[int, ...], dict[str, _Spot]] = {}

    def features(
        self, batches: Batches, *, told: Told = lambda *_: None, what: str = "photos"
    ) -> Features:
        """Run the model on every batch.

        Args:
            batches: the photos.
            told: told of the progress.
            what: what the photos are called there.

        Raises:
            InputError: there are no photos, or their shape is another than the analysed one.
            ModelError: the model fails on them, or makes numbers that aren't finite.
        """
        kept: dict[str, list[Numbers]] = {}
        labels: list[npt.NDArray[np.int64]] = []
        inputs: list[Numbers] = []
        count = len(batches) if isinstance(batches, Sized) else 0
        with prepared(self._model), torch.no_grad():
            for number, (photos, numbers) in enumerate(_pairs(batches)):
                told(f"running the model on the {what}", number, count)
                self._check(photos)
                for some in (photos,) if self._together else photos.split(1):
                    for layer, values in self._batch(some):
                        kept.setdefault(layer, []).append(values)
                inputs.append(_averaged(photos, self._info.spatial))
                labels.append(np.asarray(numbers, dtype=np.int64))
        if not labels:
            raise InputError(f"there are no {what} to run the model on\ngive at least one batch")
        joined = {layer: np.concatenate(values) for layer, values in kept.items()}
        output = joined.pop(_RESULT, None)
        spots = next(iter(self._found.values()))
        places = {layer: spots[layer].place.layer for layer in joined}
        return Features(joined, places, np.concatenate(inputs), output, np.concatenate(labels))

    def _check(self, photos: torch.Tensor) -> None:
        wanted = self._info.shape[1:]
        if tuple(photos.shape[1:]) != wanted:
            raise InputError(
                f"photos of shape {tuple(photos.shape[1:])} don't fit the analysis, which is for "
                f"{wanted}\nanalyse the model at the photos' own shape"
            )

    def _batch(self, photos: torch.Tensor) -> Iterator[tuple[str, Numbers]]:
        spots = self._spots(tuple(photos.shape))
        axes = {spot.place: spot.axes for spot in spots.values()}

        def averaged(place: Place, tensor: torch.Tensor) -> torch.Tensor:
            return _flat(tensor, axes[place], rows=len(photos))

        try:
            found = Run(self._model, axes, keep=averaged)(photos.to(device_of(self._model)))
        except FieldscopeError:
            raise
        except Exception as error:
            raise ModelError(
                f"the model fails on photos of shape {tuple(photos.shape)}: {told_of(error)}"
            ) from error
        for layer, spot in spots.items():
            if spot.place not in found:
                raise not_reached(self._model, spot.place)
            values = found[spot.place].cpu().numpy()
            if not np.isfinite(values).all():
                at = "the model's output" if layer == _RESULT else f"layer {spot.place.layer}"
                raise ModelError(
                    f"{at} holds numbers that aren't finite, so nothing can be fitted to it\n"
                    "take weights of an earlier epoch, before training diverged"
                )
            yield layer, values

    def _spots(self, shape: tuple[int, ...]) -> dict[str, _Spot]:
        """Where each layer turns up in a run on a batch of that shape."""
        for known in self._found.values():
            # Only what is moved, such as reshaped, depends on the number of photos.
            if not any(spot.place.moved for spot in known.values()):
                return known
        if shape not in self._found:
            places = places_of(self._model, shape, axes=self._info.spatial)
            spots = {reading.layer: _nearest(places, reading) for reading in self._readings}
            if self._output is not None:
                spots[_RESULT] = _Spot(places.find(self._output), ())
            self._found[shape] = spots
        return self._found[shape]


_RESULT = "\0result"
"""Stands for the model's result, under a name that no layer has."""


class _Spot(NamedTuple):
    """A place in a run, and the axes to average over there."""

    place: Place
    axes: tuple[int, ...]


def _nearest(places: Places, reading: Reading) -> _Spot:
    """The first place of a layer that a run can get at."""
    for name, axes in zip(reading.places, reading.axes, strict=True):
        with contextlib.suppress(LayerNotFoundError):
            return _Spot(places.find(name), axes)
    # None: let the last one, the layer itself, say why.
    return _Spot(places.find(reading.layer), reading.axes[-1])


def _pairs(batches: Batches) -> Iterator[tuple[torch.Tensor, Any]]:
    for batch in batches:
        photos, labels, *_ = batch
        yield photos, labels


def _averaged(tensor: torch.Tensor, axes: tuple[int, ...]) -> Numbers:
    values: Numbers = _flat(tensor, axes, rows=len(tensor)).cpu().numpy()
    return values


def _flat(tensor: torch.Tensor, axes: tuple[int, ...], *, rows: int) -> torch.Tensor:
    """One row per photo: averages over the positions of what is left."""
    wide = tensor.detach().float()
    averaged = wide.mean(dim=axes) if axes else wide
    return averaged.reshape(rows, -1)


def device_of(model: Callable[..., Any]) -> torch.device:
    """Where a model's weights are; on the CPU, where it has none.

    >>> device_of(torch.nn.Linear(2, 3)), device_of(torch.relu)
    (device(type='cpu'), device(type='cpu'))
    """
    for root in roots_of(model).values():
        for weight in root.parameters():
            return weight.device
    return torch.device("cpu")
