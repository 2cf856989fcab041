"""What size a field would have were the window of one layer another one."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from operator import index
from typing import Any, Literal, TypeAlias

from fieldscope.analyses.edits import Reshape
from fieldscope.analyses.export import plain
from fieldscope.analyses.fields import axis_field
from fieldscope.analyses.growth.tracking import Graphed, size_under
from fieldscope.analyses.layers import InputInfo, Layer, Report
from fieldscope.analyses.outline import Outline, outline_of
from fieldscope.analyses.steps import Sizes
from fieldscope.errors import EditError, InputError
from fieldscope.geometry.planes import Affine
from fieldscope.geometry.sliding import Sliding
from fieldscope.graph.operators import Spread
from fieldscope.graph.operators import Window as WindowOperator

Numbers = int | Sequence[int] | None
Along = tuple[int | None, ...]
Kind: TypeAlias = Literal[
    "smaller kernel", "larger kernel", "other stride", "wider dilation", "given"
]


@dataclass(frozen=True, slots=True)
class Window:
    """A layer's window, per axis of the input; None along an axis that it doesn't slide on.

    Attributes:
        kernel: elements of its window.
        stride: positions of what enters it from one of its own to the next.
        dilation: positions from one element of its window to the next.
        transposed: whether it is a transposed one, which spreads what enters it: its positions
            are stride times as many.
        spacing: elements of the input from one position of what enters it to the next.
    """

    kernel: Along
    stride: Along
    dilation: Along
    transposed: bool
    spacing: tuple[int | Fraction | None, ...]
    _node: int = -1
    _windows: tuple[Sliding, ...] = ()
    _places: Along = ()

    def to_dict(self) -> dict[str, Any]:
        """The window as plain data."""
        return {
            "kernel": list(self.kernel),
            "stride": list(self.stride),
            "dilation": list(self.dilation),
            "transposed": self.transposed,
            "spacing": plain(self.spacing),
        }


@dataclass(frozen=True, slots=True)
class Change:
    """A layer's window changed, all else left as it is.

    Attributes:
        what: in words, such as "kernel 5×3".
        kind: what is changed in general: a kernel two smaller or larger, the stride 1 or 2, twice
            the dilation, or as it was given.
        size: size that the field would have, per axis; None where the network can't be changed
            so, or isn't followed.
        delta: how much that is more, per axis; None likewise.
        why: why there is no size.
    """

    what: str
    kind: Kind
    size: Sizes | None
    delta: tuple[int | float, ...] | None
    why: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The change as plain data."""
        return {
            "what": self.what,
            "kind": self.kind,
            "size": None if self.size is None else plain(self.size),
            "delta": None if self.delta is None else plain(self.delta),
            **({"why": self.why} if self.why else {}),
        }


def window_of(
    given: Graphed, owners: Sequence[str], layer: str, info: InputInfo, first: int
) -> Window | None:
    """The window of a layer, per axis of an input; None where it has none.

    Args:
        given: the graph on the way.
        owners: the layer of each node.
        layer: the layer.
        info: the input.
        first: place of its first spatial axis among those of all inputs.
    """
    for node in given.nodes:
        operator = given.graph.nodes[node].operator
        if owners[node] != layer or not isinstance(operator, WindowOperator | Spread):
            continue
        fields = given.fields[given.graph.nodes[node].operands[0]]
        places: list[int | None] = []
        spacing = []
        for k, axis in enumerate(info.spatial):
            affine = fields.affines[first + k]
            moving = [
                place
                for place, own in enumerate(operator.axes)
                if isinstance(affine, Affine)
                and any(affine.steps[f] for f in fields.layout.span(own))
            ]
            places.append(moving[0] if len(moving) == 1 else None)
            spacing.append(axis_field(fields, first + k, info.shape[axis]).stride)
        windows = operator.windows
        return Window(
            kernel=tuple(None if at is None else windows[at].kernel for at in places),
            stride=tuple(None if at is None else windows[at].stride for at in places),
            dilation=tuple(None if at is None else windows[at].dilation for at in places),
            transposed=isinstance(operator, Spread),
            spacing=tuple(spacing),
            _node=node,
            _windows=windows,
            _places=tuple(places),
        )
    return None


