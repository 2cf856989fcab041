"""Shadows: float64 tensors that stand for a network's values, gradient only.

Shadows mirror the strides and aliases of the real tensors, so autograd's own
treatment of views and in-place writes answers for those of the network.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

from tests.oracle.tape import Tape

Axes = tuple[int, ...]
Hull = tuple[tuple[int, int], ...]

# A gradient is a sum of products of a few ones and of interpolation weights;
# what is smaller than this is the rounding of a weight that is truly 0.
NOTHING = 1e-9


class _Structure(torch.autograd.Function):
    """Pass a gradient on as 0 or 1, so that it neither overflows nor vanishes.

    Values mean nothing here: they are zeros.
    """

    @staticmethod
    def forward(ctx: Any, shadow: Tensor, like: Tensor) -> Tensor:
        return blank(like)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return (grad > NOTHING).double(), None


def structure(shadow: Tensor, like: Tensor) -> Tensor:
    """`shadow` as a fresh tensor with the strides of `like`, a real tensor."""
    assert shadow.shape == like.shape, f"stand-in gives {shadow.shape}, operator {like.shape}"
    result: Tensor = _Structure.apply(shadow, like)  # type: ignore[no-untyped-call]
    return result


def blank(like: Tensor) -> Tensor:
    """Zeros with the shape and, where each element has its own, the strides of `like`."""
    own = all(s > 0 or n <= 1 for s, n in zip(like.stride(), like.shape, strict=True))
    if own:
        return torch.empty_strided(like.size(), like.stride(), dtype=torch.float64).zero_()
    return torch.zeros(like.shape, dtype=torch.float64)


def _storage(real: Tensor) -> int:
    return int(real.untyped_storage()._cdata)


def _dependent_storages(tape: Tape, sources: Sequence[Tensor]) -> set[int]:
    """Storages that at any time hold something that depends on one of `sources`."""
    dependent = {_storage(source) for source in sources}
    for call in tape.calls():
        if not any(_storage(tensor) in dependent for tensor in call.tensors()):
            continue
        touched = [call.result, *call.written()]
        dependent.update(_storage(t) for t in tree_leaves(touched) if isinstance(t, Tensor))
    return dependent


class Shadows:
    """The shadow of each real tensor of a tape that depends on one input.

    Attributes:
        leaf: The input's shadow, which gradients are taken for.
        axes: Spatial axes of the input.
        context: Whether statistics of the whole map, broadcast back onto it,
            count as read.
        outputs: For each module call, the shadows of its output.
    """

    def __init__(self, tape: Tape, name: str, axes: Axes, *, context: bool) -> None:
        source = tape.inputs[name]
        self.leaf = torch.zeros(source.shape, dtype=torch.float64, requires_grad=True)
        self.axes = axes
        self.context = context
        self._statistics: set[int] = set()
        self.outputs: dict[str, dict[str, Tensor | None]] = {}
        self._dependent = _dependent_storages(tape, [source])
        self._varying = _dependent_storages(tape, list(tape.inputs.values()))
        # The keys are identities of tensors that the tape keeps alive.
        self._shadows = {id(source): structure(self.leaf, source)}
        self._live: dict[int, Tensor] = {}

    def of(self, real: Tensor) -> Tensor | None:
        """The shadow of a real tensor, None for a constant."""
        shadow = self._shadows.get(id(real))
        if shadow is None and self.may_depend(real):
            # A constant so far; a later write makes it depend on the input.
            shadow = self._shadows[id(real)] = blank(real)
        return shadow

    def varies(self, real: Tensor) -> bool:
        """Whether a tensor depends on any input, so that its values are no constants."""
        return _storage(real) in self._varying

    def may_depend(self, real: Tensor) -> bool:
        """Whether memory of `real` depends on the input at any time."""
        return _storage(real) in self._dependent

    def keep(self, real: Tensor, shadow: Tensor) -> None:
        """Remember the shadow of a real tensor."""
        self._shadows[id(real)] = shadow

    def live(self, real: Tensor) -> Tensor | None:
        """0 where a masked softmax left a constant 0, else 1; None if all are 1."""
        return self._live.get(id(real))

    def keep_live(self, real: Tensor, live: Tensor) -> None:
        """Remember where a real tensor is not a constant 0."""
        self._live[id(real)] = live

    def reads(self, shadow: Tensor) -> Tensor:
        """Mask over the input: what any element of `shadow` reads."""
        nothing = torch.zeros(self.leaf.shape, dtype=torch.bool)
        if not shadow.requires_grad or not shadow.numel():
            return nothing
        (grad,) = torch.autograd.grad(shadow.sum(), self.leaf, retain_graph=True, allow_unused=True)
        return nothing if grad is None else grad > NOTHING

    def hull(self, mask: Tensor) -> Hull:
        """Half-open (lo, hi) of a mask along each spatial axis; (0, 0) if empty."""
        return tuple(hull(mask, axis) for axis in self.axes)

    def is_statistic(self, real: Tensor) -> bool:
        """Whether a value is computed from whole-map statistics alone."""
        return id(real) in self._statistics

    def keep_statistic(self, real: Tensor, yes: bool) -> None:
        """Remember whether a value is computed from whole-map statistics alone."""
        (self._statistics.add if yes else self._statistics.discard)(id(real))

    def covers(self, statistic: Tensor, maps: Sequence[Tensor | None]) -> bool:
        """Whether each element of a statistic reads all that the maps read together.

        Then it is context: alike for all positions, and no news about where they look.
        """
        if self.context or not self.axes or not maps:
            return False
        hulls = [self.hull(self.reads(one)) for one in maps if one is not None]
        elements = statistic.reshape(-1)
        # Large ones (the gates of wide layers) are alike throughout: some will do.
        step = 1 if len(elements) <= 16 else len(elements) // 5
        for element in elements[::step]:
            own = self.hull(self.reads(element))
            if all(low == high for low, high in own):
                continue  # what reads nothing, brings in nothing
            for axis, (low, high) in enumerate(own):
                spans = [h[axis] for h in hulls if h[axis][0] < h[axis][1]]
                if any(lo < low or hi > high for lo, hi in spans):
                    return False
        return True


def hull(mask: Tensor, axis: int) -> tuple[int, int]:
    """Half-open (lo, hi) of the True elements along one axis; (0, 0) if none."""
    others = [i for i in range(mask.dim()) if i != axis]
    line = mask.any(dim=others) if others else mask
    found = line.nonzero()
    return (int(found[0]), int(found[-1]) + 1) if len(found) else (0, 0)
