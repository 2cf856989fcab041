"""Which layers a document shows: by pattern, by depth, without mere movement."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from fieldscope.errors import InputError, LayerNotFoundError
from fieldscope.wording import meant

if TYPE_CHECKING:
    from fieldscope.analyses.layers import Layer, Report


@dataclass(frozen=True, slots=True)
class Selection:
    """The layers to show, in execution order.

    Attributes:
        layers: Layers and the containers that stand for folded ones.
        hidden: How many layers were left out because they only move elements.
        folded: How many layers a container's row stands for.
    """

    layers: tuple[Layer, ...]
    hidden: int
    folded: int


def select(
    report: Report,
    *,
    patterns: Sequence[str] = (),
    depth: int | None = None,
    everything: bool = False,
) -> Selection:
    """Choose the rows of a document.

    Args:
        report: What was analysed.
        patterns: Shell patterns on names, such as `encoder.*`. One that fits
            no layer may name containers: `layer4` is the output of `layer4`.
        depth: Rows whose path is longer are folded into their container's.
        everything: Show layers that only move elements, too.

    Raises:
        LayerNotFoundError: A pattern fits neither a layer nor a container.
        InputError: `depth` is below 1.
    """
    if depth is not None and depth < 1:
        raise InputError(f"depth must be 1 or more, got {depth}")
    matched = matching(report, patterns) if patterns else report.layers
    rows, folded = _fold(report, matched, depth) if depth is not None else (matched, 0)
    # Whoever names a layer in full wants to see it, whatever it does.
    shown = tuple(row for row in rows if everything or not row.movement or row.name in patterns)
    if not shown and rows:
        shown = rows
    return Selection(shown, hidden=len(rows) - len(shown), folded=folded)


def matching(report: Report, patterns: Sequence[str]) -> tuple[Layer, ...]:
    """Find what the patterns name, in execution order, each once.

    Raises:
        LayerNotFoundError: A pattern fits neither a layer nor a container.
    """
    wanted: set[tuple[bool, str]] = set()
    for pattern in patterns:
        found = [layer for layer in report.layers if _fits(layer.name, pattern)]
        found = found or [layer for layer in report.containers if _fits(layer.name, pattern)]
        if not found:
            raise LayerNotFoundError(_nothing(report, pattern))
        wanted.update((layer.container, layer.name) for layer in found)
    return tuple(layer for layer in _in_order(report) if (layer.container, layer.name) in wanted)


def _fits(name: str, pattern: str) -> bool:
    return name == pattern or fnmatchcase(name, pattern)


def _nothing(report: Report, pattern: str) -> str:
    names = [layer.name for layer in (*report.layers, *report.containers) if layer.name]
    plain = pattern.replace("*", "").replace("?", "").strip(".")
    guess = meant(plain, names)
    if not guess and names:
        tops = dict.fromkeys(name.partition(".")[0] for name in names)
        shown = ", ".join(list(tops)[:12]) + (", …" if len(tops) > 12 else "")
        guess = f"; its layers begin with {shown}"
    return f"no layer of {report.model} is named or matches {pattern!r}{guess}"


def _in_order(report: Report) -> tuple[Layer, ...]:
    """Put each container behind the last layer inside it, inner ones first."""
    ends = {path: at for at, layer in enumerate(report.layers) for path in _above(layer.name)}
    places = [((at, 0), layer) for at, layer in enumerate(report.layers)]
    for box in report.containers:
        # Deeper ones have more dots, and end first where they end together.
        depth = box.name.count(".") + 1
        places.append(((ends.get(box.name, len(report.layers)), 10_000 - depth), box))
    return tuple(layer for _, layer in sorted(places, key=lambda place: place[0]))


def _above(name: str) -> Iterator[str]:
    """Name the containers that a layer may be in, outermost first.

    The second call of a module is `block#2`, what it calls `block.conv#2`.

    >>> list(_above("net.block.conv#2"))
    ['net', 'net#2', 'net.block', 'net.block#2']
    """
    *parents, leaf = name.split(".")
    call = leaf.partition("#")[2]
    for depth in range(1, len(parents) + 1):
        path = ".".join(parents[:depth])
        yield path
        if call:
            yield f"{path}#{call}"


def _fold(report: Report, layers: Iterable[Layer], depth: int) -> tuple[tuple[Layer, ...], int]:
    """Put one row for each container at `depth` where its last layer stood."""
    boxes = {box.name: box for box in report.containers}
    rows: dict[tuple[bool, str], Layer] = {}
    folded = 0
    for layer in layers:
        inside = [path for path in _above(layer.name) if path.count(".") == depth - 1]
        row = next((boxes[path] for path in reversed(inside) if path in boxes), layer)
        folded += row is not layer
        # Taken out first, so that a container stands where its last layer does.
        rows.pop((row.container, row.name), None)
        rows[row.container, row.name] = row
    return tuple(rows.values()), folded