class Supposing:
    """Answers what the field of one layer would be under changes of windows before it."""

    def __init__(self, report: Report, info: InputInfo, target: Layer, given: Graphed) -> None:
        self._report = report
        self._info = info
        self._target = target
        self._given = given
        self._before = target.fields[info.name].size

    @cached_property
    def _outline(self) -> Outline | None:
        """The network as arithmetic, which is fast; None where it doesn't follow the field."""
        outline = outline_of(self._report, self._info.name)
        size = outline.size_with((), self._target._value, self._given.nodes)
        return outline if size == self._before else None

    def usual(self, layer: str, window: Window) -> tuple[Change, ...]:
        """The size with a kernel two smaller and larger, stride 1 or 2, and twice the dilation."""
        return tuple(
            self._tried(layer, window, what, changed, kind) for kind, what, changed in usual(window)
        )

    def changed(
        self, layer: str, window: Window, *, kernel: Numbers, stride: Numbers, dilation: Numbers
    ) -> Change:
        """The size with another window.

        Raises:
            InputError: nothing is changed, or the numbers don't fit the window.
            EditError: shapes wouldn't fit any more.
        """
        words: list[str] = []
        parts: dict[str, Any] = {}
        for word, numbers in (("kernel", kernel), ("stride", stride), ("dilation", dilation)):
            own: Along = getattr(window, word)
            parts[word] = own if numbers is None else _fitting(word, numbers, own, layer)
            if numbers is not None:
                words.append(f"{word} {_shown(parts[word])}")
        if not words:
            raise InputError(f"nothing of {layer} is changed\ngive kernel, stride or dilation")
        found = self._tried(layer, window, ", ".join(words), replace(window, **parts))
        if found.size is None:
            raise EditError(f"{layer} can't have {found.what}: {found.why}")
        return found

    def _tried(
        self, layer: str, window: Window, what: str, changed: Window, kind: Kind = "given"
    ) -> Change:
        edit = _edit(layer, window, changed)
        outline = self._outline
        try:
            # Graphs from files may have nodes of no layer, which no edit can name.
            if outline is not None and layer:
                size = outline.size_with([edit], self._target._value, self._given.nodes)
            else:
                size = self._walked(window, edit)
        except EditError as error:
            return Change(what, kind, None, None, _first_line(error))
        if size is None:
            return Change(what, kind, None, None, "the field would not be periodic")
        delta = (
            0 if new == old else new - old for new, old in zip(size, self._before, strict=True)
        )
        return Change(what, kind, size, tuple(delta))

    def _walked(self, window: Window, edit: Reshape) -> Sizes | None:
        """The size by the graph itself, on planes whose extents don't matter."""
        given, found = self._given, []
        operator = given.graph.nodes[window._node].operator
        assert isinstance(operator, WindowOperator | Spread), "a window's node slides one"
        other = {window._node: replace(operator, windows=_windows(edit))}
        number = [one.name for one in self._report.inputs].index(self._info.name)
        first = self._report.output._input(self._info.name)[1]
        for k, before in enumerate(self._before):
            size = size_under(given, other, number, first + k) if before < math.inf else before
            if size is None:
                return None
            found.append(size)
        return tuple(found)


def usual(window: Window) -> Iterator[tuple[Kind, str, Window]]:
    """The changes that are tried of every window, each with its kind and words.

    >>> [what for _, what, _ in usual(Window((3, 1), (2, 2), (1, 1), False, (1, 1)))]
    ['kernel 1', 'kernel 5×3', 'stride 1', 'dilation 2×1']
    """
    kernel, stride, dilation = window.kernel, window.stride, window.dilation
    smaller = tuple(k - 2 if k is not None and k > 2 else k for k in kernel)
    larger = tuple(k if k is None else k + 2 for k in kernel)
    slower = tuple(s if s is None else 1 for s in stride)
    if slower == stride:
        slower = tuple(s if s is None else 2 for s in stride)
    wider = tuple(
        d if d is None or k is None or k == 1 else 2 * d
        for d, k in zip(dilation, kernel, strict=True)
    )
    tried: tuple[tuple[Kind, str, Along, Along], ...] = (
        ("smaller kernel", "kernel", kernel, smaller),
        ("larger kernel", "kernel", kernel, larger),
        ("other stride", "stride", stride, slower),
        ("wider dilation", "dilation", dilation, wider),
    )
    for kind, word, own, other in tried:
        if other != own:
            changed: dict[str, Any] = {word: other}
            yield kind, f"{word} {_shown(other)}", replace(window, **changed)


def _edit(layer: str, window: Window, changed: Window) -> Reshape:
    """The edit that keeps the map's extents, but for the stride: padding grows with the reach."""
    windows = list(window._windows)
    for k, place in enumerate(window._places):
        if place is None:
            continue
        own = windows[place]
        kernel, stride, dilation = changed.kernel[k], changed.stride[k], changed.dilation[k]
        assert kernel is not None, "the window slides along this axis"
        assert stride is not None, "the window slides along this axis"
        assert dilation is not None, "the window slides along this axis"
        reach = dilation * (kernel - 1) + 1
        before = max(0, own.before + (reach - own.reach) // 2)
        windows[place] = Sliding(kernel, stride, dilation, before)
    return Reshape(
        layer.partition("#")[0],
        kernel=tuple(one.kernel for one in windows),
        stride=tuple(one.stride for one in windows),
        padding=tuple(one.before for one in windows),
        dilation=tuple(one.dilation for one in windows),
    )


def _windows(edit: Reshape) -> tuple[Sliding, ...]:
    """The windows that an edit gives, all of whose numbers are there."""
    parts = (edit.kernel, edit.stride, edit.dilation, edit.padding)
    return tuple(Sliding(*numbers) for numbers in zip(*(part or () for part in parts), strict=True))


def _fitting(word: str, numbers: int | Sequence[int], own: Along, layer: str) -> Along:
    """Numbers for a window, one per axis; one alone is for all axes."""
    try:
        given = tuple(map(index, numbers)) if isinstance(numbers, Sequence) else (index(numbers),)
    except TypeError:
        given = ()
    if len(given) == 1:
        given *= len(own)
    if len(given) != len(own) or min(given) < 1:
        raise InputError(
            f"{word} {numbers!r} doesn't fit {layer}, whose window has {len(own)} axes\n"
            "give one number of 1 or more, or one per axis"
        )
    return tuple(None if at is None else one for one, at in zip(given, own, strict=True))


def _shown(numbers: Along) -> str:
    """Numbers per axis, once where all are the same.

    >>> _shown((3, 3)), _shown((5, 1)), _shown((None, 2))
    ('3', '5×1', '–×2')
    """
    texts = ["–" if one is None else str(one) for one in numbers]
    return texts[0] if len(set(texts)) == 1 else "×".join(texts)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
