"""Stand-ins for functions that read position for position, and for norms."""

from __future__ import annotations

import math
from typing import Any

import torch

from fieldscope.measure.torch.neutral.facts import is_statistic
from fieldscope.measure.torch.neutral.table import Call, mean_of, stands_in

HIDES = -1e4
"""A score at or under this takes no part in a softmax: exp(−10⁴) is 0 in every type of numbers."""

MEANS = """
abs absolute acos acosh addcdiv addcmul alpha_dropout angle arccos arccosh arcsin arcsinh arctan
arctan2 arctanh asin asinh atan atan2 atanh bernoulli ceil celu clamp clamp_max clamp_min clip
complex conj conj_physical copysign cos cosh deg2rad digamma div divide dropout dropout1d dropout2d
dropout3d elu erf erfc erfinv exp exp2 expm1 feature_alpha_dropout feature_dropout fix float_power
floor floor_divide fmax fmin fmod frac gelu hardshrink hardsigmoid hardswish hardtanh heaviside
hypot i0 imag ldexp leaky_relu lerp lgamma log log10 log1p log2 log_sigmoid logaddexp logaddexp2
logit logsigmoid maximum minimum mish mul multiply nan_to_num neg negative polar polygamma pow
rad2deg rdiv real reciprocal relu relu6 remainder resolve_conj resolve_neg round rpow rrelu rsqrt
rsub selu sgn sigmoid sign silu sin sinc sinh softplus softshrink special_entr special_erf
special_erfc special_erfinv special_expit special_expm1 special_exp2 special_i0 special_i0e
special_i1 special_i1e special_log1p special_log_ndtr special_logit special_ndtr special_ndtri
special_xlog1py special_xlogy special_zeta sqrt square sub subtract tan tanh tanhshrink threshold
true_divide trunc xlogy prelu_kernel softsign rrelu_with_noise native_dropout feature_dropout
""".split()
"""Functions of floating-point numbers that read the same position of each operand."""

DECISIONS = """
eq ne lt le gt ge not_equal less less_equal greater greater_equal logical_not logical_and
logical_or logical_xor bitwise_not bitwise_and bitwise_or bitwise_xor isnan isinf isfinite
isneginf isposinf isreal isclose signbit int long short bool byte char bucketize
""".split()
"""Functions whose results, made position for position, have no gradient."""

CASTS = "to float double half bfloat16 type type_as cpu cuda"

KEEP_ZERO = frozenset("mul multiply div divide true_divide dropout native_dropout neg to".split())


def _shape(arguments: Any) -> tuple[int, ...]:
    shapes = [one.shape for one in arguments if isinstance(one, torch.Tensor)]
    return tuple(torch.broadcast_shapes(*shapes))


@stands_in(*dict.fromkeys(MEANS))
def means(call: Call, *arguments: Any, **options: Any) -> torch.Tensor:
    """The mean of all operands, broadcast."""
    given = [*arguments, *options.values()]
    result = call.join(call.dependent(given), _shape(given))
    if call.name in ("sub", "subtract"):
        result = shifted(call, result, given[1:2], -1.0)
    return _hidden(call, given, result)


@stands_in("add")
def add(call: Call, x: Any, y: Any, *, alpha: Any = 1, **_: Any) -> torch.Tensor:
    """The mean; what a constant hides (a mask of minus infinity) stays hidden."""
    result = call.join(call.dependent([x, y]), _shape([x, y]))
    return shifted(call, result, [x, y], 1.0 if alpha >= 0 else -1.0)


def shifted(call: Call, result: torch.Tensor, others: Any, sign: float) -> torch.Tensor:
    """The result with minus infinity where a constant that is added hides it."""
    for other in others:
        if not isinstance(other, torch.Tensor) or call.facts.depends(other):
            continue
        if other.is_floating_point() and other.numel() > 1:
            constant = sign * other.detach().double()
            hides = constant <= HIDES
            if hides.any():
                result = result + torch.where(hides, constant, torch.zeros_like(constant))
    return result


def _hidden(call: Call, operands: Any, result: torch.Tensor) -> torch.Tensor:
    """The result with zero where an operand is a constant zero, if it is a product."""
    lives = [call.facts.of(one).live for one in operands if isinstance(one, torch.Tensor)]
    known = [live for live in lives if live is not None]
    if not known or call.name not in KEEP_ZERO:
        return result
    live = known[0]
    for other in known[1:]:
        live = live & other
    result = torch.where(live, result, torch.zeros_like(result))
    call.facts.note(result, live=live.expand(result.shape))
    return result


@stands_in(*DECISIONS)
def decisions(call: Call, *arguments: Any, **options: Any) -> Any:
    """What the function itself decides, with a trace of what it read."""
    result = call.values(*arguments, **options)
    operands = call.dependent([*arguments, *options.values()])
    if isinstance(result, torch.Tensor) and operands:
        call.facts.note(result, trace=call.join(operands, result.shape))
    return result


