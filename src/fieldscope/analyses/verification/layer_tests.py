"""What every verification needs: which layers and positions, and the theory of one layer."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import numpy as np

from fieldscope.analyses.layers import InputInfo, Layer, Report
from fieldscope.analyses.support import SupportMask, chosen, support_of
from fieldscope.analyses.verification.verification import Finding, LayerCheck, Test
from fieldscope.errors import InputError, PositionError
from fieldscope.geometry import regions
from fieldscope.geometry.regions import BoolArray
from fieldscope.measure.rehearsal import Index, Measurement
from fieldscope.wording import counted


def layers_to_check(report: Report, names: Sequence[str] | None) -> tuple[Layer, ...]:
    """The layers of those names, or all operators, each value once."""
    if names is not None:
        return tuple(chosen(report, name) for name in names)
    found: dict[int, Layer] = {}
    for layer in report.layers:
        found.setdefault(layer._value, layer)
    return tuple(found.values())


def to_check(
    report: Report, names: Sequence[str] | None, *, positions: int, input: str | None
) -> tuple[InputInfo, list[Layer]]:
    """The input that a verification is about, and the layers that read it.

    Raises:
        InputError: no positions are wanted, or the input must be named.
        LayerNotFoundError: there is no such layer.
    """
    if positions < 1:
        raise InputError(f"positions is {positions}; at least one is needed")
    info, _ = report.output._input(input)
    return info, [one for one in layers_to_check(report, names) if info.name in one.fields]


def positions_of(layer: Layer, number: int, seed: int) -> tuple[tuple[int, ...], ...]:
    """Positions to look at: the centre, the first, the last, then some at random.

    Example:
        >>> import fieldscope, torch
        >>> layer = fieldscope.analyze(torch.nn.Conv1d(1, 1, 3), (1, 1, 12)).output
        >>> positions_of(layer, 3, seed=0)
        ((5,), (0,), (9,))
    """
    extents = [layer.shape[axis] for axis in layer.spatial]
    generator = random.Random(f"{seed} {layer.name}")
    found = dict.fromkeys(
        [
            tuple(n // 2 for n in extents),
            tuple(0 for _ in extents),
            tuple(n - 1 for n in extents),
        ][:number]
    )
    for _ in range(4 * number):  # a small map may not have so many
        if len(found) >= number:
            break
        found[tuple(generator.randrange(n) for n in extents)] = None
    return tuple(found)


def without_elements(layer: Layer, info: InputInfo) -> LayerCheck:
    """The check of a layer that has nothing to look at."""
    nothing = Finding("structure", (), "not measurable", "its output has no elements")
    return LayerCheck(layer.name, layer.shape, (0,) * len(info.spatial), None, (nothing,))


class LayerTests:
    """The theory of one layer, and what was measured held against it.

    Attributes:
        report: the theory of the model.
        layer: the layer.
        info: the input that is measured.
    """

    def __init__(self, report: Report, layer: Layer, info: InputInfo) -> None:
        self.report = report
        self.layer = layer
        self.info = info

    def support(
        self, place: tuple[int, ...], *, fold_context: bool = False, channel: int | None = None
    ) -> SupportMask:
        """What a position reads, by theory."""
        return support_of(
            self.report,
            self.layer.name,
            place,
            channel=channel,
            input=self.info.name,
            fold_context=fold_context,
        )

    def index(self, place: tuple[int, ...], channel: int | None = None) -> Index:
        """A position as an index into the layer's output."""
        return self.layer._index(place, channel)

    def _spatial(self, elements: BoolArray) -> BoolArray:
        others = tuple(k for k in range(elements.ndim) if k not in self.info.spatial)
        return np.asarray(elements.any(axis=others))

    def extent(self, elements: BoolArray) -> tuple[int, ...]:
        """The extents of the box around elements of the input."""
        return tuple(run.stop - run.start for run in regions.hull(self._spatial(elements)))

    def theory(self, place: tuple[int, ...], own: SupportMask) -> Iterator[Finding]:
        """The parts of the theory against one another."""
        box = self.layer.box(place, input=self.info.name)
        empty = any(run.start >= run.stop for run in box)
        if box == own.hull or (empty and not any(own.size)):
            yield Finding("hull", place, "agrees")
        elif self.layer.exact or not _holds(box, own.hull):
            why = f"the report's box is {_written(box)}, the support's {_written(own.hull)}"
            yield Finding("hull", place, "disagrees", why)
        try:
            plane = self.layer.box(place, input=self.info.name, clip=False)
        except PositionError:
            return  # its field isn't periodic, and has none on the plane
        if _holds(plane, own.hull):
            yield Finding("plane", place, "agrees")
        elif _holds(self._whole, plane):  # else a border is read mirrored, or repeated
            why = f"the field on the plane is {_written(plane)}, the support {_written(own.hull)}"
            yield Finding("plane", place, "disagrees", why)

    @property
    def _whole(self) -> tuple[slice, ...]:
        return tuple(slice(0, self.info.shape[axis]) for axis in self.info.spatial)

    def within(
        self,
        test: Test,
        place: tuple[int, ...],
        found: Measurement,
        whole: SupportMask,
        allowed: BoolArray | None = None,
    ) -> Finding:
        """Whether what was measured lies within what is read by theory, or what is allowed."""
        if found.elements is None:
            return Finding(test, place, "not measurable", found.why)
        outside = int(
            np.count_nonzero(found.elements & ~(whole.elements if allowed is None else allowed))
        )
        if not outside:
            return Finding(test, place, "agrees")
        why = (
            f"at {place} the model depends on {counted(outside, 'element')} outside of the field: "
            "an operator reads more than its lowering says"
        )
        return Finding(test, place, "disagrees", why)


def boxed(whole: SupportMask) -> BoolArray:
    """The elements of the box around those that a position reads."""
    box = np.zeros(whole.elements.shape, dtype=bool)
    index: list[slice] = [slice(None)] * box.ndim
    for axis, run in zip(whole.spatial, whole.hull, strict=True):
        index[axis] = run
    box[tuple(index)] = True
    return box


def _holds(outer: Sequence[slice], inner: Sequence[slice]) -> bool:
    """Whether a box lies within another; `slice(None)` is everything."""
    return all(
        b.start >= b.stop
        or ((a.start is None or a.start <= b.start) and (a.stop is None or b.stop <= a.stop))
        for a, b in zip(outer, inner, strict=True)
    )


def _written(box: Sequence[slice]) -> str:
    return ", ".join("all" if s.start is None else f"{s.start}:{s.stop}" for s in box)
