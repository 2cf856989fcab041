"""The table of stand-ins: for each function of PyTorch's, what a neutral run does instead.

A function that isn't listed runs as it is, and is named in the result. Those of `PASSIVE` run
as they are because there is nothing to replace.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, TypeAlias

import torch

from fieldscope.errors import RegistrationError
from fieldscope.measure.torch.neutral.facts import Facts, is_spread


class Call(NamedTuple):
    """One call of a function.

    Attributes:
        function: the function, to be called where its own result is wanted.
        name: its short name.
        facts: what is known of tensors.
        dtype: the type of numbers that the model computes in.
    """

    function: Callable[..., Any]
    name: str
    facts: Facts
    dtype: torch.dtype

    def dependent(self, arguments: Iterable[Any]) -> list[torch.Tensor]:
        """The tensors in arguments that depend on an input."""
        return [one for one in tensors_in(arguments) if self.facts.depends(one)]

    def join(self, operands: Sequence[torch.Tensor], shape: Sequence[int]) -> torch.Tensor:
        """The mean of operands that broadcast to a shape, without those that are context."""
        aside = [self.facts.of(one).statistic or is_spread(one.shape, shape) for one in operands]
        return mean_of(self.facts.without_context(operands, aside), shape)

    def values(self, *arguments: Any, **options: Any) -> Any:
        """What the function itself makes of these arguments, without a gradient."""
        with torch.no_grad():
            return self.function(*detached(arguments), **detached(options))

    def refuse(self, *arguments: Any) -> None:
        """Let the function itself say what is wrong with its arguments."""
        self.values(*mapped(lambda one: one.to(self.dtype), arguments))


StandIn: TypeAlias = Callable[..., Any]

TABLE: dict[str, StandIn] = {}


def stands_in(*names: str) -> Callable[[StandIn], StandIn]:
    """Register a stand-in for the functions with these short names.

    Raises:
        RegistrationError: one of them has a stand-in already.
    """

    def register(stand_in: StandIn) -> StandIn:
        for name in names:
            other = TABLE.get(name) or (PASSIVE if name in PASSIVE else None)
            if other is not None:
                raise RegistrationError(
                    f"two stand-ins for {name}: {getattr(other, '__name__', 'PASSIVE')} "
                    f"and {stand_in.__name__}"
                )
            TABLE[name] = stand_in
        return stand_in

    return register


MOVING = frozenset(
    """
    view view_as reshape reshape_as unsafe_view permute transpose swapaxes swapdims t T mT H mH
    movedim moveaxis squeeze unsqueeze expand expand_as broadcast_to broadcast_tensors repeat
    tile flatten ravel unflatten select narrow slice index_select flip fliplr flipud roll rot90
    cat concat concatenate stack hstack vstack dstack column_stack row_stack
    pad contiguous as_strided diagonal diag diag_embed tril triu
    repeat_interleave pixel_shuffle pixel_unshuffle channel_shuffle native_channel_shuffle unfold
    im2col fft_fftshift fft_ifftshift atleast_1d atleast_2d atleast_3d block_diag
    meshgrid take movedim positive alias
    """.split()
)
"""Functions that only move elements: what is known of a tensor moves with it."""

WRITING = frozenset(
    """
    copy fill zero setitem index_copy index_fill index_add index_put scatter scatter_add
    scatter_reduce slice_scatter select_scatter diagonal_scatter masked_scatter
    """.split()
)
"""Functions that put elements somewhere."""

AVERAGING = frozenset(
    """
    avg_pool1d avg_pool2d avg_pool3d trace
    """.split()
)
"""Functions that are positive means, or sums, already."""

SILENT = frozenset(
    """
    size dim ndimension numel nelement stride storage_offset is_contiguous is_floating_point
    is_complex is_cuda is_sparse is_meta is_quantized is_leaf is_nested is_inference is_shared
    is_signed is_same_size is_conj is_neg is_mps is_xpu is_cpu is_nonzero layout
    device dtype shape ndim requires_grad grad grad_fn retain_grad names len
    element_size data_ptr get_device nbytes itemsize output_nr version hash
    result_type can_cast promote_types broadcast_shapes format repr str dim_order
    zeros_like ones_like empty_like full_like rand_like randn_like randint_like new_zeros new_ones
    new_full new_empty new_empty_strided new_tensor new set_grad_enabled untyped_storage
    normal uniform random assert_async record_stream is_pinned is_set_to register_hook names
    """.split()
)
"""Functions whose results don't depend on a tensor's elements."""

PASSIVE = MOVING | WRITING | AVERAGING | SILENT


def mean_of(operands: Sequence[torch.Tensor], shape: Sequence[int]) -> torch.Tensor:
    """The mean of operands that broadcast to a shape, in memory of its own."""
    if not operands:
        return torch.zeros(tuple(shape), dtype=torch.float64)
    if len(operands) == 1 and operands[0].shape == tuple(shape):
        return operands[0].clone()
    total = operands[0]
    for operand in operands[1:]:
        total = total + operand
    total = total / len(operands)
    return total.expand(tuple(shape)).clone(memory_format=torch.contiguous_format)


def spread_out(x: torch.Tensor, shape: Sequence[int]) -> torch.Tensor:
    """A tensor broadcast to a shape, in memory of its own."""
    return x.expand(tuple(shape)).clone(memory_format=torch.contiguous_format)


def tensors_in(arguments: Any) -> list[torch.Tensor]:
    """All tensors in nested arguments."""
    if isinstance(arguments, torch.Tensor):
        return [arguments]
    if isinstance(arguments, dict):
        arguments = arguments.values()
    elif not isinstance(arguments, (list, tuple)):
        return []
    return [tensor for one in arguments for tensor in tensors_in(one)]


def mapped(change: Callable[[torch.Tensor], Any], arguments: Any) -> Any:
    """Nested arguments with every tensor changed."""
    if isinstance(arguments, torch.Tensor):
        return change(arguments)
    if type(arguments) in (list, tuple):
        return type(arguments)(mapped(change, one) for one in arguments)
    if type(arguments) is dict:
        return {key: mapped(change, one) for key, one in arguments.items()}
    return arguments


def detached(arguments: Any) -> Any:
    """Nested arguments with every tensor without its gradient."""
    return mapped(lambda tensor: tensor.detach(), arguments)


def axes_of(axes: Any, rank: int) -> tuple[int, ...]:
    """Axes as a function takes them, counted from the front; all for None and ()."""
    if axes is None or (not isinstance(axes, int) and len(axes) == 0):
        return tuple(range(rank))
    given = (axes,) if isinstance(axes, int) else tuple(axes)
    return tuple(sorted({axis % rank if rank else 0 for axis in given})) if rank else ()


def per_axis(value: Any, count: int, default: Any = None) -> tuple[int, ...]:
    """A parameter with one number per axis."""
    if value is None or (isinstance(value, (list, tuple)) and not value):
        value = default
    found = (value,) if isinstance(value, int) else tuple(value)
    return tuple(int(one) for one in (found * count if len(found) == 1 else found))
