"""The recorder of a trace, for calls that a file names.

Constants that a file holds are computed with only by operators that stay inside of their
operands, and only up to a size; of other constants only the shape is known.
"""

from __future__ import annotations

from typing import Any

import torch

from fieldscope.errors import TraceError
from fieldscope.frontends.torch.constants import map_tensors
from fieldscope.frontends.torch.lowering.pointwise import POINTWISE
from fieldscope.frontends.torch.operators import OperatorInfo
from fieldscope.frontends.torch.recorder import VALUES_NEEDED, Recorder
from fieldscope.frontends.torch.shaped import each_shaped

_RANDOM = frozenset("bernoulli cauchy geometric log_normal normal random uniform".split())

COMPUTED = (frozenset(POINTWISE) - _RANDOM) | frozenset(
    """alias all amax amin any arange argmax argmin argsort bitwise_and bitwise_or broadcast_to cat
    chunk clone concat concatenate constant_pad_nd copy count_nonzero cumprod cumsum detach diagonal
    embedding expand eye fill flatten flip full full_like gather index index_put index_select
    lift_fresh_copy linspace masked_fill max mean min movedim mul narrow new_full new_ones new_zeros
    ones ones_like permute prod repeat reshape roll scalar_tensor scatter select select_scatter
    slice slice_scatter sort split split_with_sizes squeeze stack sum t topk transpose tril
    tril_indices triu triu_indices unbind unfold unsqueeze view where zero zeros zeros_like
    _unsafe_view""".split()
)
"""Operators that check their operands, and whose time and memory go with the result's size."""

SPLITS = frozenset(
    """chunk split split_with_sizes tensor_split unbind unsafe_chunk unsafe_split
    unsafe_split_with_sizes""".split()
)

MOST_COMPUTED = 1 << 22
MOST_PIECES = 1 << 12
MOST_EXTENT = 1 << 24
MOST_CALLS = 1 << 18


class ReplayRecorder(Recorder):
    """Records calls of a program instead of those of a model."""

    def __init__(self, *, trusted: bool) -> None:
        super().__init__(example=False)
        self.location = self._told
        self.place: str | None = None
        self._trusted = trusted
        self._calls = 0

    def _told(self) -> str | None:
        """Where the program says that the current call was made."""
        return self.place

    def __torch_dispatch__(
        self,
        func: torch._ops.OpOverload,
        types: tuple[type, ...],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        self._calls += 1
        if self._calls > MOST_CALLS:
            raise TraceError(
                f"cannot trace model: its program makes more than {MOST_CALLS:,} calls\n"
                "export it with its loops as torch.scan or torch.while_loop, or export a part of it"
            )
        if func._opname in SPLITS:
            _few_pieces(func._opname, args)
        return super().__torch_dispatch__(func, types, args, kwargs)

    def _constant(
        self,
        info: OperatorInfo,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        tensors: list[torch.Tensor],
    ) -> Any:
        if self._trusted or info.name in VALUES_NEEDED or self._may_compute(info, args, kwargs):
            return super()._constant(info, args, kwargs, tensors)
        if info.writes:
            raise TraceError(
                f"cannot trace model: its program changes a constant by {info.source}"
                f"{self._where()}\nrun program.run_decompositions() before you save it"
            )
        return self._shapes(info, args, kwargs)

    def _may_compute(
        self, info: OperatorInfo, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> bool:
        if info.name not in COMPUTED:
            return False
        if info.writes:
            return True
        found = self._shapes(info, args, kwargs)
        several = found if isinstance(found, (list, tuple)) else (found,)
        return sum(one.numel() for one in several if isinstance(one, torch.Tensor)) <= MOST_COMPUTED

    def _shapes(self, info: OperatorInfo, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        shapes = {**map_tensors(self.store.on_meta, kwargs)}
        if any(argument.name == "device" for argument in info.function._schema.arguments):  # type: ignore[attr-defined]  # an overload
            shapes["device"] = torch.device("meta")
        return each_shaped(info.function(*map_tensors(self.store.on_meta, args), **shapes))

    def _number(self, info: OperatorInfo, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        raise TraceError(
            f"cannot trace model: its program needs a tensor's value{self._where()}, "
            "which depends on the input\n"
            "analyse the model itself with example=<a real input>, or export what is in front of it"
        )

    def _results(self, info: OperatorInfo, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        results = super()._results(info, args, kwargs)
        for one in results if isinstance(results, (list, tuple)) else (results,):
            if isinstance(one, torch.Tensor) and max(one.shape, default=0) > MOST_EXTENT:
                raise TraceError(
                    f"cannot trace model: {info.source}{self._where()} returns "
                    f"{tuple(one.shape)}, and an axis may have {MOST_EXTENT:,} elements at most\n"
                    "export the program for smaller inputs"
                )
        return results


def _few_pieces(name: str, args: tuple[Any, ...]) -> None:
    """Refuse to cut a tensor into more pieces than a program could use."""
    tensor = args[0] if args else None
    if not isinstance(tensor, torch.Tensor) or not tensor.dim():
        return
    size = args[1] if len(args) > 1 else 0
    axis = size if name == "unbind" else args[2] if len(args) > 2 else 0
    if not isinstance(size, int) or not isinstance(axis, int):
        return
    extent = tensor.shape[axis] if -tensor.dim() <= axis < tensor.dim() else 0
    if name == "unbind":
        pieces = extent
    elif name in ("chunk", "unsafe_chunk", "tensor_split"):
        pieces = size if name == "tensor_split" else min(size, extent)
    else:
        pieces = -(-extent // max(size, 1))
    if pieces > MOST_PIECES:
        raise TraceError(
            f"cannot trace model: its program cuts an axis into {pieces:,} pieces by aten.{name}\n"
            f"fieldscope follows {MOST_PIECES:,} at most; export the program for smaller inputs"
        )
