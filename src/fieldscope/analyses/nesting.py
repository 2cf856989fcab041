"""Which containers each layer stands in, call by call."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from fieldscope.graph.trace import Trace

# The second call of a module is `block#2`; what it calls counts on its own: `block.conv#2`.
_CALL = re.compile(r"#\d+(?=\.|$)")

Chain = tuple[str, ...]
"""The containers around a layer, outermost first."""


@dataclass(frozen=True, slots=True)
class _Call:
    name: str
    end: int


def chains_of(trace: Trace) -> dict[str, Chain]:
    """The containers around each layer, by the layer's name.

    Of a module that is called several times it is the call that was running. Where paths begin
    alike and no container of that path was called (a list of modules), the path stands for one
    if its layers run one after the other; a list whose members take turns with others is none.

    Example:
        >>> import fieldscope
        >>> from torch import nn
        >>> net = nn.Sequential(nn.Sequential(nn.Conv1d(1, 1, 3), nn.ReLU()), nn.Conv1d(1, 1, 3))
        >>> chains_of(fieldscope.analyze(net, (1, 1, 9))._trace)
        {'0.0': ('0',), '0.1': ('0',), '1': ()}
    """
    calls = _calls(trace) | _lists(trace)
    found: dict[str, Chain] = {}
    now = -1
    for layer in trace.layers:
        now = max(now, layer.value)
        parts = plain(layer.name).split(".")
        paths = (".".join(parts[:depth]) for depth in range(1, len(parts)))
        around = (_running(calls.get(path, ()), now) for path in paths)
        found[layer.name] = tuple(call for call in around if call)
    return found


def plain(name: str) -> str:
    """A path without the numbers of calls.

    >>> plain("block#2.conv#3")
    'block.conv'
    """
    return _CALL.sub("", name)


def _calls(trace: Trace) -> dict[str, list[_Call]]:
    """The calls of each path in order, with the last value that each handed on."""
    ends: dict[str, int] = {}
    for one in trace.aliases:
        # Further results of a call are named `block#2[1]`.
        name = one.name.partition("[")[0]
        ends[name] = max(ends.get(name, -1), one.value)
    found: dict[str, list[_Call]] = {}
    for container in trace.containers:
        end = max(container.value, ends.get(container.name, -1))
        found.setdefault(plain(container.name), []).append(_Call(container.name, end))
    return found


def _lists(trace: Trace) -> dict[str, list[_Call]]:
    """The beginnings of paths whose layers run one after the other, as containers."""
    called = {plain(one.name) for one in trace.containers}
    runs: dict[str, int] = {}
    before: set[str] = set()
    for layer in trace.layers:
        parts = plain(layer.name).split(".")
        paths = {".".join(parts[:depth]) for depth in range(1, len(parts))} - called
        for path in paths - before:
            runs[path] = runs.get(path, 0) + 1
        before = paths
    last = max((layer.value for layer in trace.layers), default=0)
    return {path: [_Call(path, last)] for path, times in runs.items() if times == 1}


def _running(calls: Sequence[_Call], now: int) -> str:
    """The call that was running; empty where a part of a module is called from outside it."""
    return next((one.name for one in calls if one.end >= now), "")
