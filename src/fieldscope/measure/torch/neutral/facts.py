"""What is known of tensors in a neutral run, beside their elements."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch.utils.weak import WeakTensorKeyDictionary

LARGE = 2.0**1000
"""What gradients start with. A neutral run spreads it over the input, so that no gradient gets
larger; and it may be divided until it has become 10⁻³⁰⁸ before something is lost."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one tensor.

    Attributes:
        live: where it isn't a constant zero, as behind a masked softmax; broadcasts.
        trace: for numbers that have no gradient (indices, truth values), a tensor of the
            same shape that has the gradient which they would have.
        statistic: whether it is computed from statistics of whole maps alone.
        spread: whether such statistics were put at all positions of a map again.
        source: the map that the statistics were taken of, if there is one only.
    """

    live: torch.Tensor | None = None
    trace: torch.Tensor | None = None
    statistic: bool = False
    spread: bool = False
    source: torch.Tensor | None = None


_NOTHING = Known()


class Facts:
    """What is known of the tensors of a run.

    Args:
        leaf: the input that gradients are taken for.
        spatial: its spatial axes.
    """

    def __init__(self, leaf: torch.Tensor, spatial: Sequence[int]) -> None:
        self._known = WeakTensorKeyDictionary()
        self._leaf = leaf
        self._spatial = tuple(spatial)
        self._whole = leaf

    def of(self, tensor: torch.Tensor) -> Known:
        """What is known of a tensor."""
        found: Known = self._known.get(tensor, _NOTHING)
        return found

    def note(self, tensor: Any, **found: Any) -> None:
        """Learn something about a tensor."""
        if isinstance(tensor, torch.Tensor):
            known = replace(self.of(tensor), **found)
            if known != _NOTHING or tensor in self._known:
                self._known[tensor] = known

    def forget(self, tensor: torch.Tensor) -> None:
        """The tensor was overwritten."""
        self._known.pop(tensor, None)

    def depends(self, tensor: Any) -> bool:
        """Whether something is a tensor that depends on an input.

        Weights that a function closes over have gradients, too, but are leaves.
        """
        return isinstance(tensor, torch.Tensor) and (
            (tensor.requires_grad and not tensor.is_leaf) or self.of(tensor).trace is not None
        )

    def gradient_of(self, tensor: torch.Tensor) -> torch.Tensor:
        """The tensor, or what has its gradient."""
        trace = self.of(tensor).trace
        return tensor if trace is None else trace

    def without_context(
        self, operands: Sequence[torch.Tensor], aside: Sequence[bool]
    ) -> list[torch.Tensor]:
        """The operands, as they have gradients, but for those that are context to the others.

        Context are statistics of a whole map (squeeze-and-excitation, the mean that a norm
        takes away): every position reads them alike.

        Args:
            operands: tensors that depend on inputs.
            aside: which of them may be context: statistics, or alike at all positions.
        """
        pairs = list(zip(operands, aside, strict=True))
        maps = [one for one, statistic in pairs if not statistic]
        kept = [
            one for one, statistic in pairs if not (statistic and maps and self._covers(one, maps))
        ]
        return [self.gradient_of(one) for one in kept]

    def _covers(self, statistic: torch.Tensor, maps: Iterable[torch.Tensor]) -> bool:
        """Whether a statistic reads all that maps read together, so that it is no news.

        Each of its elements has to; the first, the middle and the last one are looked at.
        """
        elements = self.gradient_of(statistic).reshape(-1)
        extents = [self._leaf.shape[axis] for axis in self._spatial]
        whole = True
        for place in dict.fromkeys((0, len(elements) // 2, len(elements) - 1)):
            if self._reads_all(elements[place]):
                continue
            own = self._hull(elements[place])
            if all(span == (0, n) for span, n in zip(own, extents, strict=True)):
                continue
            whole = False
            if all(low == high for low, high in own):
                continue  # what reads nothing brings in nothing
            for one in maps:
                for (low, high), (first, last) in zip(own, self._hull_of(one), strict=True):
                    if first < last and (first < low or last > high):
                        return False
        source = self.of(statistic).source
        if whole and source is not None:
            self._whole = source
        return True

    def _reads_all(self, element: torch.Tensor) -> bool:
        """Whether a number reads every element of the last map that is known to read all.

        It saves the way back to the input, which would be long behind many blocks.
        """
        if self._whole is self._leaf or not element.requires_grad:
            return False
        (gradient,) = torch.autograd.grad(
            element,
            self._whole,
            torch.full_like(element, LARGE),
            retain_graph=True,
            allow_unused=True,
        )
        return gradient is not None and bool((gradient != 0).all())

    def _hull_of(self, one: torch.Tensor) -> list[tuple[int, int]]:
        source = self.gradient_of(one)
        return self._hull(source.sum() / max(1, source.numel()))

    def _hull(self, element: torch.Tensor) -> list[tuple[int, int]]:
        """The first and last place that a number reads along each spatial axis."""
        gradient = None
        if element.requires_grad:
            start = torch.full_like(element, LARGE)
            (gradient,) = torch.autograd.grad(
                element, self._leaf, start, retain_graph=True, allow_unused=True
            )
        if gradient is None:
            return [(0, 0)] * len(self._spatial)
        found = []
        for axis in self._spatial:
            others = [k for k in range(gradient.dim()) if k != axis]
            line = (gradient != 0).any(dim=others) if others else gradient != 0
            places = line.nonzero()
            found.append((int(places[0]), int(places[-1]) + 1) if len(places) else (0, 0))
        return found


def is_statistic(before: Sequence[int], after: Sequence[int]) -> bool:
    """Whether a reduction has left nothing of a map but a number per channel or group.

    >>> is_statistic((1, 8, 5, 6), (1, 8)), is_statistic((1, 8, 5, 6), (1, 1, 5, 6))
    (True, False)
    """
    if len(before) < 3:
        return False
    extents = [n for n in before[1:] if n > 1]
    left = [n for n in after[1:] if n > 1]
    return len(left) <= 1 and len(left) < len(extents)


def is_spread(own: Sequence[int], shape: Sequence[int]) -> bool:
    """Whether broadcasting puts a map of one position at all positions of another.

    >>> is_spread((1, 8, 1, 1), (1, 8, 5, 6)), is_spread((1, 1, 5, 6), (1, 8, 5, 6))
    (True, False)
    """
    own = (*[1] * (len(shape) - len(own)), *own)
    return len(shape) > 2 and set(own[2:]) == {1} and set(shape[2:]) != {1}
