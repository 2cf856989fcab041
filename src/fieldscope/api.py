"""The functions that users call."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fieldscope.errors import BoundError
from fieldscope.optional import require
from fieldscope.wording import counted

if TYPE_CHECKING:
    from fieldscope.analyses.layers import Report


def analyze(
    model: Callable[..., Any],
    inputs: Any = None,
    *,
    axes: Sequence[int] | Mapping[str, Any] | None = None,
    example: Any = None,
    strict: bool = False,
    fold_context: bool = False,
    name: str | None = None,
) -> Report:
    """Analyse the receptive field of every layer of a model.

    The model is run once on shapes, in eval mode, and left as it was found.

    Args:
        model: a `torch.nn.Module`, or any callable on tensors.
        inputs: a shape with batch such as (1, 3, 224, 224), a tensor of which the shape
            and type are taken, or a tuple (by position) or dict (by name) of several.
        axes: the spatial axes of the input, where they aren't all behind batch and
            channels: (1, 2) for channels-last, (1,) for (batch, time, features), a dict
            from name to axis to name them; for several inputs a dict by input.
        example: real inputs to run instead of shapes, for a forward that branches on
            values; the analysis then holds for the branch that they take.
        strict: raise an error that lists all operators without a lowering, instead of
            reporting a bound.
        fold_context: count what all positions read alike (squeeze-and-excitation, the
            statistics of norms) as part of the field.
        name: name of the model in the report.

    Returns:
        A report: `report["layer4"].size`, `.box((3, 3))`, `report.layers`.

    Raises:
        ModelError: the model fails on such inputs.
        InputError: the inputs or axes don't fit.
        TraceError: the forward depends on values; pass an example.
        BoundError: `strict`, and some operators have no lowering.
        MissingExtraError: PyTorch isn't installed.

    Example:
        >>> import torch
        >>> net = torch.nn.Sequential(torch.nn.Conv1d(1, 4, 5, stride=2), torch.nn.Conv1d(4, 1, 3))
        >>> report = analyze(net, (1, 1, 100))
        >>> report.output.size, report.output.stride
        ((9,), (2,))
    """
    require("torch", extra="torch", purpose="analysing PyTorch models")
    from fieldscope.analyses.assembly import report_of
    from fieldscope.frontends.torch.trace import trace
    from fieldscope.interpret import interpret
    from fieldscope.render import shown  # noqa: F401  # registers how reports show themselves

    with _collection_paused():
        traced = trace(model, inputs, axes=axes, example=example, name=name)
        keep = {one.value for one in (*traced.layers, *traced.containers, *traced.aliases)}
        keep.update(value for _, value in traced.outputs)
        interpretation = interpret(
            traced.graph,
            [one.spatial for one in traced.inputs],
            keep=keep,
            fold_context=fold_context,
        )
        report = report_of(traced, interpretation)
    if strict and report.bounds:
        raise BoundError(_listed(report))
    return report


@contextlib.contextmanager
def _collection_paused() -> Iterator[None]:
    """Put off the search for cyclic garbage.

    Among the millions of objects of a framework it can take longer than the analysis itself,
    which makes little garbage.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _listed(report: Report) -> str:
    places = counted(len(report.bounds), "operator")
    lines = [f"{places} of {report.model} without an exact lowering:"]
    for bound in report.bounds:
        place = f" ({bound.location})" if bound.location else ""
        lines.append(f"  {bound.operator} at {bound.where}{place}: {bound.reason}")
    lines.append("without strict, their results are bounds: every output reads every input")
    return "\n".join(lines)
