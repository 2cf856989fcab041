"""Edits in words: what becomes of which layer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from fieldscope.analyses.costs import trace_of
from fieldscope.analyses.edits import Edit, Numbers, Refit, Remove, Repeat, Reshape
from fieldscope.analyses.layers import Report
from fieldscope.graph.operators import Spread, Window
from fieldscope.wording import counted, listed

Windows: TypeAlias = Mapping[str, Reshape]
"""The window that each layer has, written as the edit that would give it."""

_PARTS = ("kernel", "stride", "padding", "dilation")


def windows_of(report: Report) -> Windows:
    """The windows of a network's layers, by name.

    Example:
        >>> import fieldscope
        >>> from torch import nn
        >>> report = fieldscope.analyze(nn.Sequential(nn.Conv1d(1, 4, 5, stride=2)), (1, 1, 100))
        >>> windows_of(report)["0"]
        Reshape(layer='0', kernel=(5,), stride=(2,), padding=(0,), dilation=(1,))
    """
    trace = trace_of(report)
    found = {}
    for layer in trace.layers:
        operator = None if layer.node is None else trace.graph.nodes[layer.node].operator
        if isinstance(operator, (Window, Spread)):
            found[layer.name] = Reshape(
                layer.name,
                kernel=tuple(window.kernel for window in operator.windows),
                stride=tuple(window.stride for window in operator.windows),
                padding=tuple(window.before for window in operator.windows),
                dilation=tuple(window.dilation for window in operator.windows),
            )
    return found


def sentences(edits: Iterable[Edit], windows: Windows) -> tuple[str, ...]:
    """Edits in words; layers of which the same becomes share a sentence.

    Args:
        edits: what is done.
        windows: the layers' windows before, where they are known.

    Example:
        >>> stem = Reshape("conv1", kernel=(7, 7), stride=(2, 2), padding=(3, 3), dilation=(1, 1))
        >>> edits = [
        ...     Reshape("conv1", kernel=(3, 3), stride=(1, 1), padding=(1, 1)),
        ...     Remove("maxpool"),
        ...     Remove("layer4"),
        ...     Repeat("layer1.1", 2),
        ...     Refit("fc", 256),
        ... ]
        >>> for sentence in sentences(edits, {"conv1": stem}):
        ...     print(sentence)
        conv1: kernel 7×7 -> 3×3, stride 2 -> 1, padding 3 -> 1
        maxpool and layer4: taken out
        layer1.1: followed by 2 copies with weights of their own
        fc: takes 256 features, weights begin anew
        >>> sentences([Remove(f"features.{k}") for k in (9, 10, 11, 11, 14)], {})
        ('features.9 to features.11 and features.14: taken out',)
    """
    layers: dict[str, list[str]] = {}
    for edit in edits:
        name = edit.layer if isinstance(edit, (Reshape, Refit)) else edit.module
        layers.setdefault(_done(edit, windows.get(name)), []).append(name)
    return tuple(f"{listed(in_runs(names))}: {done}" for done, names in layers.items())


def in_runs(names: Sequence[str]) -> list[str]:
    """Names of which neighbours that are numbered on are one item; none that lies in another.

    >>> in_runs(["a.1", "a.2", "a.2.conv", "a.3", "b.1", "b.2"])
    ['a.1 to a.3', 'b.1', 'b.2']
    """
    given = dict.fromkeys(names)
    runs: list[list[str]] = []
    for name in given:
        parts = name.split(".")
        if any(".".join(parts[:depth]) in given for depth in range(1, len(parts))):
            continue
        if runs and _follows(runs[-1][-1], name):
            runs[-1].append(name)
        else:
            runs.append([name])
    return [item for run in runs for item in ([f"{run[0]} to {run[-1]}"] if len(run) > 2 else run)]


def _follows(one: str, other: str) -> bool:
    """Whether two paths differ in a number at their end, which is one more."""
    (first, _, low), (second, _, high) = one.rpartition("."), other.rpartition(".")
    numbered = low.isdecimal() and high.isdecimal()
    return first == second and numbered and int(high) == int(low) + 1


def _done(edit: Edit, before: Reshape | None) -> str:
    match edit:
        case Reshape():
            changes = [_changed(part, edit, before) for part in _PARTS]
            return ", ".join(change for change in changes if change) or "as it is"
        case Remove():
            return "taken out"
        case Repeat(times=times):
            copies = counted(times, "copy") if times == 1 else f"{times:,} copies"
            return f"followed by {copies} with weights of {'its' if times == 1 else 'their'} own"
        case Refit(features=features):
            return f"takes {counted(features, 'feature')}, weights begin anew"


def _changed(part: str, edit: Reshape, before: Reshape | None) -> str:
    new: Numbers | None = getattr(edit, part)
    old: Numbers | None = None if before is None else getattr(before, part)
    if new is None or new == old:
        return ""
    if part == "kernel":
        return f"{part} {f'{_every(old)} -> ' if old else ''}{_every(new)}"
    return f"{part} {f'{_once(old)} -> ' if old else ''}{_once(new)}"


def _every(numbers: Sequence[int]) -> str:
    return "×".join(map(str, numbers))


def _once(numbers: Sequence[int]) -> str:
    return str(numbers[0]) if len(set(numbers)) == 1 else _every(numbers)
