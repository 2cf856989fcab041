"""From a builder, or a file `.fsg`, to a trace."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from fieldscope.errors import InputError
from fieldscope.frontends.blame import displayed
from fieldscope.frontends.builder.builder import Builder
from fieldscope.frontends.builder.files import read
from fieldscope.frontends.inputs import Axes, Spec, channels_first, spatial_axes, specs
from fieldscope.frontends.layouts import by_windows
from fieldscope.graph.trace import Trace


def trace(
    model: Builder | str | os.PathLike[str],
    inputs: Any = None,
    *,
    axes: Axes = None,
    name: str | None = None,
) -> Trace:
    """The graph of a builder or of what a file holds.

    Args:
        model: a builder, or the path of a file.
        inputs: shapes as for `fieldscope.analyze`; a graph's can't be others than its own.
        axes: spatial axes of the inputs.
        name: name of the model in the report.

    Raises:
        GraphError: the file is damaged.
        InputError: the inputs or axes don't fit.
        ModelError: the network has no layers, or they don't fit such inputs.
    """
    found = model if isinstance(model, Builder) else read(model)
    if isinstance(found, Builder):
        return found.trace(inputs, axes=axes, name=name)
    graph = with_axes(_at(found, inputs, model), axes)
    return graph if name is None else replace(graph, model=name)


def _at(found: Trace, inputs: Any, model: Any) -> Trace:
    """A graph at the shapes that are asked for, which have to be its own."""
    if inputs is None:
        return found
    for name, spec in specs(inputs, [one.name for one in found.inputs]).items():
        own = next(one.shape for one in found.inputs if one.name == name)
        if spec.shape != own:
            raise InputError(
                f"{displayed(Path(model))} holds a graph whose input {name!r} has the shape {own}, "
                f"and {spec.shape} is asked for\nshapes are fixed in a graph: save the model again "
                "at the other one, or the calls of a fieldscope.Builder"
            )
    return found


def with_axes(found: Trace, axes: Axes) -> Trace:
    """A graph with the spatial axes that the user says, or that windows slide over.

    Raises:
        InputError: no input has spatial axes, or `axes` doesn't fit.
    """
    if axes is None and any(one.spatial for one in found.inputs):
        return found
    given = {one.name: Spec(one.shape) for one in found.inputs}
    spatial = spatial_axes(given, axes, by_windows(found.graph, list(given), channels_first))
    return replace(
        found,
        inputs=tuple(
            replace(one, spatial=spatial[one.name][0], axes=spatial[one.name][1])
            for one in found.inputs
        ),
    )
