"""The effective field of layers, by one pass over images."""

from __future__ import annotations

import contextlib
import hashlib
import operator
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from fieldscope import writing
from fieldscope.errors import InputError, ModelError
from fieldscope.frontends.torch.trace import roots_of
from fieldscope.measure import running
from fieldscope.measure.effective import CONTRIBUTIONS, Contribution
from fieldscope.measure.running import RunningMean, Values
from fieldscope.measure.torch.images import Source, digest_of, limited, seeded
from fieldscope.measure.torch.passes import (
    differentiable,
    gradient_of,
    outputs_of,
    prepared,
    reached,
    with_,
)
from fieldscope.measure.torch.places import Place
from fieldscope.measure.torch.samples import Samples
from fieldscope.measure.torch.selection import Selection

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")

_SAVED_EVERY = 15.0
"""Seconds between two savings of the running mean."""


@dataclass(frozen=True, slots=True)
class Looked:
    """A layer that is looked from.

    Attributes:
        place: where it turns up in a run.
        selection: which of its elements.
    """

    place: Place
    selection: Selection


@dataclass(frozen=True, slots=True)
class Measured:
    """What a pass over images came to.

    Attributes:
        mean: the running mean.
        interrupted: whether it was stopped before the last image.
        unread: layers that don't depend on the input.
        unsaved: why the running mean couldn't be saved at the end.
    """

    mean: RunningMean
    interrupted: bool
    unread: tuple[str, ...]
    unsaved: str | None = None


def measured(
    model: Callable[..., Any],
    samples: Samples,
    looked: Mapping[str, Looked],
    source: Source,
    *,
    contribution: Contribution = "absolute",
    batch_size: int = 8,
    seed: int = 0,
    count: int | None = None,
    state: str | os.PathLike[str] | None = None,
    told: Callable[[int, int | None], None] = lambda *_: None,
) -> Measured:
    """Average the gradients of layers' positions over images.

    A batch is run once; then each layer's gradient is taken. Ctrl-C ends the pass and keeps
    what was reached, as soon as there is a batch.

    Args:
        model: module or callable on tensors.
        samples: its inputs, of which one is measured.
        looked: the layers, by name.
        source: the images for that input.
        contribution: "absolute" or "squared".
        batch_size: images that are run at once.
        seed: of the signs by which channels are added up, one set per image.
        count: number of images, at most.
        state: file that holds the running mean, if any.
        told: called with the number of images seen and of all.

    Raises:
        InputError: the options or images don't fit, or there are no images.
        ModelError: the model fails on them.
    """
    if contribution not in CONTRIBUTIONS:
        raise InputError(f"contribution is {contribution!r}; it is 'absolute' or 'squared'")
    batch_size = _whole("batch_size", batch_size, least=1)
    count = None if count is None else _whole("count", count, least=1)
    try:
        torch.Generator().manual_seed(seed)
    except (RuntimeError, TypeError, ValueError, OverflowError) as error:
        raise InputError(f"seed is {seed!r}; it must be a whole number of 64 bits") from error
    mean, save = RunningMean(), None
    if state is not None:
        writing.check(state, what="state")
        question = _question(model, samples, looked, source, contribution, seed)
        mean = running.load(state, question) or mean
        save = _Saving(state, question)
    every = source.count if count is None else min(count, source.count or count)
    found = _Pass(model, samples, looked, contribution=contribution, seed=seed)
    interrupted = False
    unread: tuple[str, ...] = ()
    batches = limited(source.batches(mean.seen, batch_size), every and every - mean.seen)
    try:
        with prepared(model):
            told(mean.seen, every)
            for batch in batches:
                sums, finite = found.add(batch, number=mean.seen)
                mean = mean.with_(
                    sums, found.positions, images=finite, unfinished=len(batch) - finite
                )
                unread = tuple(sorted(found.unread))
                told(mean.seen, every)
                if save is not None:
                    save.now_and_then(mean)
    except KeyboardInterrupt:
        if not mean.images:
            raise
        interrupted = True
    except Exception:
        # What is wrong with an image may be mended, and the rest need not be done again.
        if save is not None and mean.images:
            save.now(mean)
        raise
    if not mean.seen:
        raise InputError("there are no images to average over")
    if not mean.images:
        raise ModelError(
            f"none of {mean.seen} images has a finite gradient\n"
            "the model's weights or its inputs hold NaN, or are far too large"
        )
    unsaved = None if save is None else save.now(mean)
    return Measured(mean, interrupted, unread, unsaved)


