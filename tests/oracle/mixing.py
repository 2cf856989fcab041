"""Stand-ins for operators that read whole axes: sums over those axes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from tests.oracle.reading import OracleError, Reading, StandIn, join, without_context


def _alike(r: Reading, result: Tensor) -> Sequence[Tensor | None]:
    return [result] * len(r.call.results())


def reduce(r: Reading) -> Sequence[Tensor | None]:
    """Sum, mean, maximum, norm...: the whole of the axes, removed."""
    x = r.need("self")
    axes = r.axes("dim", x.dim())
    summed = x.sum(axes, keepdim=bool(r.value("keepdim", default=False))) if axes else x
    return _alike(r, summed)


def mix(r: Reading) -> Sequence[Tensor | None]:
    """Sort, FFT...: each position along the axes reads the whole of them."""
    x = r.need("self")
    axes = r.axes("dim", x.dim())
    summed = x.sum(axes, keepdim=True) if axes else x
    return _alike(r, summed.expand(r.shape))


def flat_mix(r: Reading) -> Sequence[Tensor | None]:
    """Each element of the result reads everything."""
    return _alike(r, r.need("self").sum().expand(r.shape))


def softmax(r: Reading) -> Tensor:
    """Each position reads all positions that are not masked, and none if it is."""
    x, axis = r.need("self"), r.axes("dim", r.need("self").dim())[0]
    masked = r.call.masked
    if masked is None or not masked.any():
        return x.sum(axis, keepdim=True).expand(x.shape)
    live = (~masked).double()
    assert r.real is not None
    r.shadows.keep_live(r.real, live)
    return (x * live).sum(axis, keepdim=True) * live


def prefix(r: Reading) -> Sequence[Tensor | None]:
    """Each position along the axis reads those up to itself."""
    return _alike(r, r.need("self").cumsum(int(r.value("dim"))))


def cumulative_best(r: Reading) -> Sequence[Tensor | None]:
    """The running maximum and where it was."""
    return prefix(r)


def _product(r: Reading, left: str, right: str) -> Tensor:
    """Rows times columns: out[i, j] reads a[i, k] and b[k, j] for all k.

    Where a masked softmax left a constant 0 in one factor, the other isn't read.
    """
    a, b = r.shadow(left), r.shadow(right)
    real_a, real_b = r.call.values[left], r.call.values[right]
    live_a, live_b = r.live(left), r.live(right)
    total = torch.zeros((), dtype=torch.float64)
    if r.shadows.varies(real_a) and r.shadows.varies(real_b):
        kept = without_context(r, [r.told(real_a), r.told(real_b)])
        a, b = (one if any(one is k for k in kept) else None for one in (a, b))
    if a is not None:
        if live_b is None:
            total = total + a.sum(-1, keepdim=real_b.dim() > 1)
        else:
            total = total + a @ live_b
    if b is not None:
        if live_a is None:
            columns = b.sum(-2, keepdim=real_a.dim() > 1) if b.dim() > 1 else b.sum()
            total = total + columns
        else:
            total = total + live_a @ b
    return total


def product(r: Reading) -> Tensor:
    """Matrix products of two operands."""
    names = [argument.name for argument in r.call.func._schema.arguments[:2]]
    return _product(r, *names).expand(r.shape)


def product_plus(r: Reading) -> Tensor:
    """`self + a @ b`."""
    names = [argument.name for argument in r.call.func._schema.arguments[1:3]]
    total = _product(r, *names).expand(r.shape)
    bias = r.shadow("self")
    return total if bias is None else total + bias


def attention(r: Reading) -> Sequence[Tensor | None]:
    """Fused attention: a position reads its query, and all keys and values allowed.

    A value is read channel by channel, a query and the keys whole.
    """
    q, k, v = r.need("query"), r.need("key"), r.need("value")
    rows, columns = q.shape[-2], k.shape[-2]
    allowed = torch.ones(rows, columns, dtype=torch.float64)
    if r.value("is_causal"):
        allowed = allowed.tril()
    mask = r.call.values.get("attn_mask", r.call.values.get("attn_bias"))
    if isinstance(mask, Tensor):
        on = mask if mask.dtype == torch.bool else mask > -1e6
        allowed = allowed * on.double()
    total = q.sum(-1, keepdim=True) * allowed.amax(-1, keepdim=True)
    total = total + allowed @ k.sum(-1, keepdim=True) + allowed @ v
    bias = r.shadows.of(mask) if isinstance(mask, Tensor) else None
    if bias is not None:
        total = total + (bias * allowed).sum(-1, keepdim=True)
    results: list[Tensor | None] = [None] * len(r.call.results())
    results[0] = total.expand(r.shape)
    return results


def layer_norm(r: Reading) -> Sequence[Tensor | None]:
    """A position reads itself and the mean over the normalised axes."""
    x = r.need("input")
    axes = list(range(x.dim() - len(r.value("normalized_shape")), x.dim()))
    mean = x.sum(axes, keepdim=True)
    if set(mean.shape[1:]) != {1}:  # positions are left, or channels alone are normalised
        return [x + mean, mean, mean][: len(r.call.results())]
    return [_normed(r, x, mean), mean, mean][: len(r.call.results())]


def group_norm(r: Reading) -> Sequence[Tensor | None]:
    """A position reads itself and the mean over its group of channels."""
    x = r.need("input")
    groups = int(r.value("group"))
    grouped = x.reshape(x.shape[0], groups, -1)
    mean = grouped.sum(2, keepdim=True)
    wide = mean.expand(-1, -1, x.shape[1] // groups).reshape(
        x.shape[0], x.shape[1], *[1] * (x.dim() - 2)
    )
    return [_normed(r, x, wide), mean[..., 0], mean[..., 0]]


def batch_norm(r: Reading) -> Sequence[Tensor | None]:
    """The identity, or with the statistics of its input (instance norm), those too."""
    x = r.need("input")
    training = r.value("training", default=False) or "no_stats" in str(r.call.func)
    results: list[Tensor | None] = [None] * len(r.call.results())
    results[0] = x
    if training:
        results[0] = _normed(r, x, x.sum([0, *range(2, x.dim())], keepdim=True))
    return results


def _normed(r: Reading, x: Tensor, statistic: Tensor) -> Tensor:
    """A map with a statistic of it, which is context if it left no position apart."""
    known = r.shadows.is_statistic(r.call.values["input"])
    # What is left of the map is at most one value for each channel or group.
    lost = x.dim() > 2 and set(statistic.shape[2:]) <= {1}
    return join(r, [(x, known), (statistic, lost)], x.shape)


def take_along(r: Reading) -> Tensor:
    """Gather: by a constant index what it names, else the whole axis and the index."""
    real = r.call.values["index"]
    x, axis = r.need("self"), int(r.value("dim"))
    if not r.shadows.varies(real):
        return torch.gather(x, axis, real)
    whole = torch.gather(x.sum(axis, keepdim=True).expand(x.shape), axis, real)
    index = r.shadow("index")
    return whole if index is None else whole + index


def take(r: Reading) -> Tensor:
    """Index by constants."""
    x = r.need("self")
    for index in r.value("indices"):
        if isinstance(index, Tensor) and r.shadows.varies(index):
            raise OracleError("index depends on the input")
    result: Tensor = torch.ops.aten.index(x, r.value("indices"))
    return result


def embedding(r: Reading) -> Tensor:
    """A row of the table: reads the index."""
    index = r.shadow("indices")
    weight = r.shadow("weight")
    total = torch.zeros(r.shape, dtype=torch.float64)
    if index is not None:
        total = total + index.unsqueeze(-1)
    return total if weight is None else total + weight.sum(0)


REDUCTIONS = (
    "sum mean amax amin max min argmax argmin prod any all std var var_mean std_mean logsumexp "
    "linalg_vector_norm norm median nanmedian mode kthvalue nansum count_nonzero aminmax"
).split()

MIXING: dict[str, StandIn] = {
    **dict.fromkeys(REDUCTIONS, reduce),
    **dict.fromkeys(["sort", "argsort", "topk", "_fft_r2c", "_fft_c2c", "_fft_c2r"], mix),
    **dict.fromkeys(["_softmax", "_log_softmax", "_safe_softmax"], softmax),
    **dict.fromkeys(["cumsum", "cumprod", "logcumsumexp", "cummax", "cummin"], prefix),
    **dict.fromkeys(["mm", "bmm", "mv", "dot", "matmul"], product),
    **dict.fromkeys(["addmm", "baddbmm", "addmv"], product_plus),
    "_scaled_dot_product_flash_attention_for_cpu": attention,
    "_scaled_dot_product_attention_math_for_mps": attention,
    "native_layer_norm": layer_norm,
    "native_group_norm": group_norm,
    "native_batch_norm": batch_norm,
    "_native_batch_norm_legit": batch_norm,
    "_native_batch_norm_legit_no_training": batch_norm,
    "cudnn_batch_norm": batch_norm,
    "gather": take_along,
    "index": take,
    "embedding": embedding,
    "cdist": flat_mix,
}