@stands_in(*CASTS.split())
def casts(call: Call, x: torch.Tensor, *arguments: Any, **options: Any) -> torch.Tensor:
    """The same elements: numbers stay in double precision."""
    result: torch.Tensor = call.values(x, *arguments, **options)
    if not isinstance(result, torch.Tensor):
        return result  # `type` without a type
    source = call.facts.gradient_of(x)
    if result.is_floating_point() or result.is_complex():
        return _hidden(call, [x], source.to(result.device).clone())
    call.facts.note(result, trace=source.to(result.device).clone())
    return result


@stands_in("clone", "detach", "data", "lift_fresh")
def same(call: Call, x: torch.Tensor, **_: Any) -> torch.Tensor:
    """The tensor itself, its gradient kept."""
    known = call.facts.of(x)
    if known.trace is not None:
        result = x.detach().clone()
        call.facts.note(result, trace=known.trace)
        return result
    result = x.clone() if call.name == "clone" else x.view_as(x)
    call.facts.note(result, live=known.live)
    return result


@stands_in("prelu")
def prelu(call: Call, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Position for position; weights are per channel."""
    if weight.numel() > 1:
        weight_shape = [1, -1, *[1] * (x.dim() - 2)]
        call_weight = call.facts.gradient_of(weight).reshape(weight_shape)
    else:
        call_weight = weight
    return call.join(call.dependent([x, call_weight]), x.shape)


@stands_in("glu")
def glu(call: Call, x: torch.Tensor, dim: int = -1) -> torch.Tensor:
    """Both halves of an axis."""
    first, second = x.chunk(2, dim)
    return mean_of([first, second], first.shape)


@stands_in("where")
def where(call: Call, condition: torch.Tensor, *branches: Any, **named: Any) -> Any:
    """A constant condition chooses; one that depends on an input is read with both branches."""
    given = [*branches, *named.values()]
    if not given:
        return call.function(condition.detach())
    if not call.facts.depends(condition):
        ready = [one.double() if isinstance(one, torch.Tensor) else float(one) for one in given]
        return call.function(condition, *ready)
    return call.join(call.dependent([condition, *given]), _shape([condition, *given]))


@stands_in("masked_fill")
def masked_fill(call: Call, x: torch.Tensor, mask: torch.Tensor, value: Any) -> torch.Tensor:
    """Where a constant mask is set, x isn't read."""
    if call.facts.depends(mask):
        return call.join(call.dependent([x, mask, value]), _shape([x, mask]))
    if not call.facts.depends(x):
        return torch.where(mask, value.double(), x.double())
    if isinstance(value, torch.Tensor):
        return torch.where(mask, value.double(), x)
    return x.masked_fill(mask, value)


@stands_in("batch_norm", "instance_norm")
def batch_norm(
    call: Call, x: torch.Tensor, mean: Any = None, var: Any = None, *others: Any, **options: Any
) -> torch.Tensor:
    """The identity: statistics are constants, or context that all positions share."""
    return _scaled(call, x, [*others[:2], options.get("weight"), options.get("bias")], 1)


def _scaled(call: Call, x: torch.Tensor, parameters: Any, axis: int) -> torch.Tensor:
    """X beside parameters per channel that depend on an input."""
    tail = (1,) * (x.dim() - 1 - axis)
    own = [call.facts.gradient_of(one).reshape(-1, *tail) for one in call.dependent(parameters)]
    operands = [*call.dependent([x]), *own]
    return call.join(operands, x.shape)


@stands_in("group_norm")
def group_norm(
    call: Call,
    x: torch.Tensor,
    groups: int,
    weight: Any = None,
    bias: Any = None,
    *_: Any,
    **__: Any,
) -> torch.Tensor:
    """The identity on maps, whose statistics are context; on vectors the group is read."""
    scaled = _scaled(call, x, [weight, bias], 1)
    if math.prod(x.shape[2:]) > 1:
        return scaled
    grouped = scaled.reshape(x.shape[0], groups, -1)
    statistic = grouped.mean(2, keepdim=True).expand(grouped.shape).reshape(x.shape)
    return mean_of([scaled, statistic], x.shape)


@stands_in("layer_norm", "rms_norm", "fused_rms_norm")
def layer_norm(
    call: Call,
    x: torch.Tensor,
    shape: Any,
    weight: Any = None,
    bias: Any = None,
    *_: Any,
    **__: Any,
) -> torch.Tensor:
    """The element and the normalised axes; not those if they are a whole map: context."""
    axes = tuple(range(x.dim() - len(shape), x.dim()))
    operands = call.dependent([x, weight, bias])
    if not call.facts.depends(x):
        return call.join(operands, x.shape)
    statistic = call.facts.gradient_of(x).mean(axes, keepdim=True)
    if (is_statistic(x.shape, statistic.shape) and len(axes) > 1) or call.facts.of(x).statistic:
        call.facts.note(statistic, statistic=True)
    return call.join([*operands, statistic], x.shape)