def _whole(word: str, number: Any, *, least: int) -> int:
    try:
        found = operator.index(number)
    except TypeError:
        found = least - 1
    if found < least:
        raise InputError(f"{word} is {number!r}; it must be a whole number, {least} or more")
    return found


class _Saving:
    """Keeps the running mean in a file; what can't be written is told when all is done."""

    def __init__(self, path: str | os.PathLike[str], question: Mapping[str, str]) -> None:
        self._path, self._question = path, question
        self._when = time.monotonic()

    def now_and_then(self, mean: RunningMean) -> None:
        """Save, if the last time is long past."""
        if time.monotonic() - self._when > _SAVED_EVERY:
            self.now(mean)
            self._when = time.monotonic()

    def now(self, mean: RunningMean) -> str | None:
        """Save; why not, if that fails: a full disk is no reason to lose what was measured."""
        try:
            running.save(mean, self._path, self._question)
        except InputError as error:
            return str(error).splitlines()[0]
        return None


class _Pass:
    """Takes gradients batch by batch."""

    def __init__(
        self,
        model: Callable[..., Any],
        samples: Samples,
        looked: Mapping[str, Looked],
        *,
        contribution: Contribution,
        seed: int,
    ) -> None:
        self._model = model
        self._samples = samples
        self._looked = looked
        self._squared = contribution == "squared"
        self._seed = seed
        self._args, self._kwargs = next(iter(samples))
        self._others = tuple(
            axis
            for axis in range(samples.named(self._args, self._kwargs)[samples.input].dim())
            if axis not in samples.spatial
        )
        if 0 not in self._others:
            raise InputError(
                f"input {samples.input!r} has no batch axis: its axis 0 is spatial\n"
                "fieldscope.gradient measures one input without a batch"
            )
        # Whether the model overwrites what its gradients need, so that copies are kept.
        self._copies = False
        self.positions: dict[str, tuple[int, ...]] = {}
        self.unread = set(looked)

    def add(self, batch: torch.Tensor, *, number: int) -> tuple[dict[str, Values], int]:
        """Each layer's contributions, summed over a batch; and how many images were finite.

        Args:
            batch: the images.
            number: that of the first of them among all.
        """
        try:
            return self._added(batch, number)
        except RuntimeError as error:
            if self._copies or "modified by an inplace operation" not in str(error):
                raise
        self._copies = True
        return self._added(batch, number)

    def _added(self, batch: torch.Tensor, number: int) -> tuple[dict[str, Values], int]:
        leaf = differentiable(self._samples, *self._arguments(batch))
        given = with_(self._samples, *self._arguments(batch), {self._samples.input: leaf.clone()})
        many = len(self._looked) > 1
        kept: contextlib.AbstractContextManager[Any] = contextlib.nullcontext()
        if self._copies:
            kept = torch.autograd.graph.saved_tensors_hooks(torch.clone, lambda one: one)
        with kept:
            outputs = outputs_of(
                self._model,
                [one.place for one in self._looked.values()],
                *given,
                keep=torch.clone if many else lambda one: one,
            )
            gradients = {
                name: self._gradient(
                    name, outputs, leaf, number, last=place == len(self._looked) - 1
                )
                for place, name in enumerate(self._looked)
            }
        finite = torch.ones(len(batch), dtype=torch.bool, device=leaf.device)
        for gradient in gradients.values():
            finite &= gradient.flatten(1).isfinite().all(dim=1)
        good = int(finite.sum())
        return {name: self._summed(one, finite, good) for name, one in gradients.items()}, good

    def _arguments(self, batch: torch.Tensor) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The model's arguments with a batch in the place of the input, the others as large."""
        named = self._samples.named(self._args, self._kwargs)
        own = named[self._samples.input]
        new = {self._samples.input: batch.to(own.device, own.dtype)}
        for name, other in named.items():
            if name != self._samples.input and other.dim() and len(other) == len(own):
                new[name] = other[:1].expand(len(batch), *other.shape[1:])
        return with_(self._samples, self._args, self._kwargs, new)

    def _gradient(
        self,
        name: str,
        outputs: dict[Place, torch.Tensor],
        leaf: torch.Tensor,
        number: int,
        *,
        last: bool,
    ) -> torch.Tensor:
        looked = self._looked[name]
        output = reached(self._model, outputs, looked.place)
        if not output.dim() or len(output) != len(leaf):
            raise ModelError(
                f"layer {name!r} has shape {tuple(output.shape)} for {len(leaf)} images, so its "
                "axis 0 isn't the batch\ngive batch_size=1, or measure one image with "
                "fieldscope.gradient"
            )
        index, self.positions[name] = looked.selection.index(output.shape)
        if not output.requires_grad:
            return torch.zeros_like(leaf)
        chosen = output[(slice(None), *index[1:])]
        signs = torch.stack(
            [
                torch.randint(
                    0, 2, chosen.shape[1:], generator=seeded(self._seed, number + k, stream=1)
                )
                for k in range(len(chosen))
            ]
        )
        start = (signs * 2 - 1).to(chosen.device, chosen.dtype)
        gradient = gradient_of(chosen, leaf, start, retain_graph=not last)
        if gradient is None:
            return torch.zeros_like(leaf)
        self.unread.discard(name)
        return gradient

    def _summed(self, gradient: torch.Tensor, finite: torch.Tensor, good: int) -> Values:
        if good < len(finite):
            gradient = gradient[finite]
        # In double precision, in which no square vanishes; not every device has it.
        wide = gradient.cpu().double()
        sizes = wide.square() if self._squared else wide.abs()
        found: Values = sizes.sum(dim=self._others).numpy()
        return found


