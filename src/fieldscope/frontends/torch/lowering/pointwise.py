"""Operators that read position for position, and norms."""

from __future__ import annotations

from typing import Any

import torch

from fieldscope.frontends.lowering import norms
from fieldscope.frontends.lowering.call import ADDED
from fieldscope.frontends.lowering.registry import Rule
from fieldscope.frontends.torch.lowering.call import Call, tensors_in
from fieldscope.frontends.torch.lowering.registry import lowers
from fieldscope.frontends.torch.shaped import Shaped, has_values
from fieldscope.graph.operators import Pointwise

POINTWISE = """
abs absolute acos acosh add addcdiv addcmul alpha_dropout angle asin asinh atan atan2 atanh
bernoulli bitwise_and bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift
bitwise_xor bucketize cauchy ceil celu clamp clamp_max clamp_min clip complex conj
conj_physical contiguous copysign cos cosh deg2rad digamma div dropout elu eq erf erfc
erfinv exp exp2 expm1 exponential fake_quantize_per_tensor_affine feature_dropout fix
float_power floor floor_divide fmax fmin fmod frac frexp gcd ge gelu geometric gt hardshrink
hardsigmoid hardswish hardtanh heaviside hypot i0 igamma igammac imag isfinite isinf isnan
isneginf isposinf isreal lcm ldexp le leaky_relu lerp lgamma lift lift_fresh log log10 log1p
log2 log_normal log_sigmoid logaddexp logaddexp2 logical_and logical_not logical_or
logical_xor logit lt maximum minimum mish mul mvlgamma nan_to_num ne neg negative nextafter
normal polar polygamma positive pow prelu rad2deg random real reciprocal relu relu6
remainder resolve_conj resolve_neg round rrelu rrelu_with_noise rsqrt rsub selu sgn
sigmoid sign signbit silu sin sinc sinh softplus softshrink special_entr special_erfcx
special_i0e special_i1 special_i1e special_log_ndtr special_ndtri special_xlog1py
special_zeta sqrt square sub tan tanh threshold true_divide trunc uniform view_as_real_copy
xlogy _to_copy _conj _neg_view _conj_physical _prelu_kernel
""".split()


def _like_first(x: Any, *others: Any, **named: Any) -> torch.Tensor | None:
    """Result of an operator that keeps the first operand's type and, as here, its shape."""
    if named or not isinstance(x, Shaped) or not x.is_floating_point():
        return None
    for other in others:
        if isinstance(other, complex):
            return None
        if isinstance(other, torch.Tensor) and not (
            other.dtype == x.dtype
            and other.dim() <= x.dim()
            and all(
                n in (1, m) for n, m in zip(reversed(other.shape), reversed(x.shape), strict=False)
            )
        ):
            return None
    return torch.empty_like(x.twin)


KEEP_TYPE = """
clamp clamp_max clamp_min dropout elu exp gelu hardshrink hardsigmoid hardswish hardtanh
leaky_relu mish neg relu relu6 rsqrt selu sigmoid silu softplus sqrt tanh sub mul div
""".split()
"""Pointwise operators whose result has the type of a floating-point first operand."""


ZERO = Pointwise(zero="zero")
SCALED = Pointwise(zero="zero", minus_infinity="minus infinity")
EXPONENTIAL = Pointwise(minus_infinity="zero")

KEEP_ZERO = "abs gelu leaky_relu neg relu sign silu sqrt square tanh".split()
"""Unary operators that keep zero, of which a mask may be made, zero."""

CONSTANTS = {
    "_to_copy": SCALED,
    "dropout": SCALED,
    "exp": EXPONENTIAL,
    "sub": ADDED,
    **dict.fromkeys(KEEP_ZERO, ZERO),
}
"""What becomes of a mask's zero or minus infinity; operators not listed lose it."""


def _rule(operator: Pointwise) -> Rule:
    def pointwise(call: Call, *args: Any, **kwargs: Any) -> int | tuple[int, ...]:
        """Each element reads the same position of each operand."""
        tensors = tensors_in(args) + tensors_in(kwargs)
        if len(call.results) == 1:
            return call.pointwise(*tensors, operator=operator)
        return tuple(call.pointwise(*tensors, shape=result.shape) for result in call.results)

    return pointwise


for _name in POINTWISE:
    if _name not in ("mul", "div"):
        _shapes = _like_first if _name in KEEP_TYPE else None
        lowers(_name, shapes=_shapes)(_rule(CONSTANTS.get(_name, Pointwise())))


@lowers("mul", "div", shapes=_like_first)
def scale(call: Call, x: Any, y: Any, **_: Any) -> int:
    """A product or quotient: zero stays, and by a positive number so does minus infinity."""
    if isinstance(y, torch.Tensor) and y.dim() == 0 and has_values(y) and not call.depends(y):
        y = y.item()
    positive = isinstance(y, (int, float)) and y > 0
    return call.pointwise(*tensors_in([x, y]), operator=SCALED if positive else ZERO)


@lowers("clone")
def clone(call: Call, x: torch.Tensor, **_: Any) -> int:
    """The same elements."""
    return call.value(x)


@lowers("copy")
def copy(call: Call, _: torch.Tensor, source: torch.Tensor, *__: Any) -> int:
    """The elements of the source, broadcast."""
    return call.expand(call.value(source), call.shape)


