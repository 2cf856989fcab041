"""Networks that fit their input better: proposals, carried out and held against the analysis."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast, get_args

from fieldscope.api.analysis import _reported, analyze
from fieldscope.errors import InputError
from fieldscope.wording import listed, meant

if TYPE_CHECKING:
    from torch import nn

    from fieldscope.analyses.layers import Report
    from fieldscope.api.analysis import Model
    from fieldscope.redesign.refinement import Goal, Refinement


def refine(
    model: Model | Report,
    inputs: Any = None,
    *,
    goal: Goal | str = "efficiency",
    budget: float | str | None = None,
    most: int = 5,
    input: str | None = None,
    axes: Sequence[int] | Mapping[str, Any] | None = None,
    example: Any = None,
    seed: int = 0,
    name: str | None = None,
    framework: str | None = None,
    told: Callable[[str, int, int], None] = lambda *_: None,
) -> Refinement:
    """Propose edits after which a network fits its input, best first.

    *efficiency* never takes more compute than now: what is unproductive is cut or narrowed until
    no such layer is left. *performance* leaves no layer unproductive: a smaller stem, pooling
    taken out, later strides moved or dropped, blocks moved between stages.

    Each proposal for a module of PyTorch is carried out on a copy, which is run (for real, where
    its weights have values) and analysed again; one that doesn't come out as predicted is left
    out. Only the configuration of PyTorch's own layers is edited; what can't be edited safely
    is said in `.notes`. For models of other frameworks, and for reports, the edits are told in
    words and the figures are predicted.

    Ctrl-C ends the search and keeps the best found so far; a second one ends all.

    Args:
        model: a model as for `analyze`, or the report of one. Models named by a text get weights
            at random.
        inputs: the shape of the input with batch, as for `analyze`; none for a report.
        goal: "efficiency" or "performance".
        budget: most multiply-accumulates, as a factor of the model's: 2, "2x"; None for no limit
            (efficiency: 1).
        most: number of proposals, at most.
        input: name of the input, where the model has several.
        axes: the spatial axes of the input; see `analyze`.
        example: real inputs to run instead of shapes; see `analyze`.
        seed: of weights that begin anew, and of inputs that are run.
        name: name of the model.
        framework: what runs it, where that isn't clear; see `analyze`.
        told: called with what is being done, how far it is, and of how much.

    Returns:
        The proposals: `.best.words`, `.best.after.macs`, `.best.apply()`, `.best.code()`; a
        table, `.to_json()`, `.to_image()`.

    Raises:
        InputError: the goal, the budget or the inputs don't fit.
        ModelError: the model fails on such inputs.
        TraceError: the forward depends on values; pass an example.
        MissingExtraError: the model's framework isn't installed.

    Example:
        >>> from torch import nn
        >>> net = nn.Sequential(nn.Conv1d(1, 4, 9, padding=4), nn.Conv1d(4, 4, 5, padding=2))
        >>> best = refine(net, (1, 1, 8)).best
        >>> best.words, best.after.unproductive
        (('1: taken out',), 0)
    """
    from fieldscope.analyses.layers import Report
    from fieldscope.frontends.dispatch import named
    from fieldscope.redesign.refinement import Subject
    from fieldscope.redesign.refining import refined
    from fieldscope.render import shown  # noqa: F401  # registers how findings show themselves

    aim, factor = aimed(goal, budget, seed=seed)
    if most < 1:
        raise InputError(f"most is {most!r}; it must be 1 or more")
    if isinstance(model, Report):
        report = _reported(model, inputs, axes=axes, example=example)
        subject = Subject(why_not="the model itself was not given, only a report of it")
        return refined(report, subject, goal=aim, budget=factor, most=most, input=input, told=told)
    model, inputs, name = named(model, inputs, name=name, example=example, values=True)

    def analyzed(one: Any) -> Report:
        return analyze(one, inputs, axes=axes, example=example, name=name, framework=framework)

    told("analysing", 0, 0)
    report = analyzed(model)
    why = why_not_editable(model)
    if why:
        subject = Subject(why_not=why)
        return refined(report, subject, goal=aim, budget=factor, most=most, input=input, told=told)
    from fieldscope.redesign.torch.workshop import workshop_of

    module = cast("nn.Module", model)
    workshop = workshop_of(
        module, inputs, analyzed, input=input, axes=axes, example=example, seed=seed
    )
    return refined(
        report,
        workshop.subject,
        goal=aim,
        budget=factor,
        most=most,
        input=input,
        prove=workshop.prove,
        frozen=workshop.frozen,
        told=told,
    )


def why_not_editable(model: Any) -> str:
    """Why a model can't be edited, whatever the edits; empty if it can.

    Example:
        >>> from torch import nn
        >>> why_not_editable(nn.Conv1d(1, 1, 3)), why_not_editable("model.onnx")
        ('', 'it is read from a file')
    """
    import os

    from fieldscope.frontends.detection import framework_of_type

    if isinstance(model, (str, os.PathLike)):
        return "it is read from a file"
    kind = framework_of_type(type(model))
    if kind == "torch" and hasattr(model, "named_modules"):
        scripts = any(base.__name__ == "ScriptModule" for base in type(model).__mro__)
        return "it is a compiled script" if scripts else ""
    names = {"onnx": "ONNX", "keras": "Keras", "jax": "JAX", "tensorflow": "TensorFlow"}
    whose = f" of {names[kind]}" if kind in names else ""
    return f"it is of type {type(model).__name__}{whose}, which is no module of PyTorch"


def aimed(
    goal: Goal | str, budget: float | str | None, *, seed: int = 0
) -> tuple[Goal, float | None]:
    """A goal and its budget as a factor, checked before any work.

    Raises:
        InputError: the goal, the budget or the seed is none.

    Example:
        >>> aimed("performance", "2x"), aimed("efficiency", None)
        (('performance', 2.0), ('efficiency', 1.0))
    """
    aim = _goal(goal)
    if not -(1 << 63) <= seed < 1 << 64:
        raise InputError(f"the seed is {seed}\ngive a whole number of 64 bits, such as 0")
    return aim, _budget(budget, aim)


def _goal(goal: str) -> Goal:
    from fieldscope.redesign.refinement import Goal

    goals: tuple[Goal, ...] = get_args(Goal)
    for known in goals:
        if goal == known:
            return known
    raise InputError(
        f"there is no goal {goal!r}{meant(str(goal), goals)}\ngoals are {listed(goals)}"
    )


def _budget(budget: float | str | None, goal: Goal) -> float | None:
    """A budget as a factor; that of efficiency is 1 at most."""
    if budget is None:
        return 1.0 if goal == "efficiency" else None
    text = str(budget).strip().lower().removesuffix("x").rstrip()
    try:
        factor = float(text)
    except ValueError:
        factor = math.nan
    if not 0 < factor < math.inf:
        raise InputError(
            f"the budget is {budget!r}; it must be a factor of today's compute, such as 2 or 2x"
        )
    if goal == "efficiency" and factor > 1:
        raise InputError(
            f"the budget is {budget!r}, and efficiency never takes more compute than now\n"
            "give 1 or less, or ask for performance"
        )
    return factor
