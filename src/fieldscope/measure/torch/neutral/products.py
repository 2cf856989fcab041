"""Stand-ins for matrix products, attention, and indices that depend on an input."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

from fieldscope.measure.torch.neutral.pointwise import HIDES, shifted
from fieldscope.measure.torch.neutral.table import Call, mapped, mean_of, spread_out, stands_in


def _contracted(
    call: Call, equation: str, operands: Sequence[torch.Tensor], shape: Sequence[int]
) -> torch.Tensor:
    """The mean over what each operand contributes to a product, by Einstein's convention.

    Where a masked softmax left zeros in an operand, the others aren't read.
    """
    dependent = [one for one in operands if call.facts.depends(one)]
    aside = [call.facts.of(one).statistic for one in dependent]
    kept = call.facts.without_context(dependent, aside) if len(dependent) > 1 else None
    one_of = torch.ones((), dtype=torch.float64, device=operands[0].device)
    found = []
    for one in dependent:
        source = call.facts.gradient_of(one)
        if kept is not None and not any(source is k for k in kept):
            continue
        factors = []
        for other in operands:
            live = call.facts.of(other).live
            if other is one:
                factors.append(source)
            elif live is None:
                factors.append(one_of.expand(other.shape))
            else:
                factors.append(live.expand(other.shape).double())
        found.append(torch.einsum(equation, *factors) / max(1, _terms(equation, operands)))
    return mean_of(found, shape)


def _terms(equation: str, operands: Sequence[torch.Tensor]) -> int:
    """How many products are added up for one element of the result."""
    inputs, _, output = equation.replace(" ", "").partition("->")
    extents: dict[str, int] = {}
    for labels, one in zip(inputs.split(","), operands, strict=True):
        head, dots, tail = labels.partition("...")
        extents.update(zip(head, one.shape, strict=False))
        if dots and tail:
            extents.update(zip(tail, one.shape[-len(tail) :], strict=True))
    return math.prod(n for label, n in extents.items() if label not in output)


@stands_in("einsum")
def einsum(call: Call, equation: str, *operands: Any, **_: Any) -> torch.Tensor:
    """What each operand contributes."""
    tensors = list(operands[0]) if isinstance(operands[0], (list, tuple)) else list(operands)
    if "->" not in equation:
        labels = equation.replace(" ", "").replace(",", "").replace("...", "")
        kept = sorted(label for label in set(labels) if labels.count(label) == 1)
        equation += "->" + ("..." if "..." in equation else "") + "".join(kept)
    shape = torch.einsum(
        equation, *(torch.empty(one.shape, device="meta") for one in tensors)
    ).shape
    return _contracted(call, equation, tensors, shape)


def _product(call: Call, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Rows of a times columns of b."""
    lead = torch.broadcast_shapes(a.shape[:-2], b.shape[:-2]) if min(a.dim(), b.dim()) > 1 else None
    if a.dim() == 1 or b.dim() == 1 or lead is None:
        return _vectors(call, a, b)
    if a.shape[-1] != b.shape[-2]:
        call.refuse(a, b)
    shape = (*lead, a.shape[-2], b.shape[-1])
    lives = call.facts.of(a).live, call.facts.of(b).live
    dependent = call.dependent([a, b])
    aside = [call.facts.of(one).statistic for one in dependent]
    kept = dependent
    if len(dependent) > 1 and any(aside):
        left = call.facts.without_context(dependent, aside)
        kept = [one for one in dependent if any(call.facts.gradient_of(one) is k for k in left)]
    parts = []
    if any(one is a for one in kept):
        source = call.facts.gradient_of(a)
        if lives[1] is None:
            parts.append(source.mean(-1, keepdim=True))
        else:
            parts.append(source @ lives[1].expand(b.shape).double() / a.shape[-1])
    if any(one is b for one in kept):
        source = call.facts.gradient_of(b)
        if lives[0] is None:
            parts.append(source.mean(-2, keepdim=True))
        else:
            parts.append(lives[0].expand(a.shape).double() @ source / a.shape[-1])
    return mean_of(parts, shape)


