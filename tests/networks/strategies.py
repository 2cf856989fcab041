"""Hypothesis strategies for random networks over fieldscope's operators.

A step's strategy is a function of the draw and the shape of a map
[n c *spatial] that returns the text of a module, or None where no such module
fits the shape.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor

from tests.networks.plan import Plan, Shape, make

Draw = Callable[..., Any]
Step = Callable[[Draw, Shape], str | None]

# Keeps a case to some milliseconds.
MOST_ELEMENTS = 1200
MOST_CHANNELS = 12


def _int(draw: Draw, low: int, high: int) -> int:
    return int(draw(st.integers(low, max(low, high))))


def _pick(draw: Draw, *options: Any) -> Any:
    return draw(st.sampled_from(options))


def _axis(draw: Draw, shape: Shape) -> int:
    """A spatial axis."""
    return _int(draw, 2, len(shape) - 1)


def _ints(draw: Draw, bounds: list[tuple[int, int]]) -> tuple[int, ...]:
    return tuple(_int(draw, low, high) for low, high in bounds)


def convolution(draw: Draw, shape: Shape) -> str:
    rank, c = len(shape) - 2, shape[1]
    groups = _pick(draw, *[g for g in (1, 1, 2, 3, c) if c % g == 0])
    out = groups * _int(draw, 1, 2)
    kernel = _ints(draw, [(1, min(4, n + 2)) for n in shape[2:]])
    stride = _ints(draw, [(1, 3 if _pick(draw, 0, 0, 1) else 1) for _ in kernel])
    dilation = _ints(draw, [(1, 3 if _pick(draw, 0, 0, 1) else 1) for _ in kernel])
    mode = _pick(draw, "zeros", "zeros", "zeros", "reflect", "replicate", "circular")
    same = draw(st.booleans()) and set(stride) == {1}
    padding = "'same'" if same else _ints(draw, [(0, min(3, n - 1)) for n in shape[2:]])
    return (
        f"nn.Conv{rank}d({c}, {out}, {kernel}, {stride}, {padding}, {dilation}, {groups},"
        f" bias={_pick(draw, True, False)}, padding_mode={mode!r})"
    )


def transposed(draw: Draw, shape: Shape) -> str:
    rank, c = len(shape) - 2, shape[1]
    groups = _pick(draw, *[g for g in (1, 2, c) if c % g == 0])
    kernel = _ints(draw, [(1, 4) for _ in shape[2:]])
    stride = _ints(draw, [(1, 3) for _ in kernel])
    dilation = _ints(draw, [(1, _pick(draw, 1, 1, 2)) for _ in kernel])
    padding = _ints(draw, [(0, d * (k - 1)) for k, d in zip(kernel, dilation, strict=True)])
    extra = _ints(draw, [(0, max(s, d) - 1) for s, d in zip(stride, dilation, strict=True)])
    return (
        f"nn.ConvTranspose{rank}d({c}, {groups * _int(draw, 1, 2)}, {kernel}, {stride},"
        f" {padding}, {extra}, {groups}, dilation={dilation})"
    )


def pooling(draw: Draw, shape: Shape) -> str:
    rank = len(shape) - 2
    kind = _pick(draw, "Max", "Max", "Avg", "LP", "AdaptiveAvg", "AdaptiveMax")
    if kind.startswith("Adaptive"):
        out = _ints(draw, [(1, n + 1) for n in shape[2:]])
        return f"nn.{kind}Pool{rank}d({out if rank > 1 else out[0]})"
    kernel = _ints(draw, [(1, min(4, n)) for n in shape[2:]])
    stride = _ints(draw, [(1, 4) for _ in kernel])
    padding = _ints(draw, [(0, k // 2) for k in kernel])
    ceil_mode = _pick(draw, True, False)
    if kind == "LP":
        return f"nn.LPPool{rank}d(2, {_plain(kernel)}, {_plain(stride)}, {ceil_mode})"
    options = f"{_plain(kernel)}, {_plain(stride)}, {_plain(padding)}, ceil_mode={ceil_mode}"
    if kind == "Max":
        dilation = _ints(draw, [(1, _pick(draw, 1, 1, 2, 3)) for _ in kernel])
        return f"nn.MaxPool{rank}d({options}, dilation={_plain(dilation)})"
    return f"nn.AvgPool{rank}d({options}, count_include_pad={_pick(draw, True, False)})"


def _plain(values: tuple[int, ...]) -> int | tuple[int, ...]:
    """1-D modules of torch take a number where others take a tuple."""
    return values[0] if len(values) == 1 else values


def padding(draw: Draw, shape: Shape) -> str:
    mode = _pick(draw, "constant", "constant", "reflect", "replicate", "circular")
    widths: list[int] = []
    for n in reversed(shape[2:]):
        most = {"reflect": n - 1, "circular": n}.get(mode, 3)
        low = -1 if mode == "constant" and n > 2 else 0
        widths += [_int(draw, low, min(3, most)), _int(draw, low, min(3, most))]
    return f"Pad({tuple(widths)}, {mode!r})"


def resize(draw: Draw, shape: Shape) -> str:
    rank = len(shape) - 2
    linear = ["linear", "bilinear", "trilinear"][rank - 1]
    modes = ["nearest", "nearest-exact", "area", linear, linear]
    mode = _pick(draw, *modes, *(["bicubic"] if rank == 2 else []))
    corners = _pick(draw, True, False) if mode in (linear, "bicubic") else None
    antialias = mode in ("bilinear", "bicubic") and _pick(draw, False, False, True)
    options = f"mode={mode!r}, align_corners={corners}, antialias={antialias}"
    if draw(st.booleans()):
        return f"Resize({_ints(draw, [(1, 2 * n + 1) for n in shape[2:]])}, {options})"
    scales = tuple(
        _pick(draw, *[s for s in (0.5, 0.7, 1.3, 1.5, 2.0, 2.5) if int(n * s)]) for n in shape[2:]
    )
    return f"Resize(None, {scales}, {options}, recompute={_pick(draw, None, True, False)})"


def movement(draw: Draw, shape: Shape) -> str | None:
    axis = _axis(draw, shape)
    n = shape[axis]
    kind = _int(draw, 0, 7)
    if kind == 0:
        start = _int(draw, 0, n - 1)
        return f"Slice({axis}, {start}, {_int(draw, start + 1, n)}, {_int(draw, 1, 3)})"
    if kind == 1:
        return f"Flip({', '.join(map(str, sorted({axis, _axis(draw, shape)})))})"
    if kind == 2:
        return f"Roll(({_int(draw, -3, 3)},), ({axis},))"
    if kind == 3:
        return f"Transpose({axis}, {_axis(draw, shape)})"
    if kind == 4:
        return f"Mirror({axis})"
    if kind == 5:
        return f"Repeat({axis}, {_int(draw, 2, 3)}, each={_pick(draw, True, False)})"
    if kind == 6:
        return f"Windows({axis}, {_int(draw, 2, min(4, n))}, {_int(draw, 1, 3)})" if n > 1 else None
    return f"Choose({axis}, fill={_pick(draw, True, False)})"


def rearrangement(draw: Draw, shape: Shape) -> str | None:
    rank, c, axis = len(shape) - 2, shape[1], _axis(draw, shape)
    n = shape[axis]
    kind = _int(draw, 0, 9)
    if kind == 0 and rank > 1:
        return f"Merge({_int(draw, 2, len(shape) - 2)})"
    if kind == 1 and rank < 3:
        inner = [k for k in range(1, n + 1) if n % k == 0]
        return f"Divide({axis}, {_pick(draw, *inner)})"
    if kind == 2:
        factors = [f for f in (1, 2, 3) if c % (f * f) == 0]
        return f"nn.PixelShuffle({_pick(draw, *factors)})" if rank == 2 else None
    if kind == 3 and rank == 2:
        factors = [f for f in (1, 2, 3) if shape[2] % f == 0 and shape[3] % f == 0]
        return f"nn.PixelUnshuffle({_pick(draw, *factors)})"
    if kind == 4:
        groups = [g for g in range(1, c + 1) if c % g == 0]
        return f"nn.ChannelShuffle({_pick(draw, *groups)})" if rank > 1 else None
    if kind == 5:
        cuts = sorted({_int(draw, 0, n), _int(draw, 0, n)})
        sizes = [b - a for a, b in zip([0, *cuts], [*cuts, n], strict=True)]
        order = draw(st.permutations(range(len(sizes))))
        return f"Rejoin({axis}, {tuple(sizes)}, {tuple(order)})"
    if kind == 6:
        return f"ChunkSum({_pick(draw, 1, axis)}, {_int(draw, 1, 3)})"
    if kind == 7:
        indices = draw(st.lists(st.integers(0, n - 1), min_size=1, max_size=6))
        return f"Take({axis}, {tuple(indices)}, {_pick(draw, 'select', 'index', 'gather')!r})"
    if kind == 8 and rank == 2:
        count = _int(draw, 1, 5)
        rows, columns = (_ints(draw, [(0, extent - 1)] * count) for extent in shape[2:])
        return f"Points({rows}, {columns})"
    order = (0, *draw(st.permutations(range(1, len(shape)))))
    return f"Scramble({order}, {tuple(shape)})"


def window_rearrangement(draw: Draw, shape: Shape) -> str | None:
    if len(shape) != 4:
        return None
    kernel = _ints(draw, [(1, min(3, n)) for n in shape[2:]])
    stride = _ints(draw, [(1, 3), (1, 3)])
    if draw(st.booleans()):
        return f"UnfoldFold({kernel}, {stride})"
    dilation = _ints(
        draw, [(1, 2 if (k - 1) * 2 < n else 1) for k, n in zip(kernel, shape[2:], strict=True)]
    )
    return f"Unfold({kernel}, {stride}, {_ints(draw, [(0, 1), (0, 1)])}, {dilation})"


def writes(draw: Draw, shape: Shape) -> str | None:
    axis = _axis(draw, shape)
    n = shape[axis]
    kind = _int(draw, 0, 5)
    if kind == 0:
        extent = _int(draw, 1, n)
        to, source = _ints(draw, [(0, n - extent)] * 2)
        return f"WriteSlice({axis}, {to}, {source}, {extent}, add={_pick(draw, True, False)})"
    if kind == 1:
        start = _int(draw, 0, n - 1)
        return f"Erase({axis}, {start}, {_int(draw, 1, n - start)})"
    if kind == 2:
        return f"Interleave({axis})"
    if kind == 3:
        return f"ThroughView({_int(draw, 0, int(torch.Size(shape[2:]).numel()) - 1)})"
    if kind == 4:
        places = draw(st.lists(st.integers(0, n - 1), min_size=1, max_size=n, unique=True))
        return f"Scatter({axis}, {tuple(places)}, add={_pick(draw, True, False)})"
    return f"ScaleInto({axis})" if n > 1 else None


def pointwise(draw: Draw, shape: Shape) -> str:
    rank, c = len(shape) - 2, shape[1]
    return str(
        _pick(
            draw,
            "nn.ReLU(inplace=True)",
            "nn.Sequential(nn.SiLU(inplace=True), nn.Dropout(0.5))",
            "nn.GELU()",
            f"nn.PReLU({c})",
            f"nn.BatchNorm{rank}d({c})",
            f"ChannelsLast(nn.LayerNorm({c}))",
            f"ChannelsLast(nn.Linear({c}, {_int(draw, 1, 4)}))",
            "ChannelsLast(nn.Softmax(-1))",
            "SpatialGate()",
            "nn.Hardswish(inplace=True)",
            f"nn.LocalResponseNorm({_int(draw, 1, 3)})",
        )
    )


def statistics(draw: Draw, shape: Shape) -> str:
    rank, c = len(shape) - 2, shape[1]
    axes = sorted({_axis(draw, shape), _axis(draw, shape)})
    groups = [g for g in range(1, c + 1) if c % g == 0]
    return str(
        _pick(
            draw,
            f"nn.GroupNorm({_pick(draw, *groups)}, {c})",
            f"nn.InstanceNorm{rank}d({c}, affine={_pick(draw, True, False)})",
            f"nn.LayerNorm({tuple(shape[1:])})",
            f"Excite({c}, {_pick(draw, 'mul', 'add', 'flat')!r})",
            f"Strip({tuple(axes)}, {_pick(draw, 'mean', 'max', 'std', 'norm')!r})",
        )
    )


def whole_axis(draw: Draw, shape: Shape) -> str | None:
    rank, c, axis = len(shape) - 2, shape[1], _axis(draw, shape)
    kind = _int(draw, 0, 4)
    if kind == 0:
        how = _pick(draw, "softmax", "cumsum", "flipcumsum", "sort", "fft", "filter")
        return f"Along({axis}, {how!r})"
    if kind == 1:
        how = _pick(draw, "linear", "einsum", "matmul")
        return f"LinearAlong({axis}, {shape[axis]}, {_int(draw, 1, 5)}, {how!r})"
    if kind == 2 and rank > 1:
        return f"Reduce({axis}, {_pick(draw, 'sum', 'max', 'logsumexp')!r})"
    if kind == 3 and rank == 1:
        how = _pick(draw, "LSTM", "GRU", "RNN")
        both, layers = _pick(draw, True, False), _pick(draw, 1, 1, 2)
        return f"Recurrent({how!r}, {c}, {_int(draw, 1, 2)}, layers={layers}, bidirectional={both})"
    return f"Along({axis}, {_pick(draw, 'cumsum', 'flipcumsum')!r})"


def attention(draw: Draw, shape: Shape) -> str | None:
    rank, c = len(shape) - 2, shape[1]
    how = _pick(draw, "fused", "hand")
    if rank == 2 and draw(st.booleans()):
        window = _ints(draw, [(1, min(4, n)) for n in shape[2:]])
        shift = _ints(draw, [(0, w - 1) for w in window])
        return f"WindowAttention({c}, {window}, {shift}, {how!r})"
    heads = _pick(draw, *[h for h in (1, 2, c) if c % h == 0])
    how = _pick(draw, how, "module")
    return f"Attention({c}, {heads}, {how!r}, mask={_pick(draw, 'none', 'causal', 'band')!r})"


def nested(draw: Draw, shape: Shape) -> str | None:
    inner = _pick(draw, convolution, convolution, pooling, writes, movement)(draw, shape)
    return None if inner is None else f"Residual(nn.Sequential({inner}, nn.ReLU(inplace=True)))"


def sampled(draw: Draw, shape: Shape) -> str | None:
    if len(shape) != 4:
        return None
    return f"GridSample({_ints(draw, [(1, 4), (1, 4)])}, {_int(draw, 0, 9)})"


# Windows and movements come often; what reads whole axes hides all that came
# before it, so it comes seldom.
LOCAL: tuple[Step, ...] = (
    *[convolution] * 5,
    *[transposed] * 2,
    *[pooling] * 4,
    *[padding] * 2,
    *[resize] * 3,
    *[movement] * 4,
    *[rearrangement] * 4,
    window_rearrangement,
    *[writes] * 2,
    *[pointwise] * 2,
    *[nested] * 2,
    sampled,
)
WIDE: tuple[Step, ...] = (*[statistics] * 2, whole_axis, attention)
JOINS = ("add", "mul", "cat", "cat", "max", "where", "sub", "stack")


def _apply(code: str, values: list[Tensor], reads: list[int], elements: int) -> Tensor | None:
    """What the step makes of zeros, None where it doesn't fit or gets too large."""
    try:
        with torch.no_grad():
            # On copies: a step that writes in place changes no shape.
            result = make(code).eval()(*(values[i].clone() for i in reads))
    except (RuntimeError, ValueError, IndexError, AssertionError):
        return None
    assert isinstance(result, Tensor)
    fits = 0 < result.numel() <= elements and result.shape[1] <= MOST_CHANNELS
    return result if fits and 3 <= result.dim() <= 5 else None


