"""Proposals of a network that fits its input better, each with what it comes to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from fieldscope.analyses.edits import Edit, Refit, Remove, Repeat, Reshape
from fieldscope.analyses.layers import Report
from fieldscope.errors import ModelError
from fieldscope.media import Result
from fieldscope.redesign.figures import Figures
from fieldscope.version import __version__

if TYPE_CHECKING:
    from torch import nn

Goal: TypeAlias = Literal["efficiency", "performance"]

_KINDS: dict[type[Edit], str] = {
    Reshape: "reshape",
    Remove: "remove",
    Repeat: "repeat",
    Refit: "refit",
}


@dataclass(frozen=True, slots=True)
class Subject:
    """What a proposal edits: a model, and how it is called.

    Attributes:
        model: the module of PyTorch; None where only predictions can be made.
        why_not: why it can't be edited, where it can't.
        calls: how it calls its modules.
        seed: of weights that begin anew.
    """

    model: Any = None
    why_not: str = ""
    calls: Mapping[str, Any] | None = None
    seed: int = 0


@dataclass(frozen=True, repr=False)
class Proposal:
    """One way to edit a network.

    Attributes:
        model: name of the model.
        title: what it is good for, in a few words.
        edits: what is done, in the names of the model's layers.
        words: the same in sentences.
        before: the figures of the model as it is.
        after: those of the edited one; of a module of PyTorch as measured on a copy that was
            edited, run and analysed again, else as predicted.
        verified: whether they were measured.
        remarks: what else changes.

    Example:
        >>> import fieldscope
        >>> from torch import nn
        >>> net = nn.Sequential(*(nn.Conv2d(1, 1, 3, padding=1) for _ in range(6)))
        >>> best, *_ = fieldscope.refine(net, (1, 1, 8, 8)).proposals
        >>> best.before.unproductive, best.after.unproductive, best.after.macs < best.before.macs
        (2, 0, True)
        >>> type(best.apply()).__name__
        'Sequential'
    """

    model: str
    title: str
    edits: tuple[Edit, ...]
    words: tuple[str, ...]
    before: Figures
    after: Figures
    verified: bool
    remarks: tuple[str, ...] = ()
    _subject: Subject = field(default_factory=Subject, repr=False, compare=False)
    _report: Report | None = field(default=None, repr=False, compare=False)

    def apply(self) -> nn.Module:
        """A copy of the model with these edits; the model itself stays as it is.

        Smaller kernels keep the middle of the weights that they had, larger ones are filled up
        with zeros; copies of blocks and layers with other inputs begin anew, from a seed.

        Raises:
            ModelError: the model is no module of PyTorch.
        """
        model = self._module("applied")
        from fieldscope.redesign.torch.applying import applied

        return applied(model, self.edits, calls=self._subject.calls, seed=self._subject.seed)

    @property
    def report(self) -> Report:
        """The report of the edited model.

        Raises:
            ModelError: the model is no module of PyTorch, so it couldn't be analysed again.
        """
        if self._report is None:
            self._module("analysed")
            raise ModelError("the proposal was not verified, so it has no report")
        return self._report

    def code(self) -> str:
        """Python code of a function `refine(model)` that does the same; it needs PyTorch alone.

        Raises:
            ModelError: the model is no module of PyTorch.
        """
        model = self._module("written as code")
        from fieldscope.redesign.torch.code import patch

        return patch(self, model)

    def to_dict(self) -> dict[str, Any]:
        """The proposal as plain data."""
        return {
            "title": self.title,
            "edits": [_edit(one) for one in self.edits],
            "words": list(self.words),
            "after": self.after.to_dict(),
            "share_of_macs": self.after.macs / self.before.macs if self.before.macs else None,
            "share_of_parameters": (
                self.after.parameters / self.before.parameters if self.before.parameters else None
            ),
            "verified": self.verified,
            "remarks": list(self.remarks),
        }

    def __repr__(self) -> str:
        return (
            f"<Proposal for {self.model}: {self.title}; unproductive layers "
            f"{self.before.unproductive} -> {self.after.unproductive}, MACs "
            f"{self.before.macs:,} -> {self.after.macs:,}>"
        )

    def _module(self, done: str) -> Any:
        if self._subject.model is None:
            why = self._subject.why_not or "the model was not given, only a report of it"
            raise ModelError(
                f"the proposal for {self.model} can't be {done}: {why}\n"
                "only modules of PyTorch can be edited; .words says what to do by hand"
            )
        return self._subject.model


@dataclass(frozen=True, repr=False)
class Refinement(Result):
    """Proposals to edit a network so that it fits its input, best first.

    Attributes:
        model: name of the model.
        input: name of the input that the figures are for.
        shape: its shape.
        axes: names of its spatial axes.
        goal: "efficiency" or "performance".
        budget: most multiply-accumulates allowed, as a factor of the model's; None for no limit.
        before: the figures of the model as it is.
        proposals: best first; empty where nothing was found.
        notes: what could not be edited or verified, and why; whether the search was stopped.

    Example:
        >>> import fieldscope
        >>> from torch import nn
        >>> net = nn.Sequential(*(nn.Conv2d(1, 1, 3, padding=1) for _ in range(6)))
        >>> found = fieldscope.refine(net, (1, 1, 8, 8), goal="efficiency")
        >>> found.before.unproductive, found.best.after.unproductive
        (2, 0)
    """

    model: str
    input: str
    shape: tuple[int, ...]
    axes: tuple[str, ...]
    goal: Goal
    budget: float | None
    before: Figures
    proposals: tuple[Proposal, ...]
    notes: tuple[str, ...] = ()

    @property
    def best(self) -> Proposal:
        """The first proposal.

        Raises:
            ModelError: there is none.
        """
        if not self.proposals:
            raise ModelError(
                f"there is no proposal for {self.model}: {self.why_none}\n"
                ".notes says what could not be edited"
            )
        return self.proposals[0]

    @property
    def why_none(self) -> str:
        """Why there is no proposal, in words; empty where there are some."""
        if self.proposals:
            return ""
        if not self.before.widening:
            return "no layer widens the field"
        if not self.before.unproductive:
            return "no layer is unproductive as it is"
        found = "no edit was found that makes it better and can be carried out"
        if self.budget in (None, 1):
            return found
        return f"{found} within {self.budget:g} times the compute"

    def to_dict(self) -> dict[str, Any]:
        """The proposals as plain data, schema `fieldscope.refine/1`."""
        return {
            "schema": "fieldscope.refine/1",
            "version": __version__,
            "model": self.model,
            "input": {"name": self.input, "shape": list(self.shape), "axes": list(self.axes)},
            "goal": self.goal,
            "budget": self.budget,
            "before": self.before.to_dict(),
            "proposals": [one.to_dict() for one in self.proposals],
            "notes": list(self.notes),
        }


def _edit(edit: Edit) -> dict[str, Any]:
    found: dict[str, Any] = {"kind": _KINDS[type(edit)]}
    for name in edit.__dataclass_fields__:
        value = getattr(edit, name)
        if value is not None:
            found[name] = list(value) if isinstance(value, tuple) else value
    return found