def _question(
    model: Callable[..., Any],
    samples: Samples,
    looked: Mapping[str, Looked],
    source: Source,
    contribution: Contribution,
    seed: int,
) -> dict[str, str]:
    """What is measured, so that a running mean is only gone on with where it is the same."""
    roots = roots_of(model).values()
    states = [one for root in roots for one in root.state_dict().values()]
    weights = [one for one in states if isinstance(one, torch.Tensor) and not one.is_meta]
    # Networks of the same weights may differ in strides and dilations; addresses tell nothing.
    structure = "\n".join(_ADDRESS.sub("", repr(root)) for root in roots)
    layers = [
        f"{name} at {one.selection.position} channel {one.selection.channel}"
        for name, one in looked.items()
    ]
    return {
        "layers": "; ".join(layers),
        "contribution": contribution,
        "seed": str(seed),
        "images": source.mark(),
        "input": f"{samples.input} {tuple(samples.shape[1:])} {samples.axes}",
        "weights": digest_of(weights),
        "structure": hashlib.blake2b(structure.encode(), digest_size=8).hexdigest(),
    }


@contextlib.contextmanager
def on_device(model: Any, device: str | torch.device | None) -> Iterator[None]:
    """Have a module on a device inside the block, and back where it was afterwards.

    Raises:
        InputError: there is no such device here, or what is called is no module.
    """
    if device is None:
        yield
        return
    try:
        wanted = torch.device(device)
        if wanted.type == "meta":
            raise RuntimeError("it holds no values")
        torch.empty(1, device=wanted)
    except (RuntimeError, AssertionError, TypeError) as error:
        raise InputError(
            f"device {str(device)!r} can't be used: {str(error).splitlines()[0]}\n"
            "devices are cpu, cuda, cuda:1, mps"
        ) from error
    places = _devices(model)
    if not isinstance(model, torch.nn.Module) or len(places) > 1:
        raise InputError(
            "device= moves a module that is on one device, and this is none\n"
            "move it yourself, and leave device out"
        )
    if torch.device("meta") in places:
        yield  # what is wrong with such a model is told where it is to run
        return
    try:
        model.to(wanted)
        yield
    finally:
        for place in places:
            model.to(place)


def _devices(model: Any) -> Sequence[torch.device]:
    roots = roots_of(model).values()
    return list(
        dict.fromkeys(one.device for root in roots for one in (*root.parameters(), *root.buffers()))
    )
