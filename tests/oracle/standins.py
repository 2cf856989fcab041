"""The table of stand-ins, and the pass that plays a tape through it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from tests.oracle.mixing import MIXING, REDUCTIONS
from tests.oracle.reading import (
    OracleError,
    Reading,
    Results,
    StandIn,
    join,
    spread,
    without_context,
)
from tests.oracle.shadows import Shadows, blank, structure
from tests.oracle.tape import Call, Output, Tape
from tests.oracle.windows import WINDOWS

# Operators that only move, copy, drop or add up elements: run as they are.
LINEAR = frozenset(
    """
    view _unsafe_view reshape _reshape_alias permute transpose t numpy_T squeeze unsqueeze expand
    select slice split_with_sizes_copy narrow diagonal as_strided movedim alias detach lift_fresh
    unfold flip roll rot90 repeat tile cat stack constant_pad_nd pad reflection_pad1d
    reflection_pad2d reflection_pad3d replication_pad1d replication_pad2d replication_pad3d
    pixel_shuffle pixel_unshuffle channel_shuffle native_channel_shuffle im2col col2im
    index_select index_put index_add index_copy index_fill scatter scatter_add masked_fill where
    tril triu slice_scatter select_scatter diagonal_scatter block_diag diag_embed trace
    masked_select take grid_sampler_2d grid_sampler_3d unsafe_chunk flatten unflatten
    expand_copy view_copy repeat_interleave masked_scatter hstack vstack
    """.split()
)
# Their arguments that say where, not what: they stay as they are.
INDEX_ARGUMENTS = frozenset(["index", "indices", "mask", "condition", "grid"])
# Numbers written by an operator above; the shadow of a constant is 0.
WRITTEN_NUMBERS = frozenset(["value"])

# Position for position, every operand that broadcasts is read.
POINTWISE = frozenset(
    """
    add sub rsub mul div true_divide floor_divide remainder fmod pow maximum minimum fmax fmin
    atan2 hypot logaddexp lerp addcmul addcdiv threshold clamp clamp_min clamp_max clip
    relu relu6 leaky_relu prelu _prelu_kernel rrelu_with_noise elu celu selu gelu silu mish
    hardswish hardsigmoid hardtanh hardshrink softshrink softplus log_sigmoid_forward log_sigmoid
    sigmoid tanh tanhshrink softsign abs neg negative exp exp2 expm1 log log2 log10 log1p sqrt
    rsqrt square reciprocal sin cos tan asin acos atan sinh cosh asinh acosh atanh erf erfc erfinv
    sign sgn round floor ceil trunc frac nan_to_num isnan isinf isfinite logit logical_not
    logical_and logical_or logical_xor bitwise_not bitwise_and bitwise_or bitwise_xor eq ne lt le
    gt ge dropout native_dropout bernoulli feature_dropout alpha_dropout
    clone _to_copy to contiguous copy lift_fresh_copy real imag complex polar angle conj_physical
    _conj _conj_physical _neg_view resolve_conj resolve_neg special_expit sinc xlogy
    heaviside copysign detach_copy special_erf digamma lgamma i0
    """.split()
)

# Results that say nothing about the input's values.
SHAPE_ONLY = frozenset(
    """
    zeros_like ones_like empty_like full_like rand_like randn_like new_zeros new_ones new_full
    new_empty new_empty_strided sym_size sym_stride sym_numel is_same_size arange
    """.split()
)


def linear(r: Reading) -> Results:
    """The operator itself, on shadows."""
    for name in INDEX_ARGUMENTS & set(r.call.values):
        if not (r.call.name in ("where", "masked_fill") and name != "index"):
            r.constant(name)
    chosen = r.call.values.get("condition", r.call.values.get("mask"))
    if isinstance(chosen, Tensor) and r.shadows.varies(chosen):
        return pointwise(r)  # what decides, and both that it chooses from
    live: list[bool] = []
    targets = r.call.written()  # their shadows are written to later, not here
    saves = "pad" in r.call.name or "grid" in r.call.name  # operands, for their gradient

    def swap(value: Any) -> Any:
        if not isinstance(value, Tensor):
            return value
        live.append(r.shadows.live(value) is not None)
        shadow = r.shadows.of(value)
        if shadow is None:
            return torch.zeros(value.shape, dtype=torch.float64)
        own = saves or any(value is target for target in targets)
        return shadow.clone() if own else shadow

    def swap_live(value: Any) -> Any:
        if not isinstance(value, Tensor):
            return value
        mask = r.shadows.live(value)
        return torch.ones(value.shape, dtype=torch.float64) if mask is None else mask

    arguments = _replaced(r.call, swap, number=0)
    if r.call.name == "cat" and arguments.get("dim", 0) == 1:
        # Side by side in the channels: statistics stay context beside a map.
        told = [r.told(real) for real in r.call.values["tensors"] if r.shadows.varies(real)]
        kept = without_context(r, told)
        for place, real in enumerate(r.call.values["tensors"]):
            shadow = r.shadows.of(real)
            if shadow is not None and not any(shadow is one for one in kept):
                arguments["tensors"][place] = torch.zeros_like(shadow)
    results: Results = r.call.func(**arguments)
    if any(live) and r.real is not None and isinstance(results, Tensor):
        r.shadows.keep_live(r.real, r.call.func(**_replaced(r.call, swap_live, number=1)))
    return results


def _replaced(call: Call, swap: Callable[[Any], Any], *, number: int) -> dict[str, Any]:
    return {
        name: value.double()
        if name == "grid"
        else value
        if name in INDEX_ARGUMENTS
        else number
        if name in WRITTEN_NUMBERS and not isinstance(value, Tensor)
        else tree_map(swap, value)
        for name, value in call.values.items()
    }


def pointwise(r: Reading) -> Results:
    """The sum of all operands, broadcast."""
    reals = r.call.tensors()
    operands = [r.told(real) for real in reals if r.shadows.varies(real)]
    result = join(r, operands, r.shape)
    lives = [r.shadows.live(real) for real in reals]
    zeroed = [mask for mask in lives if mask is not None]
    keeps = r.call.name in ("mul", "div", "clone", "_to_copy", "native_dropout", "dropout")
    if zeroed and keeps and r.real is not None:
        live = torch.ones(r.shape, dtype=torch.float64)
        for mask in zeroed:
            live = live * mask
        r.shadows.keep_live(r.real, live)
        result = result * live
    return [result] * len(r.call.results())


def pieces(r: Reading) -> list[Tensor | None]:
    """Split and chunk, as slices: autograd lets those be written to."""
    x, axis = r.need("self"), int(r.value("dim"))
    start, found = 0, []
    for real in r.call.results():
        extent = real.shape[axis]
        found.append(x.narrow(axis, start, extent))
        start += extent
    return list(found)


def unbind(r: Reading) -> list[Tensor | None]:
    """One slice for each index of the axis."""
    x, axis = r.need("self"), int(r.value("dim"))
    return [x.select(axis, index) for index in range(x.shape[axis])]


def overwrite(r: Reading) -> Tensor:
    """`copy_`: the source, broadcast."""
    return torch.zeros(r.shape, dtype=torch.float64) + r.need("src")


def erase(r: Reading) -> Tensor:
    """`zero_` and `fill_`: nothing is read any more."""
    value = r.shadow("value")
    zeros = torch.zeros(r.shape, dtype=torch.float64)
    return zeros if value is None else zeros + value


def as_real(r: Reading) -> Tensor:
    """A complex number as two numbers."""
    return r.need("self").unsqueeze(-1).expand(r.shape)


def as_complex(r: Reading) -> Tensor:
    """Two numbers as a complex one."""
    return r.need("self").sum(-1)


TABLE: dict[str, StandIn] = {
    **dict.fromkeys(LINEAR, linear),
    **dict.fromkeys(POINTWISE, pointwise),
    **WINDOWS,
    **MIXING,
    **dict.fromkeys(
        ["split", "split_with_sizes", "unsafe_split", "unsafe_split_with_sizes", "chunk"], pieces
    ),
    "unbind": unbind,
    "copy_": overwrite,
    **dict.fromkeys(["zero_", "fill_", "fill"], erase),
    "view_as_real": as_real,
    "view_as_complex": as_complex,
}
# Their real results alias, their shadows can't: a complex shadow is one number.
COPIED_VIEWS = frozenset(["view_as_real", "view_as_complex", "_conj", "_neg_view", "real", "imag"])
# The same tensor with another shape, not with other elements.
RESHAPED_IN_PLACE = frozenset(["squeeze_", "unsqueeze_", "transpose_", "t_", "swapaxes_"])


def play(tape: Tape, name: str, axes: tuple[int, ...], *, context: bool) -> Shadows:
    """Play `tape` with a gradient for the input called `name`."""
    shadows = Shadows(tape, name, axes, context=context)
    for event in tape.events:
        step(event, shadows)
    return shadows


def step(event: Call | Output, shadows: Shadows) -> None:
    """Play one event of a tape."""
    if isinstance(event, Output):
        shadows.outputs[event.name] = {
            key: None if (s := shadows.of(real)) is None else structure(s, s)
            for key, real in event.tensors.items()
        }
    else:
        _step(event, shadows)


def _step(call: Call, shadows: Shadows) -> None:
    varying = [real for real in call.tensors() if shadows.varies(real)]
    reads = [real for real in varying if shadows.may_depend(real)]
    if reads and call.name not in SHAPE_ONLY:
        _play(call, shadows)
    else:
        for real, form in zip(call.results(), call.forms, strict=True):
            if shadows.may_depend(real):
                shadows.keep(real, blank(form))
    statistic = bool(varying) and is_statistic(call, shadows, varying)
    for real in (*call.results(), *call.written()):
        shadows.keep_statistic(real, statistic)


def _play(call: Call, shadows: Shadows) -> None:
    reading = Reading(call, shadows)
    results = _stand_in(call)(reading)
    if call.name in RESHAPED_IN_PLACE:
        assert isinstance(results, Tensor)
        shadows.keep(call.results()[0], results)
        return
    listed = list(results) if isinstance(results, Sequence) else [results]
    if call.written():
        with torch.no_grad():
            targets = [shadows.of(real) for real in call.written()]
        for target, result in zip(targets, listed, strict=False):
            if target is None:
                raise OracleError(f"{call.func} writes to a constant")
            fresh = torch.zeros_like(target) if result is None else result
            target.copy_(structure(fresh.expand(target.shape), target))
        return
    view = call.is_view() and call.name not in COPIED_VIEWS
    for real, form, result in zip(call.results(), call.forms, listed, strict=False):
        if result is not None:
            own = result if view and result._is_view() else structure(result, form)
            shadows.keep(real, own)


def is_statistic(call: Call, shadows: Shadows, reads: list[Tensor]) -> bool:
    """Whether a result has lost the map: by this operator, or all that it reads had.

    Sums, means and pooling lose it that leave at most one axis (the channels)
    with an extent over 1.
    """
    if all(shadows.is_statistic(real) for real in reads):
        return True
    if not call.forms or reads[0].dim() < 3:
        return False
    before, after = reads[0].shape, call.forms[0].shape
    if call.name in ("expand", "repeat", "tile"):
        return spread(before, after)
    if "adaptive" in call.name:
        pairs = list(zip(before[2:], after[2:], strict=False))
        return all(1 in pair for pair in pairs) and any(b > a for b, a in pairs)
    return call.name in REDUCTIONS and sum(extent > 1 for extent in after[1:]) <= 1


def _stand_in(call: Call) -> StandIn:
    name = call.name
    for key in (name, name.removesuffix("_")):
        if key in TABLE:
            return TABLE[key]
    raise OracleError(f"no stand-in for {call.func}")
