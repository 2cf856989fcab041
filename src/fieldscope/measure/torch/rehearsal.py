"""A PyTorch model run for real, once as it is and once neutralised, for all layers at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch

from fieldscope.errors import FieldscopeError, LayerNotFoundError
from fieldscope.frontends.inputs import Axes
from fieldscope.geometry.regions import BoolArray
from fieldscope.measure.probe import probe
from fieldscope.measure.rehearsal import Case, Index, Measurement
from fieldscope.measure.torch.passes import gradient_of, neutral_run, prepared, real_run, run_on
from fieldscope.measure.torch.places import Place, Places, places_of
from fieldscope.measure.torch.samples import samples_of
from fieldscope.measure.torch.until import until
from fieldscope.wording import listed

# Samples of one neutral run: few enough for the memory of large inputs.
_BATCH = 8


# How strongly inputs are changed, and what share of an output is no change.
_CHANGES = (1.0, -1.0, 8.0, -8.0)
_ROUNDING = 1e-4


class _Played(NamedTuple):
    """A run: the input, the layers' outputs, and what could not be neutralised."""

    leaf: torch.Tensor
    outputs: dict[Place, torch.Tensor]
    unknown: tuple[str, ...] = ()


class TorchRehearsal:
    """A model on random inputs, or given ones, of which single positions are looked at.

    Nothing is run before it is asked for; then all layers are in one run.

    Args:
        model: module or callable on tensors; it is left as it was found.
        inputs: as for `fieldscope.analyze`; of a batch the first sample counts.
        layers: names of the layers that will be looked at.
        input: name of the input to measure.
        axes: spatial axes of the inputs.
        example: real inputs to run instead.
        seed: of random inputs.
    """

    def __init__(
        self,
        model: Callable[..., Any],
        inputs: Any,
        layers: Sequence[str],
        *,
        input: str | None = None,
        axes: Axes = None,
        example: Any = None,
        seed: int = 0,
    ) -> None:
        self._model = model
        inputs = inputs if example is None else example
        self._inputs = inputs
        self._samples = samples_of(model, inputs, input=input, axes=axes, seed=seed)
        known = places_of(model, inputs, axes=axes, example=example)
        self._places: dict[str, Place] = {}
        self._hidden: dict[str, str] = {}
        for layer in layers:
            self._locate(layer, known)

    def _locate(self, layer: str, known: Places) -> None:
        try:
            self._places[layer] = known.find(layer)
        except LayerNotFoundError as error:
            self._hidden[layer] = str(error).partition("\n")[0]

    @cached_property
    def _neutral(self) -> _Played | str:
        try:
            return self._neutralised(None)
        except FieldscopeError as error:
            return str(error).partition("\n")[0]

    @cached_property
    def _real(self) -> _Played | str:
        try:
            leaf, outputs = real_run(self._model, self._samples, self._places.values())
        except FieldscopeError as error:
            return str(error).partition("\n")[0]
        return _Played(leaf, outputs)

    def _neutralised(self, given: torch.Tensor | None, places: Sequence[Place] = ()) -> _Played:
        return _Played(
            *neutral_run(
                self._model, self._samples, places or tuple(self._places.values()), given=given
            )
        )

    def structure(self, layer: str, index: Index) -> Measurement:
        """What the neutralised model reads, without what all positions share."""
        found = self._gradient(self._neutral, layer, index, signs=False)
        return found._replace(why=found.why or self.limits())

    def limits(self) -> str:
        """What could not be neutralised, in words; "" if all is."""
        unknown = self._neutral.unknown if isinstance(self._neutral, _Played) else ()
        return f"not neutralised: {listed(unknown, most=3)}" if unknown else ""

    def gradient(self, layer: str, index: Index) -> Measurement:
        """Where the model's own gradient isn't zero."""
        return self._gradient(self._real, layer, index, signs=True)

    def _gradient(
        self, played: _Played | str, layer: str, index: Index, *, signs: bool
    ) -> Measurement:
        if layer in self._hidden:
            return Measurement(None, self._hidden[layer])
        if isinstance(played, str):
            return Measurement(None, played)
        output = played.outputs.get(self._places[layer])
        if output is None:
            return Measurement(None, f"{layer} wasn't reached")
        nothing = np.zeros(played.leaf.shape, dtype=bool)
        if not output.requires_grad:
            return Measurement(nothing)
        chosen = output[_picked(index)]
        start = torch.ones_like(chosen)
        if signs:  # plain sums cancel behind norms and softmax
            generator = torch.Generator().manual_seed(0)
            start *= torch.randint(0, 2, chosen.shape, generator=generator) * 2 - 1
        else:
            start *= 2.0**1000 / max(1, chosen.numel())
        try:
            gradient = gradient_of(chosen, played.leaf, start, retain_graph=True)
        except FieldscopeError as error:
            return Measurement(None, str(error).partition("\n")[0])
        if gradient is None:
            return Measurement(nothing)
        return Measurement((gradient != 0).cpu().numpy())

    def leaked(self, cases: Sequence[Case]) -> list[float]:
        """The largest neutralised output of each, with 0 at what is read and 1 elsewhere.

        Several cases are the samples of one batch; what is found of one that way is tried
        again alone, since a model may mix its samples.
        """
        found: dict[int, float] = {}
        # Where the batch is merged with positions, samples aren't told apart by an index.
        together = [k for k, case in enumerate(cases) if case.index[:1] == (None,)]
        if len(self._samples.names) == 1 and all(case.read.shape[0] == 1 for case in cases):
            for start in range(0, len(together), _BATCH):
                part = together[start : start + _BATCH]
                found.update(zip(part, self._leaks([cases[k] for k in part]), strict=True))
        return [found.get(k, 1.0) and self._leaks([case])[0] for k, case in enumerate(cases)]

    def _leaks(self, cases: Sequence[Case]) -> list[float]:
        """The leaks of cases as samples of one batch; 1 each if the model takes no such batch."""
        given = np.concatenate([np.where(case.read, 0.0, 1.0) for case in cases])
        places = [self._places[case.layer] for case in cases]
        several = len(cases) > 1
        try:
            outputs = self._neutralised(torch.from_numpy(given), places).outputs
        except FieldscopeError:
            if several:
                return [1.0] * len(cases)
            raise
        leaks = []
        for number, (case, place) in enumerate(zip(cases, places, strict=True)):
            output = outputs.get(place)
            if output is None:
                leaks.append(math.nan)
                continue
            if several and output.shape[0] != len(cases):
                leaks.append(1.0)
                continue
            sample = output[number : number + 1] if several else output
            sample = sample[_picked(case.index)].detach()
            leaks.append(float(sample.abs().max()) if sample.numel() else 0.0)
        return leaks

    def changes(self, layer: str, index: Index, elements: BoolArray) -> bool | None:
        """Whether changing those elements changes the model's own output there.

        Rounding, which a change elsewhere may shift, doesn't count.
        """
        if layer in self._hidden:
            return None
        place, generator = self._places[layer], torch.Generator().manual_seed(1)
        args, kwargs = next(iter(self._samples))
        base = self._samples.named(args, kwargs)[self._samples.input]
        if not base.is_floating_point():
            return None
        mask = torch.from_numpy(elements.copy()).to(base.device)
        try:
            before = run_on(self._model, self._samples, place, base)[_picked(index)].double()
            for size in _CHANGES:
                drawn = torch.randn(base.shape, generator=generator).to(base)
                changed = torch.where(mask, base + size * drawn, base)
                after = run_on(self._model, self._samples, place, changed)[_picked(index)].double()
                least = _ROUNDING * max(float(before.abs().max()), float(after.abs().max()))
                if float((after - before).abs().max()) > least:
                    return True
        except FieldscopeError:
            return None
        return False

    def probed(self, layer: str, index: Index) -> Measurement:
        """The box that changing the input shows."""
        if layer in self._hidden:
            return Measurement(None, self._hidden[layer])
        if len(self._samples.names) > 1:
            return Measurement(None, "the probe changes one input, and the model has several")
        shape = self._leaf_shape()
        axes = [axis for axis, place in enumerate(index) if place is not None]
        cut = until(self._model, layer, inputs=self._inputs)

        def function(x: torch.Tensor) -> torch.Tensor:
            with prepared(self._model), torch.no_grad():
                return cut(x.to(self._samples.dtype)).double()

        try:
            found = probe(
                function,
                shape,
                [place for place in index if place is not None],
                framework="torch",
                dtype=np.float64 if self._samples.dtype == torch.float64 else None,
                position_axes=axes,
                axes=self._samples.spatial,
            )
        except FieldscopeError as error:
            return Measurement(None, str(error).partition("\n")[0])
        mask = np.zeros(shape, dtype=bool)
        box: list[slice] = [slice(None)] * len(shape)
        # What NaN reaches and finite changes don't is multiplied by zero, as behind a mask.
        for axis, run in zip(self._samples.spatial, found.seen, strict=True):
            box[axis] = run
        mask[tuple(box)] = True
        return Measurement(mask)

    def _leaf_shape(self) -> tuple[int, ...]:
        args, kwargs = next(iter(self._samples))
        return tuple(self._samples.named(args, kwargs)[self._samples.input].shape)


def _picked(index: Index) -> tuple[int | slice, ...]:
    return tuple(slice(None) if place is None else place for place in index)
