"""What each tool says of a network's field, and what a gradient says."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor, nn

import fieldscope
from benchmarks.cases import CASES, Case
from benchmarks.peers import RFA_TOOLBOX, imported, quiet
from tests.oracle.measure import measure

Number = int | float | Fraction


@dataclass(frozen=True, slots=True)
class Answer:
    """A field's size and stride, (y, x); or why there is none.

    Attributes:
        size: in input elements; infinite where the whole input is read.
        stride: likewise; None where the tool gives none or there is none.
        failure: the kind of error; empty where there was none.
    """

    size: tuple[Number, ...] = ()
    stride: tuple[Number, ...] | None = None
    failure: str = ""

    def __str__(self) -> str:
        if self.failure:
            return self.failure
        size = _written(self.size)
        return size if self.stride is None else f"{size} ({_written(self.stride)})"

    def agrees(self, truth: Answer) -> bool:
        """Whether all that it says is so."""
        if self.failure or self.size != truth.size:
            return False
        return None in (self.stride, truth.stride) or self.stride == truth.stride


@dataclass(frozen=True, slots=True)
class Tool:
    """Another tool.

    Attributes:
        name: with its version.
        ask: gives its answer for a network in eval mode and an input's shape;
            the folder is where it is installed.
        packages: what to install for it, everything that it imports.
    """

    name: str
    ask: Callable[[nn.Module, Sequence[int], str], Answer]
    packages: tuple[str, ...]


def truth(case: Case) -> Answer:
    """Measure a field: the nonzero gradient through a copy of positive stand-ins.

    Five neighbouring positions from the middle of the map, so that a field that
    differs from one to the next is seen.
    """
    shape = case.roomy or case.shape
    measured = measure(case.build(), shape)
    extents = measured.shapes[""][""][2:]
    if not extents:
        hull = measured.hull("", (0,))
        whole = all(part == (0, extent) for part, extent in zip(hull, shape[2:], strict=True))
        return Answer(tuple(math.inf if whole else hi - lo for lo, hi in hull))
    hulls = []
    for step in range(5):
        position = tuple(extent // 2 - 2 + step for extent in extents)
        hulls.append(measured.hull("", (0, slice(None), *position)))
    size = tuple(max(hull[k][1] - hull[k][0] for hull in hulls[:4]) for k in range(2))
    steps = (Fraction(hulls[4][k][0] - hulls[0][k][0], 4) for k in range(2))
    return Answer(size, tuple(_whole(step) for step in steps))


def ours(case: Case) -> Answer:
    """Ask fieldscope."""
    field = fieldscope.analyze(case.build(), case.shape).output
    stride = tuple(step for step in field.stride if step is not None)
    return Answer(field.size, stride if len(stride) == len(field.stride) else None)


def theirs(task: tuple[str, str, str]) -> Answer:
    """Ask a tool: its name, the case's, and the folder that it is installed in."""
    name, about, folder = task
    tool = next(tool for tool in TOOLS if tool.name == name)
    case = next(case for case in CASES if case.name == about)
    torch.manual_seed(0)
    model = case.build().eval()
    try:
        with quiet():
            return tool.ask(model, case.shape, folder)
    except Exception as error:
        return Answer(failure=f"fails: {type(error).__name__}")


def _whole(value: Any) -> Number:
    """An integer where it is one."""
    number = value.item() if hasattr(value, "item") else value
    if isinstance(number, Fraction):
        return int(number) if number.denominator == 1 else number
    if isinstance(number, float) and 0 < abs(number) < 1:
        return Fraction(number).limit_denominator(1000)
    return int(number) if math.isfinite(number) and number == int(number) else number


def _written(numbers: tuple[Number, ...]) -> str:
    """Write y×x, once where both agree."""
    texts = ["all" if number == math.inf else f"{number}" for number in numbers]
    return texts[0] if len(set(texts)) == 1 else "×".join(texts)


def _pair(value: Any) -> tuple[Number, Number]:
    """Both axes of what may be one number for both."""
    if isinstance(value, (tuple, list)):
        return _whole(value[0]), _whole(value[1])
    return _whole(value), _whole(value)


def _torchscan(model: nn.Module, shape: Sequence[int], folder: str) -> Answer:
    torchscan = imported("torchscan", folder)
    last = torchscan.crawl_module(model, tuple(shape[1:]))["layers"][-1]
    return Answer(_pair(last["rf"]), _pair(last["s"]))


def _rf_calc(model: nn.Module, shape: Sequence[int], folder: str) -> Answer:
    table = imported("rf_calc", folder).receptive_field(model, shape[-1])
    size = tuple(int(part) for part in table["Receptive_field"].iloc[-1].split("*"))
    return Answer(size, _pair(math.prod(table["Stride"])))


class _Watched(nn.Module):
    """Keeps its output as receptivefield wants it."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.feature_maps: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.model(x)
        self.feature_maps = [y]
        return y


def _receptivefield(model: nn.Module, shape: Sequence[int], folder: str) -> Answer:
    library = imported("receptivefield.pytorch", folder)
    watched = _Watched(model).eval()
    _, channels, height, width = shape
    (found,) = library.PytorchReceptiveField(lambda: watched).compute((width, height, channels))
    size, stride = found.rf.size, found.rf.stride
    return Answer(
        (_whole(size.h), _whole(size.w)),
        # It makes the stride a plain pair, x first as in all that it returns.
        (_whole(stride[1]), _whole(stride[0])),
    )


def _receptivefield_linear(model: nn.Module, shape: Sequence[int], folder: str) -> Answer:
    """As its README suggests: no activations, means for maxima."""
    for path, module in list(model.named_modules()):
        stand_in: nn.Module
        if isinstance(module, nn.MaxPool2d):
            stand_in = nn.AvgPool2d(
                module.kernel_size, module.stride, module.padding, module.ceil_mode
            )
        elif isinstance(module, (nn.ReLU, nn.ReLU6)):
            stand_in = nn.Identity()
        else:
            continue
        model.set_submodule(path, stand_in)
    return _receptivefield(model, shape, folder)


def _rfa_toolbox(model: nn.Module, shape: Sequence[int], folder: str) -> Answer:
    library = imported("rfa_toolbox", folder)
    graph = library.create_graph_from_pytorch_model(model, input_res=tuple(shape))
    return Answer(_pair(graph.receptive_field_max), _pair(graph.get_maximum_scale_factor()))


_PLOTS = (
    *("matplotlib", "contourpy", "cycler", "fonttools", "kiwisolver", "packaging", "pillow"),
    *("pyparsing", "python-dateutil", "six"),
)
_FIELD = ("receptivefield==0.5.0", *_PLOTS)

TOOLS: tuple[Tool, ...] = (
    Tool("torchscan 0.1.2", _torchscan, ("torchscan==0.1.2",)),
    Tool("rf-calc 0.0.7", _rf_calc, ("rf-calc==0.0.7", "tabulate")),
    Tool("receptivefield 0.5.0", _receptivefield, _FIELD),
    Tool("receptivefield 0.5.0, linear copy", _receptivefield_linear, _FIELD),
    Tool("rfa-toolbox 1.7.0", _rfa_toolbox, RFA_TOOLBOX),
)
