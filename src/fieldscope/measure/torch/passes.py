"""One run of a model and one gradient back through it, as it is or neutralised."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from fieldscope.errors import FieldscopeError, InputError, ModelError
from fieldscope.frontends.blame import told
from fieldscope.frontends.torch.restored import Restorer, left_as_found
from fieldscope.frontends.torch.trace import roots_of
from fieldscope.measure.torch.neutral.facts import LARGE, Facts
from fieldscope.measure.torch.neutral.mode import Neutral
from fieldscope.measure.torch.places import Place
from fieldscope.measure.torch.run import Run
from fieldscope.measure.torch.samples import Samples
from fieldscope.measure.torch.selection import Selection
from fieldscope.measure.torch.until import not_reached

Values = npt.NDArray[np.float64]

SMALLEST = 5e-324
"""The smallest number above 0: what is read never counts as nothing."""


def _same(tensor: torch.Tensor) -> torch.Tensor:
    return tensor


@dataclass(frozen=True)
class Pass:
    """What a gradient through one or more runs has shown.

    Attributes:
        values: the gradient's size over the input's spatial axes.
        position: the position that was asked for.
        reads: whether the layer depends on the input at all.
        samples: number of samples that were averaged.
        unfinished: number of elements at which the gradient wasn't finite.
        unknown: functions that could not be neutralised.
    """

    values: Values
    position: tuple[int, ...]
    reads: bool
    samples: int
    unfinished: int = 0
    unknown: tuple[str, ...] = ()


def real_pass(
    model: Callable[..., Any], samples: Samples, place: Place, selection: Selection, seed: int
) -> Pass:
    """|gradient| with the model's own weights, averaged over samples.

    All channels together are added up with random signs, the same for every sample: plain
    sums would cancel behind a norm or a softmax, whose channels have a constant sum.
    """
    total: Values | None = None
    position: tuple[int, ...] = ()
    reads, count, unfinished = False, 0, 0
    generator = torch.Generator().manual_seed(seed)
    state = generator.get_state()
    for args, kwargs in samples:
        generator.set_state(state)
        found, gradient, position = _real_gradient(
            model, samples, place, selection, generator, args, kwargs
        )
        reads |= found
        lost = ~gradient.isfinite()
        unfinished += int(lost.any(dim=_others(gradient, samples)).sum()) if lost.any() else 0
        gradient = torch.where(lost, torch.zeros_like(gradient), gradient)
        batch = 1 if 0 in samples.spatial else gradient.shape[0]
        summed = gradient.double().abs().sum(dim=_others(gradient, samples)).cpu().numpy()
        total = summed if total is None else total + summed
        count += batch
    assert total is not None
    return Pass(total / count, position, reads, count, unfinished)


def _real_gradient(
    model: Callable[..., Any],
    samples: Samples,
    place: Place,
    selection: Selection,
    generator: torch.Generator,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> tuple[bool, torch.Tensor, tuple[int, ...]]:
    leaf = differentiable(samples, args, kwargs)
    # A copy of it: the model may write to its input.
    args, kwargs = with_(samples, args, kwargs, {samples.input: leaf})

    def measured() -> tuple[bool, torch.Tensor, tuple[int, ...]]:
        given = with_(samples, args, kwargs, {samples.input: leaf.clone()})
        output = reached(model, outputs_of(model, [place], *given), place)
        index, position = selection.index(output.shape)
        if not output.requires_grad:
            return False, torch.zeros_like(leaf), position
        chosen = output[index]
        batched = isinstance(index[0], slice)  # samples get the same signs
        shape = chosen.shape[1:] if batched else chosen.shape
        signs = torch.randint(0, 2, shape, generator=generator) * 2 - 1
        start = signs.to(chosen.device, chosen.dtype).expand(chosen.shape)
        gradient = gradient_of(chosen, leaf, start)
        if gradient is None:
            return False, torch.zeros_like(leaf), position
        return True, gradient, position

    with prepared(model):
        try:
            return measured()
        except RuntimeError as error:
            if "modified by an inplace operation" not in str(error):
                raise
        # The model overwrites what its gradient needs: keep copies of that.
        with torch.autograd.graph.saved_tensors_hooks(torch.clone, lambda kept: kept):
            return measured()


def differentiable(samples: Samples, args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.Tensor:
    """The input that is measured, of its own and with a gradient."""
    leaf = samples.named(args, kwargs)[samples.input]
    if not leaf.is_floating_point():
        raise InputError(
            f"input {samples.input!r} holds numbers of type {leaf.dtype}, which have no "
            "gradient\nfieldscope.gradient with mode='structure' follows them all the same"
        )
    return leaf.clone().requires_grad_()


def structure_pass(
    model: Callable[..., Any], samples: Samples, place: Place, selection: Selection
) -> Pass:
    """The gradient of the neutralised model; the sum of its values is at most 1."""
    leaf, outputs, unknown = neutral_run(model, samples, [place])
    output = reached(model, outputs, place)
    index, position = selection.index(output.shape)
    gradient = None
    if output.requires_grad:
        chosen = output[index]
        start = torch.full_like(chosen, LARGE / max(1, chosen.numel()))
        gradient = gradient_of(chosen, leaf, start)
    if gradient is None:
        nothing = np.zeros([leaf.shape[axis] for axis in samples.spatial])
        return Pass(nothing, position, False, 1, 0, unknown)
    lost = ~gradient.isfinite()
    gradient = torch.where(lost, torch.zeros_like(gradient), gradient.abs())
    summed = gradient.sum(dim=_others(gradient, samples)).cpu().numpy()
    values = np.where(summed > 0, np.maximum(summed / LARGE, SMALLEST), 0.0)
    return Pass(values, position, True, 1, int(lost.sum()), unknown)


def neutral_run(
    model: Callable[..., Any],
    samples: Samples,
    places: Iterable[Place],
    *,
    given: torch.Tensor | None = None,
) -> tuple[torch.Tensor, dict[Place, torch.Tensor], tuple[str, ...]]:
    """Run a model neutralised, on the first sample.

    Args:
        model: module or callable on tensors.
        samples: its inputs.
        places: the layers whose outputs are wanted.
        given: values for the input that is measured, instead of the sample's; the others
            are 0 then.

    Returns:
        The input, the layers' outputs (or what has their gradients), and the functions that
        could not be neutralised.
    """
    args, kwargs = next(iter(samples))
    leaves: dict[str, torch.Tensor] = {}
    ready: dict[str, torch.Tensor] = {}
    for name, tensor in samples.named(args, kwargs).items():
        number = tensor.is_floating_point()
        values = tensor
        if given is not None:  # of the other inputs nothing is to come through
            values = given if name == samples.input else torch.zeros_like(tensor)
        leaf = values.double().clone() if number else torch.zeros(tensor.shape).double()
        leaves[name] = leaf.to(tensor.device).requires_grad_()
        ready[name] = leaf.clone() if number else tensor
    leaf = leaves[samples.input]
    facts = Facts(leaf, samples.spatial)
    for name, tensor in ready.items():
        if not tensor.is_floating_point():
            facts.note(tensor, trace=leaves[name])
    mode = Neutral(facts, samples.dtype)
    with prepared(model, double=True), torch.autograd.graph.saved_tensors_hooks(_same, _same):
        # What is saved are weights of means; a model that overwrites its activations may.
        arguments = with_(samples, args, kwargs, ready)
        outputs = outputs_of(
            model, places, *arguments, mode=mode, keep=lambda one: facts.gradient_of(one).clone()
        )
    return leaf, outputs, tuple(mode.unknown)


def real_run(
    model: Callable[..., Any], samples: Samples, places: Iterable[Place]
) -> tuple[torch.Tensor, dict[Place, torch.Tensor]]:
    """Run a model as it is, on the first sample, so that gradients can be taken.

    Returns:
        The input, and the layers' outputs.
    """
    args, kwargs = next(iter(samples))
    leaf = differentiable(samples, args, kwargs)
    given = with_(samples, args, kwargs, {samples.input: leaf.clone()})
    # The model may overwrite what gradients need: copies of that are kept.
    kept = torch.autograd.graph.saved_tensors_hooks(torch.clone, _same)
    with prepared(model), kept:
        return leaf, outputs_of(model, places, *given, keep=torch.clone)


def gradient_of(
    output: torch.Tensor, leaf: torch.Tensor, start: torch.Tensor, *, retain_graph: bool = False
) -> torch.Tensor | None:
    """The gradient of an output; None if it doesn't depend on the leaf.

    Raises:
        ModelError: PyTorch can't take it.
        RuntimeError: the model has overwritten what it needs.
    """
    try:
        (gradient,) = torch.autograd.grad(
            output, leaf, start, allow_unused=True, retain_graph=retain_graph
        )
    except torch.OutOfMemoryError as error:
        raise ModelError(
            f"the gradient of a batch of {len(leaf)} doesn't fit into memory: {told(error)}\n"
            "run fewer at once, such as with batch_size=1 (--batch-size 1), or a smaller input"
        ) from error
    except RuntimeError as error:
        if "modified by an inplace operation" in str(error):
            raise
        raise ModelError(
            f"PyTorch can't take the gradient: {told(error)}\n"
            "activation checkpointing runs parts of a model once more on the way back, as they "
            "are: switch it off"
        ) from error
    return gradient


def run_on(
    model: Callable[..., Any], samples: Samples, place: Place, given: torch.Tensor
) -> torch.Tensor:
    """A layer's output of the model as it is, for other values of the input that is measured."""
    args, kwargs = next(iter(samples))
    arguments = with_(samples, args, kwargs, {samples.input: given.clone()})
    with prepared(model), torch.no_grad():
        return reached(model, outputs_of(model, [place], *arguments, keep=torch.clone), place)


