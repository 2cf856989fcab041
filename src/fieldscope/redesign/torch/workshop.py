"""Where edits of one PyTorch module are tried out: carried out, run, analysed again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from torch import nn

from fieldscope.analyses.edits import Edit
from fieldscope.analyses.layers import Report
from fieldscope.frontends.inputs import Axes
from fieldscope.redesign.refinement import Subject
from fieldscope.redesign.refining import Proof
from fieldscope.redesign.torch.applying import applied, frozen
from fieldscope.redesign.torch.calls import calls_of
from fieldscope.redesign.torch.proving import asleep, has_values, run, why_not_in_training
from fieldscope.wording import listed


@dataclass(frozen=True, slots=True)
class Workshop:
    """What the search for edits of a module needs to know, and what proves them.

    Attributes:
        subject: the module and how it is called.
        frozen: layers whose window can't be edited, each with the reason.
        prove: carries edits out on a copy, runs it, and analyses it again; in training mode it
            is run, too, where that calls other modules.
    """

    subject: Subject
    frozen: Mapping[str, str]
    prove: Callable[[Sequence[Edit]], Proof]


def workshop_of(
    model: nn.Module,
    inputs: Any,
    analyzed: Callable[[nn.Module], Report],
    *,
    input: str | None = None,
    axes: Axes = None,
    example: Any = None,
    seed: int = 0,
) -> Workshop:
    """Set up for one module.

    Args:
        model: the module; it stays as it is.
        inputs: what it is called with, as for `fieldscope.analyze`.
        analyzed: analyses a module on the same inputs.
        input: name of the input that the figures are for, where it has several.
        axes: the spatial axes of the inputs.
        example: real inputs, for a forward that branches on values.
        seed: of weights that begin anew, and of inputs that are run.
    """
    calls = calls_of(model, inputs, axes=axes, example=example)

    sleeping = asleep(model, calls)

    def failing(one: nn.Module) -> str | None:
        return why_not_in_training(one, inputs, input=input, axes=axes, example=example, seed=seed)

    @cache
    def is_trained() -> bool:
        """Whether the model as it is runs in training mode, so that it can be held to that."""
        return failing(model) is None

    def prove(edits: Sequence[Edit]) -> Proof:
        made = applied(model, edits, calls=calls, seed=seed)
        if not has_values(made):
            return Proof(analyzed(made))
        run(made, inputs, input=input, axes=axes, example=example, seed=seed)
        why = failing(made) if sleeping and is_trained() else None
        if why is None:
            return Proof(analyzed(made))
        only = f"fails in training mode, which calls {listed(sleeping, most=3)}, too: {why}"
        return Proof(analyzed(made), (only,))

    return Workshop(
        subject=Subject(model, calls=calls, seed=seed),
        frozen=dict(frozen(model, calls)),
        prove=prove,
    )