@lowers("fill", "zero")
def fill(call: Call, _: torch.Tensor, filling: Any = 0) -> int:
    """A constant, or one value everywhere."""
    if call.depends(filling):
        return call.expand(call.value(filling), call.shape)
    return call.builder.constant(call.shape)


@lowers("glu")
def glu(call: Call, x: torch.Tensor, axis: int = -1) -> int:
    """Half of an axis, gated by the other half."""
    axis %= x.dim()
    value, half = call.value(x), x.shape[axis] // 2
    return call.pointwise(call.slice(value, axis, 0, half), call.slice(value, axis, half, half))


@lowers("where")
def where(call: Call, condition: torch.Tensor, *branches: Any) -> int | tuple[int, ...]:
    """A constant condition chooses positions; one that depends on the input is read too."""
    if not branches:
        return call.opaque([condition], "its extent depends on the input's values")
    known = call.concrete(condition)
    if known is None:
        return call.pointwise(*tensors_in([condition, *branches]))
    first, second = branches
    parts = []
    for branch, other, keep in ((first, second, known != 0), (second, first, known == 0)):
        if call.depends(branch):
            parts.append(
                call.mask(call.expand(call.value(branch), call.shape), keep, filling=other)
            )
    return parts[0] if len(parts) == 1 else call.pointwise(*parts)


@lowers("masked_fill")
def masked_fill(call: Call, x: torch.Tensor, mask: torch.Tensor, filling: Any) -> int:
    """Where a constant mask is set, x isn't read."""
    known = call.concrete(mask)
    if known is None:
        return call.pointwise(*tensors_in([x, mask, filling]))
    kept = call.mask(call.expand(call.value(x), call.shape), known == 0, filling=filling)
    if not call.depends(filling):
        return kept
    return call.pointwise(kept, call.mask(call.expand(call.value(filling), call.shape), known != 0))


@lowers("add.Tensor", shapes=_like_first)
def add(call: Call, x: Any, y: Any, **_: Any) -> int:
    """A sum; where a constant minus infinity is added (a mask), nothing is read."""
    for one, other in ((x, y), (y, x)):
        if call.depends(one) and isinstance(other, torch.Tensor) and not call.depends(other):
            return call.plus(call.value(one), other)
    return call.pointwise(*tensors_in([x, y]), operator=ADDED)


def _normalised(x: torch.Tensor, *_: Any, **__: Any) -> tuple[torch.Tensor, ...]:
    return torch.empty(x.shape, device="meta", dtype=x.dtype), *_statistics(x)


def _statistics(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.empty(0, device="meta"), torch.empty(0, device="meta")


@lowers(
    "native_batch_norm",
    "_native_batch_norm_legit",
    "_native_batch_norm_legit_no_training",
    "cudnn_batch_norm",
    "miopen_batch_norm",
    "_batch_norm_no_update",
    shapes=_normalised,
)
def batch_norm(call: Call, x: torch.Tensor, *parameters: Any, **_: Any) -> tuple[int | None, ...]:
    """Position for position; with statistics of its own input (instance norm), those as well."""
    value = call.value(x)
    tensors = [p for p in parameters if isinstance(p, torch.Tensor)]
    if any(p is True for p in parameters):  # `training`: the only boolean argument
        axes = (0, *range(2, x.dim()))
        parts = [value, call.reduce(value, axes, keep=True)]
    else:
        parts = [value]
    per_channel = [
        call.reshape(call.value(p), (*p.shape, *[1] * (x.dim() - 2)))
        for p in tensors
        if call.depends(p)
    ]
    joined = call.pointwise(*parts, *per_channel, shape=x.shape)
    return (joined, *(None for _ in call.results[1:]))


@lowers("native_layer_norm", shapes=_normalised)
def layer_norm(
    call: Call, x: torch.Tensor, normalised: Any, weight: Any, bias: Any, eps: float
) -> tuple[int | None, ...]:
    """The element and the statistics of the normalised axes."""
    value = call.value(x)
    ndim = len(call.shape_of(value))
    joined = norms.normalised(call, value, range(ndim - len(normalised), ndim), weight, bias)
    return (joined, *(None for _ in call.results[1:]))


@lowers("_fused_rms_norm", "rms_norm")
def rms_norm(
    call: Call, x: torch.Tensor, normalised: Any, weight: Any = None, eps: Any = None
) -> int | tuple[int | None, ...]:
    """The element and the mean square of the normalised axes."""
    value = call.value(x)
    ndim = len(call.shape_of(value))
    joined = norms.normalised(call, value, range(ndim - len(normalised), ndim), weight)
    return (joined, *(None for _ in call.results[1:])) if len(call.results) > 1 else joined


@lowers("native_group_norm")
def group_norm(
    call: Call,
    x: torch.Tensor,
    weight: Any,
    bias: Any,
    batch: int,
    channels: int,
    extent: int,
    groups: int,
    eps: float,
) -> tuple[int | None, ...]:
    """The element and the statistics of its group of channels, over all positions."""
    value = call.value(x)
    shape = call.shape_of(value)
    joined = norms.grouped(call, value, groups)
    parameters = [p for p in (weight, bias) if call.depends(p)]
    if parameters:
        tail = (1,) * (len(shape) - 2)
        scaled = [call.reshape(call.value(p), (channels, *tail)) for p in parameters]
        joined = call.pointwise(joined, *scaled, shape=shape)
    return (joined, *(None for _ in call.results[1:]))
