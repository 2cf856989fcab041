"""Verification: how far the theory of a model's fields and the model itself agree."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from fieldscope.media import as_html, as_text
from fieldscope.version import __version__
from fieldscope.wording import counted, listed

Verdict: TypeAlias = Literal["agrees", "disagrees", "not measurable"]
Test: TypeAlias = Literal[
    "plane",
    "hull",
    "structure",
    "channel",
    "forward",
    "gradient",
    "probe",
    "reached",
    "unread",
]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one test found at one position.

    Attributes:
        test: "plane" (the field on the unbounded plane holds the support), "hull" (the box of
            the report is the support's), "structure" (the support is what the gradient of
            the neutralised model reaches), "channel" (the same of one channel), "forward"
            (its output is 0 where the input is 0 on the support), "gradient" (the model's
            own gradient stays within), "probe" (so does what changing its input changes),
            "reached" (changes at the box's ends do change it), "unread" (changing all that
            isn't read at once changes nothing).
        position: index on the layer's spatial axes.
        verdict: what came out.
        why: what differs, or what was in the way; empty where they agree.
    """

    test: Test
    position: tuple[int, ...]
    verdict: Verdict
    why: str = ""


@dataclass(frozen=True, slots=True)
class LayerCheck:
    """What the tests found of one layer.

    Attributes:
        layer: name of the layer.
        shape: shape of its output.
        size: size of its field at the first position, per axis, by theory.
        measured: the same by the gradient of the neutralised model, or by changing the input
            where that has none; None if neither can tell.
        findings: what each test found.
    """

    layer: str
    shape: tuple[int, ...]
    size: tuple[int, ...]
    measured: tuple[int, ...] | None
    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> Verdict:
        """What the findings come to: one that disagrees decides, and no measurement is no yes."""
        found = {finding.verdict for finding in self.findings}
        if "disagrees" in found:
            return "disagrees"
        measured = {f.verdict for f in self.findings if f.test in ("structure", "probe")}
        return "agrees" if "agrees" in measured else "not measurable"

    @property
    def why(self) -> tuple[str, ...]:
        """What explains a verdict other than "agrees", or limits one."""
        order = ("disagrees", "not measurable")
        told = sorted((f for f in self.findings if f.why), key=lambda f: order.index(f.verdict))
        tests: dict[str, dict[str, None]] = {}
        for finding in told:
            tests.setdefault(finding.why, {})[finding.test] = None
        return tuple(f"{listed(list(names))}: {why}" for why, names in tests.items())


@dataclass(frozen=True, repr=False)
class Verification:
    """How far theory and measurement agree, layer by layer.

    Attributes:
        model: name of the model.
        input: name of the input that was looked at.
        positions: how many positions of each layer were looked at, at most.
        checks: the layers, in execution order.
        not_run: tests for which the model's framework has no means.

    Example:
        >>> import fieldscope, torch
        >>> net = torch.nn.Sequential(torch.nn.Conv1d(1, 2, 3), torch.nn.MaxPool1d(2))
        >>> found = fieldscope.verify(net, (1, 1, 12))
        >>> found.agrees, [(check.layer, check.verdict) for check in found.checks]
        (True, [('0', 'agrees'), ('1', 'agrees')])
    """

    model: str
    input: str
    positions: int
    checks: tuple[LayerCheck, ...]
    not_run: tuple[Test, ...] = ()

    @property
    def agrees(self) -> bool:
        """Whether no test of any layer disagrees."""
        return not any(check.verdict == "disagrees" for check in self.checks)

    def count(self, verdict: Verdict) -> int:
        """Number of layers with that verdict."""
        return sum(check.verdict == verdict for check in self.checks)

    @property
    def summary(self) -> str:
        """One line: how many layers agree."""
        others: dict[Verdict, str] = {"disagrees": "disagree", "not measurable": "not measurable"}
        numbers = {words: self.count(verdict) for verdict, words in others.items()}
        parts = [f"{self.count('agrees'):,} agree"]
        parts += [f"{number:,} {words}" for words, number in numbers.items() if number]
        return f"{counted(len(self.checks), 'layer')}: {', '.join(parts)}"

    def to_dict(self) -> dict[str, Any]:
        """The findings as plain data, schema `fieldscope.verification/1`."""
        return {
            "schema": "fieldscope.verification/1",
            "version": __version__,
            "model": self.model,
            "input": self.input,
            "agrees": self.agrees,
            "not_run": list(self.not_run),
            "layers": [
                {
                    "name": check.layer,
                    "shape": list(check.shape),
                    "verdict": check.verdict,
                    "size": list(check.size),
                    "measured": None if check.measured is None else list(check.measured),
                    "findings": [
                        {
                            "test": finding.test,
                            "position": list(finding.position),
                            "verdict": finding.verdict,
                            "why": finding.why,
                        }
                        for finding in check.findings
                    ],
                }
                for check in self.checks
            ],
        }

    def to_json(self, indent: int | None = None) -> str:
        """The findings as JSON text."""
        return json.dumps(self.to_dict(), indent=indent, allow_nan=False)

    def __repr__(self) -> str:
        return as_text(self)

    def _repr_html_(self) -> str | None:
        return as_html(self)