def _vectors(call: Call, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    left = a.unsqueeze(0) if a.dim() == 1 else a
    right = b.unsqueeze(-1) if b.dim() == 1 else b
    for given, made in ((a, left), (b, right)):
        if made is not given:
            trace = call.facts.of(given).trace
            call.facts.note(made, statistic=call.facts.of(given).statistic)
            if trace is not None:
                call.facts.note(made, trace=trace.reshape(made.shape))
    result = _product(call, left, right)
    result = result.squeeze(-1) if b.dim() == 1 else result
    return result.squeeze(-2 if b.dim() > 1 else -1) if a.dim() == 1 else result


@stands_in("matmul", "mm", "bmm", "mv", "linalg_matmul")
def matmul(call: Call, a: torch.Tensor, b: torch.Tensor, **_: Any) -> torch.Tensor:
    """Rows times columns."""
    return _product(call, a, b)


@stands_in("rmatmul")
def rmatmul(call: Call, b: torch.Tensor, a: torch.Tensor) -> torch.Tensor:
    """The same with its operands exchanged."""
    return _product(call, a, b)


@stands_in("dot", "inner", "vdot", "linalg_vecdot")
def dot(call: Call, a: torch.Tensor, b: torch.Tensor, **_: Any) -> torch.Tensor:
    """The whole last axis of both."""
    if a.dim() == b.dim() == 1:
        return _product(call, a, b)
    shape = (*a.shape[:-1], *b.shape[:-1])
    parts = []
    if call.facts.depends(a):
        mean = call.facts.gradient_of(a).mean(-1)
        parts.append(mean.reshape(*mean.shape, *[1] * (b.dim() - 1)))
    if call.facts.depends(b):
        parts.append(call.facts.gradient_of(b).mean(-1))
    return mean_of(parts, shape)


@stands_in("tensordot")
def tensordot(
    call: Call, a: torch.Tensor, b: torch.Tensor, dims: Any = 2, dims_b: Any = None
) -> Any:
    """The contracted axes of both."""
    if isinstance(dims, int):
        first, second = list(range(a.dim() - dims, a.dim())), list(range(dims))
    else:
        first, second = (dims, dims_b) if dims_b is not None else dims
    shapes = [
        [n for axis, n in enumerate(one.shape) if axis not in {k % one.dim() for k in axes}]
        for one, axes in ((a, first), (b, second))
    ]
    parts = []
    if call.facts.depends(a):
        mean = call.facts.gradient_of(a).mean(tuple(first)) if first else call.facts.gradient_of(a)
        parts.append(mean.reshape(*shapes[0], *[1] * len(shapes[1])))
    if call.facts.depends(b):
        parts.append(
            call.facts.gradient_of(b).mean(tuple(second)) if second else call.facts.gradient_of(b)
        )
    return mean_of(parts, (*shapes[0], *shapes[1]))


@stands_in("outer", "ger")
def outer(call: Call, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """An element of each."""
    return call.join(call.dependent([a.unsqueeze(1), b]), (a.shape[0], b.shape[0]))


@stands_in("addmm", "baddbmm", "addmv", "addbmm")
def product_plus(call: Call, bias: torch.Tensor, a: torch.Tensor, b: torch.Tensor, **_: Any) -> Any:
    """A product beside a bias."""
    if not call.dependent([a, b]):
        product = call.values(bias, a, b)
        return call.join(call.dependent([bias]), product.shape)
    product = _product(call, a, b)
    if call.name == "addbmm":
        product = product.mean(0)
    result = call.join([product, *call.dependent([bias])], product.shape)
    return shifted(call, result, [bias], 1.0)


@stands_in("linear")
def linear(call: Call, input: torch.Tensor, weight: torch.Tensor, bias: Any = None) -> torch.Tensor:
    """The whole last axis."""
    if input.shape[-1] != weight.shape[-1]:
        call.refuse(input, weight, bias)
    shape = (*input.shape[:-1], *weight.shape[:-1])
    parts = []
    if call.facts.depends(input):
        mean = call.facts.gradient_of(input).mean(-1, keepdim=weight.dim() > 1)
        parts.append(mean)
    if call.facts.depends(weight):
        parts.append(call.facts.gradient_of(weight).mean(-1))
    return mean_of([*parts, *call.dependent([bias])], shape)


@stands_in("bilinear")
def bilinear(call: Call, a: torch.Tensor, b: torch.Tensor, weight: torch.Tensor, *_: Any) -> Any:
    """The whole last axes of both."""
    shape = (*a.shape[:-1], weight.shape[0])
    parts = [call.facts.gradient_of(one).mean(-1, keepdim=True) for one in call.dependent([a, b])]
    return mean_of(parts, shape)


@stands_in("cdist", "pairwise_distance", "cosine_similarity")
def distances(call: Call, a: torch.Tensor, b: torch.Tensor, *others: Any, **options: Any) -> Any:
    """The vectors between which it is."""
    own = call.values(a, b, *others, **options)
    parts = []
    for one, pair in ((a, -1), (b, -2)):
        if call.facts.depends(one):
            if call.name == "cdist":
                parts.append(call.facts.gradient_of(one).mean(-1).unsqueeze(pair))
            else:
                axis = options.get("dim", others[0] if others else 1)
                axis = axis if call.name == "cosine_similarity" else -1
                parts.append(call.facts.gradient_of(one).mean(axis))
    return mean_of([part.reshape(*part.shape) for part in parts], own.shape)


@stands_in("scaled_dot_product_attention")
def attention(
    call: Call,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    **options: Any,
) -> torch.Tensor:
    """A position reads its query, and the keys and values that a mask allows it."""
    facts = call.facts
    rows, columns = query.shape[-2], key.shape[-2]
    if query.dim() > 2 and key.shape[-3] != query.shape[-3]:  # heads that share keys
        times = query.shape[-3] // key.shape[-3]
        key, value = (facts.gradient_of(one).repeat_interleave(times, -3) for one in (key, value))
    shape = (*torch.broadcast_shapes(query.shape[:-2], value.shape[:-2]), rows, value.shape[-1])
    allowed = None
    if is_causal:
        allowed = torch.ones(rows, columns, dtype=torch.bool, device=query.device).tril()
    if isinstance(attn_mask, torch.Tensor) and not facts.depends(attn_mask):
        allowed = attn_mask if attn_mask.dtype == torch.bool else attn_mask > HIDES
        if attn_mask.dtype != torch.bool:
            hidden = ~allowed.any(-1, keepdim=True) & attn_mask.isfinite()
            allowed = allowed | hidden
    parts = []
    weights = None
    if allowed is not None and not allowed.all():
        weights = allowed.double() / allowed.sum(-1, keepdim=True).clamp(min=1)
    for one, mean in ((query, False), (key, True), (value, True)):
        if not facts.depends(one):
            continue
        source = facts.gradient_of(one)
        if one is not value or one is key:
            source = source.mean(-1, keepdim=True)
        if mean:
            source = source.mean(-2, keepdim=True) if weights is None else weights @ source
        elif weights is not None and allowed is not None:
            source = source * allowed.any(-1, keepdim=True).double()
        parts.append(source)
    if value is key and facts.depends(value):
        source = facts.gradient_of(value)
        parts.append(source.mean(-2, keepdim=True) if weights is None else weights @ source)
    if facts.depends(attn_mask):
        parts.append(facts.gradient_of(attn_mask).mean(-1, keepdim=True))
    return mean_of(parts, shape)


@stands_in("gather", "take_along_dim")
def gather(call: Call, x: torch.Tensor, *arguments: Any, **options: Any) -> Any:
    """By a constant index what it names; else the whole axis, and the index."""
    index: Any = options.get("index", options.get("indices"))
    index = next((one for one in arguments if isinstance(one, torch.Tensor)), index)
    axis = next((one for one in arguments if isinstance(one, int)), options.get("dim"))
    if not call.facts.depends(index):
        return call.function(x, *arguments, **options)
    own = call.values(x, *arguments, **options)
    parts = [call.facts.gradient_of(index).expand(own.shape)]
    if call.facts.depends(x):
        mean = x.mean(axis, keepdim=True) if isinstance(axis, int) else x.mean()
        parts.append(call.function(mean.expand(x.shape), *arguments, **options))
    return mean_of(parts, own.shape)


@stands_in("getitem", "index")
def getitem(call: Call, x: torch.Tensor, index: Any) -> torch.Tensor:
    """What a constant index names; with an index that depends on an input, that as well."""
    parts = call.dependent([index])
    if not parts:
        known = call.facts.of(x)
        result: torch.Tensor = call.function(x, index)
        if known.trace is not None:
            call.facts.note(result, trace=call.function(known.trace, index))
        if known.live is not None:
            live = known.live.expand(x.shape)
            call.facts.note(result, live=call.function(live, index))
        return result
    plain = mapped(lambda one: one.detach(), index)
    own = call.function(x.detach(), plain)
    places = [call.facts.gradient_of(one).mean() for one in parts]
    if call.facts.depends(x):
        places.append(call.function(x.mean().expand(x.shape), plain))
    return mean_of(places, own.shape)


@stands_in("embedding")
def embedding(call: Call, weight: torch.Tensor, index: torch.Tensor, *_: Any, **__: Any) -> Any:
    """A row, which reads its index."""
    shape = (*index.shape, weight.shape[-1])
    parts = []
    if call.facts.depends(index):
        parts.append(call.facts.gradient_of(index).unsqueeze(-1))
    if call.facts.depends(weight):
        parts.append(weight[index.detach()])
    return mean_of(parts, shape)


@stands_in("split", "chunk", "unbind", "tensor_split", "split_with_sizes", "iter")
def pieces(call: Call, x: torch.Tensor, *arguments: Any, **options: Any) -> Any:
    """Slices, which autograd lets a model write to."""
    known = call.facts.of(x)
    own = call.function(x.detach(), *arguments, **options)
    axis = options.get("dim", arguments[-1] if call.name == "unbind" and arguments else None)
    if axis is None:
        axis = arguments[1] if len(arguments) > 1 else 0
    found, start = [], 0
    for part in own:
        if call.name in ("unbind", "iter"):
            move = _one(axis, start)
            start += 1
        else:
            move = _some(axis, start, part.shape[axis])
            start += part.shape[axis]
        piece = move(x)
        if known.trace is not None:
            call.facts.note(piece, trace=move(known.trace))
        if known.live is not None:
            call.facts.note(piece, live=move(known.live.expand(x.shape)))
        call.facts.note(piece, statistic=known.statistic)
        found.append(piece)
    return iter(found) if call.name == "iter" else tuple(found)


def _one(axis: int, place: int) -> Any:
    return lambda tensor: tensor.select(axis, place)


def _some(axis: int, start: int, extent: int) -> Any:
    return lambda tensor: tensor.narrow(axis, start, extent)


@stands_in("kron")
def kron(call: Call, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """An element of each."""
    own = call.values(a, b)
    parts = []
    if call.facts.depends(a):
        parts.append(torch.kron(call.facts.gradient_of(a), torch.ones_like(b, dtype=torch.float64)))
    if call.facts.depends(b):
        parts.append(torch.kron(torch.ones_like(a, dtype=torch.float64), call.facts.gradient_of(b)))
    return spread_out(mean_of(parts, own.shape), own.shape)
