"""Reports made by hand, so that pages are tested apart from what fills them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

Number = int | float | Fraction
# A report as far as a page needs one. To a type checker it is none of the kinds below, nor the
# one that the pages are written for.
Made = Any


@dataclass(frozen=True)
class InputInfo:
    name: str
    shape: tuple[int, ...]
    axes: tuple[str, ...]
    spatial: tuple[int, ...]


@dataclass(frozen=True)
class Bound:
    operator: str
    where: str
    location: str | None
    reason: str
    layers: int


@dataclass(frozen=True)
class Field:
    size: tuple[Number, ...]
    stride: tuple[Number | None, ...]
    start: tuple[int | None, ...]
    narrowest: tuple[Number, ...]
    period: tuple[int | None, ...]
    phases: tuple[Any, ...]

    @property
    def is_global(self) -> tuple[bool, ...]:
        return tuple(size == math.inf for size in self.size)


@dataclass(frozen=True)
class Layer:
    name: str
    operator: str
    source: str
    shape: tuple[int, ...]
    fields: Mapping[str, Field]
    container: bool = False
    movement: bool = False
    context: tuple[str, ...] = ()
    exact: bool = True
    bounds: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    model: str
    inputs: tuple[InputInfo, ...]
    layers: tuple[Layer, ...]
    containers: tuple[Layer, ...] = ()
    bounds: tuple[Bound, ...] = ()
    framework: str = "torch"
    outputs: dict[str, Layer] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.outputs:
            self.outputs["output"] = self.layers[-1]

    @property
    def output(self) -> Layer:
        return next(iter(self.outputs.values()))


def a_field(
    size: tuple[Number, ...],
    stride: tuple[Number | None, ...] | None = None,
    start: tuple[int | None, ...] | None = None,
    narrowest: tuple[Number, ...] | None = None,
    period: tuple[int | None, ...] | None = None,
    phases: tuple[Any, ...] | None = None,
) -> Field:
    missing = (None,) * len(size)
    whole = math.inf in size
    return Field(
        size,
        stride if stride is not None else missing if whole else (1,) * len(size),
        start if start is not None else missing if whole else (0,) * len(size),
        narrowest if narrowest is not None else size,
        period if period is not None else missing if whole else (1,) * len(size),
        phases if phases is not None else missing,
    )


WHOLE = a_field((math.inf, math.inf), narrowest=(math.inf, math.inf))


def square(size: int, stride: int | Fraction, start: int, narrowest: int) -> Field:
    return a_field((size,) * 2, (stride,) * 2, (start,) * 2, (narrowest,) * 2)


def image(y: int, x: int, name: str = "x", channels: int = 3) -> InputInfo:
    return InputInfo(name, (1, channels, y, x), ("y", "x"), (2, 3))


def residual() -> Made:
    """The shape of a ResNet: 427 against 224, then global pooling."""
    rows = [
        ("conv1", "window", "aten.convolution", (1, 64, 112, 112), square(7, 2, -3, 7)),
        ("bn1", "pointwise", "aten.batch_norm", (1, 64, 112, 112), square(7, 2, -3, 7)),
        ("layer4.2.conv2", "window", "aten.convolution", (1, 512, 7, 7), square(427, 32, -213, 11)),
        (
            "layer4.2.conv3",
            "window",
            "aten.convolution",
            (1, 2048, 7, 7),
            square(427, 32, -213, 11),
        ),
        ("layer4.2.relu#3", "pointwise", "aten.relu", (1, 2048, 7, 7), square(427, 32, -213, 11)),
        ("avgpool", "reduce", "aten.mean", (1, 2048, 1, 1), WHOLE),
        ("flatten", "reshape", "aten.view", (1, 2048), WHOLE),
        ("fc", "contract", "aten.addmm", (1, 1000), WHOLE),
    ]
    last = square(427, 32, -213, 11)
    return Report(
        "resnet50",
        (image(224, 224),),
        tuple(
            Layer(name, operator, source, shape, {"x": given}, movement=name == "flatten")
            for name, operator, source, shape, given in rows
        ),
        tuple(
            Layer(name, "", "", (1, 2048, 7, 7), {"x": last}, container=True)
            for name in ("layer4.2", "layer4")
        ),
    )


def anisotropic() -> Made:
    """Convolutions (5,3)/(3,2), (5,3)/2, 3, 3 on 60×90: 41 × 23."""
    fields = [
        a_field((5, 3), (3, 2), (0, 0)),
        a_field((17, 7), (6, 4), (0, 0)),
        a_field((29, 15), (6, 4), (-6, -4)),
        a_field((41, 23), (6, 4), (-6, -4)),
    ]
    return Report(
        "Anisotropic",
        (image(60, 90, channels=1),),
        tuple(
            Layer(str(at), "window", "aten.convolution", (1, 4, 19 - at, 44 - at), {"x": one})
            for at, one in enumerate(fields)
        ),
    )


def stream() -> Made:
    """One axis, a small share of it."""
    fields = [a_field((9,), (4,), (-4,)), a_field((41,), (16,), (-20,))]
    return Report(
        "Stream",
        (InputInfo("audio", (1, 1, 16000), ("x",), (2,)),),
        tuple(
            Layer(f"encoder.{at}", "window", "aten.convolution", (1, 8, 4000), {"audio": one})
            for at, one in enumerate(fields)
        ),
    )


def unet() -> Made:
    """A period of two, and a stride of a half on the way."""
    half = Fraction(1, 2)
    phases = (((-4, 6), (-5, 5)),) * 2
    return Report(
        "UNet",
        (image(64, 64, channels=1),),
        (
            Layer("down", "window", "aten.max_pool2d", (1, 8, 32, 32), {"x": square(4, 2, -1, 4)}),
            Layer(
                "up", "spread", "aten.convolution", (1, 8, 64, 64), {"x": square(8, half, -3, 8)}
            ),
            Layer(
                "head",
                "window",
                "aten.convolution",
                (1, 2, 64, 64),
                {"x": a_field((10, 10), (2, 2), (-4, -4), (5, 5), (2, 2), phases)},
            ),
        ),
    )


def attentive() -> Made:
    """Squeeze-and-excitation: a finite field beside context."""
    se = [f"blocks.{at}.0.se" for at in range(6)]
    rows = [
        Layer(
            "conv_stem", "window", "aten.convolution", (1, 32, 112, 112), {"x": square(3, 2, 0, 3)}
        )
    ]
    rows += [
        Layer(
            f"{name[:-3]}.conv_pw",
            "window",
            "aten.convolution",
            (1, 96, 56, 56),
            {"x": square(299, 32, -130, 3)},
            context=tuple(se[: at + 1]),
        )
        for at, name in enumerate(se)
    ]
    return Report("efficient", (image(224, 224),), tuple(rows))


def loose() -> Made:
    """Two operators without a lowering."""
    reason = "it has no lowering, so every output is taken to read every input"
    rows = [
        Layer("stem", "window", "aten.convolution", (1, 8, 64, 64), {"x": square(3, 1, -1, 3)}),
        Layer(
            "moe.router",
            "opaque",
            "aten.topk",
            (1, 8, 64, 64),
            {"x": WHOLE},
            exact=False,
            bounds=("moe.router",),
        ),
        Layer(
            "head",
            "window",
            "aten.convolution",
            (1, 2, 64, 64),
            {"x": a_field((math.inf, 31), (None, 1), (None, -15), (math.inf, 31), (None, 1))},
            exact=False,
            bounds=("moe.router",),
        ),
    ]
    return Report(
        "Moe",
        (image(64, 64),),
        tuple(rows),
        bounds=(
            Bound("aten.topk", "moe.router", "moe.py:41", reason, 2),
            Bound("aten.unique", "", None, reason, 1),
        ),
    )


def stereo() -> Made:
    """Two pictures and a vector, one layer that reads only one of them."""
    left, right = image(60, 90, "left"), image(60, 90, "right")
    one = a_field((7, 7), (2, 2), (-3, -3))
    other = a_field((11, 41), (2, 2), (-5, -20), (3, 41))
    return Report(
        "Stereo",
        (left, right, InputInfo("style", (1, 512), (), ())),
        (
            Layer("left_encoder.conv", "window", "aten.convolution", (1, 8, 30, 45), {"left": one}),
            Layer(
                "fusion.cat",
                "concat",
                "aten.cat",
                (1, 16, 30, 45),
                {"left": one, "right": other},
                movement=True,
            ),
            Layer(
                "fusion.conv",
                "window",
                "aten.convolution",
                (1, 2, 30, 45),
                {"left": one, "right": other},
            ),
        ),
    )


def deep() -> Made:
    """Names that are long and differ in their middle."""
    rows = [
        Layer(
            f"features.denseblock{block}.denselayer{layer}.conv2",
            "window",
            "aten.convolution",
            (1, 32, 56, 56),
            {"x": square(9 + 8 * layer + 64 * block, 4 * block, -layer, 7)},
        )
        for block in (1, 2)
        for layer in (1, 10, 11)
    ]
    return Report("densenet", (image(224, 224),), tuple(rows))
