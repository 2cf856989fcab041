"""Networks as files, which need no framework to be analysed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import os

    from fieldscope.analyses.layers import Report
    from fieldscope.api.analysis import Model
    from fieldscope.frontends.builder import Builder
    from fieldscope.frontends.builder.files import Form
    from fieldscope.graph.trace import Trace


def save(
    model: Model | Report,
    path: str | os.PathLike[str],
    inputs: Any = None,
    *,
    form: Form | None = None,
    axes: Sequence[int] | Mapping[str, Any] | None = None,
    example: Any = None,
) -> None:
    """Save the graph of a model, or the description of a network, to a file `.fsg`.

    The file holds shapes and names, no weights and no code. Every function and command analyses
    it as the model itself, without its framework. A `Builder` is saved as its calls, which can be
    analysed at any input; any other model as its graph, whose shapes are those it was traced at.

    Args:
        model: a `Builder`, a report, or a model as for `analyze`.
        path: a file that ends in .fsg.
        inputs: the shape of the input with batch, as for `analyze`; none for a report.
        form: "calls" (of a builder, as JSON), "text" (a line per node and name) or "json" (the
            same as JSON); by default calls for a builder and text for others.
        axes: the spatial axes of the input; see `analyze`.
        example: real inputs to run instead of shapes; see `analyze`.

    Raises:
        InputError: the file can't be written, or the form or inputs don't fit.
        ModelError: the model fails on such inputs.
        TraceError: the forward depends on values; pass an example.
        MissingExtraError: the model's framework isn't installed.

    Example:
        >>> import tempfile, torch, fieldscope
        >>> report = fieldscope.analyze(torch.nn.Conv2d(3, 8, 5), (1, 3, 32, 32))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save(report, f"{folder}/net.fsg")
        ...     fieldscope.analyze(f"{folder}/net.fsg").output.size
        (5, 5)
    """
    from fieldscope.analyses.costs import trace_of
    from fieldscope.analyses.layers import Report
    from fieldscope.api.analysis import _reported
    from fieldscope.frontends.builder import Builder
    from fieldscope.frontends.builder.files import check, write

    check(path, form, calls=isinstance(model, Builder))
    if isinstance(model, Builder) and inputs is None and axes is None and example is None:
        write(path, model, form)
        return
    if isinstance(model, Report):
        write(path, trace_of(_reported(model, inputs, axes=axes, example=example)), form)
        return
    from fieldscope.frontends.dispatch import traced

    write(path, traced(model, inputs, axes=axes, example=example), form)


def load(path: str | os.PathLike[str]) -> Builder | Trace:
    """Load what a file `.fsg` holds; nothing in it is executed.

    Returns:
        A `Builder` to go on with, where the file holds one's calls; else a trace, the graph with
        its names. `analyze` and every other function take both.

    Raises:
        GraphError: the file is damaged, or of another form; the message tells the line.
        InputError: the file can't be read, or is too large.

    Example:
        >>> import tempfile, fieldscope
        >>> b = fieldscope.Builder("net")
        >>> _ = b.conv(b.input((1, 3, 32, 32)), 5, name="stem")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save(b, f"{folder}/net.fsg")
        ...     b = load(f"{folder}/net.fsg")
        >>> fieldscope.analyze(b, (1, 3, 64, 64)).output.shape
        (1, 3, 60, 60)
    """
    from fieldscope.frontends.builder import Builder
    from fieldscope.frontends.builder.files import read
    from fieldscope.frontends.builder.trace import with_axes

    found = read(path)
    return found if isinstance(found, Builder) else with_axes(found, None)