@st.composite
def networks(
    draw: Draw,
    rank: int | None = None,
    *,
    steps: tuple[Step, ...] = (*LOCAL * 3, *WIDE),
    branches: bool = True,
    most: int = 7,
    extent: int | None = None,
    elements: int = MOST_ELEMENTS,
) -> Plan:
    """Networks on maps with `rank` spatial axes (drawn if None).

    With branches a step may read any earlier value, maps are joined, modules
    are called again, and there may be several inputs and outputs. Inputs have
    `extent` on all axes, or drawn extents; no map gets more than `elements`.
    """
    rank = draw(st.sampled_from([1, 2, 2, 2, 3])) if rank is None else rank
    largest = {1: 24, 2: 12, 3: 6}[rank]
    small = extent is None and draw(st.integers(0, 7)) == 0
    extents = st.integers(1, 3) if small else st.integers(extent or 2, extent or largest)
    count = draw(st.sampled_from([1, 1, 1, 2])) if branches else 1
    inputs = [
        (1, draw(st.integers(1, 4)), *(draw(extents) for _ in range(rank))) for _ in range(count)
    ]
    values = [torch.zeros(shape) for shape in inputs]
    made: list[tuple[str, list[int]]] = []
    for _ in range(draw(st.integers(1, most))):
        last = len(values) - 1
        reads = [draw(st.integers(0, last)) if branches and not draw(st.integers(0, 3)) else last]
        shape = tuple(values[reads[0]].shape)
        code: str | None = None
        how = draw(st.integers(0, 9)) if branches else 0
        same_rank = [i for i, v in enumerate(values) if v.dim() == len(shape)]
        if how in (3, 6) and len(same_rank) > 1:
            reads.append(draw(st.sampled_from(same_rank)))
            code = f"Join({draw(st.sampled_from(JOINS))!r})"
            if not draw(st.integers(0, 7)):
                code = draw(st.sampled_from(["AddInto()", "CrossAttention()"]))
        elif how == 4 and made:
            number = draw(st.integers(0, len(made) - 1)) + count
            again = made[number - count]
            fits = len(again[1]) == 1 and not again[0].startswith("again")
            code = f"again {number}" if fits else None
        if code is None:
            code = draw(st.sampled_from(steps))(draw, shape)
        if code is None:
            continue
        module = made[int(code.split()[1]) - count][0] if code.startswith("again") else code
        result = _apply(module, values, reads, elements)
        if result is not None:
            made.append((code, reads))
            values.append(result)
    several = branches and len(made) > 1 and draw(st.integers(0, 3)) == 0
    outputs = [len(values) - 1]
    if several:
        outputs.append(draw(st.integers(count, len(values) - 1)))
    if not made:
        made.append(("nn.Identity()", [0]))
        outputs = [count]
    return Plan(inputs, made, outputs)
