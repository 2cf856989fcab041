"""Analyse one network of the zoo: a row of docs/zoo.csv."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Container
from dataclasses import asdict, dataclass, fields
from fractions import Fraction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fieldscope import Field, Layer, Report
    from fieldscope.frontends.torch.zoo import Source

# A network that takes longer than this is timed once, others best of three.
_REPEAT_BELOW_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Row:
    """One network of the zoo.

    Attributes:
        model: "source:name".
        family: task of torchvision, module of timm.
        status: "ok", or why there are no numbers.
        input: shape with batch; shapes joined by ";" where several.
        layers: operators in the report.
        output: the layer of the output field, see `output_layer`.
        field: its size per axis, "427x427"; "all" on an axis read whole.
        stride: its stride per axis.
        narrowest: its size along the shortest path.
        context: "yes" where whole-input context enters before it.
        exact: "yes" where every layer of the network is exact.
        bounds: operators that are bounds, with how often, "aten.foo(3)".
        seconds: of one processor for the analysis, every layer's numbers read.
        ratio: to a bare forward on the meta device.
        error: what went wrong.
    """

    model: str
    family: str
    status: str
    input: str = ""
    layers: str = ""
    output: str = ""
    field: str = ""
    stride: str = ""
    narrowest: str = ""
    context: str = ""
    exact: str = ""
    bounds: str = ""
    seconds: str = ""
    ratio: str = ""
    error: str = ""

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


COLUMNS = tuple(field.name for field in fields(Row))


def prepare() -> None:
    """Import what every row needs, before any row's time begins."""
    import torch

    import fieldscope
    from fieldscope.frontends.torch import zoo

    torch.set_num_threads(1)
    for source in zoo.SOURCES:
        zoo.names(source)
    fieldscope.analyze(torch.nn.Conv2d(1, 1, 3), (1, 1, 8, 8)).to_dict()


def row(task: tuple[Source, str]) -> Row:
    """Build, analyse and time one network."""
    import fieldscope
    from fieldscope.frontends.torch import zoo

    source, name = task
    model, inputs = zoo.build(source, name)

    def analyze() -> Report:
        report = fieldscope.analyze(model, inputs, name=f"{source}:{name}")
        report.to_dict()
        return report

    seconds, report = _timed(analyze)
    shapes = inputs if isinstance(inputs[0], tuple) else (inputs,)
    # Not the model that was analysed: some of its tensors are real, and a plain
    # forward can't mix devices.
    forward = _forward(zoo.build(source, name).model.to("meta"), shapes)
    bare, _ = _timed(forward)
    # The first run of either warms caches, so the fast ones are run again, in
    # turns, and the best of each counts.
    if max(seconds, bare) < _REPEAT_BELOW_SECONDS:
        for _ in range(2):
            seconds = min(seconds, _timed(analyze)[0])
            bare = min(bare, _timed(forward)[0])
    return described(
        report,
        model=f"{source}:{name}",
        family=zoo.family(source, name),
        modules=dict(model.named_modules()),
        shapes=shapes,
        seconds=seconds,
        ratio=seconds / bare,
    )


def described(
    report: Report,
    *,
    model: str,
    family: str,
    modules: Container[str],
    shapes: Any,
    seconds: float,
    ratio: float,
) -> Row:
    """Put a report into a row."""
    layer = output_layer(report, modules)
    of_inputs = list(layer.fields.values())
    return Row(
        model=model,
        family=f"{model.partition(':')[0]}/{family}",
        status="ok",
        input=";".join("x".join(map(str, shape)) for shape in shapes),
        layers=str(len(report.layers)),
        output=layer.name,
        field=_joined(of_inputs, lambda field: _axes(field.size)),
        stride=_joined(of_inputs, lambda field: _axes(field.stride)),
        narrowest=_joined(of_inputs, lambda field: _axes(field.narrowest)),
        context="yes" if layer.context else "no",
        exact="no" if report.bounds else "yes",
        bounds=" ".join(_counted([bound.operator for bound in report.bounds])),
        seconds=f"{seconds:.4f}",
        ratio=f"{ratio:.2f}",
    )


def output_layer(report: Report, modules: Container[str]) -> Layer:
    """Choose the layer whose field stands for the network.

    A classifier's own output reads the whole image, which says nothing about
    it. So this is the network's output where that reads a part of the input
    along some axis (segmentation, detection), and otherwise the output of the
    last module that does: the map before global pooling, or before the first
    attention over everything. Modules only, because the scores inside an
    attention read a part too, two positions each, and are no map. Of modules
    that end at once, a stage and its last block, the outermost counts.

    Args:
        report: of the network.
        modules: paths of its modules.
    """
    output = report.output
    if _has_window(output):
        return output
    ends = {layer.name: index for index, layer in enumerate(report.layers)}
    for container in report.containers:
        inside = f"{container.name}."
        # Where it is called again, only the first call is inside by name.
        ends[container.name] = max(
            (index for name, index in ends.items() if name.startswith(inside)), default=-1
        )
    found = [
        layer
        for layer in (*report.layers, *report.containers)
        if layer.name.partition("#")[0] in modules
        and (layer.container or not layer.movement)
        and _has_window(layer)
    ]
    # Shorter names last: the outermost of those that end at once.
    return max(found, key=lambda layer: (ends[layer.name], -len(layer.name)), default=output)


def _has_window(layer: Layer) -> bool:
    """Tell whether positions read a part of every input along some axis."""
    return bool(layer.fields) and all(
        not all(field.is_global) and all(field.size) for field in layer.fields.values()
    )


def _timed(call: Callable[[], Any]) -> tuple[float, Any]:
    # Processor time, of which a single thread uses as much as of any other,
    # but what else the machine does over the hours of a run doesn't count.
    begin = time.process_time()
    result = call()
    return time.process_time() - begin, result


def _forward(model: Any, shapes: Any) -> Callable[[], Any]:
    """Make the bare forward pass on the meta device that analysis is compared with."""
    import torch

    inputs = [torch.empty(shape, device="meta") for shape in shapes]

    def forward() -> Any:
        with torch.no_grad():
            return model(*inputs)

    return forward


def _joined(of_inputs: list[Field], show: Callable[[Field], str]) -> str:
    return ";".join(map(show, of_inputs))


def _axes(values: tuple[int | float | Fraction | None, ...]) -> str:
    return "x".join(_number(value) for value in values)


def _number(value: int | float | Fraction | None) -> str:
    if value is None:
        return "-"
    return "all" if value == math.inf else str(value)


def _counted(names: list[str]) -> list[str]:
    return [f"{name}({names.count(name)})" for name in dict.fromkeys(names)]
