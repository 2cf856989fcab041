"""A report's findings in sentences: what closes a table.

Sentences are built from the numbers alone, so that they hold for networks
nobody thought of: nothing here asks what kind of module a layer is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from fieldscope.render.numerals import extents, product, times
from fieldscope.wording import counted, listed

if TYPE_CHECKING:
    from fieldscope.analyses.fields import Field
    from fieldscope.analyses.layers import Bound, InputInfo, Layer, Report

_MOST_OUTPUTS = 6
_MOST_PLACES = 3


def closing(report: Report) -> tuple[str, ...]:
    """Say what the output sees, what is context, and what is only a bound.

    Each text is one paragraph; those that begin with two spaces are items
    under the one before.
    """
    return (*_outputs(report), *_context(report), *_bounds(report))


def _outputs(report: Report) -> Iterator[str]:
    spatial = [info for info in report.inputs if info.axes]
    if not spatial:
        yield "No input has spatial axes, so there is no field to speak of."
        return
    if len(report.outputs) > 1:
        yield "What each position of the outputs sees:"
        shown = list(report.outputs.items())[:_MOST_OUTPUTS]
        for key, layer in shown:
            name = f"{key} ({layer.name})" if layer.name not in ("", key) else key
            most = "" if layer.exact else "at most "
            yield f"  {name}: {most}{_of_all(layer, spatial)}."
        if len(report.outputs) > len(shown):
            yield f"  and {counted(len(report.outputs) - len(shown), 'output')} more."
        return
    subject = _subject(report.output)
    if len(spatial) > 1:
        yield f"{subject} {_sees(exact=report.output.exact)}:"
        for info in spatial:
            yield f"  {_of(report.output, info, whose=f'of {info.name}')}."
        return
    info = spatial[0]
    field = report.output.fields.get(info.name)
    sentence = f"{subject} {_verb(field, info, exact=report.output.exact)}"
    before = _before_global(report, info) if field is not None and _is_whole(field) else ""
    yield f"{sentence}{before}."


def _subject(layer: Layer) -> str:
    name = f" ({layer.name})" if layer.name and layer.name != "output" else ""
    # Logits have no positions of their own to speak of.
    return f"{'Each position of the' if len(layer.shape) > 2 else 'The'} output{name}"


def _of_all(layer: Layer, inputs: Iterable[InputInfo]) -> str:
    many = list(inputs)
    return "; ".join(
        _of(layer, info, whose="" if len(many) == 1 else f"of {info.name}") for info in many
    )


def _verb(field: Field | None, info: InputInfo, *, exact: bool) -> str:
    if field is None or _is_empty(field):
        return "reads nothing of the input, but for context"
    if _is_whole(field):
        return "reads the whole input" if exact else "reads at most the whole input"
    return f"{_sees(exact=exact)} {_extent(field, info, owner='the input')}"


def _sees(*, exact: bool) -> str:
    return "sees" if exact else "sees at most"


def _of(layer: Layer, info: InputInfo, *, whose: str) -> str:
    """Say what a layer sees of one input, without a verb."""
    field = layer.fields.get(info.name)
    if field is None or _is_empty(field):
        return f"nothing {whose}".rstrip()
    if _is_whole(field):
        return f"all {whose}".rstrip() if whose else "the whole input"
    return _extent(field, info, owner=whose.removeprefix("of ") or "the input", named=bool(whose))


def _extent(field: Field, info: InputInfo, *, owner: str, named: bool = False) -> str:
    """Write a finite field against the input's extent.

    The forms are "427×427 elements, 1.9 times the input's 224×224" and, where
    the axes differ, "41×23 elements (y×x) of the input's 60×90: 68% along y
    and 26% along x".
    """
    extent = tuple(info.shape[axis] for axis in info.spatial)
    unit = "step" if len(extent) == 1 else "element"
    seen = f"{product(field.size)} {unit}{'' if field.size == (1,) else 's'}"
    ratios = [_ratio(size, length) for size, length in zip(field.size, extent, strict=True)]
    theirs = f"{owner}'s {extents(extent)}"
    if len(set(ratios)) == 1 and ratios[0] is not None:
        text = f"{seen}, {times(ratios[0])} {theirs}"
    else:
        text = f"{seen} ({'×'.join(info.axes)}) of {theirs}: {_shares(ratios, info.axes)}"
    beyond = any(ratio is not None and ratio > 1 for ratio in ratios)
    return text + (" (what lies beyond it is padding)" if beyond else "")


def _ratio(size: float, length: int) -> Fraction | None:
    return None if size == math.inf or not length else Fraction(int(size), length)


def _shares(ratios: Sequence[Fraction | None], axes: Sequence[str]) -> str:
    """Tell the shares of the axes, those that are alike together."""
    alike: dict[Fraction | None, list[str]] = {}
    for ratio, axis in zip(ratios, axes, strict=True):
        alike.setdefault(ratio, []).append(axis)
    return listed(
        [
            f"{'all' if ratio is None else times(ratio).removesuffix(' of')} along {listed(same)}"
            for ratio, same in alike.items()
        ]
    )


def _is_whole(field: Field) -> bool:
    return all(field.is_global)


def _is_empty(field: Field) -> bool:
    return any(size == 0 for size in field.size)


def _before_global(report: Report, info: InputInfo) -> str:
    """Say where the field becomes global, and the largest one before."""
    read = [
        (layer, _is_whole(layer.fields[info.name]))
        for layer in report.layers
        if info.name in layer.fields and not _is_empty(layer.fields[info.name])
    ]
    # Gates that look at the whole map come before; what counts is where it stays whole.
    last = max((at for at, (_, whole) in enumerate(read) if not whole), default=len(read))
    if last + 1 >= len(read):
        return ""
    finite = [layer for layer, whole in read if not whole]
    first = read[last + 1][0]
    # The last of the largest: the one that a reader thinks of as the end of the features.
    widest = max(enumerate(finite), key=lambda pair: (_area(pair[1], info), pair[0]))[1]
    field = widest.fields[info.name]
    name = _outermost(report, widest, info)
    return (
        f", from {first.name} on; before that, {name} {_sees(exact=widest.exact)} "
        f"{_extent(field, info, owner='the input')}"
    )


def _area(layer: Layer, info: InputInfo) -> float:
    return math.prod(layer.fields[info.name].size)


def _outermost(report: Report, layer: Layer, info: InputInfo) -> str:
    """Name the largest container whose output has this very field."""
    size = layer.fields[info.name].size
    around = [
        box.name
        for box in report.containers
        if box.name
        and layer.name.startswith(f"{box.name}.")
        and info.name in box.fields
        and box.fields[info.name].size == size
    ]
    return min(around, key=len, default=layer.name)


def _context(report: Report) -> Iterator[str]:
    places = dict.fromkeys(place for layer in report.layers for place in layer.context)
    if not places:
        return
    named = [place or report.model for place in places]
    since = "there" if len(named) == 1 else "the first"
    yield (
        f"Context enters at {listed(named, most=_MOST_PLACES)}: from {since} on, every position "
        "also depends on the whole input, alike for all positions."
    )


def _bounds(report: Report) -> Iterator[str]:
    loose = sum(1 for layer in report.layers if not layer.exact)
    if not report.bounds:
        return
    total = counted(len(report.layers), "layer")
    yield f"Only a bound for {loose:,} of {total}: the true field lies inside the one given."
    groups: dict[tuple[str, str], list[Bound]] = {}
    for bound in report.bounds:
        groups.setdefault((bound.operator, bound.reason), []).append(bound)
    for (operator, reason), members in groups.items():
        places = [_place(bound) for bound in members]
        yield f"  {operator} at {listed(places, most=_MOST_PLACES)}: {reason}"


def bound_lines(bounds: Iterable[Bound]) -> tuple[str, ...]:
    """List every bound on a line of its own: operator, place, reason, reach."""
    return tuple(
        f"{bound.operator} at {_place(bound)}: {bound.reason} "
        f"({counted(bound.layers, 'layer')} affected)"
        for bound in bounds
    )


def _place(bound: Bound) -> str:
    where = bound.where or "the model's own forward"
    return f"{where} ({bound.location})" if bound.location else where