def _others(gradient: torch.Tensor, samples: Samples) -> tuple[int, ...]:
    return tuple(axis for axis in range(gradient.dim()) if axis not in samples.spatial)


def with_(
    samples: Samples, args: tuple[Any, ...], kwargs: dict[str, Any], new: dict[str, torch.Tensor]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Arguments with some of the inputs replaced."""
    named = samples.named(args, kwargs)
    replaced = {id(named[name]): tensor for name, tensor in new.items()}
    return (
        tuple(replaced.get(id(one), one) for one in args),
        {name: replaced.get(id(one), one) for name, one in kwargs.items()},
    )


def outputs_of(
    model: Callable[..., Any],
    places: Iterable[Place],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    *,
    mode: Neutral | None = None,
    keep: Callable[[torch.Tensor], torch.Tensor] = _same,
) -> dict[Place, torch.Tensor]:
    """Run a model up to some layers; an error of its own is told with its place."""
    run = Run(model, places, keep=lambda _, tensor: keep(tensor))
    try:
        with mode or contextlib.nullcontext():
            return run(*args, **kwargs)
    except FieldscopeError:
        raise
    except Exception as error:
        scope = run.observer.current.path
        where = f" at {scope}" if scope else ""
        how = " when it is neutralised" if mode is not None else ""
        shapes = ", ".join(
            str(tuple(one.shape))
            for one in (*args, *kwargs.values())
            if isinstance(one, torch.Tensor)
        )
        raise ModelError(
            f"the model fails{how} on inputs {shapes}{where}: {told(error)}"
        ) from error


def reached(
    model: Callable[..., Any], outputs: dict[Place, torch.Tensor], place: Place
) -> torch.Tensor:
    """A layer's output among those of a run.

    Raises:
        LayerNotFoundError: the run didn't come to it.
    """
    if place not in outputs:
        raise not_reached(model, place)
    return outputs[place]


@contextlib.contextmanager
def prepared(model: Callable[..., Any], *, double: bool = False) -> Iterator[Restorer]:
    """Have a model ready for measuring: in eval mode, its weights without gradients.

    Buffers are replaced by copies, which the model may write to. Everything is as it was
    found when the block ends.

    Args:
        model: module or callable on tensors.
        double: make the copies in double precision.
    """
    modules = [module for root in roots_of(model).values() for module in root.modules()]
    frozen = [
        weight
        for root in roots_of(model).values()
        for weight in root.parameters()
        if weight.requires_grad
    ]
    copies: dict[int, torch.Tensor] = {}
    with torch.inference_mode(False), torch.enable_grad(), left_as_found(modules) as restorer:
        try:
            for weight in frozen:
                weight.requires_grad_(False)
            for module in modules:
                for name, buffer in module._buffers.items():
                    if buffer is not None:
                        module._buffers[name] = _copied(buffer, copies, double=double)
            yield restorer
        finally:
            for weight in frozen:
                weight.requires_grad_(True)


def _copied(buffer: torch.Tensor, copies: dict[int, torch.Tensor], *, double: bool) -> torch.Tensor:
    found = copies.get(id(buffer))
    if found is None:
        wide = double and buffer.is_floating_point()
        found = buffer.detach().double().clone() if wide else buffer.detach().clone()
        copies[id(buffer)] = found
    return found
