"""From a report to proposals: search, carry out, hold what was predicted against what came out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TypeAlias

from fieldscope.analyses.edits import Edit
from fieldscope.analyses.layers import Report
from fieldscope.analyses.outline import outline_of
from fieldscope.errors import FieldscopeError
from fieldscope.redesign.figures import Figures, figures_of
from fieldscope.redesign.refinement import Goal, Proposal, Refinement, Subject
from fieldscope.redesign.search import Candidate, Told, search
from fieldscope.redesign.words import sentences, windows_of
from fieldscope.wording import counted, listed


@dataclass(frozen=True, slots=True)
class Proof:
    """What came of edits that were carried out: the edited network, and what was noticed."""

    report: Report
    remarks: tuple[str, ...] = ()


Prove: TypeAlias = Callable[[Sequence[Edit]], Proof]
"""Carries edits out on a copy, runs it, and analyses it again."""


def refined(
    report: Report,
    subject: Subject,
    *,
    goal: Goal,
    budget: float | None,
    most: int,
    input: str | None = None,
    prove: Prove | None = None,
    frozen: Mapping[str, str] | None = None,
    told: Told = lambda *_: None,
) -> Refinement:
    """Search for edits and make proposals of the best, the first `most` of those that hold.

    An interrupt ends the search and keeps what was found; a second one ends all.

    Args:
        report: the network as it is.
        subject: what is edited.
        goal: what is searched for.
        budget: most multiply-accumulates, as a factor.
        most: number of proposals, at most.
        input: name of the input, where the model has several.
        prove: carries edits out; None where only predictions can be made.
        frozen: layers that can't be edited, each with the reason.
        told: called as the work goes on.
    """
    before = figures_of(report, input)
    info, _ = report.output._input(input)
    outline = outline_of(report, input)
    fixed = {**outline.frozen, **(frozen or {})}
    windows = windows_of(report)
    notes = list(_frozen(report, fixed))
    proposals: list[Proposal] = []
    found, stopped = _searched(search(outline, goal, budget=budget, frozen=fixed, told=told))
    if stopped:
        notes.append("the search was stopped: only what it had found until then is proposed")
    try:
        for number, candidate in enumerate(found):
            if len(proposals) == most:
                break
            told("verifying proposals", number, len(found))
            after, proven = candidate.after, None
            if prove is not None:
                try:
                    proven = prove(candidate.edits)
                    after = figures_of(proven.report, input)
                except FieldscopeError as error:
                    notes.append(_dropped(candidate, str(error).splitlines()[0]))
                    continue
                differing = list(_differing(candidate.after, after))
                if differing:
                    notes.append(_dropped(candidate, listed(differing)))
                    continue
            proposals.append(
                Proposal(
                    model=report.model,
                    title=candidate.title,
                    edits=tuple(candidate.edits),
                    words=sentences(candidate.edits, windows),
                    before=before,
                    after=after,
                    verified=proven is not None,
                    remarks=()
                    if proven is None
                    else (*_other_outputs(report, proven.report), *proven.remarks),
                    _subject=subject,
                    _report=None if proven is None else proven.report,
                )
            )
    except KeyboardInterrupt:
        if stopped or not proposals:
            raise
        notes.append("the verification was stopped; further proposals were left out")
    if prove is None and proposals:
        why = subject.why_not or "the model itself was not given, only a report of it"
        notes.append(f"figures are predicted, not measured: {why}")
    return Refinement(
        model=report.model,
        input=info.name,
        shape=info.shape,
        axes=info.axes,
        goal=goal,
        budget=budget,
        before=before,
        proposals=tuple(proposals),
        notes=tuple(notes),
    )


def _searched(candidates: Iterator[Candidate]) -> tuple[list[Candidate], bool]:
    """All candidates, and whether the search for them was stopped."""
    found: list[Candidate] = []
    try:
        found.extend(candidates)
    except KeyboardInterrupt:
        return found, True
    return found, False


def _frozen(report: Report, frozen: Mapping[str, str]) -> Iterator[str]:
    """What can't be edited, the layers of one reason together."""
    reasons: dict[str, list[str]] = {}
    for name, why in frozen.items():
        parts = name.split(".")
        inside = any(".".join(parts[:depth]) in frozen for depth in range(1, len(parts)))
        if name in report and not inside:
            reasons.setdefault(why, []).append(name)
    for why, names in reasons.items():
        yield f"not edited: {listed(names, most=3)}: {why}"


def _dropped(candidate: Candidate, why: str) -> str:
    edits = counted(len(candidate.edits), "edit")
    return f"a proposal of {edits} was dropped ({candidate.title}): {why}"


def _differing(predicted: Figures, measured: Figures) -> Iterator[str]:
    for one in fields(Figures):
        theirs, ours = getattr(predicted, one.name), getattr(measured, one.name)
        if theirs != ours:
            yield f"{one.name} {ours} measured, {theirs} predicted"


def _other_outputs(before: Report, after: Report) -> Iterator[str]:
    """Results whose shape changed, which what follows the model has to take."""
    for name, result in before.outputs.items():
        other = after.outputs.get(name)
        if other is None:
            yield f"there is no {name} any more"
        elif other.shape != result.shape:
            new, old = ("×".join(map(str, one.shape)) for one in (other, result))
            yield f"{name} has shape {new} instead of {old}"
